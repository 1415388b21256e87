//! PostgreSQL as a target: binary COPY, and text COPY where a type has no binary form.

mod conditions;
mod refusals;

use shared::assessment::Catalog;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use std::collections::BTreeSet;
use std::ops::Range;

use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use self::conditions::{Conditions, Known};
use self::refusals::Refusals;
use super::mark::HELD;
use super::{LoadTable, Param, Piece, Refused, Session, Target, claim, encode};
use crate::assess::catalog;
use crate::connect::{classify, target};
use crate::error::Result;
use crate::ident;
use crate::value::{Packed, Value};

/// "transfuse", so that nobody else's advisory lock is met.
const LOCK: i64 = 0x7472_616e_7366_7573;
/// Shared by the verifications under way.
const VERIFICATIONS: i64 = LOCK + 1;

#[derive(Debug, Clone)]
pub struct PostgresTarget {
    url: String,
}

impl PostgresTarget {
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into() }
    }
}

impl Target for PostgresTarget {
    type Session = PostgresSession;
    type Onlooker = PostgresSession;

    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    async fn session(&self) -> Result<PostgresSession> {
        let connection = target::postgres(&self.url).await?;
        Ok(PostgresSession {
            connection,
            transactions: BTreeSet::new(),
            refusals: Refusals::default(),
        })
    }

    async fn onlooker(&self) -> Result<PostgresSession> {
        self.session().await
    }

    async fn lock(&self) -> Result<Option<Box<dyn Send>>> {
        self.try_lock(LOCK).await
    }

    async fn lock_verifications(&self) -> Result<Option<Box<dyn Send>>> {
        self.try_lock(VERIFICATIONS).await
    }

    async fn join_verifications(&self) -> Result<Box<dyn Send>> {
        let mut session = self.session().await?;
        // It writes nothing that anybody would wait for.
        claim::name_session(&mut session, "transfuse").await?;
        let lock = "select pg_advisory_lock_shared($1)::text";
        session.fetch(lock, &[Param::Int(VERIFICATIONS)]).await?;
        Ok(Box::new(session))
    }
}

impl PostgresTarget {
    async fn try_lock(&self, lock: i64) -> Result<Option<Box<dyn Send>>> {
        let mut session = self.session().await?;
        let taken =
            session.fetch("select pg_try_advisory_lock($1)::text", &[Param::Int(lock)]).await?;
        let taken = taken.first().and_then(|row| row.first()?.as_deref().map(|t| t == "true"));
        // The lock is the session's: it ends with the connection, however that ends.
        Ok((taken == Some(true)).then(|| Box::new(session) as Box<dyn Send>))
    }
}

pub struct PostgresSession {
    connection: PgConnection,
    /// Savepoints are transactions within the open one, with numbers of their own: rows bear them.
    transactions: BTreeSet<u32>,
    refusals: Refusals,
}

impl PostgresSession {
    /// Ends the connection in good order.
    pub async fn close(self) -> Result<()> {
        self.connection.close().await.map_err(|error| classify(error, "closing the target"))
    }

    /// Sends some rows of a piece. The number is how many of them the server took.
    async fn copy(
        &mut self,
        statement: &str,
        piece: &PostgresPiece,
        parts: &[Range<usize>],
    ) -> Result<u64, sqlx::Error> {
        let mut copy = self.connection.copy_in_raw(statement).await?;
        let (head, end) =
            if piece.binary { (BINARY_HEADER, BINARY_END) } else { (&[][..], &[][..]) };
        let sent = async {
            // What is small goes out together.
            let mut together = head.to_vec();
            for part in parts {
                for bytes in piece.slice(part).chunks(BYTES_A_MESSAGE) {
                    if together.len() + bytes.len() > BYTES_A_MESSAGE {
                        copy.send(together.as_slice()).await?;
                        together.clear();
                    }
                    if bytes.len() == BYTES_A_MESSAGE {
                        copy.send(bytes).await?;
                    } else {
                        together.extend_from_slice(bytes);
                    }
                }
            }
            together.extend_from_slice(end);
            copy.send(together.as_slice()).await.map(drop)
        }
        .await;
        match sent {
            Ok(()) => copy.finish().await,
            Err(error) => {
                // The connection must not stay in the middle of a COPY.
                let _ = copy.abort("the rows could not be sent").await;
                Err(error)
            }
        }
    }
}

impl PostgresSession {
    /// Asks the conditions of the table of all rows of a piece, and names the rows that break one.
    /// Others may still be refused. Leaves everything as it was at the savepoint of the piece.
    async fn ask(&mut self, table: &LoadTable, piece: &PostgresPiece) -> Result<Vec<Refused>> {
        let mut known = std::mem::take(&mut self.refusals.conditions);
        if matches!(known, Known::Nothing) {
            let answer = self.fetch(&conditions::question(&table.name), &[]).await?;
            known = Conditions::of(table, answer);
        }
        let Known::Them(conditions) = known else {
            self.refusals.conditions = known;
            return Ok(Vec::new());
        };
        let broken = self.find_broken(&conditions, table, piece).await;
        self.run_script("rollback to savepoint transfuse_piece").await?;
        match broken {
            Ok(broken) => {
                self.refusals.asked(broken.len());
                self.refusals.conditions = Known::Them(conditions);
                Ok(broken)
            }
            // What cannot be asked of a row that is not in the table yet is not asked again.
            Err(error) if is_of_the_question(&error) => {
                self.refusals.conditions = Known::Unusable;
                Ok(Vec::new())
            }
            Err(error) => Err(classify(error, format!("asking the conditions of {}", table.name))),
        }
    }

    /// Sends the rows of a piece to a table of the session's own, which keeps only those that break a
    /// condition, with their places.
    async fn find_broken(
        &mut self,
        conditions: &Conditions,
        table: &LoadTable,
        piece: &PostgresPiece,
    ) -> Result<Vec<Refused>, sqlx::Error> {
        let name = ident::quote_table(Engine::Postgres, &table.name);
        let made = format!(
            "create temp table transfuse_broken as select {} from {name} with no data;
             alter table pg_temp.transfuse_broken
               add transfuse_place integer generated always as identity",
            columns(table)
        );
        sqlx::raw_sql(AssertSqlSafe(made)).execute(&mut self.connection).await?;
        let statement = piece.statement("pg_temp.transfuse_broken", table);
        let statement = format!("{statement} where {}", conditions.any_broken());
        if self.copy(&statement, piece, &[piece.all()]).await? == 0 {
            return Ok(Vec::new());
        }
        let found = format!(
            "select transfuse_place - 1, {} from pg_temp.transfuse_broken order by 1",
            conditions.first_broken()
        );
        let found: Vec<(i32, i32)> = sqlx::query_as(AssertSqlSafe(found))
            .persistent(false)
            .fetch_all(&mut self.connection)
            .await?;
        let refuse = |(index, place)| {
            let fault = conditions.fault(usize::try_from(place).ok()?)?;
            Some(fault.refuse(usize::try_from(index).ok()?))
        };
        Ok(found.into_iter().filter_map(refuse).collect())
    }
}

/// The columns that a table's rows come with.
fn columns(table: &LoadTable) -> String {
    ident::quote_list(Engine::Postgres, table.columns.iter().map(|column| &column.name))
}

/// Whether a failure is due to what was asked, or to a row that it was asked of.
fn is_of_the_question(error: &sqlx::Error) -> bool {
    // The last is an error within the server: PostgreSQL 15 has one in `COPY … WHERE` with a `not`.
    const CLASSES: [&str; 6] = ["0A", "22", "23", "42", "P0", "XX"];
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| CLASSES.iter().any(|class| code.starts_with(class)))
}

impl Session for PostgresSession {
    type Piece = PostgresPiece;

    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    async fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        bind(sql, params)
            .execute(&mut self.connection)
            .await
            .map(|done| done.rows_affected())
            .map_err(|error| classify(error, "running a statement in the target"))
    }

    async fn run_script(&mut self, sql: &str) -> Result<()> {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut self.connection)
            .await
            .map(drop)
            .map_err(|error| classify(error, "running a statement in the target"))
    }

    async fn fetch(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Vec<Option<String>>>> {
        let rows = bind(sql, params)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| classify(error, "asking the target"))?;
        rows.iter()
            .map(|row| {
                (0..row.len())
                    .map(|column| row.try_get::<Option<String>, _>(column))
                    .collect::<Result<_, _>>()
                    .map_err(|error| classify(error, "reading the target's answer"))
            })
            .collect()
    }

    async fn fetch_bytes(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Option<Vec<u8>>> {
        let row = bind(sql, params)
            .fetch_optional(&mut self.connection)
            .await
            .map_err(|error| classify(error, "asking the target"))?;
        row.map(|row| row.try_get(0))
            .transpose()
            .map_err(|error| classify(error, "reading the target's answer"))
    }

    fn take_transactions(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.transactions).into_iter().collect()
    }

    async fn note_transaction(&mut self) -> Result<()> {
        let held = format!("select transactionid::text from pg_locks where {HELD}");
        let rows = self.fetch(&held, &[]).await?;
        let numbers = rows.into_iter().flatten().flatten();
        self.transactions.extend(numbers.filter_map(|number| number.parse::<u32>().ok()));
        Ok(())
    }

    async fn catalog(&mut self) -> Result<Catalog> {
        catalog::of_postgres(&mut self.connection).await
    }

    fn piece(&self, table: &LoadTable) -> PostgresPiece {
        PostgresPiece::of(table)
    }

    async fn write(&mut self, table: &LoadTable, piece: &PostgresPiece) -> Result<Vec<Refused>> {
        if piece.rows() == 0 {
            return Ok(Vec::new());
        }
        let statement = piece.statement(&ident::quote_table(Engine::Postgres, &table.name), table);
        self.refusals.of(table);
        self.run_script("savepoint transfuse_piece").await?;
        let mut is_asked = self.refusals.break_conditions_often();
        let mut refused = if is_asked { self.ask(table, piece).await? } else { Vec::new() };
        // Ranges still to be written, the next one last.
        let mut todo: Vec<Range<usize>> = vec![piece.all()];
        // What a refusal takes back: what went in before it stays.
        let mut since = "transfuse_piece";
        while let Some(mut rows) = todo.pop() {
            let at_once = self.refusals.rows_at_once();
            if rows.len() > at_once {
                todo.push(rows.start + at_once..rows.end);
                rows.end = rows.start + at_once;
            }
            let parts = between(&rows, refused.iter().map(|refused| refused.index));
            let count: usize = parts.iter().map(ExactSizeIterator::len).sum();
            if count == 0 {
                continue;
            }
            let fault = match self.copy(&statement, piece, &parts).await {
                Ok(written) if usize::try_from(written) == Ok(count) => {
                    self.refusals.went_in(count);
                    if !todo.is_empty() {
                        self.run_script("savepoint transfuse_rows").await?;
                        since = "transfuse_rows";
                    }
                    continue;
                }
                // A trigger that answers with nothing drops its row without an error.
                Ok(_) => Fault {
                    line: None,
                    code: ErrorCode::Data015,
                    column: None,
                    reason: "a trigger of the target dropped the row".to_owned(),
                },
                Err(error) => match row_fault(&error) {
                    Some(fault) => fault,
                    None => {
                        return Err(classify(error, format!("copying into {}", table.name)));
                    }
                },
            };
            self.run_script(&format!("rollback to savepoint {since}")).await?;
            let line = fault.line.and_then(|line| line.checked_sub(1));
            match line.and_then(|line| parts.iter().cloned().flatten().nth(line)) {
                Some(index) => {
                    self.refusals.refused_after(index - rows.start, &fault);
                    if !is_asked && self.refusals.break_conditions_often() {
                        self.run_script("rollback to savepoint transfuse_piece").await?;
                        since = "transfuse_piece";
                        is_asked = true;
                        refused = self.ask(table, piece).await?;
                        todo = vec![piece.all()];
                        continue;
                    }
                    insert(&mut refused, fault.refuse(index));
                    // The same rows again, without the one that is known now.
                    todo.push(rows);
                }
                None if count == 1 => insert(&mut refused, fault.refuse(parts[0].start)),
                None => {
                    let middle = rows.start + rows.len() / 2;
                    todo.push(middle..rows.end);
                    todo.push(rows.start..middle);
                }
            }
        }
        self.note_transaction().await?;
        self.run_script("release savepoint transfuse_piece").await?;
        Ok(refused)
    }
}

/// What is left of a range without some of its rows, which stand in order.
fn between(rows: &Range<usize>, without: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = rows.start;
    for index in without.filter(|index| rows.contains(index)) {
        parts.push(start..index);
        start = index + 1;
    }
    parts.push(start..rows.end);
    parts.retain(|part| !part.is_empty());
    parts
}

/// Keeps refused rows in order.
fn insert(refused: &mut Vec<Refused>, one: Refused) {
    let place = refused.partition_point(|other| other.index < one.index);
    refused.insert(place, one);
}

/// How much goes to the server in one message: enough to fill its buffers, and no more than is
/// soon forgotten.
const BYTES_A_MESSAGE: usize = 128 << 10;

const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const BINARY_END: &[u8] = &[0xff, 0xff];

/// Rows in the form of COPY, one after the other.
#[derive(Debug)]
pub struct PostgresPiece {
    binary: bool,
    types: Vec<shared::data_type::DataType>,
    rows: Packed,
}

impl PostgresPiece {
    /// An empty one for a table's rows.
    pub fn of(table: &LoadTable) -> Self {
        Self {
            binary: table.goes_binary(),
            types: table.columns.iter().map(|column| column.data_type.clone()).collect(),
            rows: Packed::default(),
        }
    }

    /// The statement that takes the rows into a table that has the columns.
    fn statement(&self, into: &str, table: &LoadTable) -> String {
        let format = if self.binary { "binary" } else { "text" };
        format!("copy {into} ({}) from stdin (format {format})", columns(table))
    }

    fn all(&self) -> Range<usize> {
        0..self.rows.rows()
    }

    fn slice(&self, rows: &Range<usize>) -> &[u8] {
        let ends = self.rows.ends();
        let start = rows.start.checked_sub(1).map_or(0, |before| ends[before]);
        &self.rows.content()[start..ends[rows.end - 1]]
    }
}

impl Piece for PostgresPiece {
    fn push(&mut self, row: &[Value<'_>]) -> Result<(), encode::Mismatch> {
        let (binary, types) = (self.binary, &self.types);
        self.rows.push_with(|bytes| {
            if binary {
                let count = i16::try_from(row.len()).map_err(|_| encode::Mismatch)?;
                bytes.extend(count.to_be_bytes());
                return row
                    .iter()
                    .zip(types)
                    .try_for_each(|(value, to)| encode::binary(value, to, bytes));
            }
            for (column, value) in row.iter().enumerate() {
                if column > 0 {
                    bytes.push(b'\t');
                }
                encode::text(value, bytes)?;
            }
            bytes.push(b'\n');
            Ok(())
        })
    }

    fn swap(&mut self, rows: &mut Packed) -> bool {
        if self.binary {
            std::mem::swap(&mut self.rows, rows);
        }
        self.binary
    }

    fn rows(&self) -> usize {
        self.rows.rows()
    }

    fn bytes(&self) -> usize {
        self.rows.content().len()
    }

    fn clear(&mut self) {
        self.rows.clear();
    }
}

/// What a row's refusal says, as far as it can be told without the row's values.
struct Fault {
    /// Counts from 1 within the COPY.
    line: Option<usize>,
    code: ErrorCode,
    column: Option<String>,
    reason: String,
}

impl Fault {
    /// Whether the row can be told by itself to be refused.
    const fn is_of_a_condition(&self) -> bool {
        matches!(self.code, ErrorCode::Data004 | ErrorCode::Data010)
    }

    fn refuse(self, index: usize) -> Refused {
        Refused { index, code: self.code, column: self.column, reason: self.reason }
    }
}

const NO_NULL: &str = "the column takes no null";

fn broken_constraint(name: &str) -> String {
    format!("constraint {name}")
}

/// None when the failure is not one row's.
fn row_fault(error: &sqlx::Error) -> Option<Fault> {
    let database = error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?;
    let constraint = || {
        let name = database.constraint();
        name.map_or_else(|| "the row breaks a condition".to_owned(), broken_constraint)
    };
    let (code, reason) = match database.code() {
        "23502" => (ErrorCode::Data004, NO_NULL.to_owned()),
        "23503" => (ErrorCode::Data008, constraint()),
        "23505" | "23P01" => (ErrorCode::Data009, constraint()),
        "23514" => (ErrorCode::Data010, constraint()),
        "22001" => (ErrorCode::Data003, "the text is too long for the column".to_owned()),
        "22003" | "22008" | "22015" => {
            (ErrorCode::Data002, "the value is out of the column's range".to_owned())
        }
        "22021" | "22P05" => {
            (ErrorCode::Data007, "the text is not valid in the target's encoding".to_owned())
        }
        // The message of an exception that a trigger raises may carry values: it is not kept.
        code if code.starts_with("P0") => (ErrorCode::Data015, format!("a trigger raised {code}")),
        "42501" => (ErrorCode::Data015, "a policy of the target refuses the row".to_owned()),
        code if code.starts_with("22") => {
            (ErrorCode::Data001, format!("the target cannot read the value ({code})"))
        }
        code if code.starts_with("23") => (ErrorCode::Data010, constraint()),
        _ => return None,
    };
    // A missing right to the whole table is not a row's fault; a policy names no line either.
    if database.code() == "42501" && !database.message().contains("row-level security") {
        return None;
    }
    let (line, column) = database.r#where().map(place).unwrap_or_default();
    let column = database.column().map(str::to_owned).or(column);
    Some(Fault { line, code, column, reason })
}

/// Line and column out of `COPY patients, line 3, column born: "…"`. The rest is a value.
fn place(context: &str) -> (Option<usize>, Option<String>) {
    let Some(copy) = context.lines().find(|line| line.starts_with("COPY ")) else {
        return (None, None);
    };
    let Some((_, after)) = copy.split_once(", line ") else { return (None, None) };
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    let column = after[digits..]
        .strip_prefix(", column ")
        .and_then(|rest| rest.split([':', ',']).next())
        .map(str::to_owned);
    (after[..digits].parse().ok(), column)
}

fn bind<'a>(
    sql: &str,
    params: &[Param<'a>],
) -> sqlx::query::Query<'a, sqlx::Postgres, sqlx::postgres::PgArguments> {
    params.iter().fold(sqlx::query(AssertSqlSafe(sql.to_owned())), |query, param| match *param {
        Param::Text(text) => query.bind(text),
        Param::OptionalText(text) => query.bind(text),
        Param::Int(number) => query.bind(number),
        Param::Float(number) => query.bind(number),
        Param::Bytes(bytes) => query.bind(bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_refusal_is_told_without_the_value() {
        assert_eq!(
            place("COPY patients, line 3, column born: \"x, line 9\""),
            (Some(3), Some("born".into()))
        );
        assert_eq!(place("COPY patients, line 12"), (Some(12), None));
        assert_eq!(place("PL/pgSQL function f() line 2 at RAISE\nCOPY t, line 4"), (Some(4), None));
        assert_eq!(place("SQL statement \"select 1\""), (None, None));
    }

    #[test]
    fn rows_known_to_be_bad_are_left_out_and_no_others() {
        assert_eq!(between(&(3..9), [1, 3, 5, 6, 9].into_iter()), [4..5, 7..9]);
        assert!(between(&(3..5), [3, 4].into_iter()).is_empty());
        assert!(between(&(3..5), std::iter::empty()).iter().eq([&(3..5)]));
    }
}
