//! How a source is spared that people work with while it is read.

use chrono::NaiveTime;
use serde::{Deserialize, Serialize};

/// What a run asks of its source at most. Without it, a run reads as fast as it can.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Governor {
    /// How long the source may take to answer the probe, in milliseconds. While it takes longer,
    /// fewer chunks are read at once, in smaller batches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u32>,
    /// Where the source takes so long again and again, the run stops at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_ms: Option<u32>,
    /// A statement like those that the source's users wait for; else one that reads nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
    /// The zone by whose clocks windows are meant: `Europe/Berlin`. UTC when it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// When the source may be read; the first one that holds counts. Outside of all of them no
    /// chunk is begun. Without any, it may be read at all times.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
}

/// Every day from one time to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// `22:00`
    #[serde(with = "crate::time_of_day")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[0-2][0-9]:[0-5][0-9]$"))]
    pub from: NaiveTime,
    /// `06:30`; earlier than `from` where the night is meant.
    #[serde(with = "crate::time_of_day")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[0-2][0-9]:[0-5][0-9]$"))]
    pub to: NaiveTime,
    /// How many chunks are copied at once at most; else as many as the run has workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<u16>,
}

impl Window {
    /// Whether a time of day, by the clocks of the zone, lies in it.
    pub fn contains(&self, time: NaiveTime) -> bool {
        if self.from <= self.to {
            self.from <= time && time < self.to
        } else {
            time >= self.from || time < self.to
        }
    }
}

impl Governor {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What is wrong with it by itself.
    pub(super) fn problems(&self) -> Vec<&'static str> {
        let mut found = Vec::new();
        if self.latency_ms == Some(0) || self.stop_ms == Some(0) {
            found.push("no source answers within 0 milliseconds");
        }
        if self.stop_ms.is_some_and(|stop| self.latency_ms.is_none_or(|held| stop <= held)) {
            found.push("`stop_ms` is longer than `latency_ms`, which has to be there");
        }
        if self.windows.iter().any(|window| window.from == window.to) {
            found.push("a window that ends when it begins is never open");
        }
        if self.windows.iter().any(|window| window.workers == Some(0)) {
            found.push("a window has at least one worker; leave it out to have none");
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: &str, to: &str) -> Window {
        serde_json::from_value(serde_json::json!({"from": from, "to": to})).expect("a window")
    }

    #[test]
    fn a_window_may_go_over_midnight() {
        let night = window("22:00", "05:30");
        let at = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).expect("a time");

        assert!(night.contains(at(22, 0)) && night.contains(at(0, 0)) && night.contains(at(5, 29)));
        assert!(!night.contains(at(5, 30)) && !night.contains(at(21, 59)));
    }

    #[test]
    fn what_could_never_be_kept_is_refused() {
        let wrong = |governor: serde_json::Value| {
            let governor: Governor = serde_json::from_value(governor).expect("a governor");
            governor.problems().len()
        };
        assert_eq!(wrong(serde_json::json!({"latency_ms": 100, "stop_ms": 1000})), 0);
        assert_eq!(wrong(serde_json::json!({"latency_ms": 100, "stop_ms": 100})), 1);
        assert_eq!(wrong(serde_json::json!({"stop_ms": 100})), 1);
        assert_eq!(wrong(serde_json::json!({"latency_ms": 0})), 1);
        let never = serde_json::json!({"windows": [{"from": "08:00", "to": "08:00"}]});
        assert_eq!(wrong(never), 1);
    }
}
