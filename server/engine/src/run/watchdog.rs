//! A sign of life every second, and why nothing moves when nothing does.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use shared::connection::Engine;
use shared::run::{Health, Phase};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::board::Board;
use crate::error::Result;
use crate::load::claim::Claim;
use crate::load::{Param, Session, Target};

const BEAT: Duration = Duration::from_secs(1);
/// So long may nothing move before somebody is told why.
const STALL: Duration = Duration::from_mins(1);
/// A target that is asked why must not hold up the sign of life.
const ASKING: Duration = Duration::from_secs(5);

/// Watches over a run for as long as it is polled.
pub(super) async fn watch<T: Target>(target: &T, board: Arc<Board>, claim: Claim) -> Infallible {
    let mut ticks = interval(BEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = false;
    loop {
        ticks.tick().await;
        if board.idle() < STALL {
            told = false;
            board.beat(None);
            continue;
        }
        let blocker = match timeout(ASKING, blocker(target, &claim)).await {
            Ok(Ok(blocker)) => blocker,
            // What cannot be asked is not known.
            Ok(Err(_)) | Err(_) => None,
        };
        let picture = board.picture();
        let reason = reason(&picture.health, blocker.as_deref(), board.waits(), picture.phase);
        if !told {
            told = true;
            tracing::warn!(run.id = %claim.run_id,
                "no progress for {} s because {reason}", board.idle().as_secs());
        }
        board.beat(Some(reason));
    }
}

/// The likeliest cause, as the second half of "no progress because …".
fn reason(
    health: &Health,
    blocker: Option<&str>,
    (source, target): (usize, usize),
    phase: Phase,
) -> String {
    if let Some(retry) = health.retrying.first() {
        return format!(
            "{} is tried again, the {}. time: {}",
            retry.code, retry.tries, retry.message
        );
    }
    if let Some(blocker) = blocker {
        return format!("the target waits for a lock that {blocker} holds");
    }
    match (source, target) {
        (0, 0) => format!("the step `{}` takes its time", phase.label()),
        (0, target) => format!("the target has taken no rows from {target} workers"),
        (source, 0) => format!("the source has sent no rows to {source} workers"),
        (source, target) => format!(
            "the source has sent no rows to {source} workers, and the target has taken none from {target}"
        ),
    }
}

/// Who holds a lock that a session of the run waits for, where the target tells.
async fn blocker<T: Target>(target: &T, claim: &Claim) -> Result<Option<String>> {
    if target.engine() != Engine::Postgres {
        return Ok(None);
    }
    let mut session = target.session().await?;
    let pattern = format!("{}%", claim.session_name(""));
    let rows = session
        .fetch(
            "select blocker.pid::text, coalesce(holder.application_name, '')
             from pg_stat_activity as waiter
             cross join lateral unnest(pg_blocking_pids(waiter.pid)) as blocker (pid)
             left join pg_stat_activity as holder on holder.pid = blocker.pid
             where waiter.application_name like $1
                 and coalesce(holder.application_name, '') not like $1
             limit 1",
            &[Param::Text(&pattern)],
        )
        .await?;
    Ok(rows.into_iter().next().map(|row| {
        let mut cells = row.into_iter().map(Option::unwrap_or_default);
        let (pid, name) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
        if name.is_empty() { format!("session {pid}") } else { format!("session {pid} (`{name}`)") }
    }))
}

#[cfg(test)]
mod tests {
    use shared::error_code::ErrorCode;
    use shared::run::Retry;

    use super::*;

    #[test]
    fn what_is_known_best_is_said_first() {
        let well = Health::default();
        let retry = Retry {
            code: ErrorCode::Conn001,
            message: "connecting".to_owned(),
            tries: 4,
            after_seconds: 1.0,
            patience_seconds: 100.0,
        };
        let trying = Health { retrying: vec![retry], ..Health::default() };
        let said = |health, blocker, waits| reason(health, blocker, waits, Phase::Finishing);

        assert!(
            said(&trying, Some("x"), (1, 1)).starts_with("CONN-001 is tried again, the 4. time")
        );
        assert!(said(&well, Some("session 7"), (1, 1)).contains("a lock that session 7 holds"));
        assert!(said(&well, None, (2, 0)).contains("sent no rows to 2 workers"));
        assert!(said(&well, None, (0, 2)).contains("taken no rows from 2 workers"));
        assert!(said(&well, None, (0, 0)).contains("`Indexes and keys`"));
    }
}
