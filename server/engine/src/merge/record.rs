//! What the target keeps of each merge: who decided it, and, sealed, all that is needed to take
//! it back. Written in the transaction that merges.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use shared::assessment::TableName;
use shared::connection::Engine;
use shared::duplicate::{ClusterId, RecordId};
use shared::error_code::ErrorCode;
pub use shared::matching::MergeState;

use crate::error::{EngineError, Result};
use crate::load::ledger::{placeholders, table};
use crate::load::row_image::Cell;
use crate::load::{Param, Session};
use crate::seal::{self, Key};
use crate::value::Value;

/// People who are to become one, and whose word that is. Without it there is no merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Names the merge for good.
    pub id: String,
    pub cluster: Option<ClusterId>,
    pub members: Vec<RecordId>,
    pub decision: Decided,
}

/// The decision that a merge rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    pub by: By,
    pub at: DateTime<Utc>,
    /// What it rests on: a model's fingerprint, a weight. Never a value.
    pub basis: String,
}

/// Whose word a decision is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// The plan's policy, without anybody's look.
    Policy,
    Person(String),
}

impl By {
    fn parse(text: &str) -> Self {
        match text.strip_prefix("person ") {
            Some(name) => Self::Person(name.to_owned()),
            None => Self::Policy,
        }
    }
}

impl std::fmt::Display for By {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Policy => f.write_str("policy"),
            Self::Person(name) => write!(f, "person {name}"),
        }
    }
}

/// A merge as the target knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    pub order: Order,
    /// The table that they are rows of.
    pub people: TableName,
    /// The run whose rows it merged; none where no run of ours loaded them.
    pub run_id: Option<String>,
    pub state: MergeState,
    /// Whose row stayed.
    pub survivor: Option<RecordId>,
    /// Rows by table that went into others.
    pub removed: BTreeMap<TableName, u64>,
    /// Rows by table that refer to the survivor now.
    pub moved: BTreeMap<TableName, u64>,
    /// Why it could not be made.
    pub refusal: Option<Refusal>,
}

/// Why people were not merged. Names may appear in it, values never.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: ErrorCode,
    pub reason: String,
}

/// One change of the target, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// Rows of a table that referred to one row and refer to another now; by their locators.
    Moved { table: TableName, from: Vec<Cell>, to: Vec<Cell>, rows: Vec<MovedRow> },
    /// Rows that changed together, in one statement.
    Changed { rows: Vec<Change> },
    /// A row that went, whole.
    Removed {
        table: TableName,
        row: Vec<Cell>,
        version: Option<String>,
        /// Whether the books of the run count it.
        counts: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct MovedRow {
    pub(super) key: Vec<Cell>,
    /// What the target noted of who wrote it: PostgreSQL's number of a transaction, the number of
    /// a row of SQLite.
    pub(super) version: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) table: TableName,
    /// How the row is found now.
    pub(super) locator: Vec<Cell>,
    pub(super) before: Vec<Cell>,
    pub(super) after: Vec<Cell>,
    pub(super) version: Option<String>,
}

/// What a merge did, and which rows later merges must leave alone until it is taken back.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) steps: Vec<Step>,
    pub(super) touched: BTreeMap<String, Touch>,
}

/// What a merge had to do with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Touch {
    /// Others refer to it because of the merge.
    ReliedOn,
    Changed,
}

impl Done {
    pub(super) fn touch(&mut self, tag: String, how: Touch) {
        let known = self.touched.entry(tag).or_insert(how);
        *known = (*known).max(how);
    }
}

/// The tables of rows that went and that the books of the run count, one for each row.
pub(super) fn counted(steps: &[Step]) -> impl Iterator<Item = &TableName> {
    steps.iter().filter_map(|step| match step {
        Step::Removed { table, counts: true, .. } => Some(table),
        _ => None,
    })
}

/// Names a row without saying its key.
pub(super) fn tag(key: &Key, table: &TableName, locator: &[Value<'_>]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any length is a key");
    mac.update(table.to_string().as_bytes());
    for value in locator {
        mac.update(&[0]);
        mac.update(crate::value::display(value).unwrap_or_default().as_bytes());
    }
    mac.finalize().into_bytes().iter().take(16).fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Makes the tables of merges where they are missing.
pub fn create_statements(engine: Engine) -> Vec<String> {
    let bytes = if engine == Engine::Postgres { "bytea" } else { "blob" };
    let prefix = if engine == Engine::Postgres { "" } else { "_transfuse_" };
    let own = |name: &str| table(engine, name);
    vec![
        // One row a merge of people. Nobody becomes somebody else without a decision in it; what
        // is needed to take it back lies in it, sealed, from the same commit on.
        format!(
            "create table if not exists {} (
                id text primary key,
                run_id text not null,
                people text not null,
                cluster_id text,
                members text not null,
                state text not null,
                survivor text,
                decided_by text not null,
                decided_at text not null,
                basis text not null,
                ordinal bigint not null,
                sequence bigint,
                applied_at text,
                taken_back_by text,
                taken_back_at text,
                removed text,
                moved text,
                code text,
                reason text,
                sealed {bytes}
            )",
            own("merges")
        ),
        // The rows that a merge stands on, by names that say nothing of them.
        format!(
            "create table if not exists {} (
                merge_id text not null,
                run_id text not null,
                tag text not null,
                is_changed integer not null,
                primary key (merge_id, tag)
            )",
            own("merge_rows")
        ),
        // Runs that know whom they will merge: they are not decided on again.
        format!(
            "create table if not exists {} (
                run_id text primary key,
                order_count bigint not null,
                decided_at text not null
            )",
            own("merge_runs")
        ),
        format!(
            "create index if not exists {prefix}merges_by_run on {} (run_id, ordinal)",
            own("merges")
        ),
        format!(
            "create index if not exists {prefix}merge_rows_by_tag on {} (tag)",
            own("merge_rows")
        ),
    ]
}

/// Whether a run knows already whom it will merge.
pub async fn is_decided<S: Session>(session: &mut S, run_id: &str) -> Result<bool> {
    let sql =
        format!("select run_id from {} where run_id = $1", table(session.engine(), "merge_runs"));
    Ok(!session.fetch(&sql, &[Param::Text(run_id)]).await?.is_empty())
}

pub(super) async fn decided<S: Session>(
    session: &mut S,
    run_id: &str,
    orders: usize,
    now: DateTime<Utc>,
) -> Result<()> {
    let sql = format!(
        "insert into {} (run_id, order_count, decided_at) values ($1, $2, $3)",
        table(session.engine(), "merge_runs")
    );
    let orders = i64::try_from(orders).unwrap_or(i64::MAX);
    let params = [Param::Text(run_id), Param::Int(orders), Param::Text(&now.to_rfc3339())];
    session.execute(&sql, &params).await.map(drop)
}

/// Forgets the merges of a run that is gone.
pub async fn forget<S: Session>(session: &mut S, run_id: &str) -> Result<()> {
    if !is_kept(session).await? {
        return Ok(());
    }
    for name in ["merge_rows", "merges", "merge_runs"] {
        let sql = format!("delete from {} where run_id = $1", table(session.engine(), name));
        session.execute(&sql, &[Param::Text(run_id)]).await?;
    }
    Ok(())
}

/// Writes orders down before the first of them is carried out.
pub(super) async fn insert_orders<S: Session>(
    session: &mut S,
    run_id: &str,
    people: &TableName,
    orders: &[Order],
) -> Result<()> {
    const COLUMNS: usize = 10;
    let people = people.to_string();
    for (part, orders) in orders.chunks(100).enumerate() {
        let texts: Vec<[String; 3]> = orders
            .iter()
            .map(|order| {
                let members = serde_json::to_string(&order.members).expect("ids are texts");
                [members, order.decision.by.to_string(), order.decision.at.to_rfc3339()]
            })
            .collect();
        let mut params = Vec::with_capacity(orders.len() * COLUMNS);
        for (ordinal, (order, [members, by, at])) in orders.iter().zip(&texts).enumerate() {
            let ordinal = i64::try_from(part * 100 + ordinal).unwrap_or(i64::MAX);
            params.extend([
                Param::Text(&order.id),
                Param::Text(run_id),
                Param::Text(&people),
                Param::OptionalText(order.cluster.as_ref().map(ClusterId::as_str)),
                Param::Text(members),
                Param::Text(MergeState::Decided.as_str()),
                Param::Text(by),
                Param::Text(at),
                Param::Text(&order.decision.basis),
                Param::Int(ordinal),
            ]);
        }
        let sql = format!(
            "insert into {} (id, run_id, people, cluster_id, members, state, decided_by,
                             decided_at, basis, ordinal)
             values {}",
            table(session.engine(), "merges"),
            placeholders(orders.len(), COLUMNS)
        );
        session.execute(&sql, &params).await?;
    }
    Ok(())
}

/// Orders of a run that are still to be carried out, in their order.
pub(super) async fn waiting<S: Session>(
    session: &mut S,
    run_id: &str,
    limit: usize,
) -> Result<Vec<Order>> {
    let merges = select(
        session,
        "run_id = $1 and state = 'decided' order by ordinal, id limit $2",
        &[Param::Text(run_id), Param::Int(i64::try_from(limit).unwrap_or(i64::MAX))],
    )
    .await?;
    Ok(merges.into_iter().map(|merge| merge.order).collect())
}

/// Whether the target has records of merges at all.
pub(super) async fn is_kept<S: Session>(session: &mut S) -> Result<bool> {
    let sql = match session.engine() {
        Engine::Postgres => "select to_regclass('transfuse.merges')::text",
        _ => "select max(name) from sqlite_schema where name = '_transfuse_merges'",
    };
    let found = session.fetch(sql, &[]).await?;
    Ok(found.into_iter().flatten().flatten().next().is_some())
}

/// A merge, whatever became of it.
pub async fn find<S: Session>(session: &mut S, id: &str) -> Result<Option<Merge>> {
    Ok(select(session, "id = $1", &[Param::Text(id)]).await?.into_iter().next())
}

/// Merges of a run, the latest first; of all runs when none is named.
pub async fn list<S: Session>(session: &mut S, run_id: Option<&str>) -> Result<Vec<Merge>> {
    match run_id {
        Some(run) => {
            select(session, "run_id = $1 order by sequence desc, id", &[Param::Text(run)]).await
        }
        None => select(session, "1 = 1 order by sequence desc, id", &[]).await,
    }
}

async fn select<S: Session>(
    session: &mut S,
    condition: &str,
    params: &[Param<'_>],
) -> Result<Vec<Merge>> {
    let sql = format!(
        "select id, run_id, people, cluster_id, members, state, survivor, decided_by, decided_at, basis,
                removed, moved, code, reason
         from {} as merge where {condition}",
        table(session.engine(), "merges")
    );
    session.fetch(&sql, params).await?.into_iter().map(merge_of).collect()
}

fn merge_of(row: Vec<Option<String>>) -> Result<Merge> {
    let [
        id,
        run,
        people,
        cluster,
        members,
        state,
        survivor,
        by,
        at,
        basis,
        removed,
        moved,
        code,
        reason,
    ] = <[_; 14]>::try_from(row).map_err(|_| unreadable())?;
    let json = |text: Option<String>| match text {
        Some(text) => serde_json::from_str(&text).map_err(|_| unreadable()),
        None => Ok(BTreeMap::new()),
    };
    let refusal = match (code, reason) {
        (Some(code), Some(reason)) => {
            Some(Refusal { code: ErrorCode::from_name(&code).ok_or_else(unreadable)?, reason })
        }
        _ => None,
    };
    Ok(Merge {
        order: Order {
            id: id.ok_or_else(unreadable)?,
            cluster: cluster.map(ClusterId),
            members: members
                .and_then(|text| serde_json::from_str(&text).ok())
                .ok_or_else(unreadable)?,
            decision: Decided {
                by: By::parse(&by.ok_or_else(unreadable)?),
                at: at.and_then(|text| text.parse().ok()).ok_or_else(unreadable)?,
                basis: basis.ok_or_else(unreadable)?,
            },
        },
        people: people.and_then(|name| name.parse().ok()).ok_or_else(unreadable)?,
        run_id: run.filter(|run| !run.is_empty()),
        state: state.and_then(|name| MergeState::from_name(&name)).ok_or_else(unreadable)?,
        survivor: survivor.map(RecordId),
        removed: json(removed)?,
        moved: json(moved)?,
        refusal,
    })
}

/// Writes down what a merge did.
pub(super) async fn applied<S: Session>(
    session: &mut S,
    key: &Key,
    order: &Order,
    run_id: &str,
    survivor: &RecordId,
    done: &Done,
    now: DateTime<Utc>,
) -> Result<()> {
    let engine = session.engine();
    let (mut removed, mut moved) = (BTreeMap::<TableName, u64>::new(), BTreeMap::new());
    for step in &done.steps {
        match step {
            Step::Removed { table, .. } => *removed.entry(table.clone()).or_default() += 1,
            Step::Moved { table, rows, .. } => {
                *moved.entry(table.clone()).or_default() += rows.len() as u64;
            }
            Step::Changed { rows } => {
                for row in rows {
                    *moved.entry(row.table.clone()).or_default() += 1;
                }
            }
        }
    }
    let plain = serde_json::to_vec(&done.steps).map_err(|error| unreadable().because(error))?;
    let sealed = seal::seal(key, &plain)?;
    let sql = format!(
        "update {merges}
         set state = 'applied', survivor = $2, applied_at = $3, removed = $4, moved = $5,
             sealed = $6,
             sequence = (select coalesce(max(other.sequence), 0) + 1 from {merges} as other)
         where id = $1",
        merges = table(engine, "merges")
    );
    let json = |counts: &BTreeMap<TableName, u64>| {
        serde_json::to_string(counts).expect("names of tables are texts")
    };
    let (removed_json, moved_json) = (json(&removed), json(&moved));
    let params = [
        Param::Text(&order.id),
        Param::Text(survivor.as_str()),
        Param::Text(&now.to_rfc3339()),
        Param::Text(&removed_json),
        Param::Text(&moved_json),
        Param::Bytes(&sealed),
    ];
    session.execute(&sql, &params).await?;
    let sql = format!(
        "insert into {} (merge_id, run_id, tag, is_changed) values ($1, $2, $3, $4)",
        table(engine, "merge_rows")
    );
    for (tag, touch) in &done.touched {
        let params = [
            Param::Text(&order.id),
            Param::Text(run_id),
            Param::Text(tag),
            Param::Int((*touch == Touch::Changed).into()),
        ];
        session.execute(&sql, &params).await?;
    }
    Ok(())
}

pub(super) async fn refused<S: Session>(
    session: &mut S,
    id: &str,
    refusal: &Refusal,
) -> Result<()> {
    let sql = format!(
        "update {} set state = 'refused', code = $2, reason = $3 where id = $1",
        table(session.engine(), "merges")
    );
    let params =
        [Param::Text(id), Param::Text(refusal.code.as_str()), Param::Text(&refusal.reason)];
    session.execute(&sql, &params).await.map(drop)
}

pub(super) async fn taken_back<S: Session>(
    session: &mut S,
    id: &str,
    by: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let engine = session.engine();
    // What it took away is back where it belongs; nothing of it has to lie here any longer.
    let sql = format!(
        "update {} set state = 'taken_back', taken_back_by = $2, taken_back_at = $3, sealed = null
         where id = $1",
        table(engine, "merges")
    );
    session
        .execute(&sql, &[Param::Text(id), Param::Text(by), Param::Text(&now.to_rfc3339())])
        .await?;
    let sql = format!("delete from {} where merge_id = $1", table(engine, "merge_rows"));
    session.execute(&sql, &[Param::Text(id)]).await.map(drop)
}

/// What a merge did, opened.
pub(super) async fn steps<S: Session>(session: &mut S, key: &Key, id: &str) -> Result<Vec<Step>> {
    let sql = format!("select sealed from {} where id = $1", table(session.engine(), "merges"));
    let sealed = session.fetch_bytes(&sql, &[Param::Text(id)]).await?.ok_or_else(unreadable)?;
    let plain = seal::open(key, &sealed)?;
    serde_json::from_slice(&plain).map_err(|error| unreadable().because(error))
}

/// Later merges that have to be taken back before this one: they stand on what it did.
pub(super) async fn later<S: Session>(session: &mut S, id: &str) -> Result<BTreeSet<String>> {
    let engine = session.engine();
    let (merges, rows) = (table(engine, "merges"), table(engine, "merge_rows"));
    let sql = format!(
        "select distinct theirs.merge_id
         from {rows} as own
         join {rows} as theirs on theirs.tag = own.tag and theirs.merge_id <> own.merge_id
         join {merges} as this on this.id = own.merge_id
         join {merges} as other on other.id = theirs.merge_id
         where own.merge_id = $1 and other.state = 'applied' and other.sequence > this.sequence
           and own.is_changed + theirs.is_changed > 0"
    );
    let found = session.fetch(&sql, &[Param::Text(id)]).await?;
    Ok(found.into_iter().flatten().flatten().collect())
}

fn unreadable() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "reading the record of a merge")
}
