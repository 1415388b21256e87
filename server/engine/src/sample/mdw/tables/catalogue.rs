//! What can be ordered, at what price, and by which steps it is made.

use super::super::ids::{OTHER, USER};
use super::super::time::{DAY, date_of, day};
use super::super::truth::{Fault, Notes};
use super::super::world::World;
use super::super::write::{Rows, Stopped};

pub(super) const PRODUCTS: u32 = 16;
pub(super) const TEMPLATES: u32 = 169;
const CATEGORIES: u32 = 44;

const COURSES: &[(u32, &str)] = &[
    (1, "Main"),
    (2, "Refinement"),
    (3, "Replacement"),
    (4, "Any"),
    (7, "Invoice"),
    (8, "Merchandise"),
];

const PRODUCT_NAMES: &[&str] = &[
    "Full braces",
    "Limited braces",
    "Clear aligner set",
    "Retainer pair",
    "Bonding tray",
    "Lingual kit",
    "Replacement tray",
    "Study model",
];

const TASKS: &[(&str, &str)] = &[
    ("Submitted", "Submit Patient"),
    ("Sectioned", "Section"),
    ("Scan checked", "Check scan"),
    ("Setup made", "Make setup"),
    ("TP# Added", "Add TP#"),
    ("Plan approved", "Approve plan"),
    ("Trays printed", "Print trays"),
    ("Quality checked", "Check quality"),
    ("Packed", "Pack"),
    ("Shipped", "Ship"),
    ("Archived", "Archive"),
];

pub(super) fn make(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    products(world, rows, notes)?;
    prices(world, rows, notes)?;
    steps(world, rows)
}

fn products(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    rows.begin("dispatch_course")?;
    for (id, name) in COURSES {
        rows.int(*id).text(name).int(i64::from(*id > 4)).null();
        rows.end()?;
    }
    let mut dice = world.dice("dispatch_product");
    rows.begin("dispatch_product")?;
    for place in 0..PRODUCTS {
        let id = OTHER.at(place);
        let customization = match place {
            // Two were typed in by hand, and are not JSON.
            5 => Some("{'colour': 'clear', 'trim': 'scalloped', 'labels': True}"),
            11 => Some(r#"{"colour": "white", "trim": "straight",}"#),
            _ if place % 3 == 0 => None,
            _ => Some(r#"{"colour": "clear", "trim": "scalloped", "labels": true}"#),
        };
        notes.note_if(matches!(place, 5 | 11), Fault::BrokenCustomization, id);
        let name = PRODUCT_NAMES[place as usize % PRODUCT_NAMES.len()];
        let name = if place < 8 { name.to_owned() } else { format!("{name} (old)") };
        rows.int(id)
            .text(&name)
            .text_or_null(dice.permille(500).then_some("Made to measure"))
            .int(place % 4)
            .int(dice.any(&[1_u8, 2, 3]))
            .flag(place == 7)
            .flag(place >= 10)
            .flag(place == 6)
            .text_or_null(customization);
        rows.end()?;
    }
    Ok(())
}

fn prices(world: &World, rows: &mut Rows, notes: &mut Notes) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_offer");
    let offers = world.volume.of(788, 16);
    let has_doctor = |offer: u32| offer % 50 != 7;
    rows.begin("dispatch_offer")?;
    for place in 0..offers {
        let both = dice.between(0, 199_500);
        let doctor = dice.any(&world.doctors);
        rows.int(OTHER.at(place))
            .cents(both)
            .cents(both * 6 / 10)
            .cents_or_null((!dice.permille(50)).then_some(both * 6 / 10))
            .int_or_null(has_doctor(place).then(|| USER.at(doctor)))
            .int(OTHER.at(dice.below(PRODUCTS)));
        rows.end()?;
    }
    rows.begin("dispatch_discount")?;
    let orphaned = world.volume.of(16, 1);
    for place in 0..world.volume.of(151, 4) {
        let id = OTHER.at(place);
        let offer = if place < orphaned {
            place % offers.div_ceil(50) * 50 + 7
        } else {
            let offer = dice.below(offers);
            if has_doctor(offer) { offer } else { offer - 1 }
        };
        let offer = offer.min(offers - 1);
        notes.note_if(!has_doctor(offer), Fault::DiscountOnOfferWithoutDoctor, id);
        let start = day(2019, 1, 1) + dice.between(0, 2000) * DAY;
        rows.int(id)
            .int(dice.any(&[5_u8, 10, 15, 20, 25, 50, 100]))
            .text_or_null(dice.permille(600).then_some("Loyal customer"))
            .int_or_null(dice.permille(500).then(|| dice.between(1, 20)))
            .int(dice.between(0, 5))
            .date(date_of(start))
            .date_or_null(dice.permille(700).then(|| date_of(start + 365 * DAY)))
            .flag(dice.permille(200))
            .int(OTHER.at(offer));
        rows.end()?;
    }
    Ok(())
}

fn steps(world: &World, rows: &mut Rows) -> Result<(), Stopped> {
    let mut dice = world.dice("dispatch_template");
    rows.begin("dispatch_category")?;
    for place in 0..CATEGORIES {
        let parent = (place >= 8).then(|| OTHER.at(dice.below(8)));
        rows.int(OTHER.at(place)).text(&format!("Stage {}", place + 1)).int_or_null(parent);
        rows.end()?;
    }
    rows.begin("dispatch_template")?;
    for place in 0..TEMPLATES {
        let (task, action) = TASKS[place as usize % TASKS.len()];
        let numbered = if place < 11 { String::new() } else { format!(" {}", place / 11 + 1) };
        rows.int(OTHER.at(place))
            .text(&format!("{task}{numbered}"))
            .text_or_null((!dice.permille(200)).then_some(action))
            .text_or_null(dice.permille(200).then_some("Remark"))
            .int(dice.any(&[1_u8, 2, 4]))
            .int_or_null(dice.permille(300).then(|| dice.any(&[0_u8, 1, 2, 4, 5])))
            .int_or_null(dice.permille(600).then(|| dice.between(1, 72)))
            .int(OTHER.at(dice.below(CATEGORIES)))
            .int_or_null(dice.permille(700).then(|| dice.any(&[1_u8, 2, 3, 4])))
            .flag(dice.permille(400))
            .flag(dice.permille(100))
            .text_or_null(dice.permille(300).then_some("stl,ply"))
            .null()
            .flag(dice.permille(150));
        rows.end()?;
    }
    rows.begin("dispatch_template_predecessors")?;
    for place in 0..210 {
        let to = 1 + dice.below(TEMPLATES - 1);
        rows.int(OTHER.at(place)).int(OTHER.at(dice.below(to))).int(OTHER.at(to));
        rows.end()?;
    }
    Ok(())
}
