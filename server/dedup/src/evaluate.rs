//! How right a result is, where the truth is known.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::hash;
use crate::number::{compact, pairs, real, size, wide};
use crate::people::{Index, People};
use crate::score::{probability, weight_of};

/// Who each record really is.
#[derive(Debug, Clone)]
pub struct Truth {
    /// By record; [`UNKNOWN`] where the truth does not say.
    entities: Vec<u32>,
    true_pairs: u64,
    unknown_records: u64,
}

const UNKNOWN: u32 = u32::MAX;

/// Records that are known by their ids alone.
#[derive(Debug, Clone, Default)]
pub struct Records(HashMap<u64, Index>);

/// A truth that says twice who a record is. Records are named by their place in it, from 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("record {0} of the truth was named before")]
pub struct NamedTwice(pub u64);

/// A pair that somebody, or a program, weighed and decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    pub left: Index,
    pub right: Index,
    pub weight: f64,
    pub is_match: bool,
}

/// How right a result is, in all the ways in which people ask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Records of which the truth says who they are.
    pub records: u64,
    /// Pairs of records that are one person.
    pub true_pairs: u64,
    /// Pairs that were decided to be a match.
    pub matches: Quality,
    /// Calling pairs a match from the probability of 0.95 on.
    pub sure: Option<CurvePoint>,
    /// The same from where precision and recall are best together: nobody could know beforehand.
    pub best: Option<CurvePoint>,
    /// The same with the highest recall at which 999 of 1,000 are right.
    pub precise: Option<CurvePoint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clusters: Option<ClusterQuality>,
    /// Stated against observed.
    pub calibration: Vec<Band>,
    /// From the highest weight to the lowest.
    pub curve: Vec<CurvePoint>,
}

/// Says how right pairs are, and clusters, given as a number per record.
pub fn evaluate(truth: &Truth, judged: &[Judged], clusters: Option<&[u32]>) -> Evaluation {
    const SURE: f64 = 0.95;
    const PRECISE: f64 = 0.999;
    const POINTS: usize = 40;
    let weighed = || judged.iter().map(|pair| (pair.left, pair.right, pair.weight));
    let matches = judged.iter().filter(|pair| pair.is_match);
    let curve = truth.curve(weighed());
    Evaluation {
        records: wide(truth.entities.iter().filter(|entity| **entity != UNKNOWN).count()),
        true_pairs: truth.true_pairs,
        matches: truth.of_pairs(matches.map(|pair| (pair.left, pair.right))),
        sure: at_weight(&curve, weight_of(SURE)).copied(),
        best: best(&curve).copied(),
        precise: at_precision(&curve, PRECISE).copied(),
        clusters: clusters.map(|clusters| truth.of_clusters(clusters)),
        calibration: truth.calibration(weighed()),
        curve: thinned(&curve, POINTS),
    }
}

/// Counts of right and wrong, and the ratios that people ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    pub found_right: u64,
    pub found_wrong: u64,
    pub missed: u64,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

/// The quality of calling pairs a match from a weight on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    pub weight: f64,
    pub probability: f64,
    pub quality: Quality,
}

/// Stated against observed: of the pairs in a band of probability, how many are right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Band {
    pub from: f64,
    pub to: f64,
    pub pairs: u64,
    /// The mean of what was stated.
    pub stated: f64,
    pub observed: f64,
}

/// The quality of the clusters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterQuality {
    /// Pairs of records that stand in one cluster.
    pub pairwise: Quality,
    /// Averaged over records.
    pub b_cubed_precision: f64,
    pub b_cubed_recall: f64,
    /// Clusters of several records that are exactly one person.
    pub exact: Quality,
    /// Clusters that hold more than one person.
    pub over_merged: u64,
    /// People who stand in more than one cluster.
    pub split: u64,
}

impl Quality {
    pub fn of(found_right: u64, found_wrong: u64, missed: u64) -> Self {
        let ratio = |part: u64, rest: u64| {
            if part + rest == 0 { 1.0 } else { real(part) / real(part + rest) }
        };
        let (precision, recall) = (ratio(found_right, found_wrong), ratio(found_right, missed));
        let f1 = if found_right == 0 && found_wrong + missed > 0 {
            0.0
        } else {
            2.0 * precision * recall / (precision + recall)
        };
        Self { found_right, found_wrong, missed, precision, recall, f1 }
    }
}

impl Records {
    pub fn index(&self, id: &str) -> Option<Index> {
        self.0.get(&hash::of(id.trim())).copied()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Truth {
    /// A truth without a table: its records are all that there are.
    pub fn alone<R: AsRef<str>, E: AsRef<str>>(
        entries: impl IntoIterator<Item = (R, E)>,
    ) -> Result<(Records, Self), NamedTwice> {
        let (mut records, mut numbers) = (Records::default(), HashMap::<u64, u32>::new());
        let mut entities = Vec::new();
        for (record, entity) in entries {
            let next = compact(numbers.len());
            let entity = *numbers.entry(hash::of(entity.as_ref().trim())).or_insert(next);
            let place = compact(entities.len());
            if records.0.insert(hash::of(record.as_ref().trim()), place).is_some() {
                return Err(NamedTwice(u64::from(place) + 1));
            }
            entities.push(entity);
        }
        let mut truth = Self { entities, true_pairs: 0, unknown_records: 0 };
        truth.count_pairs(numbers.len());
        Ok((records, truth))
    }

    /// Takes pairs of a record's id and the id of who it is. Records that the truth does not name
    /// take no part in the evaluation.
    pub fn new<'a>(people: &People, entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let by_id: HashMap<&str, Index> =
            (0..compact(people.len())).map(|record| (people.id(record), record)).collect();
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut truth =
            Self { entities: vec![UNKNOWN; people.len()], true_pairs: 0, unknown_records: 0 };
        for (record, entity) in entries {
            match by_id.get(record.trim()) {
                Some(index) => {
                    let next = compact(numbers.len());
                    truth.entities[*index as usize] = *numbers.entry(entity.trim()).or_insert(next);
                }
                None => truth.unknown_records += 1,
            }
        }
        truth.count_pairs(numbers.len());
        truth
    }

    fn count_pairs(&mut self, people: usize) {
        let mut sizes = vec![0_u64; people];
        for entity in self.entities.iter().filter(|entity| **entity != UNKNOWN) {
            sizes[*entity as usize] += 1;
        }
        self.true_pairs = sizes.into_iter().map(pairs).sum();
    }

    /// Records that the truth names and the table does not have.
    pub const fn unknown_records(&self) -> u64 {
        self.unknown_records
    }

    pub const fn true_pairs(&self) -> u64 {
        self.true_pairs
    }

    /// Whether two records are one person; None where the truth does not say.
    pub fn is_match(&self, left: Index, right: Index) -> Option<bool> {
        let (a, b) = (self.entities[left as usize], self.entities[right as usize]);
        (a != UNKNOWN && b != UNKNOWN).then_some(a == b)
    }

    /// The quality of a set of pairs.
    pub fn of_pairs(&self, found: impl IntoIterator<Item = (Index, Index)>) -> Quality {
        let (mut right, mut wrong) = (0, 0);
        for (one, other) in found {
            match self.is_match(one, other) {
                Some(true) => right += 1,
                Some(false) => wrong += 1,
                None => {}
            }
        }
        Quality::of(right, wrong, self.true_pairs.saturating_sub(right))
    }

    /// The quality at every weight, the highest first.
    pub fn curve(&self, weighed: impl IntoIterator<Item = (Index, Index, f64)>) -> Vec<CurvePoint> {
        let mut known: Vec<(f64, bool)> = weighed
            .into_iter()
            .filter_map(|(left, right, weight)| Some((weight, self.is_match(left, right)?)))
            .collect();
        known.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let (mut right, mut wrong) = (0, 0);
        let mut points = Vec::new();
        for level in known.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
            let hits = wide(level.iter().filter(|(_, is_match)| *is_match).count());
            right += hits;
            wrong += wide(level.len()) - hits;
            points.push(CurvePoint {
                weight: level[0].0,
                probability: probability(level[0].0),
                quality: Quality::of(right, wrong, self.true_pairs.saturating_sub(right)),
            });
        }
        points
    }

    /// How many of the pairs of each band of probability are right.
    pub fn calibration(&self, weighed: impl IntoIterator<Item = (Index, Index, f64)>) -> Vec<Band> {
        const BANDS: [f64; 9] = [0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.1];
        let mut sums = [(0_u64, 0_u64, 0.0_f64); BANDS.len()];
        for (left, right, weight) in weighed {
            let stated = probability(weight);
            let band = BANDS.partition_point(|end| *end <= stated);
            if let Some(is_match) = self.is_match(left, right) {
                let (count, hits, sum) = &mut sums[band];
                *count += 1;
                *hits += u64::from(is_match);
                *sum += stated;
            }
        }
        let from = |at: usize| if at == 0 { 0.0 } else { BANDS[at - 1] };
        sums.into_iter()
            .enumerate()
            .filter(|(_, (count, ..))| *count > 0)
            .map(|(at, (count, hits, sum))| Band {
                from: from(at),
                to: BANDS[at].min(1.0),
                pairs: count,
                stated: sum / real(count),
                observed: real(hits) / real(count),
            })
            .collect()
    }

    /// The quality of a partition, given as a cluster number per record.
    pub fn of_clusters(&self, clusters: &[u32]) -> ClusterQuality {
        // Sorted, so that sums of fractions come out the same every time.
        let mut stands: Vec<(u32, u32)> = clusters
            .iter()
            .zip(&self.entities)
            .filter(|(_, entity)| **entity != UNKNOWN)
            .map(|(cluster, entity)| (*cluster, *entity))
            .collect();
        stands.sort_unstable();
        let (mut by_cluster, mut by_entity) =
            (HashMap::<u32, u64>::new(), HashMap::<u32, u64>::new());
        for (cluster, entity) in &stands {
            *by_cluster.entry(*cluster).or_default() += 1;
            *by_entity.entry(*entity).or_default() += 1;
        }
        let cells: Vec<((u32, u32), u64)> =
            stands.chunk_by(|a, b| a == b).map(|run| (run[0], wide(run.len()))).collect();
        let together =
            |counts: &HashMap<u32, u64>| counts.values().map(|count| pairs(*count)).sum::<u64>();
        let right: u64 = cells.iter().map(|(_, count)| pairs(*count)).sum();
        let (mut precision, mut recall, mut exact) = (0.0, 0.0, 0);
        let (mut people_in, mut clusters_of) =
            (HashMap::<u32, u64>::new(), HashMap::<u32, u64>::new());
        for ((cluster, entity), count) in &cells {
            let (in_cluster, of_entity) = (by_cluster[cluster], by_entity[entity]);
            precision += real(count * count) / real(in_cluster);
            recall += real(count * count) / real(of_entity);
            exact += u64::from(in_cluster == *count && of_entity == *count && *count > 1);
            *people_in.entry(*cluster).or_default() += 1;
            *clusters_of.entry(*entity).or_default() += 1;
        }
        let records = real(by_cluster.values().sum::<u64>().max(1));
        let several =
            |counts: &HashMap<u32, u64>| wide(counts.values().filter(|count| **count > 1).count());
        ClusterQuality {
            pairwise: Quality::of(
                right,
                together(&by_cluster) - right,
                together(&by_entity) - right,
            ),
            b_cubed_precision: precision / records,
            b_cubed_recall: recall / records,
            exact: Quality::of(exact, several(&by_cluster) - exact, several(&by_entity) - exact),
            over_merged: several(&people_in),
            split: several(&clusters_of),
        }
    }
}

/// The point of a curve with the best F1.
pub fn best(curve: &[CurvePoint]) -> Option<&CurvePoint> {
    curve.iter().max_by(|a, b| a.quality.f1.total_cmp(&b.quality.f1))
}

/// The point with the highest recall among those at least so precise.
pub fn at_precision(curve: &[CurvePoint], precision: f64) -> Option<&CurvePoint> {
    curve
        .iter()
        .filter(|point| point.quality.precision >= precision)
        .max_by(|a, b| a.quality.recall.total_cmp(&b.quality.recall))
}

/// The last point whose weight is at least `weight`.
pub fn at_weight(curve: &[CurvePoint], weight: f64) -> Option<&CurvePoint> {
    curve[..curve.partition_point(|point| point.weight >= weight)].last()
}

/// A curve with no more than so many points, the best and the ends among them.
pub fn thinned(curve: &[CurvePoint], points: usize) -> Vec<CurvePoint> {
    if curve.len() <= points || points < 3 {
        return curve.to_vec();
    }
    let step = size(curve.len() - 1) / size(points - 2);
    let mut kept: Vec<CurvePoint> = (0..points - 1)
        .filter_map(|at| {
            let place = usize::try_from(crate::number::rounded(size(at) * step)).ok()?;
            curve.get(place.min(curve.len() - 1)).copied()
        })
        .collect();
    kept.extend(best(curve));
    kept.sort_unstable_by(|a, b| b.weight.total_cmp(&a.weight));
    kept.dedup();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::Columns;
    use crate::people::Builder;

    fn people() -> People {
        let columns = Columns::recognise(&["id", "first_name"], &[]).unwrap();
        let mut builder = Builder::new(columns);
        let rows = [["a", "Ida"], ["b", "Ida"], ["c", "Ida"], ["d", "Max"], ["e", "Max"]];
        builder.extend(&rows, |row, at| row[at]);
        builder.finish(None).unwrap()
    }

    fn truth(people: &People) -> Truth {
        Truth::new(people, [("a", "1"), ("b", "1"), ("c", "2"), ("d", "3"), ("e", "3"), ("z", "9")])
    }

    #[test]
    fn pairs_are_counted_against_the_truth() {
        let people = people();
        let truth = truth(&people);
        assert_eq!((truth.true_pairs(), truth.unknown_records()), (2, 1));

        let quality = truth.of_pairs([(0, 1), (1, 2)]);

        assert_eq!((quality.found_right, quality.found_wrong, quality.missed), (1, 1, 1));
        assert!((quality.f1 - 0.5).abs() < 1e-12);
    }

    #[test]
    fn the_curve_falls_in_precision_where_wrong_pairs_come() {
        let people = people();
        let curve = truth(&people).curve([(0, 1, 9.0), (3, 4, 5.0), (1, 2, 1.0)]);

        assert_eq!(
            curve.iter().map(|point| point.quality.found_right).collect::<Vec<_>>(),
            [1, 2, 2]
        );
        assert!((best(&curve).unwrap().weight - 5.0).abs() < 1e-12);
        assert!((at_precision(&curve, 0.999).unwrap().quality.recall - 1.0).abs() < 1e-12);
        assert_eq!(at_weight(&curve, 6.0).unwrap().quality.found_right, 1);
        assert!(at_weight(&curve, 10.0).is_none());
        assert_eq!(thinned(&curve, 100).len(), 3);
    }

    #[test]
    fn a_truth_without_a_table_knows_its_records_by_their_ids() {
        let entries = [("a", "1"), (" b", "1 "), ("c", "2"), ("d", "3"), ("e", "3")];
        let (records, truth) = Truth::alone(entries).unwrap();
        let index = |id: &str| records.index(id).unwrap();
        assert_eq!((records.len(), records.index("z"), truth.true_pairs()), (5, None, 2));
        let judged = [("a", "b", 9.0, true), ("d", "e", 5.0, true), ("b", "c", 1.0, false)].map(
            |(left, right, weight, is_match)| Judged {
                left: index(left),
                right: index(right),
                weight,
                is_match,
            },
        );

        let evaluation = evaluate(&truth, &judged, Some(&[0, 0, 2, 3, 3]));

        assert_eq!((evaluation.records, evaluation.matches.found_right), (5, 2));
        assert!((evaluation.best.unwrap().quality.f1 - 1.0).abs() < 1e-12);
        assert!((evaluation.clusters.unwrap().pairwise.f1 - 1.0).abs() < 1e-12);
        assert_eq!(Truth::alone([("a", "1"), ("b", "1"), ("a", "2")]).unwrap_err(), NamedTwice(3));
    }

    #[test]
    fn clusters_are_counted_by_pairs_records_and_people() {
        let people = people();
        let quality = truth(&people).of_clusters(&[0, 0, 0, 1, 2]);

        assert_eq!((quality.over_merged, quality.split), (1, 1));
        assert_eq!(
            (quality.pairwise.found_right, quality.pairwise.found_wrong, quality.pairwise.missed),
            (1, 2, 1)
        );
        assert_eq!(
            (quality.exact.found_right, quality.exact.found_wrong, quality.exact.missed),
            (0, 1, 2)
        );
        assert!((quality.b_cubed_precision - (4.0 / 3.0 + 1.0 / 3.0 + 2.0) / 5.0).abs() < 1e-12);
    }
}
