//! Payments, what they were for, and what the card terminal did.

use super::super::count;
use super::super::dice::Dice;
use super::super::ids::{OFFICE, ORDER, OTHER, PAYMENT, USER};
use super::super::time::{DAY, YEAR, day, micros, since};
use super::super::truth::{Fault, Notes};
use super::super::world::{Order, World};
use super::super::write::{Rows, Stopped};
use super::catalogue::PRODUCTS;
use super::design;

/// A payment, as its lines and operations need to know it.
struct Payment {
    id: u32,
    total: i64,
    is_free: bool,
    /// Seconds since 1970.
    at: i64,
}

pub(super) fn make(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    let payments = payments(world, rows, notes)?;
    operations(world, rows, notes, &payments)?;
    rows.begin("dispatch_order")?;
    purchases(world, rows)?;
    wares(world, rows, &payments)
}

fn payments(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<Vec<Payment>, Stopped> {
    let mut dice = world.dice("dispatch_payment");
    let vanished = dice.places(world.volume.of(6, 2), world.orders.len() as u64);
    let mut payments: Vec<Payment> = Vec::new();
    rows.begin("dispatch_payment")?;
    for (number, order) in world.orders.iter().enumerate() {
        if dice.permille(680) {
            let id = PAYMENT.at(count(payments.len()));
            let of = ORDER.at(count(number));
            payments.push(payment(world, &mut dice, rows, notes, (id, of, order))?);
        }
        if vanished.contains(&(number as u64)) {
            let id = PAYMENT.at(count(payments.len()));
            notes.note(Fault::PaymentOfVanishedOrder, id);
            let of = design::vanished_order(world, &mut dice);
            payments.push(payment(world, &mut dice, rows, notes, (id, of, order))?);
        }
    }
    Ok(payments)
}

fn payment(
    world: &World,
    dice: &mut Dice,
    rows: &mut Rows,
    notes: &mut Notes,
    (id, of, order): (u32, u32, &Order),
) -> Result<Payment, Stopped> {
    let patient = &world.patients[order.patient as usize];
    let rate = patient.office.map(|office| world.offices[office as usize].tax_rate);
    let is_free = dice.permille(30) || id == PAYMENT.at(0);
    notes.note_if(is_free, Fault::FreePayment, id);
    notes.note_if(rate.is_some(), Fault::PaymentTaxPercent, id);
    let subtotal = if is_free { 0 } else { i64::from(order.price_cents) };
    // The rate is percent in ten-thousandths; half a cent rounds up.
    let tax = (subtotal * rate.unwrap_or(0) + 500_000) / 1_000_000;
    let credit = if dice.permille(100) { subtotal / 10 } else { 0 };
    let additional = if is_free || !dice.permille(50) { 0 } else { 2_500 };
    let total = subtotal + tax + additional - credit;
    let at = since(dice, order.begun, 30 * DAY);
    let is_canceled = dice.permille(25);
    let is_paid = !is_canceled && dice.permille(930);
    rows.int(id).time_or_null((!dice.permille(10)).then(|| micros(dice, at))).flag(is_free);
    match rate {
        Some(rate) => rows.decimal(rate, 4),
        None => rows.null(),
    };
    rows.cents(tax)
        .cents(if is_paid { total } else { 0 })
        .cents_or_null((credit > 0).then_some(credit))
        .cents_or_null(dice.permille(40).then_some(subtotal))
        .cents(subtotal)
        .cents(total)
        .cents_or_null((additional > 0).then_some(additional))
        .int(of)
        .int_or_null(patient.doctor.map(|doctor| USER.at(doctor)))
        .int_or_null(patient.office.map(|office| OFFICE.at(office)))
        .null()
        .flag(is_canceled)
        .flag(is_paid)
        .text_or_null(dice.permille(60).then_some("3"))
        .text_or_null(dice.permille(150).then(|| format!("NS-{id:07}")).as_deref());
    rows.end()?;
    Ok(Payment { id, total, is_free, at })
}

fn operations(
    world: &World,
    rows: &mut Rows,
    notes: &mut Notes,
    payments: &[Payment],
) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_operation");
    let mut place = 0;
    rows.begin("dispatch_operation")?;
    for payment in payments {
        if !dice.permille(215) {
            continue;
        }
        for kind in [1_u8, 2].into_iter().take(1 + usize::from(dice.permille(50))) {
            let id = OTHER.at(place);
            place += 1;
            let has_card = dice.permille(960);
            notes.note_if(has_card, Fault::CardNumberStart, id);
            let at = payment.at + dice.between(0, 600) + i64::from(kind - 1) * DAY;
            rows.int(id)
                .int(kind)
                .time(micros(&mut dice, at))
                .cents(payment.total)
                .int(payment.id)
                .text(&format!("SQO{id:08}"))
                .text(&format!("SQP{id:08}"))
                .text_or_null((kind == 2).then(|| format!("SQR{id:08}")).as_deref())
                .text_or_null(has_card.then(|| dice.any(&["VISA", "MASTERCARD", "JCB"])))
                .text_or_null(has_card.then(|| format!("9999{:02}", dice.below(100))).as_deref())
                .text_or_null(has_card.then(|| format!("{:04}", dice.below(10_000))).as_deref())
                .flag_or_null((!dice.permille(100)).then(|| dice.permille(300)))
                .int(dice.weighted(&[(90, 1_u8), (8, 2), (2, 3)]));
            rows.end()?;
        }
    }
    Ok(())
}

fn purchases(world: &World, rows: &mut Rows) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_purchase");
    rows.begin("dispatch_purchase")?;
    for place in 0..world.volume.of(3_701, 6) {
        let quantity = dice.between(1, 20);
        let at = day(2016, 1, 1) + dice.between(0, 9 * YEAR);
        rows.int(OTHER.at(place))
            .int(OTHER.at(dice.below(PRODUCTS)))
            .int(USER.at(dice.any(&world.doctors)))
            .int(quantity)
            .int(dice.between(0, quantity))
            .cents(quantity * dice.between(5_000, 20_000))
            .time(micros(&mut dice, at));
        rows.end()?;
    }
    Ok(())
}

fn wares(world: &World, rows: &mut Rows, payments: &[Payment]) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_ware");
    let mut place = 0;
    rows.begin("dispatch_ware")?;
    for payment in payments {
        for _ in 0..dice.weighted(&[(80, 1), (20, 2)]) {
            let product = dice.below(PRODUCTS);
            let percent = if dice.permille(150) { 10 } else { 0 };
            let discount = payment.total * percent / 100;
            rows.int(OTHER.at(place))
                .int(payment.id)
                .int(OTHER.at(product))
                .null()
                .text("Order line")
                .int(1)
                .flag_or_null((!dice.permille(50)).then_some(payment.is_free))
                .cents(payment.total)
                .int_or_null((percent > 0).then_some(percent))
                .cents_or_null((percent > 0).then_some(discount))
                .text_or_null((percent > 0).then_some("Loyal customer"))
                .cents(payment.total - discount);
            rows.end()?;
            place += 1;
        }
    }
    Ok(())
}
