//! What people and policies decide stands above what is computed.

use dedup::find::{Scored, explain, find};
use dedup::people::Builder;
use dedup::score::Scorer;
use dedup::{Columns, Findings, People, Policy};
use shared::duplicate::{
    Attribute, Decision, Exclusion, Field, ModelOrigin, RecordId, RefusalReason, Verdict,
};

use crate::support::population::{Population, generate};
use crate::support::{read, run};

fn decision(left: &str, right: &str, verdict: Verdict) -> Decision {
    Decision {
        left_id: RecordId::from(left),
        right_id: RecordId::from(right),
        verdict,
        decided_by: Some("steward".to_owned()),
        decided_at: None,
    }
}

/// A population with some records of our own behind it.
fn with(rows: &[[&str; 6]]) -> (Population, People) {
    let mut population = generate(2_000, 21);
    for [id, first, last, dob, ssn, address] in rows {
        let mut row = vec![String::new(); population.header.len()];
        for (at, value) in [(0, id), (1, first), (3, last), (5, dob), (7, ssn), (10, address)] {
            (*value).clone_into(&mut row[at]);
        }
        population.rows.push(row);
    }
    let people = read(&population.header, &population.rows, None);
    (population, people)
}

fn pair<'a>(
    people: &People,
    findings: &'a Findings,
    left: &str,
    right: &str,
) -> Option<&'a Scored> {
    findings.pairs.iter().find(|pair| {
        let ids = [people.id(pair.left), people.id(pair.right)];
        ids == [left, right] || ids == [right, left]
    })
}

fn are_together(people: &People, findings: &Findings, left: &str, right: &str) -> bool {
    findings.clusters(people).iter().any(|cluster| {
        [left, right].iter().all(|id| cluster.members.iter().any(|member| member.as_str() == *id))
    })
}

const IDA: [&str; 6] =
    ["ida", "Idalia", "Quillfeather", "1980-03-12", "455-67-1234", "12 Mill Road"];
const IDA_AGAIN: [&str; 6] =
    ["ida2", "Idalia", "Quillfeather", "1980-03-12", "455-67-1234", "12 Mill Rd"];
const MAX: [&str; 6] = ["max", "Maximilian", "Oakley", "1951-11-30", "512-44-9876", "9 Hill Lane"];

#[test]
fn what_is_not_the_same_person_stays_apart_whatever_it_weighs() {
    let (_, people) = with(&[IDA, IDA_AGAIN]);
    let before = run(&people, None, &[]);
    assert_eq!(pair(&people, &before, "ida", "ida2").unwrap().verdict, Verdict::Match);

    let said = [decision("ida2", "ida", Verdict::NoMatch)];
    let after = run(&people, None, &said);

    assert_eq!(pair(&people, &after, "ida", "ida2"), None);
    assert!(!are_together(&people, &after, "ida", "ida2"));
}

#[test]
fn two_people_who_are_told_apart_stay_apart_through_a_third() {
    let third = ["ida3", "Idalia", "Quillfeather", "1980-03-12", "455-67-1234", "12 Mill Road"];
    let (_, people) = with(&[IDA, IDA_AGAIN, third]);

    let findings = run(&people, None, &[decision("ida", "ida2", Verdict::NoMatch)]);

    assert!(!are_together(&people, &findings, "ida", "ida2"));
    let refused =
        findings.refusals(&people).any(|refusal| refusal.reason == RefusalReason::Decided);
    assert!(refused);
}

#[test]
fn what_is_the_same_person_is_joined_although_nothing_agrees() {
    let (_, people) = with(&[IDA, MAX]);
    let said = [decision("ida", "max", Verdict::Match)];

    let findings = run(&people, None, &said);

    let joined = pair(&people, &findings, "ida", "max").unwrap();
    assert!(joined.weight < -20.0);
    assert_eq!(joined.verdict, Verdict::Match);
    assert!(are_together(&people, &findings, "ida", "max"));
}

#[test]
fn a_decision_outlives_another_model() {
    let (_, people) = with(&[IDA, IDA_AGAIN]);
    let said = [decision("ida", "ida2", Verdict::NoMatch)];
    for policy in ["model: learned", "model: shipped", "thresholds: {automatic: 1, review: 0}"] {
        let findings = find(&people, &Policy::parse(policy).unwrap(), None, &said).unwrap();
        assert_eq!(pair(&people, &findings, "ida", "ida2"), None, "{policy}");
    }
}

#[test]
fn a_decision_about_a_record_that_is_gone_does_no_harm() {
    let (_, people) = with(&[IDA, IDA_AGAIN]);
    let findings = run(&people, None, &[decision("ida", "gone", Verdict::Match)]);
    assert!(are_together(&people, &findings, "ida", "ida2"));
}

#[test]
fn the_factors_of_a_pair_sum_to_its_weight() {
    let (_, people) = with(&[IDA, IDA_AGAIN]);
    let findings = run(&people, None, &[]);
    let scorer = Scorer::new(&findings.model, &people);
    for pair in findings.pairs.iter().step_by(37) {
        let explained = explain(&people, &scorer, pair);
        let sum: f64 = explained.factors.iter().map(|factor| factor.weight).sum();
        assert!((explained.prior + sum - pair.weight).abs() < 1e-6, "{:?}", explained.pair);
        let all = explained.alternatives;
        let total = all.same_person + all.household_member + all.twin + all.namesake + all.stranger;
        assert!((total - 1.0).abs() < 1e-9);
        assert!((all.same_person - explained.pair.probability).abs() < 1e-6);
    }
    let explained = explain(&people, &scorer, pair(&people, &findings, "ida", "ida2").unwrap());
    let address = explained.factors.iter().find(|factor| factor.field == Field::Address).unwrap();
    assert_eq!(address.left.as_deref(), Some("12 millrd"));
}

#[test]
fn a_hand_made_policy_replaces_training() {
    let (_, people) = with(&[IDA, IDA_AGAIN]);
    let yaml = "
model: !hand_made
  matches_per_record: 0.15
  fields:
    sex: {exact: {same: 0.99, household: 0.5, twin: 0.5, namesake: 0.9, stranger: 0.5}}
";
    let findings = find(&people, &Policy::parse(yaml).unwrap(), None, &[]).unwrap();

    assert_eq!(findings.model.origin, ModelOrigin::HandMade);
    let sex = &findings.model.fields[&Field::Sex][&shared::duplicate::Agreement::Exact];
    assert!((sex.stranger - 0.5).abs() < 1e-12);
    assert_eq!(pair(&people, &findings, "ida", "ida2").unwrap().verdict, Verdict::Match);
}

#[test]
fn the_summary_says_what_the_model_and_the_passes_are() {
    let (_, people) = with(&[IDA, IDA_AGAIN]);
    let findings = run(&people, None, &[]);

    let summary = findings.summary(&people);

    assert_eq!(summary.fingerprint, findings.model.fingerprint());
    assert_eq!(summary.passes.len(), findings.model.plan.passes.len());
    assert!(summary.matches_per_record > 0.2 && summary.matches_per_record < 0.6);
    assert!(summary.levels.iter().any(|level| level.field == Field::Area));
    let compared: u64 = summary.weights.iter().map(|bin| bin.pairs).sum();
    assert_eq!(compared, findings.compared);
    assert!(summary.notes.is_empty(), "{:?}", summary.notes);
}

#[test]
fn thresholds_and_vetoes_are_the_policys() {
    let other = ["ida3", "Idalia", "Quillfeather", "1980-03-12", "512-99-8765", "12 Mill Road"];
    let (_, people) = with(&[IDA, other]);
    let verdict = |yaml: &str| {
        let findings = find(&people, &Policy::parse(yaml).unwrap(), None, &[]).unwrap();
        pair(&people, &findings, "ida", "ida3").map(|pair| pair.verdict)
    };
    assert_eq!(verdict("thresholds: {automatic: 0}"), Some(Verdict::Review));
    assert_eq!(verdict("{vetoes: [], thresholds: {automatic: 0}}"), Some(Verdict::Match));
    assert_eq!(verdict("{vetoes: [], thresholds: {automatic: 60}}"), Some(Verdict::Review));
    assert_eq!(verdict("{vetoes: [], thresholds: {automatic: 60, review: 55}}"), None);
}

#[test]
fn nobodys_records_are_not_compared_unless_the_policy_says_so() {
    let tests = [
        ["t1", "Test", "Test", "1980-01-05", "", "1 Mill Road"],
        ["t2", "Test", "Test", "1980-01-05", "", "1 Mill Road"],
    ];
    let (population, people) = with(&tests);
    let last = u32::try_from(people.len()).unwrap() - 1;
    assert_eq!(people.row(last).exclusion(), Some(Exclusion::TestRecord));
    assert_eq!(pair(&people, &run(&people, None, &[]), "t1", "t2"), None);

    let columns = Columns::recognise(&population.header, &[]).unwrap();
    let mut builder = Builder::excluding(columns, &[]);
    builder.extend(&population.rows, |row, at| row[at].as_str());
    let people = builder.finish(None).unwrap();
    let findings = run(&people, None, &[]);
    // Compared, but never merged unseen.
    assert_eq!(
        pair(&people, &findings, "t1", "t2").map(|pair| pair.verdict),
        Some(Verdict::Review)
    );
}

#[test]
fn what_the_policy_ignores_is_no_evidence() {
    let (population, _) = with(&[IDA, MAX]);
    let columns = Columns::recognise(&population.header, &[]).unwrap();
    let columns = columns.without(&[Attribute::Identifier, Attribute::Phone]).unwrap();
    let mut builder = Builder::new(columns);
    builder.extend(&population.rows, |row, at| row[at].as_str());
    let people = builder.finish(None).unwrap();
    assert!(people.rows().iter().all(|row| row.identifier == 0 && row.phones == [0, 0]));
}
