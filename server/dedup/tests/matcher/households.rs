//! A population as a hospital meets it: families at one address, twins, sons named after fathers.

use dedup::evaluate::{at_precision, at_weight};
use dedup::train::Finding;
use shared::duplicate::{ModelOrigin, Verdict};

use crate::support::population::{Kind, generate, generate_kind};
use crate::support::{read_population, run};

#[test]
fn families_are_kept_apart_and_people_found() {
    let population = generate(12_000, 7);
    let (people, truth) = read_population(&population);

    let findings = run(&people, None, &[]);

    let training = findings.training.as_ref().unwrap();
    assert_eq!(findings.model.origin, ModelOrigin::Learned, "{:?}", training.findings);
    let weighed = || findings.pairs.iter().map(|pair| (pair.left, pair.right, pair.weight));
    let curve = truth.curve(weighed());
    let sure = at_weight(&curve, 4.25).unwrap().quality;
    assert!(sure.precision >= 0.995 && sure.recall >= 0.95, "{sure:?}");
    let precise = at_precision(&curve, 0.999).unwrap().quality;
    assert!(precise.recall >= 0.85, "{precise:?}");

    let proposed = truth.of_clusters(&findings.proposed.numbers(people.len()));
    assert!(proposed.pairwise.f1 >= 0.98, "{proposed:?}");
    assert!(proposed.over_merged <= 15, "{proposed:?}");
    let automatic = truth.of_clusters(&findings.automatic.numbers(people.len()));
    assert!(automatic.pairwise.precision >= 0.999, "{automatic:?}");
    assert!(automatic.pairwise.recall >= 0.85, "{automatic:?}");

    for band in truth.calibration(weighed()) {
        let few = 0.5 / f64::from(u32::try_from(band.pairs).unwrap()).sqrt();
        let off = (band.stated - band.observed).abs();
        assert!(band.from < 0.9 || off <= 0.03 + few, "{band:?}");
    }
    // The twin class once took the worst matches for itself, and the count fell by a fifth.
    let expected = findings.training.as_ref().unwrap().expected_matches;
    let counted = f64::from(u32::try_from(truth.true_pairs()).unwrap());
    assert!((expected / counted - 1.0).abs() < 0.05, "{expected} of {counted}");
}

#[test]
fn where_nobody_lives_together_the_household_takes_no_match() {
    let population = generate_kind(6_000, 11, Kind::Singles);
    let (people, truth) = read_population(&population);

    let findings = run(&people, None, &[]);

    let proposed = truth.of_clusters(&findings.proposed.numbers(people.len()));
    assert!(proposed.pairwise.f1 >= 0.98, "{proposed:?}");
    let training = findings.training.as_ref().unwrap();
    assert!(training.expected_household_pairs < 0.05 * training.expected_matches, "{training:?}");
}

#[test]
fn a_table_without_duplicates_is_not_learned_from_and_merges_nobody() {
    let population = generate_kind(5_000, 13, Kind::Clean);
    let (people, truth) = read_population(&population);

    let findings = run(&people, None, &[]);

    let training = findings.training.as_ref().unwrap();
    assert_eq!(findings.model.origin, ModelOrigin::Shipped);
    assert!(training.findings.iter().any(Finding::is_fatal), "{:?}", training.findings);
    assert_eq!((truth.true_pairs(), findings.count(Verdict::Match)), (0, 0));
    assert!(findings.count(Verdict::Review) < 50, "{}", findings.count(Verdict::Review));
}
