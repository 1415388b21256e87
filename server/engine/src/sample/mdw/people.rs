//! Users: doctors, patients and those who serve them, with all that is wrong about them.

use super::count;
use super::dice::Dice;
use super::duplicates;
use super::names::{self, Culture, Name, Sex};
use super::time::{DAY, YEAR, day, since};
use super::world::{Group, Patient, User, World};

/// Addresses that belong to nobody.
const DOMAINS: &[&str] =
    &["example.com", "example.org", "example.net", "mail.example", "clinic.example"];

/// An address that several doctors of one clinic share.
const FRONT_DESK: &str = "front.desk@silvermere.example";

pub(super) fn fill(world: &mut World) {
    let volume = world.volume;
    let mut dice = world.dice("people");
    let mut parts: Vec<Group> = Vec::new();
    for (group, wanted) in [
        (Group::Patient, volume.of(8_502, 80)),
        (Group::Doctor, volume.of(1_335, 30)),
        (Group::Technician, volume.of(73, 4)),
        (Group::Sales, volume.of(5, 1)),
        (Group::Admin, volume.of(5, 2)),
        (Group::Master, volume.of(6, 2)),
    ] {
        parts.extend(std::iter::repeat_n(group, wanted as usize));
    }
    dice.shuffle(&mut parts);
    let places = |wanted: &[Group]| -> Vec<u32> {
        parts
            .iter()
            .enumerate()
            .filter(|(_, group)| wanted.contains(group))
            .map(|(place, _)| count(place))
            .collect()
    };
    world.doctors = places(&[Group::Doctor]);
    world.staff = places(&[Group::Technician, Group::Admin, Group::Master]);
    let patients = places(&[Group::Patient]);

    world.users = parts.iter().map(|group| user(&mut dice, *group)).collect();
    let busy = cast_doctors(world, &mut dice);
    let also_doctors: Vec<u32> =
        busy.iter().rev().take(volume.of(25, 2) as usize).copied().collect();
    for user in patients.iter().chain(&also_doctors) {
        let patient = patient(world, &mut dice, *user, &busy);
        world.patients.push(patient);
    }
    for user in &also_doctors {
        world.users[*user as usize].groups.push(Group::Patient);
    }
    cast_patients(world, &mut dice, count(patients.len()));
    put_into_second_groups(world, &mut dice, &also_doctors);
}

fn user(dice: &mut Dice, group: Group) -> User {
    let sex = any_sex(dice);
    let joined = day(2012, 1, 1) + dice.between(0, 13 * YEAR);
    let last_login = (!dice.permille(300)).then(|| since(dice, joined, 900 * DAY));
    User {
        name: names::of(dice, Culture::English, sex),
        email: String::new(),
        groups: vec![group],
        is_active: true,
        is_test_account: false,
        joined,
        last_login,
    }
}

/// Gives doctors their offices, addresses and faults. Those with patients come back.
fn cast_doctors(world: &mut World, dice: &mut Dice) -> Vec<u32> {
    let mut order = world.doctors.clone();
    dice.shuffle(&mut order);
    let all = count(order.len());
    // Shares of all doctors: with patients, and of the others test accounts and the inactive.
    let busy = (all * 37 / 100).max(3);
    let (busy, idle) = order.split_at(busy as usize);
    let tests = (all * 19 / 100).max(2) as usize;
    let inactive = tests..tests + (all * 14 / 100).max(2) as usize;
    for (place, user) in idle.iter().enumerate() {
        let user = &mut world.users[*user as usize];
        user.is_test_account = place < tests;
        user.is_active = !inactive.contains(&place);
    }

    for user in busy {
        let office = dice.below(count(world.offices.len()));
        world.users[*user as usize].name = name_of(world, dice, Some(office)).0;
        // Not every doctor's office is on file.
        if dice.permille(950) {
            world.office_doctors.push((office, *user));
            if dice.permille(60) {
                let second = dice.below(count(world.offices.len()));
                if second != office {
                    world.office_doctors.push((second, *user));
                }
            }
        }
    }
    for (place, user) in order.iter().enumerate() {
        let user = &mut world.users[*user as usize];
        let serial = place + 1;
        user.email = if user.is_test_account {
            format!(
                "qa{serial}@{}",
                if serial % 28 == 0 { "dev.mdw.example" } else { "qa.mdw.example" }
            )
        } else if dice.permille(780) {
            address(dice, &user.name, serial)
        } else {
            String::new()
        };
    }
    // The clinic whose doctors share one address.
    for user in busy.iter().take(11) {
        FRONT_DESK.clone_into(&mut world.users[*user as usize].email);
    }
    for pair in busy[busy.len().min(11)..].chunks_exact(2).take(world.volume.of(25, 0) as usize) {
        let email = world.users[pair[0] as usize].email.clone();
        world.users[pair[1] as usize].email = email;
    }
    // Doctors who were entered more than once.
    let twice = world.volume.of(40, 1) as usize;
    for (place, group) in idle[tests..].chunks_exact(3).take(twice).enumerate() {
        let name = world.users[group[0] as usize].name.clone();
        let others = if place % 2 == 0 { 1..3 } else { 1..2 };
        for user in &group[others] {
            world.users[*user as usize].name = name.clone();
        }
    }
    let staff = world.staff.clone();
    for (place, user) in staff.iter().enumerate() {
        let user = &mut world.users[*user as usize];
        user.email = address(dice, &user.name, 5_000 + place);
    }
    busy.to_vec()
}

fn patient(world: &mut World, dice: &mut Dice, user: u32, busy: &[u32]) -> Patient {
    // A few doctors have most patients.
    let reach = dice.index(busy.len()) + 1;
    let doctor = busy[dice.index(reach)];
    let office = world
        .office_doctors
        .iter()
        .find(|(_, of)| *of == doctor)
        .map_or_else(|| dice.below(count(world.offices.len())), |(office, _)| *office);
    let (name, sex) = name_of(world, dice, Some(office));
    let record = &mut world.users[user as usize];
    if record.groups[0] == Group::Patient {
        record.name = name;
        if dice.permille(12) {
            record.email = address(dice, &record.name, 10_000 + user as usize);
        }
    }
    let submitted = since(dice, record.joined, 60 * DAY);
    Patient {
        user,
        doctor: Some(doctor),
        office: Some(office),
        birthdate: Some(birthdate(dice)),
        sex: Some(match sex {
            Sex::Male => 1,
            Sex::Female => 2,
        }),
        suffix: Some(suffix(dice)),
        submitted: Some(submitted),
        has_main_course: true,
    }
}

/// Hands out the faults, each to patients of its own, so that none hides another.
fn cast_patients(world: &mut World, dice: &mut Dice, plain: u32) {
    let volume = world.volume;
    let mut waiting: Vec<u32> = (0..plain).collect();
    dice.shuffle(&mut waiting);
    duplicates::plant(world, dice, &mut waiting);

    let mut take = |full, least| -> Vec<u32> {
        let wanted = (volume.of(full, least) as usize).min(waiting.len());
        waiting.split_off(waiting.len() - wanted)
    };
    let empty = take(14, 1);
    let null_word = take(14, 1);
    let spaces = take(14, 1);
    let invalid = take(6, 1);
    let families: Vec<u32> = take(60, 3);
    let future_births = take(9, 1);
    let no_births = take(120, 1);
    let odd_codes = take(6, 1);
    let no_sex = take(260, 1);
    let no_doctors = take(45, 1);
    let no_offices = take(35, 1);
    let no_suffixes = take(250, 1);
    let no_times = take(85, 1);
    let future_times = take(8, 1);
    let no_main = take(108, 1);

    for (count, place) in empty.iter().enumerate() {
        let blank = if count % 2 == 0 { "" } else { " " };
        *name_mut(world, *place) = Name { first: String::new(), last: blank.to_owned() };
    }
    for (count, place) in null_word.iter().enumerate() {
        let nothing = if count % 2 == 0 { "null" } else { "NULL" };
        nothing.clone_into(&mut name_mut(world, *place).last);
    }
    for place in &spaces {
        let name = name_mut(world, *place);
        name.last = format!("{}  {}", name.last, names::place(dice));
    }
    for (count, place) in invalid.iter().enumerate() {
        let user = world.patients[*place as usize].user;
        let wrong = ["none at all", "patient@", "n/a", "@example.com"][count % 4];
        wrong.clone_into(&mut world.users[user as usize].email);
    }
    for family in families.chunks_exact(3) {
        let users = [0, 1, 2].map(|member| world.patients[family[member] as usize].user as usize);
        let last = world.users[users[0]].name.last.clone();
        let email = format!("family{}@example.org", users[0]);
        for user in users {
            world.users[user].name.last.clone_from(&last);
            world.users[user].email.clone_from(&email);
        }
    }
    for place in future_births {
        let birthdate = birthdate(dice);
        let years = chrono::Months::new(12 * 100);
        world.patients[place as usize].birthdate = birthdate.checked_add_months(years);
    }
    for place in no_births {
        world.patients[place as usize].birthdate = None;
    }
    for place in odd_codes {
        world.patients[place as usize].sex = Some(9);
    }
    for place in no_sex {
        world.patients[place as usize].sex = None;
    }
    for place in no_doctors {
        world.patients[place as usize].doctor = None;
    }
    for place in no_offices {
        world.patients[place as usize].office = None;
    }
    for place in no_suffixes {
        world.patients[place as usize].suffix = None;
    }
    for place in no_times {
        world.patients[place as usize].submitted = None;
    }
    for place in future_times {
        world.patients[place as usize].submitted = Some(day(2031, 1, 1) + dice.between(0, YEAR));
    }
    for place in no_main {
        world.patients[place as usize].has_main_course = false;
    }
}

/// One user of a hundred is in two groups.
fn put_into_second_groups(world: &mut World, dice: &mut Dice, but: &[u32]) {
    let wanted = world.volume.of(60, 2);
    let free: Vec<u32> = world.doctors.iter().filter(|user| !but.contains(user)).copied().collect();
    for place in dice.places(wanted, free.len() as u64) {
        let place = usize::try_from(place).expect("a place among doctors");
        world.users[free[place] as usize].groups.push(Group::Technician);
    }
}

/// A name such as people have where the office is.
pub(super) fn name_of(world: &World, dice: &mut Dice, office: Option<u32>) -> (Name, Sex) {
    let sex = any_sex(dice);
    let culture = office.map_or(Culture::English, |office| world.offices[office as usize].culture);
    let culture = match culture {
        // Not everybody who goes to a dentist in a country has a name of that country.
        Culture::Japanese | Culture::Thai if dice.permille(200) => Culture::English,
        Culture::English if dice.permille(60) => Culture::European,
        culture => culture,
    };
    (names::of(dice, culture, sex), sex)
}

pub(super) fn any_sex(dice: &mut Dice) -> Sex {
    if dice.permille(560) { Sex::Female } else { Sex::Male }
}

pub(super) fn birthdate(dice: &mut Dice) -> chrono::NaiveDate {
    let first = day(1948, 1, 1);
    let days = dice.between(0, 64 * 365);
    super::time::date_of(first + days * DAY)
}

/// The patient of this place, by name.
pub(super) fn name_mut(world: &mut World, patient: u32) -> &mut Name {
    let user = world.patients[patient as usize].user;
    &mut world.users[user as usize].name
}

/// Like `00BB`.
fn suffix(dice: &mut Dice) -> String {
    const LETTERS: &[char] = &['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'K', 'L', 'M', 'N', 'P'];
    format!("{:02}{}{}", dice.below(60), dice.any(LETTERS), dice.any(LETTERS))
}

fn address(dice: &mut Dice, name: &Name, serial: usize) -> String {
    let plain: String = name.last.chars().filter(char::is_ascii_alphabetic).collect();
    let plain = if plain.is_empty() { "contact".to_owned() } else { plain };
    // Some were typed with capitals.
    let plain = if dice.permille(900) { plain.to_ascii_lowercase() } else { plain };
    format!("{plain}.{serial}@{}", dice.pick(DOMAINS))
}
