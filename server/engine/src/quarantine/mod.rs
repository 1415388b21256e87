//! Shows what a run put into quarantine. Rows stay sealed; what is shown has no value in it.

use std::future::Future;

use chrono::DateTime;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::id::{QuarantineId, RunId};
use shared::page::{Cursor, Page};
use shared::quarantine::{QuarantineCount, QuarantineFilter, QuarantineState, QuarantinedRow};

use crate::error::{EngineError, Result};
use crate::load::{Param, PostgresTarget, Session, SqliteTarget, Target, ledger};

/// One page of a run's quarantine, in the order of the rows' ids.
pub async fn list(
    target_url: &str,
    run: &RunId,
    filter: &QuarantineFilter,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<QuarantinedRow>> {
    in_target(target_url, List { run, filter, after, limit }).await
}

/// A run's quarantine, counted by table, code and column.
pub async fn counts(target_url: &str, run: &RunId) -> Result<Vec<QuarantineCount>> {
    in_target(target_url, Counts { run }).await
}

/// A question that is put to a target of either kind.
trait Question {
    type Answer;

    fn ask<S: Session>(self, session: &mut S) -> impl Future<Output = Result<Self::Answer>> + Send;
}

async fn in_target<Q: Question>(target_url: &str, question: Q) -> Result<Q::Answer> {
    match Engine::of_url(target_url) {
        Some(Engine::Postgres) => {
            question.ask(&mut PostgresTarget::new(target_url).session().await?).await
        }
        Some(Engine::Sqlite) => {
            question.ask(&mut SqliteTarget::new(target_url).session().await?).await
        }
        _ => Err(EngineError::new(ErrorCode::Conn006, "opening the target of a run")),
    }
}

struct List<'a> {
    run: &'a RunId,
    filter: &'a QuarantineFilter,
    after: Option<&'a Cursor>,
    limit: u32,
}

impl Question for List<'_> {
    type Answer = Page<QuarantinedRow>;

    async fn ask<S: Session>(self, session: &mut S) -> Result<Page<QuarantinedRow>> {
        let target = self.filter.table.as_ref().map(ToString::to_string);
        let mut conditions = vec!["run_id = $1".to_owned()];
        let mut params = vec![Param::Text(self.run.as_str())];
        let narrowed = [
            ("target = ", target.as_deref()),
            ("code = ", self.filter.code.map(ErrorCode::as_str)),
            ("column_name = ", self.filter.column.as_deref()),
            ("id > ", self.after.map(|cursor| cursor.0.as_str())),
        ];
        for (condition, value) in narrowed {
            if let Some(value) = value {
                params.push(Param::Text(value));
                conditions.push(format!("{condition}${}", params.len()));
            }
        }
        // One more than asked for tells whether there is a next page.
        params.push(Param::Int(i64::from(self.limit) + 1));
        let sql = format!(
            "select id, source, target, code, column_name, reason, state, quarantined_at
             from {}
             where {}
             order by id
             limit ${}",
            ledger::table(session.engine(), "quarantine"),
            conditions.join(" and "),
            params.len()
        );
        let rows = session.fetch(&sql, &params).await?;
        let mut items =
            rows.into_iter().map(|row| shown(self.run, row)).collect::<Result<Vec<_>>>()?;
        let limit = self.limit as usize;
        let next = (items.len() > limit).then(|| {
            items.truncate(limit);
            items.last().map(|last| Cursor(last.id.to_string()))
        });
        Ok(Page { items, next: next.flatten() })
    }
}

struct Counts<'a> {
    run: &'a RunId,
}

impl Question for Counts<'_> {
    type Answer = Vec<QuarantineCount>;

    async fn ask<S: Session>(self, session: &mut S) -> Result<Vec<QuarantineCount>> {
        let sql = format!(
            "select target, code, column_name, cast(count(*) as text)
             from {}
             where run_id = $1
             group by target, code, column_name
             order by count(*) desc, target, code",
            ledger::table(session.engine(), "quarantine")
        );
        let rows = session.fetch(&sql, &[Param::Text(self.run.as_str())]).await?;
        rows.into_iter()
            .map(|row| {
                let [target, code, column, rows] =
                    <[_; 4]>::try_from(row).map_err(|_| unreadable())?;
                Ok(QuarantineCount {
                    target: parsed(target)?,
                    code: ErrorCode::from_name(&code.unwrap_or_default()).ok_or_else(unreadable)?,
                    column,
                    rows: parsed(rows)?,
                })
            })
            .collect()
    }
}

fn shown(run: &RunId, row: Vec<Option<String>>) -> Result<QuarantinedRow> {
    let [id, source, target, code, column, reason, state, at] =
        <[_; 8]>::try_from(row).map_err(|_| unreadable())?;
    Ok(QuarantinedRow {
        id: parsed::<QuarantineId>(id)?,
        run_id: run.clone(),
        source: parsed(source)?,
        target: parsed(target)?,
        code: ErrorCode::from_name(&code.unwrap_or_default()).ok_or_else(unreadable)?,
        column,
        reason: reason.ok_or_else(unreadable)?,
        state: QuarantineState::from_name(&state.unwrap_or_default()).ok_or_else(unreadable)?,
        quarantined_at: parsed::<DateTime<chrono::FixedOffset>>(at)?.to_utc(),
    })
}

fn parsed<T: std::str::FromStr>(text: Option<String>) -> Result<T> {
    text.as_deref().and_then(|text| text.parse().ok()).ok_or_else(unreadable)
}

fn unreadable() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "reading the quarantine")
}
