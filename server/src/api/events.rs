//! The progress of a run, as server-sent events.
//!
//! Every event is a whole picture, so a client that was away needs the latest one and nothing of
//! what it missed. A browser's `EventSource` cannot send an access token: it is recognised by
//! the session's cookie, which no other site can make it send and no URL carries. Any other
//! client sends its bearer token.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use actix_web::http::header::{self, ContentEncoding};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use futures::StreamExt as _;
use shared::event::{self, RunEvent};
use shared::id::RunId;
use shared::problem::Problem;
use shared::route;
use tokio::time::{Instant, sleep_until};

use super::extract::{Authorized, is_still_signed_in};
use super::session::signed_in;
use super::{ApiError, Services};
use crate::auth::permission::Read;

/// Proxies cut a connection on which nothing comes; most of them after a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Follow a run. `text/event-stream`: events named `run`, each with a `RunEvent` and its
/// number as `id`. With `Last-Event-ID` it begins after that one. The stream ends after an event that says
/// that the run is not running; a client that asks for more then gets 204.
#[utoipa::path(
    get, path = route::RUN_EVENTS, tag = "runs",
    security(("bearer" = []), ("session" = [])),
    params(("id" = RunId, Path), ("Last-Event-ID" = Option<u64>, Header)),
    responses(
        (status = 200, body = RunEvent, content_type = "text/event-stream"),
        (status = 204, description = "the run is not running and the client has its last event"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn follow(
    services: Data<Services>,
    request: HttpRequest,
    id: Path<RunId>,
) -> Result<HttpResponse, ApiError> {
    let caller = signed_in(&request, &services).await?.ok_or(ApiError::Unauthenticated)?;
    let Authorized { user: caller, .. } = Authorized::<Read>::grant(caller)?;
    let last = last_event_id(&request);

    let stored = services.runs.find(&id).await?;
    let has_ended = stored.run.state != shared::run::RunState::Running;
    if has_ended && last == Some(stored.event_number) {
        return Ok(HttpResponse::NoContent().finish());
    }
    let events = services.runs.events(&id, last).await?;
    let stream = async_stream::stream! {
        let mut events = pin!(events);
        // Where to reconnect after two seconds rather than a browser's own idea.
        yield Ok::<_, Infallible>(Bytes::from_static(b"retry: 2000\n\n"));
        let mut next_heartbeat = Instant::now() + HEARTBEAT;
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(event) => yield Ok(message(&event)),
                    None => break,
                },
                () = sleep_until(next_heartbeat) => {
                    next_heartbeat = Instant::now() + HEARTBEAT;
                    if !is_still_signed_in(&services, &caller).await {
                        break;
                    }
                    yield Ok(Bytes::from_static(b":\n\n"));
                }
            }
        }
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        // A compressor would hold events back until it has a block full.
        .insert_header(ContentEncoding::Identity)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(stream))
}

fn message(event: &RunEvent) -> Bytes {
    let data = serde_json::to_string(event).unwrap_or_default();
    Bytes::from(format!("id: {}\nevent: {}\ndata: {data}\n\n", event.number, event::NAME))
}

/// The last event that a client has.
pub(super) fn last_event_id(request: &HttpRequest) -> Option<u64> {
    request.headers().get("last-event-id")?.to_str().ok()?.parse().ok()
}
