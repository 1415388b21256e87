//! One type per identifier, so that `find(run)` cannot be given a plan.

/// An identifier that is empty, too long, or has characters that do not belong in a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidId;

impl std::fmt::Display for InvalidId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an id has 1 to 64 letters, digits, `-` or `_`")
    }
}

impl std::error::Error for InvalidId {}

fn is_valid(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize,
        )]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a text that may come from outside.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                if is_valid(&text) { Ok(Self(text)) } else { Err(InvalidId) }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A database that Transfuse may read or write.
    ConnectionId
);
id!(
    /// One assessment of a plan's databases.
    AssessmentId
);
id!(
    /// A plan, through all its versions.
    PlanId
);
id!(
    /// One execution of one plan version.
    RunId
);
id!(
    /// One comparison of source and target.
    VerificationId
);
id!(
    /// What makes the differences that a verification found go away.
    RepairId
);
id!(
    /// The clinical checks of a run's plan, made once or judged again.
    CheckingId
);
id!(
    /// People of a run who are looked at before it is believed.
    SignOffId
);
id!(
    /// A row that could not be carried over.
    QuarantineId
);
id!(
    /// Something that was done with rows in quarantine, all at once.
    QuarantineActionId
);
id!(
    /// One search for people who are there twice.
    MatchingId
);
id!(
    /// Two records that one search found alike.
    MatchId
);
id!(
    /// The people that one search found to be one.
    ClusterKey
);
id!(
    /// People who became one row.
    MergeId
);
id!(
    /// A standing transfer of changes.
    SyncId
);
id!(
    /// Both sides changed the same row.
    ConflictId
);
id!(
    /// One gated switch from legacy to target.
    CutoverId
);
id!(
    /// One undoing of a run, a table or a chunk.
    RollbackId
);
id!(
    /// One run that is done and taken back.
    RehearsalId
);
id!(
    /// A rule that watches, or what it found.
    AlertId
);
id!(
    /// Somebody who may sign in.
    UserId
);
id!(
    /// One sign-in on one device.
    SessionId
);

id!(
    /// A request that a second person answers.
    ApprovalId
);
id!(
    /// Somewhere that alerts are sent to.
    TargetId
);

#[cfg(test)]
mod tests {
    use super::RunId;

    #[test]
    fn an_id_that_does_not_fit_in_a_url_is_refused() {
        for text in ["", "a/b", "a b", "ä", &"x".repeat(65)] {
            assert!(RunId::parse(text).is_err(), "{text:?}");
            assert!(serde_json::from_value::<RunId>(text.into()).is_err(), "{text:?}");
        }
        assert_eq!(RunId::parse("run-7_a").unwrap().as_str(), "run-7_a");
    }
}
