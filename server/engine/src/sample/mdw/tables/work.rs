//! Tasks, and the log of who did what.

use super::super::count;
use super::super::ids::{ORDER, OTHER, PATIENT, TASK, USER};
use super::super::time::{DAY, micros, since};
use super::super::truth::{Fault, Notes};
use super::super::world::World;
use super::super::write::{Rows, Stopped};
use super::catalogue::TEMPLATES;
use super::{content_type, design};

pub(super) fn make(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    tasks(world, rows, notes)?;
    actions(world, rows, notes)
}

fn tasks(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_task");
    let mut place = 0;
    rows.begin("dispatch_task")?;
    for (number, order) in world.orders.iter().enumerate() {
        let mut at = order.begun;
        for _ in 0..dice.between(20, 56) {
            let id = TASK.at(place);
            place += 1;
            let vanished = dice.permille(8);
            notes.note_if(vanished, Fault::TaskOfVanishedOrder, id);
            notes.note_if(order.is_deleted && !vanished, Fault::TaskOfDeletedOrder, id);
            let order_id = if vanished {
                design::vanished_order(world, &mut dice)
            } else {
                ORDER.at(count(number))
            };
            let is_done = dice.permille(800);
            at = since(&mut dice, at, 5 * DAY);
            rows.int(id)
                .flag(is_done && !dice.permille(100))
                .int_or_null(dice.permille(300).then(|| design::file_of(&mut dice, order)))
                .int_or_null((!dice.permille(10)).then(|| OTHER.at(dice.below(TEMPLATES))))
                .time_or_null(is_done.then(|| micros(&mut dice, at)))
                .text_or_null(dice.permille(50).then_some("see remark"))
                .int_or_null(dice.permille(200).then(|| design::plan_of(&mut dice, order)))
                .int(order_id)
                .int_or_null(is_done.then(|| USER.at(dice.any(&world.staff))))
                .int_or_null(dice.permille(400).then(|| dice.any(&[0_u8, 1, 2])))
                .null();
            rows.end()?;
        }
    }
    Ok(())
}

fn actions(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    const ACTIONS: &[&str] = &["view", "edit", "download", "approve", "upload"];
    // The same clock on the wall of five countries.
    const ZONES: &[(u32, &str)] =
        &[(50, "Z"), (15, "+09:00"), (15, "-07:00"), (10, "+07:00"), (10, "+05:30")];
    let mut dice = world.dice("dispatch_action");
    rows.begin("dispatch_action")?;
    for place in 0..world.volume.of(20_000, 20) {
        let id = OTHER.at(place);
        let number = dice.index(world.orders.len());
        let order = &world.orders[number];
        let at = since(&mut dice, order.begun, 300 * DAY);
        let zone = dice.weighted(ZONES);
        notes.note_if(zone != "Z", Fault::ActionInAnotherZone, id);
        let day = super::super::time::date_of(at);
        let hour = dice.below(24);
        rows.int(id)
            .text(dice.pick(ACTIONS))
            .time_or_null((!dice.permille(10)).then(|| micros(&mut dice, at)))
            .int(ORDER.at(count(number)))
            .text(&format!(r#"{{"at": "{day}T{hour:02}:30:00{zone}", "fields": ["notes"]}}"#))
            .int(PATIENT.at(order.patient))
            .int(content_type::INSTRUCTION)
            .int(content_type::PATIENT)
            .int(USER.at(dice.any(&world.staff)));
        rows.end()?;
    }
    Ok(())
}
