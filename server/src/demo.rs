//! Something to try at first start: a legacy database, a plan for it, and somebody to sign in.

use std::fs;
use std::io;
use std::path::Path;

use engine::EngineError;
use engine::sample::mdw;
use shared::audit::Action;
use shared::connection::{Connection, Engine, Role, without_secret};
use shared::error_code::ErrorCode;
use shared::id::{ConnectionId, PlanId, UserId};
use shared::user::{User, UserRole};

use crate::api::Services;
use crate::api::plans::save_version;
use crate::audit::{self, Actor};
use crate::auth::Caller;
use crate::auth::password::{self, PasswordError};
use crate::config::Installation;
use crate::jobs::databases;
use crate::store::connections::{self, SealedConnection};
use crate::store::{self, StoreError, plans, users};

/// What the demo is to be made of.
pub struct Demo {
    /// The target's URL; without one, a SQLite file in the data folder.
    pub target: Option<String>,
    pub scale: f64,
}

/// How to sign in to the demo.
pub struct SignIn {
    pub email: String,
    pub password: String,
}

/// The environment variable that holds the demo's password where one is wanted.
pub const PASSWORD_VARIABLE: &str = "TRANSFUSE_DEMO_PASSWORD";

const EMAIL: &str = "demo@transfuse.example";
const TEMPLATE: &str = "mdw";
const SEED: u64 = 1;

/// Makes the demo, if the store does not have it yet.
pub async fn prepare(
    services: &Services,
    installation: &Installation,
    demo: Demo,
) -> Result<SignIn, DemoError> {
    let note = installation.data().join("demo-password");
    if users::find_by_email(services.store.pool(), EMAIL).await?.is_some() {
        let password = fs::read_to_string(&note).unwrap_or_else(|_| "you chose".to_owned());
        return Ok(SignIn { email: EMAIL.to_owned(), password });
    }
    let data = std::path::absolute(installation.data()).map_err(DemoError::Files)?;
    let legacy = data.join("legacy.db");
    let source_url = format!("sqlite:{}", legacy.display());
    let target_url =
        demo.target.unwrap_or_else(|| format!("sqlite:{}", data.join("modern.db").display()));
    generate(&legacy, &source_url, demo.scale).await?;
    let mut plan = databases::draft(&source_url, &target_url, Some(TEMPLATE)).await?;
    "MDW demo".clone_into(&mut plan.name);
    "Legacy MDW".clone_into(&mut plan.source);
    "Modern".clone_into(&mut plan.target);

    let password = std::env::var(PASSWORD_VARIABLE).unwrap_or_else(|_| password::generate());
    let hash = password::hash(&password).await?;
    let now = services.clock.now();
    let fresh_id = || services.clock.fresh_id().to_string();
    let user = User {
        id: UserId::parse(fresh_id()).expect("a UUID is an id"),
        email: EMAIL.to_owned(),
        name: "Demo Operator".to_owned(),
        role: UserRole::Admin,
        created_at: now,
    };
    let mut tx = services.store.begin().await?;
    users::insert(&mut *tx, &user, &hash).await?;
    let detail = Some("demo".to_owned());
    let (actor, action) = (Actor::system(), Action::UserAdded);
    audit::record(&mut tx, now, actor, action, user.id.as_str(), detail).await?;
    for (name, role, url) in
        [(&plan.source, Role::Source, &source_url), (&plan.target, Role::Target, &target_url)]
    {
        let sealed = SealedConnection {
            connection: Connection {
                id: ConnectionId::parse(fresh_id()).expect("a UUID is an id"),
                name: name.clone(),
                role,
                engine: Engine::of_url(url).ok_or_else(|| {
                    EngineError::new(ErrorCode::Conn006, "reading the demo's target")
                })?,
                url: without_secret(url),
                created_at: now,
                tested: None,
            },
            sealed_url: services.databases.seal(url)?,
        };
        connections::insert(&mut *tx, &sealed).await?;
        let id = sealed.connection.id.as_str();
        let detail = Some(format!("{name}: {}", sealed.connection.url));
        let (actor, action) = (Actor::system(), Action::ConnectionCreated);
        audit::record(&mut tx, now, actor, action, id, detail).await?;
    }
    let plan_id = PlanId::parse(fresh_id()).expect("a UUID is an id");
    plans::insert(&mut *tx, &plan_id, now).await?;
    save_version(&mut tx, &*services.clock, &Caller::local(user), plan_id, 0, plan)
        .await?
        .ok_or_else(|| EngineError::new(ErrorCode::Sys001, "saving the demo's plan"))?;
    keep(&note, &password).map_err(DemoError::Files)?;
    store::commit(tx).await?;
    Ok(SignIn { email: EMAIL.to_owned(), password })
}

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("the demo's files cannot be made")]
    Files(#[source] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// A file of an attempt that was cut short is made again.
async fn generate(legacy: &Path, url: &str, scale: f64) -> Result<(), DemoError> {
    tracing::info!("making the demo's legacy database");
    match fs::remove_file(legacy) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(DemoError::Files(error));
        }
        _ => {}
    }
    mdw::generate(url, scale, SEED, Some(&mdw::truth_path(url))).await?;
    Ok(())
}

/// So that the demo can be signed in to again after a restart. Nobody's data is behind it.
fn keep(note: &Path, password: &str) -> io::Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(note)?.write_all(password.as_bytes())
}
