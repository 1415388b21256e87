//! Looks at what goes on every few seconds, and raises and clears alerts.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use engine::clock::Clock;
use shared::alert::{Alert, AlertState, Condition, Rule};
use shared::audit::{Action, AuditFilter};
use shared::id::{AlertId, RunId};
use shared::run::{Progress, Run, RunState};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::Notifier;
use super::decide::{Facts, Found, RunFacts, find};
use crate::audit::chain::{Verified, verify};
use crate::audit::{self, Actor};
use crate::auth::throttle;
use crate::causes;
use crate::store::alerts::{self, Open};
use crate::store::{self, Store, StoreError, runs, sign_in_failures};

/// How often it looks.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// How often it walks along the whole audit trail, which takes longer the longer that is.
const BETWEEN_WALKS: TimeDelta = TimeDelta::minutes(30);
/// Runs that were created longer ago are history.
const RECENT: TimeDelta = TimeDelta::days(7);
/// And so many at most are looked at.
const MOST_RUNS: u32 = 500;

/// Watches on behalf of all rules. Several servers of one store may: what they find is raised
/// once.
pub struct Watcher {
    store: Store,
    clock: Arc<dyn Clock>,
    notifier: Notifier,
    memory: Mutex<Memory>,
}

/// What was seen before.
#[derive(Default)]
struct Memory {
    /// How far each running run was, and since when.
    stood: HashMap<RunId, (u64, DateTime<Utc>)>,
    walked_at: Option<DateTime<Utc>>,
    trail_broken_at: Option<u64>,
}

impl Watcher {
    pub fn new(store: Store, clock: Arc<dyn Clock>, notifier: Notifier) -> Self {
        Self { store, clock, notifier, memory: Mutex::default() }
    }

    /// Looks again and again, for as long as the server runs.
    pub async fn keep_watching(self: Arc<Self>) {
        loop {
            sleep(BETWEEN_LOOKS).await;
            if let Err(error) = self.look().await {
                // The store is asked again in a moment.
                tracing::warn!(cause = causes::line(&error), "watching: {error}");
            }
            self.notifier.deliver_due().await;
        }
    }

    /// Looks once: raises what a rule finds, and clears what none finds any more.
    pub async fn look(&self) -> Result<(), StoreError> {
        let rules = alerts::list_rules(self.store.pool()).await?;
        let facts = self.facts(&rules).await?;
        let open = alerts::list_open(self.store.pool()).await?;
        for rule in rules.iter().filter(|rule| rule.enabled) {
            let found = find(&rule.condition, &facts);
            for found in &found {
                let is_same =
                    |open: &&Open| open.alert.rule_id == rule.id && open.cause == found.cause;
                match open.iter().find(is_same) {
                    None => self.raise(rule, found, facts.now).await?,
                    Some(open) => self.raise_again(rule, &open.alert, facts.now).await?,
                }
            }
            for open in open.iter().filter(|open| open.alert.rule_id == rule.id) {
                if !found.iter().any(|found| found.cause == open.cause) {
                    self.clear(&open.alert.id, facts.now).await?;
                }
            }
        }
        let is_watched = |id: &AlertId| rules.iter().any(|rule| rule.enabled && rule.id == *id);
        for open in open.iter().filter(|open| !is_watched(&open.alert.rule_id)) {
            self.clear(&open.alert.id, facts.now).await?;
        }
        Ok(())
    }

    async fn facts(&self, rules: &[Rule]) -> Result<Facts, StoreError> {
        let now = self.clock.now();
        let pool = self.store.pool();
        let mut memory = self.memory.lock().await;

        let recent = runs::list(pool, None, MOST_RUNS).await?;
        let mut latest: HashMap<_, Run> = HashMap::new();
        // The newest come first, and an older run of the same plan is history.
        for run in recent.into_iter().filter(|run| now - run.created_at < RECENT) {
            latest.entry(run.plan_id.clone()).or_insert(run);
        }
        let mut facts_of_runs = Vec::new();
        let mut stood = HashMap::new();
        for run in latest.into_values() {
            let accounted = run.progress.as_ref().map_or(0, accounted);
            let still_since = match memory.stood.get(&run.id) {
                Some((before, since)) if *before == accounted => *since,
                _ => now,
            };
            if run.state == RunState::Running {
                stood.insert(run.id.clone(), (accounted, still_since));
            }
            let verified_at = self.verified_at(&run).await?;
            facts_of_runs.push(RunFacts { run, still_since, verified_at });
        }
        memory.stood = stood;

        let walks = rules.iter().any(|it| it.enabled && it.condition == Condition::AuditBroken);
        if walks && memory.walked_at.is_none_or(|walked| now - walked >= BETWEEN_WALKS) {
            memory.trail_broken_at = match verify(&self.store).await? {
                Verified::Intact { .. } => None,
                Verified::Broken { number, .. } => Some(number),
            };
            memory.walked_at = Some(now);
        }
        Ok(Facts {
            now,
            runs: facts_of_runs,
            sign_in_failures: sign_in_failures::count_all(pool, now - throttle::WINDOW).await?,
            trail_broken_at: memory.trail_broken_at,
        })
    }

    /// A finished verification is an entry about its run.
    async fn verified_at(&self, run: &Run) -> Result<Option<DateTime<Utc>>, StoreError> {
        if run.state != RunState::Completed {
            return Ok(None);
        }
        let filter = AuditFilter {
            object: Some(run.id.to_string()),
            from: run.ended_at,
            ..AuditFilter::default()
        };
        let entries = store::audit::list_before(self.store.pool(), u64::MAX, &filter, 100).await?;
        let verified = entries.iter().find(|it| it.action == Action::VerificationCompleted);
        Ok(verified.map(|entry| entry.at))
    }

    async fn raise(
        &self,
        rule: &Rule,
        found: &Found,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let quiet = quiet_time(rule);
        let last = alerts::last_raised(self.store.pool(), &rule.id, &found.cause).await?;
        // What has just gone and come back is the same story.
        if last.is_some_and(|last| now - last < quiet) {
            return Ok(());
        }
        let alert = Alert {
            id: AlertId::parse(self.clock.fresh_id().to_string()).expect("a UUID is an id"),
            rule_id: rule.id.clone(),
            run_id: found.run_id.clone(),
            state: AlertState::Raised,
            severity: rule.severity,
            message: found.message.clone(),
            raised_at: now,
            times: 1,
            last_raised_at: now,
            acknowledged_by: None,
            acknowledged_at: None,
            cleared_at: None,
        };
        let mut tx = self.store.begin().await?;
        if !alerts::raise(&mut *tx, &alert, &found.cause).await? {
            return Ok(());
        }
        self.notifier.queue(&mut tx, &alert, now).await?;
        let (actor, action) = (Actor::system(), Action::AlertRaised);
        let detail = Some(format!("{}: {}", rule.id, found.cause));
        audit::record(&mut tx, now, actor, action, alert.id.as_str(), detail).await?;
        store::commit(tx).await?;
        tracing::warn!(alert.id = %alert.id, rule.id = %rule.id, "{}", alert.message);
        Ok(())
    }

    async fn raise_again(
        &self,
        rule: &Rule,
        alert: &Alert,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let before = now - quiet_time(rule);
        if rule.quiet_seconds == 0 || alert.last_raised_at > before {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        if alerts::raise_again(&mut *tx, &alert.id, before, now).await? {
            self.notifier.queue(&mut tx, alert, now).await?;
            let (actor, action) = (Actor::system(), Action::AlertRaised);
            let detail = Some(format!("{}, again", rule.id));
            audit::record(&mut tx, now, actor, action, alert.id.as_str(), detail).await?;
        }
        store::commit(tx).await
    }

    async fn clear(&self, id: &AlertId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        if alerts::clear(&mut *tx, id, now).await? {
            let (actor, action) = (Actor::system(), Action::AlertCleared);
            audit::record(&mut tx, now, actor, action, id.as_str(), None).await?;
        }
        store::commit(tx).await
    }
}

/// Everything that a picture shows to have gone on: rows, chunks, and phases after the copy.
fn accounted(progress: &Progress) -> u64 {
    let chunks: u64 = progress.tables.iter().map(|table| u64::from(table.chunks_done)).sum();
    let phases: u64 = progress.tables.iter().map(|table| table.phase as u64).sum();
    progress.books().accounted() + chunks + phases + progress.phase as u64
}

fn quiet_time(rule: &Rule) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(rule.quiet_seconds).unwrap_or(604_800))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::key::InstallationKey;
    use crate::auth::secret::Secrets;
    use crate::settings::{Current, Deployment};
    use crate::store::testing::{at, on_both};
    use shared::alert::AlertFilter;
    use std::sync::atomic::{AtomicI64, Ordering};

    #[tokio::test]
    async fn one_cause_is_one_alert_however_many_servers_look_and_however_often() {
        on_both(async |store| {
            fail_sign_ins(&store, 21, 0).await;
            let clock = Arc::new(Ahead::default());
            let (one, other) = (watcher(&store, &clock), watcher(&store, &clock));

            for watcher in [&one, &other, &one] {
                watcher.look().await.unwrap();
            }

            let alerts = all(&store).await;
            assert_eq!((alerts.len(), alerts[0].times), (1, 1));
            assert_eq!(alerts[0].rule_id.as_str(), "sign-in-failures");
        })
        .await;
    }

    #[tokio::test]
    async fn an_open_alert_is_raised_again_after_its_quiet_time_unless_it_was_acknowledged() {
        on_both(async |store| {
            let clock = Arc::new(Ahead::default());
            let watcher = watcher(&store, &clock);
            fail_sign_ins(&store, 21, 0).await;
            watcher.look().await.unwrap();
            clock.0.store(3_600, Ordering::Relaxed);
            fail_sign_ins(&store, 21, 3_600).await;
            watcher.look().await.unwrap();
            let alert = all(&store).await.pop().unwrap();
            assert_eq!(alert.times, 2);

            alerts::acknowledge(store.pool(), &alert.id, "Ada", at(3_601)).await.unwrap();
            clock.0.store(7_200, Ordering::Relaxed);
            fail_sign_ins(&store, 21, 7_200).await;
            watcher.look().await.unwrap();

            assert_eq!(all(&store).await.pop().unwrap().times, 2);
        })
        .await;
    }

    #[tokio::test]
    async fn an_alert_is_cleared_when_its_cause_is_gone_and_not_raised_at_once_again() {
        on_both(async |store| {
            let clock = Arc::new(Ahead::default());
            let watcher = watcher(&store, &clock);
            fail_sign_ins(&store, 21, 0).await;
            watcher.look().await.unwrap();
            clock.0.store(1_000, Ordering::Relaxed);
            watcher.look().await.unwrap();
            assert_eq!(all(&store).await[0].state, AlertState::Cleared);

            fail_sign_ins(&store, 21, 1_000).await;
            watcher.look().await.unwrap();
            assert_eq!(all(&store).await.len(), 1);
            clock.0.store(3_700, Ordering::Relaxed);
            fail_sign_ins(&store, 21, 3_700).await;
            watcher.look().await.unwrap();
            assert_eq!(all(&store).await.len(), 2);
        })
        .await;
    }

    #[tokio::test]
    async fn a_rule_that_is_off_finds_nothing_and_its_alerts_are_cleared() {
        on_both(async |store| {
            let clock = Arc::new(Ahead::default());
            let watcher = watcher(&store, &clock);
            fail_sign_ins(&store, 21, 0).await;
            watcher.look().await.unwrap();
            let id = "sign-in-failures".parse().unwrap();
            let mut rule = alerts::find_rule(store.pool(), &id).await.unwrap().unwrap();
            rule.enabled = false;
            alerts::save_rule(store.pool(), &rule, at(1)).await.unwrap();

            watcher.look().await.unwrap();

            assert_eq!(all(&store).await[0].state, AlertState::Cleared);
        })
        .await;
    }

    async fn all(store: &Store) -> Vec<Alert> {
        alerts::list(store.pool(), &AlertFilter::default(), None, 99).await.expect("alerts")
    }

    async fn fail_sign_ins(store: &Store, count: u32, second: i64) {
        for number in 0..count {
            let id = format!("{second}-{number}");
            sign_in_failures::insert(store.pool(), &id, "ada", "192.0.2.1", at(second))
                .await
                .expect("a failure");
        }
    }

    fn watcher(store: &Store, clock: &Arc<Ahead>) -> Watcher {
        let text = crate::auth::hex(&[7; 32]);
        let key = InstallationKey::load(std::path::Path::new("."), Some(&text)).expect("a key");
        let settings = Current::new(store.clone(), Deployment::default());
        let clock: Arc<dyn Clock> = Arc::<Ahead>::clone(clock);
        let vault = Secrets::of_accounts(&key);
        let notifier = Notifier::new(store.clone(), Arc::clone(&clock), settings, vault, None);
        Watcher::new(store.clone(), clock, notifier)
    }

    /// So many seconds after the first moment.
    #[derive(Default)]
    struct Ahead(AtomicI64);

    impl Clock for Ahead {
        fn now(&self) -> DateTime<Utc> {
            at(self.0.load(Ordering::Relaxed))
        }

        fn fresh_id(&self) -> uuid::Uuid {
            engine::clock::SystemClock.fresh_id()
        }
    }
}
