//! When the source may be read.

use chrono::{DateTime, NaiveTime, Utc};
use shared::error_code::ErrorCode;
use shared::plan::Governor;

use crate::error::{EngineError, Result};
use crate::map::argument::zone;

/// What the plan allows at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// Chunks at once, at most.
    Workers(usize),
    /// Nothing, until a window opens at that time of day.
    Until(NaiveTime),
}

/// What the plan allows now.
pub(super) fn allowed(governor: &Governor, now: DateTime<Utc>) -> Result<Allowed> {
    if governor.windows.is_empty() {
        return Ok(Allowed::Workers(usize::MAX));
    }
    let time = match &governor.zone {
        None => now.time(),
        Some(name) => {
            let zone = zone(name).map_err(|why| {
                EngineError::new(ErrorCode::Map006, "reading `governor.zone`").because(why)
            })?;
            now.with_timezone(&zone).time()
        }
    };
    if let Some(open) = governor.windows.iter().find(|window| window.contains(time)) {
        return Ok(Allowed::Workers(open.workers.map_or(usize::MAX, usize::from)));
    }
    // The next to open: today, or else tomorrow.
    let until = |opens: NaiveTime| {
        let seconds = (opens - time).num_seconds();
        if seconds < 0 { seconds + 24 * 60 * 60 } else { seconds }
    };
    let next = governor.windows.iter().map(|window| window.from).min_by_key(|from| until(*from));
    Ok(next.map_or(Allowed::Workers(usize::MAX), Allowed::Until))
}

/// Why nothing moves, as the second half of "no progress because …".
pub(super) fn closed(opens: NaiveTime) -> String {
    format!("the plan lets the source be read from {} on", opens.format("%H:%M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn governor() -> Governor {
        serde_json::from_value(serde_json::json!({
            "zone": "Europe/Berlin",
            "windows": [
                {"from": "22:00", "to": "05:00"},
                {"from": "12:00", "to": "13:00", "workers": 1},
            ],
        }))
        .expect("a governor")
    }

    #[track_caller]
    fn check(now: &str, expected: Allowed) {
        let now: DateTime<Utc> = now.parse().expect("a time");
        assert_eq!(allowed(&governor(), now).expect("a zone"), expected, "{now}");
    }

    fn opens(hour: u32) -> Allowed {
        Allowed::Until(NaiveTime::from_hms_opt(hour, 0, 0).expect("a time"))
    }

    #[test]
    fn windows_are_meant_by_the_clocks_of_the_zone() {
        // Two hours before UTC in summer, one in winter.
        check("2026-07-01T20:00:00Z", Allowed::Workers(usize::MAX));
        check("2026-01-01T20:59:59Z", opens(22));
        check("2026-01-01T21:00:00Z", Allowed::Workers(usize::MAX));
        check("2026-07-01T10:30:00Z", Allowed::Workers(1));
    }

    #[test]
    fn outside_of_all_windows_the_next_one_is_named() {
        check("2026-07-01T03:00:00Z", opens(12));
        check("2026-07-01T11:00:00Z", opens(22));
    }

    #[test]
    fn without_windows_the_source_may_always_be_read() {
        let now = "2026-07-01T03:00:00Z".parse().expect("a time");
        let always = allowed(&Governor::default(), now).expect("no zone");
        assert_eq!(always, Allowed::Workers(usize::MAX));
    }
}
