use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use engine::clock::SystemClock;

use shared::error_code::ErrorCode;
use shared::settings::{FilePolicy, HostSettings, ServerPolicy};

use super::CommandError;
use super::exit::Status;
use super::input::expanded;
use super::output::tell;
use super::signal::Signals;
use crate::api::Proxy;
use crate::auth::external::{Configuration, Keys};
use crate::config::Installation;
use crate::demo::{self, Demo};
use crate::jobs::alerts::{MailError, Mailer};
use crate::portal::Portal;
use crate::settings::Deployment;
use crate::startup::{Application, Settings};

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where to listen
    #[arg(
        long,
        env = "TRANSFUSE_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    listen: SocketAddr,
    /// A reverse proxy stands before the server: believe what it says of clients and of TLS
    #[arg(long, env = "TRANSFUSE_BEHIND_PROXY")]
    behind_proxy: bool,
    #[command(flatten)]
    identity: Identity,
    #[command(flatten)]
    places: Places,
    /// At first start, make the sample legacy database, a plan for it and somebody to sign in
    /// (with the password in `TRANSFUSE_DEMO_PASSWORD`, or one that is made and shown)
    #[arg(long)]
    demo: bool,
    /// The demo's target; without it, a SQLite file in the data folder
    #[arg(long, requires = "demo", value_name = "URL")]
    demo_target: Option<String>,
    /// The size of the demo's legacy database; 1 is the real system's
    #[arg(long, requires = "demo", default_value_t = 0.01, value_name = "N")]
    demo_scale: f64,
}

/// Whose tokens are accepted beside our own: Supabase Auth, or another that issues JWTs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tokens of an identity provider")]
#[expect(clippy::struct_field_names, reason = "they are the names of the options")]
struct Identity {
    /// The `iss` of its tokens, such as <https://PROJECT.supabase.co/auth/v1>
    #[arg(long, env = "TRANSFUSE_IDENTITY_ISSUER", value_name = "URL")]
    identity_issuer: Option<String>,
    /// Where its public keys are; without it, `TRANSFUSE_IDENTITY_SECRET` holds the secret of HS256
    #[arg(long, env = "TRANSFUSE_IDENTITY_KEYS", value_name = "URL", requires = "identity_issuer")]
    identity_keys: Option<String>,
    /// The `aud` of its tokens
    #[arg(
        long,
        env = "TRANSFUSE_IDENTITY_AUDIENCE",
        default_value = "authenticated",
        value_name = "NAME"
    )]
    identity_audience: String,
    /// Where in a token the role is: admin, member or viewer
    #[arg(
        long,
        env = "TRANSFUSE_IDENTITY_ROLE_CLAIM",
        default_value = "app_metadata.transfuse_role",
        value_name = "PATH"
    )]
    identity_role_claim: String,
    /// Find users by the token's e-mail address, too. Only for a provider that proves addresses
    #[arg(long, env = "TRANSFUSE_IDENTITY_MATCH_EMAIL", requires = "identity_issuer")]
    identity_match_email: bool,
}

/// Which databases connections may name, whatever the settings say.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Places that connections may name")]
struct Places {
    /// `any`, `public`, or a list: db.clinic.example,*.clinic.example,10.1.0.0/16
    #[arg(long, env = "TRANSFUSE_ALLOW_HOSTS", value_name = "HOSTS")]
    allow_hosts: Option<String>,
    /// `any`, `none`, or a list of folders
    #[arg(long, env = "TRANSFUSE_ALLOW_FILES", value_name = "FOLDERS")]
    allow_files: Option<String>,
}

/// The environment variable with the secret that provider and server share.
const IDENTITY_SECRET: &str = "TRANSFUSE_IDENTITY_SECRET";

impl Serve {
    fn deployment(&self) -> Deployment {
        let Places { allow_hosts, allow_files } = &self.places;
        if allow_hosts.is_none() && allow_files.is_none() {
            return Deployment::default();
        }
        let list = |text: &str| -> Vec<String> {
            text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
        };
        let (servers, listed) = match allow_hosts.as_deref().map(str::trim) {
            None | Some("any") => (ServerPolicy::Any, Vec::new()),
            Some("public") => (ServerPolicy::Public, Vec::new()),
            Some(hosts) => (ServerPolicy::Listed, list(hosts)),
        };
        let (files, folders) = match allow_files.as_deref().map(str::trim) {
            None | Some("any") => (FilePolicy::Any, Vec::new()),
            Some("none") => (FilePolicy::None, Vec::new()),
            Some(folders) => (FilePolicy::Listed, list(folders)),
        };
        Deployment { hosts: Some(HostSettings { servers, listed, files, folders }) }
    }

    fn provider(&self) -> Result<Option<Configuration>, CommandError> {
        let Identity { identity_issuer: Some(issuer), identity_keys, .. } = &self.identity else {
            return Ok(None);
        };
        let keys = match (identity_keys, std::env::var(IDENTITY_SECRET)) {
            (Some(url), _) => Keys::Published(url.clone()),
            (None, Ok(secret)) if secret.len() >= 32 => Keys::Secret(secret.into()),
            (None, _) => {
                let message = format!(
                    "--identity-issuer needs --identity-keys, or a secret of 32 characters and \
                     more in {IDENTITY_SECRET}"
                );
                return Err(CommandError::new(ErrorCode::Sys005, message));
            }
        };
        Ok(Some(Configuration {
            keys,
            issuer: issuer.clone(),
            audience: self.identity.identity_audience.clone(),
            role_claim: self.identity.identity_role_claim.clone(),
            match_email: self.identity.identity_match_email,
        }))
    }

    pub(super) async fn run(self, installation: Installation) -> Result<(), CommandError> {
        let mut signals = Signals::listen()?;
        if !self.listen.ip().is_loopback() && !self.behind_proxy {
            tell(
                "warning: other machines can reach this server and nothing encrypts what they \
                 send; put a proxy that speaks TLS before it and start it with --behind-proxy",
            );
        }
        let settings = Settings {
            installation: installation.clone(),
            listen: self.listen,
            proxy: if self.behind_proxy { Proxy::Trusted } else { Proxy::None },
            deployment: self.deployment(),
            provider: self.provider()?,
            mailer: mailer()?,
            metrics_token: std::env::var("TRANSFUSE_METRICS_TOKEN")
                .ok()
                .filter(|it| !it.is_empty()),
        };
        let application =
            Application::build(settings, Arc::new(SystemClock), Portal::default()).await?;
        if self.demo {
            let target = self.demo_target.as_deref().map(expanded).transpose()?;
            let demo = Demo { target: target.as_deref().cloned(), scale: self.demo_scale };
            let sign_in = demo::prepare(application.services(), &installation, demo).await?;
            tell(format!(
                "demo: sign in at http://{} as {} with the password {}",
                application.address(),
                sign_in.email,
                sign_in.password
            ));
        }
        tell(format!("Transfuse is at http://{} (Ctrl-C ends it)", application.address()));
        let asked_to_end = async {
            signals.next().await;
            tell("stopping: runs stop between chunks; again to stop at once");
        };
        let served = application.run_until(asked_to_end);
        let mut served = std::pin::pin!(served);
        tokio::select! {
            outcome = &mut served => Ok(outcome?),
            // Only once the first signal has been taken by the server.
            () = second_signal() => Err(CommandError::new(
                ErrorCode::Sys006,
                "ended before runs had stopped",
            )
            .exit(Status::Stopped)),
        }
    }
}

/// Sends mail, where `TRANSFUSE_SMTP_URL` and `TRANSFUSE_MAIL_FROM` say how.
fn mailer() -> Result<Option<Mailer>, CommandError> {
    let Ok(url) = std::env::var("TRANSFUSE_SMTP_URL") else { return Ok(None) };
    let from = std::env::var("TRANSFUSE_MAIL_FROM").unwrap_or_default();
    let refused = |error: MailError| {
        let message = format!("TRANSFUSE_SMTP_URL and TRANSFUSE_MAIL_FROM: {error}");
        CommandError::new(ErrorCode::Sys005, message)
            .hint("Write smtps://user:password@host:465 and an address.")
    };
    Mailer::new(&url, &from).map(Some).map_err(refused)
}

/// The second time that somebody asks the process to end.
async fn second_signal() {
    let Ok(mut signals) = Signals::listen() else { return std::future::pending().await };
    signals.next().await;
    signals.next().await;
}
