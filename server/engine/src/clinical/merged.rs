//! What merges of people took from columns: a value that went with a row that lives on in another is
//! not lost.

use std::collections::HashMap;

use shared::assessment::TableName;
use shared::clinical::{ClinicalCheck, Test};
use shared::connection::Engine;
use shared::plan::Plan;

use super::Request;
use crate::error::Result;
use crate::load::row_image::Cell;
use crate::load::{PostgresTarget, Session, SqliteTarget, Target as _};
use crate::map::target_name;
use crate::merge::{Effect, effects};
use crate::seal::Key;
use crate::value::Value;

/// By how many filled values merges left columns of the target poorer. Negative where they filled some.
#[derive(Debug, Default)]
pub(super) struct Merged(Taken);

impl Merged {
    /// Asks the target for the columns of which a check wants to know whether they were kept.
    pub(super) async fn load(request: &Request) -> Result<Self> {
        let (url, mut taken) = (request.target_url.as_str(), kept_columns(&request.plan));
        match Engine::of_url(url) {
            _ if taken.is_empty() => {}
            Some(Engine::Sqlite) => {
                let mut session = SqliteTarget::new(url).session().await?;
                count(&mut session, &request.key, &mut taken).await?;
            }
            Some(Engine::Postgres) => {
                let mut session = PostgresTarget::new(url).session().await?;
                count(&mut session, &request.key, &mut taken).await?;
            }
            _ => {}
        }
        Ok(Self(taken))
    }

    /// Of the column that a check is about.
    pub(super) fn of(&self, check: &ClinicalCheck) -> i64 {
        let Test::Kept { column } = &check.test else { return 0 };
        let place = (check.table.clone(), column.clone());
        self.0.get(&place).copied().unwrap_or_default()
    }
}

type Taken = HashMap<(TableName, String), i64>;

async fn count<S: Session>(session: &mut S, key: &Key, taken: &mut Taken) -> Result<()> {
    let engine = session.engine();
    effects(session, key, |effect| {
        for ((table, column), taken) in &mut *taken {
            *taken += taken_by(engine, &effect, table, column);
        }
        Ok(())
    })
    .await
}

fn kept_columns(plan: &Plan) -> Taken {
    let checks = plan.checks.all().into_iter().map(|planned| planned.check);
    let kept = checks.filter_map(|check| match check.test {
        Test::Kept { column } => Some(((check.table, column), 0)),
        _ => None,
    });
    kept.collect()
}

fn taken_by(engine: Engine, effect: &Effect, table: &TableName, column: &str) -> i64 {
    let is_there = |of: &TableName| target_name(engine, of) == target_name(engine, table);
    let filled = |cells: &[Cell]| i64::from(is_filled(cells, column));
    match effect {
        Effect::Gone { table, row, is_of_run: true } if is_there(table) => filled(row),
        Effect::Changed { table, before, after, .. }
            if is_there(table) && after.iter().any(|cell| cell.column == column) =>
        {
            filled(before) - filled(after)
        }
        _ => 0,
    }
}

/// As the statement of the check has it: neither null nor a text of nothing but blanks.
fn is_filled(cells: &[Cell], column: &str) -> bool {
    cells.iter().find(|cell| cell.column == column).is_some_and(|cell| match &cell.value {
        Value::Null => false,
        Value::Text(text) => text.chars().any(|c| c != ' '),
        _ => true,
    })
}
