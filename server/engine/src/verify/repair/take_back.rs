//! Takes a repair back: its actions backwards, each row as it was before, all of them or none. A row
//! that somebody changed since stays as it is, and is counted.

use futures::future::BoxFuture;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::id::RepairId;
use shared::verification::{RepairAction, TakenBack};

use super::journal::{self, Entry};
use crate::error::{EngineError, Result};
use crate::load::row_image::{self, Cell, Image, ImageTable, Statement, placed};
use crate::load::{Param, PostgresTarget, Session, SqliteTarget, Target, end, ledger};
use crate::seal::Key;
use crate::value::Value;

/// Actions that are held at once.
const BATCH: u32 = 200;

/// Asked when everything is taken back and nothing can be seen yet: an audit entry is written then.
/// An error leaves everything as it was.
pub type Approval<'a> = Box<dyn FnOnce(TakenBack) -> BoxFuture<'a, Result<()>> + Send + 'a>;

/// Takes a repair back.
pub async fn take_back(
    target_url: &str,
    repair: &RepairId,
    key: &Key,
    approval: Approval<'_>,
) -> Result<TakenBack> {
    match Engine::of_url(target_url) {
        Some(Engine::Postgres) => {
            back(PostgresTarget::new(target_url), repair, key, approval).await
        }
        Some(Engine::Sqlite) => back(SqliteTarget::new(target_url), repair, key, approval).await,
        _ => Err(EngineError::new(ErrorCode::Conn006, "opening the target of a repair")),
    }
}

async fn back<T: Target>(
    target: T,
    repair: &RepairId,
    key: &Key,
    approval: Approval<'_>,
) -> Result<TakenBack> {
    let mut session = target.session().await?;
    let catalog = session.catalog().await?;
    for statement in journal::create_statements(target.engine()) {
        session.run_script(&statement).await?;
    }
    session.run_script("begin").await?;
    let done = async {
        let mut taken = TakenBack::default();
        loop {
            let all = i64::MAX;
            let entries = journal::before(&mut session, key, repair.as_str(), all, BATCH).await?;
            if entries.is_empty() {
                break;
            }
            for entry in &entries {
                let table = catalog
                    .table(&entry.target)
                    .map(|table| ImageTable::of(target.engine(), table))
                    .ok_or_else(|| {
                        let doing = format!("looking for {}", entry.target);
                        EngineError::new(ErrorCode::Ver002, doing)
                    })?;
                if one(&mut session, table, entry).await? {
                    taken.restored += 1;
                } else {
                    taken.changed_since += 1;
                }
                forget(&mut session, repair, entry).await?;
            }
        }
        approval(taken).await?;
        Ok(taken)
    }
    .await;
    end(&mut session, done).await
}

/// False when the row is not as the repair left it.
async fn one<S: Session>(session: &mut S, mut table: ImageTable, entry: &Entry) -> Result<bool> {
    let step = &entry.step;
    let gone = || EngineError::new(ErrorCode::Ver002, format!("finding rows of {}", entry.target));
    table.key = placed(&table, &step.locator).ok_or_else(gone)?;
    let locator = values(&step.locator);
    let now = row_image::read_located(session, &table, &locator).await?;
    match (entry.action, now) {
        (RepairAction::Delete, None) => {
            let places = placed(&table, &step.before).ok_or_else(gone)?;
            let cells: Vec<(usize, &Value<'_>)> =
                places.into_iter().zip(step.before.iter().map(|cell| &cell.value)).collect();
            row_image::insert(session, &table, &cells, None).await?;
            Ok(true)
        }
        (RepairAction::Insert, Some(_)) if is_as_left(session, &table, entry).await? => {
            row_image::delete(session, &table, &locator).await
        }
        (RepairAction::Update, Some(_)) if is_as_left(session, &table, entry).await? => {
            let places = placed(&table, &step.before).ok_or_else(gone)?;
            let changes: Vec<(usize, &Value<'_>)> =
                places.into_iter().zip(step.before.iter().map(|cell| &cell.value)).collect();
            let mut statement = Statement::on(&table, format!("update {} set ", table.quoted()));
            statement.assign(&changes).push(" where ").located(&locator);
            Ok(statement.execute(session).await? == 1)
        }
        _ => Ok(false),
    }
}

/// Whether the row still has what the repair wrote. The database compares: it may write a value
/// otherwise than it was given.
async fn is_as_left<S: Session>(
    session: &mut S,
    table: &ImageTable,
    entry: &Entry,
) -> Result<bool> {
    let step = &entry.step;
    let Some(places) = placed(table, &step.after) else { return Ok(false) };
    let mut statement = Statement::on(table, format!("select '1' from {} where ", table.quoted()));
    statement.located(&values(&step.locator));
    for (place, cell) in places.into_iter().zip(&step.after) {
        statement.push(" and ").is(place, &cell.value);
    }
    statement.answers(session).await
}

async fn forget<S: Session>(session: &mut S, repair: &RepairId, entry: &Entry) -> Result<()> {
    let sql = format!(
        "delete from {} where repair_id = $1 and number = $2",
        ledger::table(session.engine(), "repair_steps")
    );
    let params = [Param::Text(repair.as_str()), Param::Int(entry.number)];
    session.execute(&sql, &params).await.map(drop)
}

fn values(cells: &[Cell]) -> Image {
    cells.iter().map(|cell| cell.value.clone()).collect()
}
