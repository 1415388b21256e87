//! People on their way into memory, each with a digest that tells later whether it changed.

use dedup::people::Reading;
use dedup::{Builder, People, Policy};
use engine::merge::PersonRow;
use engine::seal::Key;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::sync::mpsc;

use super::JobError;
use super::failure::{of_people, panicked};
use super::rows::{Shape, cell};
use crate::jobs::people::PeopleError;

/// All people, and a digest of each by its index.
pub(super) struct Gathered {
    pub(super) people: People,
    pub(super) digests: Vec<u64>,
}

/// Takes rows until there are no more. A saved model says how values are to be read.
pub(super) async fn gather(
    mut rows: mpsc::Receiver<Vec<PersonRow>>,
    shape: &Shape,
    policy: &Policy,
    key: &Key,
    reading: Option<Reading>,
) -> Result<Gathered, JobError> {
    let columns = shape.columns(&policy.ignore).map_err(|error| of_people(error.into()))?;
    let mut builder = Builder::excluding(columns, &policy.exclude);
    let digest = Digest::new(key);
    let gathering = tokio::task::spawn_blocking(move || {
        let mut digests = Vec::new();
        while let Some(rows) = rows.blocking_recv() {
            builder.extend(&rows, cell);
            digests.extend(rows.iter().map(|row| digest.of(row)));
        }
        let people = builder.finish(reading.as_ref()).map_err(PeopleError::from)?;
        Ok::<_, PeopleError>(Gathered { people, digests })
    });
    gathering.await.map_err(panicked)?.map_err(of_people)
}

/// Tells records apart without saying what is in them.
struct Digest(Hmac<Sha256>);

impl Digest {
    fn new(key: &Key) -> Self {
        let mut mac = Hmac::new_from_slice(key.as_bytes()).expect("any length is a key");
        mac.update(b"what the next search needs");
        Self(mac)
    }

    fn of(&self, row: &PersonRow) -> u64 {
        let mut mac = self.0.clone();
        mac.update(row.id.as_str().as_bytes());
        for value in &row.values {
            // Nothing, and a text without characters, are two things.
            mac.update(if value.is_some() { &[0, 1] } else { &[0, 0] });
            mac.update(value.as_deref().unwrap_or_default().as_bytes());
        }
        let bytes = mac.finalize().into_bytes();
        bytes.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::duplicate::RecordId;

    #[test]
    fn a_digest_changes_with_every_value_and_with_the_key() {
        let row = |id: &str, values: [Option<&str>; 2]| PersonRow {
            id: RecordId::from(id),
            values: values.map(|value| value.map(str::to_owned)).to_vec(),
        };
        let rows = [
            row("1", [Some("Ida"), None]),
            row("1", [Some("Ida"), Some("")]),
            row("1", [None, Some("Ida")]),
            row("2", [Some("Ida"), None]),
        ];
        let digests = |key: [u8; 32]| {
            let digest = Digest::new(&Key::new(key));
            rows.iter().map(|row| digest.of(row)).collect::<Vec<_>>()
        };
        let (one, other) = (digests([1; 32]), digests([2; 32]));
        assert_eq!(one, digests([1; 32]));
        let different: std::collections::BTreeSet<u64> = one.into_iter().chain(other).collect();
        assert_eq!(different.len(), 8);
    }
}
