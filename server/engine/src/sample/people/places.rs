//! Towns and streets, none of which is on a map.

use super::super::dice::Dice;
use super::names::invented;

/// Where people live.
pub(super) struct Places {
    towns: Vec<Town>,
    /// By rank: how many of the people live in this town or a larger one.
    up_to: Vec<u64>,
    streets: Vec<String>,
}

struct Town {
    name: String,
    state: &'static str,
    /// The first postcode; larger towns have more of them.
    zip: u32,
    zips: u32,
}

/// An address, part by part.
pub(super) struct Address {
    pub street: String,
    pub unit: String,
    pub city: String,
    pub state: &'static str,
    pub zip: String,
}

/// So many people share a postcode, about.
const PEOPLE_PER_ZIP: u64 = 4_000;
const FEWEST_ZIPS: u64 = 24;
const MOST_ZIPS: u64 = 30_000;

impl Places {
    /// As many towns as so many people need.
    pub(super) fn new(people: u64) -> Self {
        let zips = (people / PEOPLE_PER_ZIP).clamp(FEWEST_ZIPS, MOST_ZIPS);
        let (mut towns, mut up_to, mut taken, mut sum) = (Vec::new(), Vec::new(), 0, 0);
        // The largest town has a tenth of all, the others ever less.
        while taken < zips {
            let rank = towns.len() as u64;
            let own = (zips / (10 + rank)).max(1).min(zips - taken);
            let name = invented(1_000_000 + rank, &["ville", "ton", "burg", "field", " Springs"]);
            towns.push(Town {
                name,
                state: STATES[towns.len() % STATES.len()],
                zip: 10_000 + u32::try_from(taken * 2).unwrap_or_default(),
                zips: u32::try_from(own).unwrap_or(1),
            });
            taken += own;
            sum += own;
            up_to.push(sum);
        }
        let rare = (0..STREETS).map(|street| {
            invented(2_000_000 + street, &["", "wood", "field", "ton", "brook", "dale"])
        });
        let streets = COMMON_STREETS.split_whitespace().map(str::to_owned).chain(rare).collect();
        Self { towns, up_to, streets }
    }

    pub(super) fn address(&self, dice: &mut Dice) -> Address {
        let place = dice.below_long(self.up_to.last().copied().unwrap_or(1));
        let town = &self.towns[self.up_to.partition_point(|up_to| *up_to <= place)];
        let kind = dice.pick(&["Street", "Avenue", "Road", "Drive", "Lane", "Court", "Way"]);
        // Every town has a Main Street.
        let streets = if dice.permille(400) { COMMON } else { self.streets.len() };
        let street = &self.streets[dice.index(streets)];
        let longest = dice.any(&[99, 999, 999, 9_999]);
        Address {
            street: format!("{} {street} {kind}", dice.between(1, longest)),
            unit: if dice.permille(250) {
                format!("Apt {}", dice.between(1, 60))
            } else {
                String::new()
            },
            city: town.name.clone(),
            state: town.state,
            zip: format!("{:05}", town.zip + dice.below(town.zips)),
        }
    }
}

const STREETS: u64 = 1_200;
const COMMON: usize = 40;

const COMMON_STREETS: &str = "Main Park Oak Pine Maple Cedar Elm View Washington Lake Hill Walnut \
    Spring North Ridge Church Willow Mill Sunset River Jackson Cherry Highland Johnson Forest \
    Chestnut Jefferson Center Meadow Lincoln Franklin Adams Hickory Valley Madison College School \
    Dogwood Union Laurel";

const STATES: [&str; 10] = ["MA", "NY", "CT", "VT", "NH", "ME", "RI", "NJ", "PA", "DE"];
