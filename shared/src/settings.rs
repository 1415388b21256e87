//! What an administrator sets for the whole installation.

use chrono::{DateTime, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

use crate::approval::ActKind;
use crate::problem::FieldProblem;

/// All settings. What is absent has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub sessions: SessionSettings,
    pub approvals: ApprovalSettings,
    pub hosts: HostSettings,
    pub notifications: NotificationSettings,
    pub assistant: AssistantSettings,
    pub searches: SearchSettings,
}

/// How long somebody stays signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SessionSettings {
    /// A session ends when nobody did anything for so long. A run goes on.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1440))]
    pub idle_minutes: u32,
    /// And then in any case.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 168))]
    pub longest_hours: u32,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { idle_minutes: 15, longest_hours: 24 }
    }
}

/// What needs a second person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ApprovalSettings {
    /// Acts that nobody may do alone.
    pub second_person: Vec<ActKind>,
    /// How long an answer may be waited for, and an approval used.
    #[cfg_attr(feature = "openapi", schema(minimum = 5, maximum = 10080))]
    pub expire_minutes: u32,
}

impl Default for ApprovalSettings {
    fn default() -> Self {
        Self { second_person: Vec::new(), expire_minutes: 240 }
    }
}

/// Which databases connections may name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct HostSettings {
    pub servers: ServerPolicy,
    /// The hosts that `listed` allows: `db.clinic.example`, `*.clinic.example`, `10.1.0.0/16` or
    /// `192.0.2.7`.
    pub listed: Vec<String>,
    pub files: FilePolicy,
    /// The folders that `listed` allows, with all that is in them.
    pub folders: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ServerPolicy {
    /// Any, but for addresses where no database is, such as a cloud's metadata service.
    #[default]
    Any,
    /// Only addresses of the public internet.
    Public,
    /// Only those in the list.
    Listed,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FilePolicy {
    /// Any file and folder that the server's own user may use, but for the installation's own.
    #[default]
    Any,
    /// Only those in the listed folders.
    Listed,
    /// No SQLite files and no CSV folders.
    None,
}

/// When people are told of alerts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NotificationSettings {
    /// When only blocking alerts are sent at once; the others wait for the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
}

/// Every day from one time to another, by the clocks of one zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// `22:00`
    #[serde(with = "crate::time_of_day")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[0-2][0-9]:[0-5][0-9]$"))]
    pub from: NaiveTime,
    /// `06:30`; earlier than `from` where the night is meant.
    #[serde(with = "crate::time_of_day")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[0-2][0-9]:[0-5][0-9]$"))]
    pub to: NaiveTime,
    /// `Europe/Berlin`
    pub zone: String,
}

impl QuietHours {
    /// Whether a time of day, by the clocks of the zone, lies in them.
    pub fn contain(&self, time: NaiveTime) -> bool {
        if self.from <= self.to {
            self.from <= time && time < self.to
        } else {
            time >= self.from || time < self.to
        }
    }
}

/// An OpenAI-compatible service that the assistant may ask. No value of a row ever goes to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AssistantSettings {
    /// Off until somebody turns it on: the assistant then answers from the manuals alone.
    pub enabled: bool,
    /// The base of the service, which often ends in `/v1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// What is kept of searches for people who are there twice. What was decided is kept in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SearchSettings {
    /// So many searches among the same people are kept, the newest.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1000))]
    pub keep: u32,
    /// Of them, those that ended no longer ago; all when it is not said. The newest that came to an
    /// end always stays: the next one goes by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 3650))]
    pub keep_days: Option<u32>,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self { keep: 20, keep_days: None }
    }
}

impl Settings {
    /// What is wrong with them, field by field; empty when they can be used.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        let mut check = |is_right: bool, field: &str, message: &str| {
            if !is_right {
                let (field, message) = (field.to_owned(), message.to_owned());
                problems.push(FieldProblem { field, message });
            }
        };
        let Self { sessions, approvals, hosts, assistant, searches, .. } = self;
        check(
            (1..=1440).contains(&sessions.idle_minutes),
            "sessions.idle_minutes",
            "Between 1 minute and 1440, a day.",
        );
        check(
            (1..=168).contains(&sessions.longest_hours),
            "sessions.longest_hours",
            "Between 1 hour and 168, a week.",
        );
        check(
            (5..=10_080).contains(&approvals.expire_minutes),
            "approvals.expire_minutes",
            "Between 5 minutes and 10080, a week.",
        );
        check((1..=1000).contains(&searches.keep), "searches.keep", "Between 1 search and 1000.");
        check(
            searches.keep_days.is_none_or(|days| (1..=3650).contains(&days)),
            "searches.keep_days",
            "Between 1 day and 3650, ten years; nothing for as long as there are few enough.",
        );
        check(
            hosts.listed.len() <= 200 && hosts.listed.iter().all(|host| is_host_pattern(host)),
            "hosts.listed",
            "Each entry is a host, *.domain, an address, or a network such as 10.1.0.0/16.",
        );
        check(
            hosts.folders.len() <= 200
                && hosts
                    .folders
                    .iter()
                    .all(|folder| folder.starts_with('/') && folder.len() < 1024),
            "hosts.folders",
            "Each entry is a folder's full path.",
        );
        let is_web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        check(
            assistant.endpoint.as_ref().is_none_or(is_web),
            "assistant.endpoint",
            "Begin with https:// and end with the service's base, such as /v1.",
        );
        check(
            !assistant.enabled || (assistant.endpoint.is_some() && assistant.model.is_some()),
            "assistant.enabled",
            "Name the endpoint and the model first.",
        );
        problems
    }
}

fn is_host_pattern(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/');
    (1..=253).contains(&name.len()) && name.chars().all(is_plain)
}

/// Settings as they are, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SettingsState {
    pub settings: Settings,
    /// Counts up with every change; 0 when nothing was ever changed.
    pub version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
    /// Whether the assistant's service has a key. The key itself never comes out.
    pub assistant_key_set: bool,
    /// Parts that the deployment decides, such as `hosts`: what is said here of them is in force,
    /// and cannot be changed.
    pub fixed: Vec<String>,
}

/// The key for the assistant's service, inwards only; without one it is forgotten.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AssistantKey {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 1000))]
    pub key: Option<String>,
}

impl std::fmt::Debug for AssistantKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AssistantKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_has_its_default_and_what_is_unknown_is_refused() {
        let settings: Settings = serde_json::from_str("{}").unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(settings.sessions.idle_minutes, 15);
        assert!(!settings.assistant.enabled);
        assert!(settings.problems().is_empty());
        assert!(serde_json::from_str::<Settings>(r#"{"admin": true}"#).is_err());
    }

    #[test]
    fn quiet_hours_may_go_over_midnight() {
        let hours: QuietHours =
            serde_json::from_str(r#"{"from": "22:00", "to": "06:30", "zone": "Europe/Berlin"}"#)
                .unwrap();
        let at = |text: &str| text.parse::<NaiveTime>().unwrap();
        assert!(hours.contain(at("23:59:59")) && hours.contain(at("00:00:00")));
        assert!(hours.contain(at("22:00:00")) && !hours.contain(at("06:30:00")));
        let day = QuietHours { from: at("09:00:00"), to: at("10:00:00"), ..hours };
        assert!(day.contain(at("09:30:00")) && !day.contain(at("23:00:00")));
    }

    #[test]
    fn each_problem_names_its_field() {
        let mut settings = Settings::default();
        settings.sessions.idle_minutes = 0;
        settings.searches = SearchSettings { keep: 0, keep_days: Some(0) };
        settings.hosts.listed = vec!["db clinic".to_owned()];
        settings.hosts.folders = vec!["exports".to_owned()];
        settings.assistant.enabled = true;
        let fields: Vec<_> = settings.problems().into_iter().map(|it| it.field).collect();
        assert_eq!(
            fields,
            [
                "sessions.idle_minutes",
                "searches.keep",
                "searches.keep_days",
                "hosts.listed",
                "hosts.folders",
                "assistant.enabled"
            ]
        );
    }
}
