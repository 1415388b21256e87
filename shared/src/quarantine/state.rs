use serde::{Deserialize, Serialize};

/// What became of a row in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum QuarantineState {
    New,
    /// It waits for the row that it refers to, and goes with it when that one is replayed.
    Parked,
    /// Somebody has looked at it.
    Triaged,
    /// A repaired version waits to be replayed.
    Fixed,
    /// A version in which codes were given their meaning waits to be replayed.
    Mapped,
    /// Somebody signed that it stays behind.
    Waived,
    /// It was replayed and refused again, for the reason that it has now.
    Again,
    /// It is in the target now.
    Replayed,
}

impl QuarantineState {
    pub const ALL: [Self; 8] = [
        Self::New,
        Self::Parked,
        Self::Triaged,
        Self::Fixed,
        Self::Mapped,
        Self::Waived,
        Self::Again,
        Self::Replayed,
    ];

    /// Whether somebody's work may move a row from here to there. Undoing goes back to wherever
    /// the row was, from anywhere.
    pub const fn allows(self, next: Self) -> bool {
        matches!(
            (self, next),
            (
                Self::New | Self::Parked | Self::Triaged | Self::Fixed | Self::Mapped | Self::Again,
                Self::Fixed | Self::Mapped | Self::Waived | Self::Again | Self::Replayed,
            ) | (Self::New | Self::Parked | Self::Again, Self::Triaged)
                | (
                    Self::New | Self::Triaged | Self::Fixed | Self::Mapped | Self::Again,
                    Self::Parked
                )
        )
    }

    /// Whether the row is out of the target, and counts as quarantined in the books.
    pub const fn is_inside(self) -> bool {
        !matches!(self, Self::Replayed)
    }

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Parked => "parked",
            Self::Triaged => "triaged",
            Self::Fixed => "fixed",
            Self::Mapped => "mapped",
            Self::Waived => "waived",
            Self::Again => "again",
            Self::Replayed => "replayed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl std::fmt::Display for QuarantineState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::QuarantineState as S;

    #[test]
    fn a_state_is_found_by_the_name_that_the_stores_write() {
        for state in S::ALL {
            assert_eq!(S::from_name(state.as_str()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }

    #[test]
    fn what_is_in_the_target_or_was_signed_away_is_only_undone() {
        for next in S::ALL {
            assert!(!S::Replayed.allows(next) && !S::Waived.allows(next), "{next}");
        }
    }

    #[test]
    fn whatever_is_open_can_be_fixed_waived_and_replayed() {
        for state in [S::New, S::Parked, S::Triaged, S::Fixed, S::Mapped, S::Again] {
            for next in [S::Fixed, S::Mapped, S::Waived, S::Replayed, S::Again] {
                assert!(state.allows(next), "{state} to {next}");
            }
        }
    }
}
