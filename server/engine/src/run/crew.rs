//! Workers in other processes: what the conductor tells them, and what they tell it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use shared::error_code::ErrorCode;
use shared::plan::Plan;
use tokio::sync::{mpsc, watch};

use super::Stop;
use super::conduct::{Work, place};
use super::copy::{Context, Job};
use super::governor::Slot;
use super::queue::Queue;
use crate::error::{Directive, EngineError, Result};
use crate::extract::{Chunk, Ticket};
use crate::load::Target;
use crate::load::claim::{self, LeftBy};
use crate::load::ledger;

/// What a process needs to take part in a run. It holds the URLs of both sides: it travels sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub plan: Plan,
    pub source_url: String,
    pub target_url: String,
    /// The run's id in the ledger.
    pub run_id: String,
    /// Whose claim on the run its workers commit under.
    pub epoch: i64,
    /// The state of the source that all of them read.
    pub ticket: Ticket,
}

/// A chunk for a worker elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The table's place in the plan.
    pub table_index: u32,
    pub chunk: Chunk,
}

/// What came of an offer, or of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The chunk was copied, or its worker is not to be reached: the ledger knows which.
    LookUp { table_index: u32, ordinal: u32 },
    /// The worker could not copy the chunk.
    Failed { table_index: u32, ordinal: u32, code: ErrorCode, message: String },
    /// A worker gave no sign of life for too long: what it has open is rolled back.
    Silent { worker: String },
}

/// The conductor's ends of the lines to workers elsewhere.
#[derive(Debug)]
pub struct Crew {
    /// The order for whoever takes part; none while there is nothing to take part in.
    pub orders: watch::Sender<Option<Order>>,
    /// How many chunks may be out at once.
    pub hands: watch::Receiver<usize>,
    pub offers: mpsc::Sender<Offer>,
    pub reports: mpsc::Receiver<Report>,
}

impl<T: Target + 'static> Work<T> {
    /// Says what whoever takes part needs to know.
    pub(super) fn order(&self, ticket: &Ticket) -> Order {
        Order {
            plan: self.request.plan.clone(),
            source_url: self.request.source_url.clone(),
            target_url: self.request.target_url.clone(),
            run_id: self.run.run_id.clone(),
            epoch: self.claim.epoch,
            ticket: ticket.clone(),
        }
    }

    /// Offers chunks to workers elsewhere for as long as there are any, and books what they copied.
    /// A chunk whose worker is lost goes back to the queue: if it was committed all the same, the
    /// ledger says so.
    pub(super) async fn hand_out(
        &self,
        context: &Context,
        queue: &Queue,
        crew: &mut Crew,
        workers_here: usize,
    ) -> Result<()> {
        let stop = &self.request.stop;
        let mut out: Out = HashMap::new();
        let mut none_left = false;
        loop {
            let hands = *crew.hands.borrow_and_update();
            self.board.crew(workers_here, hands);
            let may_offer = out.len() < hands && !none_left;
            if out.is_empty() && none_left {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = stop.requested_at_once() => return Ok(()),
                report = crew.reports.recv() => {
                    let Some(report) = report else {
                        put_all_back(queue, out);
                        return Ok(());
                    };
                    self.settle(context, queue, &mut out, report).await?;
                }
                changed = crew.hands.changed() => if changed.is_err() {
                    put_all_back(queue, out);
                    return Ok(());
                },
                taken = take(context, queue, stop), if may_offer => match taken {
                    Some((slot, job)) => {
                        let key = (place(job.table.index), job.chunk.ordinal);
                        let offer = Offer { table_index: key.0, chunk: job.chunk.clone() };
                        if crew.offers.send(offer).await.is_err() {
                            queue.put_back(job);
                            return Ok(());
                        }
                        out.insert(key, (slot, job));
                    }
                    None => none_left = true,
                },
                () = queue.ended(), if out.is_empty() => return Ok(()),
            }
        }
    }

    async fn settle(
        &self,
        context: &Context,
        queue: &Queue,
        out: &mut Out,
        report: Report,
    ) -> Result<()> {
        match report {
            Report::LookUp { table_index, ordinal } => {
                let Some((_slot, job)) = out.remove(&(table_index, ordinal)) else {
                    return Ok(());
                };
                let Ok(Some(entry)) = self.look_up(table_index, ordinal).await else {
                    // Whoever has it next looks again.
                    queue.put_back(job);
                    return Ok(());
                };
                self.board.committed(&entry);
                self.patience.renew();
                queue.done();
                context.escalate(&job)
            }
            Report::Failed { table_index, ordinal, code, message } => {
                let Some((_slot, job)) = out.remove(&(table_index, ordinal)) else {
                    return Ok(());
                };
                queue.put_back(job);
                let error = EngineError::new(code, message);
                let is_the_workers_own =
                    matches!(code, ErrorCode::Load043 | ErrorCode::Load044 | ErrorCode::Sys004);
                if error.directive() == Directive::Stop && !is_the_workers_own {
                    return Err(error);
                }
                Ok(())
            }
            Report::Silent { worker } => {
                tracing::warn!(run.id = %self.run.run_id, worker.name = %worker,
                    "a worker gave no sign of life; what it had open is rolled back");
                let ended = async {
                    let mut session = self.target.session().await?;
                    claim::end_sessions(&mut session, LeftBy::Worker(&self.claim, &worker)).await
                };
                if let Err(error) = ended.await {
                    // Without the right to end them, they are waited for.
                    tracing::warn!(run.id = %self.run.run_id, "{error}");
                }
                Ok(())
            }
        }
    }

    async fn look_up(&self, table_index: u32, ordinal: u32) -> Result<Option<ledger::Entry>> {
        let mut session = self.target.session().await?;
        let ordinal = i32::try_from(ordinal).unwrap_or(i32::MAX);
        ledger::entry(&mut session, &self.run.run_id, table_index, ordinal).await
    }
}

/// Chunks that are with workers elsewhere, each with its share of the source.
type Out = HashMap<(u32, u32), (Slot, Job)>;

async fn take(context: &Context, queue: &Queue, stop: &Stop) -> Option<(Slot, Job)> {
    let slot = context.gate.enter().await;
    queue.take(stop).await.map(|job| (slot, job))
}

/// Workers elsewhere are gone: somebody here copies what they had.
fn put_all_back(queue: &Queue, out: Out) {
    for (_slot, job) in out.into_values() {
        queue.put_back(job);
    }
}
