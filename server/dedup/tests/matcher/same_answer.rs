//! One answer, whatever the order of the input, the number of threads and shards, and whether the
//! records came at once or one after another.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use dedup::block::{self, Candidate, Plan, Scope, Shard};
use dedup::find::{self, find};
use dedup::model::Model;
use dedup::train::Patterns;
use dedup::update::{Previous, keep_ids, update};
use dedup::{Findings, People, Policy};
use proptest::prelude::*;
use rand::prelude::*;
use rand_chacha::ChaCha8Rng;
use shared::duplicate::{ClusterId, ModelOrigin, Pair, RecordId};

use crate::support::population::{Population, generate};
use crate::support::{read, run};

/// All of a result that is written down.
#[derive(Debug, PartialEq)]
struct Answer {
    pairs: Vec<Pair>,
    clusters: Vec<Vec<String>>,
    automatic: Vec<Vec<String>>,
}

fn answer(people: &People, findings: &Findings) -> Answer {
    let names = |partition: &dedup::cluster::Partition| {
        let name = |member: &u32| people.id(*member).to_owned();
        partition.groups.iter().map(|group| group.members.iter().map(name).collect()).collect()
    };
    Answer {
        pairs: findings.pairs(people).collect(),
        clusters: names(&findings.proposed),
        automatic: names(&findings.automatic),
    }
}

fn shuffled(population: &Population, seed: u64) -> Vec<Vec<String>> {
    let mut rows = population.rows.clone();
    rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    rows
}

#[test]
fn the_order_of_the_input_does_not_matter() {
    let population = generate(3_000, 3);
    let people = read(&population.header, &population.rows, None);
    let other = read(&population.header, &shuffled(&population, 1), None);

    let (first, second) = (run(&people, None, &[]), run(&other, None, &[]));

    assert!(first.model == second.model, "the models differ");
    assert_eq!(first.weights, second.weights);
    assert!(answer(&people, &first) == answer(&other, &second), "the answers differ");
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let population = generate(3_000, 5);
    let people = read(&population.header, &population.rows, None);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let findings = run(&people, None, &[]);
            (findings.weights.clone(), findings.passes.clone(), answer(&people, &findings))
        })
    };
    assert!(on(1) == on(4), "the answers differ");
}

#[test]
fn shards_together_give_what_one_machine_gives() {
    let population = generate(3_000, 9);
    let people = read(&population.header, &population.rows, None);
    // Small blocks, so that some are divided.
    let policy = Policy::parse("blocking: {largest_block: 6}").unwrap();
    let plan = find::plan_of(&people, &policy);
    let whole = block::scan(&people, &plan, &Scope::EVERYTHING);
    assert!(whole.refined.iter().any(|refined| !refined.is_empty()));

    let refined: Vec<_> =
        block::survey(&people, &plan).into_iter().map(|blocks| blocks.refined).collect();
    let mut together: Vec<Candidate> = Vec::new();
    let mut patterns: Option<Patterns> = None;
    for index in 0..3 {
        let shard = Shard { index, of: 3 };
        let scope = Scope { shard, refined: Some(&refined), ..Scope::EVERYTHING };
        let part = block::scan(&people, &plan, &scope).candidates;
        assert!(part.len() < whole.candidates.len() / 2);
        let seen = Patterns::of(&part, people.compared());
        match &mut patterns {
            Some(patterns) => patterns.add(seen),
            None => patterns = Some(seen),
        }
        together.extend(part);
    }
    let mut all = whole.candidates.clone();
    all.sort_unstable();
    together.sort_unstable();
    assert!(together == all, "{} of {}", together.len(), all.len());

    let once = Patterns::of(&whole.candidates, people.compared());
    let learned = |patterns: &Patterns| find::train_by(&people, &plan, patterns, &policy).model;
    assert!(learned(&patterns.unwrap()) == learned(&once), "the models differ");
}

#[test]
fn a_saved_model_reads_back_and_decides_the_same() {
    let population = generate(3_000, 15);
    let people = read(&population.header, &population.rows, None);
    let learned = run(&people, None, &[]);
    assert_eq!(learned.model.origin, ModelOrigin::Learned);

    let json = serde_json::to_string(&learned.model).unwrap();
    let saved: Model = serde_json::from_str(&json).unwrap();
    let again = run(&people, Some(&saved), &[]);

    assert!(saved == learned.model, "the model changed when it was saved");
    assert_eq!(saved.fingerprint(), learned.model.fingerprint());
    assert!(answer(&people, &again) == answer(&people, &learned), "the answers differ");
}

/// Runs over `before`, then over what changed, and compares with a run over all of `after`.
fn check_update(
    header: &[String],
    before: &[Vec<String>],
    after: &[Vec<String>],
    model: &Model,
) -> Result<Findings, TestCaseError> {
    let policy = Policy::default();
    let people = read(header, before, Some(&model.reading));
    let earlier = find(&people, &policy, Some(model), &[]).expect("a table that can be matched");
    let stored: Vec<Pair> = earlier.pairs(&people).collect();

    let old: HashSet<&Vec<String>> = before.iter().collect();
    let changed: BTreeSet<RecordId> = after
        .iter()
        .filter(|row| !old.contains(row))
        .map(|row| RecordId::from(row[0].as_str()))
        .collect();
    let people = read(header, after, Some(&model.reading));
    let full = find(&people, &policy, Some(model), &[]).expect("a table that can be matched");
    let previous = Previous { pairs: stored, refined: earlier.refined };
    let updated = update(&people, &policy, model, &[], &previous, &changed)
        .expect("a table that can be matched");

    prop_assert_eq!(answer(&people, &updated), answer(&people, &full));
    prop_assert_eq!(&updated.refined, &full.refined);
    prop_assert!(updated.compared <= full.compared);
    Ok(updated)
}

#[test]
fn what_changed_gives_what_a_full_run_gives() {
    let population = generate(4_000, 17);
    let people = read(&population.header, &population.rows, None);
    let mut model = run(&people, None, &[]).model;
    model.plan.largest_block = 8;
    let before = &population.rows[..3_600];
    // Ten of each hundred are gone, four have another surname, and four hundred are new.
    let after: Vec<Vec<String>> = population
        .rows
        .iter()
        .enumerate()
        .filter(|(at, _)| at % 10 != 3)
        .map(|(at, row)| {
            let mut row = row.clone();
            if at % 25 == 4 {
                row[3] = "Newname".to_owned();
            }
            row
        })
        .collect();

    let updated = check_update(&population.header, before, &after, &model).unwrap();

    assert!(updated.refined.iter().any(|refined| !refined.is_empty()));
}

#[test]
fn a_few_new_records_are_compared_with_few() {
    let population = generate(6_000, 19);
    let people = read(&population.header, &population.rows, None);
    let full = run(&people, None, &[]);

    let rows = &population.rows;
    let updated = check_update(&population.header, &rows[..5_990], rows, &full.model).unwrap();

    assert!(updated.compared * 50 < full.compared, "{} of {}", updated.compared, full.compared);
}

#[test]
fn the_ids_of_clusters_outlive_merges_and_splits() {
    let header = ["id", "first_name"].map(str::to_owned);
    let rows: Vec<Vec<String>> = ["a", "b", "c", "d", "e", "f"]
        .iter()
        .map(|id| vec![(*id).to_owned(), "Ida".into()])
        .collect();
    let people = read(&header, &rows, None);
    let group =
        |members: &[u32]| dedup::cluster::Group { members: members.to_vec(), cohesion: 1.0 };
    let partition = |groups: &[&[u32]]| dedup::cluster::Partition {
        groups: groups.iter().map(|members| group(members)).collect(),
        refusals: Vec::new(),
    };
    let had = |entries: &[(&str, &str)]| {
        let entry = |(record, cluster): &(&str, &str)| {
            (RecordId::from(*record), ClusterId((*cluster).to_owned()))
        };
        entries.iter().map(entry).collect()
    };
    let names = |ids: Vec<ClusterId>| ids.into_iter().map(|id| id.0).collect::<Vec<_>>();

    let merged = partition(&[&[0, 1, 2, 3, 4]]);
    let before = had(&[("a", "x"), ("b", "x"), ("c", "y"), ("d", "y"), ("e", "y")]);
    assert_eq!(names(keep_ids(&people, &merged, &before)), ["y"]);

    let split = partition(&[&[0, 1], &[2, 3, 4]]);
    let before = had(&[("a", "x"), ("b", "x"), ("c", "x"), ("d", "x"), ("e", "x")]);
    assert_eq!(names(keep_ids(&people, &split, &before)), ["a", "x"]);

    let fresh = partition(&[&[4, 5]]);
    assert_eq!(names(keep_ids(&people, &fresh, &had(&[("a", "e")]))), ["f"]);
}

/// Few values, so that blocks are full and records agree by chance.
fn crowded() -> impl Strategy<Value = Vec<Vec<String>>> {
    let name = prop::sample::select(vec!["Ida", "Max", "Bob", "Robert", "Mia", "", "Jo Ann"]);
    let surname = prop::sample::select(vec!["Moor", "Ives", "More", "Bob", ""]);
    let dob =
        prop::sample::select(vec!["1980-03-12", "1980-12-03", "1980-03-13", "2011-01-01", ""]);
    let phone = prop::sample::select(vec!["617-555-0142", "617-555-0143", ""]);
    let zip = prop::sample::select(vec!["02155", "02156", ""]);
    prop::collection::vec((name, surname, dob, phone.clone(), phone, zip), 2..40).prop_map(|rows| {
        rows.into_iter()
            .enumerate()
            .map(|(at, (name, surname, dob, phone, mobile, zip))| {
                [&format!("r{at}"), name, surname, dob, phone, mobile, zip]
                    .map(|cell| (*cell).to_owned())
                    .to_vec()
            })
            .collect()
    })
}

fn crowded_header() -> Vec<String> {
    ["id", "first_name", "last_name", "dob", "phone", "mobile", "zip"].map(str::to_owned).to_vec()
}

fn crowded_plan(largest_block: u32) -> Plan {
    let yaml = "
        passes:
        - [phone, birth_date]
        - [surname_sound]
        - [given, birth_year]
        - [phone]
        - [postcode, given_initial]
        - []
        largest_block: ";
    let mut plan: Plan = serde_norway::from_str(&format!("{yaml}{largest_block}"))
        .expect("a table that can be matched");
    plan.passes.truncate(5);
    plan
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_pair_is_found_once_and_only_where_it_meets(rows in crowded(), largest in 2_u32..12, of in 1_u32..4) {
        let people = read(&crowded_header(), &rows, None);
        let plan = crowded_plan(largest);
        let whole = block::scan(&people, &plan, &Scope::EVERYTHING);

        let mut found: Vec<(u32, u32)> = whole.candidates.iter().map(|pair| (pair.left, pair.right)).collect();
        found.sort_unstable();
        let meets = |left: u32, right: u32| block::meetings(&people, &plan, &whole.refined, left, right).next().is_some();
        let records = u32::try_from(rows.len()).unwrap();
        let is_compared = |record: u32| people.row(record).exclusion().is_none();
        let expected: Vec<(u32, u32)> = (0..records)
            .flat_map(|left| (left + 1..records).map(move |right| (left, right)))
            .filter(|(left, right)| is_compared(*left) && is_compared(*right) && meets(*left, *right))
            .collect();
        prop_assert_eq!(&found, &expected);

        let refined: Vec<_> = block::survey(&people, &plan).into_iter().map(|blocks| blocks.refined).collect();
        prop_assert_eq!(&refined, &whole.refined);
        let mut together: Vec<(u32, u32)> = Vec::new();
        for index in 0..of {
            let scope = Scope { shard: Shard { index, of }, refined: Some(&refined), ..Scope::EVERYTHING };
            together.extend(block::scan(&people, &plan, &scope).candidates.iter().map(|pair| (pair.left, pair.right)));
        }
        together.sort_unstable();
        prop_assert_eq!(together, expected);
    }

    #[test]
    fn comparing_does_not_depend_on_which_stands_first(rows in crowded()) {
        let people = read(&crowded_header(), &rows, None);
        let records = u32::try_from(rows.len()).unwrap();
        for left in 0..records {
            for right in left..records {
                prop_assert_eq!(
                    dedup::compare::compare(&people, left, right),
                    dedup::compare::compare(&people, right, left)
                );
            }
        }
    }

    #[test]
    fn any_change_gives_what_a_full_run_gives(
        before in crowded(),
        after in crowded(),
        kept in 0_usize..40,
        largest in 2_u32..10,
    ) {
        let header = crowded_header();
        let people = read(&header, &before, None);
        let mut model = run(&people, None, &[]).model;
        model.plan = crowded_plan(largest);
        // The first records stay; the others are gone, changed or new.
        let mut rows: BTreeMap<String, Vec<String>> = after.into_iter().map(|row| (row[0].clone(), row)).collect();
        rows.extend(before.iter().take(kept).map(|row| (row[0].clone(), row.clone())));
        let after: Vec<Vec<String>> = rows.into_values().collect();

        check_update(&header, &before, &after, &model)?;
    }
}
