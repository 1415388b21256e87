//! What a repair did, row by row, so that it can be taken back.

use serde::{Deserialize, Serialize};
use shared::assessment::TableName;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::verification::RepairAction;

use crate::error::{EngineError, Result};
use crate::load::row_image::Cell;
use crate::load::{Param, Session, ledger};
use crate::seal::{self, Key};

pub(super) fn create_statements(engine: Engine) -> Vec<String> {
    let bytes = if engine == Engine::Postgres { "bytea" } else { "blob" };
    vec![
        // One row an action, written with what it did. The sealed part has what the row was before
        // and what the action made of it.
        format!(
            "create table if not exists {} (
                repair_id text not null,
                number bigint not null,
                target text not null,
                key_digest text not null,
                action text not null,
                sealed {bytes} not null,
                primary key (repair_id, number)
            )",
            ledger::table(engine, "repair_steps")
        ),
    ]
}

/// What an action found and made. An insert found nothing, and a delete left nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Step {
    /// How the row is found after the action, or was before it was taken out.
    pub(super) locator: Vec<Cell>,
    pub(super) before: Vec<Cell>,
    pub(super) after: Vec<Cell>,
}

/// An action as it is written down.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) number: i64,
    pub(super) target: TableName,
    pub(super) key_digest: String,
    pub(super) action: RepairAction,
    pub(super) step: Step,
}

/// Writes an action down, in the transaction that does it.
pub(super) async fn insert<S: Session>(
    session: &mut S,
    key: &Key,
    repair: &str,
    entry: &Entry,
) -> Result<()> {
    let plain = serde_json::to_vec(&entry.step).map_err(|error| unreadable().because(error))?;
    let sealed = seal::seal(key, &plain)?;
    let sql = format!(
        "insert into {} (repair_id, number, target, key_digest, action, sealed)
         values ($1, $2, $3, $4, $5, $6)",
        ledger::table(session.engine(), "repair_steps")
    );
    let params = [
        Param::Text(repair),
        Param::Int(entry.number),
        Param::Text(&entry.target.to_string()),
        Param::Text(&entry.key_digest),
        Param::Text(entry.action.as_str()),
        Param::Bytes(&sealed),
    ];
    session.execute(&sql, &params).await.map(drop)
}

/// The number of the last action of a repair; 0 when there is none.
pub(super) async fn last<S: Session>(session: &mut S, repair: &str) -> Result<i64> {
    let sql = format!(
        "select cast(coalesce(max(number), 0) as text) from {} where repair_id = $1",
        ledger::table(session.engine(), "repair_steps")
    );
    let rows = session.fetch(&sql, &[Param::Text(repair)]).await?;
    let last = rows.into_iter().flatten().flatten().next();
    last.and_then(|text| text.parse().ok()).ok_or_else(unreadable)
}

/// The latest actions of a repair before a number, the latest first.
pub(super) async fn before<S: Session>(
    session: &mut S,
    key: &Key,
    repair: &str,
    number: i64,
    limit: u32,
) -> Result<Vec<Entry>> {
    let engine = session.engine();
    let steps = ledger::table(engine, "repair_steps");
    let sealed = match engine {
        Engine::Postgres => "encode(sealed, 'hex')",
        _ => "hex(sealed)",
    };
    let sql = format!(
        "select cast(number as text), target, key_digest, action, {sealed} from {steps} as steps
         where repair_id = $1 and steps.number < $2
         order by steps.number desc
         limit $3"
    );
    let params = [Param::Text(repair), Param::Int(number), Param::Int(limit.into())];
    let rows = session.fetch(&sql, &params).await?;
    rows.into_iter()
        .map(|row| {
            let [Some(number), Some(target), Some(key_digest), Some(action), Some(sealed)] =
                <[Option<String>; 5]>::try_from(row).map_err(|_| unreadable())?
            else {
                return Err(unreadable());
            };
            let sealed = super::super::canonical::from_hexadecimal(sealed.as_bytes())
                .ok_or_else(unreadable)?;
            let plain = seal::open(key, &sealed)?;
            Ok(Entry {
                number: number.parse().map_err(|_| unreadable())?,
                target: target.parse().map_err(|_| unreadable())?,
                key_digest,
                action: RepairAction::from_name(&action).ok_or_else(unreadable)?,
                step: serde_json::from_slice(&plain)
                    .map_err(|error| unreadable().because(error))?,
            })
        })
        .collect()
}

fn unreadable() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "reading what a repair did")
}
