//! Given names, middle names and surnames.

use shared::duplicate::Agreement;

use super::kernel;
use crate::people::{Name, People, Row, ValueId};

const NEAR: f64 = 0.92;
const MIDDLE_NEAR: f64 = 0.88;
const GIVEN_CLOSE: f64 = 0.80;
const SURNAME_CLOSE: f64 = 0.84;
const LOOSE: f64 = 0.70;

pub(super) fn given(people: &People, a: &Row, b: &Row) -> Agreement {
    let names = &people.names;
    if a.given == 0 || b.given == 0 || differ_in_script(people, a.given, b.given) {
        return Agreement::Missing;
    }
    let (left, right) = (names.name(a.given), names.name(b.given));
    if left.is_initial() || right.is_initial() {
        return if left.initial() == right.initial() {
            Agreement::Initial
        } else if have_swapped(people, a, b) {
            Agreement::Swapped
        } else if stands_as_middle(people, a, b) {
            Agreement::Part
        } else {
            Agreement::Different
        };
    }
    if a.given == b.given {
        return Agreement::Exact;
    }
    if names.are_forms_of_one_name(a.given, b.given) {
        return Agreement::Nickname;
    }
    let likeness = similarity(people, a.given, b.given, LOOSE);
    if likeness >= NEAR {
        return Agreement::Near;
    }
    if have_swapped(people, a, b) {
        return Agreement::Swapped;
    }
    if likeness >= GIVEN_CLOSE {
        return Agreement::Close;
    }
    if stands_as_middle(people, a, b) {
        return Agreement::Part;
    }
    if likeness >= LOOSE || (left.sound == right.sound && left.sound != 0) {
        return Agreement::Loose;
    }
    Agreement::Different
}

pub(super) fn middle(people: &People, a: &Row, b: &Row, given: Agreement) -> Agreement {
    if a.middle == 0
        || b.middle == 0
        // A middle name that stands as given name was counted there.
        || given == Agreement::Part
        || differ_in_script(people, a.middle, b.middle)
    {
        return Agreement::Missing;
    }
    let (left, right) = (people.names.name(a.middle), people.names.name(b.middle));
    if left.is_initial() || right.is_initial() {
        return initials(left, right);
    }
    if a.middle == b.middle {
        Agreement::Exact
    } else if similarity(people, a.middle, b.middle, MIDDLE_NEAR) >= MIDDLE_NEAR {
        Agreement::Near
    } else {
        Agreement::Different
    }
}

pub(super) fn surname(people: &People, a: &Row, b: &Row, given: Agreement) -> Agreement {
    let names = &people.names;
    if a.surname == 0
        || b.surname == 0
        // Names that changed places are counted once, at the given name.
        || given == Agreement::Swapped
        || differ_in_script(people, a.surname, b.surname)
    {
        return Agreement::Missing;
    }
    let (left, right) = (names.name(a.surname), names.name(b.surname));
    if left.is_initial() || right.is_initial() {
        return initials(left, right);
    }
    if a.surname == b.surname {
        return Agreement::Exact;
    }
    let likeness = similarity(people, a.surname, b.surname, LOOSE);
    if likeness >= NEAR {
        return Agreement::Near;
    }
    let former = a.previous != 0 && (a.previous == b.surname || a.previous == b.previous)
        || b.previous != 0 && b.previous == a.surname;
    if former || (left.is_double || right.is_double) && share_a_part(people, a.surname, b.surname) {
        return Agreement::Part;
    }
    if likeness >= SURNAME_CLOSE {
        return Agreement::Close;
    }
    if likeness >= LOOSE || (left.sound == right.sound && left.sound != 0) {
        return Agreement::Loose;
    }
    Agreement::Different
}

fn initials(left: &Name, right: &Name) -> Agreement {
    if left.initial() == right.initial() { Agreement::Initial } else { Agreement::Different }
}

fn have_swapped(people: &People, a: &Row, b: &Row) -> bool {
    if a.surname == 0 || b.surname == 0 {
        return false;
    }
    let initial = |left: ValueId, right: ValueId| {
        let (left, right) = (people.names.name(left), people.names.name(right));
        (left.is_initial() || right.is_initial()) && left.initial() == right.initial()
    };
    let (first, second) = ((a.given, b.surname), (a.surname, b.given));
    let [one, other] = [first, second].map(|(left, right)| are_alike(people, left, right));
    // An initial crosses only with a whole name that crosses too.
    (one || initial(first.0, first.1)) && (other || initial(second.0, second.1)) && (one || other)
}

/// The given name of one is the middle name of the other.
fn stands_as_middle(people: &People, a: &Row, b: &Row) -> bool {
    let alike = |left: ValueId, right: ValueId| {
        left != 0
            && right != 0
            && !people.names.name(left).is_initial()
            && are_alike(people, left, right)
    };
    alike(a.given, b.middle) || alike(b.given, a.middle)
}

fn are_alike(people: &People, left: ValueId, right: ValueId) -> bool {
    left == right || similarity(people, left, right, MIDDLE_NEAR) >= MIDDLE_NEAR
}

/// A name in Latin letters says nothing about one that is not.
fn differ_in_script(people: &People, left: ValueId, right: ValueId) -> bool {
    people.names.name(left).is_latin != people.names.name(right).is_latin
}

fn share_a_part(people: &People, left: ValueId, right: ValueId) -> bool {
    let (left, right) = (people.names.text(left), people.names.text(right));
    left.split(' ').any(|part| part.len() > 2 && right.split(' ').any(|other| other == part))
}

fn similarity(people: &People, left: ValueId, right: ValueId, floor: f64) -> f64 {
    let (a, b) = (people.names.name(left), people.names.name(right));
    let (Some(first), Some(second)) = (a.short(), b.short()) else {
        let [left, right] = [left, right].map(|name| people.names.table().bytes(name));
        return kernel::jaro_winkler_from(left, right, floor);
    };
    if kernel::is_possible(first, a.letters, second, b.letters, floor) {
        kernel::short_similarity(first, second)
    } else {
        0.0
    }
}
