use std::collections::{BTreeMap, BTreeSet};

use super::*;

fn column(population: &Population, name: &str) -> usize {
    population.header.iter().position(|header| header == name).expect("a column")
}

/// The records of each person.
fn by_person(population: &Population) -> BTreeMap<&str, Vec<&Vec<String>>> {
    let mut people: BTreeMap<&str, Vec<&Vec<String>>> = BTreeMap::new();
    for (row, (id, person)) in population.rows.iter().zip(&population.truth) {
        assert_eq!(row[0], *id);
        people.entry(person).or_default().push(row);
    }
    people
}

/// How many of a thousand.
fn permille(part: usize, whole: usize) -> usize {
    part * 1000 / whole
}

#[test]
fn the_same_seed_gives_the_same_people_and_another_gives_others() {
    let first = population(2_000, 1, Kind::Usual);
    assert_eq!(first, population(2_000, 1, Kind::Usual));
    assert_ne!(first.rows, population(2_000, 2, Kind::Usual).rows);
    assert_eq!(first.rows.len(), 2_000);
    // Other versions of this program must make the same people from the same seed.
    assert_eq!(
        first.rows[1][1..].join("|"),
        "James|Fredrick|Cook||1972-11-05|M||876-234-2861||6445 Bremmdale Street||Huxgrertfield|CT|10008"
    );
}

#[test]
fn what_is_written_is_a_population_in_any_number_of_parts() {
    let folder = tempfile::tempdir().unwrap();
    let (mut people, mut truth) = (Vec::new(), Vec::new());
    let summary = write(150_000, 7, Kind::Usual, &mut people, &mut truth, folder.path()).unwrap();

    let (people, truth) = (String::from_utf8(people).unwrap(), String::from_utf8(truth).unwrap());
    assert_eq!(summary.records, 150_000);
    assert_eq!((people.lines().count(), truth.lines().count()), (150_001, 150_001));
    assert_eq!(people.lines().next().unwrap(), HEADER.join(","));
    assert!(people.lines().all(|line| line.split(',').count() == HEADER.len()));
    let persons: BTreeSet<&str> =
        truth.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
    assert_eq!(persons.len() as u64, summary.people);
    // No trace of the scratch files is left.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn proportions_are_those_of_a_migration_from_several_systems() {
    let population = population(30_000, 3, Kind::Usual);
    let people = by_person(&population);
    let rows = &population.rows;
    let missing = |name: &str| {
        let at = column(&population, name);
        permille(rows.iter().filter(|row| row[at].is_empty()).count(), rows.len())
    };

    let surplus = permille(rows.len() - people.len(), rows.len());
    assert!((220..245).contains(&surplus), "{surplus}");
    assert!(people.values().all(|records| records.len() <= 5));
    assert!((330..370).contains(&missing("ssn")), "{}", missing("ssn"));
    assert!((430..470).contains(&missing("email")));
    assert!((100..140).contains(&missing("phone")));
    assert!((35..65).contains(&missing("address")));
    let filler = |name: &str, text: &str| {
        let at = column(&population, name);
        rows.iter().filter(|row| row[at] == text).count()
    };
    for (name, text) in [
        ("ssn", "999-99-9999"),
        ("phone", "555-555-5555"),
        ("dob", "1900-01-01"),
        ("first_name", "Baby Boy"),
    ] {
        assert!(filler(name, text) > 20, "{name} {text}");
    }
}

#[test]
fn there_are_twins_namesakes_and_households() {
    let population = population(30_000, 5, Kind::Clean);
    let at = |name: &str| column(&population, name);
    let (first, last, dob, address, city, suffix) =
        (at("first_name"), at("last_name"), at("dob"), at("address"), at("city"), at("suffix"));
    let mut homes: BTreeMap<(&str, &str), Vec<&Vec<String>>> = BTreeMap::new();
    for row in population.rows.iter().filter(|row| !row[address].is_empty()) {
        homes.entry((&row[address], &row[city])).or_default().push(row);
    }
    let (mut shared, mut twins, mut namesakes) = (0, 0, 0);
    for home in homes.values() {
        for (place, one) in home.iter().enumerate() {
            for other in &home[place + 1..] {
                shared += usize::from(one[last] == other[last]);
                twins += usize::from(one[dob] == other[dob] && one[first] != other[first]);
                namesakes += usize::from(
                    one[first] == other[first]
                        && one[last] == other[last]
                        && one[dob] != other[dob],
                );
            }
        }
    }
    assert!(shared > 10_000, "{shared}");
    assert!((100..600).contains(&twins), "{twins}");
    assert!((60..600).contains(&namesakes), "{namesakes}");
    assert!(population.rows.iter().any(|row| row[suffix] == "Sr"));
}

#[test]
fn everybody_once_is_nobody_twice_and_singles_share_no_address() {
    let clean = population(4_000, 9, Kind::Clean);
    assert_eq!(by_person(&clean).len(), 4_000);

    let singles = population(4_000, 9, Kind::Singles);
    let (address, city) = (column(&singles, "address"), column(&singles, "city"));
    let people = by_person(&singles);
    let mut homes = BTreeSet::new();
    let alone = people
        .values()
        .filter(|records| !records[0][address].is_empty())
        .filter(|records| homes.insert((&records[0][address], &records[0][city])))
        .count();
    assert!(alone * 100 > people.len() * 93, "{alone} of {}", people.len());
}

#[test]
fn names_are_as_frequent_as_the_census_counted() {
    let population = population(30_000, 11, Kind::Clean);
    let last = column(&population, "last_name");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &population.rows {
        *counts.entry(&row[last]).or_default() += 1;
    }
    // Every hundredth is a Smith or a Johnson, and most names belong to few.
    let smiths = permille(counts["Smith"], population.rows.len());
    assert!((5..14).contains(&smiths), "{smiths}");
    assert!(counts.len() > 8_000, "{}", counts.len());
}
