//! What a rule finds in what is known: pure, so that every rule can be tried out.

use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone as _, Utc};
use shared::alert::Condition;
use shared::assessment::Severity;
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::run::{Run, RunState};
use shared::settings::QuietHours;

/// What is known at a moment.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) now: DateTime<Utc>,
    /// The latest run of each plan.
    pub(super) runs: Vec<RunFacts>,
    /// Failed sign-ins of the last quarter of an hour.
    pub(super) sign_in_failures: u64,
    /// The first entry of the audit trail that is not as it was written.
    pub(super) trail_broken_at: Option<u64>,
}

#[derive(Debug, Clone)]
pub(super) struct RunFacts {
    pub(super) run: Run,
    /// Since when no row more was accounted for, as far as this process saw.
    pub(super) still_since: DateTime<Utc>,
    /// When the run's target was last compared with its source.
    pub(super) verified_at: Option<DateTime<Utc>>,
}

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// What is wrong with what: the same as long as it is.
    pub(super) cause: String,
    pub(super) run_id: Option<RunId>,
    /// Names and numbers, and no values.
    pub(super) message: String,
}

/// Everything that a rule finds.
pub(super) fn find(condition: &Condition, facts: &Facts) -> Vec<Found> {
    match condition {
        Condition::SignInFailures { above } => (facts.sign_in_failures > u64::from(*above))
            .then(|| Found {
                cause: "sign-ins".to_owned(),
                run_id: None,
                message: format!(
                    "{} sign-ins failed in a quarter of an hour.",
                    facts.sign_in_failures
                ),
            })
            .into_iter()
            .collect(),
        Condition::AuditBroken => facts
            .trail_broken_at
            .map(|number| Found {
                cause: "trail".to_owned(),
                run_id: None,
                message: format!("Entry {number} of the audit trail is not what was written."),
            })
            .into_iter()
            .collect(),
        // Nothing is carried after the copy yet, so nothing can lag.
        Condition::LagAbove { .. } => Vec::new(),
        condition => facts
            .runs
            .iter()
            .filter_map(|facts_of_run| {
                let message = find_in_run(condition, facts_of_run, facts.now)?;
                let id = &facts_of_run.run.id;
                Some(Found { cause: format!("run {id}"), run_id: Some(id.clone()), message })
            })
            .collect(),
    }
}

fn find_in_run(condition: &Condition, facts: &RunFacts, now: DateTime<Utc>) -> Option<String> {
    let RunFacts { run, still_since, verified_at } = facts;
    let name = format!("Run {} of {}", run.id, run.plan_name);
    let books = run.progress.as_ref().map(shared::run::Progress::books);
    match condition {
        Condition::RunFailed if run.state == RunState::Failed => {
            let code = run.failure.as_ref().map_or("SYS-001", |failure| failure.code.as_str());
            Some(format!("{name} failed: {code}."))
        }
        Condition::RunCompleted if run.state == RunState::Completed => {
            Some(format!("{name} completed."))
        }
        Condition::BooksDoNotClose => {
            let failure = run.failure.as_ref().filter(|_| run.state == RunState::Failed)?;
            (failure.code == ErrorCode::Load005)
                .then(|| format!("The books of {name} do not close."))
        }
        Condition::QuarantinePercent { above } => {
            let books = books.filter(|books| books.read > 0)?;
            let percent = percent(books.quarantined, books.read);
            let counts = matches!(
                run.state,
                RunState::Running | RunState::Failed | RunState::Paused | RunState::Completed
            );
            (counts && percent > *above)
                .then(|| format!("{name} has {percent:.1} % of its rows in quarantine."))
        }
        Condition::NoProgress { seconds } if run.state == RunState::Running => {
            let still = now - *still_since;
            let limit = TimeDelta::seconds(i64::try_from(*seconds).unwrap_or(i64::MAX / 1_000_000));
            (still >= limit)
                .then(|| format!("{name} has stood still for {} minutes.", still.num_minutes()))
        }
        Condition::VerificationStale { hours } if run.state == RunState::Completed => {
            let ended = run.ended_at?;
            let limit = TimeDelta::hours(i64::try_from(*hours).unwrap_or(8_760));
            let is_verified = verified_at.is_some_and(|verified| verified >= ended);
            (!is_verified && now - ended >= limit)
                .then(|| format!("{name} was not verified since it completed."))
        }
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage has no use for more digits")]
fn percent(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64 * 100.0
}

/// When people may be told: at once, or when the quiet hours are over.
pub(super) fn due_at(
    now: DateTime<Utc>,
    severity: Severity,
    quiet: Option<&QuietHours>,
) -> DateTime<Utc> {
    let Some(quiet) = quiet.filter(|_| severity < Severity::Blocking) else { return now };
    let Ok(zone) = quiet.zone.parse::<chrono_tz::Tz>() else { return now };
    let local = now.with_timezone(&zone);
    if !quiet.contain(local.time()) {
        return now;
    }
    let today = local.date_naive();
    let ends = |day: NaiveDate| zone.from_local_datetime(&day.and_time(quiet.to)).earliest();
    let tomorrow = today.succ_opt().unwrap_or(today);
    let end = [today, tomorrow].into_iter().filter_map(ends).find(|end| *end > local);
    // An end that the clocks skip: an hour later is after it.
    end.map_or(now + TimeDelta::hours(1), |end| end.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::at;
    use shared::run::{Books, Failure, Phase, Progress, TableProgress};

    fn run(state: RunState, books: Books) -> RunFacts {
        let target: shared::assessment::TableName = "person".parse().expect("a name");
        RunFacts {
            run: Run {
                id: "r1".parse().expect("an id"),
                plan_id: "p1".parse().expect("an id"),
                plan_name: "MDW".to_owned(),
                plan_version: 1,
                state,
                started_by: "Ada".to_owned(),
                created_at: at(0),
                started_at: Some(at(0)),
                ended_at: (state != RunState::Running).then(|| at(100)),
                failure: None,
                progress: Some(Progress {
                    phase: Phase::Copying,
                    tables: vec![TableProgress {
                        index: 0,
                        source: target.clone(),
                        target,
                        phase: Phase::Copying,
                        books,
                        chunks_total: 1,
                        chunks_done: 0,
                        bytes: 0,
                        seconds: 0.0,
                    }],
                    rows_per_second: 0.0,
                    eta_seconds: None,
                    elapsed_seconds: 0.0,
                    health: shared::run::Health::default(),
                }),
            },
            still_since: at(0),
            verified_at: None,
        }
    }

    fn found(condition: Condition, run: RunFacts, now: i64) -> Option<String> {
        let facts =
            Facts { now: at(now), runs: vec![run], sign_in_failures: 0, trail_broken_at: None };
        find(&condition, &facts).pop().map(|found| found.message)
    }

    #[test]
    fn a_failed_run_is_found_with_its_code_until_it_runs_again() {
        let mut failed = run(RunState::Failed, Books::default());
        failed.run.failure =
            Some(Failure { code: ErrorCode::Load005, message: "adding up".to_owned() });
        let message = found(Condition::RunFailed, failed.clone(), 0).unwrap();
        assert_eq!(message, "Run r1 of MDW failed: LOAD-005.");
        assert!(found(Condition::BooksDoNotClose, failed, 0).is_some());
        let running = run(RunState::Running, Books::default());
        assert_eq!(found(Condition::RunFailed, running.clone(), 0), None);
        assert_eq!(found(Condition::BooksDoNotClose, running, 0), None);
    }

    #[test]
    fn much_in_quarantine_is_more_than_the_limit() {
        let books = Books { read: 200, loaded: 190, quarantined: 10, ..Books::default() };
        let rule = |above| Condition::QuarantinePercent { above };
        assert_eq!(found(rule(5.0), run(RunState::Running, books), 0), None);
        let message = found(rule(4.9), run(RunState::Completed, books), 0).unwrap();
        assert!(message.contains("5.0 %"), "{message}");
        assert_eq!(found(rule(0.0), run(RunState::Running, Books::default()), 0), None);
        assert_eq!(found(rule(4.9), run(RunState::RolledBack, books), 0), None);
    }

    #[test]
    fn a_run_stands_still_when_no_row_more_was_accounted_for() {
        let rule = Condition::NoProgress { seconds: 600 };
        let running = run(RunState::Running, Books::default());
        assert_eq!(found(rule.clone(), running.clone(), 599), None);
        assert!(found(rule.clone(), running, 600).is_some());
        assert_eq!(found(rule, run(RunState::Paused, Books::default()), 9_999), None);
    }

    #[test]
    fn a_verification_is_stale_when_there_is_none_since_the_run_completed() {
        let rule = Condition::VerificationStale { hours: 1 };
        let mut completed = run(RunState::Completed, Books::default());
        assert_eq!(found(rule.clone(), completed.clone(), 3_699), None);
        assert!(found(rule.clone(), completed.clone(), 3_700).is_some());
        completed.verified_at = Some(at(99));
        assert!(found(rule.clone(), completed.clone(), 3_700).is_some());
        completed.verified_at = Some(at(101));
        assert_eq!(found(rule, completed, 3_700), None);
    }

    #[test]
    fn failed_sign_ins_and_a_broken_trail_are_found() {
        let facts =
            Facts { now: at(0), runs: Vec::new(), sign_in_failures: 21, trail_broken_at: Some(7) };
        assert_eq!(find(&Condition::SignInFailures { above: 21 }, &facts), []);
        assert_eq!(find(&Condition::SignInFailures { above: 20 }, &facts).len(), 1);
        assert!(find(&Condition::AuditBroken, &facts)[0].message.contains("Entry 7"));
    }

    #[test]
    fn quiet_hours_hold_back_all_but_blocking_alerts() {
        let quiet: QuietHours =
            serde_json::from_str(r#"{"from": "22:00", "to": "06:30", "zone": "Europe/Berlin"}"#)
                .unwrap();
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let due = |now: &str, severity| due_at(time(now), severity, Some(&quiet));

        // In summer Berlin is two hours ahead.
        let night = "2026-07-31T21:00:00Z";
        assert_eq!(due(night, Severity::Warning), time("2026-08-01T04:30:00Z"));
        assert_eq!(due("2026-08-01T03:00:00Z", Severity::Info), time("2026-08-01T04:30:00Z"));
        assert_eq!(due(night, Severity::Blocking), time(night));
        let day = "2026-07-31T12:00:00Z";
        assert_eq!(due(day, Severity::Info), time(day));
        assert_eq!(due_at(time(night), Severity::Info, None), time(night));
    }
}
