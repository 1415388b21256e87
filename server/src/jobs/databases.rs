//! The databases that plans and connections name, and what the engine says about them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use engine::EngineError;
use engine::connect::{self, Place};
use shared::connection::{ConnectionTest, Engine, Role};
use shared::draft::NewDraft;
use shared::error_code::ErrorCode;
use shared::id::ConnectionId;
use shared::plan::{Plan, PlanProblem};
use shared::settings::FilePolicy;
use tokio::net::lookup_host;
use zeroize::Zeroizing;

use super::JobError;
use crate::auth::secret::Secrets;
use crate::egress::{Forbidden, Rules};
use crate::settings::Current;
use crate::store::Store;
use crate::store::connections::{self, SealedConnection};

/// Opens the secrets of connections, and nothing else does.
#[derive(Clone)]
pub struct Databases {
    store: Store,
    secrets: Secrets,
    /// What decides where a URL may lead; none for whoever owns the machine.
    places: Option<Arc<Places>>,
}

struct Places {
    settings: Current,
    own: Own,
}

/// What belongs to the installation itself and is nobody's source or target.
#[derive(Debug, Default)]
pub struct Own {
    pub files: Vec<PathBuf>,
    /// The control store, where it is a server's database.
    pub store: Option<String>,
}

/// The URLs of a plan's two sides.
pub struct Sides {
    pub source: Zeroizing<String>,
    pub target: Zeroizing<String>,
}

impl Own {
    async fn is_store(&self, addresses: &[SocketAddr], database: &str) -> bool {
        let Some(own) = &self.store else { return false };
        let Ok(Place::Server { host, port, database: own, .. }) = connect::place(own) else {
            return false;
        };
        let Ok(mut found) = lookup_host((host.as_str(), port)).await else { return false };
        own == database && found.any(|address| addresses.contains(&address))
    }
}

impl Databases {
    pub const fn new(store: Store, secrets: Secrets) -> Self {
        Self { store, secrets, places: None }
    }

    /// The same for people who do not own the machine: what comes out leads to a place that the
    /// settings allow, and never to what is the installation's own.
    #[must_use]
    pub fn within(self, settings: Current, own: Own) -> Self {
        Self { places: Some(Arc::new(Places { settings, own })), ..self }
    }

    /// Refuses a URL that leads to a place which is not allowed.
    pub async fn check_place(&self, url: &str) -> Result<(), JobError> {
        self.allowed(Zeroizing::new(url.to_owned())).await.map(drop)
    }

    /// The URL, led to an address that was checked where hosts are restricted.
    async fn allowed(&self, url: Zeroizing<String>) -> Result<Zeroizing<String>, JobError> {
        let Some(Places { settings, own }) = self.places.as_deref() else { return Ok(url) };
        let saved = settings.get().await?;
        let hosts = &saved.settings.hosts;
        let rules = Rules::new(hosts);
        if hosts.files != FilePolicy::Any && connect::names_files(&url) {
            return Err(Forbidden::File.into());
        }
        match connect::place(&url)? {
            Place::Path(path) => {
                rules.allow_path(&path, &own.files)?;
                Ok(url)
            }
            Place::Socket if rules.allow_sockets() => Ok(url),
            Place::Socket => Err(Forbidden::Host { host: "socket".to_owned() }.into()),
            Place::Server { host, port, database, proves_its_name } => {
                let found = rules.resolve(&host, port).await;
                // Where anything goes, the engine says better what is wrong with a name.
                if let Err(Forbidden::Unknown { .. }) = &found
                    && !rules.restrict_servers()
                {
                    return Ok(url);
                }
                let addresses = found?;
                if own.is_store(&addresses, &database).await {
                    return Err(Forbidden::Host { host }.into());
                }
                match addresses.first() {
                    Some(address) if rules.restrict_servers() && !proves_its_name => {
                        Ok(Zeroizing::new(connect::at_address(&url, address.ip())?))
                    }
                    _ => Ok(url),
                }
            }
        }
    }

    pub fn seal(&self, url: &str) -> Result<String, EngineError> {
        self.secrets.seal(url)
    }

    /// The URLs that a plan names, by themselves or as names of connections.
    pub async fn sides(&self, plan: &Plan) -> Result<Sides, JobError> {
        Ok(Sides {
            source: self.named(&plan.source, Role::Source).await?,
            target: self.named(&plan.target, Role::Target).await?,
        })
    }

    /// Tries a connection out.
    pub async fn test(&self, connection: &SealedConnection) -> Result<ConnectionTest, JobError> {
        let url = self.allowed(self.secrets.open(&connection.sealed_url)?).await?;
        Ok(probe(&url, connection.connection.role).await)
    }

    /// A plan that can run, made from what both sides hold.
    pub async fn draft(&self, new: &NewDraft) -> Result<Plan, JobError> {
        let source = self.connection(&new.source, Role::Source).await?;
        let target = self.connection(&new.target, Role::Target).await?;
        let source_url = self.allowed(self.secrets.open(&source.sealed_url)?).await?;
        let target_url = self.allowed(self.secrets.open(&target.sealed_url)?).await?;
        let mut plan = draft(&source_url, &target_url, new.template.as_deref()).await?;
        plan.name = new
            .name
            .clone()
            .unwrap_or_else(|| format!("{} to {}", source.connection.name, target.connection.name));
        plan.source = source.connection.name;
        plan.target = target.connection.name;
        Ok(plan)
    }

    /// Everything that keeps a plan from running, once its databases could be asked.
    pub async fn check(&self, plan: &Plan) -> Result<Vec<PlanProblem>, JobError> {
        let sides = self.sides(plan).await?;
        Ok(check(plan, &sides.source, &sides.target).await?)
    }

    async fn connection(
        &self,
        id: &ConnectionId,
        role: Role,
    ) -> Result<SealedConnection, JobError> {
        let found = connections::find(self.store.pool(), id).await?;
        let sealed = found.ok_or(JobError::ConnectionNotFound)?;
        must_be(role, sealed)
    }

    async fn named(&self, name: &str, role: Role) -> Result<Zeroizing<String>, JobError> {
        if Engine::of_url(name).is_some() {
            return self.allowed(Zeroizing::new(name.to_owned())).await;
        }
        let found = connections::find_by_name(self.store.pool(), name).await?;
        let sealed = found.ok_or_else(|| JobError::ConnectionMissing { name: name.to_owned() })?;
        self.allowed(self.secrets.open(&must_be(role, sealed)?.sealed_url)?).await
    }
}

/// Tries a database out, step by step.
pub async fn probe(url: &str, role: Role) -> ConnectionTest {
    engine::connect::probe::probe(url, role).await
}

/// A plan from one database to another.
pub async fn draft(
    source_url: &str,
    target_url: &str,
    template: Option<&str>,
) -> Result<Plan, EngineError> {
    engine::map::draft::draft(source_url, target_url, template).await
}

/// Holds a plan against its databases.
pub async fn check(
    plan: &Plan,
    source_url: &str,
    target_url: &str,
) -> Result<Vec<PlanProblem>, EngineError> {
    let own = plan.problems();
    if !own.is_empty() {
        return Ok(own);
    }
    engine::map::check::against(plan, source_url, target_url).await
}

/// A source is never written to, whoever names it as a target.
fn must_be(role: Role, sealed: SealedConnection) -> Result<SealedConnection, JobError> {
    if sealed.connection.role == role {
        return Ok(sealed);
    }
    let (is, wanted) = match role {
        Role::Source => ("a target", "source"),
        Role::Target => ("a source", "target"),
    };
    let doing =
        format!("using the connection `{}` as {wanted}: it is {is}", sealed.connection.name);
    Err(EngineError::new(ErrorCode::Map001, doing).into())
}
