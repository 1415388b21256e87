//! Puts the server together: what `main` runs is what tests run.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServerHandle, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::{Compress, DefaultHeaders, Next, from_fn};
use actix_web::web::{Data, scope, to};
use actix_web::{App, HttpServer};
use engine::clock::Clock;
use shared::error_code::ErrorCode;
use shared::route;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::sleep;

use crate::api::{self, Proxy, Services};
use crate::audit::chain::Checker;
use crate::auth::external::{Configuration, Provider};
use crate::auth::key::InstallationKey;
use crate::auth::secret::Secrets;
use crate::auth::token::AccessTokens;
use crate::config::{Installation, SettingError};
use crate::egress;
use crate::jobs::alerts::{Mailer, Notifier, Watcher};
use crate::jobs::changes::Changes;
use crate::jobs::crew::Leader;
use crate::jobs::databases::Own;
use crate::jobs::{
    Assessments, Checkings, Databases, Left, QuarantineWork, Rehearsals, Reports, Rollbacks, Runs,
    SignOffs, Verifications,
};
use crate::portal::{self, Portal};
use crate::settings::{Current, Deployment};
use crate::store::{Store, StoreError};
use crate::telemetry::{self, Metrics};

/// How a server is to run.
#[derive(Clone)]
pub struct Settings {
    pub installation: Installation,
    pub listen: SocketAddr,
    pub proxy: Proxy,
    /// What the deployment decides and no administrator can change.
    pub deployment: Deployment,
    /// The identity provider whose tokens are accepted.
    pub provider: Option<Configuration>,
    /// Sends mail about alerts.
    pub mailer: Option<Mailer>,
    /// Who may read the figures beside administrators.
    pub metrics_token: Option<String>,
}

/// A server that answers.
pub struct Application {
    address: SocketAddr,
    services: Data<Services>,
    server: JoinHandle<io::Result<()>>,
    handle: ServerHandle,
    /// What looks at the store now and then.
    background: Vec<AbortHandle>,
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
        let Settings { installation, listen, proxy, deployment, provider, mailer, metrics_token } =
            settings;
        // First of all, so that a second server touches nothing.
        let listener = listen_at(listen)?;
        let address =
            listener.local_addr().map_err(|source| StartupError::Listen { listen, source })?;
        let key = installation.key()?;
        let lock = installation.lock()?;
        let store = installation.open_store().await?;
        let queues = installation.open_queues().await?;
        let leader = Leader::new(store.clone(), Secrets::new(&key), queues);
        let settings = Current::new(store.clone(), deployment);
        let provider = provider.map(|it| client().map(|client| Provider::new(it, client)));
        let provider = provider.transpose()?;
        let installation_name = installation.name()?;
        let own = Own { files: installation.own_files(), store: installation.store_url() };
        let databases =
            Databases::new(store.clone(), Secrets::new(&key)).within(settings.clone(), own);
        let carriers =
            Carriers::begin(&store, &clock, &databases, &key, leader, &installation_name).await?;
        let recovering = tokio::spawn(carriers.clone().keep_recovering()).abort_handle();
        let Carriers {
            runs,
            rollbacks,
            verifications,
            checkings,
            sign_offs,
            assessments,
            rehearsals,
        } = carriers;
        let vault = Secrets::of_accounts(&key);
        let notifier = Notifier::new(
            store.clone(),
            Arc::clone(&clock),
            settings.clone(),
            vault.clone(),
            mailer,
        );
        let watcher = Arc::new(Watcher::new(store.clone(), Arc::clone(&clock), notifier.clone()));
        let changes = Changes::new(store.clone(), Arc::clone(&clock), runs.clone());
        let metrics = Metrics::start(metrics_token.as_deref());
        let background = vec![
            recovering,
            tokio::spawn(watcher.keep_watching()).abort_handle(),
            tokio::spawn(changes.clone().keep_looking()).abort_handle(),
        ];
        let quarantine =
            QuarantineWork::new(store.clone(), Arc::clone(&clock), runs.clone(), key.quarantine());
        let services = Data::new(Services {
            reports: Reports::new(store.clone(), Arc::clone(&clock), runs.clone(), &key),
            tokens: AccessTokens::new(&key),
            store,
            clock,
            databases,
            assessments,
            duplicates: runs.duplicates().clone(),
            runs,
            rehearsals,
            rollbacks,
            verifications,
            checkings,
            sign_offs,
            quarantine,
            proxy,
            settings,
            vault,
            notifier,
            changes,
            metrics,
            provider,
            chain: Checker::default(),
            installation: installation_name,
        });

        let server = answering(listener, services.clone(), Data::new(portal))
            .map_err(|source| StartupError::Listen { listen, source })?;
        let handle = server.handle();
        let server = tokio::spawn(server);
        tracing::info!(%address, "listening at http://{address}");
        Ok(Self { address, services, server, handle, background, _lock: lock })
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
        self.background.iter().for_each(AbortHandle::abort);
        let Services { runs, verifications, sign_offs, .. } = &**self.services;
        sign_offs.stop();
        tokio::join!(runs.stop(PATIENCE), verifications.stop(PATIENCE));
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
    #[error("no requests can be sent to other servers")]
    Client(#[source] reqwest::Error),
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
            Self::Client(_) | Self::Ended(_) => ErrorCode::Sys001,
        }
    }
}

/// For requests of the server's own. It follows nobody elsewhere.
fn client() -> Result<reqwest::Client, StartupError> {
    egress::use_ring();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(10))
        .user_agent(concat!("transfuse/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(StartupError::Client)
}

/// Answers everything that comes to the listener.
fn answering(
    listener: TcpListener,
    services: Data<Services>,
    portal: Data<Portal>,
) -> io::Result<Server> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(portal.clone())
            .configure(api::configure(services.clone()))
            .service(scope(route::BASE).default_service(to(api::no_such_endpoint)))
            .default_service(to(portal::serve))
            .wrap(Compress::default())
            .wrap(security_headers())
            .wrap(from_fn(promise_tls))
            .wrap(from_fn(telemetry::log_request))
    })
    .workers(2)
    // Signals are the command's business: runs have to stop first.
    .disable_signals()
    .shutdown_timeout(5)
    .listen(listener)?;
    Ok(server.run())
}

/// What carries out what people ask for.
#[derive(Clone)]
struct Carriers {
    runs: Runs,
    rollbacks: Rollbacks,
    verifications: Verifications,
    checkings: Checkings,
    sign_offs: SignOffs,
    assessments: Assessments,
    rehearsals: Rehearsals,
}

impl Carriers {
    /// Finds what this installation had under way when it ended, and says so.
    async fn begin(
        store: &Store,
        clock: &Arc<dyn Clock>,
        databases: &Databases,
        key: &InstallationKey,
        leader: Leader,
        owner: &str,
    ) -> Result<Self, StoreError> {
        let (store, clock) = (|| store.clone(), || Arc::clone(clock));
        let (databases, owner) = (|| databases.clone(), || owner.to_owned());
        let seal = || key.quarantine();
        let runs = Runs::new(store(), clock(), databases(), seal(), Some(leader), owner());
        let duplicates = runs.duplicates().clone();
        let carriers = Self {
            rollbacks: Rollbacks::new(store(), clock(), runs.clone(), key, owner()),
            verifications: Verifications::new(store(), clock(), runs.clone(), key, owner()),
            checkings: Checkings::new(store(), clock(), runs.clone(), key, owner()),
            sign_offs: SignOffs::new(store(), clock(), runs.clone(), key, owner()),
            assessments: Assessments::new(store(), clock(), databases(), seal(), owner()),
            rehearsals: Rehearsals::new(store(), clock(), databases(), duplicates, seal(), owner()),
            runs,
        };
        carriers.recover(Left::Before).await?;
        Ok(carriers)
    }

    /// Looks for what was left behind from time to time, for as long as the server runs.
    async fn keep_recovering(self) {
        loop {
            sleep(Duration::from_secs(30)).await;
            if let Err(error) = self.recover(Left::InSilence).await {
                // The store is asked again in half a minute.
                tracing::warn!("{error}");
            }
        }
    }

    /// Says of what processes left behind that it failed.
    async fn recover(&self, left: Left) -> Result<(), StoreError> {
        self.runs.recover().await?;
        self.rollbacks.recover(left).await?;
        self.verifications.recover().await?;
        self.checkings.recover(left).await?;
        self.sign_offs.recover(left).await?;
        self.assessments.recover(left).await?;
        self.rehearsals.recover(left).await?;
        self.runs.duplicates().recover(left).await
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

/// A browser that came over TLS comes over TLS from now on.
async fn promise_tls(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let is_secure = api::is_secure(request.request());
    let mut response = next.call(request).await?;
    if is_secure {
        response.headers_mut().insert(
            header::STRICT_TRANSPORT_SECURITY,
            header::HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        );
    }
    Ok(response)
}

fn flatten(ended: Result<io::Result<()>, tokio::task::JoinError>) -> io::Error {
    match ended {
        Ok(Err(error)) => error,
        Ok(Ok(())) => io::Error::other("nothing stopped it"),
        Err(error) => io::Error::other(error),
    }
}
