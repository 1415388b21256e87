//! Shows what a run put into quarantine. Rows stay sealed; what is shown has no value in it.

use chrono::DateTime;
use shared::error_code::ErrorCode;
use shared::id::{QuarantineId, RunId};
use shared::page::{Cursor, Page};
use shared::quarantine::{QuarantineCount, QuarantineFilter, QuarantineState, QuarantinedRow};

use super::kept::Conditions;
use super::{Question, in_target, parsed, unreadable};
use crate::error::Result;
use crate::load::{Param, Session, ledger};

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

/// A run's quarantine, counted by table, code and column. Rows that were replayed are not in it
/// any more.
pub async fn counts(target_url: &str, run: &RunId) -> Result<Vec<QuarantineCount>> {
    in_target(target_url, Counts { run }).await
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
        let mut conditions = Conditions::of_run(self.run);
        conditions.filter(self.filter);
        if let Some(after) = self.after {
            conditions.text("q.id > ", &after.0);
        }
        // One more than asked for tells whether there is a next page.
        let sql = format!(
            "select {COLUMNS} from {} as q where {} order by q.id limit {}",
            ledger::table(session.engine(), "quarantine"),
            conditions.sql(),
            u64::from(self.limit) + 1
        );
        let rows = session.fetch(&sql, &conditions.params()).await?;
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

pub(super) struct Counts<'a> {
    pub run: &'a RunId,
}

impl Question for Counts<'_> {
    type Answer = Vec<QuarantineCount>;

    async fn ask<S: Session>(self, session: &mut S) -> Result<Vec<QuarantineCount>> {
        let sql = format!(
            "select target, code, column_name, cast(count(*) as text)
             from {}
             where run_id = $1 and state <> 'replayed'
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

/// What [`shown`] reads of a row.
pub(super) const COLUMNS: &str = "q.id, q.source, q.target, q.code, q.column_name, q.reason, \
                                  q.state, cast(q.steps as text), q.quarantined_at";

pub(super) fn shown(run: &RunId, row: Vec<Option<String>>) -> Result<QuarantinedRow> {
    let [id, source, target, code, column, reason, state, steps, at] =
        <[_; 9]>::try_from(row).map_err(|_| unreadable())?;
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
        steps: parsed(steps)?,
    })
}
