//! Turns what a database says into an error with a code, and keeps its values out of it.

use std::error::Error as StdError;
use std::{fmt, io};

use shared::error_code::ErrorCode;
use sqlx::mysql::MySqlDatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

use crate::error::EngineError;

/// What a database said when it refused, without values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `SQLSTATE`, or the engine's own number.
    pub code: String,
    /// What it means to us.
    pub error_code: ErrorCode,
    /// The engine's message, where its kind is known to name no values.
    pub message: Option<String>,
    pub table: Option<String>,
    pub column: Option<String>,
    pub constraint: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{message} ({})", self.code)?,
            None => write!(f, "the database answered with code {}", self.code)?,
        }
        if self.message.is_none() {
            let parts = [
                ("constraint", &self.constraint),
                ("column", &self.column),
                ("table", &self.table),
            ];
            for (what, name) in parts {
                if let Some(name) = name {
                    write!(f, ", {what} `{name}`")?;
                }
            }
        }
        Ok(())
    }
}

impl StdError for Refusal {}

/// The error that a failure on an open connection amounts to. `doing` completes the sentence
/// "it failed while …". Values of rows stay out of it, whatever the database wrote.
pub fn classify(error: sqlx::Error, doing: impl Into<String>) -> EngineError {
    let doing = doing.into();
    if let Some(refusal) = refusal(&error) {
        return EngineError::new(refusal.error_code, doing).because(refusal);
    }
    match error {
        sqlx::Error::Configuration(cause) => {
            EngineError::new(ErrorCode::Conn006, doing).because(cause)
        }
        sqlx::Error::Io(cause) => EngineError::new(code_of_io(&cause), doing).because(cause),
        sqlx::Error::Tls(cause) => EngineError::new(ErrorCode::Conn007, doing).because(cause),
        sqlx::Error::PoolTimedOut => {
            EngineError::new(ErrorCode::Conn001, doing).because("no connection became free in time")
        }
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            EngineError::new(ErrorCode::Conn005, doing).because("the connection is closed")
        }
        sqlx::Error::Protocol(_) => EngineError::new(ErrorCode::Conn005, doing)
            .because("the server sent what its protocol does not know"),
        sqlx::Error::RowNotFound => EngineError::new(ErrorCode::Sys001, doing)
            .because("the database gave no row where there is always one"),
        sqlx::Error::ColumnNotFound(name) => EngineError::new(ErrorCode::Sys001, doing)
            .because(format!("the answer has no column `{name}`")),
        sqlx::Error::ColumnDecode { index, .. } => EngineError::new(ErrorCode::Sys001, doing)
            .because(format!("column {index} of the answer has another type than expected")),
        // What else there is may quote what it choked on.
        _ => EngineError::new(ErrorCode::Sys001, doing).because("the driver failed"),
    }
}

/// The same for a connection that is being made: what then breaks was never reached.
pub fn classify_connecting(error: sqlx::Error, doing: impl Into<String>) -> EngineError {
    let doing = doing.into();
    match error {
        sqlx::Error::Io(cause) => EngineError::new(ErrorCode::Conn001, doing).because(cause),
        sqlx::Error::Protocol(_) => EngineError::new(ErrorCode::Conn001, doing)
            .because("what answers there speaks another protocol"),
        other => classify(other, doing),
    }
}

/// What the database itself said; none when the failure is not of its making.
pub fn refusal(error: &sqlx::Error) -> Option<Refusal> {
    let error = error.as_database_error()?;
    if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        return Some(of_postgres(error));
    }
    if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        return Some(of_mysql(error.number(), error.message()));
    }
    if let Some(error) = error.try_downcast_ref::<SqliteError>() {
        let code = sqlx::error::DatabaseError::code(error)?.parse().ok()?;
        return Some(of_sqlite(code, sqlx::error::DatabaseError::message(error)));
    }
    None
}

/// What SQLite's extended result code means.
pub(crate) fn of_sqlite(code: i32, message: &str) -> Refusal {
    use ErrorCode::{
        Conn004, Conn008, Data001, Data004, Data008, Data009, Data010, Data015, Load003, Load041,
        Map002, Map006, Sys001,
    };
    let error_code = match (code, code & 0xff) {
        (1811, _) => Data015,
        (1555 | 2067 | 2579, _) => Data009,
        (1299, _) => Data004,
        (787, _) => Data008,
        (275, _) => Data010,
        (3091, _) => Data001,
        (_, 3 | 8 | 23) => Conn004,
        (_, 5 | 6) => Load041,
        (_, 13) => Load003,
        (_, 10 | 11 | 14 | 26) => Conn008,
        (_, 1) if message.starts_with("no such ") => Map002,
        (_, 1) if message.contains("syntax error") => Map006,
        (_, 19 | 20) => Data015,
        _ => Sys001,
    };
    // Messages of statements (1) and of triggers (1811) may quote what they are about.
    let kept = match (code, code & 0xff) {
        (1811, _) => false,
        (_, 1) => message.starts_with("no such "),
        _ => true,
    };
    Refusal {
        code: code.to_string(),
        error_code,
        message: kept.then(|| message.to_owned()),
        table: None,
        column: None,
        constraint: None,
    }
}

fn of_postgres(error: &PgDatabaseError) -> Refusal {
    let state = error.code();
    Refusal {
        code: state.to_owned(),
        error_code: code_of_postgres(state),
        message: postgres_names_no_value(state).then(|| error.message().to_owned()),
        table: error.table().map(str::to_owned),
        column: error.column().map(str::to_owned),
        constraint: error.constraint().map(str::to_owned),
    }
}

fn code_of_postgres(state: &str) -> ErrorCode {
    use ErrorCode::{
        Conn001, Conn002, Conn003, Conn004, Conn005, Data001, Data002, Data003, Data004, Data005,
        Data008, Data009, Data010, Data014, Data015, Load002, Load003, Load041, Load042, Map002,
        Map006, Sys001,
    };
    match state {
        "28000" | "28P01" => Conn002,
        "3D000" => Conn003,
        "42501" | "25006" => Conn004,
        "57P03" | "53300" => Conn001,
        "57P01" | "57P02" | "57P05" | "25P03" | "25P04" => Conn005,
        "53100" => Load003,
        "22001" => Data003,
        "22003" | "22008" | "22009" => Data002,
        "22021" | "22P05" => Data005,
        "22007" | "22P02" | "22P03" | "42804" => Data001,
        "22015" => Data014,
        "23502" | "22004" => Data004,
        "23503" => Data008,
        "23505" | "23P01" => Data009,
        "23514" => Data010,
        "42P01" | "42703" | "3F000" | "42704" => Map002,
        "42601" | "42883" | "42702" | "42803" => Map006,
        "55P03" => Load041,
        "57014" => Load042,
        _ if state.starts_with("08") => Conn005,
        _ if state.starts_with("40") => Load041,
        _ if state.starts_with("53") => Load002,
        _ if state.starts_with("22") || state.starts_with("23") || state.starts_with("P0") => {
            Data015
        }
        _ if state.starts_with("42") || state.starts_with("0A") => Map006,
        _ => Sys001,
    }
}

/// Messages of these states are made of names: of users, databases, tables, columns, constraints
/// and files. All others may quote a value or a statement.
fn postgres_names_no_value(state: &str) -> bool {
    matches!(
        state,
        "28000"
            | "28P01"
            | "3D000"
            | "3F000"
            | "42501"
            | "25006"
            | "42P01"
            | "42703"
            | "42704"
            | "22001"
            | "23502"
            | "23503"
            | "23505"
            | "23514"
            | "23P01"
            | "55P03"
            | "55006"
            | "57014"
            | "25P03"
            | "42P07"
            | "42710"
            | "42P06"
    ) || ["08", "40", "53", "57P", "58"].iter().any(|class| state.starts_with(class))
}

/// What MySQL's error number means.
fn of_mysql(number: u16, message: &str) -> Refusal {
    use ErrorCode::{
        Conn001, Conn002, Conn003, Conn004, Conn005, Conn007, Load002, Load003, Load008, Load041,
        Load042, Map002, Map006, Sys001,
    };
    let error_code = match number {
        1045 | 1698 | 1130 | 1862 | 3118 | 4151 => Conn002,
        1049 => Conn003,
        1044 | 1142 | 1143 | 1227 | 1370 | 1290 | 1792 | 1836 => Conn004,
        1040 | 1203 | 1226 => Conn001,
        1053 | 1077 | 1078 | 1079 | 1152 | 1158..=1161 | 1927 | 2006 | 2013 | 4031 => Conn005,
        // Ended by a time limit, or by somebody.
        1317 | 1969 | 3024 => Load042,
        3159 => Conn007,
        1054 | 1051 | 1146 => Map002,
        1064 | 1305 | 1630 | 1052 => Map006,
        1021 | 1114 => Load003,
        1205 | 1213 => Load041,
        1041 | 1037 | 1038 => Load002,
        1412 => Load008,
        _ => Sys001,
    };
    let kept = error_code != Sys001 && error_code != Map006;
    Refusal {
        code: number.to_string(),
        error_code,
        message: kept.then(|| message.to_owned()),
        table: None,
        column: None,
        constraint: None,
    }
}

fn code_of_io(error: &io::Error) -> ErrorCode {
    match error.kind() {
        io::ErrorKind::StorageFull => ErrorCode::Load003,
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable => ErrorCode::Conn001,
        _ => ErrorCode::Conn005,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_may_quote_a_value_is_left_out() {
        assert!(!postgres_names_no_value("22P02"));
        assert!(!postgres_names_no_value("22003"));
        assert!(!postgres_names_no_value("P0001"));
        assert!(!postgres_names_no_value("42601"));

        let trigger = of_sqlite(1811, "Ann Example may not leave");
        assert_eq!(trigger.to_string(), "the database answered with code 1811");
        assert_eq!(of_mysql(1064, "near 'Ann Example'").message, None);
    }

    #[test]
    fn a_lost_connection_is_told_from_one_that_was_never_made() {
        let broken = || sqlx::Error::Io(io::ErrorKind::ConnectionReset.into());

        assert_eq!(classify(broken(), "reading").code(), ErrorCode::Conn005);
        assert_eq!(classify_connecting(broken(), "reaching").code(), ErrorCode::Conn001);
    }
}
