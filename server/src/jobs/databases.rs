//! The databases that plans and connections name, and what the engine says about them.

use engine::EngineError;
use shared::connection::{ConnectionTest, Engine, Role};
use shared::draft::NewDraft;
use shared::error_code::ErrorCode;
use shared::id::ConnectionId;
use shared::plan::{Plan, PlanProblem};
use zeroize::Zeroizing;

use super::JobError;
use crate::auth::secret::Secrets;
use crate::store::Store;
use crate::store::connections::{self, SealedConnection};

/// Opens the secrets of connections, and nothing else does.
#[derive(Clone)]
pub struct Databases {
    store: Store,
    secrets: Secrets,
}

/// The URLs of a plan's two sides.
pub struct Sides {
    pub source: Zeroizing<String>,
    pub target: Zeroizing<String>,
}

impl Databases {
    pub const fn new(store: Store, secrets: Secrets) -> Self {
        Self { store, secrets }
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
        let url = self.secrets.open(&connection.sealed_url)?;
        Ok(probe(&url, connection.connection.role).await)
    }

    /// A plan that can run, made from what both sides hold.
    pub async fn draft(&self, new: &NewDraft) -> Result<Plan, JobError> {
        let source = self.connection(&new.source, Role::Source).await?;
        let target = self.connection(&new.target, Role::Target).await?;
        let source_url = self.secrets.open(&source.sealed_url)?;
        let target_url = self.secrets.open(&target.sealed_url)?;
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
            return Ok(Zeroizing::new(name.to_owned()));
        }
        let found = connections::find_by_name(self.store.pool(), name).await?;
        let sealed = found.ok_or_else(|| JobError::ConnectionMissing { name: name.to_owned() })?;
        Ok(self.secrets.open(&must_be(role, sealed)?.sealed_url)?)
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
