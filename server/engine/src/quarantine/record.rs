//! What was done with a run's quarantine, and with each row: only ever added to.

use chrono::DateTime;
use shared::error_code::ErrorCode;
use shared::id::{QuarantineActionId, RunId};
use shared::quarantine::{ActionKind, QuarantineAction, QuarantineState, QuarantineStep};

use super::kept::{Kept, Standing};
use super::{Question, parsed, unreadable};
use crate::error::{EngineError, Result};
use crate::load::ledger::{self, placeholders};
use crate::load::{Param, Session};

/// An action before it is written down.
pub(super) struct NewAction<'a> {
    pub action: &'a QuarantineAction,
    /// The rule, sealed.
    pub rule: Option<Vec<u8>>,
}

/// What an action did with a row.
pub(super) struct Step {
    pub row: String,
    pub number: i64,
    pub before: Standing,
    pub after: Standing,
    /// The version that a fix made, or the row as it went into the target.
    pub sealed: Option<Vec<u8>>,
}

impl Step {
    /// The next step of a row. A version that is made is the one to replay from then on.
    pub(super) fn of(kept: &Kept, after: Standing, sealed: Option<Vec<u8>>) -> Self {
        let number = kept.steps + 1;
        Self {
            row: kept.id.clone(),
            number,
            before: kept.standing.clone(),
            after: Standing { top: number, ..after },
            sealed,
        }
    }
}

pub(super) async fn insert_action<S: Session>(session: &mut S, new: &NewAction<'_>) -> Result<()> {
    let action = new.action;
    let sql = format!(
        "insert into {} (id, run_id, kind, actor, acted_at, what, note, rule, row_count, undoes)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        ledger::table(session.engine(), "quarantine_actions")
    );
    let at = action.at.to_rfc3339();
    let rule = new.rule.as_deref().unwrap_or_default();
    let params = [
        Param::Text(action.id.as_str()),
        Param::Text(action.run_id.as_str()),
        Param::Text(action.kind.as_str()),
        Param::Text(&action.by),
        Param::Text(&at),
        Param::Text(&action.what),
        Param::OptionalText(action.note.as_deref()),
        Param::Bytes(rule),
        Param::Int(0),
        Param::OptionalText(action.undoes.as_ref().map(QuarantineActionId::as_str)),
    ];
    session.execute(&sql, &params).await.map(drop)
}

/// Writes down how many rows the action changed, and that it undid another.
pub(super) async fn complete_action<S: Session>(
    session: &mut S,
    action: &QuarantineAction,
    ordinals: &[(u32, i32)],
) -> Result<()> {
    let actions = ledger::table(session.engine(), "quarantine_actions");
    let sql = format!("update {actions} set row_count = $2, ordinals = $3 where id = $1");
    let rows = i64::try_from(action.rows).unwrap_or(i64::MAX);
    let ordinals = serde_json::to_string(ordinals).expect("numbers are JSON");
    let params = [Param::Text(action.id.as_str()), Param::Int(rows), Param::Text(&ordinals)];
    session.execute(&sql, &params).await?;
    if let Some(undone) = &action.undoes {
        let sql = format!("update {actions} set undone_by = $2 where id = $1");
        let params = [Param::Text(undone.as_str()), Param::Text(action.id.as_str())];
        session.execute(&sql, &params).await?;
    }
    Ok(())
}

/// The columns of a step, in the order in which they are written.
pub(super) const STEP_COLUMNS: &str = "row_id, number, action_id, state_before, version_before, \
     top_before, code_before, column_before, reason_before, state, version, top, code, \
     column_name, reason, sealed";

/// Where the ledger has what an action brought into each table.
pub(super) async fn ordinals_of<S: Session>(
    session: &mut S,
    action: &str,
) -> Result<Vec<(u32, i32)>> {
    let sql = format!(
        "select ordinals from {} where id = $1",
        ledger::table(session.engine(), "quarantine_actions")
    );
    let rows = session.fetch(&sql, &[Param::Text(action)]).await?;
    let text = rows.into_iter().flatten().flatten().next().unwrap_or_else(|| "[]".to_owned());
    serde_json::from_str(&text).map_err(|error| unreadable().because(error))
}

/// SQLite looks a parameter up among all of a statement's, so that fewer are quicker.
const STEPS_A_STATEMENT: usize = 50;

/// Adds steps. Two people who work on one row at once both take its next number, and the second
/// of them is refused.
pub(super) async fn insert_steps<S: Session>(
    session: &mut S,
    action: &str,
    steps: &[Step],
) -> Result<()> {
    const COLUMNS: usize = 16;
    for steps in steps.chunks(STEPS_A_STATEMENT) {
        let params: Vec<Param<'_>> = steps
            .iter()
            .flat_map(|step| {
                [
                    Param::Text(&step.row),
                    Param::Int(step.number),
                    Param::Text(action),
                    Param::Text(step.before.state.as_str()),
                    Param::Int(step.before.version),
                    Param::Int(step.before.top),
                    Param::Text(step.before.code.as_str()),
                    Param::OptionalText(step.before.column.as_deref()),
                    Param::Text(&step.before.reason),
                    Param::Text(step.after.state.as_str()),
                    Param::Int(step.after.version),
                    Param::Int(step.after.top),
                    Param::Text(step.after.code.as_str()),
                    Param::OptionalText(step.after.column.as_deref()),
                    Param::Text(&step.after.reason),
                    step.sealed.as_deref().map_or(Param::Bytes(&[]), Param::Bytes),
                ]
            })
            .collect();
        let sql = format!(
            "insert into {} ({STEP_COLUMNS}) values {}",
            ledger::table(session.engine(), "quarantine_steps"),
            placeholders(steps.len(), COLUMNS)
        );
        session.execute(&sql, &params).await.map_err(somebody_else)?;
    }
    Ok(())
}

/// Brings rows to where the action's steps led them. A step that was applied is not applied again.
/// `rows` narrows it to those between two ids.
pub(super) async fn apply_steps<S: Session>(
    session: &mut S,
    action: &str,
    rows: Option<(&str, &str)>,
) -> Result<()> {
    let engine = session.engine();
    let quarantine = ledger::table(engine, "quarantine");
    let sql = format!(
        "update {quarantine}
         set state = s.state, version = s.version, top = s.top, code = s.code,
             column_name = s.column_name, reason = s.reason, steps = s.number
         from {} as s
         where s.action_id = $1 and s.row_id = {quarantine}.id
             and s.number = {quarantine}.steps + 1{}",
        ledger::table(engine, "quarantine_steps"),
        if rows.is_some() { " and s.row_id >= $2 and s.row_id <= $3" } else { "" }
    );
    let mut params = vec![Param::Text(action)];
    params.extend(rows.into_iter().flat_map(|(first, last)| [first, last]).map(Param::Text));
    session.execute(&sql, &params).await.map(drop)
}

/// The steps of a row, the first one first.
pub(super) async fn steps_of<S: Session>(
    session: &mut S,
    row: &str,
) -> Result<Vec<QuarantineStep>> {
    let engine = session.engine();
    let sql = format!(
        "select cast(s.number as text), a.id, a.kind, a.actor, a.acted_at, a.what, a.note,
             s.state_before, s.state, s.code, s.column_name, s.reason
         from {} as s
         join {} as a on a.id = s.action_id
         where s.row_id = $1
         order by s.number",
        ledger::table(engine, "quarantine_steps"),
        ledger::table(engine, "quarantine_actions")
    );
    let rows = session.fetch(&sql, &[Param::Text(row)]).await?;
    rows.into_iter()
        .map(|row| {
            let [number, action, kind, by, at, what, note, from, to, code, column, reason] =
                <[_; 12]>::try_from(row).map_err(|_| unreadable())?;
            let state = |name: Option<String>| {
                QuarantineState::from_name(&name.unwrap_or_default()).ok_or_else(unreadable)
            };
            Ok(QuarantineStep {
                number: parsed(number)?,
                action: parsed(action)?,
                kind: ActionKind::from_name(&kind.unwrap_or_default()).ok_or_else(unreadable)?,
                by: by.ok_or_else(unreadable)?,
                at: parsed::<DateTime<chrono::FixedOffset>>(at)?.to_utc(),
                what: what.ok_or_else(unreadable)?,
                note,
                from: state(from)?,
                to: state(to)?,
                code: ErrorCode::from_name(&code.unwrap_or_default()).ok_or_else(unreadable)?,
                column,
                reason: reason.ok_or_else(unreadable)?,
            })
        })
        .collect()
}

/// An action of the run by its id.
pub(super) async fn find_action<S: Session>(
    session: &mut S,
    run: &RunId,
    id: &str,
) -> Result<Option<QuarantineAction>> {
    Ok(actions(session, run, Some(id)).await?.into_iter().next())
}

pub(super) struct Actions<'a> {
    pub run: &'a RunId,
}

impl Question for Actions<'_> {
    type Answer = Vec<QuarantineAction>;

    async fn ask<S: Session>(self, session: &mut S) -> Result<Vec<QuarantineAction>> {
        actions(session, self.run, None).await
    }
}

async fn actions<S: Session>(
    session: &mut S,
    run: &RunId,
    id: Option<&str>,
) -> Result<Vec<QuarantineAction>> {
    let mut params = vec![Param::Text(run.as_str())];
    params.extend(id.map(Param::Text));
    let sql = format!(
        "select id, kind, actor, acted_at, what, note, cast(row_count as text), undoes, undone_by
         from {}
         where run_id = $1{}
         order by acted_at desc, id",
        ledger::table(session.engine(), "quarantine_actions"),
        if id.is_some() { " and id = $2" } else { "" }
    );
    let rows = session.fetch(&sql, &params).await?;
    rows.into_iter()
        .map(|row| {
            let [id, kind, by, at, what, note, rows, undoes, undone_by] =
                <[_; 9]>::try_from(row).map_err(|_| unreadable())?;
            let id_of = |text: Option<String>| text.map(|text| parsed(Some(text))).transpose();
            Ok(QuarantineAction {
                id: parsed(id)?,
                run_id: run.clone(),
                kind: ActionKind::from_name(&kind.unwrap_or_default()).ok_or_else(unreadable)?,
                by: by.ok_or_else(unreadable)?,
                at: parsed::<DateTime<chrono::FixedOffset>>(at)?.to_utc(),
                what: what.ok_or_else(unreadable)?,
                note,
                rows: parsed(rows)?,
                undoes: id_of(undoes)?,
                undone_by: id_of(undone_by)?,
            })
        })
        .collect()
}

fn somebody_else(error: EngineError) -> EngineError {
    match error.code() {
        ErrorCode::Data009 => {
            EngineError::new(ErrorCode::Load051, "recording what was done with rows").because(error)
        }
        _ => error,
    }
}
