//! The runs of an installation, for commands that look at them without a server.

use std::sync::Arc;

use engine::clock::{Clock, SystemClock};

use super::CommandError;
use crate::auth::key::InstallationKey;
use crate::auth::secret::Secrets;
use crate::config::Installation;
use crate::jobs::{Databases, Runs};
use crate::store::Store;

/// The control store with its runs. Whoever opens it closes the store.
pub(super) struct KnownRuns {
    pub(super) key: InstallationKey,
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    /// The installation's own name.
    pub(super) owner: String,
    pub(super) runs: Runs,
}

impl KnownRuns {
    pub(super) async fn open(installation: &Installation) -> Result<Self, CommandError> {
        let key = installation.key()?;
        let owner = installation.name()?;
        let store = installation.open_store().await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let databases = Databases::new(store.clone(), Secrets::new(&key));
        let seal = key.quarantine();
        let runs = {
            let (store, clock) = (store.clone(), Arc::clone(&clock));
            Runs::new(store, clock, databases, seal, None, owner.clone())
        };
        Ok(Self { key, store, clock, owner, runs })
    }
}
