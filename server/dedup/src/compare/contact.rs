//! Identifiers, phones, e-mail addresses and places.

use shared::duplicate::{Agreement, Field};

use super::{Pattern, equal, kernel};
use crate::people::{People, Row, Table, ValueId};

const STREET_NEAR: f64 = 0.85;
const STREET_CLOSE: f64 = 0.92;
const PLACE_NEAR: f64 = 0.88;

pub(super) fn identifier(people: &People, a: &Row, b: &Row) -> Agreement {
    let agreement = one_edit(&people.identifiers, a.identifier, b.identifier);
    if agreement != Agreement::Different {
        return agreement;
    }
    let [one, other] = [a, b].map(|row| people.identifiers.bytes(row.identifier));
    if one.len().abs_diff(other.len()) <= 2 && kernel::edits(one, other) == 2 {
        Agreement::TwoEdits
    } else {
        Agreement::Different
    }
}

pub(super) fn other_identifier(people: &People, a: &Row, b: &Row) -> Agreement {
    one_edit(&people.other_identifiers, a.other_identifier, b.other_identifier)
}

/// The best of all phones of one against all of the other.
pub(super) fn phone(people: &People, a: &Row, b: &Row) -> Agreement {
    let known = |phones: [ValueId; 2]| phones.into_iter().filter(|phone| *phone != 0);
    if known(a.phones).any(|left| known(b.phones).any(|right| left == right)) {
        return Agreement::Exact;
    }
    known(a.phones)
        .flat_map(|left| known(b.phones).map(move |right| (left, right)))
        .map(|(left, right)| one_edit(&people.phones, left, right))
        .min()
        .unwrap_or(Agreement::Missing)
}

pub(super) fn email(people: &People, a: &Row, b: &Row) -> Agreement {
    if a.email == 0 || b.email == 0 {
        return Agreement::Missing;
    }
    if a.email == b.email {
        return Agreement::Exact;
    }
    let parts = |email: ValueId| {
        let text = people.emails.bytes(email);
        let at = text.iter().rposition(|byte| *byte == b'@').unwrap_or(text.len());
        (&text[..at], text.get(at + 1..).unwrap_or_default())
    };
    let ((left, domain), (right, other_domain)) = (parts(a.email), parts(b.email));
    // A local part without a digit is mostly a name, and was counted there.
    if left == right && left.iter().any(u8::is_ascii_digit) {
        return Agreement::Part;
    }
    // One of them mistyped. Anything less alike is what people of one name choose, and so is
    // another number behind it.
    let is_typo = |one: &[u8], other: &[u8]| {
        let letters = |text: &[u8]| {
            text.iter().copied().filter(|byte| !byte.is_ascii_digit()).collect::<Vec<u8>>()
        };
        kernel::is_one_edit(one, other) && letters(one) != letters(other)
    };
    if domain == other_domain && is_typo(left, right)
        || left == right && is_typo(domain, other_domain)
    {
        return Agreement::OneEdit;
    }
    Agreement::Different
}

pub(super) fn address(people: &People, a: &Row, b: &Row) -> Agreement {
    let (house, street) = people.addresses.parts(a.address);
    let (other_house, other_street) = people.addresses.parts(b.address);
    if lines_have_swapped(people, (street, a.unit), (other_street, b.unit)) {
        return Agreement::Swapped;
    }
    if street == 0 || other_street == 0 {
        return Agreement::Missing;
    }
    if a.address == b.address && house != 0 {
        return Agreement::Exact;
    }
    let likeness = likeness(&people.places, street, other_street, STREET_NEAR);
    let same_house = house == other_house && house != 0;
    if same_house && likeness >= STREET_NEAR {
        Agreement::Near
    } else if likeness >= STREET_CLOSE {
        Agreement::Close
    } else if same_house {
        Agreement::Part
    } else {
        Agreement::Different
    }
}

pub(super) fn unit(people: &People, a: &Row, b: &Row, address: Agreement) -> Agreement {
    // Lines that changed places are counted once, at the address; and flat 4 of one house has
    // nothing to do with flat 4 of another.
    let elsewhere = matches!(address, Agreement::Different | Agreement::Part)
        && (is_flat(people, a.unit) || is_flat(people, b.unit));
    if address == Agreement::Swapped || elsewhere {
        return Agreement::Missing;
    }
    place(&people.places, a.unit, b.unit)
}

/// `4`, `b`, `12c`, and not the name of a place.
fn is_flat(people: &People, unit: ValueId) -> bool {
    let text = people.places.bytes(unit);
    unit != 0 && (text.len() < 4 || text.iter().any(u8::is_ascii_digit))
}

/// Postcode, city and state. What one of them says is not said again by the next: one postcode is
/// in one city, one city in one state. At two different addresses they are one field, because who
/// moves changes them together.
pub(super) fn locality(
    people: &People,
    a: &Row,
    b: &Row,
    address: Agreement,
    pattern: Pattern,
) -> Pattern {
    let postcode = one_edit(&people.postcodes, a.postcode, b.postcode);
    let city = place(&people.cities, a.city, b.city);
    let state = equal(a.state, b.state);
    let same_city = matches!(city, Agreement::Exact | Agreement::Near);
    if matches!(address, Agreement::Different | Agreement::Part) {
        let area = if postcode == Agreement::Exact {
            Agreement::Exact
        } else if same_city {
            Agreement::Part
        } else if state == Agreement::Exact {
            Agreement::SmallPart
        } else if [postcode, city, state].iter().all(|level| *level == Agreement::Missing) {
            Agreement::Missing
        } else {
            Agreement::Different
        };
        return pattern.with(Field::Area, area);
    }
    let pattern = pattern.with(Field::Postcode, postcode);
    if postcode == Agreement::Exact {
        return pattern;
    }
    let pattern = pattern.with(Field::City, city);
    if same_city { pattern } else { pattern.with(Field::State, state) }
}

fn lines_have_swapped(
    people: &People,
    (street, unit): (ValueId, ValueId),
    (other_street, other_unit): (ValueId, ValueId),
) -> bool {
    if street == other_street || unit == other_unit {
        return false;
    }
    let alike = |left: ValueId, right: ValueId| {
        left != 0
            && right != 0
            && likeness(&people.places, left, right, STREET_CLOSE) >= STREET_CLOSE
    };
    match (alike(street, other_unit), alike(unit, other_street)) {
        (true, true) => true,
        (true, false) => unit == 0 || other_street == 0,
        (false, true) => street == 0 || other_unit == 0,
        (false, false) => false,
    }
}

fn place(table: &Table, left: ValueId, right: ValueId) -> Agreement {
    match equal(left, right) {
        Agreement::Different if likeness(table, left, right, PLACE_NEAR) >= PLACE_NEAR => {
            Agreement::Near
        }
        agreement => agreement,
    }
}

fn one_edit(table: &Table, left: ValueId, right: ValueId) -> Agreement {
    match equal(left, right) {
        Agreement::Different if kernel::is_one_edit(table.bytes(left), table.bytes(right)) => {
            Agreement::OneEdit
        }
        agreement => agreement,
    }
}

fn likeness(table: &Table, left: ValueId, right: ValueId, floor: f64) -> f64 {
    if left == right {
        return 1.0;
    }
    kernel::jaro_winkler_from(table.bytes(left), table.bytes(right), floor)
}
