//! The live channels: a run's progress, and everything that changes, as the server sends them,
//! over any number of connections.
//!
//! They are read with `fetch`, not with the browser's `EventSource`: that cannot send the access
//! token, and hides why a connection was refused.

mod event_stream;
mod portal;

use std::time::Duration;

use futures::future::{Either, select};
use gloo_net::http::Response;
use gloo_timers::future::TimeoutFuture;
use js_sys::{Reflect, Uint8Array};
use leptos::task::spawn_local;
use shared::event::{self, RunEvent};
use shared::id::RunId;
use shared::route;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, ReadableStreamDefaultReader};

use super::{ApiError, Call, get, respond};
use event_stream::{EventStream, Message};
pub(crate) use portal::{PortalNews, follow_portal};

/// Without a sign of life for so long, a connection counts as dead. The server sends one every
/// fifteen seconds.
const SILENCE: Duration = Duration::from_secs(40);

/// What a follower of a run is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum News {
    /// The channel is open: what comes is as it happens.
    Connected,
    Event(Box<RunEvent>),
    /// The channel is broken; it is being opened again, and missed events will be made up for.
    Lost,
    /// The server refuses the channel; there will be no more news.
    Refused(ApiError),
    /// The run came to its end; there will be no more news.
    Over,
}

/// What is being followed, until this is dropped.
pub(crate) struct Following {
    abort: AbortController,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

/// Follows a run, from the event after `last` on, and tells `tell` what happens.
pub(crate) fn follow(
    run: RunId,
    last: Option<u64>,
    tell: impl Fn(News) + 'static,
) -> Option<Following> {
    let abort = AbortController::new().ok()?;
    let follower = Follower { run, last, abort: abort.clone() };
    spawn_local(follower.follow(tell));
    Some(Following { abort })
}

struct Follower {
    run: RunId,
    last: Option<u64>,
    abort: AbortController,
}

/// How a connection ended.
enum End {
    /// Nothing comes after the last event until somebody acts on the run.
    Over,
    Refused(ApiError),
    Broken,
}

impl Follower {
    async fn follow(mut self, tell: impl Fn(News)) {
        let mut failures = 0;
        while !self.is_left() {
            let before = self.last;
            match self.listen(&tell).await {
                End::Over => return tell(News::Over),
                End::Refused(error) => return tell(News::Refused(error)),
                End::Broken if self.is_left() => return,
                End::Broken => {
                    failures = if self.last == before { failures + 1 } else { 1 };
                    tell(News::Lost);
                    TimeoutFuture::new(pause_after(failures)).await;
                }
            }
        }
    }

    fn is_left(&self) -> bool {
        self.abort.signal().aborted()
    }

    /// Reads one connection to its end.
    async fn listen(&mut self, tell: &impl Fn(News)) -> End {
        let call = events_after(&route::run_events(&self.run), self.last, &self.abort);
        let response = match respond(&call).await {
            Ok(response) => response,
            Err(error @ (ApiError::SessionOver | ApiError::Refused(_))) => {
                return End::Refused(error);
            }
            Err(_) => return End::Broken,
        };
        // The run stands still, and its last event has been heard.
        if response.status() == 204 {
            return End::Over;
        }
        let Some(reader) = reader_of(&response) else { return End::Broken };
        tell(News::Connected);
        let mut is_last = false;
        let abort = self.abort.clone();
        read_messages(&reader, &abort, |message| {
            if let Some(event) = self.understand(message) {
                is_last = event.is_last();
                self.last = Some(event.number);
                tell(News::Event(Box::new(event)));
            }
        })
        .await;
        if is_last && !self.is_left() { End::Over } else { End::Broken }
    }

    /// The event in a message; none where the message is for others or was seen before.
    fn understand(&self, message: &Message) -> Option<RunEvent> {
        if message.name != event::NAME {
            return None;
        }
        let event: RunEvent = serde_json::from_str(&message.data).ok()?;
        self.last.is_none_or(|last| event.number > last).then_some(event)
    }
}

/// Asks for a stream of events from the one after `last` on.
fn events_after(path: &str, last: Option<u64>, abort: &AbortController) -> Call {
    let mut call = get(path).header("accept", "text/event-stream".to_owned());
    call.abort = Some(abort.signal());
    match last {
        Some(last) => call.header("last-event-id", last.to_string()),
        None => call,
    }
}

fn reader_of(response: &Response) -> Option<ReadableStreamDefaultReader> {
    response.body()?.get_reader().dyn_into().ok()
}

/// Milliseconds to wait after so many failures in a row: from one second to half a minute.
fn pause_after(failures: u32) -> u32 {
    1_000 * (1 << failures.saturating_sub(1).min(5)).min(30)
}

/// Reads a connection to its end, hands on its messages, and says whether anything came.
async fn read_messages(
    reader: &ReadableStreamDefaultReader,
    abort: &AbortController,
    mut hear: impl FnMut(&Message),
) -> bool {
    let mut stream = EventStream::default();
    let mut has_heard = false;
    while let Some(bytes) = next_bytes(reader).await {
        // Who has left must not be told any more: what they told with is gone.
        if abort.signal().aborted() {
            break;
        }
        has_heard = true;
        stream.push(&bytes).iter().for_each(&mut hear);
    }
    // Frees the connection, should it have been silence that ended the loop. One that was given up
    // answers with an error, which nobody else would catch.
    let _ = JsFuture::from(reader.cancel()).await;
    has_heard
}

/// What comes next on a connection; none when it ended, broke or fell silent.
async fn next_bytes(reader: &ReadableStreamDefaultReader) -> Option<Vec<u8>> {
    #[expect(clippy::cast_possible_truncation, reason = "40,000 fits")]
    let silence = TimeoutFuture::new(SILENCE.as_millis() as u32);
    match select(JsFuture::from(reader.read()), silence).await {
        Either::Left((Ok(chunk), _)) => {
            let value = Reflect::get(&chunk, &"value".into()).ok()?;
            Some(value.dyn_into::<Uint8Array>().ok()?.to_vec())
        }
        Either::Left((Err(_), _)) | Either::Right(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::pause_after;

    #[test]
    fn a_server_that_stays_away_is_asked_less_and_less_often() {
        assert_eq!([1, 2, 3, 6, 60].map(pause_after), [1_000, 2_000, 4_000, 30_000, 30_000]);
    }
}
