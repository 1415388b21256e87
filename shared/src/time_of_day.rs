//! Times of day as people write them: `22:00`.

use chrono::NaiveTime;
use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

const FORMAT: &str = "%H:%M";

// Two words where the portal runs, which are not too few to be passed by a reference.
#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")
)]
pub(crate) fn serialize<S: Serializer>(time: &NaiveTime, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&time.format(FORMAT).to_string())
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<NaiveTime, D::Error> {
    let text = String::deserialize(from)?;
    NaiveTime::parse_from_str(&text, FORMAT)
        .map_err(|_| D::Error::custom("write a time of day as 22:00"))
}
