use std::sync::Arc;

use clap::Args;
use engine::clock::SystemClock;
use engine::run::Stop;

use super::CommandError;
use super::output::tell;
use super::signal::Signals;
use crate::auth::secret::Secrets;
use crate::config::Installation;
use crate::jobs::crew::{Crewman, take_part};

#[derive(Debug, Args)]
pub(super) struct Worker {
    /// How many chunks are copied at once, of each run
    #[arg(long, default_value_t = 2, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=256))]
    workers: u32,
}

impl Worker {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let mut signals = Signals::listen()?;
        let key = installation.key()?;
        let store = installation.open_store().await?;
        let queues = installation.open_queues().await?;
        let name = crate::auth::hex(&rand::random::<[u8; 4]>());
        let crewman = Crewman {
            store: store.clone(),
            secrets: Secrets::new(&key),
            quarantine_key: key.quarantine(),
            queues: queues.clone(),
            clock: Arc::new(SystemClock),
            place: engine::run::this_process(),
            name: name.clone(),
            hands: self.workers,
        };
        tell(format!(
            "worker {name} takes chunks of runs in {} (Ctrl-C ends it)",
            installation.store_address()?.shown()
        ));
        let stop = Stop::default();
        let mut working = tokio::spawn(take_part(crewman, stop.clone()));
        let stopping = async {
            signals.next().await;
            tell("ends after the chunks under way; again to roll them back and end at once");
            stop.request();
            signals.next().await;
            stop.request_at_once();
            signals.next().await;
        };
        let done = tokio::select! {
            done = &mut working => done,
            () = stopping => return Ok(()),
        };
        done.map_err(|panic| {
            CommandError::new(shared::error_code::ErrorCode::Sys001, "taking part in runs")
                .because(&panic)
        })??;
        store.close().await;
        queues.close().await;
        Ok(())
    }
}
