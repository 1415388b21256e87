//! People who are in the system twice, and people who only look like it.

use chrono::{Datelike as _, Months, NaiveDate};

use super::dice::Dice;
use super::ids::PATIENT;
use super::names::{self, Culture, Name, Sex};
use super::people::{birthdate, name_mut};
use super::truth::Pair;
use super::world::World;

/// In what two records of one person differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    ExactCopy,
    Typo,
    SwappedNames,
    Nickname,
    DayMonthSwapped,
    YearOffByOne,
    MissingBirthdate,
    DifferentOffice,
    Diacritics,
    Romanisation,
}

const KINDS: &[Kind] = &[
    Kind::ExactCopy,
    Kind::Typo,
    Kind::SwappedNames,
    Kind::Nickname,
    Kind::DayMonthSwapped,
    Kind::YearOffByOne,
    Kind::MissingBirthdate,
    Kind::DifferentOffice,
    Kind::Diacritics,
    Kind::Romanisation,
];

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::ExactCopy => "exact_copy",
            Self::Typo => "typo",
            Self::SwappedNames => "swapped_names",
            Self::Nickname => "nickname",
            Self::DayMonthSwapped => "day_month_swapped",
            Self::YearOffByOne => "year_off_by_one",
            Self::MissingBirthdate => "missing_birthdate",
            Self::DifferentOffice => "different_office",
            Self::Diacritics => "diacritics",
            Self::Romanisation => "romanisation",
        }
    }
}

/// Takes patients from those who wait and makes them records of one person, or look-alikes.
pub(super) fn plant(world: &mut World, dice: &mut Dice, waiting: &mut Vec<u32>) {
    let volume = world.volume;
    // Two people were entered three times each.
    for _ in 0..2 {
        let [first, second, third] = take(waiting);
        duplicate(world, dice, first, second, Kind::ExactCopy);
        duplicate(world, dice, first, third, Kind::DifferentOffice);
        note_duplicate(world, second, third, Kind::DifferentOffice);
    }
    for kind in KINDS {
        for _ in 0..volume.of(26, 1) {
            let [first, second] = take(waiting);
            duplicate(world, dice, first, second, *kind);
        }
    }
    for _ in 0..volume.of(20, 2) {
        let [first, second] = take(waiting);
        make_twins(world, dice, first, second);
    }
    for _ in 0..volume.of(20, 2) {
        let [father, son] = take(waiting);
        make_father_and_son(world, dice, father, son);
    }
    let tests: [u32; 3] = take(waiting);
    for (count, patient) in tests.into_iter().enumerate() {
        let name = name_mut(world, patient);
        *name = Name { first: "Test".to_owned(), last: "Test".to_owned() };
        world.patients[patient as usize].birthdate =
            NaiveDate::from_ymd_opt(2000, 1, 1).filter(|_| count == 0);
    }
    for (left, right) in [(0, 1), (0, 2), (1, 2)] {
        note_look_alike(world, tests[left], tests[right], "test_test");
    }
}

fn take<const N: usize>(waiting: &mut Vec<u32>) -> [u32; N] {
    std::array::from_fn(|_| waiting.pop().expect("the least sample has patients enough"))
}

/// Makes the second a record of the first's person.
fn duplicate(world: &mut World, dice: &mut Dice, first: u32, second: u32, kind: Kind) {
    let sex = match world.patients[first as usize].sex {
        Some(1) => Sex::Male,
        _ => Sex::Female,
    };
    // The first record has to be one that can be written in another way.
    let other_name = match kind {
        Kind::Nickname => {
            let (full, short) = names::nickname(dice, sex);
            let last = names::of(dice, Culture::English, sex).last;
            *name_mut(world, first) = Name { first: full.to_owned(), last: last.clone() };
            Some(Name { first: short.to_owned(), last })
        }
        Kind::Typo => {
            let name = names::of(dice, Culture::English, sex);
            *name_mut(world, first) = name.clone();
            Some(names::misspelt(dice, &name))
        }
        Kind::SwappedNames => {
            let name = names::of(dice, Culture::English, sex);
            *name_mut(world, first) = name.clone();
            Some(Name { first: name.last, last: name.first })
        }
        Kind::Diacritics => {
            let (own, plain) = names::with_diacritics(dice, sex);
            *name_mut(world, first) = own;
            Some(plain)
        }
        Kind::Romanisation => {
            let culture = dice.any(&[Culture::Japanese, Culture::Thai]);
            let (script, latin) = names::in_script(dice, culture, sex);
            *name_mut(world, first) = script;
            Some(latin)
        }
        _ => None,
    };
    if kind == Kind::DayMonthSwapped {
        let (day, month) = (dice.between(1, 6), dice.between(7, 12));
        world.patients[first as usize].birthdate = world.patients[first as usize]
            .birthdate
            .and_then(|date| with_day_and_month(date, day, month));
    }

    let name = other_name.unwrap_or_else(|| name_mut(world, first).clone());
    *name_mut(world, second) = name;
    let (sex, suffix, doctor, office, born) = {
        let first = &world.patients[first as usize];
        (first.sex, first.suffix.clone(), first.doctor, first.office, first.birthdate)
    };
    let record = &mut world.patients[second as usize];
    record.sex = sex;
    record.birthdate = match kind {
        Kind::DayMonthSwapped => born.and_then(|date| {
            with_day_and_month(date, i64::from(date.month()), i64::from(date.day()))
        }),
        Kind::YearOffByOne => born.and_then(|date| {
            if dice.permille(500) {
                date.checked_add_months(Months::new(12))
            } else {
                date.checked_sub_months(Months::new(12))
            }
        }),
        Kind::MissingBirthdate => None,
        _ => born,
    };
    if kind != Kind::DifferentOffice {
        record.suffix = suffix;
        record.doctor = doctor;
        record.office = office;
    } else if record.office == office {
        let offices = super::count(world.offices.len());
        world.patients[second as usize].office = office.map(|office| (office + 1) % offices);
    }
    note_duplicate(world, first, second, kind);
}

fn make_twins(world: &mut World, dice: &mut Dice, first: u32, second: u32) {
    let (doctor, office, born, suffix) = {
        let first = &world.patients[first as usize];
        (first.doctor, first.office, first.birthdate, first.suffix.clone())
    };
    let twin = &mut world.patients[second as usize];
    (twin.doctor, twin.office, twin.birthdate, twin.suffix) = (doctor, office, born, suffix);
    let sex = if twin.sex == Some(1) { Sex::Male } else { Sex::Female };
    let last = names::of(dice, Culture::English, sex).last;
    let elder = names::of(dice, Culture::English, sex).first;
    let mut younger = elder.clone();
    while younger == elder {
        younger = names::of(dice, Culture::English, sex).first;
    }
    *name_mut(world, first) = Name { first: elder, last: last.clone() };
    *name_mut(world, second) = Name { first: younger, last };
    world.patients[first as usize].sex = world.patients[second as usize].sex;
    note_look_alike(world, first, second, "twins");
}

fn make_father_and_son(world: &mut World, dice: &mut Dice, father: u32, son: u32) {
    let name = names::of(dice, Culture::English, Sex::Male);
    *name_mut(world, father) = name.clone();
    *name_mut(world, son) = name;
    // The son has to be born by now.
    let born = birthdate(dice).checked_sub_months(Months::new(12 * 30));
    let years = u32::try_from(dice.between(22, 38)).expect("an age");
    let (doctor, office) = {
        let father = &mut world.patients[father as usize];
        father.sex = Some(1);
        father.birthdate = born;
        (father.doctor, father.office)
    };
    let son_born = dice.between(0, 364);
    let record = &mut world.patients[son as usize];
    record.sex = Some(1);
    (record.doctor, record.office) = (doctor, office);
    record.birthdate = born
        .and_then(|date| date.checked_add_months(Months::new(12 * years)))
        .and_then(|date| date.checked_add_days(chrono::Days::new(son_born.unsigned_abs())));
    note_look_alike(world, father, son, "father_and_son");
}

fn with_day_and_month(date: NaiveDate, day: i64, month: i64) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(date.year(), u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

fn note_duplicate(world: &mut World, left: u32, right: u32, kind: Kind) {
    let pair = pair(left, right, kind.name());
    world.duplicates.push(pair);
}

fn note_look_alike(world: &mut World, left: u32, right: u32, kind: &str) {
    let pair = pair(left, right, kind);
    world.look_alikes.push(pair);
}

/// The smaller id first.
fn pair(left: u32, right: u32, kind: &str) -> Pair {
    let (left, right) = (PATIENT.at(left.min(right)), PATIENT.at(left.max(right)));
    Pair { kind: kind.to_owned(), left, right }
}
