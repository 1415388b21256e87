//! The settings in force: what an administrator saved, under what the deployment decides.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shared::settings::{HostSettings, Settings, SettingsState};
use tokio::time::Instant;

use crate::store::settings::{self, Saved};
use crate::store::{Store, StoreError};

/// What the deployment decides, so that no administrator of the portal can change it.
#[derive(Debug, Clone, Default)]
pub struct Deployment {
    pub hosts: Option<HostSettings>,
}

/// Another server of the same store may have changed them: they are read again after so long.
const FRESH: Duration = Duration::from_secs(5);

/// The name of the assistant's key among the secrets.
pub const ASSISTANT_KEY: &str = "assistant_key";

/// The settings in force. Clones are handles to the same.
#[derive(Clone)]
pub struct Current(Arc<Inner>);

struct Inner {
    store: Store,
    deployment: Deployment,
    cached: Mutex<Option<(Instant, Arc<Saved>)>>,
}

impl Current {
    pub fn new(store: Store, deployment: Deployment) -> Self {
        Self(Arc::new(Inner { store, deployment, cached: Mutex::default() }))
    }

    /// As they are, or were a few seconds ago.
    pub async fn get(&self) -> Result<Arc<Saved>, StoreError> {
        if let Some((read, saved)) = &*self.lock()
            && read.elapsed() < FRESH
        {
            return Ok(Arc::clone(saved));
        }
        let found = settings::find(self.0.store.pool()).await?;
        let mut saved = found.unwrap_or_else(|| Saved {
            version: 0,
            settings: Settings::default(),
            changed_at: DateTime::UNIX_EPOCH,
            changed_by: String::new(),
        });
        if let Some(hosts) = &self.0.deployment.hosts {
            saved.settings.hosts = hosts.clone();
        }
        let saved = Arc::new(saved);
        *self.lock() = Some((Instant::now(), Arc::clone(&saved)));
        Ok(saved)
    }

    /// Somebody saved others: the next one who asks reads them.
    pub fn forget(&self) {
        *self.lock() = None;
    }

    /// For whoever looks at them.
    pub async fn state(&self) -> Result<SettingsState, StoreError> {
        let saved = self.get().await?;
        let key = settings::find_secret(self.0.store.pool(), ASSISTANT_KEY).await?;
        let was_changed = saved.version > 0;
        Ok(SettingsState {
            settings: saved.settings.clone(),
            version: saved.version,
            changed_at: was_changed.then_some(saved.changed_at),
            changed_by: was_changed.then(|| saved.changed_by.clone()),
            assistant_key_set: key.is_some(),
            fixed: self.0.deployment.hosts.iter().map(|_| "hosts".to_owned()).collect(),
        })
    }

    /// Whether new settings leave alone what the deployment decides.
    pub fn leave_fixed(&self, new: &Settings) -> bool {
        self.0.deployment.hosts.as_ref().is_none_or(|hosts| *hosts == new.hosts)
    }

    /// How long a session may be idle, and how long it lasts at most.
    pub async fn session_limits(&self) -> Result<Limits, StoreError> {
        let sessions = &self.get().await?.settings.sessions;
        Ok(Limits {
            idle: TimeDelta::minutes(sessions.idle_minutes.into()),
            longest: TimeDelta::hours(sessions.longest_hours.into()),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Instant, Arc<Saved>)>> {
        self.0.cached.lock().expect("nobody panics with the lock")
    }
}

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub idle: TimeDelta,
    pub longest: TimeDelta,
}

impl Limits {
    /// Sessions in which nobody did anything after this moment have ended.
    pub fn idle_since(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - self.idle
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{at, on_both};
    use shared::settings::ServerPolicy;

    #[tokio::test]
    async fn saved_settings_are_in_force_once_the_cached_ones_are_forgotten() {
        on_both(async |store| {
            let current = Current::new(store.clone(), Deployment::default());
            assert_eq!(current.session_limits().await.unwrap().idle, TimeDelta::minutes(15));
            let mut saved = Saved {
                version: 1,
                settings: Settings::default(),
                changed_at: at(1),
                changed_by: "Ada".to_owned(),
            };
            saved.settings.sessions.idle_minutes = 60;
            settings::save(store.pool(), &saved).await.unwrap();

            current.forget();

            assert_eq!(current.session_limits().await.unwrap().idle, TimeDelta::hours(1));
            assert_eq!(current.state().await.unwrap().changed_by.as_deref(), Some("Ada"));
        })
        .await;
    }

    #[tokio::test]
    async fn what_the_deployment_decides_is_in_force_whatever_was_saved() {
        on_both(async |store| {
            let hosts = HostSettings { servers: ServerPolicy::Public, ..HostSettings::default() };
            let deployment = Deployment { hosts: Some(hosts.clone()) };
            let current = Current::new(store.clone(), deployment);

            let state = current.state().await.unwrap();

            assert_eq!((state.settings.hosts, state.fixed), (hosts, vec!["hosts".to_owned()]));
            assert!(!current.leave_fixed(&Settings::default()));
        })
        .await;
    }
}
