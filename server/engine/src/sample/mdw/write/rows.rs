use std::fmt::Write as _;

use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _};
use shared::connection::Engine;
use tokio::sync::mpsc;

use super::Part;
use crate::sample::mdw::schema::{self, Kind, Table};

/// As much text goes to the database at once.
const FULL: usize = 256 << 10;

/// The database takes no more rows.
#[derive(Debug)]
pub(in crate::sample::mdw) struct Stopped;

/// Takes rows value by value, in the order of the table's columns, and hands them on in bulk.
pub(in crate::sample::mdw) struct Rows {
    form: Form,
    sender: mpsc::Sender<Part>,
    buffer: String,
    table: Option<&'static Table>,
    column: usize,
    counts: Vec<(String, u64)>,
}

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The text format of PostgreSQL's `copy`.
    Copy,
    /// Literals of an `insert`, for MySQL without backslash escapes.
    Mysql,
    /// Literals of an `insert`.
    Sqlite,
}

impl Rows {
    pub(super) fn new(engine: Engine, sender: mpsc::Sender<Part>) -> Self {
        let form = match engine {
            Engine::Postgres => Form::Copy,
            Engine::Mysql => Form::Mysql,
            Engine::Sqlite | Engine::Csv => Form::Sqlite,
        };
        let buffer = String::with_capacity(FULL + (FULL >> 3));
        Self { form, sender, buffer, table: None, column: 0, counts: Vec::new() }
    }

    /// The rows that follow belong to this table.
    pub(in crate::sample::mdw) fn begin(&mut self, table: &str) -> Result<(), Stopped> {
        self.flush()?;
        let table = schema::table(table);
        self.table = Some(table);
        self.counts.push((table.name.to_owned(), 0));
        self.sender.blocking_send(Part::Table(table)).map_err(|_| Stopped)
    }

    /// How many rows each table got, in the order in which they were begun.
    pub(in crate::sample::mdw) fn counts(&self) -> Vec<(String, u64)> {
        self.counts.clone()
    }

    pub(in crate::sample::mdw) fn int(&mut self, value: impl Into<i64>) -> &mut Self {
        self.next(|kind| matches!(kind, Kind::Serial | Kind::Int | Kind::BigInt));
        let _ = write!(self.buffer, "{}", value.into());
        self
    }

    pub(in crate::sample::mdw) fn text(&mut self, value: &str) -> &mut Self {
        self.next(|kind| matches!(kind, Kind::Varchar(_) | Kind::Text));
        match self.form {
            Form::Copy => {
                for c in value.chars() {
                    match c {
                        '\\' => self.buffer.push_str("\\\\"),
                        '\t' => self.buffer.push_str("\\t"),
                        '\n' => self.buffer.push_str("\\n"),
                        '\r' => self.buffer.push_str("\\r"),
                        c => self.buffer.push(c),
                    }
                }
            }
            Form::Mysql | Form::Sqlite => {
                self.buffer.push('\'');
                for c in value.chars() {
                    if c == '\'' {
                        self.buffer.push('\'');
                    }
                    self.buffer.push(c);
                }
                self.buffer.push('\'');
            }
        }
        self
    }

    pub(in crate::sample::mdw) fn flag(&mut self, value: bool) -> &mut Self {
        self.next(|kind| kind == Kind::Bool);
        self.buffer.push_str(match (self.form, value) {
            (Form::Copy, true) => "t",
            (Form::Copy, false) => "f",
            (_, true) => "1",
            (_, false) => "0",
        });
        self
    }

    /// An amount in hundredths.
    pub(in crate::sample::mdw) fn cents(&mut self, value: i64) -> &mut Self {
        self.decimal(value, 2)
    }

    /// A number in units of its last digit.
    pub(in crate::sample::mdw) fn decimal(&mut self, units: i64, scale: u8) -> &mut Self {
        self.next(|kind| matches!(kind, Kind::Numeric(..)));
        let one = 10_u64.pow(u32::from(scale));
        let (sign, units) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
        let width = usize::from(scale);
        let _ = write!(self.buffer, "{sign}{}.{:0width$}", units / one, units % one);
        self
    }

    /// Days since 1970-01-01.
    pub(in crate::sample::mdw) fn date(&mut self, day: NaiveDate) -> &mut Self {
        self.next(|kind| kind == Kind::Date);
        self.quoted(|buffer| {
            let _ = write!(buffer, "{:04}-{:02}-{:02}", day.year(), day.month(), day.day());
        })
    }

    /// Microseconds since 1970-01-01 00:00:00 UTC.
    pub(in crate::sample::mdw) fn time(&mut self, micros: i64) -> &mut Self {
        self.next(|kind| kind == Kind::TimestampTz);
        let zone = match self.form {
            Form::Copy => "+00",
            Form::Mysql => "",
            Form::Sqlite => "+00:00",
        };
        let at = DateTime::from_timestamp_micros(micros).expect("a year between 1900 and 2100");
        self.quoted(|buffer| {
            let _ = write!(
                buffer,
                "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}{zone}",
                at.year(),
                at.month(),
                at.day(),
                at.hour(),
                at.minute(),
                at.second(),
                at.nanosecond() / 1000
            );
        })
    }

    pub(in crate::sample::mdw) fn uuid(&mut self, value: [u8; 16]) -> &mut Self {
        self.next(|kind| kind == Kind::Uuid);
        self.quoted(|buffer| {
            let _ = write!(buffer, "{}", uuid::Uuid::from_bytes(value).as_hyphenated());
        })
    }

    pub(in crate::sample::mdw) fn null(&mut self) -> &mut Self {
        self.next(|_| true);
        self.buffer.push_str(if self.form == Form::Copy { "\\N" } else { "null" });
        self
    }

    pub(in crate::sample::mdw) fn int_or_null(
        &mut self,
        value: Option<impl Into<i64>>,
    ) -> &mut Self {
        match value {
            Some(value) => self.int(value),
            None => self.null(),
        }
    }

    pub(in crate::sample::mdw) fn text_or_null(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    pub(in crate::sample::mdw) fn flag_or_null(&mut self, value: Option<bool>) -> &mut Self {
        match value {
            Some(value) => self.flag(value),
            None => self.null(),
        }
    }

    pub(in crate::sample::mdw) fn cents_or_null(&mut self, value: Option<i64>) -> &mut Self {
        match value {
            Some(value) => self.cents(value),
            None => self.null(),
        }
    }

    pub(in crate::sample::mdw) fn date_or_null(&mut self, value: Option<NaiveDate>) -> &mut Self {
        match value {
            Some(value) => self.date(value),
            None => self.null(),
        }
    }

    pub(in crate::sample::mdw) fn time_or_null(&mut self, value: Option<i64>) -> &mut Self {
        match value {
            Some(value) => self.time(value),
            None => self.null(),
        }
    }

    /// The row is complete.
    pub(in crate::sample::mdw) fn end(&mut self) -> Result<(), Stopped> {
        let table = self.table.expect("rows belong to a table");
        assert_eq!(self.column, table.columns.len(), "the row of {} is not complete", table.name);
        self.column = 0;
        self.buffer.push_str(if self.form == Form::Copy { "\n" } else { ")" });
        if let Some((_, count)) = self.counts.last_mut() {
            *count += 1;
        }
        if self.buffer.len() >= FULL { self.flush() } else { Ok(()) }
    }

    /// That was all.
    pub(super) fn done(&mut self) -> Result<(), Stopped> {
        self.flush()?;
        self.sender.blocking_send(Part::Done).map_err(|_| Stopped)
    }

    /// Hands over what is held.
    fn flush(&mut self) -> Result<(), Stopped> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let empty = String::with_capacity(FULL + (FULL >> 3));
        let full = std::mem::replace(&mut self.buffer, empty);
        self.sender.blocking_send(Part::Rows(full)).map_err(|_| Stopped)
    }

    /// Writes what stands before the next value.
    fn next(&mut self, fits: impl FnOnce(Kind) -> bool) {
        let table = self.table.expect("rows belong to a table");
        if self.column > 0 {
            self.buffer.push(if self.form == Form::Copy { '\t' } else { ',' });
        } else if self.form != Form::Copy {
            if self.buffer.is_empty() {
                let _ = write!(self.buffer, "insert into {} values (", table.name);
            } else {
                self.buffer.push_str(",(");
            }
        }
        let column = &table.columns[self.column];
        debug_assert!(fits(column.kind), "{}.{} takes another type", table.name, column.name);
        self.column += 1;
    }

    fn quoted(&mut self, write: impl FnOnce(&mut String)) -> &mut Self {
        let quote = if self.form == Form::Copy { "" } else { "'" };
        self.buffer.push_str(quote);
        write(&mut self.buffer);
        self.buffer.push_str(quote);
        self
    }
}
