//! What a rule watches, as a form has it: a kind and, for some, a limit.

use shared::alert::Condition;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    RunFailed,
    RunCompleted,
    BooksDoNotClose,
    QuarantinePercent,
    NoProgress,
    VerificationStale,
    SignInFailures,
    LagAbove,
    AuditBroken,
}

impl Kind {
    pub(super) const ALL: [Self; 9] = [
        Self::RunFailed,
        Self::RunCompleted,
        Self::BooksDoNotClose,
        Self::QuarantinePercent,
        Self::NoProgress,
        Self::VerificationStale,
        Self::SignInFailures,
        Self::LagAbove,
        Self::AuditBroken,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::RunFailed => "run_failed",
            Self::RunCompleted => "run_completed",
            Self::BooksDoNotClose => "books_do_not_close",
            Self::QuarantinePercent => "quarantine_percent",
            Self::NoProgress => "no_progress",
            Self::VerificationStale => "verification_stale",
            Self::SignInFailures => "sign_in_failures",
            Self::LagAbove => "lag_above",
            Self::AuditBroken => "audit_broken",
        }
    }

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::RunFailed => "A run failed",
            Self::RunCompleted => "A run completed",
            Self::BooksDoNotClose => "The books do not close",
            Self::QuarantinePercent => "Too much in quarantine",
            Self::NoProgress => "No progress",
            Self::VerificationStale => "Not verified",
            Self::SignInFailures => "Failed sign-ins",
            Self::LagAbove => "Changes lag behind",
            Self::AuditBroken => "The audit trail is broken",
        }
    }

    pub(super) fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(Self::RunFailed)
    }

    /// What its limit is called, where it has one.
    pub(super) const fn limit(self) -> Option<&'static str> {
        match self {
            Self::QuarantinePercent => Some("More than so many percent"),
            Self::NoProgress => Some("For so many seconds"),
            Self::VerificationStale => Some("For so many hours"),
            Self::SignInFailures => Some("More than so many in a quarter of an hour"),
            Self::LagAbove => Some("By more than so many milliseconds"),
            Self::RunFailed | Self::RunCompleted | Self::BooksDoNotClose | Self::AuditBroken => {
                None
            }
        }
    }

    /// What is watched; none where the limit is not the number that it has to be.
    pub(super) fn condition(self, limit: &str) -> Option<Condition> {
        let limit = limit.trim();
        Some(match self {
            Self::RunFailed => Condition::RunFailed,
            Self::RunCompleted => Condition::RunCompleted,
            Self::BooksDoNotClose => Condition::BooksDoNotClose,
            Self::QuarantinePercent => Condition::QuarantinePercent { above: limit.parse().ok()? },
            Self::NoProgress => Condition::NoProgress { seconds: limit.parse().ok()? },
            Self::VerificationStale => Condition::VerificationStale { hours: limit.parse().ok()? },
            Self::SignInFailures => Condition::SignInFailures { above: limit.parse().ok()? },
            Self::LagAbove => Condition::LagAbove { milliseconds: limit.parse().ok()? },
            Self::AuditBroken => Condition::AuditBroken,
        })
    }
}

/// The kind of a condition and its limit, as they stand in the form.
pub(super) fn taken_apart(condition: &Condition) -> (Kind, String) {
    match condition {
        Condition::RunFailed => (Kind::RunFailed, String::new()),
        Condition::RunCompleted => (Kind::RunCompleted, String::new()),
        Condition::BooksDoNotClose => (Kind::BooksDoNotClose, String::new()),
        Condition::QuarantinePercent { above } => (Kind::QuarantinePercent, above.to_string()),
        Condition::NoProgress { seconds } => (Kind::NoProgress, seconds.to_string()),
        Condition::VerificationStale { hours } => (Kind::VerificationStale, hours.to_string()),
        Condition::SignInFailures { above } => (Kind::SignInFailures, above.to_string()),
        Condition::LagAbove { milliseconds } => (Kind::LagAbove, milliseconds.to_string()),
        Condition::AuditBroken => (Kind::AuditBroken, String::new()),
    }
}

/// What is watched, for people.
pub(super) fn in_words(condition: &Condition) -> String {
    match condition {
        Condition::QuarantinePercent { above } => {
            format!("More than {above} % of the rows are in quarantine")
        }
        Condition::NoProgress { seconds } => format!("No row was accounted for in {seconds} s"),
        Condition::VerificationStale { hours } => {
            format!("A completed run was not verified for {hours} h")
        }
        Condition::SignInFailures { above } => {
            format!("More than {above} failed sign-ins in a quarter of an hour, or a lock-out")
        }
        Condition::LagAbove { milliseconds } => {
            format!("Changes lag behind by more than {milliseconds} ms")
        }
        other => taken_apart(other).0.label().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_survives_the_form() {
        for kind in Kind::ALL {
            let condition = kind.condition("42").unwrap();
            let (found, limit) = taken_apart(&condition);
            assert_eq!(found, kind);
            assert_eq!(found.condition(&limit), Some(condition.clone()));
            assert_eq!(limit.is_empty(), kind.limit().is_none(), "{kind:?}");
            assert_eq!(serde_json::to_value(&condition).unwrap()["when"], kind.name());
            assert!(!in_words(&condition).is_empty());
        }
    }

    #[test]
    fn a_limit_is_a_number() {
        assert_eq!(Kind::NoProgress.condition("a while"), None);
        assert!(Kind::RunFailed.condition("a while").is_some());
    }
}
