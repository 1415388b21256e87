//! People from pairs: links joined from the strongest down, as long as what is joined agrees as a
//! whole. A chain of weak links joins nothing, and a contradiction keeps apart what it stands
//! between.

use std::collections::BTreeSet;

use rayon::prelude::*;
use shared::duplicate::RefusalReason;

use crate::hash::NumberMap;
use crate::number::{compact, size};
use crate::people::{Index, People};

/// Two records and how strongly they are one person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    pub left: Index,
    pub right: Index,
    pub weight: f64,
}

/// What somebody decided about pairs of records. The smaller index stands first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decided {
    pub same: BTreeSet<(Index, Index)>,
    pub not_same: BTreeSet<(Index, Index)>,
}

/// A pair as a cluster sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    pub weight: f64,
    /// A contradiction that keeps the two apart.
    pub is_vetoed: bool,
}

/// Clusters, and what was not joined.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Partition {
    /// Clusters of several records; each in the order of the records' ids, and so are the clusters.
    pub groups: Vec<Group>,
    pub refusals: Vec<Refused>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub members: Vec<Index>,
    /// The weakest mean weight at which two parts were joined.
    pub cohesion: f64,
}

/// A link that joined nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refused {
    pub link: Link,
    pub reason: RefusalReason,
}

/// No single pair speaks louder than this, so that one strong link does not drown many doubts.
const LOUDEST: f64 = 20.0;

/// Joins links into clusters of at most `largest` records. `look` is asked for every pair that
/// would stand in one cluster, whether or not it met in a block.
pub fn form(
    people: &People,
    links: &[Link],
    decided: &Decided,
    largest: u32,
    look: impl Fn(Index, Index) -> Look + Sync,
) -> Partition {
    let components = components(people, links, decided);
    let nobody_said = decided.same.is_empty() && decided.not_same.is_empty();
    let mut whole = components
        .into_par_iter()
        .with_min_len(16)
        .fold(Partition::default, |mut whole, component| {
            whole.append(match *component.links {
                [link] if component.members.len() == 2 && nobody_said => {
                    of_two(people, link, largest, look(link.left, link.right))
                }
                _ => join(people, component, decided, largest as usize, &look),
            });
            whole
        })
        .reduce(Partition::default, |mut one, other| {
            one.append(other);
            one
        });
    whole.groups.sort_by(|a, b| people.id(a.members[0]).cmp(people.id(b.members[0])));
    whole.refusals.sort_by(|a, b| order(people, &a.link, &b.link));
    whole
}

impl Partition {
    /// A cluster number per record; a record that is alone has a number of its own.
    pub fn numbers(&self, records: usize) -> Vec<u32> {
        let mut numbers: Vec<u32> = (0..compact(records)).collect();
        for group in &self.groups {
            for &member in &group.members {
                numbers[member as usize] = group.members[0];
            }
        }
        numbers
    }

    fn append(&mut self, other: Self) {
        self.groups.extend(other.groups);
        self.refusals.extend(other.refusals);
    }
}

struct Component {
    members: Vec<Index>,
    links: Vec<Link>,
}

/// Strongest first; equals by the ids of their records, so that the order of the input does not
/// decide.
fn order(people: &People, a: &Link, b: &Link) -> std::cmp::Ordering {
    let ids = |link: &Link| {
        let (one, other) = (people.id(link.left), people.id(link.right));
        if one <= other { (one, other) } else { (other, one) }
    };
    b.weight.total_cmp(&a.weight).then_with(|| ids(a).cmp(&ids(b)))
}

fn components(people: &People, links: &[Link], decided: &Decided) -> Vec<Component> {
    let mut forest = Forest { parents: (0..compact(people.len())).collect() };
    for link in links {
        forest.join(link.left, link.right);
    }
    for &(left, right) in &decided.same {
        forest.join(left, right);
    }
    let touched = links
        .iter()
        .map(|link| (link.left, link.right))
        .chain(decided.same.iter().copied())
        .flat_map(|(left, right)| [left, right]);
    let mut members: Vec<(Index, Index)> =
        touched.map(|record| (forest.root(record), record)).collect();
    members.sort_unstable();
    members.dedup();
    let mut by_root: Vec<(Index, Link)> =
        links.iter().map(|link| (forest.root(link.left), *link)).collect();
    by_root.sort_unstable_by_key(|(root, _)| *root);
    let mut rest = by_root.as_slice();
    members
        .chunk_by(|a, b| a.0 == b.0)
        .map(|part| {
            let (own, others) = rest.split_at(rest.partition_point(|(root, _)| *root <= part[0].0));
            rest = others;
            Component {
                members: part.iter().map(|(_, record)| *record).collect(),
                links: own.iter().map(|(_, link)| *link).collect(),
            }
        })
        .collect()
}

struct Forest {
    parents: Vec<Index>,
}

impl Forest {
    fn root(&mut self, mut record: Index) -> Index {
        while self.parents[record as usize] != record {
            let above = self.parents[self.parents[record as usize] as usize];
            self.parents[record as usize] = above;
            record = above;
        }
        record
    }

    fn join(&mut self, one: Index, other: Index) {
        let (one, other) = (self.root(one), self.root(other));
        self.parents[one.max(other) as usize] = one.min(other);
    }
}

/// Most components: two records and the link between them.
fn of_two(people: &People, link: Link, largest: u32, look: Look) -> Partition {
    let mean = if largest < 2 { Err(RefusalReason::TooLarge) } else { mean([look]) };
    match mean {
        Ok(cohesion) => {
            let mut members = vec![link.left, link.right];
            members.sort_unstable_by(|a, b| people.id(*a).cmp(people.id(*b)));
            Partition { groups: vec![Group { members, cohesion }], refusals: Vec::new() }
        }
        Err(reason) => Partition { groups: Vec::new(), refusals: vec![Refused { link, reason }] },
    }
}

/// The mean weight of all pairs of two clusters, when they agree as a whole.
fn mean(looks: impl IntoIterator<Item = Look>) -> Result<f64, RefusalReason> {
    let (mut sum, mut count) = (0.0, 0);
    for look in looks {
        if look.is_vetoed {
            return Err(RefusalReason::Vetoed);
        }
        sum += look.weight.clamp(-LOUDEST, LOUDEST);
        count += 1;
    }
    let mean = sum / size(count);
    if mean < 0.0 { Err(RefusalReason::WeakChain) } else { Ok(mean) }
}

/// The clusters of records that links connect, while they grow.
struct Growing<'a, L> {
    members: Vec<Index>,
    /// By place among the members: the cluster.
    cluster: Vec<usize>,
    groups: Vec<Vec<usize>>,
    cohesion: Vec<f64>,
    looks: NumberMap<(usize, usize), Look>,
    decided: &'a Decided,
    look: &'a L,
}

fn join<L: Fn(Index, Index) -> Look>(
    people: &People,
    component: Component,
    decided: &Decided,
    largest: usize,
    look: &L,
) -> Partition {
    let Component { mut members, mut links } = component;
    members.sort_unstable_by(|a, b| people.id(*a).cmp(people.id(*b)));
    links.sort_unstable_by(|a, b| order(people, a, b));
    let places: NumberMap<Index, usize> =
        members.iter().enumerate().map(|(place, record)| (*record, place)).collect();
    let mut growing = Growing {
        cluster: (0..members.len()).collect(),
        groups: (0..members.len()).map(|place| vec![place]).collect(),
        cohesion: vec![LOUDEST; members.len()],
        members,
        looks: NumberMap::default(),
        decided,
        look,
    };
    let mut refusals = Vec::new();
    // What somebody decided comes before all that was computed.
    let mut said: Vec<(usize, usize)> = decided_among(&places, &decided.same);
    said.sort_unstable();
    let said = said.into_iter().map(|(one, other)| {
        let (left, right) = (growing.members[one], growing.members[other]);
        Link { left: left.min(right), right: left.max(right), weight: LOUDEST }
    });
    let said: Vec<Link> = said.collect();
    let believed = said.len();
    for (at, link) in said.into_iter().chain(links).enumerate() {
        let ends = [link.left, link.right].map(|record| growing.cluster[places[&record]]);
        let [one, other] = ends;
        if one == other {
            continue;
        }
        let verdict = if at < believed {
            growing.may_be_told(one, other)
        } else {
            growing.may_join(one, other, largest)
        };
        match verdict {
            Ok(mean) => growing.merge(one, other, mean),
            Err(reason) => refusals.push(Refused { link, reason }),
        }
    }
    let Growing { members, groups, cohesion, .. } = growing;
    let groups = groups
        .into_iter()
        .zip(cohesion)
        .filter(|(group, _)| group.len() > 1)
        .map(|(mut group, cohesion)| {
            group.sort_unstable();
            Group { members: group.into_iter().map(|place| members[place]).collect(), cohesion }
        })
        .collect();
    Partition { groups, refusals }
}

fn decided_among(
    places: &NumberMap<Index, usize>,
    pairs: &BTreeSet<(Index, Index)>,
) -> Vec<(usize, usize)> {
    if pairs.is_empty() {
        return Vec::new();
    }
    let mut among = Vec::new();
    for (&record, &place) in places {
        for &(_, other) in pairs.range((record, 0)..=(record, Index::MAX)) {
            if let Some(&other) = places.get(&other) {
                among.push((place.min(other), place.max(other)));
            }
        }
    }
    among
}

impl<L: Fn(Index, Index) -> Look> Growing<'_, L> {
    /// Whether two clusters may become one because somebody said so of two of their records.
    fn may_be_told(&self, one: usize, other: usize) -> Result<f64, RefusalReason> {
        if self.is_denied(one, other) { Err(RefusalReason::Decided) } else { Ok(LOUDEST) }
    }

    /// Whether two clusters agree as a whole: the mean weight over all their pairs.
    fn may_join(&mut self, one: usize, other: usize, largest: usize) -> Result<f64, RefusalReason> {
        if self.is_denied(one, other) {
            return Err(RefusalReason::Decided);
        }
        let (left, right) = (self.groups[one].clone(), self.groups[other].clone());
        if left.len() + right.len() > largest {
            return Err(RefusalReason::TooLarge);
        }
        // In one order whatever the order of the merges: sums of fractions depend on it.
        let mut pairs: Vec<(usize, usize)> =
            left.iter().flat_map(|a| right.iter().map(move |b| (*a.min(b), *a.max(b)))).collect();
        pairs.sort_unstable();
        mean(pairs.into_iter().map(|(a, b)| self.look_at(a, b)))
    }

    fn merge(&mut self, one: usize, other: usize, mean: f64) {
        let moved = std::mem::take(&mut self.groups[other]);
        for &place in &moved {
            self.cluster[place] = one;
        }
        self.groups[one].extend(moved);
        self.cohesion[one] = self.cohesion[one].min(self.cohesion[other]).min(mean);
    }

    fn is_denied(&self, one: usize, other: usize) -> bool {
        !self.decided.not_same.is_empty()
            && self.groups[one].iter().any(|a| {
                self.groups[other]
                    .iter()
                    .any(|b| self.decided.not_same.contains(&self.pair(*a, *b)))
            })
    }

    fn look_at(&mut self, a: usize, b: usize) -> Look {
        let pair = self.pair(a, b);
        // What somebody said is the same person is: no arithmetic against it.
        if self.decided.same.contains(&pair) {
            return Look { weight: LOUDEST, is_vetoed: false };
        }
        *self.looks.entry((a, b)).or_insert_with(|| (self.look)(pair.0, pair.1))
    }

    fn pair(&self, a: usize, b: usize) -> (Index, Index) {
        let (left, right) = (self.members[a], self.members[b]);
        (left.min(right), left.max(right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::Columns;
    use crate::people::Builder;

    /// Records a, b, c, d, e; pairs that are not named have a weight of -10.
    struct Case {
        weights: Vec<((Index, Index), f64)>,
        vetoed: Vec<(Index, Index)>,
        decided: Decided,
        largest: u32,
    }

    fn case(weights: &[((Index, Index), f64)]) -> Case {
        Case {
            weights: weights.to_vec(),
            vetoed: Vec::new(),
            decided: Decided::default(),
            largest: 50,
        }
    }

    #[track_caller]
    fn check(case: &Case, groups: &[&str], refusals: &[RefusalReason]) {
        let columns = Columns::recognise(&["id", "first_name"], &[]).unwrap();
        let mut builder = Builder::new(columns);
        builder.extend(&["a", "b", "c", "d", "e"], |id, at| if at == 0 { *id } else { "Ida" });
        let people = builder.finish(None).unwrap();
        let look = |left: Index, right: Index| Look {
            weight: case
                .weights
                .iter()
                .find(|(pair, _)| *pair == (left, right))
                .map_or(-10.0, |(_, weight)| *weight),
            is_vetoed: case.vetoed.contains(&(left, right)),
        };
        let mut links: Vec<Link> = case
            .weights
            .iter()
            .filter(|(_, weight)| *weight > 0.0)
            .map(|((left, right), weight)| Link { left: *left, right: *right, weight: *weight })
            .collect();
        for _ in 0..2 {
            let partition = form(&people, &links, &case.decided, case.largest, look);
            let names: Vec<String> = partition
                .groups
                .iter()
                .map(|group| group.members.iter().map(|member| people.id(*member)).collect())
                .collect();
            assert_eq!(names, groups);
            let reasons: Vec<_> = partition.refusals.iter().map(|refused| refused.reason).collect();
            assert_eq!(reasons, refusals);
            links.reverse();
        }
    }

    const AB: (Index, Index) = (0, 1);
    const BC: (Index, Index) = (1, 2);
    const AC: (Index, Index) = (0, 2);
    const CD: (Index, Index) = (2, 3);

    #[test]
    fn records_that_agree_as_a_whole_are_one_cluster() {
        check(&case(&[(AB, 9.0), (BC, 8.0), (AC, 7.0)]), &["abc"], &[]);
        check(&case(&[(AB, 9.0), (CD, 8.0)]), &["ab", "cd"], &[]);
        // a and c never met, and are not so far from each other that b could not join them.
        check(&case(&[(AB, 18.0), (BC, 12.0)]), &["abc"], &[]);
    }

    #[test]
    fn a_chain_of_weak_links_joins_nothing() {
        check(
            &case(&[(AB, 9.0), (BC, 8.0), (CD, 7.0)]),
            &["ab", "cd"],
            &[RefusalReason::WeakChain],
        );
    }

    #[test]
    fn one_contradiction_keeps_two_clusters_apart() {
        let vetoed = vec![AC];
        check(
            &Case { vetoed, ..case(&[(AB, 30.0), (BC, 25.0), (AC, 20.0)]) },
            &["ab"],
            &[RefusalReason::Vetoed, RefusalReason::Vetoed],
        );
    }

    #[test]
    fn what_somebody_said_comes_first() {
        let same = BTreeSet::from([(0, 4)]);
        let decided = Decided { same, ..Decided::default() };
        check(&Case { decided, ..case(&[(AB, 18.0), ((1, 4), 18.0)]) }, &["abe"], &[]);

        let decided = Decided { not_same: BTreeSet::from([AC]), ..Decided::default() };
        check(
            &Case { decided, ..case(&[(AB, 30.0), (BC, 25.0)]) },
            &["ab"],
            &[RefusalReason::Decided],
        );

        // Both at once: what is not the same wins over a chain of what is.
        let decided = Decided { same: BTreeSet::from([AB, BC]), not_same: BTreeSet::from([AC]) };
        check(&Case { decided, ..case(&[]) }, &["ab"], &[RefusalReason::Decided]);
    }

    #[test]
    fn a_cluster_grows_no_larger_than_is_believed_of_one_person() {
        check(
            &Case { largest: 2, ..case(&[(AB, 9.0), (BC, 8.0), (AC, 7.0)]) },
            &["ab"],
            &[RefusalReason::TooLarge, RefusalReason::TooLarge],
        );
    }
}
