//! What people and the system wrote to each other.

use std::collections::BTreeMap;

use super::super::count;
use super::super::dice::Dice;
use super::super::ids::{COMMENT, NOTIFICATION, ORDER, OTHER, PATIENT, PLAN, RECORD, USER};
use super::super::time::{DAY, micros, since};
use super::super::truth::{Fault, Notes};
use super::super::world::{Group, Order, World};
use super::super::write::{Rows, Stopped};
use super::{content_type, design, texts};

const TEMPLATES: &[&str] = &[
    "order_submitted",
    "order_approved",
    "shipment_sent",
    "payment_received",
    "case_updated",
    "appointment_reminder",
    "welcome",
    "status_changed",
    "plan_added",
];

pub(super) fn make(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    write_records(world, rows, notes)?;
    attachments(world, rows)?;
    comments(world, rows, notes)?;
    notifications(world, rows, notes)?;
    readings(world, rows)
}

/// How many records there are.
pub(super) fn records(world: &World) -> u32 {
    world.volume.of(70_742, 80)
}

fn write_records(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_record");
    let all = records(world);
    let vanished = dice.places(world.volume.of(63, 1), all.into());
    let untyped = dice.places(world.volume.of(13, 1), all.into());
    rows.begin("dispatch_record")?;
    for place in 0..all {
        let id = RECORD.at(place);
        let number = dice.below(count(world.orders.len()));
        let order = &world.orders[number as usize];
        let is_gone = vanished.contains(&u64::from(place));
        let (kind, target) = match dice.below(1000) {
            0..520 if is_gone => (content_type::PATIENT, PATIENT.gone(order.patient)),
            0..520 => (content_type::PATIENT, PATIENT.at(order.patient)),
            520..942 if is_gone => (content_type::PLAN, PLAN.gone(order.first_plan)),
            520..942 => (content_type::PLAN, design::plan_of(&mut dice, order)),
            942..980 if !is_gone => {
                let user = world.patients[order.patient as usize].user;
                (content_type::USER, USER.at(user))
            }
            _ if is_gone => (content_type::INSTRUCTION, ORDER.gone(number)),
            _ => (content_type::INSTRUCTION, ORDER.at(number)),
        };
        notes.note_if(is_gone, Fault::RecordOfVanishedTarget, id);
        let is_typed =
            matches!(kind, content_type::PATIENT | content_type::PLAN | content_type::USER);
        notes.note_if(is_typed && !is_gone, Fault::RecordTargetsByType, id);
        let has_type = !untyped.contains(&u64::from(place));
        notes.note_if(!has_type, Fault::RecordOfUnknownType, id);
        let hides_state = dice.permille(40) || place == 0;
        notes.note_if(hides_state, Fault::WorkflowInText, id);
        let text = dice.pick(if hides_state { texts::STATES_IN_WORDS } else { texts::REMARKS });
        let message_type = dice.weighted(&[(40, 3_u8), (20, 5), (25, 6), (15, 8)]);
        let at = since(&mut dice, order.begun, 300 * DAY);
        rows.int(id)
            .int(target)
            .int(kind)
            .int_or_null(has_type.then_some(message_type))
            .text(text)
            .int_or_null((!dice.permille(10)).then(|| author(world, &mut dice, order)))
            .int_or_null(dice.permille(300).then_some(Group::Technician as u32))
            .flag(dice.permille(800))
            .time(micros(&mut dice, at));
        rows.end()?;
    }
    Ok(())
}

fn attachments(world: &World, rows: &mut Rows) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_record_attachments");
    let all = records(world);
    rows.begin("dispatch_record_attachments")?;
    for place in 0..world.volume.of(8_919, 6) {
        let order = &world.orders[dice.index(world.orders.len())];
        let file = design::file_of(&mut dice, order);
        rows.int(OTHER.at(place)).int(RECORD.at(dice.below(all))).int(file);
        rows.end()?;
    }
    Ok(())
}

/// Two of three comments are on plans whose order is gone, or that are gone themselves.
fn comments(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_comment");
    let loose = design::plans_without_order(world);
    rows.begin("dispatch_comment")?;
    for place in 0..world.volume.of(15_097, 20) {
        let id = COMMENT.at(place);
        let order = &world.orders[dice.index(world.orders.len())];
        let plan = match dice.below(100) {
            0..46 => {
                notes.note(Fault::CommentOnPlanWithoutOrder, id);
                PLAN.at(world.plans + dice.below(loose))
            }
            46..64 => {
                notes.note(Fault::CommentOfVanishedPlan, id);
                PLAN.gone(dice.below(world.plans))
            }
            _ => design::plan_of(&mut dice, order),
        };
        let at = since(&mut dice, order.begun, 300 * DAY);
        rows.int(id)
            .time(micros(&mut dice, at))
            .text(dice.pick(texts::REMARKS))
            .int_or_null((!dice.permille(10)).then(|| author(world, &mut dice, order)))
            .int(plan);
        rows.end()?;
    }
    Ok(())
}

fn notifications(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_notification");
    let all = world.volume.of(2_191_123, 400);
    let broken = broken_contexts(world, &mut dice, all);
    let vanished = dice.places(world.volume.of(2_000, 1), all.into());
    rows.begin("dispatch_notification")?;
    for place in 0..all {
        let id = NOTIFICATION.at(place);
        let number = dice.below(count(world.orders.len()));
        let order = &world.orders[number as usize];
        let is_gone = vanished.contains(&u64::from(place));
        let item = match dice.below(100) {
            _ if is_gone => Some((content_type::INSTRUCTION, ORDER.gone(number))),
            0..55 => Some((content_type::INSTRUCTION, ORDER.at(number))),
            55..75 => Some((content_type::PATIENT, PATIENT.at(order.patient))),
            75..90 => Some((content_type::PLAN, design::plan_of(&mut dice, order))),
            90..95 => {
                let user = world.patients[order.patient as usize].user;
                Some((content_type::USER, USER.at(user)))
            }
            _ => None,
        };
        notes.note_if(is_gone, Fault::NotificationOfVanishedItem, id);
        let fault = broken.get(&u64::from(place)).copied();
        if let Some(fault) = fault {
            notes.note(fault, id);
        }
        let context = context(world, order, ORDER.at(number), fault);
        let recipient = match world.patients[order.patient as usize].doctor {
            Some(doctor) if dice.permille(600) => doctor,
            _ => dice.any(&world.staff),
        };
        let at = since(&mut dice, order.begun, 300 * DAY);
        rows.int(id)
            .time(micros(&mut dice, at))
            .text("no-reply@mdw.example")
            .text(dice.pick(TEMPLATES))
            .text_or_null(context.as_deref())
            .flag(dice.permille(550))
            .int_or_null(item.map(|(_, target)| target))
            .int_or_null(item.map(|(kind, _)| kind))
            .int(USER.at(recipient))
            .flag_or_null((!dice.permille(100)).then(|| dice.permille(800)))
            .flag(dice.permille(850));
        rows.end()?;
    }
    Ok(())
}

/// Which notifications have a context that is not JSON: forty at full scale.
fn broken_contexts(world: &World, dice: &mut Dice, all: u32) -> BTreeMap<u64, Fault> {
    const BROKEN: &[(Fault, u32)] = &[
        (Fault::JsonSingleQuotes, 12),
        (Fault::JsonInnerQuotes, 6),
        (Fault::JsonNull, 8),
        (Fault::JsonEmpty, 4),
        (Fault::JsonLoneSurrogate, 3),
        (Fault::JsonBrokenEscape, 3),
        (Fault::JsonCircular, 4),
    ];
    let wanted = BROKEN.iter().map(|(_, full)| world.volume.of(*full, 1)).sum();
    let mut places: Vec<u64> = dice.places(wanted, all.into()).into_iter().collect();
    dice.shuffle(&mut places);
    let faults = BROKEN
        .iter()
        .flat_map(|(fault, full)| std::iter::repeat_n(*fault, world.volume.of(*full, 1) as usize));
    places.into_iter().zip(faults).collect()
}

fn context(world: &World, order: &Order, id: u32, fault: Option<Fault>) -> Option<String> {
    let name = &world.user_of(order).name;
    let patient = format!("{} {}", name.first, name.last);
    Some(match fault {
        None => format!(
            r#"{{"patient": "{patient}", "order": {id}, "course": {}, "url": "/orders/{id}/"}}"#,
            order.course
        ),
        Some(Fault::JsonSingleQuotes) => {
            format!("{{'patient': 'Ada Oakmere', 'order': {id}, 'urgent': True, 'due': None}}")
        }
        Some(Fault::JsonInnerQuotes) => {
            format!(r#"{{"patient": "Ada "Nan" Oakmere", "order": {id}}}"#)
        }
        Some(Fault::JsonEmpty) => String::new(),
        Some(Fault::JsonLoneSurrogate) => {
            format!(r#"{{"patient": "Ada \ud83d Oakmere", "order": {id}}}"#)
        }
        Some(Fault::JsonBrokenEscape) => {
            format!(r#"{{"patient": "Ada \u30xg Oakmere", "order": {id}}}"#)
        }
        Some(Fault::JsonCircular) => {
            format!(r#"{{"order": {{"id": {id}, "plan": {{"order": <Circular reference>}}}}}}"#)
        }
        Some(_) => return None,
    })
}

fn readings(world: &World, rows: &mut Rows) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_reading");
    rows.begin("dispatch_reading")?;
    for place in 0..world.volume.of(30_000, 10) {
        let order = &world.orders[dice.index(world.orders.len())];
        let (kind, target) = if dice.permille(600) {
            (content_type::PATIENT, PATIENT.at(order.patient))
        } else {
            (content_type::PLAN, design::plan_of(&mut dice, order))
        };
        let at = since(&mut dice, order.begun, 300 * DAY);
        rows.int(OTHER.at(place))
            .int(author(world, &mut dice, order))
            .int(target)
            .int(kind)
            .time_or_null((!dice.permille(20)).then(|| micros(&mut dice, at)));
        rows.end()?;
    }
    Ok(())
}

/// Who writes about an order: its doctor, or somebody of the staff.
fn author(world: &World, dice: &mut Dice, order: &Order) -> u32 {
    match world.patients[order.patient as usize].doctor {
        Some(doctor) if dice.permille(500) => USER.at(doctor),
        _ => USER.at(dice.any(&world.staff)),
    }
}
