//! Reads PostgreSQL by binary `copy`, under one exported snapshot.

pub(crate) mod binary;
mod raw;

pub use self::raw::decode_raw;

use std::fmt;

use futures::TryStreamExt;
use shared::assessment::TableName;
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Executor, Row};

use self::binary::{CellForm, Decoder};
use super::chunk::{self, Keys, Proof};
use super::outlet::Outlet;
use super::snapshot::{Answer, interrupted, nobody_listens};
use super::{Chunk, ChunkRange, Cut, Form, ReadColumn, TableRead, sql, state};
use crate::connect::postgres::PostgresServer;
use crate::connect::{Purpose, classify};
use crate::error::{Directive, EngineError, Result};
use crate::ident;
use crate::value::Value;

/// One connection inside the snapshot's transaction.
pub(super) struct PostgresReader {
    connection: PgConnection,
    /// A read is under way, or was dropped before its end.
    busy: bool,
}

/// Keeps the exported snapshot open: who reads may lose a connection and join again.
#[derive(Debug)]
pub(super) struct Exporter {
    _connection: PgConnection,
}

/// Readers of one snapshot.
pub(super) struct Opened {
    pub(super) readers: Vec<PostgresReader>,
    /// Which transactions the snapshot sees, as the server writes it.
    pub(super) transactions: String,
    pub(super) exported: Option<String>,
    pub(super) exporter: Option<Exporter>,
}

/// Opens connections that all see what the first one sees.
pub(super) async fn open(server: &PostgresServer, readers: usize) -> Result<Opened> {
    let doing = || format!("opening a snapshot of {server}");
    let failed = |error| classify(error, doing());
    let mut first = server.connect(Purpose::Read).await?;
    first.execute(BEGIN).await.map_err(failed)?;
    let transactions: String = sqlx::query_scalar("select txid_current_snapshot()::text")
        .persistent(false)
        .fetch_one(&mut first)
        .await
        .map_err(failed)?;
    let exported = sqlx::query_scalar("select pg_export_snapshot()")
        .persistent(false)
        .fetch_one(&mut first)
        .await
        .map_err(failed);
    let exported: String = match exported {
        Ok(exported) => exported,
        // Some standbys export nothing; one reader needs nobody to join it.
        Err(_) if readers == 1 => {
            drop(first);
            let mut only = server.connect(Purpose::Read).await?;
            only.execute(BEGIN).await.map_err(failed)?;
            let readers = vec![PostgresReader { connection: only, busy: false }];
            return Ok(Opened { readers, transactions, exported: None, exporter: None });
        }
        Err(error) => return Err(error),
    };
    let mut joined = Vec::with_capacity(readers);
    for _ in 0..readers {
        joined.push(join(server, &exported).await?);
    }
    Ok(Opened {
        readers: joined,
        transactions,
        exported: Some(exported),
        exporter: Some(Exporter { _connection: first }),
    })
}

/// One more connection that sees an exported snapshot, as long as its exporter lives.
pub(super) async fn join(server: &PostgresServer, exported: &str) -> Result<PostgresReader> {
    let doing = || format!("joining a snapshot of {server}");
    let mut connection = server.connect(Purpose::Read).await?;
    connection.execute(BEGIN).await.map_err(|error| classify(error, doing()))?;
    let exported = ident::literal(Engine::Postgres, exported);
    let join = format!("set transaction snapshot {exported}");
    connection.execute(AssertSqlSafe(join)).await.map_err(|error| {
        let is_refused = error.as_database_error().is_some();
        let error = classify(error, doing());
        if is_refused && error.directive() == Directive::Stop {
            return EngineError::new(ErrorCode::Load044, doing()).because(error);
        }
        error
    })?;
    Ok(PostgresReader { connection, busy: false })
}

impl PostgresReader {
    pub(super) async fn plan(&mut self, read: &TableRead, cut: Cut) -> Result<Vec<Chunk>> {
        let shape = self.shape(read).await?;
        let from = sql::from(Engine::Postgres, read, shape.only);
        let key = sql::key(Engine::Postgres, &read.key);
        if !key.is_empty() {
            let mut asked = Asked { connection: &mut self.connection, table: &read.table };
            let proof = if shape.key_is_indexed { Proof::Indexed } else { Proof::Claimed };
            let bytes = sql::row_bytes(Engine::Postgres, read);
            let rows = chunk::Rows { from: &from, key: &key, bytes: &bytes };
            if let Some(chunks) = chunk::at_keys(&mut asked, rows, proof, cut).await? {
                return Ok(chunks);
            }
        }
        self.at_pages(read, &from, &shape, cut).await
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
        let shape = self.shape(read).await?;
        let statement = statement(read, chunk, shape.only);
        let mut decoder = Decoder::new(cell_forms(read));
        let doing = || format!("reading {}", read.table);

        self.busy = true;
        let mut batch = decoder.batch();
        out.open(&mut batch, 0).await;
        let mut wanted = true;
        let mut messages = self
            .connection
            .copy_out_raw(&statement)
            .await
            .map_err(|error| classify(error, doing()))?;
        while let Some(message) =
            messages.try_next().await.map_err(|error| classify(error, doing()))?
        {
            // The connection can be used again only when the whole answer was read.
            if !wanted {
                continue;
            }
            decoder
                .feed(&message, &mut batch)
                .map_err(|error| EngineError::new(ErrorCode::Sys001, doing()).because(error))?;
            if out.is_full(&batch) {
                match out.pass(std::mem::take(&mut batch)).await {
                    Some(next) => batch = next,
                    None => wanted = false,
                }
            }
        }
        drop(messages);
        self.busy = false;
        wanted = wanted && out.finish(batch).await;
        if wanted { Ok(decoder.rows()) } else { Err(nobody_listens(read)) }
    }

    /// How many rows a table has, and how many of them were written after an earlier snapshot;
    /// none where rows do not carry their transaction.
    pub(super) async fn written_since(
        &mut self,
        read: &TableRead,
        snapshot: &str,
    ) -> Result<Option<(u64, u64)>> {
        let shape = self.shape(read).await?;
        let Some(condition) = state::written_since(snapshot) else { return Ok(None) };
        if read.query.is_some() || !shape.has_transactions {
            return Ok(None);
        }
        let from = sql::from(Engine::Postgres, read, shape.only);
        let mut asked = Asked { connection: &mut self.connection, table: &read.table };
        let statement = format!("select count(*), count(*) filter (where {condition}) from {from}");
        Ok(asked.pairs(statement).await?.pop())
    }

    pub(super) async fn ask(
        &mut self,
        read: &TableRead,
        range: &ChunkRange,
        question: impl FnOnce(&str) -> String + Send,
    ) -> Result<Answer> {
        if self.busy {
            return Err(interrupted(read));
        }
        let shape = self.shape(read).await?;
        let key = sql::key(Engine::Postgres, &read.key);
        let rows = sql::from(Engine::Postgres, read, shape.only);
        let rows = format!("{rows}{}", condition(&key, range));
        let failed = |error| classify(error, format!("asking about {}", read.table));
        let found = sqlx::query(AssertSqlSafe(question(&rows)))
            .persistent(false)
            .fetch_all(&mut self.connection)
            .await
            .map_err(failed)?;
        found
            .iter()
            .map(|row| (0..row.len()).map(|column| row.try_get(column)).collect::<Result<_, _>>())
            .collect::<Result<_, _>>()
            .map_err(failed)
    }

    /// Pages are where rows lie; between two snapshots of one table they mean nothing, within one
    /// they are as good as a key.
    async fn at_pages(
        &mut self,
        read: &TableRead,
        from: &str,
        shape: &Shape,
        cut: Cut,
    ) -> Result<Vec<Chunk>> {
        let mut asked = Asked { connection: &mut self.connection, table: &read.table };
        let rows = asked.number(format!("select count(*) from {from}")).await?;
        if rows == 0 {
            return Ok(Vec::new());
        }
        let most_pages = (cut.bytes / PAGE_BYTES).max(1);
        let is_large = |pages: &u64| rows > cut.rows || *pages > most_pages;
        let Some(pages) = shape.pages.filter(is_large) else {
            return Ok(vec![Chunk { ordinal: 0, range: ChunkRange::Whole, rows }]);
        };
        let pages_per_chunk = (u128::from(pages.max(1)) * u128::from(cut.rows))
            .div_ceil(u128::from(rows))
            .clamp(1, u128::from(most_pages));
        let counted = asked
            .pairs(format!(
                "select ((ctid::text::point)[0]::bigint / {pages_per_chunk})::bigint, count(*) \
                 from {from} group by 1 order by 1"
            ))
            .await?;
        let pages_per_chunk = u64::try_from(pages_per_chunk).unwrap_or(u64::MAX);
        let last = counted.len().saturating_sub(1);
        let chunks = (0..).zip(&counted).map(|(ordinal, &(part, rows))| {
            // Parts without rows belong to the chunk before them.
            let next = counted.get(ordinal as usize + 1);
            let from = if ordinal == 0 { 0 } else { part * pages_per_chunk };
            let to = next.filter(|_| ordinal as usize != last);
            let to = to.map(|(part, _)| part * pages_per_chunk);
            Chunk { ordinal, range: ChunkRange::Pages { from, to }, rows }
        });
        Ok(chunks.collect())
    }

    async fn shape(&mut self, read: &TableRead) -> Result<Shape> {
        if read.query.is_some() {
            return Ok(Shape::default());
        }
        let doing = || format!("looking at {}", read.table);
        let row: Option<PgRow> = sqlx::query(SHAPE)
            .persistent(false)
            .bind(read.table.schema.as_deref())
            .bind(&read.table.name)
            .bind(&read.key)
            .fetch_optional(&mut self.connection)
            .await
            .map_err(|error| classify(error, doing()))?;
        let Some(row) = row else {
            return Err(EngineError::new(ErrorCode::Map002, doing())
                .because(format!("there is no table {}", read.table)));
        };
        let shape = || {
            let pages: Option<i64> = row.try_get("pages")?;
            Ok::<_, sqlx::Error>(Shape {
                only: if row.try_get("is_whole")? { "" } else { "only " },
                pages: pages.map(i64::unsigned_abs),
                key_is_indexed: row.try_get("key_is_indexed")?,
                has_transactions: row.try_get("has_transactions")?,
            })
        };
        shape().map_err(|error| classify(error, doing()))
    }
}

impl fmt::Debug for PostgresReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresReader").field("busy", &self.busy).finish_non_exhaustive()
    }
}

/// What reading a table needs to know of it.
#[derive(Debug, Default)]
struct Shape {
    /// Tables that inherit from this one are tables of their own; partitions are not.
    only: &'static str,
    /// None where reading a range of pages would read the whole table.
    pages: Option<u64>,
    key_is_indexed: bool,
    /// Rows carry the transaction that wrote them: those of views and foreign tables do not.
    has_transactions: bool,
}

struct Asked<'a> {
    connection: &'a mut PgConnection,
    table: &'a TableName,
}

impl Asked<'_> {
    async fn pairs(&mut self, statement: String) -> Result<Vec<(u64, u64)>> {
        let pairs: Vec<(i64, i64)> = sqlx::query_as(AssertSqlSafe(statement))
            .persistent(false)
            .fetch_all(&mut *self.connection)
            .await
            .map_err(|error| classify(error, format!("planning chunks of {}", self.table)))?;
        Ok(pairs.into_iter().map(|(a, b)| (a.unsigned_abs(), b.unsigned_abs())).collect())
    }
}

impl Keys for Asked<'_> {
    const ENGINE: Engine = Engine::Postgres;

    async fn keys(&mut self, statement: String, columns: usize) -> Result<Vec<(Vec<String>, u64)>> {
        let names: Vec<_> = (0..columns).map(|index| format!("k{index}")).collect();
        let literals: Vec<_> =
            names.iter().map(|name| format!("quote_literal({name}::text)")).collect();
        let statement = format!(
            "select array[{}], n::bigint from ({statement}) as bounds({}, n)",
            literals.join(", "),
            names.join(", ")
        );
        let rows: Vec<(Vec<String>, i64)> = sqlx::query_as(AssertSqlSafe(statement))
            .persistent(false)
            .fetch_all(&mut *self.connection)
            .await
            .map_err(|error| classify(error, format!("planning chunks of {}", self.table)))?;
        Ok(rows.into_iter().map(|(key, count)| (key, count.unsigned_abs())).collect())
    }

    async fn number(&mut self, statement: String) -> Result<u64> {
        let number: i64 = sqlx::query_scalar(AssertSqlSafe(statement))
            .persistent(false)
            .fetch_one(&mut *self.connection)
            .await
            .map_err(|error| classify(error, format!("planning chunks of {}", self.table)))?;
        Ok(number.unsigned_abs())
    }
}

fn statement(read: &TableRead, chunk: &Chunk, only: &str) -> String {
    // An output column that has the key's name would take its place in the order.
    let columns = read.columns.iter().map(expression).chain(sql::filter(read));
    let columns: Vec<_> = (0..)
        .zip(columns)
        .map(|(place, expression): (usize, String)| format!("{expression} as transfuse_{place}"))
        .collect();
    let key = sql::key(Engine::Postgres, &read.key);
    let range = sql::range(Engine::Postgres, &key, &chunk.range)
        .unwrap_or_else(|| condition(&key, &chunk.range));
    format!(
        "copy (select {} from {}{range}) to stdout (format binary)",
        columns.join(", "),
        sql::from(Engine::Postgres, read, only)
    )
}

/// ` where …` for the rows of a range, in no order.
fn condition(key: &[String], range: &ChunkRange) -> String {
    match range {
        ChunkRange::Keys { after, to } => {
            sql::between(Engine::Postgres, key, after.as_deref(), to.as_deref())
        }
        ChunkRange::Pages { from, to: Some(to) } => {
            format!(" where ctid >= '({from},0)'::tid and ctid < '({to},0)'::tid")
        }
        ChunkRange::Pages { from, to: None } => format!(" where ctid >= '({from},0)'::tid"),
        ChunkRange::Whole | ChunkRange::Bytes { .. } => String::new(),
    }
}

/// A column cast to the plain type in which it is decoded. Where it is of that type, the cast
/// costs nothing.
fn expression(column: &ReadColumn) -> String {
    let name = sql::column(Engine::Postgres, column);
    match column.form {
        Form::Raw => name,
        Form::Text => format!("{name}::text"),
        Form::Typed => format!("{name}::{}", plain_type(&column.data_type)),
    }
}

fn plain_type(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "boolean",
        DataType::SmallInt => "smallint",
        DataType::Integer => "integer",
        DataType::BigInt => "bigint",
        DataType::Real => "real",
        DataType::Double => "double precision",
        DataType::Numeric(_) => "numeric",
        DataType::Bytea => "bytea",
        DataType::Date => "date",
        DataType::Time => "time",
        DataType::TimeTz => "timetz",
        DataType::Timestamp => "timestamp",
        DataType::TimestampTz => "timestamptz",
        DataType::Interval => "interval",
        DataType::Uuid => "uuid",
        DataType::Bit(_) | DataType::VarBit(_) => "varbit",
        DataType::Text
        | DataType::Varchar(_)
        | DataType::Char(_)
        | DataType::Json
        | DataType::Jsonb
        | DataType::Array(_)
        | DataType::Named(_) => "text",
    }
}

fn cell_forms(read: &TableRead) -> Vec<CellForm> {
    let forms = read.columns.iter().map(|column| match column.form {
        Form::Raw => CellForm::Raw,
        Form::Text => CellForm::Text,
        Form::Typed => typed(&column.data_type),
    });
    forms.chain(read.filter.iter().map(|_| CellForm::Boolean)).collect()
}

/// The value that PostgreSQL's bytes of a type stand for; the bytes where it has no other form.
pub(super) fn decoded(data_type: &DataType, bytes: &[u8]) -> Value<'static> {
    let form = match data_type {
        DataType::Named(_) | DataType::Array(_) => CellForm::Raw,
        data_type => typed(data_type),
    };
    // A jsonb stands after the number of its version.
    let bytes = match (data_type, bytes) {
        (DataType::Jsonb, [1, text @ ..]) => text,
        (_, bytes) => bytes,
    };
    binary::decode(form, bytes, &mut String::new())
        .map_or_else(|| Value::Raw(bytes.to_vec().into()), Value::into_owned)
}

const fn typed(data_type: &DataType) -> CellForm {
    match data_type {
        DataType::Boolean => CellForm::Boolean,
        DataType::SmallInt | DataType::Integer | DataType::BigInt => CellForm::Integer,
        DataType::Real => CellForm::Float32,
        DataType::Double => CellForm::Float,
        DataType::Numeric(_) => CellForm::Numeric,
        DataType::Bytea => CellForm::Bytes,
        DataType::Date => CellForm::Date,
        DataType::Time => CellForm::Time,
        DataType::TimeTz => CellForm::TimeTz,
        DataType::Timestamp => CellForm::Timestamp,
        DataType::TimestampTz => CellForm::TimestampTz,
        DataType::Interval => CellForm::Interval,
        DataType::Uuid => CellForm::Uuid,
        DataType::Json | DataType::Jsonb => CellForm::Json,
        DataType::Bit(_) | DataType::VarBit(_) => CellForm::Bits,
        DataType::Text
        | DataType::Varchar(_)
        | DataType::Char(_)
        | DataType::Array(_)
        | DataType::Named(_) => CellForm::Text,
    }
}

/// What most servers are built with; what a row keeps outside its page comes on top.
const PAGE_BYTES: u64 = 8192;

const BEGIN: &str = "begin transaction isolation level repeatable read, read only";

/// Before version 14 a range of pages reads the whole table, and only heaps have pages.
const SHAPE: &str = "
    select c.relkind <> 'r' as is_whole,
           c.relkind in ('r', 'p') as has_transactions,
           case when current_setting('server_version_num')::int >= 140000
                 and c.relkind in ('r', 'p', 'm')
                 and coalesce((select amname from pg_am where oid = c.relam), 'heap') = 'heap'
           then (
               with recursive tree (id) as (
                   select c.oid
                   union all
                   select i.inhrelid from pg_inherits as i join tree on i.inhparent = tree.id
                   where c.relkind = 'p'
               )
               select max(pg_relation_size(tree.id)) / current_setting('block_size')::bigint
               from tree
           ) end as pages,
           exists (
               select
               from pg_index as i
               where i.indrelid = c.oid
                 and i.indisunique and i.indisvalid and i.indimmediate
                 and i.indpred is null and i.indexprs is null
                 and (
                     select array_agg(a.attname::text order by k.place)
                     from unnest(i.indkey::smallint[]) with ordinality as k(attnum, place)
                     join pg_attribute as a on a.attrelid = c.oid and a.attnum = k.attnum
                     where k.place <= coalesce((to_jsonb(i) ->> 'indnkeyatts')::int, i.indnatts)
                 ) = $3::text[]
                 and not exists (
                     select
                     from pg_attribute as a
                     where a.attrelid = c.oid and a.attname::text = any ($3::text[])
                       and not a.attnotnull
                 )
           ) as key_is_indexed
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.relname = $2 and c.relkind in ('r', 'p', 'f', 'm', 'v')
      and case when $1::text is null then pg_table_is_visible(c.oid) else n.nspname = $1 end";
