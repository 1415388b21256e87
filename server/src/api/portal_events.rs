//! Everything that changes, as one stream of server-sent events for the whole portal.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::header::{self, ContentEncoding};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use shared::event::{PortalEvent, Reset};
use shared::problem::Problem;
use shared::route;
use shared::user::Permission;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::events::last_event_id;
use super::extract::{Authorized, is_still_signed_in};
use super::session::signed_in;
use super::{ApiError, Services};
use crate::auth::Caller;
use crate::auth::permission::Read;

/// A client that hears nothing for longer than twice this knows that its stream is stale.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Follow everything. `text/event-stream` with four kinds of events: `change` (with an `id`: after
/// `Last-Event-ID` the changes since then are sent again), and the pictures `run` and `counts`,
/// of which only the latest matters and which are sent anew to whoever connects; `reset` says that
/// more changed than is sent again, so everything has to be read anew. Every ten seconds a comment
/// shows that the stream is alive. What happens to users and sessions is told to administrators
/// only. The stream takes the bearer token, or the session's cookie for `EventSource`, and does
/// not count as a sign of somebody at the keyboard.
#[utoipa::path(
    get, path = route::EVENTS, tag = "events",
    security(("bearer" = []), ("session" = [])),
    params(("Last-Event-ID" = Option<u64>, Header)),
    responses(
        (status = 200, body = PortalEvent, content_type = "text/event-stream"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn follow(
    services: Data<Services>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let caller = signed_in(&request, &services).await?.ok_or(ApiError::Unauthenticated)?;
    let Authorized { user: caller, .. } = Authorized::<Read>::grant(caller)?;
    // Before catching up, so that nothing falls between the two.
    let mut events = services.changes.subscribe();
    let (mut seen, missed) = services.changes.catch_up(last_event_id(&request)).await?;
    let stream = async_stream::stream! {
        // Where to reconnect after one second rather than a browser's own idea.
        yield Ok::<_, Infallible>(Bytes::from_static(b"retry: 1000\n\n"));
        for event in missed.into_iter().filter(|event| may_see(&caller, event)) {
            yield Ok(message(&event));
        }
        let mut next_heartbeat = Instant::now() + HEARTBEAT;
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Ok(PortalEvent::Change(change)) if change.number <= seen => {}
                    Ok(event) => {
                        if let PortalEvent::Change(change) = &event {
                            seen = change.number;
                        }
                        if may_see(&caller, &event) {
                            yield Ok(message(&event));
                        }
                    }
                    Err(RecvError::Lagged(_)) => {
                        yield Ok(message(&PortalEvent::Reset(Reset { number: seen })));
                    }
                    Err(RecvError::Closed) => break,
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

fn may_see(caller: &Caller, event: &PortalEvent) -> bool {
    match event {
        PortalEvent::Change(change) if change.topic.is_for_administrators() => {
            caller.role.may(Permission::ManageUsers)
        }
        _ => true,
    }
}

fn message(event: &PortalEvent) -> Bytes {
    let data = serde_json::to_string(event).unwrap_or_default();
    let name = event.name();
    Bytes::from(match event {
        PortalEvent::Change(change) => {
            format!("id: {}\nevent: {name}\ndata: {data}\n\n", change.number)
        }
        PortalEvent::Reset(reset) => {
            format!("id: {}\nevent: {name}\ndata: {data}\n\n", reset.number)
        }
        _ => format!("event: {name}\ndata: {data}\n\n"),
    })
}
