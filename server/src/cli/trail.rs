//! What a command does that takes its time, in the audit trail: that it begins, and what came of it.

use engine::clock::{Clock as _, SystemClock};
use shared::audit::Action;

use super::{CommandError, whoever};
use crate::audit::{self, Actor};
use crate::config::Installation;
use crate::store::{self, Store, StoreError};

pub(super) struct Trail {
    store: Store,
    actor: Actor,
}

/// One entry: what was done, the id of what it was done to, and names and numbers that say more.
pub(super) struct Said(pub Action, pub String, pub String);

impl Trail {
    pub(super) async fn open(installation: &Installation) -> Result<Self, CommandError> {
        Ok(Self { store: installation.open_store().await?, actor: whoever::actor() })
    }

    /// Says that something begins. Where that cannot be written down, it must not be done.
    pub(super) async fn begin(
        installation: &Installation,
        said: Said,
    ) -> Result<Self, CommandError> {
        let trail = Self::open(installation).await?;
        trail.say(said).await?;
        Ok(trail)
    }

    /// Says what came of it.
    pub(super) async fn end(self, said: Said) -> Result<(), CommandError> {
        let written = self.say(said).await;
        self.store.close().await;
        Ok(written?)
    }

    pub(super) async fn say(&self, Said(action, subject, detail): Said) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        let (now, actor) = (SystemClock.now(), self.actor.clone());
        audit::record(&mut tx, now, actor, action, &subject, Some(detail)).await?;
        store::commit(tx).await
    }
}
