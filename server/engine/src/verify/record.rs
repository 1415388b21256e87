//! What a verification leaves in the target: that it was made, how far it is, what it found.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use shared::assessment::TableName;
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use shared::verification::{MismatchKind, MismatchState, Mode, VerificationState};

use super::matcher::Difference;
use super::table::Comparison;
use crate::error::{EngineError, Result};
use crate::load::{LoadColumn, LoadTable, Param, Piece as _, Session, ledger};
use crate::seal::{self, Key};
use crate::value::Value;

/// Makes the tables of verifications where they are missing.
pub(super) fn create_statements(engine: Engine) -> Vec<String> {
    let bytes = if engine == Engine::Postgres { "bytea" } else { "blob" };
    let own = |name: &str| ledger::table(engine, name);
    vec![
        format!(
            "create table if not exists {} (
                id text primary key,
                run_id text,
                plan_hash text not null,
                plan_name text not null,
                mode text not null,
                state text not null,
                started_at text not null,
                ended_at text,
                marks text not null,
                -- The columns by which rows of each table are told apart.
                identities text not null,
                findings text
            )",
            own("verifications")
        ),
        // Parts of tables that were compared. A verification that goes on leaves them out.
        format!(
            "create table if not exists {} (
                verification_id text not null,
                table_index integer not null,
                first_chunk integer not null,
                last_chunk integer not null,
                source_rows bigint not null,
                compared bigint not null,
                target_rows bigint not null,
                missing bigint not null,
                extra bigint not null,
                different bigint not null,
                primary key (verification_id, table_index, first_chunk)
            )",
            own("segments")
        ),
        // Keys may identify somebody: a digest tells rows apart, and the key itself is sealed.
        format!(
            "create table if not exists {} (
                verification_id text not null,
                table_index integer not null,
                key_digest text not null,
                kind text not null,
                target text not null,
                columns text not null,
                -- The chunk of the source that the row is in, and the part that it was found in.
                chunk integer,
                first_chunk integer not null,
                sealed_key {bytes} not null,
                state text not null,
                -- Why a repair could not make the row alike.
                refused text,
                found_at text not null,
                primary key (verification_id, table_index, key_digest, kind)
            )",
            own("mismatches")
        ),
        // Quarantined rows are asked for by chunk.
        format!(
            "create index if not exists {}quarantine_by_chunk on {} (run_id, table_index, ordinal)",
            if engine == Engine::Postgres { "" } else { "_transfuse_" },
            own("quarantine")
        ),
    ]
}

/// A verification as the target knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) run_id: Option<String>,
    pub(super) plan_hash: String,
    pub(super) plan_name: String,
    pub(super) mode: Mode,
    pub(super) state: VerificationState,
    /// What both sides were when it began, as JSON.
    pub(super) marks: String,
    /// By what rows are told apart, as JSON of [`Identities`].
    pub(super) identities: String,
    /// What it found, as JSON, once it is through.
    pub(super) findings: Option<String>,
}

/// For each table of the target the columns by which its rows are told apart.
pub(super) type Identities = BTreeMap<String, Vec<(String, DataType)>>;

/// Whether the target has records of verifications at all.
pub(super) async fn is_kept<S: Session>(session: &mut S) -> Result<bool> {
    let sql = match session.engine() {
        Engine::Postgres => "select to_regclass('transfuse.verifications')::text",
        _ => "select max(name) from sqlite_schema where name = '_transfuse_verifications'",
    };
    let found = session.fetch(sql, &[]).await?;
    Ok(found.into_iter().flatten().flatten().next().is_some())
}

/// A part of a table that was compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) table_index: u32,
    pub(super) first_chunk: u32,
    pub(super) last_chunk: u32,
    pub(super) counts: Counts,
}

/// What comparing a part of a table, or all of it, came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) source_rows: u64,
    pub(super) compared: u64,
    pub(super) target_rows: u64,
    pub(super) missing: u64,
    pub(super) extra: u64,
    pub(super) different: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.source_rows += other.source_rows;
        self.compared += other.compared;
        self.target_rows += other.target_rows;
        self.missing += other.missing;
        self.extra += other.extra;
        self.different += other.different;
    }
}

/// Which verification is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Latest,
    /// The latest that compared whole tables and came to its end.
    LatestWhole,
}

/// A verification of a plan version.
pub(super) async fn find<S: Session>(
    session: &mut S,
    plan_hash: &str,
    which: Which,
) -> Result<Option<Record>> {
    let narrowed = match which {
        Which::Latest => "",
        Which::LatestWhole => " and state in ('equal', 'different') and mode <> 'sample'",
    };
    let sql = format!(
        "select id, run_id, plan_hash, plan_name, mode, state, marks, identities, findings from {}
         where plan_hash = $1{narrowed}
         order by started_at desc
         limit 1",
        ledger::table(session.engine(), "verifications")
    );
    let rows = session.fetch(&sql, &[Param::Text(plan_hash)]).await?;
    rows.into_iter().next().map(record_of).transpose()
}

pub(super) async fn insert<S: Session>(
    session: &mut S,
    record: &Record,
    now: DateTime<Utc>,
) -> Result<()> {
    let sql = format!(
        "insert into {} (id, run_id, plan_hash, plan_name, mode, state, started_at, marks, identities)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        ledger::table(session.engine(), "verifications")
    );
    let params = [
        Param::Text(&record.id),
        Param::OptionalText(record.run_id.as_deref()),
        Param::Text(&record.plan_hash),
        Param::Text(&record.plan_name),
        Param::Text(record.mode.as_str()),
        Param::Text(record.state.as_str()),
        Param::Text(&now.to_rfc3339()),
        Param::Text(&record.marks),
        Param::Text(&record.identities),
    ];
    session.execute(&sql, &params).await.map(drop)
}

pub(super) async fn set_state<S: Session>(
    session: &mut S,
    id: &str,
    state: VerificationState,
    findings: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    let sql = format!(
        "update {} set state = $2, ended_at = $3, findings = $4 where id = $1",
        ledger::table(session.engine(), "verifications")
    );
    let ended = (state != VerificationState::Running).then(|| now.to_rfc3339());
    let params = [
        Param::Text(id),
        Param::Text(state.as_str()),
        Param::OptionalText(ended.as_deref()),
        Param::OptionalText(findings),
    ];
    session.execute(&sql, &params).await.map(drop)
}

/// Gives up verifications that are said to be under way: they can go on. The caller knows that
/// nobody works on any.
pub(super) async fn give_up<S: Session>(session: &mut S, now: DateTime<Utc>) -> Result<()> {
    let sql = format!(
        "update {} set state = $1, ended_at = $2 where state = $3",
        ledger::table(session.engine(), "verifications")
    );
    let params = [
        Param::Text(VerificationState::Failed.as_str()),
        Param::Text(&now.to_rfc3339()),
        Param::Text(VerificationState::Running.as_str()),
    ];
    session.execute(&sql, &params).await.map(drop)
}

pub(super) async fn segments<S: Session>(session: &mut S, id: &str) -> Result<Vec<Segment>> {
    let columns = [
        "table_index",
        "first_chunk",
        "last_chunk",
        "source_rows",
        "compared",
        "target_rows",
        "missing",
        "extra",
        "different",
    ];
    let texts: Vec<String> =
        columns.iter().map(|column| format!("cast({column} as text)")).collect();
    let sql = format!(
        "select {} from {} where verification_id = $1",
        texts.join(", "),
        ledger::table(session.engine(), "segments")
    );
    let rows = session.fetch(&sql, &[Param::Text(id)]).await?;
    rows.iter()
        .map(|row| {
            let number = |column: usize| {
                row[column].as_deref().and_then(|text| text.parse().ok()).ok_or_else(unreadable)
            };
            let short = |column| {
                number(column).and_then(|n: u64| u32::try_from(n).map_err(|_| unreadable()))
            };
            Ok(Segment {
                table_index: short(0)?,
                first_chunk: short(1)?,
                last_chunk: short(2)?,
                counts: Counts {
                    source_rows: number(3)?,
                    compared: number(4)?,
                    target_rows: number(5)?,
                    missing: number(6)?,
                    extra: number(7)?,
                    different: number(8)?,
                },
            })
        })
        .collect()
}

pub(super) async fn insert_segment<S: Session>(
    session: &mut S,
    id: &str,
    segment: &Segment,
) -> Result<()> {
    let sql = format!(
        "insert into {} (verification_id, table_index, first_chunk, last_chunk, source_rows,
                         compared, target_rows, missing, extra, different)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        ledger::table(session.engine(), "segments")
    );
    let counts = segment.counts;
    let signed = |count: u64| Param::Int(i64::try_from(count).unwrap_or(i64::MAX));
    let params = [
        Param::Text(id),
        Param::Int(segment.table_index.into()),
        Param::Int(segment.first_chunk.into()),
        Param::Int(segment.last_chunk.into()),
        signed(counts.source_rows),
        signed(counts.compared),
        signed(counts.target_rows),
        signed(counts.missing),
        signed(counts.extra),
        signed(counts.different),
    ];
    session.execute(&sql, &params).await.map(drop)
}

/// A verification by its id.
pub(super) async fn find_by_id<S: Session>(session: &mut S, id: &str) -> Result<Option<Record>> {
    let sql = format!(
        "select id, run_id, plan_hash, plan_name, mode, state, marks, identities, findings from {}
         where id = $1",
        ledger::table(session.engine(), "verifications")
    );
    let rows = session.fetch(&sql, &[Param::Text(id)]).await?;
    rows.into_iter().next().map(record_of).transpose()
}

/// Where a mismatch stands in the order in which they are repaired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) chunk: i64,
    pub(super) key_digest: String,
}

impl Default for Place {
    fn default() -> Self {
        Self { chunk: i64::MIN, key_digest: String::new() }
    }
}

/// A mismatch that is to be repaired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenMismatch {
    pub(super) place: Place,
    pub(super) kind: MismatchKind,
    /// What tells the row apart, opened.
    pub(super) identity: Vec<u8>,
}

/// Some mismatches of a table that wait, all of one chunk. `again` means those that were refused.
pub(super) async fn open_mismatches<S: Session>(
    session: &mut S,
    request: OpenRequest<'_>,
    after: &Place,
    limit: u32,
) -> Result<Vec<OpenMismatch>> {
    let engine = session.engine();
    let sealed = match engine {
        Engine::Postgres => "encode(sealed_key, 'hex')",
        _ => "hex(sealed_key)",
    };
    let kinds: Vec<String> =
        request.kinds.iter().map(|kind| format!("'{}'", kind.as_str())).collect();
    let refused = if request.again { "is not null" } else { "is null" };
    let sql = format!(
        "select cast(coalesce(chunk, first_chunk) as text), key_digest, kind, {sealed}
         from {} as mismatches
         where verification_id = $1 and table_index = $2 and state = 'open' and refused {refused}
           and kind in ({})
           and (coalesce(chunk, first_chunk) > $3
                or coalesce(chunk, first_chunk) = $3 and key_digest > $4)
         order by coalesce(chunk, first_chunk), key_digest
         limit $5",
        ledger::table(engine, "mismatches"),
        kinds.join(", ")
    );
    let params = [
        Param::Text(request.verification),
        Param::Int(request.table_index.into()),
        Param::Int(after.chunk),
        Param::Text(&after.key_digest),
        Param::Int(limit.into()),
    ];
    let rows = session.fetch(&sql, &params).await?;
    let mut found: Vec<OpenMismatch> = Vec::with_capacity(rows.len());
    for row in rows {
        let [Some(chunk), Some(key_digest), Some(kind), Some(sealed)] =
            <[Option<String>; 4]>::try_from(row).map_err(|_| unreadable())?
        else {
            return Err(unreadable());
        };
        let chunk = chunk.parse().map_err(|_| unreadable())?;
        if found.first().is_some_and(|first| first.place.chunk != chunk) {
            break;
        }
        let sealed = super::canonical::from_hexadecimal(sealed.as_bytes());
        let sealed = sealed.ok_or_else(unreadable)?;
        found.push(OpenMismatch {
            place: Place { chunk, key_digest },
            kind: MismatchKind::from_name(&kind).ok_or_else(unreadable)?,
            identity: seal::open(request.key, &sealed)?,
        });
    }
    Ok(found)
}

/// Which mismatches wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenRequest<'a> {
    pub(super) verification: &'a str,
    pub(super) table_index: u32,
    pub(super) kinds: &'a [MismatchKind],
    pub(super) again: bool,
    pub(super) key: &'a Key,
}

/// Writes down what became of a mismatch, in the transaction that did it.
pub(super) async fn settle<S: Session>(
    session: &mut S,
    verification: &str,
    table_index: u32,
    mismatch: &OpenMismatch,
    state: MismatchState,
    refused: Option<ErrorCode>,
) -> Result<()> {
    let sql = format!(
        "update {} set state = $1, refused = $2
         where verification_id = $3 and table_index = $4 and key_digest = $5 and kind = $6",
        ledger::table(session.engine(), "mismatches")
    );
    let params = [
        Param::Text(state.as_str()),
        Param::OptionalText(refused.map(ErrorCode::as_str)),
        Param::Text(verification),
        Param::Int(table_index.into()),
        Param::Text(&mismatch.place.key_digest),
        Param::Text(mismatch.kind.as_str()),
    ];
    session.execute(&sql, &params).await.map(drop)
}

/// Digests and kinds of the mismatches of a segment, hashed: they tell whether one was found
/// before.
pub(super) async fn found_before<S: Session>(
    session: &mut S,
    id: &str,
    segment: &Segment,
) -> Result<HashSet<u64>> {
    let sql = format!(
        "select key_digest, kind from {}
         where verification_id = $1 and table_index = $2 and first_chunk = $3 and key_digest > $4
         order by key_digest, kind
         limit $5",
        ledger::table(session.engine(), "mismatches")
    );
    let mut found = HashSet::new();
    let mut last = String::new();
    loop {
        let params = [
            Param::Text(id),
            Param::Int(segment.table_index.into()),
            Param::Int(segment.first_chunk.into()),
            Param::Text(&last),
            Param::Int(DIGESTS_AT_ONCE),
        ];
        let rows = session.fetch(&sql, &params).await?;
        let Some(Some(next)) = rows.last().map(|row| row[0].clone()) else { return Ok(found) };
        for row in rows {
            let [Some(digest), Some(kind)] = row.as_slice() else { return Err(unreadable()) };
            let kind = MismatchKind::from_name(kind).ok_or_else(unreadable)?;
            found.insert(digest_hash(digest, kind));
        }
        last = next;
    }
}

/// What [`found_before`] knows a mismatch by.
pub(super) fn digest_hash(digest: &str, kind: MismatchKind) -> u64 {
    super::hash::hash(format!("{digest} {}", kind.as_str()).as_bytes(), 4)
}

const DIGESTS_AT_ONCE: i64 = 10_000;

/// Forgets what was found in a segment, so that it can be written down anew.
pub(super) async fn forget_segment<S: Session>(
    session: &mut S,
    id: &str,
    segment: &Segment,
) -> Result<()> {
    for table in ["mismatches", "segments"] {
        let sql = format!(
            "delete from {} where verification_id = $1 and table_index = $2 and first_chunk = $3",
            ledger::table(session.engine(), table)
        );
        let params = [
            Param::Text(id),
            Param::Int(segment.table_index.into()),
            Param::Int(segment.first_chunk.into()),
        ];
        session.execute(&sql, &params).await?;
    }
    Ok(())
}

/// Writes mismatches as they are found, some thousand at a time, in the transaction that is open.
pub(super) struct MismatchWriter<'a, S: Session> {
    table: LoadTable,
    piece: S::Piece,
    verification: &'a str,
    segment: &'a Segment,
    target: &'a TableName,
    key: &'a Key,
    found_at: String,
}

const ROWS_A_PIECE: usize = 2_000;

impl<'a, S: Session> MismatchWriter<'a, S> {
    pub(super) fn new(
        session: &S,
        verification: &'a str,
        comparison: &'a Comparison,
        segment: &'a Segment,
        key: &'a Key,
        now: DateTime<Utc>,
    ) -> Self {
        let table = mismatches(session.engine());
        Self {
            piece: session.piece(&table),
            table,
            verification,
            segment,
            target: &comparison.target,
            key,
            found_at: now.to_rfc3339(),
        }
    }

    /// Adds one; true when it is time to write.
    pub(super) fn push(
        &mut self,
        comparison: &Comparison,
        difference: &Difference,
    ) -> Result<bool> {
        let columns: Vec<&str> = difference
            .columns
            .iter()
            .map(|place| comparison.columns[*place].name.as_str())
            .collect();
        let columns = serde_json::to_string(&columns).map_err(|error| failed().because(error))?;
        let digest = digest(self.key, self.target, &difference.identity, difference.copy);
        let sealed = seal::seal(self.key, &difference.identity)?;
        let row = [
            text(self.verification),
            Value::Int(self.segment.table_index.into()),
            text(&digest),
            text(difference.kind.as_str()),
            Value::Text(self.target.to_string().into()),
            text(&columns),
            difference.ordinal.map_or(Value::Null, |ordinal| Value::Int(ordinal.into())),
            Value::Int(self.segment.first_chunk.into()),
            Value::Bytes(sealed.as_slice().into()),
            text("open"),
            text(&self.found_at),
        ];
        self.piece.push(&row).map_err(|_| failed())?;
        Ok(self.piece.rows() >= ROWS_A_PIECE)
    }

    /// Whether a mismatch is one of those known.
    pub(super) fn is_among(
        &self,
        known: &HashSet<u64>,
        comparison: &Comparison,
        difference: &Difference,
    ) -> bool {
        let digest = digest(self.key, &comparison.target, &difference.identity, difference.copy);
        known.contains(&digest_hash(&digest, difference.kind))
    }

    pub(super) async fn write(&mut self, session: &mut S) -> Result<()> {
        if self.piece.rows() > 0 {
            let refused = session.write(&self.table, &self.piece).await?;
            if !refused.is_empty() {
                return Err(failed());
            }
            self.piece.clear();
        }
        Ok(())
    }
}

/// A keyed digest of what tells a row apart: the same row has the same in every verification, and
/// nobody without the installation's key can find out whose it is.
pub(super) fn digest(key: &Key, target: &TableName, identity: &[u8], copy: u32) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length");
    mac.update(b"transfuse mismatch\0");
    mac.update(target.to_string().as_bytes());
    mac.update(&[0]);
    mac.update(identity);
    mac.update(&copy.to_le_bytes());
    mac.finalize().into_bytes().iter().take(16).fold(String::new(), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn mismatches(engine: Engine) -> LoadTable {
    let name = match engine {
        Engine::Postgres => TableName::new(Some("transfuse"), "mismatches"),
        _ => TableName::new(None, "_transfuse_mismatches"),
    };
    let column = |name: &str, data_type| LoadColumn {
        name: name.to_owned(),
        data_type,
        is_enum: false,
        is_raw: false,
    };
    LoadTable {
        name,
        columns: vec![
            column("verification_id", DataType::Text),
            column("table_index", DataType::Integer),
            column("key_digest", DataType::Text),
            column("kind", DataType::Text),
            column("target", DataType::Text),
            column("columns", DataType::Text),
            column("chunk", DataType::Integer),
            column("first_chunk", DataType::Integer),
            column("sealed_key", DataType::Bytea),
            column("state", DataType::Text),
            column("found_at", DataType::Text),
        ],
    }
}

fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

fn record_of(row: Vec<Option<String>>) -> Result<Record> {
    let [id, run_id, plan_hash, plan_name, mode, state, marks, identities, findings] =
        <[_; 9]>::try_from(row).map_err(|_| unreadable())?;
    Ok(Record {
        id: id.ok_or_else(unreadable)?,
        run_id,
        plan_hash: plan_hash.ok_or_else(unreadable)?,
        plan_name: plan_name.ok_or_else(unreadable)?,
        mode: mode.as_deref().and_then(Mode::from_name).ok_or_else(unreadable)?,
        state: state.as_deref().and_then(VerificationState::from_name).ok_or_else(unreadable)?,
        marks: marks.ok_or_else(unreadable)?,
        identities: identities.ok_or_else(unreadable)?,
        findings,
    })
}

fn unreadable() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "reading what was verified")
}

fn failed() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "writing down what differs")
}
