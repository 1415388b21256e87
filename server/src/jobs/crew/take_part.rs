//! A worker's side: looks for runs under way, joins those that it can, and copies their chunks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use engine::EngineError;
use engine::clock::Clock;
use engine::run::{Helper, Order, Stop};
use shared::error_code::ErrorCode;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::queue::{QueueError, Queues};
use crate::auth::secret::Secrets;
use crate::causes;
use crate::store::crew::Member;
use crate::store::work_orders::WorkOrder;
use crate::store::{Store, StoreError, crew, work_orders};

/// How often a worker looks for work, and says that it lives.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// A run whose conductor gives no sign of life for so long has none.
const SILENCE: Duration = Duration::from_secs(20);

/// What a worker process works with. Clones are the same worker.
#[derive(Clone)]
pub struct Crewman {
    pub store: Store,
    pub secrets: Secrets,
    pub quarantine_key: engine::seal::Key,
    pub queues: Queues,
    pub clock: Arc<dyn Clock>,
    /// The worker's name: no other has it.
    pub name: String,
    /// Machine and process, for people.
    pub place: String,
    /// How many chunks it copies at once.
    pub hands: u32,
}

/// Takes part in every run that it can, until it is asked to stop. Chunks under way are finished
/// first; asked to stop at once, they are rolled back.
pub async fn take_part(crewman: Crewman, stop: Stop) -> Result<(), StoreError> {
    let mut parts: HashMap<String, Part> = HashMap::new();
    loop {
        let found = match work_orders::list(crewman.store.pool()).await {
            Ok(found) => found,
            Err(error) => {
                // Whoever shares the store with others waits for it: chunks under way go on.
                tracing::warn!(cause = causes::line(&error), "{error}");
                Vec::new()
            }
        };
        parts
            .retain(|queue, part| part.is_wanted(found.iter().find(|order| order.queue == *queue)));
        for order in found {
            if !parts.contains_key(&order.queue) {
                parts.insert(order.queue.clone(), Part::begin(&crewman, order, &stop));
            }
        }
        tokio::select! {
            () = sleep(BETWEEN_LOOKS) => {}
            () = stop.requested() => break,
        }
    }
    for (_, part) in parts {
        part.end.send_replace(true);
        // One that panicked has ended as well.
        let _ = part.task.await;
    }
    Ok(())
}

/// A worker's part in one run.
struct Part {
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
    beats: u64,
    seen: Instant,
}

impl Part {
    fn begin(crewman: &Crewman, order: WorkOrder, stop: &Stop) -> Self {
        let (end, ended) = watch::channel(false);
        let beats = order.beats;
        let task = tokio::spawn(join(crewman.clone(), order, stop.clone(), ended));
        Self { end, task, beats, seen: Instant::now() }
    }

    /// Whether somebody still conducts the run.
    fn is_wanted(&mut self, order: Option<&WorkOrder>) -> bool {
        if let Some(order) = order
            && order.beats != self.beats
        {
            self.beats = order.beats;
            self.seen = Instant::now();
        }
        let is_wanted = order.is_some() && self.seen.elapsed() < SILENCE;
        if !is_wanted {
            self.end.send_replace(true);
        }
        is_wanted
    }
}

/// Joins a run and copies chunks until that ends.
async fn join(crewman: Crewman, order: WorkOrder, stop: Stop, ended: watch::Receiver<bool>) {
    let queue = order.queue.clone();
    let joined = open(&crewman, &order, &stop).await;
    let helpers = match joined {
        Ok(helpers) => helpers,
        Err(error) => {
            tracing::warn!(run.id = %order.run_id, error.code = %error.code(),
                cause = causes::line(&error), "no part in run {}: {error}", order.run_id);
            let refused = member(&crewman, 0, Some(error.code()));
            if let Err(error) = crew::insert(crewman.store.pool(), &queue, &refused).await {
                tracing::warn!(cause = causes::line(&error), "{error}");
            }
            return;
        }
    };
    let hands = u32::try_from(helpers.len()).unwrap_or(u32::MAX);
    let me = member(&crewman, hands, None);
    if let Err(error) = crew::insert(crewman.store.pool(), &queue, &me).await {
        tracing::warn!(cause = causes::line(&error), "{error}");
        return;
    }
    tracing::info!(run.id = %order.run_id, hands, "takes part in run {}", order.run_id);
    let mut under_way = tokio::task::JoinSet::new();
    for (hand, helper) in (0..).zip(helpers) {
        let (queues, queue, mut ended) = (crewman.queues.clone(), queue.clone(), ended.clone());
        let name = format!("{}-{hand}-{queue}", crewman.name);
        under_way.spawn(async move {
            let end = async move {
                // Without whoever says so, it has ended as well.
                let _ = ended.wait_for(|ended| *ended).await;
            };
            queues.work(&queue, &name, helper, end).await
        });
    }
    let all_ended = async {
        while let Some(done) = under_way.join_next().await {
            note(&order, done.unwrap_or_else(|panic| Err(QueueError::Queue(panic.into()))));
        }
    };
    tokio::select! {
        () = all_ended => {}
        () = beat(&crewman, &queue) => {}
    }
    if let Err(error) = crew::delete(crewman.store.pool(), &queue, &crewman.name).await {
        tracing::warn!(cause = causes::line(&error), "{error}");
    }
    tracing::info!(run.id = %order.run_id, "no longer takes part in run {}", order.run_id);
}

/// As many pairs of hands as this worker has, all in the run's state of the source.
async fn open(
    crewman: &Crewman,
    order: &WorkOrder,
    stop: &Stop,
) -> Result<Vec<Helper>, EngineError> {
    let text = crewman.secrets.open(&order.sealed_order)?;
    let order: Order = serde_json::from_str(&text).map_err(|error| {
        EngineError::new(ErrorCode::Load044, "reading an order of another version").because(error)
    })?;
    let mut helpers = Vec::new();
    for hand in 0..crewman.hands.max(1) {
        let name = format!("{}h{hand}", crewman.name);
        let key = crewman.quarantine_key.clone();
        let clock = Arc::clone(&crewman.clock);
        helpers.push(Helper::join(&order, &name, key, clock, stop.clone()).await?);
    }
    Ok(helpers)
}

/// Says that this worker lives, until it is counted out.
async fn beat(crewman: &Crewman, queue: &str) {
    loop {
        sleep(BETWEEN_LOOKS).await;
        match crew::beat(crewman.store.pool(), queue, &crewman.name).await {
            Ok(true) => {}
            // It was silent for too long, or the run has ended: what it still does is refused.
            Ok(false) => return,
            Err(error) => tracing::warn!(cause = causes::line(&error), "{error}"),
        }
    }
}

fn member(crewman: &Crewman, hands: u32, refusal: Option<ErrorCode>) -> Member {
    Member { worker: crewman.name.clone(), place: crewman.place.clone(), hands, refusal, beats: 0 }
}

fn note(order: &WorkOrder, done: Result<(), QueueError>) {
    if let Err(error) = done {
        tracing::warn!(run.id = %order.run_id, cause = causes::line(&error), "{error}");
    }
}
