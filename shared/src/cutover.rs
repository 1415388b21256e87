//! The gated switch from legacy to target.

use serde::{Deserialize, Serialize};

use crate::id::{CutoverId, RunId};

/// Where a cut-over stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CutoverState {
    Planned,
    Rehearsed,
    /// The legacy system no longer takes writes.
    Frozen,
    /// Every change is in the target.
    Drained,
    Verified,
    Switched,
    /// Changes flow back to the legacy system until somebody signs off.
    Watching,
    Accepted,
    FailedBack,
}

impl CutoverState {
    pub const fn allows(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Planned, Self::Rehearsed | Self::Frozen)
                | (Self::Rehearsed, Self::Frozen)
                | (Self::Frozen, Self::Drained)
                | (Self::Drained, Self::Verified)
                | (Self::Verified, Self::Switched)
                | (Self::Switched, Self::Watching)
                | (Self::Watching, Self::Accepted)
                // Until the switch, going back is only letting the legacy system write again.
                | (Self::Frozen | Self::Drained | Self::Verified, Self::Planned)
                | (Self::Switched | Self::Watching, Self::FailedBack)
        )
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cutover {
    pub id: CutoverId,
    pub run_id: RunId,
    pub state: CutoverState,
    pub gates: Vec<GateOutcome>,
}

/// What has to be so before the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    BooksClose,
    VerificationFresh,
    QuarantineSigned,
    LagSmall,
    ConflictsResolved,
    BackupTested,
    SecondPerson,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GateOutcome {
    pub gate: Gate,
    pub open: bool,
    /// What was found, or what is missing.
    pub detail: String,
}

impl Cutover {
    /// Whether nothing stands in the way of the switch.
    pub fn may_switch(&self) -> bool {
        self.state.allows(CutoverState::Switched) && self.gates.iter().all(|gate| gate.open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_gate_keeps_the_switch_shut() {
        let gate = |open| GateOutcome { gate: Gate::BooksClose, open, detail: String::new() };
        let cutover = |state, open| Cutover {
            id: "c".parse().unwrap(),
            run_id: "r".parse().unwrap(),
            state,
            gates: vec![gate(true), gate(open)],
        };
        assert!(cutover(CutoverState::Verified, true).may_switch());
        assert!(!cutover(CutoverState::Verified, false).may_switch());
        assert!(!cutover(CutoverState::Frozen, true).may_switch());
    }
}
