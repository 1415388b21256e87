//! Rules that watch, what they found, and who is told.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::assessment::Severity;
use crate::id::{AlertId, RunId, TargetId};
use crate::problem::FieldProblem;

/// What is watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "when", deny_unknown_fields)]
pub enum Condition {
    RunFailed,
    RunCompleted,
    /// A run ended, and for some table what was read is not what became of it.
    BooksDoNotClose,
    /// More than so many percent of the rows read are in quarantine.
    QuarantinePercent {
        above: f64,
    },
    /// No row was accounted for in so long.
    NoProgress {
        seconds: u64,
    },
    /// A completed run was not verified, or its target changed since, for so long.
    VerificationStale {
        hours: u64,
    },
    /// So many failed sign-ins in a quarter of an hour, or somebody was locked out.
    SignInFailures {
        above: u32,
    },
    /// Changes lag behind by more than this.
    LagAbove {
        milliseconds: u64,
    },
    /// The audit trail is not what was written.
    AuditBroken,
}

impl Condition {
    /// What is wrong with it; none when it can be watched.
    pub fn problem(&self) -> Option<&'static str> {
        match self {
            Self::QuarantinePercent { above } if !(0.0..=100.0).contains(above) => {
                Some("Between 0 and 100 percent.")
            }
            Self::NoProgress { seconds } if !(30..=86_400).contains(seconds) => {
                Some("Between 30 seconds and a day.")
            }
            Self::VerificationStale { hours } if !(1..=8_760).contains(hours) => {
                Some("Between an hour and a year.")
            }
            Self::SignInFailures { above } if !(1..=100_000).contains(above) => {
                Some("Between 1 and 100000.")
            }
            Self::LagAbove { milliseconds } if !(100..=86_400_000).contains(milliseconds) => {
                Some("Between 100 milliseconds and a day.")
            }
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rule {
    pub id: AlertId,
    pub name: String,
    pub condition: Condition,
    pub severity: Severity,
    /// For how long the same cause is not raised again.
    pub quiet_seconds: u64,
    pub enabled: bool,
}

/// A rule as it is made or changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewRule {
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub name: String,
    pub condition: Condition,
    pub severity: Severity,
    #[cfg_attr(feature = "openapi", schema(maximum = 604_800))]
    pub quiet_seconds: u64,
    pub enabled: bool,
}

impl NewRule {
    /// What is wrong with it, field by field; empty when it can be used.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let problem = |field: &str, message: &str| FieldProblem {
            field: field.to_owned(),
            message: message.to_owned(),
        };
        let mut problems = Vec::new();
        problems.extend(crate::user::name_problem(&self.name).map(|it| problem("name", it)));
        problems.extend(self.condition.problem().map(|it| problem("condition", it)));
        if self.quiet_seconds > 604_800 {
            problems.push(problem("quiet_seconds", "A week at most."));
        }
        problems
    }
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    Raised,
    Acknowledged,
    /// Its cause is gone.
    Cleared,
}

impl AlertState {
    pub const ALL: &[Self] = &[Self::Raised, Self::Acknowledged, Self::Cleared];

    pub const fn allows(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Raised, Self::Acknowledged | Self::Cleared)
                | (Self::Acknowledged, Self::Cleared)
        )
    }

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Acknowledged => "acknowledged",
            Self::Cleared => "cleared",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == name)
    }
}

/// What a rule found: one alert for one cause, however often it is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alert {
    pub id: AlertId,
    pub rule_id: AlertId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    pub state: AlertState,
    pub severity: Severity,
    /// What was found, without values.
    pub message: String,
    pub raised_at: DateTime<Utc>,
    /// How often it was raised: again after the rule's quiet time, while nobody acknowledged it.
    pub times: u32,
    pub last_raised_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<DateTime<Utc>>,
}

/// Which alerts are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(default)]
pub struct AlertFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<AlertState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(value_type = Option<String>))]
    pub run_id: Option<RunId>,
}

/// Somewhere that alerts are sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Target {
    pub id: TargetId,
    pub name: String,
    pub channel: Channel,
    /// Alerts of this severity and worse.
    pub from_severity: Severity,
    pub enabled: bool,
    pub created_at: DateTime<Utc>,
    /// How the last message to it went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Delivery>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewTarget {
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub name: String,
    pub channel: Channel,
    /// Alerts of this severity and worse.
    pub from_severity: Severity,
    pub enabled: bool,
}

/// How it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Channel {
    /// By the mail server that the deployment names.
    Email {
        #[cfg_attr(feature = "openapi", schema(max_length = 320))]
        address: String,
    },
    /// By a POST with a signature.
    Webhook {
        #[cfg_attr(feature = "openapi", schema(max_length = 2000))]
        url: String,
    },
}

impl NewTarget {
    /// What is wrong with it, field by field; empty when it can be used.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let problem = |field: &str, message: &str| FieldProblem {
            field: field.to_owned(),
            message: message.to_owned(),
        };
        let mut problems = Vec::new();
        problems.extend(crate::user::name_problem(&self.name).map(|it| problem("name", it)));
        match &self.channel {
            Channel::Email { address } => {
                let wrong = crate::user::email_problem(address);
                problems.extend(wrong.map(|it| problem("address", it)));
            }
            Channel::Webhook { url } => {
                let is_web = url.starts_with("https://") || url.starts_with("http://");
                if !is_web || url.len() > 2000 || url.contains(char::is_whitespace) {
                    problems.push(problem("url", "Begin with https:// and name a path."));
                } else if url.split('/').nth(2).is_some_and(|place| place.contains('@')) {
                    problems.push(problem("url", "Leave user and password out of it."));
                }
            }
        }
        problems
    }
}

/// A target that was made. The secret with which its messages are signed is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedTarget {
    pub target: Target,
    /// Only for webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<String>,
}

impl std::fmt::Debug for CreatedTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedTarget").field("target", &self.target).finish_non_exhaustive()
    }
}

/// How a message went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Delivery {
    pub at: DateTime<Utc>,
    pub delivered: bool,
    /// What kept it, in a few words and without the other side's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What a webhook is sent.
///
/// The header `Transfuse-Signature` is `t=SECONDS,v1=HEX`, where the hexadecimal digits are
/// HMAC-SHA-256 over `SECONDS.BODY` with the target's secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    /// The same for every attempt to deliver it.
    pub id: String,
    pub rule: String,
    pub alert: Alert,
    /// Whether somebody only tries the target out.
    pub test: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_whose_cause_is_gone_is_not_raised_again() {
        assert!(!AlertState::Cleared.allows(AlertState::Raised));
        assert!(AlertState::Raised.allows(AlertState::Cleared));
        for state in AlertState::ALL {
            assert_eq!(AlertState::from_name(state.as_str()), Some(*state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }

    #[test]
    fn a_rule_with_a_limit_that_means_nothing_is_refused() {
        let rule = |condition| NewRule {
            name: "Rule".to_owned(),
            condition,
            severity: Severity::Warning,
            quiet_seconds: 60,
            enabled: true,
        };
        assert!(rule(Condition::RunFailed).problems().is_empty());
        for condition in [
            Condition::QuarantinePercent { above: f64::NAN },
            Condition::QuarantinePercent { above: 101.0 },
            Condition::NoProgress { seconds: 1 },
            Condition::VerificationStale { hours: 0 },
            Condition::SignInFailures { above: 0 },
        ] {
            assert_eq!(rule(condition.clone()).problems()[0].field, "condition", "{condition:?}");
        }
    }

    #[test]
    fn a_target_is_an_address_or_a_url_without_a_password() {
        let target = |channel| NewTarget {
            name: "Duty".to_owned(),
            channel,
            from_severity: Severity::Blocking,
            enabled: true,
        };
        let hook = |url: &str| target(Channel::Webhook { url: url.to_owned() }).problems();
        assert!(hook("https://hooks.example/duty").is_empty());
        for url in ["hooks.example", "file:///etc/passwd", "https://ann:pw@hooks.example/x"] {
            assert_eq!(hook(url).len(), 1, "{url}");
        }
        let mail =
            |address: &str| target(Channel::Email { address: address.to_owned() }).problems();
        assert!(mail("duty@clinic.example").is_empty());
        assert_eq!(mail("duty").len(), 1);
    }
}
