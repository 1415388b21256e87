use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::{Desk, Done};

const HEADER: &str = "id,first_name,last_name,dob,ssn,phone,address,zip\n";

/// Six records: one person three times, and three others.
const PEOPLE: &str = "\
    a1,Idalia,Quillfeather,1980-03-12,455-67-1234,617-555-0142,12 Mill Road,02155\n\
    a2,Idalia,Quilfeather,1980-03-12,455-67-1234,617-555-0142,12 Mill Rd,02155\n\
    a3,Idalia,Quillfeather,1980-12-03,455-67-1234,,12 Mill Road,02155\n\
    b1,Maximilian,Oakley,1951-11-30,512-44-9876,413-555-0199,9 Hill Lane,01002\n\
    c1,Beatrix,Sandoval,1967-07-01,,207-555-0123,4 Ferry Street,04101\n\
    d1,Cornelius,Abernathy,1990-05-21,601-22-3344,,77 Station Road,05401\n";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("people.csv", &(HEADER.to_owned() + PEOPLE));
    desk
}

/// The rows of a CSV file, without its header.
fn rows(desk: &Desk, name: &str) -> Vec<Vec<String>> {
    let text = desk.read(name);
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn header(desk: &Desk, name: &str) -> String {
    desk.read(name).lines().next().unwrap_or_default().to_owned()
}

/// The records of each cluster of several.
fn clusters(desk: &Desk, name: &str) -> Vec<BTreeSet<String>> {
    let mut clusters: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows(desk, name) {
        clusters.entry(row[0].clone()).or_default().insert(row[1].clone());
    }
    clusters.into_values().filter(|records| records.len() > 1).collect()
}

fn matched(desk: &Desk, arguments: &[&str]) -> Done {
    let outputs = ["--pairs", "pairs.csv", "--clusters", "clusters.csv", "--json", "result.json"];
    desk.run(&[&["match"], arguments, &outputs].concat())
}

#[test]
fn records_of_one_person_are_found_in_a_file() {
    let desk = desk();

    let done = matched(&desk, &["people.csv", "--golden", "golden.csv"]);

    assert_eq!(done.status, 0, "{}", done.stderr);
    assert_eq!(header(&desk, "pairs.csv"), "left_id,right_id,weight,probability,decision");
    assert_eq!(header(&desk, "clusters.csv"), "cluster_id,record_id");
    let pairs = rows(&desk, "pairs.csv");
    assert!(pairs.iter().any(|pair| pair[0] == "a1" && pair[1] == "a2"), "{pairs:?}");
    let weights: Vec<f64> = pairs.iter().map(|pair| pair[2].parse().unwrap()).collect();
    assert!(weights.is_sorted_by(|a, b| a >= b));
    assert_eq!(rows(&desk, "clusters.csv").len(), 6);
    let same = ["a1", "a2", "a3"].map(str::to_owned);
    assert_eq!(clusters(&desk, "clusters.csv"), [BTreeSet::from(same)]);
    let result = desk.json("result.json");
    assert_eq!((&result["records"], &result["clusters"]), (&6.into(), &4.into()));
    for key in ["pairs_compared", "matches", "reviews", "seconds", "peak_rss_bytes"] {
        assert!(result[key].is_number(), "{result}");
    }
    // One row for each person, with the columns of the table.
    assert_eq!(header(&desk, "golden.csv") + "\n", HEADER);
    assert_eq!(rows(&desk, "golden.csv").len(), 4);
}

#[test]
fn generated_people_are_matched_and_judged_and_a_saved_model_does_the_same_again() {
    let desk = Desk::new();
    let generate = ["generate", "people", "--count", "4000", "--seed", "3"];
    let files = ["--out", "people.csv", "--truth", "truth.csv"];
    let done = desk.run(&[&generate[..], &files].concat());
    assert_eq!(done.status, 0, "{}", done.stderr);

    let model = ["people.csv", "--truth", "truth.csv", "--model", "model.json"];
    let done = matched(&desk, &model);

    assert_eq!(done.status, 0, "{}", done.stderr);
    assert!(done.stderr.contains("the model was learned and saved in model.json"));
    let result = desk.json("result.json");
    assert_eq!(result["model"], "learned");
    let quality = &result["evaluation"];
    assert!(quality["clusters"]["pairwise"]["f1"].as_f64() > Some(0.97), "{quality}");
    assert!(quality["matches"]["precision"].as_f64() > Some(0.995), "{quality}");
    assert!(done.stderr.contains("clusters, by pairs"), "{}", done.stderr);

    let (pairs, clusters) = (desk.read("pairs.csv"), desk.read("clusters.csv"));
    let again = matched(&desk, &model);
    assert!(!again.stderr.contains("was learned"), "{}", again.stderr);
    assert!(desk.read("pairs.csv") == pairs && desk.read("clusters.csv") == clusters);

    // The same, judged from the files.
    let evaluate = ["evaluate", "--truth", "truth.csv", "--pairs", "pairs.csv"];
    let done = desk.run(&[&evaluate[..], &["--clusters", "clusters.csv", "--json", "-"]].concat());
    let judged: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(judged["clusters"], quality["clusters"]);
    assert_eq!(judged["matches"], quality["matches"]);
}

#[test]
fn a_table_of_a_database_gives_what_its_file_gives() {
    let desk = desk();
    assert_eq!(matched(&desk, &["people.csv"]).status, 0);
    let (pairs, clusters) = (desk.read("pairs.csv"), desk.read("clusters.csv"));
    let values: Vec<String> = PEOPLE
        .lines()
        .map(|line| format!("('{}')", line.replace(',', "','").replace("''", "")))
        .map(|row| row.replace(",'',", ",null,").replace(",,", ",null,"))
        .collect();
    let url = desk.sqlite(
        "legacy.db",
        &format!(
            "create table other (id integer);
             create table people (id text primary key, first_name text, last_name text, dob text,
                ssn text, phone text, address text, zip text);
             insert into people values {}",
            values.join(", ")
        ),
    );

    let done = matched(&desk, &[&url, "--table", "people"]);

    assert_eq!(done.status, 0, "{}", done.stderr);
    assert!(desk.read("pairs.csv") == pairs && desk.read("clusters.csv") == clusters);
    matched(&desk, &[&url]).assert_failed(2, "MATCH-001");
    matched(&desk, &[&url, "--table", "persons"]).assert_failed(2, "MATCH-001");
}

#[test]
fn a_policy_names_columns_and_what_people_decided_stands() {
    let desk = Desk::new();
    let people = PEOPLE.replace('\n', ",x\n");
    desk.write("people.csv", &format!("nr,vor,nach,geb,sv,tel,ort,plz,rest\n{people}"));
    desk.write(
        "policy.yaml",
        "columns: {record_id: nr, given_name: vor, surname: nach, birth_date: geb, identifier: sv,
         phone: tel, street: ort}",
    );
    desk.write("said.csv", "left_id,right_id,decision\na2,a1,no_match\nb1,c1,match\n");

    let done =
        matched(&desk, &["people.csv", "--policy", "policy.yaml", "--decisions", "said.csv"]);

    assert_eq!(done.status, 0, "{}", done.stderr);
    assert!(done.stderr.contains("nr = record_id"), "{}", done.stderr);
    assert!(done.stderr.contains("columns that are not looked at: rest"), "{}", done.stderr);
    let clusters = clusters(&desk, "clusters.csv");
    let together = |one: &str, other: &str| {
        clusters.iter().any(|records| records.contains(one) && records.contains(other))
    };
    assert!(!together("a1", "a2") && together("b1", "c1"), "{clusters:?}");
}

#[track_caller]
fn refuses(people: &str, files: &[(&str, &str)], arguments: &[&str], code: &str, says: &str) {
    let desk = Desk::new();
    desk.write("people.csv", people);
    for (name, text) in files {
        desk.write(name, text);
    }
    let done = matched(&desk, &[&["people.csv"], arguments].concat());
    done.assert_failed(2, code);
    assert!(done.stderr.contains(says), "{}", done.stderr);
    for value in ["Idalia", "Quillfeather", "455-67"] {
        assert!(!done.stderr.contains(value), "{}", done.stderr);
    }
    assert!(!desk.path("pairs.csv").exists());
}

#[test]
fn a_table_that_cannot_be_matched_is_refused_with_what_is_wrong() {
    let people = HEADER.to_owned() + PEOPLE;
    refuses(&people.replacen("id,", "nr,", 1), &[], &[], "MATCH-001", "no column is a record's id");
    refuses("id,sex\n1,F\n", &[], &[], "MATCH-001", "no column says anything about a person");
    let twice = people.replace("\nb1,", "\na1,");
    refuses(&twice, &[], &[], "MATCH-002", "records 1 and 4 have the same id");
    let nameless = people.replace("\na2,", "\n,");
    refuses(&nameless, &[], &[], "MATCH-002", "record 2 has no id");
    let ragged = people.replace(",02155\na3", ",02155,more\na3");
    refuses(&ragged, &[], &[], "DATA-013", "record 2 has more or fewer fields");
}

#[test]
fn a_policy_a_model_or_a_truth_that_cannot_be_used_is_refused() {
    let people = HEADER.to_owned() + PEOPLE;
    let policy = |text: &str, code: &str, says: &str| {
        refuses(&people, &[("p.yaml", text)], &["--policy", "p.yaml"], code, says);
    };
    policy("tresholds: {}", "MATCH-003", "unknown field");
    policy("thresholds: {automatic: 1, review: 2}", "MATCH-003", "must not be above");
    policy("columns: {phone: telefon}", "MATCH-004", "`telefon`");
    refuses(&people, &[], &["--policy", "nowhere.yaml"], "MATCH-003", "nowhere.yaml");
    refuses(&people, &[("m", "{}")], &["--model", "m"], "MATCH-005", "missing field");
    refuses(&people, &[("t", "a,b\n1,2\n")], &["--truth", "t"], "MATCH-006", "no column");
    let said = "left_id,right_id,decision\na1,a2,perhaps\n";
    refuses(&people, &[("s", said)], &["--decisions", "s"], "MATCH-006", "record 1");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let desk = Desk::new();
    let done = desk.run(&["match", "nowhere.csv", "--pairs", "pairs.csv"]);
    done.assert_failed(5, "CONN-008");
    assert!(done.stderr.contains("nowhere.csv"), "{}", done.stderr);
}

/// The patients of the legacy sample, with the names and addresses that its users have.
const PATIENTS: &str = "
create table patient (id integer primary key, first_name text, last_name text, dob text, sex text, email text);
insert into patient
select p.id, u.first_name, u.last_name, p.birthdate, case p.sex when 1 then 'm' when 2 then 'f' end, u.email
from dispatch_patient p join auth_user u on u.id = p.user_id";

/// The two records of each pair that the sample's truth names so.
fn planted(truth: &Value, kind: &str) -> BTreeSet<[i64; 2]> {
    let pairs = truth[kind].as_array().expect("a list");
    pairs
        .iter()
        .map(|pair| in_order(["left", "right"].map(|side| pair[side].as_i64().expect("an id"))))
        .collect()
}

fn in_order(mut pair: [i64; 2]) -> [i64; 2] {
    pair.sort_unstable();
    pair
}

#[test]
fn who_is_twice_in_the_legacy_sample_is_found_and_who_only_looks_like_it_is_not_merged() {
    let desk = Desk::new();
    let generate = ["generate", "mdw", "--into", "sqlite:legacy.db", "--scale", "0.1"];
    let done = desk.run(&[&generate[..], &["--truth", "truth.json"]].concat());
    assert_eq!(done.status, 0, "{}", done.stderr);
    let source = desk.sqlite("legacy.db", PATIENTS);

    let done = matched(&desk, &[&source, "--table", "patient"]);

    assert_eq!(done.status, 0, "{}", done.stderr);
    let (mut merged, mut found) = (BTreeSet::new(), BTreeSet::new());
    for row in rows(&desk, "pairs.csv") {
        let pair = in_order([&row[0], &row[1]].map(|id| id.parse().unwrap()));
        found.insert(pair);
        if row[4] == "match" {
            merged.insert(pair);
        }
    }
    let truth = desk.json("truth.json");
    let (twice, alike) = (planted(&truth, "duplicates"), planted(&truth, "look_alikes"));
    assert!(twice.len() > 30 && alike.len() > 5);
    assert_eq!(twice.difference(&found).collect::<Vec<_>>(), Vec::<&[i64; 2]>::new());
    assert_eq!(merged.difference(&twice).collect::<Vec<_>>(), Vec::<&[i64; 2]>::new());
    assert!(merged.is_disjoint(&alike));
    // Most of them need nobody's look.
    assert!(merged.len() * 4 > twice.len() * 3, "{} of {}", merged.len(), twice.len());
}
