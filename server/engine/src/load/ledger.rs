//! What the engine keeps in the target: runs, chunks, the ledger, the quarantine.
//!
//! Its tables stand in a schema of their own, `transfuse`, or bear the prefix `_transfuse_`
//! where the engine has no schemas. One text serves both.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use shared::assessment::TableName;
use shared::connection::{Engine, without_secret};
use shared::error_code::ErrorCode;
use shared::plan::{Checks, Existing, Options, Plan};
use shared::quarantine::QuarantineState;
use shared::run::RunState;

use super::deferred;
use super::mark::{self, TableRecord};
use super::quarantine_tables;
use super::schema::Kind;
use super::{Param, Session};
use crate::error::{EngineError, Result};
use crate::extract::{Chunk, ChunkRange};
use crate::seal::Key;

/// SHA-256 of the document: what tells one plan version from another.
pub fn plan_hash(plan: &Plan) -> String {
    let document = serde_json::to_vec(plan).expect("a plan has no maps with other keys than texts");
    Sha256::digest(document).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 of all that decides what a run writes: what ties a run to its plan.
///
/// How many workers there are, how much they hold at once, how they spare the source, how patient
/// they are, how many bad rows are too many and what is counted afterwards decides no row; a
/// run goes on when these are changed. Neither does a new password make another plan.
pub fn work_hash(plan: &Plan) -> String {
    let Options {
        chunk_rows,
        batch_bytes: _,
        workers: _,
        patience_seconds: _,
        escalation: _,
        governor: _,
    } = plan.options;
    plan_hash(&Plan {
        source: without_secret(&plan.source),
        target: without_secret(&plan.target),
        options: Options { chunk_rows, ..Options::default() },
        // What is counted afterwards changes no row.
        checks: Checks::default(),
        ..plan.clone()
    })
}

/// The name of one of the engine's own tables, as it is written in a statement.
pub fn table(engine: Engine, name: &str) -> String {
    match engine {
        Engine::Postgres => format!("transfuse.{name}"),
        Engine::Sqlite | Engine::Mysql | Engine::Csv => format!("_transfuse_{name}"),
    }
}

/// Whether a table of the target is one of the engine's own.
pub fn is_own(engine: Engine, name: &TableName) -> bool {
    match engine {
        Engine::Postgres => name.schema.as_deref() == Some("transfuse"),
        _ => name.name.starts_with("_transfuse_"),
    }
}

/// Makes the engine's tables where they are missing.
pub fn create_statements(engine: Engine) -> Vec<String> {
    let mut statements = Vec::new();
    if engine == Engine::Postgres {
        statements.push("create schema if not exists transfuse".to_owned());
        // Whoever may use the target's API may not even see that it was migrated.
        statements.push("revoke all on schema transfuse from public".to_owned());
    }
    let own = |name: &str| table(engine, name);
    statements.extend([
        format!(
            "create table if not exists {} (
                run_id text primary key,
                plan_hash text not null,
                plan_name text not null,
                state text not null,
                started_at text not null,
                ended_at text,
                key_check text not null
            )",
            own("runs")
        ),
        // What a run made, in the order in which it did, and the statement that takes it back.
        format!(
            "create table if not exists {} (
                run_id text not null,
                kind text not null,
                name text not null,
                place integer not null,
                undo text not null,
                primary key (run_id, kind, name)
            )",
            own("objects")
        ),
        // The tables of a run, as it found or made them: undoing it needs no plan.
        format!(
            "create table if not exists {} (
                run_id text not null,
                table_index integer not null,
                source text not null,
                target text not null,
                made integer not null,
                existing text not null,
                key_columns text not null,
                columns text not null,
                primary key (run_id, table_index)
            )",
            own("tables")
        ),
        // How each table was cut. A resumed run has to find the very same cuts.
        format!(
            "create table if not exists {} (
                run_id text not null,
                table_index integer not null,
                ordinal integer not null,
                cut text not null,
                row_count bigint not null,
                primary key (run_id, table_index, ordinal)
            )",
            own("chunks")
        ),
        // One row a committed chunk, written with the chunk's rows. Rows that were taken out
        // again for want of a parent are a correction of their own, with a negative ordinal.
        format!(
            "create table if not exists {} (
                run_id text not null,
                table_index integer not null,
                ordinal integer not null,
                rows_read bigint not null,
                loaded bigint not null,
                merged bigint not null,
                filtered bigint not null,
                quarantined bigint not null,
                bytes bigint not null,
                seconds double precision not null,
                committed_at text not null,
                primary key (run_id, table_index, ordinal)
            )",
            own("ledger")
        ),
    ]);
    statements.extend(quarantine_tables::create_statements(engine));
    if engine == Engine::Postgres {
        statements.push(deferred::create_statement());
    }
    statements.extend(traces(engine));
    statements
}

/// Tables by which a run's rows are told from others', and what they were before.
fn traces(engine: Engine) -> Vec<String> {
    let bytes = if engine == Engine::Postgres { "bytea" } else { "blob" };
    let own = |name: &str| table(engine, name);
    let mut statements = vec![
        // Rows that a chunk wrote, by digests: see `load::mark`.
        format!(
            "create table if not exists {} (
                run_id text not null,
                table_index integer not null,
                ordinal integer not null,
                part integer not null,
                change text not null,
                row_count integer not null,
                content {bytes} not null,
                primary key (run_id, table_index, ordinal, part)
            )",
            own("rows")
        ),
        // What rows were before somebody changed them: see `load::before_image`.
        format!(
            "create table if not exists {} (
                owner text not null,
                part integer not null,
                target text not null,
                columns text not null,
                row_count integer not null,
                sealed {bytes} not null,
                primary key (owner, part)
            )",
            own("before_images")
        ),
        super::claim::create_statement(engine),
    ];
    if engine == Engine::Postgres {
        // The transactions in which a chunk's rows were written: see `load::mark`.
        statements.push(format!(
            "create table if not exists {} (
                run_id text not null,
                table_index integer not null,
                ordinal integer not null,
                change text not null,
                relation oid not null,
                xid xid not null,
                transaction bigint not null
            )",
            own("marks")
        ));
        statements.push(format!(
            "create index if not exists marks_by_run on {} (run_id, relation)",
            own("marks")
        ));
    }
    statements
}

/// Tables that tell which rows a run wrote.
pub(super) fn marks(engine: Engine) -> impl Iterator<Item = &'static str> {
    let transactions = (engine == Engine::Postgres).then_some("marks");
    transactions.into_iter().chain(["rows"])
}

/// What one committed chunk came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub table_index: u32,
    /// The chunk's place in its table; negative for a correction.
    pub ordinal: i32,
    pub books: SignedBooks,
    pub bytes: u64,
    pub seconds: f64,
}

/// Books of a chunk. A correction takes rows away, so they have a sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignedBooks {
    pub read: i64,
    pub loaded: i64,
    pub merged: i64,
    pub filtered: i64,
    pub quarantined: i64,
}

impl std::ops::AddAssign for SignedBooks {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.loaded += other.loaded;
        self.merged += other.merged;
        self.filtered += other.filtered;
        self.quarantined += other.quarantined;
    }
}

/// A run as the target knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    pub run_id: String,
    pub plan_hash: String,
    pub plan_name: String,
    pub state: RunState,
}

/// A row on its way into quarantine, already sealed.
#[derive(Debug, Clone)]
pub struct Quarantined {
    pub id: String,
    pub code: ErrorCode,
    pub column: Option<String>,
    pub reason: String,
    pub state: QuarantineState,
    pub form: RowForm,
    pub sealed: Vec<u8>,
}

/// Whose columns and types a kept row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowForm {
    /// As it was read.
    Source,
    /// As it was in the target, before it was taken out.
    Target,
}

impl RowForm {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Source, Self::Target].into_iter().find(|form| form.as_str() == name)
    }
}

/// The latest run of a plan, by the plan's hash; none when it never ran here.
pub async fn find_run<S: Session>(session: &mut S, plan_hash: &str) -> Result<Option<RunRecord>> {
    let sql = format!(
        "select run_id, plan_hash, plan_name, state from {}
         where plan_hash = $1 and state <> 'rolled_back'
         order by started_at desc
         limit 1",
        table(session.engine(), "runs")
    );
    Ok(session.fetch(&sql, &[Param::Text(plan_hash)]).await?.iter().find_map(|row| run_record(row)))
}

/// Runs that began and did not end, of whatever plan.
pub async fn unfinished_runs<S: Session>(session: &mut S) -> Result<Vec<RunRecord>> {
    let sql = format!(
        "select run_id, plan_hash, plan_name, state from {}
         where state not in ('completed', 'rolled_back')
         order by started_at",
        table(session.engine(), "runs")
    );
    Ok(session.fetch(&sql, &[]).await?.iter().filter_map(|row| run_record(row)).collect())
}

pub async fn insert_run<S: Session>(
    session: &mut S,
    run: &RunRecord,
    key: &Key,
    now: DateTime<Utc>,
) -> Result<()> {
    let sql = format!(
        "insert into {} (run_id, plan_hash, plan_name, state, started_at, key_check)
         values ($1, $2, $3, $4, $5, $6)",
        table(session.engine(), "runs")
    );
    let params = [
        Param::Text(&run.run_id),
        Param::Text(&run.plan_hash),
        Param::Text(&run.plan_name),
        Param::Text(run.state.as_str()),
        Param::Text(&now.to_rfc3339()),
        Param::Text(&mark::key_check(key, &run.run_id)),
    ];
    session.execute(&sql, &params).await.map(drop)
}

/// Whether a run ever wrote here.
pub async fn is_there<S: Session>(session: &mut S) -> Result<bool> {
    let engine = session.engine();
    let name = table(engine, "runs");
    let sql = match engine {
        Engine::Postgres => format!("select to_regclass('{name}')::text"),
        _ => format!("select name from sqlite_master where name = '{name}'"),
    };
    Ok(session.fetch(&sql, &[]).await?.into_iter().flatten().flatten().next().is_some())
}

pub async fn set_state<S: Session>(
    session: &mut S,
    run_id: &str,
    state: RunState,
    now: DateTime<Utc>,
) -> Result<()> {
    let sql = format!(
        "update {} set state = $2, ended_at = $3 where run_id = $1",
        table(session.engine(), "runs")
    );
    let ended = (state != RunState::Running).then(|| now.to_rfc3339());
    let params =
        [Param::Text(run_id), Param::Text(state.as_str()), Param::OptionalText(ended.as_deref())];
    session.execute(&sql, &params).await.map(drop)
}

/// Writes down a run's tables, once they are all there.
pub async fn insert_tables<S: Session>(
    session: &mut S,
    run_id: &str,
    records: &[TableRecord],
) -> Result<()> {
    let sql = format!(
        "insert into {} (run_id, table_index, source, target, made, existing, key_columns, columns)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        table(session.engine(), "tables")
    );
    for record in records {
        let params = [
            Param::Text(run_id),
            Param::Int(record.table_index.into()),
            Param::Text(&record.source.to_string()),
            Param::Text(&record.target.to_string()),
            Param::Int(record.made.into()),
            Param::Text(record.existing.as_str()),
            Param::Text(&names(&record.key)),
            Param::Text(&names(&record.columns)),
        ];
        session.execute(&sql, &params).await?;
    }
    Ok(())
}

/// A run's tables, in the plan's order.
pub async fn tables<S: Session>(session: &mut S, run_id: &str) -> Result<Vec<TableRecord>> {
    let sql = format!(
        "select cast(table_index as text), source, target, cast(made as text), existing,
                key_columns, columns
         from {} as tables
         where run_id = $1
         order by tables.table_index",
        table(session.engine(), "tables")
    );
    let rows = session.fetch(&sql, &[Param::Text(run_id)]).await?;
    rows.into_iter()
        .map(|row| {
            let mut cells = row.into_iter().flatten();
            let mut next = || cells.next().ok_or_else(unreadable);
            Ok(TableRecord {
                table_index: next()?.parse().map_err(|_| unreadable())?,
                source: next()?.parse().map_err(|_| unreadable())?,
                target: next()?.parse().map_err(|_| unreadable())?,
                made: next()? != "0",
                existing: Existing::from_name(&next()?).ok_or_else(unreadable)?,
                key: serde_json::from_str(&next()?).map_err(|_| unreadable())?,
                columns: serde_json::from_str(&next()?).map_err(|_| unreadable())?,
            })
        })
        .collect()
}

/// A run by its id, whatever became of it.
pub async fn run<S: Session>(session: &mut S, run_id: &str) -> Result<Option<RunRecord>> {
    let sql = format!(
        "select run_id, plan_hash, plan_name, state from {} where run_id = $1",
        table(session.engine(), "runs")
    );
    Ok(session.fetch(&sql, &[Param::Text(run_id)]).await?.iter().find_map(|row| run_record(row)))
}

/// Whether the run was made under this key of the installation.
pub async fn knows_key<S: Session>(session: &mut S, run_id: &str, key: &Key) -> Result<bool> {
    let sql =
        format!("select key_check from {} where run_id = $1", table(session.engine(), "runs"));
    let rows = session.fetch(&sql, &[Param::Text(run_id)]).await?;
    let written = rows.into_iter().flatten().flatten().next();
    Ok(written.is_some_and(|written| written == mark::key_check(key, run_id)))
}

/// Something that a run made in the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub kind: String,
    pub name: String,
    /// The statement that takes it back; empty when it goes with something else.
    pub undo: String,
}

/// Remembers that the run made something in the target, and how it is taken back.
pub async fn insert_object<S: Session>(
    session: &mut S,
    run_id: &str,
    kind: Kind,
    name: &str,
    undo: &str,
) -> Result<()> {
    insert_objects(
        session,
        run_id,
        &[Object { kind: kind.as_str().to_owned(), name: name.to_owned(), undo: undo.to_owned() }],
    )
    .await
}

/// Remembers several things, in the order in which they were made.
pub async fn insert_objects<S: Session>(
    session: &mut S,
    run_id: &str,
    objects: &[Object],
) -> Result<()> {
    let sql = format!(
        "insert into {0} (run_id, kind, name, place, undo)
         select $1, $2, $3, coalesce(max(place), 0) + 1, $4 from {0} where run_id = $1",
        table(session.engine(), "objects")
    );
    for object in objects {
        let params = [
            Param::Text(run_id),
            Param::Text(&object.kind),
            Param::Text(&object.name),
            Param::Text(&object.undo),
        ];
        session.execute(&sql, &params).await?;
    }
    Ok(())
}

/// What the run made, the last thing first: the order in which it is taken back.
pub async fn objects<S: Session>(session: &mut S, run_id: &str) -> Result<Vec<Object>> {
    let sql = format!(
        "select kind, name, undo from {} where run_id = $1 order by place desc",
        table(session.engine(), "objects")
    );
    let rows = session.fetch(&sql, &[Param::Text(run_id)]).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let mut cells = row.into_iter().flatten();
            Some(Object { kind: cells.next()?, name: cells.next()?, undo: cells.next()? })
        })
        .collect())
}

/// Whether the run made it.
pub async fn has_object<S: Session>(
    session: &mut S,
    run_id: &str,
    kind: Kind,
    name: &str,
) -> Result<bool> {
    let sql = format!(
        "select name from {} where run_id = $1 and kind = $2 and name = $3",
        table(session.engine(), "objects")
    );
    let params = [Param::Text(run_id), Param::Text(kind.as_str()), Param::Text(name)];
    Ok(!session.fetch(&sql, &params).await?.is_empty())
}

pub async fn delete_object<S: Session>(
    session: &mut S,
    run_id: &str,
    kind: &str,
    name: &str,
) -> Result<()> {
    let sql = format!(
        "delete from {} where run_id = $1 and kind = $2 and name = $3",
        table(session.engine(), "objects")
    );
    let params = [Param::Text(run_id), Param::Text(kind), Param::Text(name)];
    session.execute(&sql, &params).await.map(drop)
}

/// Forgets that a chunk was committed: its entry and its rows in quarantine.
pub async fn delete_chunk<S: Session>(
    session: &mut S,
    run_id: &str,
    table_index: u32,
    ordinal: i32,
) -> Result<()> {
    let engine = session.engine();
    for name in ["ledger", "quarantine"] {
        let sql = format!(
            "delete from {} where run_id = $1 and table_index = $2 and ordinal = $3",
            table(engine, name)
        );
        let params =
            [Param::Text(run_id), Param::Int(table_index.into()), Param::Int(ordinal.into())];
        session.execute(&sql, &params).await?;
    }
    Ok(())
}

/// Forgets what the run left in the engine's tables, save that it was there.
pub async fn forget<S: Session>(session: &mut S, run_id: &str) -> Result<()> {
    let engine = session.engine();
    let steps = format!(
        "delete from {} where action_id in (select id from {} where run_id = $1)",
        table(engine, "quarantine_steps"),
        table(engine, "quarantine_actions")
    );
    session.execute(&steps, &[Param::Text(run_id)]).await?;
    let own = [
        "objects",
        "tables",
        "chunks",
        "ledger",
        "quarantine",
        "quarantine_actions",
        "blueprints",
        "claims",
    ];
    let deferred = (engine == Engine::Postgres).then_some("deferred");
    for name in own.into_iter().chain(marks(engine)).chain(deferred) {
        let sql = format!("delete from {} where run_id = $1", table(engine, name));
        session.execute(&sql, &[Param::Text(run_id)]).await?;
    }
    Ok(())
}

/// Forgets how the run cut its tables.
pub async fn forget_chunks<S: Session>(session: &mut S, run_id: &str) -> Result<()> {
    let sql = format!("delete from {} where run_id = $1", table(session.engine(), "chunks"));
    session.execute(&sql, &[Param::Text(run_id)]).await.map(drop)
}

pub async fn insert_chunks<S: Session>(
    session: &mut S,
    run_id: &str,
    table_index: u32,
    chunks: &[Chunk],
) -> Result<()> {
    const COLUMNS: usize = 5;
    for chunks in chunks.chunks(200) {
        let cuts: Vec<String> = chunks.iter().map(|chunk| cut(&chunk.range)).collect();
        let params: Vec<Param<'_>> = chunks
            .iter()
            .zip(&cuts)
            .flat_map(|(chunk, cut)| {
                [
                    Param::Text(run_id),
                    Param::Int(table_index.into()),
                    Param::Int(chunk.ordinal.into()),
                    Param::Text(cut),
                    Param::Int(signed(chunk.rows)),
                ]
            })
            .collect();
        let sql = format!(
            "insert into {} (run_id, table_index, ordinal, cut, row_count) values {}",
            table(session.engine(), "chunks"),
            placeholders(chunks.len(), COLUMNS)
        );
        session.execute(&sql, &params).await?;
    }
    Ok(())
}

/// How the run cut a table when it began.
pub async fn chunks<S: Session>(
    session: &mut S,
    run_id: &str,
    table_index: u32,
) -> Result<Vec<Chunk>> {
    let sql = format!(
        "select cast(ordinal as text), cut, cast(row_count as text) from {} as chunk
         where run_id = $1 and table_index = $2
         order by chunk.ordinal",
        table(session.engine(), "chunks")
    );
    let params = [Param::Text(run_id), Param::Int(table_index.into())];
    let rows = session.fetch(&sql, &params).await?;
    rows.into_iter()
        .map(|row| {
            let mut cells = row.into_iter().flatten();
            let mut next = || cells.next().ok_or_else(unreadable);
            Ok(Chunk {
                ordinal: next()?.parse().map_err(|_| unreadable())?,
                range: serde_json::from_str(&next()?).map_err(|_| unreadable())?,
                rows: next()?.parse().map_err(|_| unreadable())?,
            })
        })
        .collect()
}

/// Writes a chunk's entry, in the transaction that holds the chunk's rows.
pub async fn insert_entry<S: Session>(
    session: &mut S,
    run_id: &str,
    entry: &Entry,
    now: DateTime<Utc>,
) -> Result<()> {
    let sql = format!(
        "insert into {} (run_id, table_index, ordinal, rows_read, loaded, merged, filtered,
                         quarantined, bytes, seconds, committed_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        table(session.engine(), "ledger")
    );
    let books = entry.books;
    let params = [
        Param::Text(run_id),
        Param::Int(entry.table_index.into()),
        Param::Int(entry.ordinal.into()),
        Param::Int(books.read),
        Param::Int(books.loaded),
        Param::Int(books.merged),
        Param::Int(books.filtered),
        Param::Int(books.quarantined),
        Param::Int(signed(entry.bytes)),
        Param::Float(entry.seconds),
        Param::Text(&now.to_rfc3339()),
    ];
    session.execute(&sql, &params).await.map(drop)
}

/// Every entry of a run: what is committed, and nothing else.
pub async fn entries<S: Session>(session: &mut S, run_id: &str) -> Result<Vec<Entry>> {
    select_entries(session, "", &[Param::Text(run_id)]).await
}

/// The entry of one chunk, once it is committed.
pub async fn entry<S: Session>(
    session: &mut S,
    run_id: &str,
    table_index: u32,
    ordinal: i32,
) -> Result<Option<Entry>> {
    let params = [Param::Text(run_id), Param::Int(table_index.into()), Param::Int(ordinal.into())];
    let entries = select_entries(session, "and table_index = $2 and ordinal = $3", &params).await?;
    Ok(entries.into_iter().next())
}

async fn select_entries<S: Session>(
    session: &mut S,
    condition: &str,
    params: &[Param<'_>],
) -> Result<Vec<Entry>> {
    let columns = [
        "table_index",
        "ordinal",
        "rows_read",
        "loaded",
        "merged",
        "filtered",
        "quarantined",
        "bytes",
        "seconds",
    ];
    let texts: Vec<String> =
        columns.iter().map(|column| format!("cast({column} as text)")).collect();
    let sql = format!(
        "select {} from {} as entry where run_id = $1 {condition}
         order by entry.table_index, entry.ordinal",
        texts.join(", "),
        table(session.engine(), "ledger")
    );
    let rows = session.fetch(&sql, params).await?;
    rows.into_iter()
        .map(|row| {
            let cell = |column: usize| row[column].as_deref().ok_or_else(unreadable);
            let number = |column| cell(column)?.parse::<i64>().map_err(|_| unreadable());
            Ok(Entry {
                table_index: u32::try_from(number(0)?).map_err(|_| unreadable())?,
                ordinal: i32::try_from(number(1)?).map_err(|_| unreadable())?,
                books: SignedBooks {
                    read: number(2)?,
                    loaded: number(3)?,
                    merged: number(4)?,
                    filtered: number(5)?,
                    quarantined: number(6)?,
                },
                bytes: u64::try_from(number(7)?).map_err(|_| unreadable())?,
                seconds: cell(8)?.parse().map_err(|_| unreadable())?,
            })
        })
        .collect()
}

/// The place of the next correction of a table: -1, -2 and so on.
pub async fn next_correction<S: Session>(
    session: &mut S,
    run_id: &str,
    table_index: u32,
) -> Result<i32> {
    let sql = format!(
        "select cast(coalesce(min(ordinal), 0) as text) from {}
         where run_id = $1 and table_index = $2 and ordinal < 0",
        table(session.engine(), "ledger")
    );
    let params = [Param::Text(run_id), Param::Int(table_index.into())];
    let rows = session.fetch(&sql, &params).await?;
    let least: i32 =
        rows.first().and_then(|row| row[0].as_deref()?.parse().ok()).ok_or_else(unreadable)?;
    Ok(least - 1)
}

/// Where quarantined rows came from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    pub run_id: &'a str,
    pub table_index: u32,
    pub ordinal: i32,
    pub source: &'a TableName,
    pub target: &'a TableName,
}

/// Writes rows into quarantine, in the transaction that accounts for them.
pub async fn insert_quarantined<S: Session>(
    session: &mut S,
    origin: Origin<'_>,
    rows: &[Quarantined],
    now: DateTime<Utc>,
) -> Result<()> {
    const COLUMNS: usize = 16;
    let (source, target) = (origin.source.to_string(), origin.target.to_string());
    let now = now.to_rfc3339();
    for rows in rows.chunks(100) {
        let params: Vec<Param<'_>> = rows
            .iter()
            .flat_map(|row| {
                [
                    Param::Text(&row.id),
                    Param::Text(origin.run_id),
                    Param::Int(origin.table_index.into()),
                    Param::Int(origin.ordinal.into()),
                    Param::Text(&source),
                    Param::Text(&target),
                    Param::Text(row.code.as_str()),
                    Param::OptionalText(row.column.as_deref()),
                    Param::Text(&row.reason),
                    Param::Text(row.state.as_str()),
                    Param::Text(row.form.as_str()),
                    Param::Int(0),
                    Param::Int(0),
                    Param::Int(0),
                    Param::Bytes(&row.sealed),
                    Param::Text(&now),
                ]
            })
            .collect();
        let sql = format!(
            "insert into {} (id, run_id, table_index, ordinal, source, target, code, column_name,
                             reason, state, form, version, steps, top, sealed, quarantined_at)
             values {}",
            table(session.engine(), "quarantine"),
            placeholders(rows.len(), COLUMNS)
        );
        session.execute(&sql, &params).await?;
    }
    Ok(())
}

/// `($1, $2), ($3, $4)` for two rows of two columns.
pub(crate) fn placeholders(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let cells: Vec<String> =
            (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", cells.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

fn names(names: &[String]) -> String {
    serde_json::to_string(names).expect("names are texts")
}

fn cut(range: &ChunkRange) -> String {
    serde_json::to_string(range).expect("a range has texts and numbers only")
}

fn run_record(row: &[Option<String>]) -> Option<RunRecord> {
    let mut cells = row.iter().flatten();
    Some(RunRecord {
        run_id: cells.next()?.clone(),
        plan_hash: cells.next()?.clone(),
        plan_name: cells.next()?.clone(),
        state: RunState::from_name(cells.next()?)?,
    })
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn unreadable() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "reading the ledger")
}
