//! What survives of people who become one: by the plan's rules, and by what somebody chose.

use std::collections::BTreeMap;

use dedup::survive::{Choice, survive};
use engine::merge::{By, Golden, Order, PersonRow, Survive, Surviving};
use shared::duplicate::{Attribute, GoldenRecord, Person, RecordId, SurvivalRule};
use shared::plan::{Duplicates, Survival};

use super::rows::Shape;

/// Of which record an attribute's value survives.
pub(super) type Choices = BTreeMap<Attribute, RecordId>;

/// Decides for the engine what survives.
pub(super) fn survival(duplicates: &Duplicates, choices: &Choices) -> Survive {
    let (shape, rules) = (Shape::of(duplicates), duplicates.survival.clone());
    let choices = chosen(choices);
    std::sync::Arc::new(move |order, rows| golden(order, rows, &shape, &rules, &choices))
}

/// What would survive of some people.
pub(super) fn record(
    people: &[Person],
    duplicates: &Duplicates,
    choices: &Choices,
) -> Option<GoldenRecord> {
    survive(people, &duplicates.survival, &chosen(choices))
}

fn chosen(choices: &Choices) -> BTreeMap<Attribute, Choice> {
    choices.iter().map(|(attribute, id)| (*attribute, Choice::From(id.clone()))).collect()
}

fn golden(
    order: &Order,
    rows: &[PersonRow],
    shape: &Shape,
    rules: &Survival,
    choices: &BTreeMap<Attribute, Choice>,
) -> Option<Golden> {
    let people: Vec<Person> = rows.iter().map(|row| shape.person(row)).collect();
    let record = survive(&people, rules, choices)?;
    if order.decision.by == By::Policy && waits_for_somebody(&people, rules) {
        return None;
    }
    let place = |id: &RecordId| rows.iter().position(|row| row.id == *id);
    let mut ranking = Vec::new();
    let mut rest = people.clone();
    // The best of those who are left, until nobody is.
    while let Some(next) = survive(&rest, rules, choices) {
        ranking.push(place(&next.survivor)?);
        rest.retain(|person| person.id != next.survivor);
    }
    let mut seen: BTreeMap<Attribute, usize> = BTreeMap::new();
    let cells = shape
        .attributes()
        .iter()
        .map(|attribute| {
            let nth = seen.entry(*attribute).or_default();
            let cell = surviving(&record, *attribute, *nth, rows, shape);
            *nth += 1;
            cell
        })
        .collect();
    Some(Golden { survivor: place(&record.survivor)?, ranking, cells })
}

/// Whether an attribute in which they differ is to be chosen by a person.
fn waits_for_somebody(people: &[Person], rules: &Survival) -> bool {
    let rule = |attribute: &Attribute| rules.rules.get(attribute).copied().unwrap_or(rules.rule);
    Attribute::ALL.iter().filter(|attribute| rule(attribute) == SurvivalRule::Manual).any(
        |attribute| {
            let mut known = people.iter().filter_map(|person| person.values.get(attribute));
            let first = known.next();
            known.any(|other| Some(other) != first)
        },
    )
}

/// Where the value of an attribute's nth column comes from.
fn surviving(
    record: &GoldenRecord,
    attribute: Attribute,
    nth: usize,
    rows: &[PersonRow],
    shape: &Shape,
) -> Surviving {
    let Some(values) = record.values.get(&attribute) else { return Surviving::Own };
    let Some(value) = values.get(nth) else {
        // Of what a person has several of, each value stands once; other further columns are not
        // touched.
        let is_many =
            matches!(attribute, Attribute::Phone | Attribute::Email | Attribute::OtherIdentifier);
        return if is_many { Surviving::Nothing } else { Surviving::Own };
    };
    let found = rows.iter().position(|row| row.id == value.from).and_then(|member| {
        let column =
            shape.attributes().iter().zip(&rows[member].values).position(|(of, text)| {
                *of == attribute && text.as_deref().is_some_and(|text| text.trim() == value.value)
            })?;
        Some(Surviving::Of { member, column })
    });
    found.unwrap_or_else(|| Surviving::Value(value.value.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::merge::Decided;
    use shared::plan::Plan;

    fn duplicates(survival: &str) -> Duplicates {
        let plan = format!(
            "
format: 1
name: clinic
source: csv:.
target: sqlite:new.db
duplicates:
  table: patient
  columns: {{surname: name, phone: [mobile, landline], updated_at: changed}}
  survival: {survival}
tables: []
"
        );
        Plan::from_yaml(&plan).unwrap().duplicates.unwrap()
    }

    fn row(id: &str, values: [&str; 4]) -> PersonRow {
        let value = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        PersonRow { id: RecordId::from(id), values: values.map(value).to_vec() }
    }

    fn order(by: By) -> Order {
        Order {
            id: "m".to_owned(),
            cluster: None,
            members: Vec::new(),
            decision: Decided { by, at: chrono::DateTime::UNIX_EPOCH, basis: String::new() },
        }
    }

    /// The attributes stand in their own order: when it was changed, the name, the phones.
    fn rows() -> [PersonRow; 2] {
        [
            row("1", ["2020-01-01", "Moor", "617-555-0101", "617-555-0102"]),
            row("2", ["2024-01-01", "Moore", "6175550102", ""]),
        ]
    }

    #[test]
    fn the_newest_survives_and_phones_are_each_there_once() {
        let duplicates = duplicates("{rule: newest}");
        let survive = survival(&duplicates, &Choices::new());

        let golden = survive(&order(By::Policy), &rows()).unwrap();

        assert_eq!((golden.survivor, golden.ranking), (1, vec![1, 0]));
        let of = |member, column| Surviving::Of { member, column };
        assert_eq!(golden.cells, [Surviving::Own, of(1, 1), of(1, 2), of(0, 2)]);
    }

    #[test]
    fn what_somebody_chose_survives() {
        let duplicates = duplicates("{rule: newest}");
        let choices = Choices::from([(Attribute::Surname, RecordId::from("1"))]);

        let golden = survival(&duplicates, &choices)(&order(By::Policy), &rows()).unwrap();

        assert_eq!(golden.survivor, 1);
        assert_eq!(golden.cells[1], Surviving::Of { member: 0, column: 1 });
    }

    #[test]
    fn what_a_person_has_to_choose_is_not_merged_by_the_policy_alone() {
        let duplicates = duplicates("{rules: {surname: manual}}");
        let survive = survival(&duplicates, &Choices::new());
        let person = By::Person("Ada Example".to_owned());

        assert!(survive(&order(By::Policy), &rows()).is_none());
        assert!(survive(&order(person), &rows()).is_some());
    }
}
