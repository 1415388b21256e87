//! Reads MySQL and MariaDB by their text protocol, under snapshots opened together.

mod value;

use std::fmt;

use futures::TryStreamExt;
use shared::assessment::TableName;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use sqlx::mysql::{MySql, MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Column, Executor, Row, Type, TypeInfo};

use self::value::CellForm;
use super::chunk::{self, Keys, Proof};
use super::outlet::Outlet;
use super::snapshot::{interrupted, nobody_listens};
use super::{Chunk, ChunkRange, Cut, Form, ReadColumn, TableRead, sql};
use crate::connect::mysql::{MysqlServer, ask, bytes, version};
use crate::connect::{Purpose, classify};
use crate::error::{EngineError, Result};
use crate::ident;
use crate::value::{Batch, Value};

/// One connection inside its snapshot's transaction.
pub(super) struct MysqlReader {
    connection: MySqlConnection,
    has_windows: bool,
    /// A read is under way, or was dropped before its end.
    busy: bool,
}

/// Opens transactions that see one state, says where that cannot be held, and how far the binary
/// log had come, where the server tells.
pub(super) async fn open(
    server: &MysqlServer,
    readers: usize,
    notes: &mut Vec<String>,
) -> Result<(Vec<MysqlReader>, Option<String>)> {
    let doing = || format!("opening a snapshot of {server}");
    let failed = |error| classify(error, doing());
    let mut connections = Vec::with_capacity(readers);
    for _ in 0..readers {
        let mut connection = server.connect(Purpose::Read).await?;
        connection
            .execute("set session transaction isolation level repeatable read")
            .await
            .map_err(failed)?;
        connections.push(connection);
    }
    let version = version(&mut connections[0]).await?;
    // MySQL tells where its log stands only while nobody commits.
    let needs_gate = readers > 1 || !version.is_mariadb;
    let mut gate = if needs_gate { close_gate(server).await? } else { None };
    for connection in &mut connections {
        connection.execute(BEGIN).await.map_err(failed)?;
    }
    let position = position(&mut connections, version.is_mariadb, gate.as_mut()).await;
    if let Some(gate) = &mut gate {
        gate.execute("unlock tables").await.map_err(failed)?;
    } else if readers > 1 && !are_one(&mut connections).await {
        notes.push(
            "The user lacks the right RELOAD, so that the readers' snapshots were opened one \
             after the other: what was written between them is seen by some of them only. Grant \
             RELOAD, read with one worker, or keep the legacy system from writing."
                .to_owned(),
        );
    }
    let loose = ask(&mut connections[0], OUTSIDE_TRANSACTIONS.to_owned()).await.map_err(failed)?;
    let loose: Vec<_> = loose.into_iter().flatten().flatten().collect();
    if !loose.is_empty() {
        notes.push(format!(
            "These tables are kept by an engine without transactions, and no snapshot holds them: \
             {}. Keep the legacy system from writing to them.",
            loose.join(", ")
        ));
    }
    let has_windows = version.has_windows();
    let reader = |connection| MysqlReader { connection, has_windows, busy: false };
    Ok((connections.into_iter().map(reader).collect(), position))
}

/// How far the binary log had come when the snapshots were opened. MariaDB knows that of each
/// snapshot; MySQL can be asked while nobody may commit.
async fn position(
    connections: &mut [MySqlConnection],
    is_mariadb: bool,
    gate: Option<&mut MySqlConnection>,
) -> Option<String> {
    let found = if is_mariadb {
        if !are_one(connections).await {
            return None;
        }
        let connection = connections.first_mut()?;
        let places =
            ask(connection, "show status like 'binlog_snapshot_%'".to_owned()).await.ok()?;
        let place = |name: &str| {
            let known = places.iter().find(|row| {
                row.first().is_some_and(|found| {
                    found.as_deref().is_some_and(|found| found.eq_ignore_ascii_case(name))
                })
            });
            known.and_then(|row| row.get(1)?.clone())
        };
        let (file, offset) = (place("binlog_snapshot_file")?, place("binlog_snapshot_position")?);
        let file = ident::literal(Engine::Mysql, &file);
        let offset: u64 = offset.parse().ok()?;
        ask(connection, format!("select binlog_gtid_pos({file}, {offset})")).await
    } else {
        ask(gate?, "select @@global.gtid_executed".to_owned()).await
    };
    let position = found.ok()?.into_iter().flatten().flatten().next()?;
    (!position.trim().is_empty()).then_some(position)
}

/// Keeps everybody from committing until the snapshots are open; none when that is not allowed.
async fn close_gate(server: &MysqlServer) -> Result<Option<MySqlConnection>> {
    let mut gate = server.connect(Purpose::Read).await?;
    let closed = match gate.execute("set session lock_wait_timeout = 5").await {
        Ok(_) => gate.execute("flush tables with read lock").await.is_ok(),
        Err(_) => false,
    };
    Ok(closed.then_some(gate))
}

/// Whether all snapshots stand at one place of the binary log. Only MariaDB tells.
async fn are_one(connections: &mut [MySqlConnection]) -> bool {
    let mut places = Vec::with_capacity(connections.len());
    for connection in connections {
        match ask(connection, "show status like 'binlog_snapshot_%'".to_owned()).await {
            Ok(place) if !place.is_empty() => places.push(place),
            _ => return false,
        }
    }
    let is_known = places.iter().flatten().all(|row| {
        row.last().is_some_and(|value| value.as_deref().is_some_and(|value| !value.is_empty()))
    });
    is_known && places.windows(2).all(|pair| pair[0] == pair[1])
}

impl MysqlReader {
    pub(super) async fn plan(&mut self, read: &TableRead, cut: Cut) -> Result<Vec<Chunk>> {
        let from = sql::from(Engine::Mysql, read, "");
        let key = sql::key(Engine::Mysql, &read.key);
        let proof = self.proof(read).await?;
        let mut asked =
            Asked { connection: &mut self.connection, table: &read.table, unfit: false };
        if let Some(proof) = proof
            && (proof == Proof::Indexed || self.has_windows)
        {
            let bytes = sql::row_bytes(Engine::Mysql, read);
            let rows = chunk::Rows { from: &from, key: &key, bytes: &bytes };
            let chunks = chunk::at_keys(&mut asked, rows, proof, cut).await?;
            if let Some(chunks) = chunks
                && !asked.unfit
            {
                return Ok(chunks);
            }
        }
        let rows = asked.number(format!("select count(*) from {from}")).await?;
        let whole = Chunk { ordinal: 0, range: ChunkRange::Whole, rows };
        Ok(if rows == 0 { Vec::new() } else { vec![whole] })
    }

    pub(super) async fn read(
        &mut self,
        read: &TableRead,
        chunk: &Chunk,
        out: Outlet,
    ) -> Result<u64> {
        if self.busy {
            return Err(interrupted(read));
        }
        if read.columns.iter().any(|column| column.form == Form::Raw) {
            return Err(EngineError::new(ErrorCode::Map006, format!("reading {}", read.table))
                .because("MySQL has no values in PostgreSQL's binary form"));
        }
        let failed = |error| classify(error, format!("reading {}", read.table));
        let width = read.columns.len() + usize::from(read.filter.is_some());
        let mut batch = Batch::new(width);
        out.open(&mut batch, 0).await;
        let (mut wanted, mut count) = (true, 0);
        let mut forms: Option<Vec<CellForm>> = None;

        self.busy = true;
        let mut rows =
            sqlx::raw_sql(AssertSqlSafe(statement(read, chunk))).fetch(&mut self.connection);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            // The connection can be used again only when the whole answer was read.
            if !wanted {
                continue;
            }
            let forms = forms.get_or_insert_with(|| cell_forms(read, &row));
            for (form, index) in forms.iter().zip(1..) {
                match bytes(&row, index).map_err(failed)? {
                    None => batch.push(&Value::Null),
                    Some(cell) => form.push(cell, &mut batch),
                }
            }
            count += 1;
            if out.is_full(&batch) {
                match out.pass(std::mem::take(&mut batch)).await {
                    Some(next) => batch = next,
                    None => wanted = false,
                }
            }
        }
        drop(rows);
        self.busy = false;
        wanted = wanted && out.finish(batch).await;
        if wanted { Ok(count) } else { Err(nobody_listens(read)) }
    }

    /// What is known of the key; none when there is none, or none that compares as it sorts.
    async fn proof(&mut self, read: &TableRead) -> Result<Option<Proof>> {
        if read.key.is_empty() {
            return Ok(None);
        }
        if read.query.is_some() {
            return Ok(Some(Proof::Claimed));
        }
        let failed = |error| classify(error, format!("looking at {}", read.table));
        let table = ident::literal(Engine::Mysql, &read.table.name);
        let columns = ask(
            &mut self.connection,
            format!(
                "select column_name, data_type, is_nullable from information_schema.columns \
                 where table_schema = database() and table_name = {table}"
            ),
        )
        .await
        .map_err(failed)?;
        let column = |name: &String| {
            columns.iter().find(|column| column.first().is_some_and(|c| c.as_ref() == Some(name)))
        };
        let is_fit = |name: &String| {
            column(name).and_then(|column| column.get(1)?.as_deref()).is_some_and(|data_type| {
                !matches!(data_type, "enum" | "set" | "float" | "double" | "bit" | "json")
            })
        };
        if !read.key.iter().all(is_fit) {
            return Ok(None);
        }
        let never_null = |name: &String| {
            column(name).is_some_and(|column| column.get(2) == Some(&Some("NO".to_owned())))
        };
        let indexes = ask(
            &mut self.connection,
            format!(
                "select index_name, column_name from information_schema.statistics \
                 where table_schema = database() and table_name = {table} and non_unique = 0 \
                 and sub_part is null and index_type = 'BTREE' order by index_name, seq_in_index"
            ),
        )
        .await
        .map_err(failed)?;
        let is_indexed =
            indexes.chunk_by(|left, right| left.first() == right.first()).any(|index| {
                index.iter().map(|part| part.get(1).cloned().flatten()).eq(read
                    .key
                    .iter()
                    .cloned()
                    .map(Some))
            });
        let is_proved = is_indexed && read.key.iter().all(never_null);
        Ok(Some(if is_proved { Proof::Indexed } else { Proof::Claimed }))
    }
}

impl fmt::Debug for MysqlReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlReader").field("busy", &self.busy).finish_non_exhaustive()
    }
}

struct Asked<'a> {
    connection: &'a mut MySqlConnection,
    table: &'a TableName,
    /// A key has a type that does not compare as it sorts.
    unfit: bool,
}

impl Keys for Asked<'_> {
    const ENGINE: Engine = Engine::Mysql;

    async fn keys(&mut self, statement: String, columns: usize) -> Result<Vec<(Vec<String>, u64)>> {
        let failed = |error| classify(error, format!("planning chunks of {}", self.table));
        let rows = sqlx::raw_sql(AssertSqlSafe(statement))
            .fetch_all(&mut *self.connection)
            .await
            .map_err(failed)?;
        let mut keys = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut key = Vec::with_capacity(columns);
            for index in 0..columns {
                let cell = bytes(row, index).map_err(failed)?.unwrap_or_default();
                let literal = literal(row.column(index).type_info(), cell);
                self.unfit |= literal.is_none();
                key.push(literal.unwrap_or_default());
            }
            let count = bytes(row, columns).map_err(failed)?.unwrap_or_default();
            keys.push((key, parse_count(count)));
        }
        Ok(keys)
    }

    async fn number(&mut self, statement: String) -> Result<u64> {
        let rows = ask(self.connection, statement)
            .await
            .map_err(|error| classify(error, format!("planning chunks of {}", self.table)))?;
        let number = rows.into_iter().flatten().flatten().next().unwrap_or_default();
        Ok(parse_count(number.as_bytes()))
    }
}

fn parse_count(text: &[u8]) -> u64 {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A key's part as a literal that compares with its column as the column's values do.
fn literal(type_info: &sqlx::mysql::MySqlTypeInfo, cell: &[u8]) -> Option<String> {
    let text = || std::str::from_utf8(cell).ok();
    match type_info.name() {
        "ENUM" | "SET" | "FLOAT" | "DOUBLE" | "BIT" | "JSON" | "GEOMETRY" | "NULL" => None,
        "BOOLEAN" | "DECIMAL" | "YEAR" => text().map(str::to_owned),
        name if name.contains("INT") => text().map(str::to_owned),
        "DATE" | "TIME" | "DATETIME" | "TIMESTAMP" => text().map(|text| format!("'{text}'")),
        _ if <str as Type<MySql>>::compatible(type_info) => {
            text().map(|text| ident::literal(Engine::Mysql, text))
        }
        _ => Some(ident::hex_literal(cell)),
    }
}

fn statement(read: &TableRead, chunk: &Chunk) -> String {
    // The driver takes a row whose first cell is longer than 16 MiB for the answer's end.
    let columns: Vec<_> = std::iter::once("0 as transfuse_first".to_owned())
        .chain(read.columns.iter().map(expression))
        .chain(sql::filter(read))
        .collect();
    let key = sql::key(Engine::Mysql, &read.key);
    format!(
        "select {} from {}{}",
        columns.join(", "),
        sql::from(Engine::Mysql, read, ""),
        sql::range(Engine::Mysql, &key, &chunk.range).unwrap_or_default()
    )
}

/// The text protocol shortens numbers of single precision and of a declared width; a number of
/// double precision is written with all the digits that it has.
fn expression(column: &ReadColumn) -> String {
    let name = sql::column(Engine::Mysql, column);
    let native = column.native_type.to_ascii_lowercase();
    let is_shortened = native.starts_with("float")
        || (native.starts_with("double") || native.starts_with("real")) && native.contains('(');
    if is_shortened {
        format!("({name} * 1e0)")
    } else if column.form == Form::Text && native.starts_with("bit") {
        format!("({name} + 0)")
    } else {
        name
    }
}

fn cell_forms(read: &TableRead, row: &MySqlRow) -> Vec<CellForm> {
    let forms = read.columns.iter().zip(1..).map(|(column, index)| match column.form {
        Form::Text => CellForm::Text,
        Form::Typed | Form::Raw => CellForm::of(&column.data_type, row.column(index).type_info()),
    });
    forms.chain(read.filter.iter().map(|_| CellForm::Boolean)).collect()
}

const BEGIN: &str = "start transaction with consistent snapshot, read only";

const OUTSIDE_TRANSACTIONS: &str = "
    select table_name
    from information_schema.tables
    where table_schema = database() and table_type = 'BASE TABLE'
      and engine not in ('InnoDB', 'ROCKSDB', 'TokuDB', 'ndbcluster')
    order by table_name";
