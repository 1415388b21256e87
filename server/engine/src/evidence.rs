//! Gathers what the target knows of a run, for whoever has to vouch for it.
//!
//! Everything is read from what was written down when it happened: gathered twice, it is the same.
//! No value of a row is in it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::evidence::{
    Evidence, FORMAT, MadeEvidence, MergeEvidence, MismatchEvidence, QuarantineEvidence,
    RunEvidence, TableEvidence, VerificationEvidence, WorkEvidence,
};
use shared::id::RunId;
use shared::plan::Plan;
use shared::quarantine::QuarantineState;
use shared::run::Books;
use shared::verification::{MismatchKind, MismatchState, Mode, VerificationState};

use crate::clinical;
use crate::error::{EngineError, Result};
use crate::load::ledger::{self, SignedBooks};
use crate::load::{Param, PostgresTarget, Session, SqliteTarget, Target, blueprint, claim};
use crate::merge;

/// What is known of a run, and its plan as it was run, without passwords.
#[derive(Debug, Clone, PartialEq)]
pub struct Gathered {
    pub evidence: Evidence,
    pub plan: Option<Plan>,
}

/// Everything that a target knows of a run; none when it knows no such run.
pub async fn gather(target_url: &str, run: &RunId) -> Result<Option<Gathered>> {
    match Engine::of_url(target_url) {
        Some(Engine::Postgres) => {
            of_run(&mut PostgresTarget::new(target_url).session().await?, run).await
        }
        Some(Engine::Sqlite) => {
            of_run(&mut SqliteTarget::new(target_url).session().await?, run).await
        }
        _ => Err(EngineError::new(ErrorCode::Conn006, "opening the target of a run")),
    }
}

async fn of_run<S: Session>(session: &mut S, run: &RunId) -> Result<Option<Gathered>> {
    if !ledger::is_there(session).await? {
        return Ok(None);
    }
    let engine = session.engine();
    let id = run.as_str();
    let sql = format!(
        "select plan_hash, plan_name, state, started_at, ended_at from {} where run_id = $1",
        ledger::table(engine, "runs")
    );
    let found = session.fetch(&sql, &[Param::Text(id)]).await?;
    let Some(row) = found.into_iter().next() else { return Ok(None) };
    let mut cells = Cells::of(row);
    let run_evidence = RunEvidence {
        id: run.clone(),
        plan_hash: cells.text()?,
        plan_name: cells.text()?,
        state: shared::run::RunState::from_name(&cells.text()?).ok_or_else(unreadable)?,
        started_at: cells.time()?,
        ended_at: cells.optional().map(|text| time(&text)).transpose()?,
        source_position: claim::source_state(session, id).await?,
        made: made(session, id).await?,
    };
    let plan = blueprint::find(session, id).await?.map(|blueprint| blueprint.plan);
    let tables = tables(session, id).await?;
    let evidence = Evidence {
        format: FORMAT,
        run: run_evidence,
        books_close: tables.iter().all(|table| table.books.close()),
        tables,
        forecast: None,
        losses: plan.as_ref().map(Plan::losses).unwrap_or_default(),
        quarantine: quarantine(session, id).await?,
        quarantine_work: work(session, id).await?,
        merges: merges(session, id).await?,
        verifications: verifications(session, id).await?,
        repairs: Vec::new(),
        sign_offs: Vec::new(),
        checks: clinical::of_run(session, id).await?,
        approvals: Vec::new(),
        deeds: Vec::new(),
    };
    Ok(Some(Gathered { evidence, plan }))
}

async fn made<S: Session>(session: &mut S, run: &str) -> Result<Vec<MadeEvidence>> {
    let objects = ledger::objects(session, run).await?;
    Ok(objects
        .into_iter()
        .rev()
        .map(|object| MadeEvidence { kind: object.kind, name: object.name })
        .collect())
}

async fn tables<S: Session>(session: &mut S, run: &str) -> Result<Vec<TableEvidence>> {
    #[derive(Default)]
    struct Sum {
        books: SignedBooks,
        chunks: u64,
        bytes: u64,
        seconds: f64,
    }
    let mut sums: BTreeMap<u32, Sum> = BTreeMap::new();
    for entry in ledger::entries(session, run).await? {
        let sum = sums.entry(entry.table_index).or_default();
        sum.books += entry.books;
        sum.chunks += u64::from(entry.ordinal >= 0);
        sum.bytes += entry.bytes;
        sum.seconds += entry.seconds;
    }
    let records = ledger::tables(session, run).await?;
    Ok(records
        .into_iter()
        .map(|record| {
            let sum = sums.remove(&record.table_index).unwrap_or_default();
            let count = |rows: i64| u64::try_from(rows).unwrap_or(0);
            TableEvidence {
                source: record.source,
                target: record.target,
                books: Books {
                    read: count(sum.books.read),
                    loaded: count(sum.books.loaded),
                    merged: count(sum.books.merged),
                    filtered: count(sum.books.filtered),
                    quarantined: count(sum.books.quarantined),
                },
                chunks: sum.chunks,
                bytes: sum.bytes,
                seconds: (sum.seconds * 1000.0).round() / 1000.0,
            }
        })
        .collect())
}

async fn quarantine<S: Session>(session: &mut S, run: &str) -> Result<Vec<QuarantineEvidence>> {
    let sql = format!(
        "select target, code, column_name, state, cast(count(*) as text)
         from {}
         where run_id = $1
         group by target, code, column_name, state
         order by target, code, column_name, state",
        ledger::table(session.engine(), "quarantine")
    );
    let rows = session.fetch(&sql, &[Param::Text(run)]).await?;
    let read = rows.into_iter().map(|row| {
        let mut cells = Cells::of(row);
        Ok(QuarantineEvidence {
            target: cells.parsed()?,
            code: ErrorCode::from_name(&cells.text()?).ok_or_else(unreadable)?,
            column: cells.optional(),
            state: QuarantineState::from_name(&cells.text()?).ok_or_else(unreadable)?,
            rows: cells.parsed()?,
        })
    });
    let mut read: Vec<QuarantineEvidence> = read.collect::<Result<_>>()?;
    // Databases sort texts each in their own way.
    read.sort_by(|left, right| {
        let key = |it: &QuarantineEvidence| {
            (it.target.clone(), it.code, it.column.clone(), it.state.as_str())
        };
        key(left).cmp(&key(right))
    });
    Ok(read)
}

async fn work<S: Session>(session: &mut S, run: &str) -> Result<Vec<WorkEvidence>> {
    let sql = format!(
        "select kind, actor, acted_at, cast(row_count as text), undone_by
         from {} where run_id = $1 order by acted_at, id",
        ledger::table(session.engine(), "quarantine_actions")
    );
    let rows = session.fetch(&sql, &[Param::Text(run)]).await?;
    let read = rows.into_iter().map(|row| {
        let mut cells = Cells::of(row);
        Ok(WorkEvidence {
            kind: cells.text()?,
            by: cells.text()?,
            at: cells.time()?,
            rows: cells.parsed()?,
            was_undone: cells.optional().is_some(),
        })
    });
    read.collect()
}

async fn merges<S: Session>(session: &mut S, run: &str) -> Result<Vec<MergeEvidence>> {
    if !has(session, "merges").await? {
        return Ok(Vec::new());
    }
    let mut counts = BTreeMap::new();
    for merge in merge::record::list(session, Some(run)).await? {
        let key =
            (merge.people, merge.state.as_str().to_owned(), merge.order.decision.by.to_string());
        *counts.entry(key).or_insert(0) += 1;
    }
    let counts = counts.into_iter();
    Ok(counts
        .map(|((people, state, decided_by), merges)| MergeEvidence {
            people,
            state,
            decided_by,
            merges,
        })
        .collect())
}

async fn verifications<S: Session>(
    session: &mut S,
    run: &str,
) -> Result<Vec<VerificationEvidence>> {
    if !has(session, "verifications").await? {
        return Ok(Vec::new());
    }
    let engine = session.engine();
    let sql = format!(
        "select id, mode, state, started_at, ended_at, findings
         from {} where run_id = $1 order by started_at, id",
        ledger::table(engine, "verifications")
    );
    let rows = session.fetch(&sql, &[Param::Text(run)]).await?;
    let mut read = Vec::with_capacity(rows.len());
    for row in rows {
        let mut cells = Cells::of(row);
        let id = cells.text()?;
        let mode = Mode::from_name(&cells.text()?).ok_or_else(unreadable)?;
        let state = VerificationState::from_name(&cells.text()?).ok_or_else(unreadable)?;
        let started_at = cells.time()?;
        let ended_at = cells.optional().map(|text| time(&text)).transpose()?;
        let findings = cells.optional().map(|text| serde_json::from_str(&text)).transpose();
        read.push(VerificationEvidence {
            mismatches: mismatches(session, &id).await?,
            id: id.parse().map_err(|_| unreadable())?,
            mode,
            state,
            started_at,
            ended_at,
            findings: findings.map_err(|error| unreadable().because(error))?,
        });
    }
    Ok(read)
}

async fn mismatches<S: Session>(
    session: &mut S,
    verification: &str,
) -> Result<Vec<MismatchEvidence>> {
    let sql = format!(
        "select target, kind, state, cast(count(*) as text)
         from {} where verification_id = $1
         group by target, kind, state",
        ledger::table(session.engine(), "mismatches")
    );
    let rows = session.fetch(&sql, &[Param::Text(verification)]).await?;
    let read = rows.into_iter().map(|row| {
        let mut cells = Cells::of(row);
        Ok(MismatchEvidence {
            target: cells.parsed()?,
            kind: MismatchKind::from_name(&cells.text()?).ok_or_else(unreadable)?,
            state: MismatchState::from_name(&cells.text()?).ok_or_else(unreadable)?,
            rows: cells.parsed()?,
        })
    });
    let mut read: Vec<MismatchEvidence> = read.collect::<Result<_>>()?;
    read.sort_by(|left, right| {
        let key = |it: &MismatchEvidence| (it.target.clone(), it.kind, it.state.as_str());
        key(left).cmp(&key(right))
    });
    Ok(read)
}

/// Whether the target has one of the engine's own tables.
async fn has<S: Session>(session: &mut S, name: &str) -> Result<bool> {
    let sql = match session.engine() {
        Engine::Postgres => "select to_regclass('transfuse.' || $1)::text",
        _ => "select max(name) from sqlite_schema where name = '_transfuse_' || $1",
    };
    let found = session.fetch(sql, &[Param::Text(name)]).await?;
    Ok(found.into_iter().flatten().flatten().next().is_some())
}

/// The cells of a row, one after the other.
struct Cells(std::vec::IntoIter<Option<String>>);

impl Cells {
    fn of(row: Vec<Option<String>>) -> Self {
        Self(row.into_iter())
    }

    fn optional(&mut self) -> Option<String> {
        self.0.next().flatten()
    }

    fn text(&mut self) -> Result<String> {
        self.optional().ok_or_else(unreadable)
    }

    fn parsed<T: std::str::FromStr>(&mut self) -> Result<T> {
        self.text()?.parse().map_err(|_| unreadable())
    }

    fn time(&mut self) -> Result<DateTime<Utc>> {
        time(&self.text()?)
    }
}

fn time(text: &str) -> Result<DateTime<Utc>> {
    text.parse().map_err(|_| unreadable())
}

fn unreadable() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "reading what the target knows of a run")
}
