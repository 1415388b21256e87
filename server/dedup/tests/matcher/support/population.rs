//! Invented people as a hospital meets them: households that share surname, address and phone,
//! twins, sons named after their fathers, moves and marriages between visits, and clerks in a hurry.

use rand::distr::weighted::WeightedIndex;
use rand::prelude::*;
use rand_chacha::ChaCha8Rng;

/// A table with its truth.
pub(crate) struct Population {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// Record and who it is.
    pub truth: Vec<(String, String)>,
}

const HEADER: [&str; 15] = [
    "id",
    "first_name",
    "middle_name",
    "last_name",
    "suffix",
    "dob",
    "sex",
    "ssn",
    "phone",
    "email",
    "address",
    "address_2",
    "city",
    "state",
    "zip",
];

const FIRST: usize = 1;
const MIDDLE: usize = 2;
const LAST: usize = 3;
const SUFFIX: usize = 4;
const DOB: usize = 5;
const SEX: usize = 6;
const SSN: usize = 7;
const PHONE: usize = 8;
const EMAIL: usize = 9;
const ADDRESS: usize = 10;
const UNIT: usize = 11;
const CITY: usize = 12;
const STATE: usize = 13;
const ZIP: usize = 14;

/// What kind of population it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Households, and some people more than once.
    Usual,
    /// Nobody lives with anybody.
    Singles,
    /// Everybody once.
    Clean,
}

/// So many records, the same for the same seed.
#[cfg(test)]
pub(crate) fn generate(records: usize, seed: u64) -> Population {
    generate_kind(records, seed, Kind::Usual)
}

/// So many records of a kind of population.
pub(crate) fn generate_kind(records: usize, seed: u64, kind: Kind) -> Population {
    let mut world = World::new(records, seed);
    let mut people = Vec::new();
    let mut planned = 0;
    while planned < records {
        let mut household = world.household();
        match kind {
            Kind::Usual => {}
            Kind::Singles => household.truncate(1),
            Kind::Clean => household.iter_mut().for_each(|person| person.visits = 1),
        }
        planned += household.iter().map(|person| person.visits).sum::<usize>();
        people.extend(household);
    }
    let mut rows = Vec::new();
    for (entity, person) in people.into_iter().enumerate() {
        let mut now = person;
        for visit in 0..now.visits {
            if visit > 0 {
                world.live_on(&mut now);
            }
            rows.push((world.clerk(&now), entity));
        }
    }
    rows.shuffle(&mut world.random);
    rows.truncate(records);
    let mut population = Population {
        header: HEADER.map(str::to_owned).to_vec(),
        rows: Vec::new(),
        truth: Vec::new(),
    };
    for (number, (mut row, entity)) in rows.into_iter().enumerate() {
        row[0] = format!("r{number}");
        population.truth.push((row[0].clone(), entity.to_string()));
        population.rows.push(row);
    }
    population
}

#[derive(Clone)]
struct Person {
    row: Vec<String>,
    visits: usize,
    age: u32,
}

struct World {
    random: ChaCha8Rng,
    men: Names,
    women: Names,
    surnames: Names,
    towns: Vec<[String; 3]>,
    streets: Vec<String>,
    next_ssn: u32,
}

struct Names {
    names: Vec<String>,
    weights: WeightedIndex<f64>,
}

impl Names {
    fn new(known: &str, tail: Vec<String>, offset: f64) -> Self {
        let names: Vec<String> = known.split_whitespace().map(str::to_owned).chain(tail).collect();
        let weights = (0_u32..).take(names.len()).map(|rank| 1.0 / (f64::from(rank) + offset));
        Self { weights: WeightedIndex::new(weights).expect("weights above 0"), names }
    }

    fn draw(&self, random: &mut ChaCha8Rng) -> String {
        self.names[self.weights.sample(random)].clone()
    }
}

impl World {
    fn new(records: usize, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut tail =
            |count: usize, ends: &[&str]| (0..count).map(|_| invented(&mut random, ends)).collect();
        let men = Names::new(MEN, tail(600, &["", "o", "an", "us", "el"]), 6.0);
        let women = Names::new(WOMEN, tail(800, &["a", "ie", "ette", "lyn", "ia"]), 8.0);
        let surnames = Names::new(
            SURNAMES,
            tail(30_000, &["", "son", "er", "man", "ski", "ez", "ton", "ley"]),
            25.0,
        );
        let streets: Vec<String> = tail(400, &["", "wood", "field", "ton"]);
        let names: Vec<String> =
            tail((records / 400).max(12), &["ville", "ton", "burg", " Springs"]);
        let towns = names
            .into_iter()
            .enumerate()
            .map(|(at, name)| {
                [
                    name,
                    STATES[at % STATES.len()].to_owned(),
                    format!("{:05}", 10_000 + at * 37 % 89_000),
                ]
            })
            .collect();
        Self { random, men, women, surnames, towns, streets, next_ssn: 100_000_001 }
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.random.random_bool(probability)
    }

    fn household(&mut self) -> Vec<Person> {
        let surname = self.surnames.draw(&mut self.random);
        let mut home = vec![String::new(); HEADER.len()];
        self.move_in(&mut home);
        home[PHONE] = self.phone();
        let oldest = self.random.random_range(22..85);
        let head = self.person(&home, &surname, oldest, None);
        let mut household = vec![head];
        if self.chance(0.62) {
            let age = (oldest + self.random.random_range(0..9)).saturating_sub(5).max(19);
            let own = self.surnames.draw(&mut self.random);
            let shared = self.chance(0.72);
            let other = if household[0].row[SEX] == "M" { "F" } else { "M" };
            let mut spouse =
                self.person(&home, if shared { &surname } else { &own }, age, Some(other));
            if self.chance(0.3) {
                spouse.row[PHONE].clone_from(&household[0].row[PHONE]);
            }
            if self.chance(0.12) {
                spouse.row[EMAIL].clone_from(&household[0].row[EMAIL]);
            }
            household.push(spouse);
        }
        let children = [0, 0, 1, 1, 2, 2, 3].choose(&mut self.random).copied().unwrap_or(0);
        for _ in 0..children {
            let age = self.random.random_range(0..30).min(oldest - 20);
            let child = self.child(&household, &home, &surname, age);
            household.push(child.clone());
            if self.chance(0.032) {
                let mut twin = self.child(&household, &home, &surname, age);
                twin.row[DOB].clone_from(&child.row[DOB]);
                // Numbers given out on one day follow each other.
                twin.row[SSN] = self.ssn();
                household.push(twin);
            }
        }
        household
    }

    fn child(&mut self, household: &[Person], home: &[String], surname: &str, age: u32) -> Person {
        let mut child = self.person(home, surname, age, None);
        let father =
            household.iter().find(|person| person.row[SEX] == "M" && person.row[LAST] == surname);
        if let Some(father) = father.cloned()
            && child.row[SEX] == "M"
            && father.row[SUFFIX].is_empty()
            && self.chance(0.045)
        {
            child.row[FIRST].clone_from(&father.row[FIRST]);
            child.row[MIDDLE].clone_from(&father.row[MIDDLE]);
            "Jr".clone_into(&mut child.row[SUFFIX]);
        }
        if age < 18 {
            let guardian = household[self.random.random_range(0..household.len().min(2))].clone();
            if self.chance(0.8) {
                child.row[PHONE].clone_from(&guardian.row[PHONE]);
            }
            if self.chance(0.7) {
                child.row[EMAIL].clone_from(&guardian.row[EMAIL]);
            }
        }
        child
    }

    fn person(&mut self, home: &[String], surname: &str, age: u32, sex: Option<&str>) -> Person {
        let mut row = home.to_vec();
        let sex = sex.unwrap_or(if self.random.random_bool(0.5) { "M" } else { "F" });
        let names = if sex == "M" { &self.men } else { &self.women };
        row[FIRST] = names.draw(&mut self.random);
        if self.random.random_bool(0.6) {
            row[MIDDLE] = names.draw(&mut self.random);
            if self.random.random_bool(0.5) {
                row[MIDDLE].truncate(1);
            }
        }
        surname.clone_into(&mut row[LAST]);
        row[DOB] = format!(
            "{:04}-{:02}-{:02}",
            2024 - age,
            self.random.random_range(1..=12),
            self.random.random_range(1..=28)
        );
        sex.clone_into(&mut row[SEX]);
        row[SSN] = self.ssn();
        row[PHONE] = self.phone();
        row[EMAIL] = self.email(&row);
        let visits = match self.random.random_range(0..1000) {
            0..785 => 1,
            785..940 => 2,
            940..982 => 3,
            982..995 => 4,
            _ => 5,
        };
        Person { row, visits, age }
    }

    fn ssn(&mut self) -> String {
        // Scattered, but the number after this one is the next.
        if self.random.random_bool(0.97) {
            self.next_ssn = self.random.random_range(100_000_001..899_999_999);
        }
        self.next_ssn += 1;
        let ssn = self.next_ssn;
        format!("{:03}-{:02}-{:04}", ssn / 1_000_000, ssn / 10_000 % 100, ssn % 10_000)
    }

    fn phone(&mut self) -> String {
        let (area, line) =
            (self.random.random_range(201..990), self.random.random_range(2_000_000..9_999_999));
        format!("{area}-{:03}-{:04}", line / 10_000, line % 10_000)
    }

    fn email(&mut self, row: &[String]) -> String {
        let number = self.random.random_range(1..999);
        let (first, last) = (row[FIRST].to_lowercase(), row[LAST].to_lowercase());
        let domain = *pick(&mut self.random, &["example.org", "mail.example", "post.example"]);
        match self.random.random_range(0..3) {
            0 => format!("{first}.{last}{number}@{domain}"),
            1 => format!("{}{last}{number}@{domain}", &first[..1]),
            _ => format!("{first}{number}@{domain}"),
        }
    }

    fn move_in(&mut self, row: &mut [String]) {
        let [city, state, zip] = pick(&mut self.random, &self.towns).clone();
        let kind = *pick(&mut self.random, &["Street", "Avenue", "Road", "Drive", "Lane", "Court"]);
        let street = pick(&mut self.random, &self.streets);
        row[ADDRESS] = format!("{} {street} {kind}", self.random.random_range(1..999));
        row[UNIT] = if self.random.random_bool(0.25) {
            format!("Apt {}", self.random.random_range(1..60))
        } else {
            String::new()
        };
        (row[CITY], row[STATE], row[ZIP]) = (city, state, zip);
    }

    /// What happens between two visits.
    fn live_on(&mut self, person: &mut Person) {
        if self.chance(0.18) {
            self.move_in(&mut person.row);
        }
        if self.chance(0.22) {
            person.row[PHONE] = self.phone();
        }
        if self.chance(0.20) {
            person.row[EMAIL] = self.email(&person.row);
        }
        if person.row[SEX] == "F" && person.age >= 20 && self.chance(0.08) {
            person.row[LAST] = self.surnames.draw(&mut self.random);
        }
    }

    /// What a clerk writes down.
    fn clerk(&mut self, person: &Person) -> Vec<String> {
        let mut row = person.row.clone();
        let errors = match self.random.random_range(0..100) {
            0..65 => 0,
            65..90 => self.random.random_range(1..=2),
            _ => self.random.random_range(3..=5),
        };
        for _ in 0..errors {
            self.err(&mut row);
        }
        for (field, missing) in
            [(SSN, 0.35), (EMAIL, 0.45), (PHONE, 0.12), (MIDDLE, 0.2), (SUFFIX, 0.3), (SEX, 0.02)]
        {
            if self.chance(missing) {
                row[field].clear();
            }
        }
        if self.chance(0.05) {
            for field in [ADDRESS, UNIT, CITY, STATE, ZIP] {
                row[field].clear();
            }
        }
        for (field, filler, often) in [
            (SSN, "999-99-9999", 0.004),
            (PHONE, "555-555-5555", 0.006),
            (DOB, "1900-01-01", 0.003),
        ] {
            if self.chance(often) {
                filler.clone_into(&mut row[field]);
            }
        }
        if person.age == 0 && self.chance(0.3) {
            let name = if row[SEX] == "M" { "Baby Boy" } else { "Baby Girl" };
            name.clone_into(&mut row[FIRST]);
            row[MIDDLE].clear();
        }
        row
    }

    fn err(&mut self, row: &mut [String]) {
        match self.random.random_range(0..100) {
            0..30 => {
                let field = *pick(&mut self.random, &[FIRST, LAST, LAST, ADDRESS, CITY, EMAIL]);
                row[field] = self.typo(&row[field]);
            }
            30..42 => {
                let field = *pick(&mut self.random, &[SSN, PHONE, ZIP, DOB]);
                row[field] = self.wrong_digit(&row[field]);
            }
            42..52 => {
                if let Some(short) = NICKNAMES.iter().find(|(long, _)| *long == row[FIRST]) {
                    short.1.clone_into(&mut row[FIRST]);
                } else {
                    row[FIRST] = self.typo(&row[FIRST]);
                }
            }
            52..58 => row[FIRST].truncate(1),
            58..63 => row.swap(FIRST, LAST),
            63..67 if row[MIDDLE].len() > 1 => row.swap(FIRST, MIDDLE),
            63..74 => {
                let date = row[DOB].clone();
                let (day, month) = (&date[8..10], &date[5..7]);
                row[DOB] = format!("{}-{day}-{month}", &date[..4]);
            }
            74..80 => {
                let year: i32 = row[DOB][..4].parse().unwrap_or(1980);
                let slip = *pick(&mut self.random, &[-10, -1, 1, 10]);
                row[DOB] = format!("{:04}{}", year + slip, &row[DOB][4..]);
            }
            80..84 => row[DOB] = format!("{}-01-01", &row[DOB][..4]),
            84..92 => row[LAST] = phonetic(&row[LAST]),
            _ => row[ADDRESS] = row[ADDRESS].replace("Street", "St").replace("Avenue", "Ave."),
        }
    }

    fn typo(&mut self, text: &str) -> String {
        let mut letters: Vec<char> = text.chars().collect();
        if letters.len() < 3 {
            return text.to_owned();
        }
        let at = self.random.random_range(1..letters.len() - 1);
        let letter = char::from(b'a' + self.random.random_range(0..26));
        match self.random.random_range(0..4) {
            0 => letters[at] = letter,
            1 => letters.insert(at, letter),
            2 => {
                letters.remove(at);
            }
            _ => letters.swap(at, at + 1),
        }
        letters.into_iter().collect()
    }

    fn wrong_digit(&mut self, text: &str) -> String {
        let places: Vec<usize> =
            text.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at).collect();
        let Some(at) = places.choose(&mut self.random) else { return text.to_owned() };
        let digit = char::from(b'0' + self.random.random_range(0..10));
        format!("{}{digit}{}", &text[..*at], &text[at + 1..])
    }
}

fn pick<'a, T>(random: &mut ChaCha8Rng, from: &'a [T]) -> &'a T {
    &from[random.random_range(0..from.len())]
}

fn phonetic(name: &str) -> String {
    for (from, to) in
        [("ph", "f"), ("ck", "k"), ("ie", "y"), ("ee", "ea"), ("c", "k"), ("s", "z"), ("i", "y")]
    {
        if name.contains(from) {
            return name.replacen(from, to, 1);
        }
    }
    name.to_owned()
}

fn invented(random: &mut ChaCha8Rng, ends: &[&str]) -> String {
    const STARTS: [&str; 28] = [
        "b", "br", "c", "cr", "d", "dr", "f", "g", "gr", "h", "j", "k", "kl", "l", "m", "n", "p",
        "pr", "r", "s", "st", "t", "th", "v", "w", "wh", "z", "sh",
    ];
    const MIDDLES: [&str; 14] =
        ["a", "e", "i", "o", "u", "ai", "ea", "ou", "ar", "er", "in", "on", "el", "al"];
    const LINKS: [&str; 16] =
        ["b", "ck", "d", "ff", "l", "ll", "m", "n", "nd", "r", "rt", "s", "st", "t", "v", "x"];
    let mut name = String::new();
    for _ in 0..random.random_range(1..3) {
        name.push_str(pick::<&str>(random, &STARTS));
        name.push_str(pick::<&str>(random, &MIDDLES));
        name.push_str(pick::<&str>(random, &LINKS));
    }
    name.push_str(pick::<&str>(random, ends));
    name[..1].to_uppercase() + &name[1..]
}

const STATES: [&str; 8] = ["MA", "NY", "CT", "VT", "NH", "ME", "RI", "NJ"];

const NICKNAMES: [(&str, &str); 24] = [
    ("James", "Jim"),
    ("Robert", "Bob"),
    ("John", "Jack"),
    ("Michael", "Mike"),
    ("William", "Bill"),
    ("David", "Dave"),
    ("Richard", "Rick"),
    ("Joseph", "Joe"),
    ("Thomas", "Tom"),
    ("Charles", "Chuck"),
    ("Christopher", "Chris"),
    ("Daniel", "Dan"),
    ("Matthew", "Matt"),
    ("Patricia", "Pat"),
    ("Jennifer", "Jenny"),
    ("Elizabeth", "Liz"),
    ("Barbara", "Barb"),
    ("Susan", "Sue"),
    ("Jessica", "Jess"),
    ("Margaret", "Peggy"),
    ("Deborah", "Debbie"),
    ("Katherine", "Kate"),
    ("Rebecca", "Becky"),
    ("Samantha", "Sam"),
];

const MEN: &str = "James Robert John Michael David William Richard Joseph Thomas Charles Christopher \
    Daniel Matthew Anthony Mark Donald Steven Paul Andrew Joshua Kenneth Kevin Brian George Timothy Ronald \
    Edward Jason Jeffrey Ryan Jacob Gary Nicholas Eric Jonathan Stephen Larry Justin Scott Brandon Benjamin \
    Samuel Gregory Frank Alexander Raymond Patrick Jack Dennis Jerry Tyler Aaron Jose Adam Nathan Henry \
    Douglas Zachary Peter Kyle Walter Ethan Jeremy Harold Keith Christian Roger Noah Gerald Carl Terry Sean \
    Austin Arthur Lawrence Jesse Dylan Bryan Joe Jordan Billy Bruce Albert Willie Gabriel Logan Alan Juan";

const WOMEN: &str = "Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Lisa Nancy \
    Betty Margaret Sandra Ashley Kimberly Emily Donna Michelle Carol Amanda Dorothy Melissa Deborah Stephanie \
    Rebecca Sharon Laura Cynthia Kathleen Amy Angela Shirley Anna Brenda Pamela Emma Nicole Helen Samantha \
    Katherine Christine Debra Rachel Carolyn Janet Catherine Maria Heather Diane Ruth Julie Olivia Joyce \
    Virginia Victoria Kelly Lauren Christina Joan Evelyn Judith Megan Andrea Cheryl Hannah Jacqueline Martha";

const SURNAMES: &str = "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez \
    Lopez Gonzalez Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez \
    Clark Ramirez Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams \
    Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts Gomez Phillips Evans Turner Diaz Parker Cruz \
    Edwards Collins Reyes Stewart Morris Morales Murphy Cook Rogers Gutierrez Ortiz Morgan Cooper Peterson \
    Bailey Reed Kelly Howard Ramos Kim Cox Ward Richardson Watson Brooks Chavez Wood James Bennett Gray";
