//! What a run made besides rows: tables, types, indexes, keys, functions, roles.

use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::rollback::{Fate, ObjectRollback, TableRollback};

use super::scope::{Table, Undoing};
use super::survey::ROWS_STAY;
use crate::error::{EngineError, Result};
use crate::ident::quote_table;
use crate::load::Session;
use crate::load::ledger::{self, Object};
use crate::load::mark::{self, Change};
use crate::load::schema::Kind;

/// How often what depends on something else is tried again.
const ROUNDS: usize = 8;

impl Undoing {
    /// Takes back what the run made, the last thing first, in one transaction. What somebody else
    /// needs stays.
    pub(super) async fn undo_objects<S: Session>(
        &self,
        session: &mut S,
        outcomes: &mut [TableRollback],
    ) -> Result<Vec<ObjectRollback>> {
        if !self.is_whole() {
            return Ok(Vec::new());
        }
        session.run_script("begin").await?;
        let done = self.undo_each(session, outcomes).await;
        crate::load::end(session, done).await
    }

    async fn undo_each<S: Session>(
        &self,
        session: &mut S,
        outcomes: &mut [TableRollback],
    ) -> Result<Vec<ObjectRollback>> {
        let run_id = &self.run.run_id;
        let mut fates: Vec<ObjectRollback> = Vec::new();
        let mut waiting: Vec<&Object> = Vec::new();
        for object in &self.objects {
            let place = (object.kind == Kind::Table.as_str())
                .then(|| self.tables.iter().position(|t| t.target.to_string() == object.name))
                .flatten();
            if let Some(place) = place {
                let (table, outcome) = (&self.tables[place], &mut outcomes[place]);
                if table.exists && !(outcome.dropped && self.may_drop(session, table).await?) {
                    outcome.dropped = false;
                    fates.push(fate(object, Some(ROWS_STAY.to_owned())));
                    continue;
                }
                if table.exists {
                    // What is counted here is what goes with the table.
                    outcome.removed = self.count_own(session, table).await?;
                }
            }
            waiting.push(object);
        }
        let mut reasons = Vec::new();
        for _ in 0..ROUNDS {
            let mut still = Vec::new();
            reasons.clear();
            let before = waiting.len();
            for object in waiting {
                match try_undo(session, object).await? {
                    None => {
                        ledger::delete_object(session, run_id, &object.kind, &object.name).await?;
                        if object.kind != Kind::Sql.as_str() {
                            fates.push(fate(object, None));
                        }
                    }
                    Some(reason) => {
                        still.push(object);
                        reasons.push(reason);
                    }
                }
            }
            waiting = still;
            if waiting.is_empty() || waiting.len() == before {
                break;
            }
        }
        for (object, reason) in waiting.into_iter().zip(reasons) {
            if let Some(outcome) =
                outcomes.iter_mut().find(|outcome| outcome.target.to_string() == object.name)
            {
                outcome.dropped = false;
                outcome.removed = 0;
            }
            fates.push(fate(object, Some(reason)));
        }
        Ok(fates)
    }

    /// Whether a table that the run made has nothing but the run's rows, now that nobody can write
    /// to it any more.
    async fn may_drop<S: Session>(&self, session: &mut S, table: &Table) -> Result<bool> {
        let engine = self.catalog.engine;
        let name = quote_table(engine, &table.target);
        if engine == Engine::Postgres {
            session.run_script(&format!("lock table {name} in access exclusive mode")).await?;
        }
        self.gather(session, table).await?;
        let sql =
            format!("select '1' from {name} as t where not ({}) limit 1", self.goes(table, "t"));
        Ok(session.fetch(&sql, &[]).await?.is_empty())
    }

    async fn count_own<S: Session>(&self, session: &mut S, table: &Table) -> Result<u64> {
        let engine = self.catalog.engine;
        let records = table.record_refs();
        let own = mark::is_own(engine, &self.run.run_id, "t", &records, Change::Brought, None);
        let sql = format!(
            "select cast(count(*) as text) from {} as t where {own}",
            quote_table(engine, &table.target)
        );
        let [count] = mark::numbers(session, &sql).await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }
}

fn fate(object: &Object, reason: Option<String>) -> ObjectRollback {
    ObjectRollback {
        kind: object.kind.clone(),
        name: object.name.clone(),
        fate: if reason.is_some() { Fate::Left } else { Fate::Undone },
        reason,
    }
}

/// Takes one thing back, and forgets that the run made it. It was not looked at before whether
/// somebody needs it: then this fails.
pub(super) async fn take_back_one<S: Session>(
    session: &mut S,
    run_id: &str,
    object: &Object,
) -> Result<()> {
    session.run_script("begin").await?;
    let done = async {
        session.run_script(&object.undo).await?;
        ledger::delete_object(session, run_id, &object.kind, &object.name).await
    }
    .await;
    crate::load::end(session, done).await
}

/// None when it is undone; else why it stays.
async fn try_undo<S: Session>(session: &mut S, object: &Object) -> Result<Option<String>> {
    if object.undo.is_empty() {
        return Ok(None);
    }
    session.run_script("savepoint transfuse_undo").await?;
    let done = if object.kind == Kind::Sequence.as_str() {
        session.fetch(&object.undo, &[]).await.map(|rows| {
            let answer = rows.into_iter().flatten().flatten().next();
            answer.is_none().then(|| "somebody drew from it since".to_owned())
        })
    } else {
        session.run_script(&object.undo).await.map(|()| None)
    };
    match done {
        Ok(reason) => {
            session.run_script("release savepoint transfuse_undo").await?;
            Ok(reason)
        }
        Err(error) => {
            session.run_script("rollback to savepoint transfuse_undo").await?;
            // It is gone already, or what it was part of.
            Ok((error.code() != ErrorCode::Map002).then(|| why(&error)))
        }
    }
}

/// What the target said, without values.
fn why(error: &EngineError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    cause.unwrap_or_else(|| error.to_string())
}
