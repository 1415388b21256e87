//! Workers: each copies one chunk after the other, with a reader and a session of its own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::error_code::ErrorCode;

use super::conduct::Work;
use super::copy::{Context, Job};
use crate::error::{EngineError, Result};
use crate::extract::Reader;
use crate::load::{Session, Target};

impl<T: Target + 'static> Work<T> {
    /// Copies all chunks, as many at once as there are readers. True when somebody asked to stop.
    pub(super) async fn copy(
        &self,
        readers: Vec<Reader>,
        levels: Vec<VecDeque<Job>>,
    ) -> Result<bool> {
        let context = Arc::new(Context {
            run_id: self.run.run_id.clone(),
            options: self.request.plan.options.clone(),
            key: self.request.key.clone(),
            clock: Arc::clone(&self.request.clock),
            stop: self.request.stop.clone(),
            board: Arc::clone(&self.board),
        });
        let mut pairs = Vec::new();
        for reader in readers {
            pairs.push((self.target.session().await?, reader));
        }
        for jobs in levels {
            let jobs = Arc::new(Mutex::new(jobs));
            let mut workers = tokio::task::JoinSet::new();
            for (session, reader) in pairs.drain(..) {
                workers.spawn(work(Arc::clone(&context), session, reader, Arc::clone(&jobs)));
            }
            let mut failure = None;
            while let Some(ended) = workers.join_next().await {
                match ended {
                    Ok(Ok(pair)) => pairs.push(pair),
                    Ok(Err(error)) => {
                        // The others come to the end of their chunks, which the ledger then has.
                        context.stop.request();
                        failure.get_or_insert(error);
                    }
                    Err(error) => {
                        context.stop.request();
                        failure.get_or_insert(
                            EngineError::new(ErrorCode::Sys001, "copying").because(error),
                        );
                    }
                }
            }
            if let Some(error) = failure {
                return Err(error);
            }
            if !lock(&jobs).is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// One worker: a reader and a session of its own, until no job is left. Both come back.
async fn work<S: Session>(
    context: Arc<Context>,
    mut session: S,
    mut reader: Reader,
    jobs: Arc<Mutex<VecDeque<Job>>>,
) -> Result<(S, Reader)> {
    loop {
        // Stop only here: what the ledger holds is then the whole truth.
        if context.stop.is_requested() {
            return Ok((session, reader));
        }
        let Some(job) = lock(&jobs).pop_front() else { return Ok((session, reader)) };
        reader = context.copy_chunk(&mut session, reader, &job).await?;
    }
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
