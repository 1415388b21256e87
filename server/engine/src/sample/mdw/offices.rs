//! The clinics.

use super::dice::Dice;
use super::names::{self, Culture};
use super::volume::Volume;
use super::world::Office;

/// Countries as the legacy system spells them, by how many of its offices are there.
const COUNTRIES: &[(u32, (Option<&str>, Culture))] = &[
    (5530, (Some("United States"), Culture::English)),
    (1550, (Some("India"), Culture::Indian)),
    (1100, (Some("Japan"), Culture::Japanese)),
    (640, (Some("Thailand"), Culture::Thai)),
    (30, (Some("Vietnam"), Culture::English)),
    (30, (Some("Australia"), Culture::English)),
    (10, (Some("Philippines"), Culture::English)),
    (10, (Some("Singapore"), Culture::English)),
    (10, (Some("France"), Culture::European)),
    (10, (Some("New Zealand"), Culture::English)),
];

pub(super) fn make(seed: u64, volume: Volume) -> Vec<Office> {
    let mut dice = Dice::new(seed, "offices");
    let wanted = volume.of(898, 12);
    // Every country with an office or more is there in any sample of this size.
    let mut offices: Vec<Office> = (0..wanted)
        .map(|place| {
            let (country, culture) = match place {
                0..4 => COUNTRIES[place as usize].1,
                _ => dice.weighted(COUNTRIES),
            };
            office(&mut dice, country, culture)
        })
        .collect();
    for _ in 0..volume.of(4, 1) {
        let place = 4 + dice.index(offices.len() - 4);
        offices[place].country = None;
    }
    offices
}

fn office(dice: &mut Dice, country: Option<&'static str>, culture: Culture) -> Office {
    let name = match culture {
        Culture::Japanese => {
            let (own, _) = names::in_script(dice, culture, names::Sex::Male);
            format!("{}矯正歯科", own.last)
        }
        Culture::Thai => {
            let (own, _) = names::in_script(dice, culture, names::Sex::Female);
            format!("คลินิกทันตกรรม{}", own.last)
        }
        Culture::European => {
            let (own, _) = names::with_diacritics(dice, names::Sex::Male);
            format!("Cabinet d'orthodontie {}", own.last)
        }
        Culture::English | Culture::Indian => {
            let place = names::place(dice);
            match dice.below(5) {
                0 => format!("Mc{place} Orthodontics"),
                1 => format!("{place} Dental Care, P.C."),
                2 => format!("Dr. {place} & Associates"),
                3 => format!("{place} SMILES"),
                _ => format!("{place} Ortho-Dent"),
            }
        }
    };
    let tax_rate = match culture {
        Culture::English => dice.between(160, 440) * 250,
        Culture::Japanese => 100_000,
        Culture::Thai => 70_000,
        Culture::Indian => 180_000,
        Culture::European => 200_000,
    };
    Office { country, culture, name, tax_rate }
}
