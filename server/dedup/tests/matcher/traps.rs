//! Pairs that were made to be mistaken for one person, among people: `traps.csv`, with a sentence
//! on each.

use std::collections::BTreeMap;

use shared::duplicate::Verdict;

use crate::support::population::generate;
use crate::support::{read, run};

struct Trap {
    sentence: String,
    is_one: bool,
    ends: Vec<String>,
}

fn traps(header: &[String]) -> (Vec<Vec<String>>, BTreeMap<String, Trap>) {
    let mut reader = csv::Reader::from_reader(include_bytes!("traps.csv").as_slice());
    let columns: Vec<String> =
        reader.headers().expect("a header").iter().map(str::to_owned).collect();
    let (mut rows, mut traps) = (Vec::new(), BTreeMap::<String, Trap>::new());
    for record in reader.records() {
        let record = record.expect("a row of the traps");
        let cell = |name: &str| {
            columns.iter().position(|column| column == name).map_or("", |at| &record[at]).to_owned()
        };
        let trap = traps.entry(cell("trap")).or_insert_with(|| Trap {
            sentence: cell("sentence"),
            is_one: cell("truth") == "same",
            ends: Vec::new(),
        });
        trap.ends.push(cell("id"));
        rows.push(header.iter().map(|column| cell(column)).collect());
    }
    (rows, traps)
}

#[test]
fn no_trap_is_merged_unseen() {
    let population = generate(8_000, 23);
    let (rows, traps) = traps(&population.header);
    assert!(traps.len() >= 200 && traps.values().all(|trap| !trap.sentence.is_empty()));
    let all: Vec<Vec<String>> = population.rows.into_iter().chain(rows).collect();
    let people = read(&population.header, &all, None);

    let findings = run(&people, None, &[]);

    let verdicts: BTreeMap<(&str, &str), Verdict> = findings
        .pairs
        .iter()
        .map(|pair| {
            let (left, right) = (people.id(pair.left), people.id(pair.right));
            ((left.min(right), left.max(right)), pair.verdict)
        })
        .collect();
    let automatic = findings.automatic.numbers(people.len());
    let by_id: BTreeMap<&str, u32> =
        (0..).take(people.len()).map(|record| (people.id(record), record)).collect();
    let mut wrong = Vec::new();
    let mut lost = Vec::new();
    for trap in traps.values() {
        let [left, right] = [trap.ends[0].as_str(), trap.ends[1].as_str()];
        let verdict = verdicts.get(&(left, right)).copied().unwrap_or(Verdict::NoMatch);
        let numbers = [left, right].map(|id| automatic[by_id[id] as usize]);
        if !trap.is_one && (verdict == Verdict::Match || numbers[0] == numbers[1]) {
            wrong.push(&trap.sentence);
        }
        if trap.is_one && verdict == Verdict::NoMatch {
            lost.push(&trap.sentence);
        }
    }
    assert!(wrong.is_empty(), "merged unseen: {wrong:#?}");
    assert!(lost.is_empty(), "neither found nor in review: {lost:#?}");
    // Nor does a trap catch anybody else.
    let trapped = findings
        .automatic
        .groups
        .iter()
        .filter(|group| group.members.iter().any(|member| people.id(*member).starts_with("trap")))
        .filter(|group| {
            let trap = |member: &u32| people.id(*member).trim_end_matches(['a', 'b']).to_owned();
            group.members.iter().any(|member| trap(member) != trap(&group.members[0]))
        })
        .count();
    assert_eq!(trapped, 0);
}
