//! What survives of the records of one person: a golden record, each value with where it came
//! from. A pure function of the records, the policy and what somebody chose, so that taking a
//! record out again, and doing it all again, give what they should.

use std::collections::{BTreeMap, BTreeSet};

use shared::duplicate::{Attribute, GoldenRecord, GoldenValue, Person, RecordId, SurvivalRule};

use crate::normalize::contact;
use crate::normalize::identifier;
use crate::policy::Survival;

/// What somebody chose by hand: of which record the value survives, or a value of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    From(RecordId),
    Value(String),
}

/// Makes the golden record of some records of one person. None when there is no record.
pub fn survive(
    members: &[Person],
    policy: &Survival,
    chosen: &BTreeMap<Attribute, Choice>,
) -> Option<GoldenRecord> {
    let mut members: Vec<&Person> = members.iter().collect();
    members.sort_by(|a, b| a.id.cmp(&b.id));
    let survivor = ranked(&members, policy.rule, policy).first()?.id.clone();
    let mut values = BTreeMap::new();
    let attributes: BTreeSet<Attribute> =
        members.iter().flat_map(|person| person.values.keys().copied()).collect();
    let lock = address_of(&members, policy, chosen);
    for attribute in attributes.iter().copied().filter(|attribute| is_survivable(*attribute)) {
        let rule = policy.rules.get(&attribute).copied().unwrap_or(policy.rule);
        let survived = match chosen.get(&attribute) {
            Some(choice) => by_hand(&members, attribute, choice, &survivor),
            None if LOCK_STEP.contains(&attribute) => {
                lock.map(|person| whole(person, attribute, lock_rule(policy))).unwrap_or_default()
            }
            None if is_many(attribute) => union(&ranked(&members, rule, policy), attribute, rule),
            None => best(&members, attribute, rule, policy),
        };
        if !survived.is_empty() {
            values.insert(attribute, survived);
        }
    }
    Some(GoldenRecord {
        survivor,
        members: members.iter().map(|person| person.id.clone()).collect(),
        contradictions: contradictions(&members, chosen),
        values,
    })
}

/// A street of one record with the city of another is nobody's address.
const LOCK_STEP: [Attribute; 6] = [
    Attribute::HouseNumber,
    Attribute::Street,
    Attribute::Unit,
    Attribute::City,
    Attribute::Postcode,
    Attribute::State,
];

/// What one person has one of, for life: two of them are a question, not a choice.
const ONE_FOR_LIFE: [Attribute; 3] = [Attribute::Identifier, Attribute::BirthDate, Attribute::Sex];

const fn is_survivable(attribute: Attribute) -> bool {
    !matches!(attribute, Attribute::RecordId | Attribute::Source | Attribute::UpdatedAt)
}

/// What a person may have several of.
const fn is_many(attribute: Attribute) -> bool {
    matches!(attribute, Attribute::Phone | Attribute::Email | Attribute::OtherIdentifier)
}

fn said(person: &Person, attribute: Attribute) -> impl Iterator<Item = &str> {
    person
        .values
        .get(&attribute)
        .into_iter()
        .flatten()
        .map(|value| value.trim())
        .filter(|value| !crate::normalize::text::is_blank(value))
}

/// The members in the order in which a rule prefers them. Equals keep the order of their ids.
fn ranked<'a>(members: &[&'a Person], rule: SurvivalRule, policy: &Survival) -> Vec<&'a Person> {
    let mut ranked = members.to_vec();
    let completeness = |person: &Person| {
        person.values.keys().filter(|key| said(person, **key).next().is_some()).count()
    };
    let trust = |person: &Person| {
        let place = |source: &String| policy.sources.iter().position(|trusted| trusted == source);
        person.source.as_ref().and_then(place).unwrap_or(usize::MAX)
    };
    match rule {
        // A record of which nobody knows when it was changed is neither new nor old.
        SurvivalRule::Newest => {
            ranked.sort_by_key(|person| std::cmp::Reverse(person.updated_at));
        }
        SurvivalRule::Oldest => {
            ranked.sort_by_key(|person| (person.updated_at.is_none(), person.updated_at));
        }
        SurvivalRule::MostTrusted => ranked.sort_by_key(|person| trust(person)),
        SurvivalRule::MostComplete
        | SurvivalRule::Longest
        | SurvivalRule::MostFrequent
        | SurvivalRule::Manual => {
            ranked.sort_by_key(|person| std::cmp::Reverse(completeness(person)));
        }
    }
    ranked
}

fn best(
    members: &[&Person],
    attribute: Attribute,
    rule: SurvivalRule,
    policy: &Survival,
) -> Vec<GoldenValue> {
    let ranked = ranked(members, rule, policy);
    let mut known = ranked
        .iter()
        .filter_map(|person| Some((*person, said(person, attribute).next()?)))
        .collect::<Vec<_>>();
    match rule {
        SurvivalRule::Longest => {
            known.sort_by_key(|(_, value)| std::cmp::Reverse(value.chars().count()));
        }
        SurvivalRule::MostFrequent => {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            for (_, value) in &known {
                *counts.entry(same_form(attribute, value)).or_default() += 1;
            }
            known.sort_by_key(|(_, value)| std::cmp::Reverse(counts[&same_form(attribute, value)]));
        }
        _ => {}
    }
    known.first().map(|(person, value)| golden(person, value, rule)).into_iter().collect()
}

/// Every different value, the preferred first.
fn union(ranked: &[&Person], attribute: Attribute, rule: SurvivalRule) -> Vec<GoldenValue> {
    let mut seen = BTreeSet::new();
    let mut values = Vec::new();
    for person in ranked {
        for value in said(person, attribute) {
            if seen.insert(same_form(attribute, value)) {
                values.push(golden(person, value, rule));
            }
        }
    }
    values
}

fn lock_rule(policy: &Survival) -> SurvivalRule {
    policy.rules.get(&Attribute::Street).copied().unwrap_or(policy.rule)
}

/// The record whose whole address survives.
fn address_of<'a>(
    members: &[&'a Person],
    policy: &Survival,
    chosen: &BTreeMap<Attribute, Choice>,
) -> Option<&'a Person> {
    let by_hand = LOCK_STEP.iter().find_map(|attribute| match chosen.get(attribute) {
        Some(Choice::From(id)) => members.iter().find(|person| person.id == *id).copied(),
        _ => None,
    });
    let rule = lock_rule(policy);
    let parts = |person: &Person| {
        LOCK_STEP.iter().filter(|part| said(person, **part).next().is_some()).count()
    };
    by_hand.or_else(|| {
        let mut ranked = ranked(members, rule, policy);
        ranked.retain(|person| parts(person) > 0);
        if matches!(
            rule,
            SurvivalRule::Longest | SurvivalRule::MostComplete | SurvivalRule::MostFrequent
        ) {
            ranked.sort_by_key(|person| std::cmp::Reverse(parts(person)));
        }
        // Half an address does not replace a whole one, however new it is.
        let most = ranked.iter().map(|person| parts(person)).max()?;
        ranked.into_iter().find(|person| 2 * parts(person) > most)
    })
}

fn whole(person: &Person, attribute: Attribute, rule: SurvivalRule) -> Vec<GoldenValue> {
    said(person, attribute).take(1).map(|value| golden(person, value, rule)).collect()
}

fn by_hand(
    members: &[&Person],
    attribute: Attribute,
    choice: &Choice,
    survivor: &RecordId,
) -> Vec<GoldenValue> {
    match choice {
        Choice::From(id) => members
            .iter()
            .filter(|person| person.id == *id)
            .flat_map(|person| {
                said(person, attribute).map(|value| golden(person, value, SurvivalRule::Manual))
            })
            .collect(),
        Choice::Value(value) => vec![GoldenValue {
            value: value.clone(),
            from: survivor.clone(),
            source: None,
            rule: SurvivalRule::Manual,
        }],
    }
}

fn contradictions(members: &[&Person], chosen: &BTreeMap<Attribute, Choice>) -> Vec<Attribute> {
    ONE_FOR_LIFE
        .into_iter()
        .filter(|attribute| !chosen.contains_key(attribute))
        .filter(|attribute| {
            let forms: BTreeSet<String> = members
                .iter()
                .flat_map(|person| {
                    said(person, *attribute).map(|value| same_form(*attribute, value))
                })
                .filter(|form| !form.is_empty())
                .collect();
            forms.len() > 1
        })
        .collect()
}

/// A form in which two writings of one value are equal. Empty for a value that is nobody's.
fn same_form(attribute: Attribute, value: &str) -> String {
    let mut out = String::new();
    match attribute {
        Attribute::Phone => {
            contact::phone(value, &mut out);
        }
        Attribute::Email => {
            contact::email(value, &mut out);
        }
        Attribute::Identifier | Attribute::OtherIdentifier => {
            identifier::identifier(value, &mut out);
        }
        Attribute::BirthDate => {
            let date = crate::normalize::date::parse(value).map(|(date, _)| date.digits());
            out.extend(date.map(|digits| digits.to_string()));
        }
        Attribute::Sex => out = format!("{:?}", identifier::sex(value)),
        _ => crate::normalize::text::words(value, &mut out),
    }
    out
}

fn golden(person: &Person, value: &str, rule: SurvivalRule) -> GoldenValue {
    GoldenValue {
        value: value.to_owned(),
        from: person.id.clone(),
        source: person.source.clone(),
        rule,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn person(id: &str, day: i64, values: &[(Attribute, &str)]) -> Person {
        let mut person = Person {
            id: RecordId::from(id),
            source: Some(format!("source of {id}")),
            updated_at: (day > 0).then(|| DateTime::from_timestamp(day * 86_400, 0).unwrap()),
            values: BTreeMap::new(),
        };
        for (attribute, value) in values {
            person.values.entry(*attribute).or_default().push((*value).to_owned());
        }
        person
    }

    fn members() -> [Person; 3] {
        use Attribute::{City, Email, GivenName, Identifier, Phone, Street};
        [
            person(
                "a",
                10,
                &[
                    (GivenName, "Ida"),
                    (Phone, "617-555-0142"),
                    (Street, "1 Mill Road"),
                    (City, "Ottery"),
                ],
            ),
            person(
                "b",
                30,
                &[
                    (GivenName, "Idalia"),
                    (Phone, "(617) 555 0142"),
                    (City, "Hale"),
                    (Identifier, "4556 77 1234"),
                ],
            ),
            person(
                "c",
                20,
                &[
                    (GivenName, "Ida"),
                    (Phone, "617-555-0177"),
                    (Email, "ida@example.org"),
                    (Street, "9 Hill Lane"),
                    (City, "Hale"),
                ],
            ),
        ]
    }

    fn with(rule: SurvivalRule) -> Survival {
        Survival { rule, ..Survival::default() }
    }

    #[track_caller]
    fn check(rule: SurvivalRule, survivor: &str, given: &str, from: &str) {
        let golden = survive(&members(), &with(rule), &BTreeMap::new()).unwrap();
        let value = &golden.values[&Attribute::GivenName][0];
        assert_eq!(
            (golden.survivor.as_str(), value.value.as_str(), value.from.as_str()),
            (survivor, given, from)
        );
        assert_eq!(value.rule, rule);
    }

    #[test]
    fn each_rule_prefers_what_it_says() {
        check(SurvivalRule::Newest, "b", "Idalia", "b");
        check(SurvivalRule::Oldest, "a", "Ida", "a");
        check(SurvivalRule::MostComplete, "c", "Ida", "c");
        check(SurvivalRule::Longest, "c", "Idalia", "b");
        check(SurvivalRule::MostFrequent, "c", "Ida", "c");
    }

    #[test]
    fn the_most_trusted_source_comes_first_and_unknown_ones_last() {
        let policy =
            Survival { sources: vec!["source of c".into()], ..with(SurvivalRule::MostTrusted) };
        let golden = survive(&members(), &policy, &BTreeMap::new()).unwrap();
        assert_eq!(golden.survivor.as_str(), "c");
    }

    #[test]
    fn an_address_survives_whole_or_not_at_all() {
        let golden = survive(&members(), &Survival::default(), &BTreeMap::new()).unwrap();
        let value = |attribute| golden.values[&attribute][0].value.as_str();
        // b is newest and knows a city only.
        assert_eq!((value(Attribute::Street), value(Attribute::City)), ("9 Hill Lane", "Hale"));
    }

    #[test]
    fn phones_survive_all_and_each_once() {
        let golden = survive(&members(), &Survival::default(), &BTreeMap::new()).unwrap();
        let phones: Vec<&str> =
            golden.values[&Attribute::Phone].iter().map(|phone| phone.value.as_str()).collect();
        assert_eq!(phones, ["(617) 555 0142", "617-555-0177"]);
    }

    #[test]
    fn a_choice_by_hand_stands_above_every_rule() {
        let chosen = BTreeMap::from([
            (Attribute::GivenName, Choice::From(RecordId::from("a"))),
            (Attribute::Email, Choice::Value("i.moor@example.org".into())),
        ]);
        let golden = survive(&members(), &Survival::default(), &chosen).unwrap();
        assert_eq!(golden.values[&Attribute::GivenName][0].value, "Ida");
        assert_eq!(golden.values[&Attribute::GivenName][0].rule, SurvivalRule::Manual);
        assert_eq!(golden.values[&Attribute::Email][0].value, "i.moor@example.org");
    }

    #[test]
    fn two_identifiers_are_never_chosen_between_in_silence() {
        let mut members = members();
        members[0].values.insert(Attribute::Identifier, vec!["455677-1234".into()]);
        let golden = survive(&members, &Survival::default(), &BTreeMap::new()).unwrap();
        assert_eq!(golden.contradictions, []);

        members[2].values.insert(Attribute::Identifier, vec!["455688-9999".into()]);
        let golden = survive(&members, &Survival::default(), &BTreeMap::new()).unwrap();
        assert_eq!(golden.contradictions, [Attribute::Identifier]);
    }

    #[test]
    fn the_order_of_the_members_does_not_matter() {
        let mut members = members();
        let first = survive(&members, &Survival::default(), &BTreeMap::new());
        members.reverse();
        assert_eq!(survive(&members, &Survival::default(), &BTreeMap::new()), first);
        assert_eq!(survive(&[], &Survival::default(), &BTreeMap::new()), None);
    }
}
