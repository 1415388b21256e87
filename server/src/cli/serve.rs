use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use engine::clock::SystemClock;

use super::CommandError;
use super::exit::Status;
use super::input::expanded;
use super::output::tell;
use super::signal::Signals;
use crate::api::Proxy;
use crate::config::Installation;
use crate::demo::{self, Demo};
use crate::portal::Portal;
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

impl Serve {
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
                shared::error_code::ErrorCode::Sys006,
                "ended before runs had stopped",
            )
            .exit(Status::Stopped)),
        }
    }
}

/// The second time that somebody asks the process to end.
async fn second_signal() {
    let Ok(mut signals) = Signals::listen() else { return std::future::pending().await };
    signals.next().await;
    signals.next().await;
}
