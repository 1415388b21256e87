//! What the process tells about itself: one line a request and one for each thing that matters,
//! with ids, counts and names of tables, and never a value of a row.

use std::io::IsTerminal as _;
use std::sync::OnceLock;
use std::time::Instant;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use sha2::{Digest as _, Sha256};
use shared::route;
use tracing::Instrument as _;
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

/// What is logged: as wanted, or else the default, and never a statement.
pub fn filter(wanted: &str, default: &str) -> EnvFilter {
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new(default));
    // Statements hold keys as literals where they cannot be bound: they are never logged,
    // whatever was asked for.
    ["sqlx::query=off", "sqlx_core::query=off"]
        .into_iter()
        .filter_map(|directive| directive.parse().ok())
        .fold(filter, EnvFilter::add_directive)
}

/// Sends log lines to stderr from here on. A second call changes nothing.
pub fn start(default: &str, format: LogFormat) {
    let wanted = std::env::var(VARIABLE).unwrap_or_else(|_| default.to_owned());
    let filter = filter(&wanted, default);
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

/// What the process counts, in the format of Prometheus.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    /// SHA-256 of the token that may read it beside administrators.
    token: Option<[u8; 32]>,
}

/// One for the process: what is counted has no other place to go.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// From a cached answer to a draft of a large database.
const DURATIONS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

impl Metrics {
    /// Counts from here on. `token` may read what was counted.
    pub fn start(token: Option<&str>) -> Self {
        let handle = RECORDER.get_or_init(|| {
            let builder = PrometheusBuilder::new();
            let recorder = builder
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &DURATIONS)
                .map_or_else(
                    |_| PrometheusBuilder::new().build_recorder(),
                    PrometheusBuilder::build_recorder,
                );
            let handle = recorder.handle();
            // An error means that somebody else counts already; then nothing is counted here.
            let _ = metrics::set_global_recorder(recorder);
            handle
        });
        let token = token.map(|token| Sha256::digest(token).into());
        Self { handle: handle.clone(), token }
    }

    /// Whether it is the token that may read.
    pub fn takes(&self, presented: Option<&str>) -> bool {
        let presented = presented.map(|token| -> [u8; 32] { Sha256::digest(token).into() });
        // Hashes: how long comparing takes tells nothing of the token.
        presented.is_some() && presented == self.token
    }

    pub fn render(&self) -> String {
        self.handle.render()
    }
}

/// The header that names a request in the log, here and at a proxy before us.
const REQUEST_ID: &str = "x-request-id";

/// Logs a request when it was answered, by its route and not by its path: no query, no body. All
/// that is logged meanwhile bears its id, which the answer has as well.
pub async fn log_request(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let method = request.method().clone();
    let is_api = request.path().starts_with(route::BASE);
    let id = request_id(&request);
    let span = tracing::info_span!("request", request.id = %id);
    let mut response = next.call(request).instrument(span.clone()).await?;
    let _in_span = span.enter();
    if is_api && !response.headers().contains_key(CACHE_CONTROL) {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), id);
    }
    let route = response.request().match_pattern();
    let status = response.status().as_u16();
    let elapsed = started.elapsed();
    let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let counted_route = route.clone().unwrap_or_else(|| "other".to_owned());
    let labels = [
        ("method", known_method(&method).to_owned()),
        ("route", counted_route),
        ("status", status.to_string()),
    ];
    metrics::counter!("transfuse_http_requests_total", &labels).increment(1);
    metrics::histogram!("transfuse_http_request_seconds", &labels[..2])
        .record(elapsed.as_secs_f64());
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

/// The id that a proxy gave the request, if it is one, or a fresh one.
fn request_id(request: &ServiceRequest) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let is_id = |id: &&str| {
        (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    given.filter(is_id).map_or_else(|| format!("{:032x}", rand::random::<u128>()), str::to_owned)
}

/// Anybody can invent methods, and each would be counted apart.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}
