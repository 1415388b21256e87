//! How far two records agree, field by field. What one of them does not say is no evidence.

pub mod kernel;
mod pattern;
mod names;
mod contact;

use std::hint::black_box;

use shared::duplicate::{Agreement, Field};

pub use pattern::{Pattern, levels};

use crate::normalize::date::BirthDate;
use crate::normalize::identifier::Sex;
use crate::people::{Index, People, Row};

/// Compares two records. The order of the two does not matter.
pub fn compare(people: &People, left: Index, right: Index) -> Pattern {
    let (a, b) = (people.row(left), people.row(right));
    let given = names::given(people, a, b);
    let address = contact::address(people, a, b);
    let pattern = Pattern::default()
        .with(Field::GivenName, given)
        .with(Field::MiddleName, names::middle(people, a, b, given))
        .with(Field::Surname, names::surname(people, a, b, given))
        .with(Field::Suffix, equal(a.generation.into(), b.generation.into()))
        .with(Field::BirthDate, birth(a.birth, b.birth))
        .with(Field::Sex, sex(a, b))
        .with(Field::Identifier, contact::identifier(people, a, b))
        .with(Field::OtherIdentifier, contact::other_identifier(people, a, b))
        .with(Field::Phone, contact::phone(people, a, b))
        .with(Field::Email, contact::email(people, a, b))
        .with(Field::Address, address)
        .with(Field::Unit, contact::unit(people, a, b, address));
    contact::locality(people, a, b, address, pattern)
}

/// So many pairs are worth comparing at once.
pub(crate) const AT_ONCE: usize = 32;

/// Compares pairs. What they need is read for all of them first: such reads do not wait for each
/// other, whereas those of a comparison would, and most of its time is waiting for memory.
pub(crate) fn compare_all<'a>(
    people: &'a People,
    pairs: &'a [(Index, Index)],
) -> impl Iterator<Item = Pattern> + 'a {
    let records = || pairs.iter().flat_map(|(left, right)| [*left, *right]);
    let rows = records().map(|record| people.row(record).given);
    black_box(rows.fold(0, |all, given| all ^ given));
    let values = records().map(|record| {
        let row = people.row(record);
        let names =
            [row.given, row.middle, row.surname].map(|name| people.names.name(name).letters);
        let (_, street) = people.addresses.parts(row.address);
        names.into_iter().fold(street, |all, letters| all ^ letters)
            ^ people.identifiers.content(row.identifier)
            ^ people.phones.content(row.phones[0])
            ^ people.emails.content(row.email)
            ^ people.places.content(row.unit)
    });
    black_box(values.fold(0, |all, value| all ^ value));
    let texts = records().map(|record| {
        let row = people.row(record);
        let (_, street) = people.addresses.parts(row.address);
        [people.emails.bytes(row.email), people.places.bytes(street)]
            .map(|text| text.first().copied().unwrap_or_default())
    });
    black_box(texts.fold(0, |all, [email, street]| all ^ email ^ street));
    pairs.iter().map(|(left, right)| compare(people, *left, *right))
}

/// How far two dates of birth agree.
pub fn birth(left: BirthDate, right: BirthDate) -> Agreement {
    if !left.is_known() || !right.is_known() {
        return Agreement::Missing;
    }
    let whole = |date: BirthDate| date.month() != 0 && date.day() != 0;
    if whole(left) && whole(right) {
        if left == right {
            return Agreement::Exact;
        }
        if left.year() == right.year() && left.month() == right.day() && left.day() == right.month()
        {
            return Agreement::Swapped;
        }
        if edits(left, right) == 1 {
            return Agreement::OneEdit;
        }
    }
    let same = |a: u32, b: u32| u32::from(a == b && a != 0);
    let parts = same(left.year(), right.year())
        + same(left.month(), right.month())
        + same(left.day(), right.day());
    match parts {
        3 => Agreement::Exact,
        2 => Agreement::Part,
        _ if whole(left) && whole(right) && is_twice_mistyped(left, right) => Agreement::TwoEdits,
        // One year has many people; one day of any month, or one month of any year, says nothing.
        _ if same(left.year(), right.year()) == 1 => Agreement::SmallPart,
        _ => Agreement::Different,
    }
}

/// Two values that can only be the same or not.
pub(crate) const fn equal(left: u32, right: u32) -> Agreement {
    match (left, right) {
        (0, _) | (_, 0) => Agreement::Missing,
        _ if left == right => Agreement::Exact,
        _ => Agreement::Different,
    }
}

fn sex(left: &Row, right: &Row) -> Agreement {
    match (left.sex(), right.sex()) {
        (Sex::Unknown, _) | (_, Sex::Unknown) => Agreement::Missing,
        (a, b) if a == b => Agreement::Exact,
        _ => Agreement::Different,
    }
}

/// Two digits are wrong, or one, and day and month changed places.
fn is_twice_mistyped(left: BirthDate, right: BirthDate) -> bool {
    let swapped = BirthDate::new(left.year(), left.day(), left.month());
    edits(left, right) == 2 || edits(swapped, right) == 1
}

/// How many digits differ, where two neighbours that changed places are one.
const fn edits(left: BirthDate, right: BirthDate) -> u32 {
    let (mut left, mut right) = (left.digits(), right.digits());
    let mut count = 0;
    while left != right {
        let (a, b) = (left % 100, right % 100);
        if a % 10 == b % 10 {
            (left, right) = (left / 10, right / 10);
        } else if a / 10 == b % 10 && a % 10 == b / 10 {
            count += 1;
            (left, right) = (left / 100, right / 100);
        } else {
            count += 1;
            (left, right) = (left / 10, right / 10);
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(left: &str, right: &str, expected: Agreement) {
        // A part that is not known is written as 00.
        let date = |text: &str| {
            let mut parts = text.split('-').map(|part| part.parse().unwrap());
            let mut next = || parts.next().unwrap_or(0);
            BirthDate::new(next(), next(), next())
        };
        assert_eq!(birth(date(left), date(right)), expected);
        assert_eq!(birth(date(right), date(left)), expected);
    }

    #[test]
    fn dates_of_birth_agree_by_what_people_mistype() {
        check("1980-03-12", "1980-03-12", Agreement::Exact);
        check("1980-03-12", "1980-12-03", Agreement::Swapped);
        check("1980-03-12", "1980-03-13", Agreement::OneEdit);
        check("1980-03-12", "1980-03-21", Agreement::OneEdit);
        check("1980-03-12", "1908-03-12", Agreement::OneEdit);
        check("1980-03-12", "1972-03-12", Agreement::Part);
        check("1980-03-12", "1980-04-13", Agreement::TwoEdits);
        check("1980-03-12", "1981-12-03", Agreement::TwoEdits);
        check("1980-03-12", "1980-07-25", Agreement::SmallPart);
        check("1980-03-12", "1975-03-25", Agreement::Different);
        check("1980-03-12", "1975-07-25", Agreement::Different);
    }

    #[test]
    fn a_part_that_is_not_known_is_no_evidence() {
        check("1980-03-12", "0", Agreement::Missing);
        check("1980-03-12", "1980-00-00", Agreement::SmallPart);
        check("1980-03-00", "1980-03-00", Agreement::Part);
        check("1980-03-12", "1979-00-00", Agreement::Different);
    }
}
