//! Clinics, who works there, and the patients.

use super::super::count;
use super::super::ids::{OFFICE, OTHER, PATIENT, USER};
use super::super::names::{self, Culture};
use super::super::time::{DAY, YEAR, date_of, day, micros, since};
use super::super::truth::{Fault, Notes};
use super::super::world::World;
use super::super::write::{Rows, Stopped};
use super::texts;

/// When every future date is still to come.
const FUTURE: (i32, u32, u32) = (2030, 1, 1);

pub(super) fn make(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    offices(world, rows, notes)?;
    patients(world, rows, notes)?;
    events(world, rows)?;
    doctor_notes(world, rows)
}

fn offices(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_office");
    rows.begin("dispatch_office")?;
    for (place, office) in world.offices.iter().enumerate() {
        let id = OFFICE.at(count(place));
        let valid = match dice.below(100) {
            _ if place == 0 => Some(false),
            0..35 => Some(false),
            35..42 => None,
            _ => Some(true),
        };
        notes.note_if(office.tax_rate > 0, Fault::TaxRatePercent, id);
        notes.note_if(valid != Some(true), Fault::OfficeNotValid, id);
        notes.note_if(office.country.is_none(), Fault::OfficeWithoutCountry, id);
        let mixed = office.name.chars().any(|c| c.is_ascii_uppercase());
        notes.note_if(mixed, Fault::OfficeNameMixedCase, id);
        let number = dice.between(1, 9900);
        let last = dice.below(100);
        let (address, city, state, zip, phone) = match office.culture {
            Culture::Japanese => (
                format!("虹見区笹橋{}-{}-{}", number % 9 + 1, number % 30 + 1, number % 20 + 1),
                "霧浜市".to_owned(),
                None,
                format!("{:03}-{:04}", number % 1000, number),
                format!("+81 3-5550-{last:04}"),
            ),
            Culture::Thai => (
                format!("{}/{} ถนนแสงวารี", number % 300 + 1, number % 20 + 1),
                "เมืองดาวพนา".to_owned(),
                None,
                format!("{:05}", 10_000 + number % 1000),
                format!("02 555 01{last:02}"),
            ),
            Culture::Indian => (
                format!("{number} {} Marg", names::place(&mut dice)),
                format!("{}pur", names::place(&mut dice)),
                Some("MH"),
                format!("{:06}", 400_000 + number),
                format!("+91 22 5550 01{last:02}"),
            ),
            Culture::European => (
                format!("{number} rue de la Brånavik"),
                "Hélevrault".to_owned(),
                None,
                format!("{:05}", 75_000 + number % 999),
                format!("+33 1 55 50 01 {last:02}"),
            ),
            Culture::English => (
                format!("{number} {} St.", names::place(&mut dice)),
                names::place(&mut dice),
                Some(dice.any(&["OR", "WA", "CA", "TX", "NY", "OH", "FL"])),
                if dice.permille(300) {
                    format!("{:05}-{number:04}", 10_000 + number * 8)
                } else {
                    format!("{:05}", 10_000 + number * 8)
                },
                match dice.below(3) {
                    0 => format!("({:03}) 555-01{last:02}", 201 + number % 700),
                    1 => format!("{:03}.555.01{last:02}", 201 + number % 700),
                    _ => format!("+1{:03}55501{last:02} ext. {}", 201 + number % 700, number % 90),
                },
            ),
        };
        rows.int(id)
            .text(&office.name)
            .text(&address)
            .text_or_null(dice.permille(300).then(|| format!("Suite {}", number % 400)).as_deref())
            .text(&city)
            .text_or_null(state)
            .text(&zip)
            .text_or_null(office.country)
            .text(&phone)
            .decimal(office.tax_rate, 4)
            .flag_or_null(valid)
            .text_or_null(dice.permille(400).then(|| format!("SQ-O{id:06}")).as_deref())
            .flag(dice.permille(850));
        rows.end()?;
    }
    rows.begin("dispatch_office_doctors")?;
    for (place, (office, doctor)) in world.office_doctors.iter().enumerate() {
        rows.int(OTHER.at(count(place))).int(OFFICE.at(*office)).int(USER.at(*doctor));
        rows.end()?;
    }
    Ok(())
}

fn patients(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_patient");
    let (year, month, first) = FUTURE;
    let future = day(year, month, first);
    let mut last_id = 0;
    rows.begin("dispatch_patient")?;
    for (place, patient) in world.patients.iter().enumerate() {
        let id = PATIENT.at(count(place));
        last_id = id;
        let user = &world.users[patient.user as usize];
        let is_test = user.name.first == "Test" && user.name.last == "Test";
        notes.note_if(is_test, Fault::TestTest, id);
        notes.note_if(patient.birthdate.is_none(), Fault::MissingBirthdate, id);
        let in_future = patient.birthdate.is_some_and(|date| date > date_of(future));
        notes.note_if(in_future, Fault::FutureBirthdate, id);
        notes.note_if(patient.sex.is_none(), Fault::MissingSex, id);
        notes.note_if(patient.sex == Some(9), Fault::UnknownSexCode, id);
        notes.note_if(patient.doctor.is_none(), Fault::PatientWithoutDoctor, id);
        notes.note_if(patient.office.is_none(), Fault::PatientWithoutOffice, id);
        notes.note_if(patient.suffix.is_none(), Fault::PatientWithoutSuffix, id);
        notes.note_if(patient.submitted.is_none(), Fault::PatientWithoutTime, id);
        notes.note_if(patient.submitted > Some(future), Fault::FutureSubmission, id);
        notes.note_if(!patient.has_main_course, Fault::PatientWithoutMainCourse, id);
        let schemes = match dice.below(10) {
            0..6 => None,
            6..9 => Some("{}".to_owned()),
            _ => Some(format!(r#"{{"upper": [{}], "lower": []}}"#, dice.below(16))),
        };
        let updated = patient
            .submitted
            .map(|at| if at > future { at + DAY } else { since(&mut dice, at, 2 * YEAR) });
        rows.int(id)
            .int(USER.at(patient.user))
            .int_or_null(patient.doctor.map(|doctor| USER.at(doctor)))
            .int_or_null(patient.office.map(|office| OFFICE.at(office)))
            .date_or_null(patient.birthdate)
            .int_or_null(patient.sex)
            .int(dice.weighted(&[(80, 1_u8), (15, 0), (5, 2)]))
            .flag(dice.permille(60))
            .flag(dice.permille(15))
            .text_or_null(schemes.as_deref())
            .text_or_null(patient.suffix.as_deref())
            .time_or_null(patient.submitted.map(|at| micros(&mut dice, at)))
            .time_or_null(updated.map(|at| micros(&mut dice, at)));
        rows.end()?;
    }
    notes.note(Fault::SparsePatientId, last_id);
    Ok(())
}

fn events(world: &World, rows: &mut Rows) -> Result<(), Stopped> {
    const TITLES: &[&str] =
        &["Bonding", "Wire change", "Retainer check", "New scan", "定期検診", "นัดติดตามผล"];
    let mut dice = world.dice("dispatch_event");
    rows.begin("dispatch_event")?;
    for place in 0..world.volume.of(2_400, 6) {
        let patient = dice.below(count(world.patients.len()));
        let at = day(2018, 1, 1) + dice.between(0, 8 * YEAR);
        rows.int(OTHER.at(place))
            .int(PATIENT.at(patient))
            .text(dice.pick(TITLES))
            .date(date_of(at))
            .flag_or_null((!dice.permille(100)).then(|| dice.permille(700)));
        rows.end()?;
    }
    Ok(())
}

fn doctor_notes(world: &World, rows: &mut Rows) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_note");
    rows.begin("dispatch_note")?;
    for place in 0..world.volume.of(962, 4) {
        let doctor = dice.any(&world.doctors);
        let joined = world.users[doctor as usize].joined;
        let at = since(&mut dice, joined, 9 * YEAR);
        rows.int(OTHER.at(place))
            .text(dice.pick(texts::OBJECTIVES))
            .int(USER.at(dice.any(&world.staff)))
            .int(USER.at(doctor))
            .time(micros(&mut dice, at));
        rows.end()?;
    }
    Ok(())
}
