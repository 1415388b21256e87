//! How many of each there are: the real system's counts, times the scale.

use shared::error_code::ErrorCode;

use crate::error::{EngineError, Result};

/// The size of a sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Volume {
    /// The scale in millionths.
    pub(super) millionths: u64,
}

/// The largest scale whose serial numbers fit their columns, with room to spare.
const LARGEST: f64 = 100.0;

impl Volume {
    /// Scale 1 is the real system: about four million rows.
    pub(super) fn at(scale: f64) -> Result<Self> {
        if !(scale > 0.0 && scale <= LARGEST) {
            return Err(EngineError::new(
                ErrorCode::Sys005,
                format!("the sample's scale must be above 0 and at most {LARGEST}"),
            ));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is between 0 and 100 millions"
        )]
        let millionths = (scale * 1e6).round().max(1.0) as u64;
        Ok(Self { millionths })
    }

    /// So many of so many at full scale, and never fewer than the least: a small sample has
    /// every kind of fault too.
    pub(super) fn of(self, full: u32, least: u32) -> u32 {
        let scaled = (u64::from(full) * self.millionths + 500_000) / 1_000_000;
        u32::try_from(scaled).expect("the scale is bounded").max(least)
    }
}

#[cfg(test)]
mod tests {
    use super::Volume;

    #[test]
    fn a_scale_that_makes_no_sense_is_refused() {
        for scale in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert!(Volume::at(scale).is_err(), "{scale}");
        }
        assert_eq!(Volume::at(0.5).unwrap().of(100, 1), 50);
        assert_eq!(Volume::at(0.000_001).unwrap().of(100, 3), 3);
    }
}
