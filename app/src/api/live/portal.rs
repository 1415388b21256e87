//! Everything that changes, as one stream for the whole portal.

use gloo_timers::future::TimeoutFuture;
use leptos::task::spawn_local;
use shared::event::PortalEvent;
use shared::route;
use web_sys::AbortController;

use super::event_stream::Message;
use super::{Following, events_after, pause_after, read_messages, reader_of};
use crate::api::{ApiError, respond};

/// What a follower of the portal is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PortalNews {
    /// The channel is open: what comes is as it happens.
    Connected,
    Event(Box<PortalEvent>),
    /// The channel is broken; it is being opened again, and missed changes will be made up for.
    Lost,
}

/// Follows everything, and tells `tell` what happens, until what it gives back is dropped.
pub(crate) fn follow_portal(tell: impl Fn(PortalNews) + 'static) -> Option<Following> {
    let abort = AbortController::new().ok()?;
    let follower = PortalFollower { last: None, abort: abort.clone() };
    spawn_local(follower.follow(tell));
    Some(Following { abort })
}

struct PortalFollower {
    /// The number of the last change that was heard.
    last: Option<u64>,
    abort: AbortController,
}

impl PortalFollower {
    async fn follow(mut self, tell: impl Fn(PortalNews)) {
        let mut failures = 0;
        while !self.is_left() {
            match self.listen(&tell).await {
                // The session is over: whoever signs in again follows anew.
                Err(ApiError::SessionOver) => return,
                Ok(heard) => failures = if heard { 1 } else { failures + 1 },
                Err(_) => failures += 1,
            }
            if self.is_left() {
                return;
            }
            tell(PortalNews::Lost);
            TimeoutFuture::new(pause_after(failures)).await;
        }
    }

    fn is_left(&self) -> bool {
        self.abort.signal().aborted()
    }

    /// Reads one connection to its end, and says whether anything came.
    async fn listen(&mut self, tell: &impl Fn(PortalNews)) -> Result<bool, ApiError> {
        let response = respond(&events_after(route::EVENTS, self.last, &self.abort)).await?;
        let reader = reader_of(&response).ok_or(ApiError::Unreadable)?;
        tell(PortalNews::Connected);
        let abort = self.abort.clone();
        let hear = |message: &Message| {
            // What an older portal does not know yet is not for it.
            let Ok(event) = serde_json::from_str::<PortalEvent>(&message.data) else { return };
            match &event {
                PortalEvent::Change(change) => self.last = Some(change.number),
                PortalEvent::Reset(reset) => self.last = Some(reset.number),
                PortalEvent::Run(_) | PortalEvent::Counts(_) => {}
            }
            tell(PortalNews::Event(Box::new(event)));
        };
        Ok(read_messages(&reader, &abort, hear).await)
    }
}
