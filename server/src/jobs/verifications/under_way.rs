//! What this process works on, so that it can be asked to stop and waited for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use engine::run::Stop;
use shared::verification::Progress;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::audit::Actor;
use crate::jobs::JobError;

/// A verification or a repair under way here.
pub(super) struct Work {
    pub(super) stop: Stop,
    pub(super) progress: watch::Sender<Option<Progress>>,
    stopped_by: Mutex<Option<Actor>>,
}

impl Work {
    fn new() -> Self {
        let (stop, progress) = (Stop::default(), watch::channel(None).0);
        Self { stop, progress, stopped_by: Mutex::default() }
    }

    /// Asks it to stop, and remembers who asked first.
    pub(super) fn stop(&self, actor: Actor) {
        self.stopped_by.lock().expect("nobody panics with the lock").get_or_insert(actor);
        self.stop.request();
    }

    pub(super) fn stopped_by(&self) -> Option<Actor> {
        self.stopped_by.lock().expect("nobody panics with the lock").clone()
    }
}

#[derive(Default)]
pub(super) struct UnderWay(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// By the id of the verification or the repair.
    works: HashMap<String, Arc<Work>>,
    stopping: bool,
}

impl UnderWay {
    pub(super) fn enter(&self, id: &str) -> Result<Arc<Work>, JobError> {
        let mut known = self.lock();
        if known.stopping {
            return Err(JobError::Stopping);
        }
        let work = Arc::new(Work::new());
        known.works.insert(id.to_owned(), Arc::clone(&work));
        Ok(work)
    }

    pub(super) fn leave(&self, id: &str) {
        self.lock().works.remove(id);
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Work>> {
        self.lock().works.get(id).map(Arc::clone)
    }

    /// Asks all to stop and waits until they have; later ones are refused.
    pub(super) async fn stop(&self, patience: Duration) {
        {
            let mut known = self.lock();
            known.stopping = true;
            known.works.values().for_each(|work| work.stop(Actor::system()));
        }
        let all_ended = async {
            while !self.lock().works.is_empty() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        if timeout(patience, all_ended).await.is_err() {
            tracing::warn!("a verification did not stop in time; it will be found interrupted");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().expect("nobody panics with the lock")
    }
}
