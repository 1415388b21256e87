//! A worker of another process, which copies the chunks that a run's conductor offers it.

use std::sync::Arc;

use shared::connection::Engine;
use shared::error_code::ErrorCode;
use tokio::sync::watch;

use super::Stop;
use super::board::Board;
use super::copy::{Context, Job, TableCopy};
use super::crew::{Offer, Order};
use super::governor::Gate;
use super::patience::Patience;
use super::share;
use super::tables::tables;
use super::work::Worker;
use crate::assess::catalog;
use crate::clock::Clock;
use crate::connect::Source;
use crate::error::{EngineError, Result};
use crate::extract::Reader;
use crate::load::claim::Claim;
use crate::load::ledger;
use crate::load::{PostgresTarget, Session as _, Target as _};
use crate::seal::Key;
use crate::value::Room;

/// One pair of hands: a reader in the run's state of the source, and a session in its target.
pub struct Helper {
    worker: Worker<PostgresTarget>,
    tables: Vec<Arc<TableCopy>>,
}

impl Helper {
    /// Joins a run. `LOAD-044` when the source cannot be seen as the run sees it.
    pub async fn join(
        order: &Order,
        name: &str,
        key: Key,
        clock: Arc<dyn Clock>,
        stop: Stop,
    ) -> Result<Self> {
        if Engine::of_url(&order.target_url) != Some(Engine::Postgres) {
            return Err(EngineError::new(ErrorCode::Load044, "joining a run")
                .because("its target has one writer, which is its conductor"));
        }
        let source = Source::open(&order.source_url).await?;
        let reader = Reader::join(&source, &order.ticket).await?;
        let source_catalog = catalog::of_source(&source).await?;
        let target = PostgresTarget::new(&order.target_url);
        let mut session = target.session().await?;
        let target_catalog = session.catalog().await?;
        let records = ledger::tables(&mut session, &order.run_id).await?;
        let tables =
            tables(&order.plan, &key, source.engine(), &source_catalog, &target_catalog, &records)?;
        let options = &order.plan.options;
        let batch_bytes = usize::try_from(options.batch_bytes).unwrap_or(usize::MAX);
        let context = Context {
            run_id: order.run_id.clone(),
            claim: Claim { run_id: order.run_id.clone(), epoch: order.epoch },
            options: order.plan.options.clone(),
            key,
            clock,
            stop,
            board: Arc::new(Board::new(&order.plan, watch::channel(None).0)),
            // Whoever offers chunks says how many there are at once.
            gate: Gate::of(usize::MAX, batch_bytes),
            room: Room::of(share::BYTES_UNDER_WAY),
        };
        let worker = Worker {
            place: 0,
            name: name.to_owned(),
            context: Arc::new(context),
            patience: Arc::new(Patience::of_seconds(order.plan.options.patience_seconds)),
            target: Arc::new(target),
            source,
            ticket: order.ticket.clone(),
            session: None,
            reader: Some(reader),
        };
        Ok(Self { worker, tables })
    }

    /// Copies a chunk, unless it is copied already. The ledger is the answer.
    pub async fn copy(&mut self, offer: Offer) -> Result<()> {
        let table = self.tables.get(offer.table_index as usize).ok_or_else(|| {
            EngineError::new(ErrorCode::Sys001, "taking a chunk of a table that the plan lacks")
        })?;
        let job = Job { table: Arc::clone(table), chunk: offer.chunk };
        self.worker.copy(&Stop::default(), &job, true).await.map(drop)
    }
}
