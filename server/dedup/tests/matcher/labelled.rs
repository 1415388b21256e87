//! Labelled data of others, where it lies beside the project. The figures are those of the
//! decision record `docs/decisions/0010-five-explanations-for-a-pair.md`, with a little room.

use std::path::PathBuf;

use dedup::evaluate::{Truth, at_weight};
use dedup::find::find;
use dedup::people::Builder;
use dedup::{Columns, Findings, People, Policy};
use shared::duplicate::{Attribute, Verdict};

struct Expected {
    /// F1 of pairs of the weight from which records are proposed as one person.
    pairs: f64,
    /// F1 of the proposed people.
    people: f64,
    /// Precision of what may be merged unseen.
    automatic: f64,
}

#[track_caller]
fn check(file: &str, ignore: &[Attribute], expected: &Expected) {
    let Some((people, truth, findings)) = matched(file, ignore) else { return };
    let weighed = findings.pairs.iter().map(|pair| (pair.left, pair.right, pair.weight));
    let curve = truth.curve(weighed);
    let sure = at_weight(&curve, Policy::default().thresholds.link)
        .expect("a table that can be matched")
        .quality;
    assert!(sure.f1 >= expected.pairs, "{file}: {sure:?}");
    let proposed = truth.of_clusters(&findings.proposed.numbers(people.len())).pairwise;
    assert!(proposed.f1 >= expected.people, "{file}: {proposed:?}");
    let matches = findings.pairs.iter().filter(|pair| pair.verdict == Verdict::Match);
    let automatic = truth.of_pairs(matches.map(|pair| (pair.left, pair.right)));
    assert!(automatic.precision >= expected.automatic, "{file}: {automatic:?}");
}

fn matched(file: &str, ignore: &[Attribute]) -> Option<(People, Truth, Findings)> {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = data.join(file);
    if !path.exists() {
        return None;
    }
    let policy = Policy { ignore: ignore.to_vec(), ..Policy::default() };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(&path)
        .expect("a table that can be matched");
    let headers: Vec<String> =
        reader.headers().expect("a table that can be matched").iter().map(str::to_owned).collect();
    let columns = Columns::recognise(&headers, &[])
        .expect("a table that can be matched")
        .without(ignore)
        .expect("a table that can be matched");
    let mut builder = Builder::new(columns);
    let rows: Vec<csv::StringRecord> =
        reader.records().collect::<Result<_, _>>().expect("a table that can be matched");
    builder.extend(&rows, |row, at| &row[at]);
    let people = builder.finish(None).expect("a table that can be matched");

    let truth = path
        .parent()
        .expect("a table that can be matched")
        .join("truth")
        .join(path.file_name().expect("a table that can be matched"));
    let mut reader = csv::Reader::from_path(truth).expect("a table that can be matched");
    let entries: Vec<csv::StringRecord> =
        reader.records().collect::<Result<_, _>>().expect("a table that can be matched");
    let truth = Truth::new(&people, entries.iter().map(|entry| (&entry[0], &entry[1])));
    let findings = find(&people, &policy, None, &[]).expect("a table that can be matched");
    Some((people, truth, findings))
}

#[test]
fn the_first_febrl_set_is_solved() {
    check("febrl/dataset1.csv", &[], &Expected { pairs: 0.999, people: 0.999, automatic: 0.999 });
    check(
        "febrl/dataset1.csv",
        &[Attribute::Identifier],
        &Expected { pairs: 0.98, people: 0.99, automatic: 0.999 },
    );
}

#[test]
fn the_second_febrl_set_is_solved() {
    check("febrl/dataset2.csv", &[], &Expected { pairs: 0.998, people: 0.998, automatic: 0.999 });
    check(
        "febrl/dataset2.csv",
        &[Attribute::Identifier],
        &Expected { pairs: 0.98, people: 0.99, automatic: 0.999 },
    );
}

#[test]
fn the_third_febrl_set_is_solved() {
    check("febrl/dataset3.csv", &[], &Expected { pairs: 0.998, people: 0.998, automatic: 0.999 });
    check(
        "febrl/dataset3.csv",
        &[Attribute::Identifier],
        &Expected { pairs: 0.98, people: 0.99, automatic: 0.999 },
    );
}

#[test]
fn names_and_dates_alone_tell_most() {
    check("rldata/RLdata500.csv", &[], &Expected { pairs: 0.95, people: 0.97, automatic: 0.999 });
    check("rldata/RLdata10000.csv", &[], &Expected { pairs: 0.94, people: 0.94, automatic: 0.99 });
}
