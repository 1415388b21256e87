//! A server of a test's own, and a client for it.

mod canary;
mod client;
mod clock;
pub(crate) mod legacy;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::clock::Clock as _;
use serde_json::{Value, json};
use server::api::Proxy;
use server::auth::external::Configuration;
use server::auth::password;
use server::config::Installation;
use server::portal::Portal;
use server::settings::Deployment;
use server::startup::{Application, Settings};
use server::store::users;
use shared::id::UserId;
use shared::user::{User, UserRole};
use tempfile::TempDir;
use tokio::sync::OnceCell;

pub(crate) use client::Reply;
use client::{exchange, exchange_text};
use clock::TestClock;

pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) const METRICS_TOKEN: &str = "a token for figures";

/// A path of the document with an id wherever one belongs.
pub(crate) fn with_ids(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { "some-id" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

/// A server with an empty store, and one user of each role.
pub(crate) struct TestApp {
    application: Application,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) folder: TempDir,
    _canary: canary::Canary,
}

/// Somebody who is signed in.
pub(crate) struct Client<'a> {
    app: &'a TestApp,
    token: String,
}

/// Hashing is slow on purpose: once for all.
static HASH: OnceCell<String> = OnceCell::const_new();

impl TestApp {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        Self::start_in(folder, Arc::default(), None).await
    }

    /// One of several servers that share a store.
    pub(crate) async fn start_on(store: &str) -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        Self::start_in(folder, Arc::default(), Some(store.to_owned())).await
    }

    /// One that accepts tokens of an identity provider.
    pub(crate) async fn start_with_provider(provider: Configuration) -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        Self::start_as(folder, Arc::default(), None, Some(provider)).await
    }

    async fn start_in(folder: TempDir, clock: Arc<TestClock>, store: Option<String>) -> Self {
        Self::start_as(folder, clock, store, None).await
    }

    async fn start_as(
        folder: TempDir,
        clock: Arc<TestClock>,
        store: Option<String>,
        provider: Option<Configuration>,
    ) -> Self {
        let settings = Settings {
            installation: Installation::new(folder.path().join("data"), store),
            listen: "127.0.0.1:0".parse().expect("an address"),
            proxy: Proxy::Trusted,
            deployment: Deployment::default(),
            provider,
            mailer: None,
            metrics_token: Some(METRICS_TOKEN.to_owned()),
        };
        let portal = Portal::new(|_| None);
        let shared_clock: Arc<TestClock> = Arc::clone(&clock);
        let application =
            Application::build(settings, shared_clock, portal).await.expect("the server starts");
        let app = Self { application, clock, folder, _canary: canary::Canary::listen() };
        for (id, role) in
            [("ada", UserRole::Admin), ("mia", UserRole::Member), ("vera", UserRole::Viewer)]
        {
            app.add_user(id, role).await;
        }
        app
    }

    /// Stops the server and starts another one on the same data.
    pub(crate) async fn restart(self) -> Self {
        let Self { application, clock, folder, .. } = self;
        application.stop().await;
        Self::start_in(folder, clock, None).await
    }

    pub(crate) async fn admin(&self) -> Client<'_> {
        self.sign_in("ada").await
    }

    pub(crate) async fn member(&self) -> Client<'_> {
        self.sign_in("mia").await
    }

    pub(crate) async fn viewer(&self) -> Client<'_> {
        self.sign_in("vera").await
    }

    /// Sends a request as nobody.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Reply {
        let reply = exchange(self.address(), method, path, headers, body).await;
        canary::check_reply(path, &reply);
        reply
    }

    /// Sends a text as nobody.
    pub(crate) async fn send_raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let reply = exchange_text(self.address(), method, path, headers, body).await;
        canary::check_reply(path, &reply);
        reply
    }

    pub(crate) async fn try_sign_in(&self, id: &str, password: &str) -> Reply {
        let body = json!({"email": format!("{id}@clinic.example"), "password": password});
        self.send("POST", shared::route::SESSION, &[], Some(&body)).await
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.application.address()
    }

    pub(crate) const fn services(&self) -> &Application {
        &self.application
    }

    async fn sign_in(&self, id: &str) -> Client<'_> {
        let reply = self.try_sign_in(id, PASSWORD).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let token = reply.json()["token"].as_str().expect("a token").to_owned();
        Client { app: self, token }
    }

    async fn add_user(&self, id: &str, role: UserRole) {
        let store = &self.application.services().store;
        let user = User {
            id: UserId::parse(id).expect("an id"),
            email: format!("{id}@clinic.example"),
            name: format!("{} Example", id.to_uppercase()),
            role,
            created_at: self.clock.now(),
        };
        let hash =
            HASH.get_or_init(|| async { password::hash(PASSWORD).await.expect("a hash") }).await;
        match users::insert(store.pool(), &user, hash).await {
            Ok(()) => {}
            Err(error) => assert!(error.is_taken(), "{error}"),
        }
    }
}

impl Client<'_> {
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, &[], Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send("PUT", path, &[], Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], None).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend(headers);
        self.app.send(method, path, &all, body).await
    }

    /// The latest entries of the audit trail: what was done, and to what.
    pub(crate) async fn audit(&self, limit: usize) -> Vec<(String, String)> {
        let reply = self.get(&format!("{}?limit={limit}", shared::route::AUDIT)).await;
        let page = reply.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entries = page["items"].as_array().expect("a list");
        entries.iter().map(|entry| (text(&entry["action"]), text(&entry["subject"]))).collect()
    }

    /// What failed by the audit trail, the latest first: what was done, and to what.
    pub(crate) async fn failures(&self) -> Vec<(String, String)> {
        let page = self.get(&format!("{}?outcome=failed", shared::route::AUDIT)).await.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entries = page["items"].as_array().expect("a list");
        entries.iter().map(|entry| (text(&entry["action"]), text(&entry["subject"]))).collect()
    }

    /// The run, once it is no longer running.
    pub(crate) async fn end_of_run(&self, id: &str) -> Value {
        self.end_of(&format!("/api/v1/runs/{id}")).await
    }

    /// What is at a path, once it is no longer running.
    pub(crate) async fn end_of(&self, path: &str) -> Value {
        let limit = Instant::now() + Duration::from_mins(1);
        loop {
            let found = self.get(path).await.json();
            if found["state"] != "running" && found["state"] != "drawing" {
                return found;
            }
            assert!(Instant::now() < limit, "it does not end: {found}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
