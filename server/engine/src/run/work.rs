//! Workers: each copies one chunk after the other, with a reader and a session of its own.

use std::collections::VecDeque;
use std::sync::Arc;

use shared::error_code::ErrorCode;
use tokio::time::sleep;

use super::Stop;
use super::conduct::{Work, place};
use super::copy::{Context, Fault, Job, stopped};
use super::governor::{Gate, Governor};
use super::patience::{Next, Patience, Tries};
use super::queue::Queue;
use super::share;
use crate::connect::Source;
use crate::error::{Directive, EngineError, Result};
use crate::extract::{Reader, Ticket};
use crate::load::Target;
use crate::load::claim;
use crate::load::ledger::{self, Entry};
use crate::value::Room;

/// How far copying came.
pub(super) enum Copied {
    Everything,
    /// Somebody asked the run to stop.
    Stopped,
    /// No worker sees the state of the source any more that the run reads.
    SnapshotLost,
}

impl<T: Target + 'static> Work<T> {
    /// Copies all chunks, as many at once as there are readers.
    pub(super) async fn copy(
        &self,
        source: &Source,
        ticket: &Ticket,
        readers: Vec<Reader>,
        levels: Vec<VecDeque<Job>>,
        governor: &Governor,
    ) -> Result<Copied> {
        let context = Arc::new(self.context(Arc::clone(governor.gate())));
        tokio::select! {
            copied = self.copy_levels(source, ticket, readers, levels, context) => copied,
            strained = governor.failed() => Err(strained),
        }
    }

    async fn copy_levels(
        &self,
        source: &Source,
        ticket: &Ticket,
        readers: Vec<Reader>,
        levels: Vec<VecDeque<Job>>,
        context: Arc<Context>,
    ) -> Result<Copied> {
        let mut workers: Vec<Worker<T>> = (0..)
            .zip(readers)
            .map(|(place, reader)| Worker {
                place,
                name: format!("worker{place}"),
                context: Arc::clone(&context),
                patience: Arc::clone(&self.patience),
                target: Arc::clone(&self.target),
                source: source.clone(),
                ticket: ticket.clone(),
                session: None,
                reader: Some(reader),
            })
            .collect();
        for jobs in levels {
            let queue = Arc::new(Queue::new(jobs));
            self.board.crew(workers.len(), 0);
            let mut crew = self.crew.lock().await;
            let here = workers.len();
            let (copied, handed_out) = tokio::join!(copy_here(&mut workers, &queue), async {
                match crew.as_mut() {
                    Some(crew) => {
                        let handed_out = self.hand_out(&context, &queue, crew, here).await;
                        if handed_out.is_err() {
                            queue.halt();
                        }
                        handed_out
                    }
                    None => Ok(()),
                }
            });
            copied.and(handed_out)?;
            if !queue.is_done() {
                let is_stopped = self.request.stop.is_requested();
                return Ok(if is_stopped { Copied::Stopped } else { Copied::SnapshotLost });
            }
        }
        Ok(Copied::Everything)
    }

    pub(super) fn batch_bytes(&self, workers: usize) -> usize {
        share::batch_bytes(self.request.plan.options.batch_bytes, workers)
    }

    fn context(&self, gate: Arc<Gate>) -> Context {
        Context {
            run_id: self.run.run_id.clone(),
            claim: self.claim.clone(),
            options: self.request.plan.options.clone(),
            key: self.request.key.clone(),
            clock: Arc::clone(&self.request.clock),
            stop: self.request.stop.clone(),
            board: Arc::clone(&self.board),
            gate,
            room: Room::of(share::BYTES_UNDER_WAY),
        }
    }
}

/// Has the workers of this process copy until no chunk is left. Those that can go on come back.
async fn copy_here<T: Target + 'static>(
    workers: &mut Vec<Worker<T>>,
    queue: &Arc<Queue>,
) -> Result<()> {
    let mut under_way = tokio::task::JoinSet::new();
    for worker in workers.drain(..) {
        under_way.spawn(worker.work(Arc::clone(queue)));
    }
    let mut failure = None;
    while let Some(ended) = under_way.join_next().await {
        match ended {
            Ok(Ok(worker)) => workers.extend(worker),
            Ok(Err(error)) => {
                // The others come to the end of their chunks, which the ledger then has.
                queue.halt();
                failure.get_or_insert(error);
            }
            Err(error) => {
                queue.halt();
                failure
                    .get_or_insert(EngineError::new(ErrorCode::Sys001, "copying").because(error));
            }
        }
    }
    // Without anybody here, the run cannot take back what workers elsewhere lose.
    queue.halt();
    failure.map_or(Ok(()), Err)
}

/// One worker. What it loses on the way, it opens again.
pub(super) struct Worker<T: Target> {
    pub(super) place: usize,
    /// The name of its sessions in the target.
    pub(super) name: String,
    pub(super) context: Arc<Context>,
    pub(super) patience: Arc<Patience>,
    pub(super) target: Arc<T>,
    pub(super) source: Source,
    pub(super) ticket: Ticket,
    pub(super) session: Option<T::Session>,
    pub(super) reader: Option<Reader>,
}

impl<T: Target> Worker<T> {
    /// Copies until no job is left, and comes back for the next level; not when it was stopped
    /// within a chunk, or cannot see the run's state of the source any more.
    async fn work(mut self, queue: Arc<Queue>) -> Result<Option<Self>> {
        loop {
            let gate = Arc::clone(&self.context.gate);
            let slot = tokio::select! {
                slot = gate.enter() => slot,
                () = queue.ended() => return Ok(Some(self)),
                () = self.context.stop.requested() => return Ok(Some(self)),
            };
            // Stop only here: what the ledger holds is then the whole truth.
            let Some(job) = queue.take(&self.context.stop).await else { return Ok(Some(self)) };
            match self.copy(queue.halted(), &job, false).await {
                Ok(entry) => {
                    self.context.board.committed(&entry);
                    queue.done();
                    self.context.escalate(&job)?;
                    drop(slot);
                }
                Err(error) => {
                    queue.put_back(job);
                    return match error.code() {
                        ErrorCode::Load044 | ErrorCode::Sys004 => Ok(None),
                        _ => Err(error),
                    };
                }
            }
        }
    }

    /// Copies a chunk, however often it takes; one that may be copied already is looked up first.
    pub(super) async fn copy(
        &mut self,
        halt: &Stop,
        job: &Job,
        may_be_copied: bool,
    ) -> Result<Entry> {
        let board = Arc::clone(&self.context.board);
        let mut tries = Tries::new();
        loop {
            let fault = match self.try_copy(job, may_be_copied || tries.count() > 0).await {
                Ok(entry) => {
                    self.patience.renew();
                    board.done_retrying(self.place);
                    return Ok(entry);
                }
                Err(fault) => fault,
            };
            if fault.error().directive() == Directive::Reconnect {
                match fault {
                    Fault::Source(_) => self.reader = None,
                    Fault::Target(_) => self.session = None,
                }
            }
            match self.patience.next(fault.error(), &mut tries) {
                Next::GiveUp => {
                    board.done_retrying(self.place);
                    return Err(fault.into_error());
                }
                Next::Again { pause, retry } => {
                    tracing::warn!(run.id = %self.context.run_id, code = %retry.code,
                        tries = retry.tries, "tried again in {pause:.1?}: {}", retry.message);
                    board.retrying(self.place, retry);
                    tokio::select! {
                        () = sleep(pause) => {}
                        () = self.context.stop.requested() => return Err(stopped(job)),
                        () = halt.requested() => return Err(stopped(job)),
                    }
                }
            }
        }
    }

    async fn try_copy(&mut self, job: &Job, may_be_copied: bool) -> Result<Entry, Fault> {
        if self.reader.is_none() {
            let reader = Reader::join(&self.source, &self.ticket).await.map_err(Fault::Source)?;
            self.reader = Some(reader);
        }
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.open_session().await.map_err(Fault::Target)?,
        };
        if may_be_copied
            && let Some(entry) = find_entry::<T>(&self.context, &mut session, job).await?
        {
            self.session = Some(session);
            return Ok(entry);
        }
        let copied = self.context.copy_chunk(&mut session, &mut self.reader, job).await;
        self.session = Some(session);
        copied
    }

    async fn open_session(&mut self) -> Result<T::Session> {
        let mut session = self.target.session().await?;
        let name = self.context.claim.session_name(&self.name);
        claim::name_session(&mut session, &name).await?;
        Ok(session)
    }
}

/// Whether the chunk is committed: the answer to a commit may be lost where the commit is not.
async fn find_entry<T: Target>(
    context: &Context,
    session: &mut T::Session,
    job: &Job,
) -> Result<Option<Entry>, Fault> {
    let ordinal = i32::try_from(job.chunk.ordinal).unwrap_or(i32::MAX);
    ledger::entry(session, &context.run_id, place(job.table.index), ordinal)
        .await
        .map_err(Fault::Target)
}
