//! Puts the server together: what `main` runs is what tests run.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::header;
use actix_web::middleware::{Compress, DefaultHeaders, from_fn};
use actix_web::web::{Data, scope, to};
use actix_web::{App, HttpServer};
use engine::clock::Clock;
use shared::error_code::ErrorCode;
use shared::route;
use tokio::task::{AbortHandle, JoinHandle};

use crate::api::{self, Proxy, Services};
use crate::auth::secret::Secrets;
use crate::auth::token::AccessTokens;
use crate::config::{Installation, SettingError};
use crate::jobs::crew::Leader;
use crate::jobs::{Databases, Runs};
use crate::portal::{self, Portal};
use crate::store::StoreError;
use crate::telemetry;

/// How a server is to run.
#[derive(Debug, Clone)]
pub struct Settings {
    pub installation: Installation,
    pub listen: SocketAddr,
    pub proxy: Proxy,
}

/// A server that answers.
pub struct Application {
    address: SocketAddr,
    services: Data<Services>,
    server: JoinHandle<io::Result<()>>,
    handle: ServerHandle,
    recovering: AbortHandle,
    _lock: File,
}

/// Chunks are small: a run that is asked to stop has stopped long before.
const PATIENCE: Duration = Duration::from_mins(2);

impl Application {
    /// Opens the store, finds interrupted runs and begins to answer. To be called on the runtime
    /// that is to work the runs.
    pub async fn build(
        settings: Settings,
        clock: Arc<dyn Clock>,
        portal: Portal,
    ) -> Result<Self, StartupError> {
        let Settings { installation, listen, proxy } = settings;
        // First of all, so that a second server touches nothing.
        let listener = listen_at(listen)?;
        let address =
            listener.local_addr().map_err(|source| StartupError::Listen { listen, source })?;
        let key = installation.key()?;
        let lock = installation.lock()?;
        let store = installation.open_store().await?;
        let databases = Databases::new(store.clone(), Secrets::new(&key));
        let queues = installation.open_queues().await?;
        let leader = Leader::new(store.clone(), Secrets::new(&key), queues);
        let runs = Runs::new(
            store.clone(),
            Arc::clone(&clock),
            databases.clone(),
            key.quarantine(),
            Some(leader),
            installation.name()?,
        );
        runs.recover().await?;
        let recovering = tokio::spawn(runs.clone().keep_recovering()).abort_handle();
        let tokens = AccessTokens::new(&key);
        let services = Data::new(Services { store, clock, tokens, databases, runs, proxy });
        let portal = Data::new(portal);
        // A debug build takes long for it, and reads files that change.
        if !cfg!(debug_assertions) {
            let portal = portal.clone();
            tokio::task::spawn_blocking(move || portal.compress_all());
        }

        let for_workers = services.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(portal.clone())
                .configure(api::configure(for_workers.clone()))
                .service(scope(route::BASE).default_service(to(api::no_such_endpoint)))
                .default_service(to(portal::serve))
                .wrap(Compress::default())
                .wrap(security_headers())
                .wrap(from_fn(telemetry::log_request))
        })
        .workers(2)
        // Signals are the command's business: runs have to stop first.
        .disable_signals()
        .shutdown_timeout(5)
        .listen(listener)
        .map_err(|source| StartupError::Listen { listen, source })?
        .run();
        let handle = server.handle();
        let server = tokio::spawn(server);
        tracing::info!(%address, "listening at http://{address}");
        Ok(Self { address, services, server, handle, recovering, _lock: lock })
    }

    /// Where it answers.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Answers until `stop` comes; then runs stop between chunks, and requests end.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> Result<(), StartupError> {
        tokio::select! {
            () = stop => {}
            ended = &mut self.server => return Err(StartupError::Ended(flatten(ended))),
        }
        self.stop().await;
        Ok(())
    }

    /// Stops runs between chunks, ends requests and closes the store.
    pub async fn stop(self) {
        self.recovering.abort();
        self.services.runs.stop(PATIENCE).await;
        self.handle.stop(true).await;
        self.services.store.close().await;
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    #[error("nothing can listen at {listen}")]
    Listen { listen: SocketAddr, source: io::Error },
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the server ended by itself")]
    Ended(#[source] io::Error),
}

impl StartupError {
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                ErrorCode::Sys002
            }
            Self::Listen { .. } => ErrorCode::Sys005,
            Self::Setting(error) => error.code(),
            Self::Store(_) => ErrorCode::Sys007,
            Self::Ended(_) => ErrorCode::Sys001,
        }
    }
}

fn listen_at(listen: SocketAddr) -> Result<TcpListener, StartupError> {
    let failed = |source| StartupError::Listen { listen, source };
    let listener = TcpListener::bind(listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// For every answer; a page that needs more than nothing has a policy of its own.
fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::X_FRAME_OPTIONS, "DENY"))
        .add((header::REFERRER_POLICY, "no-referrer"))
        .add(("cross-origin-opener-policy", "same-origin"))
        .add(("cross-origin-resource-policy", "same-origin"))
        .add(("permissions-policy", "camera=(), geolocation=(), microphone=()"))
}

fn flatten(ended: Result<io::Result<()>, tokio::task::JoinError>) -> io::Error {
    match ended {
        Ok(Err(error)) => error,
        Ok(Ok(())) => io::Error::other("nothing stopped it"),
        Err(error) => io::Error::other(error),
    }
}
