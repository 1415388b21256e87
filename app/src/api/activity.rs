//! Whether somebody is at the keyboard. A page that asks by itself does not keep a session alive.

use std::cell::Cell;

use leptos::task::spawn_local;
use shared::route;

use super::{ApiError, post, send};
use crate::browser;

/// So long after the last key or click, in milliseconds, what is asked is still for somebody.
const THERE_FOR: i64 = 30_000;

/// Somebody who only reads and types is reported to the server so often, in milliseconds.
const REPORTED_EVERY: i64 = 60_000;

thread_local! {
    static LAST: Cell<i64> = const { Cell::new(0) };
    static REPORTED: Cell<i64> = const { Cell::new(0) };
}

/// Somebody pressed a key or clicked.
pub(crate) fn note() {
    let now = browser::now().timestamp_millis();
    LAST.set(now);
    if is_due(now, REPORTED.get()) {
        REPORTED.set(now);
        spawn_local(async {
            // Should it fail, the next key tries again; the session ends only when none comes.
            let _: Result<(), ApiError> = send(post(route::SESSION_ACTIVITY)).await;
        });
    }
}

pub(super) fn is_somebody_there() -> bool {
    is_there(browser::now().timestamp_millis(), LAST.get())
}

const fn is_due(now: i64, reported: i64) -> bool {
    now - reported >= REPORTED_EVERY
}

const fn is_there(now: i64, last: i64) -> bool {
    now - last <= THERE_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_types_all_the_time_is_reported_once_a_minute() {
        assert!(is_due(60_000, 0));
        assert!(!is_due(119_999, 60_000));
    }

    #[test]
    fn a_page_that_is_left_alone_asks_for_nobody() {
        assert!(is_there(30_000, 0));
        assert!(!is_there(30_001, 0));
    }
}
