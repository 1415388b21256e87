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
pub(crate) fn compare_all(people: &People, pairs: &[(Index, Index)]) -> Vec<Pattern> {
    let mut read = 0;
    for (left, right) in pairs {
        read ^= people.row(*left).given ^ people.row(*right).given;
    }
    black_box(read);
    let rows = || pairs.iter().map(|(left, right)| [left, right].map(|record| people.row(*record)));
    for row in rows().flatten() {
        let (_, street) = people.addresses.parts(row.address);
        read ^= people.names.name(row.given).letters
            ^ people.names.name(row.middle).letters
            ^ people.names.name(row.surname).letters
            ^ people.identifiers.content(row.identifier)
            ^ people.phones.content(row.phones[0])
            ^ people.emails.content(row.email)
            ^ people.places.content(row.unit)
            ^ street;
    }
    black_box(read);
    let first = |text: &[u8]| text.first().copied().unwrap_or_default();
    for row in rows().flatten() {
        let (_, street) = people.addresses.parts(row.address);
        read ^=
            u32::from(first(people.emails.bytes(row.email)) ^ first(people.places.bytes(street)));
    }
    black_box(read);
    pairs.iter().map(|(left, right)| compare(people, *left, *right)).collect()
}

/// How far two dates of birth agree.
pub fn birth(left: BirthDate, right: BirthDate) -> Agreement {
    if !left.is_known() || !right.is_known() {
        return Agreement::Missing;
    }
    let whole = |date: BirthDate| date.month() != 0 && date.day() != 0;
    let same = |a: u32, b: u32| u32::from(a == b && a != 0);
    let parts = same(left.year(), right.year())
        + same(left.month(), right.month())
        + same(left.day(), right.day());
    if !whole(left) || !whole(right) {
        return if parts == 2 { Agreement::Part } else { by_year(left, right) };
    }
    if left == right {
        return Agreement::Exact;
    }
    let swapped = BirthDate::new(left.year(), left.day(), left.month());
    if swapped == right {
        return Agreement::Swapped;
    }
    let right_digits = Digits::of(right);
    match (Digits::of(left).edits(right_digits), parts) {
        (1, _) => Agreement::OneEdit,
        (_, 2) => Agreement::Part,
        // Two digits are wrong, or one, and day and month changed places.
        (2, _) => Agreement::TwoEdits,
        _ if Digits::of(swapped).edits(right_digits) == 1 => Agreement::TwoEdits,
        _ => by_year(left, right),
    }
}

/// One year has many people; one day of any month, or one month of any year, says nothing.
fn by_year(left: BirthDate, right: BirthDate) -> Agreement {
    if left.year() == right.year() && left.year() != 0 {
        Agreement::SmallPart
    } else {
        Agreement::Different
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

/// The eight digits of a date, a byte each, the last one in the lowest.
#[derive(Clone, Copy)]
struct Digits(u64);

impl Digits {
    fn of(date: BirthDate) -> Self {
        let mut rest = date.digits();
        let mut digits = 0;
        for at in (0..u64::BITS).step_by(8) {
            digits |= u64::from(rest % 10) << at;
            rest /= 10;
        }
        Self(digits)
    }

    /// How many digits differ, up to three, where two neighbours that changed places are one.
    const fn edits(self, other: Self) -> u32 {
        let mut differs = self.0 ^ other.0;
        let mut count = 0;
        while differs != 0 && count < 3 {
            let at = differs.trailing_zeros() & !7;
            let (a, b) = (self.0 >> at, other.0 >> at);
            let have_swapped = a & 0xff == b >> 8 & 0xff && a >> 8 & 0xff == b & 0xff;
            differs &= u64::MAX << at << 8 << if have_swapped { 8 } else { 0 };
            count += 1;
        }
        count
    }
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
