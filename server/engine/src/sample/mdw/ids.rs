//! Serial numbers with gaps: rows were deleted in this system for thirteen years.

/// The ids of one table, computed and not stored: those of any row can be asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    /// How far apart two ids are, in hundredths, on average.
    stride: u32,
}

pub(super) const USER: Ids = Ids { stride: 114 };
pub(super) const USER_GROUP: Ids = Ids { stride: 108 };
pub(super) const OFFICE: Ids = Ids { stride: 112 };
pub(super) const PATIENT: Ids = Ids { stride: 6130 };
pub(super) const JAW: Ids = Ids { stride: 118 };
pub(super) const ORDER: Ids = Ids { stride: 120 };
pub(super) const STATE: Ids = Ids { stride: 106 };
pub(super) const PROJECT: Ids = Ids { stride: 202 };
pub(super) const PLAN: Ids = Ids { stride: 115 };
pub(super) const RECORD: Ids = Ids { stride: 109 };
pub(super) const FILE: Ids = Ids { stride: 111 };
pub(super) const TASK: Ids = Ids { stride: 107 };
pub(super) const COMMENT: Ids = Ids { stride: 110 };
pub(super) const NOTIFICATION: Ids = Ids { stride: 105 };
pub(super) const PAYMENT: Ids = Ids { stride: 113 };
/// For all other tables.
pub(super) const OTHER: Ids = Ids { stride: 110 };

impl Ids {
    /// The id of the row at this place; greater for every later place.
    pub(super) fn at(self, place: u32) -> u32 {
        let start = u64::from(place) * u64::from(self.stride) / 100;
        // Wide strides are uneven, so that nobody finds a rule in them.
        let wobble = match u64::from(self.stride / 100) {
            0..3 => 0,
            room => (u64::from(place).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % (room - 1),
        };
        u32::try_from(start + wobble + 1).expect("the scale keeps ids within 32 bits")
    }

    /// An id in a gap, near this place: a row that is gone.
    pub(super) fn gone(self, place: u32) -> u32 {
        let mut place = place;
        while self.at(place + 1) == self.at(place) + 1 {
            place += 1;
        }
        self.at(place) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_and_have_gaps() {
        for ids in [USER, PATIENT, PROJECT, NOTIFICATION] {
            let known: Vec<u32> = (0..5000).map(|place| ids.at(place)).collect();
            assert!(known.is_sorted_by(|left, right| left < right));
            assert!(!known.contains(&ids.gone(1234)));
        }
        assert!(PATIENT.at(8527) > 500_000);
        assert!(PROJECT.at(67_000) > 135_000);
    }
}
