//! What was ordered for the patients. Most of the database hangs on it.

use super::count;
use super::dice::Dice;
use super::time::{DAY, since};
use super::world::{Jaws, Order, Patient, World};

pub(super) const MAIN: u8 = 1;
pub(super) const REFINEMENT: u8 = 2;
pub(super) const REPLACEMENT: u8 = 3;
pub(super) const ANY: u8 = 4;
pub(super) const INVOICE: u8 = 7;
pub(super) const MERCHANDISE: u8 = 8;

/// How many orders a patient has; 2.96 on average.
const PER_PATIENT: &[(u32, u8)] = &[(19, 1), (25, 2), (23, 3), (15, 4), (9, 5), (9, 6)];
const LATER_COURSES: &[(u32, u8)] =
    &[(690, REFINEMENT), (220, REPLACEMENT), (40, ANY), (30, INVOICE), (20, MERCHANDISE)];
const STATUSES: &[(u32, u8)] = &[(8310, 4), (1450, 1), (235, 2), (5, 0)];
const PROJECTS: &[(u32, u8)] = &[(20, 1), (25, 2), (25, 3), (15, 4), (10, 5), (5, 6)];

pub(super) fn fill(world: &mut World) {
    let mut dice = world.dice("orders");
    for place in 0..count(world.patients.len()) {
        let patient = &world.patients[place as usize];
        let fallback = world.users[patient.user as usize].joined;
        let orders = orders_of(&mut dice, place, patient, fallback);
        world.orders.extend(orders);
    }
    for deleted in dice.places(world.volume.of(359, 1), world.orders.len() as u64) {
        let place = usize::try_from(deleted).expect("a place among orders");
        world.orders[place].is_deleted = true;
    }
    for order in &mut world.orders {
        order.first_jaw = world.jaws;
        world.jaws += order.jaw_count();
        order.first_project = world.projects;
        world.projects += u32::from(order.projects);
        order.first_plan = world.plans;
        world.plans += u32::from(order.plans);
        order.first_file = world.files;
        world.files += u32::from(order.files) + u32::from(order.loose_files);
    }
}

fn orders_of(dice: &mut Dice, place: u32, patient: &Patient, joined: i64) -> Vec<Order> {
    let mut begun = patient.submitted.unwrap_or(joined);
    let mut orders = Vec::new();
    for number in 1..=dice.weighted(PER_PATIENT) {
        let course = match number {
            1 if patient.has_main_course => MAIN,
            _ => dice.weighted(LATER_COURSES),
        };
        let jaws = dice.weighted(&[(72, Jaws::Both), (15, Jaws::Upper), (13, Jaws::Lower)]);
        orders.push(Order {
            patient: place,
            course,
            number,
            status: dice.weighted(STATUSES),
            is_deleted: false,
            has_states: dice.permille(400),
            price_cents: if dice.permille(60) { 0 } else { 20_500 + dice.below(79_201) },
            begun,
            jaws,
            first_jaw: 0,
            first_project: 0,
            projects: dice.weighted(PROJECTS),
            first_plan: 0,
            plans: small(dice, 4, 12),
            first_file: 0,
            files: small(dice, 3, 10),
            loose_files: small(dice, 3, 10),
        });
        begun = since(dice, begun, 400 * DAY);
    }
    orders
}

fn small(dice: &mut Dice, first: i64, last: i64) -> u8 {
    u8::try_from(dice.between(first, last)).expect("a small number")
}
