//! Orders, the jaws they are for, and the little that is known of their states.

use super::super::count;
use super::super::ids::{JAW, ORDER, OTHER, PATIENT, STATE, USER};
use super::super::time::{DAY, micros, since};
use super::super::truth::{Fault, Notes};
use super::super::world::{Jaws, Order, World};
use super::super::write::{Rows, Stopped};
use super::catalogue::PRODUCTS;
use super::texts;

pub(super) fn make(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    jaws(world, rows, notes)?;
    instructions(world, rows, notes)?;
    states(world, rows, notes)
}

fn jaws(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_jaw");
    let mut teeth = |chance: u32| -> String {
        (0..16).map(|_| if dice.permille(chance) { '1' } else { '0' }).collect()
    };
    let masks: Vec<(String, String)> = (0..64).map(|_| (teeth(800), teeth(30))).collect();
    let unreferenced = world.volume.of(350, 1);
    rows.begin("dispatch_jaw")?;
    for place in 0..world.jaws + unreferenced {
        let id = JAW.at(place);
        notes.note_if(place >= world.jaws, Fault::UnreferencedJaw, id);
        let (bond, extract) = &masks[dice.index(masks.len())];
        rows.int(id)
            .int_or_null((!dice.permille(30)).then(|| OTHER.at(dice.below(PRODUCTS))))
            .text(bond)
            .text(extract)
            .text_or_null(dice.permille(80).then_some("Lost by the patient"))
            .flag(dice.permille(300));
        rows.end()?;
    }
    Ok(())
}

fn instructions(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_instruction");
    rows.begin("dispatch_instruction")?;
    for (place, order) in world.orders.iter().enumerate() {
        let id = ORDER.at(count(place));
        let patient = &world.patients[order.patient as usize];
        notes.note_if(order.price_cents == 0, Fault::ZeroPriceOrder, id);
        notes.note_if(patient.doctor.is_none(), Fault::OrderWithoutDoctor, id);
        notes.note_if(order.is_deleted, Fault::DeletedOrder, id);
        notes.note_if(!order.has_states, Fault::OrderWithoutStates, id);
        let first = JAW.at(order.first_jaw);
        let (upper, lower) = match order.jaws {
            Jaws::Both => (Some(first), Some(JAW.at(order.first_jaw + 1))),
            Jaws::Upper => (Some(first), None),
            Jaws::Lower => (None, Some(first)),
        };
        let submitted = (!dice.permille(10)).then(|| micros(&mut dice, order.begun));
        let updated = since(&mut dice, order.begun, 200 * DAY);
        let exports = match dice.below(10) {
            0 => None,
            1..8 => Some("{}"),
            _ => Some(r#"{"stl": true, "labels": ["U1", "L1"]}"#),
        };
        rows.int(id)
            .int(PATIENT.at(order.patient))
            .int(order.course)
            .int(order.number)
            .int_or_null(dice.permille(800).then(|| dice.any(&[0_u8, 1, 2])))
            .int_or_null(dice.permille(700).then(|| dice.any(&[0_u8, 1, 2, 3])))
            .text_or_null(dice.permille(60).then_some("old tip, recalibrated"))
            .int_or_null(upper)
            .int_or_null(lower)
            .text_or_null(dice.permille(400).then(|| dice.pick(texts::REMARKS)))
            .text_or_null(exports)
            .text_or_null(dice.permille(300).then(|| dice.pick(texts::CONDITIONS)))
            .text_or_null(dice.permille(600).then(|| dice.pick(texts::COMPLAINTS)))
            .text_or_null(dice.permille(500).then(|| dice.pick(texts::OBJECTIVES)))
            .cents(order.price_cents.into())
            .int(order.status)
            .flag_or_null((!dice.permille(5)).then(|| dice.permille(400)))
            .flag_or_null((!dice.permille(5)).then(|| dice.permille(176)))
            .flag_or_null((!dice.permille(5)).then(|| dice.permille(460)))
            .flag(order.is_deleted)
            .text_or_null(patient.suffix.as_deref())
            .time_or_null(submitted)
            .time(micros(&mut dice, updated));
        rows.end()?;
    }
    Ok(())
}

fn states(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_state");
    // Where the order that a state was of is no longer named.
    let nameless = dice.places(world.volume.of(210, 2), world.orders.len() as u64);
    let mut place = 0;
    rows.begin("dispatch_state")?;
    for (number, order) in world.orders.iter().enumerate() {
        if order.has_states {
            let mut at = order.begun;
            for (code, entered) in steps(&mut dice) {
                at = since(&mut dice, at, 60 * DAY);
                let actor = (!dice.permille(20)).then(|| actor(world, &mut dice, order));
                rows.int(STATE.at(place))
                    .int(code)
                    .flag(entered)
                    .time(micros(&mut dice, at))
                    .int_or_null(actor)
                    .int(ORDER.at(count(number)));
                rows.end()?;
                place += 1;
            }
        }
        if nameless.contains(&(number as u64)) {
            let id = STATE.at(place);
            notes.note(Fault::StateWithoutOrder, id);
            rows.int(id)
                .int(dice.any(&[11_u8, 12]))
                .flag(dice.permille(700))
                .time(micros(&mut dice, order.begun))
                .int(USER.at(dice.any(&world.staff)))
                .null();
            rows.end()?;
            place += 1;
        }
    }
    Ok(())
}

/// 11 is entered, later left, and 12 is entered; most orders stopped somewhere before.
fn steps(dice: &mut super::super::dice::Dice) -> impl Iterator<Item = (u8, bool)> + use<> {
    let reached = dice.weighted(&[(60, 1), (15, 2), (25, 3)]);
    [(11, true), (11, false), (12, true)].into_iter().take(reached)
}

fn actor(world: &World, dice: &mut super::super::dice::Dice, order: &Order) -> u32 {
    let doctor = world.patients[order.patient as usize].doctor;
    match doctor.filter(|_| dice.permille(300)) {
        Some(doctor) => USER.at(doctor),
        None => USER.at(dice.any(&world.staff)),
    }
}
