//! What changes when records come, change or go: only pairs with a changed record are compared.
//!
//! The result is that of a full run with the same model. Two things could make it differ, and are
//! taken care of: a block that grows too large is divided, which separates records that did not
//! change; and one that shrinks is whole again, which brings such records together.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use shared::duplicate::{ClusterId, Decision, Pair, RecordId};

use crate::block::{self, Refined, Scope, Shard};
use crate::cluster::Partition;
use crate::find::{self, FindError, Findings, Known, Scored};
use crate::model::Model;
use crate::number::{compact, wide};
use crate::people::{Index, People};
use crate::policy::Policy;
use crate::score::Scorer;

/// What an earlier run left, as it was stored.
#[derive(Debug, Clone, Default)]
pub struct Previous {
    /// Its matches and reviews.
    pub pairs: Vec<Pair>,
    /// Its divided blocks: [`Findings::refined`].
    pub refined: Vec<Refined>,
}

/// Finds what a full run over all of `people` would find. `changed` are the ids of records that are
/// new or have other values than before; records that are gone are simply not among the people.
pub fn update(
    people: &People,
    policy: &Policy,
    model: &Model,
    decisions: &[Decision],
    previous: &Previous,
    changed: &BTreeSet<RecordId>,
) -> Result<Findings, FindError> {
    model.check().map_err(FindError::Model)?;
    if model.reading != *people.reading() {
        return Err(FindError::Reading);
    }
    let records = 0..compact(people.len());
    let marks: Vec<bool> = records
        .clone()
        .map(|record| changed.contains(&RecordId::from(people.id(record))))
        .collect();
    let scope = Scope {
        shard: Shard::WHOLE,
        refined: None,
        marked: Some(&marks),
        was_refined: Some(&previous.refined),
    };
    let scan = block::scan(people, &model.plan, &scope);
    let scorer = Scorer::new(model, people);
    let known = Known::of(people, decisions);
    let (mut pairs, weights) = find::weigh(people, &scorer, policy, &known, &scan.candidates);

    let by_id: HashMap<&str, Index> = records.map(|record| (people.id(record), record)).collect();
    let new: HashSet<(Index, Index)> = pairs.iter().map(|pair| (pair.left, pair.right)).collect();
    let blocks_changed = scan.refined != previous.refined;
    let kept = previous.pairs.iter().filter_map(|pair| {
        let (&one, &other) =
            (by_id.get(pair.left_id.as_str())?, by_id.get(pair.right_id.as_str())?);
        let (left, right) = (one.min(other), one.max(other));
        let is_old =
            !marks[left as usize] && !marks[right as usize] && !new.contains(&(left, right));
        let still_meet = || {
            !blocks_changed
                || known.is_told_the_same(left, right)
                || block::meetings(people, &model.plan, &scan.refined, left, right).next().is_some()
        };
        (is_old && still_meet()).then_some((left, right))
    });
    // Weighed again rather than believed: thresholds, vetoes and decisions may be others by now.
    let again: Vec<Scored> = kept
        .filter_map(|(left, right)| find::look_again(&scorer, policy, &known, left, right))
        .collect();
    pairs.extend(again);
    find::sort(people, &mut pairs);
    let (proposed, automatic) = find::partitions(people, &scorer, policy, &known, &pairs);
    Ok(Findings {
        model: model.clone(),
        training: None,
        pairs,
        proposed,
        automatic,
        weights,
        compared: wide(scan.candidates.len()),
        passes: scan.passes,
        refined: scan.refined,
    })
}

/// Ids for clusters that outlive a re-run: of the ids that its records had before, a cluster keeps
/// the one that most of them had. When two clusters claim one id, the larger part keeps it; among
/// equals the one whose first record comes first. A cluster without a claim is named by its first
/// record, as long as no other has that name.
pub fn keep_ids(
    people: &People,
    partition: &Partition,
    before: &BTreeMap<RecordId, ClusterId>,
) -> Vec<ClusterId> {
    let id = |record: Index| RecordId::from(people.id(record));
    let mut claims: Vec<(usize, usize, &ClusterId)> = Vec::new();
    for (at, group) in partition.groups.iter().enumerate() {
        let mut counts: HashMap<&ClusterId, usize> = HashMap::new();
        for &member in &group.members {
            if let Some(had) = before.get(&id(member)) {
                *counts.entry(had).or_default() += 1;
            }
        }
        claims.extend(counts.into_iter().map(|(had, count)| (count, at, had)));
    }
    claims.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(b.2)));
    let mut ids: Vec<Option<ClusterId>> = vec![None; partition.groups.len()];
    let mut taken: BTreeSet<ClusterId> = BTreeSet::new();
    for (_, at, had) in claims {
        if ids[at].is_none() && taken.insert(had.clone()) {
            ids[at] = Some(had.clone());
        }
    }
    let fresh = |group: &[Index], taken: &mut BTreeSet<ClusterId>| {
        let mut name = group.iter().map(|member| ClusterId(people.id(*member).to_owned()));
        let free = name.find(|name| taken.insert(name.clone()));
        free.unwrap_or_else(|| {
            let mut name = format!("{}-", people.id(group[0]));
            while !taken.insert(ClusterId(name.clone())) {
                name.push('-');
            }
            ClusterId(name)
        })
    };
    // An id that was somebody's before stays away from others, also where nobody claims it now.
    taken.extend(before.values().cloned());
    ids.into_iter()
        .zip(&partition.groups)
        .map(|(kept, group)| kept.unwrap_or_else(|| fresh(&group.members, &mut taken)))
        .collect()
}
