//! Users, their groups and rights, and how they set the system up for themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::super::count;
use super::super::ids::{OTHER, USER, USER_GROUP};
use super::super::time::{DAY, date_of, day, micros, since};
use super::super::truth::{Fault, Notes};
use super::super::world::{Group, User, World};
use super::super::write::{Rows, Stopped};
use super::texts;

/// The models of the legacy application, by their content type's id from 1 on.
const MODELS: &[(&str, &str)] = &[
    ("admin", "logentry"),
    ("auth", "permission"),
    ("sessions", "session"),
    ("auth", "group"),
    ("account", "emailaddress"),
    ("dispatch", "order"),
    ("dispatch", "payment"),
    ("dispatch", "purchase"),
    ("dispatch", "ware"),
    ("account", "emailconfirmation"),
    ("dispatch", "patient"),
    ("dispatch", "plan"),
    ("dispatch", "instruction"),
    ("dispatch", "jaw"),
    ("dispatch", "state"),
    ("dispatch", "project"),
    ("dispatch", "bracket"),
    ("dispatch", "category"),
    ("dispatch", "template"),
    ("dispatch", "task"),
    ("dispatch", "file"),
    ("dispatch", "record"),
    ("dispatch", "comment"),
    ("dispatch", "note"),
    ("dispatch", "notification"),
    ("dispatch", "operation"),
    ("dispatch", "role"),
    ("dispatch", "event"),
    ("dispatch", "reading"),
    ("dispatch", "action"),
    ("dispatch", "agent"),
    ("dispatch", "instance"),
    ("dispatch", "course"),
    ("dispatch", "product"),
    ("dispatch", "offer"),
    ("dispatch", "discount"),
    ("dispatch", "office"),
    ("dispatch", "usersetting"),
    ("dispatch", "doctorsetting"),
    ("dispatch", "globalsetting"),
    ("dispatch", "language"),
    ("dispatch", "client"),
    ("dispatch", "client3d"),
    ("dispatch", "master"),
    ("dispatch", "link"),
    ("dispatch", "storage"),
    ("dispatch", "clinicalpreference"),
    ("otp_email", "emaildevice"),
    ("contenttypes", "contenttype"),
    ("sites", "site"),
];

const GROUPS: &[(Group, &str)] = &[
    (Group::Patient, "Patient"),
    (Group::Doctor, "Doctor"),
    (Group::Sales, "Sales"),
    (Group::Admin, "Admin"),
    (Group::Master, "Master"),
    (Group::Technician, "Technician"),
];

const ROLES: &[(&str, &str)] = &[
    ("Sectioning", "SEC"),
    ("Quality control", "QC"),
    ("Designing", "DES"),
    ("Manufacturing", "MFG"),
    ("Master technician", "MST"),
    ("Remote designer", "REM"),
    ("Support", "SUP"),
    ("Shipping", "SHP"),
];

pub(super) fn make(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    users(world, rows, notes)?;
    groups(world, rows, notes)?;
    rights(rows)?;
    settings(world, rows)?;
    roles(world, rows)
}

fn users(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    let mut dice = world.dice("auth_user");
    note_doctors(world, notes);
    let mut uses: BTreeMap<&str, u32> = BTreeMap::new();
    for user in &world.users {
        *uses.entry(&user.email).or_default() += 1;
    }
    rows.begin("auth_user")?;
    for (place, user) in world.users.iter().enumerate() {
        let id = USER.at(count(place));
        note_user(user, id, uses[user.email.as_str()], notes);
        let hash = uuid::Uuid::from_bytes(dice.uuid()).simple().to_string();
        rows.int(id)
            .text(&format!("pbkdf2_sha256$24000${}${hash}=", &hash[..12]))
            .time_or_null(user.last_login.map(|at| micros(&mut dice, at)))
            .flag(user.is_superuser())
            .text(&format!("{}{:06}", prefix(user.groups[0]), place + 1))
            .text(&user.name.first)
            .text(&user.name.last)
            .text(&user.email)
            .flag(user.is_staff())
            .flag(user.is_active)
            .time(micros(&mut dice, user.joined));
        rows.end()?;
    }
    Ok(())
}

fn note_user(user: &User, id: u32, same_address: u32, notes: &mut Notes) {
    let has_address =
        user.email.contains('@') && !user.email.starts_with('@') && !user.email.ends_with('@');
    notes.note_if(user.email.is_empty(), Fault::BlankEmail, id);
    notes.note_if(has_address && same_address > 1, Fault::SharedEmail, id);
    notes.note_if(!user.email.is_empty() && !has_address, Fault::InvalidEmail, id);
    notes.note_if(user.name.first.is_empty(), Fault::EmptyName, id);
    let is_null_word = user.name.last.eq_ignore_ascii_case("null");
    notes.note_if(is_null_word, Fault::NullWordName, id);
    notes.note_if(user.name.last.contains("  "), Fault::DoubleSpaceName, id);
    notes.note_if(user.groups.len() > 1, Fault::SeveralGroups, id);
    notes.note_if(user.last_login.is_none(), Fault::NeverLoggedIn, id);
}

fn note_doctors(world: &World, notes: &mut Notes) {
    let busy: BTreeSet<u32> = world.patients.iter().filter_map(|patient| patient.doctor).collect();
    let mut names: BTreeMap<(&str, &str), Vec<u32>> = BTreeMap::new();
    for place in &world.doctors {
        let (id, user) = (USER.at(*place), &world.users[*place as usize]);
        notes.note_if(!user.is_active, Fault::InactiveDoctor, id);
        notes.note_if(user.is_test_account, Fault::TestAccount, id);
        notes.note_if(!busy.contains(place), Fault::DoctorWithoutPatients, id);
        names.entry((&user.name.first, &user.name.last)).or_default().push(id);
        let is_patient = user.groups.contains(&Group::Patient);
        notes.note_if(is_patient, Fault::PatientAndDoctor, id);
    }
    for ids in names.into_values().filter(|ids| ids.len() > 1) {
        for id in ids {
            notes.note(Fault::DoctorNameTwice, id);
        }
    }
}

const fn prefix(group: Group) -> &'static str {
    match group {
        Group::Patient => "pat",
        Group::Doctor => "doc",
        Group::Sales => "sal",
        Group::Admin => "adm",
        Group::Master => "mst",
        Group::Technician => "tec",
    }
}

fn groups(world: &World, rows: &mut Rows, _: &mut Notes) -> Result<(), Stopped> {
    rows.begin("auth_group")?;
    for (group, name) in GROUPS {
        rows.int(*group as u32).text(name);
        rows.end()?;
    }
    rows.begin("auth_user_groups")?;
    let mut place = 0;
    for (user, record) in world.users.iter().enumerate() {
        for group in &record.groups {
            rows.int(USER_GROUP.at(place)).int(USER.at(count(user))).int(*group as u32);
            rows.end()?;
            place += 1;
        }
    }
    Ok(())
}

fn rights(rows: &mut Rows) -> Result<(), Stopped> {
    rows.begin("django_content_type")?;
    let types = || {
        let numbered = MODELS.iter().enumerate().map(|(place, model)| (count(place) + 1, *model));
        numbered.chain([(super::content_type::USER, ("auth", "user"))])
    };
    for (id, (app, model)) in types() {
        rows.int(id).text(app).text(model);
        rows.end()?;
    }
    rows.begin("auth_permission")?;
    let mut place = 0;
    for (id, (_, model)) in types() {
        for verb in ["add", "change", "delete", "view"] {
            rows.int(OTHER.at(place))
                .text(&format!("Can {verb} {model}"))
                .int(id)
                .text(&format!("{verb}_{model}"));
            rows.end()?;
            place += 1;
        }
    }
    Ok(())
}

fn settings(world: &World, rows: &mut Rows) -> Result<(), Stopped> {
    let mut dice = world.dice("settings");
    rows.begin("dispatch_usersetting")?;
    for (place, user) in world.doctors.iter().chain(&world.staff).enumerate() {
        rows.int(OTHER.at(count(place)))
            .int(USER.at(*user))
            .flag(dice.permille(900))
            .flag_or_null((!dice.permille(500)).then(|| dice.permille(200)));
        rows.end()?;
    }
    rows.begin("dispatch_doctorsetting")?;
    let settled = world.doctors.iter().filter(|_| dice.permille(885)).collect::<Vec<_>>();
    for (place, user) in settled.into_iter().enumerate() {
        let joined = world.users[*user as usize].joined;
        let agreed = dice.permille(700).then(|| since(&mut dice, joined, 90 * DAY));
        let preference = dice.permille(400).then(|| dice.pick(texts::OBJECTIVES));
        let tier = dice.permille(300).then(|| dice.any(&["silver", "gold", "platinum"]));
        rows.int(OTHER.at(count(place)))
            .int(USER.at(*user))
            .text_or_null(preference)
            .text_or_null(dice.permille(500).then(|| format!("SQ-C{user:07}")).as_deref())
            .flag_or_null((!dice.permille(200)).then(|| dice.permille(150)))
            .cents_or_null(dice.permille(250).then(|| dice.between(0, 250_000)))
            .date_or_null(tier.map(|_| date_of(day(2024, 1, 1) + dice.between(0, 900) * DAY)))
            .text_or_null(tier)
            .int_or_null(dice.permille(100).then(|| dice.between(2, 12)))
            .time_or_null(agreed.map(|at| micros(&mut dice, at)))
            .time_or_null(agreed.map(|at| micros(&mut dice, at)))
            .flag_or_null((!dice.permille(300)).then(|| dice.permille(80)));
        rows.end()?;
    }
    Ok(())
}

fn roles(world: &World, rows: &mut Rows) -> Result<(), Stopped> {
    let mut dice = world.dice("roles");
    rows.begin("dispatch_role")?;
    for place in 0..48_u32 {
        let (name, abbrev) = ROLES[place as usize % ROLES.len()];
        let user = (place % 3 != 0).then(|| dice.any(&world.staff));
        rows.int(OTHER.at(place))
            .text(&if place < 8 { name.to_owned() } else { format!("{name} {}", place / 8 + 1) })
            .text(abbrev)
            .int(place % 4)
            .int(place)
            .int_or_null(user.map(|user| USER.at(user)))
            .int(Group::Technician as u32);
        rows.end()?;
    }
    rows.begin("dispatch_role_permissions")?;
    let permissions = count(MODELS.len() + 1) * 4;
    let mut place = 0;
    for role in 0..48_u32 {
        for right in dice.places(28, u64::from(permissions)) {
            let right = u32::try_from(right).expect("one of the permissions");
            rows.int(OTHER.at(place)).int(OTHER.at(role)).int(OTHER.at(right));
            rows.end()?;
            place += 1;
        }
    }
    Ok(())
}
