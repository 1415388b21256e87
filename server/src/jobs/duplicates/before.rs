//! What the last search among the same people left.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::{DateTime, Utc};
use dedup::block::Refined;
use dedup::update::Previous;
use dedup::{Model, Policy};
use shared::duplicate::{ClusterId, ModelSummary, RecordId};
use shared::matching::ModelUse;

use super::JobError;
use super::terms::{Reuse, reuse};
use crate::store::{Store, StoreError, clusters, matches, matching_memory, matchings};

/// Digests that share a row of the store.
const DIGESTS_A_PART: usize = 1 << 16;

#[derive(Default)]
pub(super) struct Before {
    /// The people of the last search keep their names.
    pub(super) clusters: BTreeMap<RecordId, ClusterId>,
    pub(super) known: Option<KnownModel>,
}

pub(super) struct KnownModel {
    pub(super) model: Model,
    pub(super) summary: Option<ModelSummary>,
    /// What is needed to compare only what changed.
    pub(super) memory: Option<Memory>,
}

pub(super) struct Memory {
    pub(super) since: DateTime<Utc>,
    pub(super) previous: Previous,
    digests: Vec<u64>,
}

impl Before {
    pub(super) async fn read(
        store: &Store,
        people: &str,
        policy: &Policy,
        wanted: ModelUse,
    ) -> Result<Self, JobError> {
        let pool = store.pool();
        let Some((latest, model)) = matchings::find_latest(pool, people).await? else {
            return Ok(Self::default());
        };
        let clusters = clusters::of_records(pool, &latest.id).await?;
        let Some((was, _, summary)) = matchings::documents(pool, &latest.id).await? else {
            return Ok(Self { clusters, known: None });
        };
        let was: Option<Policy> = serde_json::from_str(&was).ok();
        let reuse = was.map_or(Reuse::Nothing, |was| reuse(&was, policy));
        // A model that an older program wrote and that cannot be used is learned anew.
        let model: Option<Model> = model.and_then(|model| serde_json::from_str(&model).ok());
        let model = model.filter(|model| model.check().is_ok());
        let (Some(model), ModelUse::Known, Reuse::Everything | Reuse::Model) =
            (model, wanted, reuse)
        else {
            return Ok(Self { clusters, known: None });
        };
        let memory = match reuse {
            Reuse::Everything => {
                let parts = matching_memory::read(pool, &latest.id).await?;
                let pairs = matches::pairs(pool, &latest.id).await?;
                read_memory(&parts).map(|(refined, digests)| Memory {
                    since: latest.started_at,
                    previous: Previous { pairs, refined },
                    digests,
                })
            }
            _ => None,
        };
        Ok(Self { clusters, known: Some(KnownModel { model, summary, memory }) })
    }
}

impl Memory {
    /// The records that are new or have other values than before.
    pub(super) fn changed(
        &self,
        ids: impl Iterator<Item = RecordId>,
        digests: &[u64],
    ) -> BTreeSet<RecordId> {
        let is_new = |digest: &u64| self.digests.binary_search(digest).is_err();
        ids.zip(digests).filter(|(_, digest)| is_new(digest)).map(|(id, _)| id).collect()
    }
}

/// What the next search will need, in parts.
pub(super) fn memory_of(refined: &[Refined], digests: &[u64]) -> Result<Vec<String>, StoreError> {
    let mut sorted = digests.to_vec();
    sorted.sort_unstable();
    let mut parts = vec![crate::store::document(&refined, "keeping divided blocks")?];
    parts.extend(sorted.chunks(DIGESTS_A_PART).map(|digests| {
        let bytes: Vec<u8> = digests.iter().flat_map(|digest| digest.to_be_bytes()).collect();
        STANDARD_NO_PAD.encode(bytes)
    }));
    Ok(parts)
}

fn read_memory(parts: &[String]) -> Option<(Vec<Refined>, Vec<u64>)> {
    let (refined, rest) = parts.split_first()?;
    let mut digests = Vec::new();
    for part in rest {
        let bytes = STANDARD_NO_PAD.decode(part).ok()?;
        let (whole, []) = bytes.as_chunks() else { return None };
        digests.extend(whole.iter().map(|bytes| u64::from_be_bytes(*bytes)));
    }
    Some((serde_json::from_str(refined).ok()?, digests))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_reads_back_and_a_damaged_one_is_none() {
        let digests: Vec<u64> = (0..70_000).rev().map(|n: u64| n.wrapping_mul(7919)).collect();
        let mut parts = memory_of(&[Refined::default()], &digests).unwrap();
        assert_eq!(parts.len(), 3);

        let (refined, read) = read_memory(&parts).unwrap();

        let mut sorted = digests;
        sorted.sort_unstable();
        assert_eq!((refined.len(), read), (1, sorted));
        parts[2].push('!');
        assert!(read_memory(&parts).is_none());
        assert!(read_memory(&[]).is_none());
    }
}
