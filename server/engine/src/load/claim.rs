//! Who may commit for a run: the process that claimed it last, and nobody before it.
//!
//! A process that was stopped, or cut off, and comes back does not know that another one went on
//! with its run. Each claim counts up; every commit of a chunk first looks whether its claim is
//! still the last one, and holds it until the commit is through.

use chrono::{DateTime, Utc};
use shared::connection::Engine;
use shared::error_code::ErrorCode;

use super::ledger::table;
use super::{Param, Session};
use crate::error::{EngineError, Result};

/// The right to commit for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub run_id: String,
    /// Counts up with every process that takes the run.
    pub epoch: i64,
}

pub(super) fn create_statement(engine: Engine) -> String {
    format!(
        "create table if not exists {} (
            run_id text primary key,
            epoch bigint not null,
            owner text not null,
            claimed_at text not null,
            source_state text
        )",
        table(engine, "claims")
    )
}

/// Takes a run: whoever had it can commit nothing any more.
pub async fn take<S: Session>(
    session: &mut S,
    run_id: &str,
    owner: &str,
    now: DateTime<Utc>,
) -> Result<Claim> {
    let sql = format!(
        "insert into {} as claim (run_id, epoch, owner, claimed_at)
         values ($1, 1, $2, $3)
         on conflict (run_id) do update
             set epoch = claim.epoch + 1, owner = excluded.owner,
                 claimed_at = excluded.claimed_at
         returning cast(epoch as text)",
        table(session.engine(), "claims")
    );
    let params = [Param::Text(run_id), Param::Text(owner), Param::Text(&now.to_rfc3339())];
    let rows = session.fetch(&sql, &params).await?;
    let epoch = rows.first().and_then(|row| row.first()?.as_deref()?.parse().ok());
    let epoch = epoch.ok_or_else(|| EngineError::new(ErrorCode::Sys001, "claiming the run"))?;
    Ok(Claim { run_id: run_id.to_owned(), epoch })
}

impl Claim {
    /// Refuses to go on when another process took the run. Until the transaction ends, nobody can.
    pub async fn hold<S: Session>(&self, session: &mut S) -> Result<()> {
        let lock = match session.engine() {
            Engine::Postgres => " for share",
            // A transaction that wrote anything keeps all others from writing.
            _ => "",
        };
        let sql = format!(
            "select '1' from {} where run_id = $1 and epoch = $2{lock}",
            table(session.engine(), "claims")
        );
        let params = [Param::Text(&self.run_id), Param::Int(self.epoch)];
        if session.fetch(&sql, &params).await?.is_empty() {
            return Err(EngineError::new(
                ErrorCode::Load043,
                format!("committing for run {}", self.run_id),
            ));
        }
        Ok(())
    }

    /// The name that sessions of the run have in the target, for whoever looks or ends them.
    pub fn session_name(&self, worker: &str) -> String {
        let run: String = self.run_id.chars().filter(char::is_ascii_alphanumeric).collect();
        let tail = &run[run.len().saturating_sub(12)..];
        let worker: String = worker.chars().filter(char::is_ascii_alphanumeric).take(24).collect();
        format!("transfuse {tail} {} {worker}", self.epoch)
    }
}

/// Gives a session the name of its run and worker, where the target shows names.
pub async fn name_session<S: Session>(session: &mut S, name: &str) -> Result<()> {
    match session.engine() {
        Engine::Postgres => session
            .fetch("select set_config('application_name', $1, false)", &[Param::Text(name)])
            .await
            .map(drop),
        _ => Ok(()),
    }
}

/// Ends sessions that a run's earlier processes, or one of its workers, left in the target: what
/// they had open is rolled back and holds nobody up any more.
pub async fn end_sessions<S: Session>(session: &mut S, left_by: LeftBy<'_>) -> Result<()> {
    if session.engine() != Engine::Postgres {
        return Ok(());
    }
    let (pattern, keep) = match left_by {
        LeftBy::EarlierProcesses(claim) => {
            let name = claim.session_name("");
            let run = name.trim_end().rsplit_once(' ').map_or(name.as_str(), |(run, _)| run);
            (format!("{run} %"), format!("{}%", claim.session_name("")))
        }
        LeftBy::Worker(claim, worker) => {
            // A worker process has several sessions, whose names begin with its own.
            (format!("{}%", claim.session_name(worker)), String::new())
        }
    };
    let sql = "select pg_terminate_backend(pid)::text
               from pg_stat_activity
               where application_name like $1 and application_name not like $2
                   and datname = current_database() and pid <> pg_backend_pid()";
    session.fetch(sql, &[Param::Text(&pattern), Param::Text(&keep)]).await.map(drop)
}

/// Whose sessions are to end.
#[derive(Debug, Clone, Copy)]
pub enum LeftBy<'a> {
    EarlierProcesses(&'a Claim),
    Worker(&'a Claim, &'a str),
}

/// What the source said of its state when the run began to read it.
pub async fn source_state<S: Session>(session: &mut S, run_id: &str) -> Result<Option<String>> {
    let sql =
        format!("select source_state from {} where run_id = $1", table(session.engine(), "claims"));
    let rows = session.fetch(&sql, &[Param::Text(run_id)]).await?;
    Ok(rows.into_iter().flatten().next().flatten())
}

pub async fn set_source_state<S: Session>(
    session: &mut S,
    run_id: &str,
    state: &str,
) -> Result<()> {
    let sql = format!(
        "update {} set source_state = $2 where run_id = $1",
        table(session.engine(), "claims")
    );
    session.execute(&sql, &[Param::Text(run_id), Param::Text(state)]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_after_its_run_its_claim_and_its_worker() {
        let claim = Claim { run_id: "0d1b8f34-9f6e-4a0c-8a75-1c2d3e4f5a6b".to_owned(), epoch: 3 };

        let name = claim.session_name("w-1");

        assert_eq!(name, "transfuse 1c2d3e4f5a6b 3 w1");
        assert!(name.len() < 64);
    }
}
