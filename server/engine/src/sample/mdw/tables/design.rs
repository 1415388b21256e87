//! Designs: projects, the plans made of them, files, and the machines that compute them.

use super::super::count;
use super::super::dice::Dice;
use super::super::ids::{FILE, ORDER, OTHER, PLAN, PROJECT, RECORD, USER};
use super::super::time::{DAY, YEAR, day, micros, since};
use super::super::truth::{Fault, Notes};
use super::super::world::{Order, World};
use super::super::write::{Rows, Stopped};
use super::{conversation, texts};

const AGENTS: u32 = 6;

/// Names of files, and what kind the legacy system says they are.
const FILES: &[(u32, (&str, &str, u8))] = &[
    (30, ("upper_scan", "stl", 1)),
    (30, ("lower_scan", "stl", 1)),
    (18, ("photo", "jpg", 2)),
    (6, ("export", "zip", 5)),
    (5, ("prescription", "pdf", 3)),
    (5, ("setup", "ply", 6)),
    (4, ("volume", "dcm", 4)),
    (2, ("レントゲン", "png", 2)),
];

pub(super) fn make(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    projects(world, rows, notes)?;
    plans(world, rows, notes)?;
    brackets(world, rows)?;
    machines(world, rows)?;
    files(world, rows, notes)
}

/// Plans that belong to no order come after those that do.
pub(super) fn plans_without_order(world: &World) -> u32 {
    world.volume.of(7_300, 4)
}

fn projects(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    const TYPES: &[(u32, u8)] =
        &[(8, 0), (8, 1), (6, 2), (60, 3), (3, 4), (3, 5), (6, 10), (5, 11), (1, 9)];
    let mut dice = world.dice("dispatch_project");
    rows.begin("dispatch_project")?;
    for order in &world.orders {
        for project in order.first_project..order.first_project + u32::from(order.projects) {
            let id = PROJECT.at(project);
            let is_named = dice.permille(300);
            let creator = (!dice.permille(80)).then(|| USER.at(dice.any(&world.staff)));
            notes.note_if(!is_named, Fault::EmptyProjectName, id);
            notes.note_if(creator.is_none(), Fault::ProjectWithoutCreator, id);
            notes.note_if(project + 1 == world.projects, Fault::SparseProjectId, id);
            let name = if is_named { (528_000 + id).to_string() } else { String::new() };
            let at = since(&mut dice, order.begun, 90 * DAY);
            rows.int(id)
                .uuid(dice.uuid())
                .text(&name)
                .int(dice.between(0, 4_000_000_000))
                .int(dice.weighted(TYPES))
                .int(u8::from(dice.per_million(200)))
                .int_or_null(creator)
                .time(micros(&mut dice, at))
                .flag(dice.permille(50));
            rows.end()?;
        }
    }
    Ok(())
}

fn plans(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_plan");
    rows.begin("dispatch_plan")?;
    for (place, order) in world.orders.iter().enumerate() {
        for number in 0..order.plans {
            let project = order.first_project + u32::from(number % order.projects);
            let id = PLAN.at(order.first_plan + u32::from(number));
            plan(&mut dice, rows, id, Some(ORDER.at(count(place))), project, number + 1)?;
        }
    }
    for loose in 0..plans_without_order(world) {
        let id = PLAN.at(world.plans + loose);
        let order = vanished_order(world, &mut dice);
        let order = (loose % 2 == 0).then_some(order);
        let fault =
            if order.is_some() { Fault::PlanOfVanishedOrder } else { Fault::PlanWithoutOrder };
        notes.note(fault, id);
        let project = dice.below(world.projects);
        plan(&mut dice, rows, id, order, project, 1)?;
    }
    Ok(())
}

fn plan(
    dice: &mut Dice,
    rows: &mut Rows,
    id: u32,
    order: Option<u32>,
    project: u32,
    number: u8,
) -> Result<(), Stopped> {
    rows.int(id)
        .int_or_null(order)
        .int_or_null((!dice.permille(20)).then(|| PROJECT.at(project)))
        .text_or_null(dice.permille(150).then(|| dice.pick(texts::OBJECTIVES)))
        .int(number)
        .text_or_null(dice.permille(400).then(|| format!("TP{number}")).as_deref())
        .flag(number == 1);
    rows.end()
}

fn brackets(world: &World, rows: &mut Rows) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_bracket");
    rows.begin("dispatch_bracket")?;
    for place in 0..world.volume.of(1_720, 5) {
        rows.int(OTHER.at(place))
            .text(&format!("B-{:03}/{}", dice.below(400), dice.any(&['U', 'L'])))
            .int(PROJECT.at(dice.below(world.projects)));
        rows.end()?;
    }
    Ok(())
}

fn machines(world: &World, rows: &mut Rows) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_instance");
    rows.begin("dispatch_agent")?;
    for place in 0..AGENTS {
        rows.int(OTHER.at(place))
            .text(&format!("agent-{}", place + 1))
            .text(&format!("192.0.2.{}", place + 10))
            .int(7_000 + place)
            .int(16)
            .int(65_536)
            .int(dice.between(2_000, 60_000));
        rows.end()?;
    }
    rows.begin("dispatch_instance")?;
    for place in 0..world.volume.of(300, 3) {
        let at = day(2025, 1, 1) + dice.between(0, YEAR * 8 / 10);
        rows.int(OTHER.at(place))
            .int(PROJECT.at(dice.below(world.projects)))
            .int(OTHER.at(dice.below(AGENTS)))
            .int_or_null((!dice.permille(50)).then(|| USER.at(dice.any(&world.staff))))
            .int(dice.between(40_000, 50_000))
            .int(dice.between(0, 9))
            .time(micros(&mut dice, at));
        rows.end()?;
    }
    Ok(())
}

fn files(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_file");
    let records = conversation::records(world);
    // The first file of the order before, which the next order may name too.
    let mut before: Option<(u32, [u8; 16], bool)> = None;
    rows.begin("dispatch_file")?;
    for (place, order) in world.orders.iter().enumerate() {
        let id_of_order = ORDER.at(count(place));
        for number in 0..order.files {
            let id = FILE.at(order.first_file + u32::from(number));
            let mut uid = dice.uuid();
            if number == 0 {
                let shares = dice.permille(30) || place == 1;
                if let Some((other, shared, noted)) = before.filter(|_| shares) {
                    uid = shared;
                    notes.note_if(!noted, Fault::FileOnSeveralOrders, other);
                    notes.note(Fault::FileOnSeveralOrders, id);
                    before = Some((id, uid, true));
                } else {
                    before = Some((id, uid, false));
                }
            }
            notes.note_if(order.is_deleted, Fault::FileOfDeletedOrder, id);
            let at = since(&mut dice, order.begun, 60 * DAY);
            file(&mut dice, rows, notes, (id, uid, at), Some(id_of_order), None)?;
        }
        for number in 0..order.loose_files {
            let id = FILE.at(order.first_file + u32::from(order.files + number));
            let of_order = dice.permille(500).then(|| vanished_order(world, &mut dice));
            let fault = match of_order {
                Some(_) => Fault::FileOfVanishedOrder,
                None => Fault::FileWithoutOrder,
            };
            notes.note(fault, id);
            let record = dice.permille(60).then(|| RECORD.at(dice.below(records)));
            let at = since(&mut dice, order.begun, 60 * DAY);
            let uid = dice.uuid();
            file(&mut dice, rows, notes, (id, uid, at), of_order, record)?;
        }
    }
    Ok(())
}

fn file(
    dice: &mut Dice,
    rows: &mut Rows,
    notes: &mut Notes,
    (id, uid, at): (u32, [u8; 16], i64),
    order: Option<u32>,
    record: Option<u32>,
) -> Result<(), Stopped> {
    let (stem, extension, kind) = dice.weighted(FILES);
    let number = dice.below(100);
    let name = match dice.below(100) {
        0..3 => {
            notes.note(Fault::DoubleExtension, id);
            format!("{stem}_{number}.{extension}.{extension}")
        }
        3..8 => {
            notes.note(Fault::NameWithoutExtension, id);
            format!("{stem}_{number}")
        }
        _ => format!("{stem}_{number}.{extension}"),
    };
    rows.int(id)
        .uuid(uid)
        .time(micros(dice, at))
        .text(&name)
        .text(extension)
        .int(dice.between(10_000, 90_000_000))
        .int(kind)
        .int(dice.weighted(&[(97, 0_u8), (3, 1)]))
        .text_or_null(dice.permille(50).then_some("as received"))
        .text_or_null(dice.permille(100).then_some(r#"{"unit": "mm"}"#))
        .int_or_null(order)
        .int_or_null(record)
        .null();
    rows.end()
}

/// The id of an order that was deleted from the database.
pub(super) fn vanished_order(world: &World, dice: &mut Dice) -> u32 {
    ORDER.gone(dice.below(count(world.orders.len())))
}

/// One of an order's files, and one of its plans.
pub(super) fn file_of(dice: &mut Dice, order: &Order) -> u32 {
    FILE.at(order.first_file + dice.below(order.files.into()))
}

pub(super) fn plan_of(dice: &mut Dice, order: &Order) -> u32 {
    PLAN.at(order.first_plan + dice.below(order.plans.into()))
}
