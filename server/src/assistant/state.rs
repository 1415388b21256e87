//! How the migration stands, as far as answers need it.

use chrono::{DateTime, Utc};
use shared::connection::{Connection, Role};
use shared::run::Run;

use crate::store::{Store, StoreError, alerts, approvals, connections, plans, runs};

/// Runs that somebody may ask about without naming them in full.
const RUNS: u32 = 50;

#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) has_source: bool,
    pub(super) has_target: bool,
    pub(super) has_plan: bool,
    /// Latest first.
    pub(super) runs: Vec<Run>,
    pub(super) approvals_waiting: u64,
    pub(super) alerts_open: u64,
    /// Connections whose last test failed.
    pub(super) failing: Vec<String>,
}

pub(super) async fn read(store: &Store, now: DateTime<Utc>) -> Result<State, StoreError> {
    let pool = store.pool();
    let connections = connections::list(pool, None, 200).await?;
    let has = |role: Role| connections.iter().any(|connection| connection.role == role);
    let fails =
        |connection: &&Connection| connection.tested.as_ref().is_some_and(|tested| !tested.passed);
    Ok(State {
        has_source: has(Role::Source),
        has_target: has(Role::Target),
        has_plan: !plans::list(pool, None, 1).await?.is_empty(),
        runs: runs::list(pool, None, RUNS).await?,
        approvals_waiting: approvals::count_waiting(pool, now).await?,
        alerts_open: alerts::count_raised(pool).await?,
        failing: connections.iter().filter(fails).map(|it| it.name.clone()).collect(),
    })
}
