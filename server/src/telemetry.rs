//! What the process tells about itself: one line a request and one for each thing that matters,
//! with ids, counts and names of tables, and never a value of a row.

use std::io::IsTerminal as _;
use std::time::Instant;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::middleware::Next;
use shared::route;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The environment variable that says what is logged, as in `info,engine=debug`.
pub const VARIABLE: &str = "TRANSFUSE_LOG";

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For collectors: one JSON object a line.
    Json,
}

/// Sends log lines to stderr from here on. A second call changes nothing.
pub fn start(default: &str, format: LogFormat) {
    let wanted = std::env::var(VARIABLE).unwrap_or_else(|_| default.to_owned());
    let filter = EnvFilter::try_new(&wanted).unwrap_or_else(|_| EnvFilter::new(default));
    // Statements hold keys as literals where they cannot be bound: they are never logged,
    // whatever was asked for.
    let filter = ["sqlx::query=off", "sqlx_core::query=off"]
        .into_iter()
        .filter_map(|directive| directive.parse().ok())
        .fold(filter, EnvFilter::add_directive);
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // An error means that a subscriber is there already.
    let _ = match format {
        LogFormat::Text => registry.with(lines.with_target(false)).try_init(),
        LogFormat::Json => registry.with(lines.json()).try_init(),
    };
}

/// Logs a request when it was answered, by its route and not by its path: no query, no body.
pub async fn log_request(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let method = request.method().clone();
    let is_api = request.path().starts_with(route::BASE);
    let mut response = next.call(request).await?;
    if is_api && !response.headers().contains_key(CACHE_CONTROL) {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let route = response.request().match_pattern();
    let status = response.status().as_u16();
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match route.as_deref() {
        Some(route) if !route.starts_with(route::HEALTH) => {
            tracing::info!(%method, route, status, duration_ms, "{method} {route} {status}");
        }
        route => {
            let route = route.unwrap_or("the portal");
            tracing::debug!(%method, route, status, duration_ms, "{method} {route} {status}");
        }
    }
    Ok(response)
}
