use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

/// Where a page of a list ended: lists go from the newest to the oldest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    created_micros: i64,
    id: String,
}

impl Place {
    pub fn of(created_at: DateTime<Utc>, id: &str) -> Self {
        Self { created_micros: created_at.timestamp_micros(), id: id.to_owned() }
    }

    /// What sorts before every row where there is no place yet.
    pub(super) fn bounds(place: Option<&Self>) -> (i64, &str) {
        place.map_or((i64::MAX, ""), |place| (place.created_micros, &place.id))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.created_micros, self.id)
    }
}

/// A text that is no place of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place in a list")]
pub struct InvalidPlace;

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (micros, id) = text.split_once('.').ok_or(InvalidPlace)?;
        Ok(Self { created_micros: micros.parse().map_err(|_| InvalidPlace)?, id: id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_reads_back_as_it_was_written() {
        let place = Place { created_micros: -5, id: "run-1".to_owned() };
        assert_eq!(place.to_string().parse(), Ok(place));
        for text in ["", "x.y", "12"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
