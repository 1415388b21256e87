//! The conductor's side: offers chunks to workers of other processes, and tells the engine what
//! came of them.

use std::collections::HashMap;
use std::time::Duration;

use engine::run::{Crew, Offer, Order, Report};
use shared::id::RunId;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::queue::{Answer, Queues};
use crate::auth::secret::Secrets;
use crate::causes;
use crate::store::{Store, StoreError, crew, work_orders};

/// How often answers are fetched.
const BETWEEN_ANSWERS: Duration = Duration::from_millis(100);
/// How often signs of life are given and looked for.
const BETWEEN_BEATS: Duration = Duration::from_secs(1);
/// A worker is given up after so long without a sign of life.
const SILENCE: Duration = Duration::from_secs(15);
/// A queue that cannot be used for so long has no workers.
const OUTAGE: Duration = Duration::from_secs(20);

/// Leads crews. Clones lead the same ones.
#[derive(Clone)]
pub struct Leader {
    store: Store,
    secrets: Secrets,
    queues: Queues,
}

impl Leader {
    pub const fn new(store: Store, secrets: Secrets, queues: Queues) -> Self {
        Self { store, secrets, queues }
    }

    /// The crew of a run. It is led on the runtime that this is called on, until the run ends.
    pub fn lead(&self, run: RunId) -> Crew {
        let (orders, ordered) = watch::channel(None);
        let (counted, hands) = watch::channel(0);
        let (offers, offered) = mpsc::channel(1);
        let (reported, reports) = mpsc::channel(64);
        let led = Led {
            leader: self.clone(),
            run,
            counted,
            reported,
            queue: None,
            out: HashMap::new(),
            seen: HashMap::new(),
            well: Instant::now(),
        };
        tokio::spawn(led.lead(ordered, offered));
        Crew { orders, hands, offers, reports }
    }
}

/// One crew at one run.
struct Led {
    leader: Leader,
    run: RunId,
    counted: watch::Sender<usize>,
    reported: mpsc::Sender<Report>,
    /// The queue of this time; none while there is nothing to take part in.
    queue: Option<String>,
    /// Chunks that are offered and not answered, by the offer's name.
    out: HashMap<String, (u32, u32)>,
    /// When each worker's sign of life last changed.
    seen: HashMap<String, Seen>,
    /// When store and queue were last of use.
    well: Instant,
}

struct Seen {
    beats: u64,
    at: Instant,
}

impl Led {
    async fn lead(
        mut self,
        mut orders: watch::Receiver<Option<Order>>,
        mut offers: mpsc::Receiver<Offer>,
    ) {
        let mut answers = interval(BETWEEN_ANSWERS);
        answers.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beats = interval(BETWEEN_BEATS);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                changed = orders.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let order = orders.borrow_and_update().clone();
                    self.take_up(order).await
                }
                offer = offers.recv() => match offer {
                    Some(offer) => self.offer(offer).await,
                    None => break,
                },
                _ = answers.tick(), if !self.out.is_empty() => self.fetch_answers().await,
                _ = beats.tick(), if self.queue.is_some() => self.look_around().await,
            };
            match done {
                Ok(()) => self.well = Instant::now(),
                Err(error) => {
                    tracing::warn!(run.id = %self.run, cause = causes::line(&error), "{error}");
                    if self.well.elapsed() > OUTAGE {
                        self.give_up_on_all().await;
                    }
                }
            }
        }
        if let Err(error) = self.dismiss().await {
            // Workers see that nobody conducts the run any more.
            tracing::warn!(run.id = %self.run, cause = causes::line(&error), "{error}");
        }
    }

    /// Opens a queue for this time, or closes it.
    async fn take_up(&mut self, order: Option<Order>) -> Result<(), LeadError> {
        self.dismiss().await?;
        let Some(order) = order else { return Ok(()) };
        // The random part tells two times of one claim apart.
        let queue = format!("{}-{}-{:08x}", self.run, order.epoch, rand::random::<u32>());
        let text = serde_json::to_string(&order).map_err(LeadError::Order)?;
        let sealed = self.leader.secrets.seal(&text)?;
        let pool = self.leader.store.pool();
        work_orders::insert(pool, &queue, &self.run, &sealed).await?;
        tracing::info!(run.id = %self.run, queue.name = queue, "workers may take part");
        self.queue = Some(queue);
        Ok(())
    }

    async fn dismiss(&mut self) -> Result<(), LeadError> {
        self.counted.send_replace(0);
        self.out.clear();
        self.seen.clear();
        let Some(queue) = self.queue.take() else { return Ok(()) };
        let pool = self.leader.store.pool();
        work_orders::delete(pool, &self.run).await?;
        crew::delete_all(pool, &queue).await?;
        Ok(self.leader.queues.clear(&queue).await?)
    }

    async fn offer(&mut self, offer: Offer) -> Result<(), LeadError> {
        let key = (offer.table_index, offer.chunk.ordinal);
        let Some(queue) = &self.queue else {
            self.report(Report::LookUp { table_index: key.0, ordinal: key.1 }).await;
            return Ok(());
        };
        match self.leader.queues.push(queue, offer).await {
            Ok(name) => {
                self.out.insert(name, key);
                Ok(())
            }
            Err(error) => {
                self.report(Report::LookUp { table_index: key.0, ordinal: key.1 }).await;
                Err(error.into())
            }
        }
    }

    async fn fetch_answers(&mut self) -> Result<(), LeadError> {
        let Some(queue) = &self.queue else { return Ok(()) };
        let names: Vec<String> = self.out.keys().cloned().collect();
        let answers = self.leader.queues.answers(queue, names.into_iter()).await?;
        for (name, answer) in answers {
            let Some((table_index, ordinal)) = self.out.remove(&name) else { continue };
            let report = match answer {
                Answer::Copied => Report::LookUp { table_index, ordinal },
                Answer::Failed { code, message } => {
                    Report::Failed { table_index, ordinal, code, message }
                }
            };
            self.report(report).await;
        }
        Ok(())
    }

    /// Gives a sign of life, counts hands, and gives up on workers that went silent.
    async fn look_around(&mut self) -> Result<(), LeadError> {
        let Some(queue) = self.queue.clone() else { return Ok(()) };
        let pool = self.leader.store.pool();
        work_orders::beat(pool, &queue).await?;
        let members = crew::list(pool, &queue).await?;
        let mut hands = 0;
        let mut silent = Vec::new();
        for member in &members {
            let now = Instant::now();
            let seen = self
                .seen
                .entry(member.worker.clone())
                .or_insert(Seen { beats: member.beats, at: now });
            if seen.beats != member.beats {
                *seen = Seen { beats: member.beats, at: now };
            }
            if seen.at.elapsed() > SILENCE {
                silent.push(member.worker.clone());
            } else {
                hands += member.hands as usize;
            }
        }
        for worker in silent {
            crew::delete(pool, &queue, &worker).await?;
            self.seen.remove(&worker);
            self.report(Report::Silent { worker }).await;
        }
        self.counted.send_if_modified(|counted| {
            // One more than they can hold, so that nobody waits for the next offer.
            let wanted = if hands == 0 { 0 } else { hands + 1 };
            std::mem::replace(counted, wanted) != wanted
        });
        if hands == 0 && !self.out.is_empty() {
            self.leader.queues.clear(&queue).await?;
            self.give_up_on_all().await;
        }
        Ok(())
    }

    /// Nobody is there to copy what is offered: the engine's own workers do.
    async fn give_up_on_all(&mut self) {
        self.counted.send_replace(0);
        let out: Vec<_> = self.out.drain().map(|(_, key)| key).collect();
        for (table_index, ordinal) in out {
            self.report(Report::LookUp { table_index, ordinal }).await;
        }
    }

    async fn report(&self, report: Report) {
        // Without an engine that listens, the run has ended.
        let _ = self.reported.send(report).await;
    }
}

#[derive(Debug, thiserror::Error)]
enum LeadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] super::QueueError),
    #[error(transparent)]
    Seal(#[from] engine::EngineError),
    #[error("an order could not be written down")]
    Order(#[source] serde_json::Error),
}
