//! Reads SQLite: a value is what it was stored as, whatever its column declares.

use std::borrow::Cow;
use std::fmt;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use tokio::task::spawn_blocking;

use super::chunk::{self, Keys, Proof};
use super::outlet::Outlet;
use super::snapshot::{interrupted, nobody_listens};
use super::{Chunk, ChunkRange, Cut, Form, SourceState, TableRead, sql};
use crate::connect::sqlite::{SqliteFile, classify_rows};
use crate::error::{EngineError, Result};
use crate::ident;
use crate::value::{Batch, Flaw, Value};

/// One connection inside its read transaction; none while a read has it, or lost it.
pub(super) struct SqliteReader {
    connection: Option<Connection>,
}

/// Opens transactions between whose beginnings nobody committed anything.
pub(super) async fn open(
    file: &SqliteFile,
    readers: usize,
) -> Result<(Vec<SqliteReader>, SourceState)> {
    let file = file.clone();
    blocking(move || {
        let doing = || format!("opening a snapshot of {}", file.path().display());
        let failed = |error| classify_rows(error, doing());
        let version = |connection: &Connection| -> rusqlite::Result<i64> {
            connection.query_row("pragma data_version", [], |row| row.get(0))
        };
        let watch = file.connect_for_rows()?;
        let connections: Vec<_> =
            (0..readers).map(|_| file.connect_for_rows()).collect::<Result<_>>()?;
        for _ in 0..ATTEMPTS {
            let before = version(&watch).map_err(failed)?;
            let state = SourceState::of_sqlite(file.path())
                .map_err(|error| EngineError::new(ErrorCode::Conn008, doing()).because(error))?;
            for connection in &connections {
                // The transaction begins with the first read.
                connection
                    .execute_batch("begin; select count(*) from sqlite_master;")
                    .map_err(failed)?;
            }
            if version(&watch).map_err(failed)? == before {
                let reader = |connection| SqliteReader { connection: Some(connection) };
                return Ok((connections.into_iter().map(reader).collect(), state));
            }
            for connection in &connections {
                connection.execute_batch("rollback").map_err(failed)?;
            }
        }
        Err(EngineError::new(ErrorCode::Load008, doing())
            .because("somebody writes to the file all the time"))
    })
    .await
}

impl SqliteReader {
    pub(super) async fn plan(&mut self, read: &TableRead, cut: Cut) -> Result<Vec<Chunk>> {
        let wanted = read.clone();
        self.with(read, move |connection| plan(connection, &wanted, cut)).await
    }

    pub(super) async fn read(
        &mut self,
        read: &TableRead,
        chunk: &Chunk,
        out: Outlet,
    ) -> Result<u64> {
        let (wanted, chunk) = (read.clone(), chunk.clone());
        self.with(read, move |connection| read_chunk(connection, &wanted, &chunk, &out)).await
    }

    /// Lends the connection to a thread on which it may block.
    async fn with<T: Send + 'static>(
        &mut self,
        read: &TableRead,
        act: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let connection = self.connection.take().ok_or_else(|| interrupted(read))?;
        let (connection, outcome) = blocking(move || {
            let outcome = act(&connection);
            Ok((connection, outcome))
        })
        .await?;
        self.connection = Some(connection);
        outcome
    }
}

impl fmt::Debug for SqliteReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteReader").finish_non_exhaustive()
    }
}

fn plan(connection: &Connection, read: &TableRead, cut: Cut) -> Result<Vec<Chunk>> {
    let doing = || format!("planning chunks of {}", read.table);
    let failed = |error| classify_rows(error, doing());
    let from = sql::from(Engine::Sqlite, read, "");
    let mut asked = Asked { connection, read, inexact: false };
    let (key, proof) = match place(connection, read).map_err(failed)? {
        Place::Key(proof) => (sql::key(Engine::Sqlite, &read.key), proof),
        Place::RowId(name) => (vec![name.to_owned()], Proof::Indexed),
        Place::None => (Vec::new(), Proof::Claimed),
    };
    if !key.is_empty() {
        // Nothing here waits: the trait is asynchronous for the servers.
        let bytes = sql::row_bytes(Engine::Sqlite, read);
        let rows = chunk::Rows { from: &from, key: &key, bytes: &bytes };
        let chunks = futures::executor::block_on(chunk::at_keys(&mut asked, rows, proof, cut))?;
        if let Some(chunks) = chunks
            && !asked.inexact
        {
            return Ok(chunks);
        }
    }
    let rows = asked.count(&format!("select count(*) from {from}"))?;
    let whole = Chunk { ordinal: 0, range: ChunkRange::Whole, rows };
    Ok(if rows == 0 { Vec::new() } else { vec![whole] })
}

fn read_chunk(
    connection: &Connection,
    read: &TableRead,
    chunk: &Chunk,
    out: &Outlet,
) -> Result<u64> {
    let failed = |error| classify_rows(error, format!("reading {}", read.table));
    let key = match place(connection, read).map_err(failed)? {
        Place::RowId(name) => vec![name.to_owned()],
        Place::Key(_) | Place::None => sql::key(Engine::Sqlite, &read.key),
    };
    let columns: Vec<_> = read
        .columns
        .iter()
        .map(|column| sql::column(Engine::Sqlite, column))
        .chain(sql::filter(read))
        .collect();
    let statement = format!(
        "select {} from {}{}",
        columns.join(", "),
        sql::from(Engine::Sqlite, read, ""),
        sql::range(Engine::Sqlite, &key, &chunk.range).unwrap_or_default()
    );
    let mut statement = connection.prepare(&statement).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut batch = Batch::new(columns.len());
    out.open_blocking(&mut batch, 0);
    let mut count = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        push_row(read, row, &mut batch).map_err(failed)?;
        count += 1;
        if out.is_full(&batch) {
            batch = out.pass_blocking(batch).ok_or_else(|| nobody_listens(read))?;
        }
    }
    if out.finish_blocking(batch) { Ok(count) } else { Err(nobody_listens(read)) }
}

fn push_row(read: &TableRead, row: &Row<'_>, batch: &mut Batch) -> rusqlite::Result<()> {
    for (index, column) in read.columns.iter().enumerate() {
        let stored = row.get_ref(index)?;
        match column.form {
            Form::Text => batch.push(&as_text(stored)),
            Form::Typed | Form::Raw => batch.push(&as_stored(stored)),
        }
    }
    if read.filter.is_some() {
        let passes = matches!(row.get_ref(read.columns.len())?, ValueRef::Integer(1));
        batch.push(&Value::Bool(passes));
    }
    Ok(())
}

fn as_stored(stored: ValueRef<'_>) -> Value<'_> {
    match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Float(number),
        ValueRef::Text(text) => text_of(text),
        ValueRef::Blob(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
    }
}

fn as_text(stored: ValueRef<'_>) -> Value<'_> {
    match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Text(Cow::Owned(number.to_string())),
        // SQLite itself writes 15 digits, which do not always read back as the same number.
        ValueRef::Real(number) => Value::Text(Cow::Owned(format!("{number:?}"))),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => text_of(bytes),
    }
}

fn text_of(bytes: &[u8]) -> Value<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::Text(Cow::Borrowed(text)),
        Err(_) => Value::Invalid(Flaw::NotText, Cow::Borrowed(bytes)),
    }
}

/// By what rows are told apart.
enum Place {
    Key(Proof),
    /// The name under which the table's own row number can be had.
    RowId(&'static str),
    None,
}

fn place(connection: &Connection, read: &TableRead) -> rusqlite::Result<Place> {
    if read.query.is_some() {
        return Ok(if read.key.is_empty() { Place::None } else { Place::Key(Proof::Claimed) });
    }
    if read.key.is_empty() {
        let has_row_id: i64 = connection.query_row(
            "select count(*) from pragma_table_list
             where schema = 'main' and type = 'table' and wr = 0 and lower(name) = lower(?1)",
            [&read.table.name],
            |row| row.get(0),
        )?;
        if has_row_id == 0 {
            return Ok(Place::None);
        }
        let mut names = connection.prepare("select lower(name) from pragma_table_xinfo(?1)")?;
        let names: Vec<String> =
            names.query_map([&read.table.name], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let free =
            ["_rowid_", "rowid", "oid"].into_iter().find(|id| !names.iter().any(|n| n == id));
        return Ok(free.map_or(Place::None, Place::RowId));
    }
    Ok(Place::Key(if is_indexed(connection, read)? { Proof::Indexed } else { Proof::Claimed }))
}

/// Whether an index holds the key to be unique, in this order and with every column not null.
fn is_indexed(connection: &Connection, read: &TableRead) -> rusqlite::Result<bool> {
    let table = &read.table.name;
    let mut columns = connection
        .prepare("select name, \"notnull\", pk, lower(type) from pragma_table_xinfo(?1)")?;
    let columns: Vec<(String, bool, i64, String)> = columns
        .query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<Result<_, _>>()?;
    let mut primary = columns.iter().filter(|(_, _, place, _)| *place > 0);
    if let ([key], Some((name, _, _, declared)), None) =
        (read.key.as_slice(), primary.next(), primary.next())
        && key == name
        && declared == "integer"
    {
        return Ok(true);
    }
    let never_null =
        |key: &String| columns.iter().any(|(name, not_null, _, _)| name == key && *not_null);
    if !read.key.iter().all(never_null) {
        return Ok(false);
    }
    let mut indexes = connection.prepare(
        "select list.name, info.name
         from pragma_index_list(?1) as list, pragma_index_xinfo(list.name) as info
         where list.\"unique\" = 1 and list.partial = 0 and info.key = 1
         order by list.seq, info.seqno",
    )?;
    let parts: Vec<(String, Option<String>)> = indexes
        .query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let found = parts
        .chunk_by(|(left, _), (right, _)| left == right)
        .any(|index| index.iter().map(|(_, column)| column.as_ref()).eq(read.key.iter().map(Some)));
    Ok(found)
}

struct Asked<'a> {
    connection: &'a Connection,
    read: &'a TableRead,
    /// A key that is a floating-point number: its literal may stand for a neighbour.
    inexact: bool,
}

impl Asked<'_> {
    fn count(&self, statement: &str) -> Result<u64> {
        let count: i64 = self
            .connection
            .query_row(statement, [], |row| row.get(0))
            .map_err(|error| self.failed(error))?;
        Ok(count.unsigned_abs())
    }

    fn failed(&self, error: rusqlite::Error) -> EngineError {
        classify_rows(error, format!("planning chunks of {}", self.read.table))
    }
}

impl Keys for Asked<'_> {
    const ENGINE: Engine = Engine::Sqlite;

    async fn keys(&mut self, statement: String, columns: usize) -> Result<Vec<(Vec<String>, u64)>> {
        let mut inexact = self.inexact;
        let mut run = || -> rusqlite::Result<Vec<_>> {
            let mut statement = self.connection.prepare(&statement)?;
            let mut rows = statement.query([])?;
            let mut keys = Vec::new();
            while let Some(row) = rows.next()? {
                let mut key = Vec::with_capacity(columns);
                for index in 0..columns {
                    let stored = row.get_ref(index)?;
                    inexact |= matches!(stored, ValueRef::Real(_));
                    key.push(literal(stored));
                }
                let count: i64 = row.get(columns)?;
                keys.push((key, count.unsigned_abs()));
            }
            Ok(keys)
        };
        let keys = run().map_err(|error| self.failed(error));
        self.inexact = inexact;
        keys
    }

    async fn number(&mut self, statement: String) -> Result<u64> {
        self.count(&statement)
    }
}

/// The stored value as SQL, of the same storage class.
fn literal(stored: ValueRef<'_>) -> String {
    match stored {
        ValueRef::Null => "null".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) if number.is_infinite() => {
            if number > 0.0 { "9e999" } else { "-9e999" }.to_owned()
        }
        ValueRef::Real(number) => format!("{number:e}"),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => ident::literal(Engine::Sqlite, text),
            _ => format!("cast({} as text)", ident::hex_literal(bytes)),
        },
        ValueRef::Blob(bytes) => ident::hex_literal(bytes),
    }
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    spawn_blocking(act).await.map_err(|error| {
        EngineError::new(ErrorCode::Sys001, "reading a SQLite file").because(error)
    })?
}

/// How often a snapshot is tried while somebody writes.
const ATTEMPTS: u32 = 50;
