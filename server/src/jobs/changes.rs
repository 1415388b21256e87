//! What changes, for everybody who listens: one look at the store for all of them.
//!
//! Whatever changes a state writes an entry into the audit trail, in the same transaction. The
//! trail therefore is the list of changes: in order, without a gap, and the same for all servers
//! of a store. Nothing has to be published beside it, and nothing can be forgotten.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use engine::clock::Clock;
use shared::assessment::Severity;
use shared::audit::{Action, AuditFilter, Entry};
use shared::event::{Change, Counts, Notice, PortalEvent, Reset, RunEvent, RunPicture, Topic};
use shared::id::{AlertId, RunId};
use tokio::sync::broadcast;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{JobError, Runs};
use crate::causes;
use crate::store::audit::{find_head, list_after};
use crate::store::runs::RunCounts;
use crate::store::{Store, StoreError, alerts, approvals, runs};

/// Live means within half a second.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
/// What costs more is counted when something changed, or else so often.
const BETWEEN_COUNTS: Duration = Duration::from_secs(10);
/// So many changes are sent again to whoever was away; after more, a page reads everything anew.
const MOST_CHANGES: u32 = 500;
/// A listener that is so far behind starts anew.
const BUFFER: usize = 1_024;

/// Clones are handles to the same.
#[derive(Clone)]
pub struct Changes(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    runs: Runs,
    sender: broadcast::Sender<PortalEvent>,
    latest: Mutex<Latest>,
}

/// The pictures as they were last sent.
#[derive(Default)]
struct Latest {
    runs: HashMap<RunId, RunEvent>,
    counts: Option<Counts>,
}

impl Changes {
    pub fn new(store: Store, clock: Arc<dyn Clock>, runs: Runs) -> Self {
        let sender = broadcast::Sender::new(BUFFER);
        Self(Arc::new(Inner { store, clock, runs, sender, latest: Mutex::default() }))
    }

    /// What comes from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<PortalEvent> {
        self.0.sender.subscribe()
    }

    /// What a listener lacks: the changes after the last one that it has, or the advice to read
    /// everything anew, and then the pictures as they are. Gives the number up to which it knows
    /// everything.
    pub async fn catch_up(&self, last: Option<u64>) -> Result<(u64, Vec<PortalEvent>), JobError> {
        let pool = self.0.store.pool();
        let head = find_head(pool).await?.number;
        let mut events = Vec::new();
        let mut seen = head;
        match last {
            Some(last) if last <= head => {
                let all = AuditFilter::default();
                let missed = list_after(pool, last, &all, MOST_CHANGES + 1).await?;
                if missed.len() > MOST_CHANGES as usize {
                    events.push(PortalEvent::Reset(Reset { number: head }));
                } else {
                    seen = missed.last().map_or(last, |entry| entry.number);
                    for entry in missed {
                        events.push(PortalEvent::Change(self.change_of(entry).await?));
                    }
                }
            }
            // A number that this trail never had: another store stands here now.
            Some(_) => events.push(PortalEvent::Reset(Reset { number: head })),
            None => {}
        }
        events.push(PortalEvent::Counts(self.count().await?));
        for (run_id, event) in self.pictures().await? {
            events.push(PortalEvent::Run(RunPicture { run_id, event }));
        }
        Ok((seen, events))
    }

    /// Looks for changes for as long as the server runs, while somebody listens.
    pub async fn keep_looking(self) {
        let mut ticks = interval(BETWEEN_LOOKS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = None;
        let mut counted = Instant::now();
        loop {
            ticks.tick().await;
            if self.0.sender.receiver_count() == 0 {
                seen = None;
                continue;
            }
            if let Err(error) = self.look(&mut seen, &mut counted).await {
                // Listeners lack nothing: the next look begins where this one did.
                tracing::warn!(cause = causes::line(&error), "looking for changes: {error}");
            }
        }
    }

    async fn look(&self, seen: &mut Option<u64>, counted: &mut Instant) -> Result<(), JobError> {
        let pool = self.0.store.pool();
        let head = find_head(pool).await?.number;
        // Before the first look nobody was promised anything: they caught up by themselves. What
        // happened between their catching up and this look is not lost, so it begins a bit before.
        let from = seen.unwrap_or_else(|| head.saturating_sub(u64::from(MOST_CHANGES)));
        let mut changed = false;
        if head > from {
            let entries = list_after(pool, from, &AuditFilter::default(), MOST_CHANGES).await?;
            for entry in entries {
                *seen = Some(entry.number);
                changed = true;
                let change = self.change_of(entry).await?;
                self.send(PortalEvent::Change(change));
            }
        } else {
            *seen = Some(head);
        }
        for (run_id, event) in self.pictures().await? {
            let is_new = {
                let mut latest = self.lock();
                latest.runs.insert(run_id.clone(), event.clone()).as_ref() != Some(&event)
            };
            if is_new {
                self.send(PortalEvent::Run(RunPicture { run_id, event }));
            }
        }
        if changed || counted.elapsed() >= BETWEEN_COUNTS {
            *counted = Instant::now();
            let counts = self.count().await?;
            if self.lock().counts.replace(counts) != Some(counts) {
                self.send(PortalEvent::Counts(counts));
            }
        }
        Ok(())
    }

    fn send(&self, event: PortalEvent) {
        // An error means that nobody listens any more.
        let _ = self.0.sender.send(event);
    }

    /// Runs under way, here and elsewhere, and for a moment those that were.
    async fn pictures(&self) -> Result<Vec<(RunId, RunEvent)>, JobError> {
        let mut ids = runs::list_running(self.0.store.pool()).await?;
        {
            let mut latest = self.lock();
            let ended: Vec<RunId> =
                latest.runs.keys().filter(|id| !ids.contains(id)).cloned().collect();
            for id in ended {
                latest.runs.remove(&id);
                ids.push(id);
            }
        }
        let mut pictures = Vec::new();
        for id in ids {
            let stored = self.0.runs.find(&id).await?;
            let event = RunEvent {
                number: stored.event_number,
                state: stored.run.state,
                progress: stored.run.progress,
                failure: stored.run.failure,
            };
            pictures.push((id, event));
        }
        Ok(pictures)
    }

    async fn count(&self) -> Result<Counts, StoreError> {
        let pool = self.0.store.pool();
        let RunCounts { running, stopped } = runs::count(pool).await?;
        let recent = runs::list(pool, None, 50).await?;
        let mut plans = std::collections::HashSet::new();
        let rows_quarantined = recent
            .iter()
            .filter(|run| plans.insert(run.plan_id.clone()))
            .filter_map(|run| run.progress.as_ref())
            .map(|progress| progress.books().quarantined)
            .sum();
        Ok(Counts {
            runs_running: running,
            runs_stopped: stopped,
            alerts_open: alerts::count_raised(pool).await?,
            approvals_waiting: approvals::count_waiting(pool, self.0.clock.now()).await?,
            rows_quarantined,
        })
    }

    async fn change_of(&self, entry: Entry) -> Result<Change, StoreError> {
        let notice = match entry.action {
            Action::AlertRaised => self.alert_notice(&entry.subject).await?,
            _ => notice_of(&entry),
        };
        Ok(Change {
            number: entry.number,
            at: entry.at,
            topic: Topic::of(entry.action),
            action: entry.action,
            object: entry.subject,
            notice,
        })
    }

    async fn alert_notice(&self, id: &str) -> Result<Option<Notice>, StoreError> {
        let Ok(id) = AlertId::parse(id) else { return Ok(None) };
        let alert = alerts::find(self.0.store.pool(), &id).await?;
        Ok(alert.map(|alert| Notice { severity: alert.severity, text: alert.message }))
    }

    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.0.latest.lock().expect("nobody panics with the lock")
    }
}

/// What is worth telling a person who does not look at it.
fn notice_of(entry: &Entry) -> Option<Notice> {
    let (severity, text) = match entry.action {
        Action::RunCompleted => (Severity::Info, format!("Run {} completed.", entry.subject)),
        Action::RunFailed => {
            let code = entry.detail.as_deref().unwrap_or("SYS-001");
            (Severity::Blocking, format!("Run {} failed: {code}.", entry.subject))
        }
        Action::RunPaused => (Severity::Info, format!("Run {} is paused.", entry.subject)),
        Action::ApprovalRequested => {
            (Severity::Warning, "Somebody asks for a second person's approval.".to_owned())
        }
        Action::ApprovalGiven => (Severity::Info, "A request was approved.".to_owned()),
        Action::ApprovalRefused => (Severity::Warning, "A request was refused.".to_owned()),
        _ => return None,
    };
    Some(Notice { severity, text })
}
