//! Households, and what becomes of their members between two visits.

use super::super::dice::Dice;
use super::names::Names;
use super::places::Places;
use super::record::{Column, Record};

/// Somebody, as things are now.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub now: Record,
    pub age: i64,
    pub visits: u32,
}

/// Where names, addresses and numbers come from.
pub(super) struct Society {
    pub(super) dice: Dice,
    men: Names,
    women: Names,
    families: Names,
    places: Places,
    last_ssn: i64,
}

/// The year in which everybody is as old as they are.
const YEAR: i64 = 2024;

impl Society {
    pub(super) fn new(records: u64, seed: u64) -> Self {
        Self {
            dice: Dice::new(seed, "people"),
            men: Names::of_men(),
            women: Names::of_women(),
            families: Names::of_families(),
            places: Places::new(records),
            last_ssn: 100_000_000,
        }
    }

    /// One person, or a couple, with children or without.
    pub(super) fn household(&mut self) -> Vec<Person> {
        let surname = self.families.draw(&mut self.dice);
        let mut home = Record::default();
        self.move_in(&mut home);
        home[Column::Phone] = self.phone();
        let age = self.dice.between(20, 79) + self.dice.between(0, 12);
        let head = self.person(&home, &surname, age, None);
        let mut household = vec![head];
        if self.dice.permille(620) {
            household.push(self.spouse(&home, &surname, age, &household[0].now));
        }
        let children = self.dice.any(&[0, 0, 1, 1, 2, 2, 3]);
        let youngest_parent = household.iter().map(|person| person.age).min().unwrap_or(age);
        for _ in 0..children {
            let age = self.dice.between(0, 29).min(youngest_parent - 18).max(0);
            let child = self.child(&mut household, &home, &surname, age);
            household.push(child.clone());
            if self.dice.permille(32) {
                let twin = self.twin(&mut household, &home, &surname, &child);
                household.push(twin);
            }
        }
        household
    }

    fn spouse(&mut self, home: &Record, surname: &str, age: i64, head: &Record) -> Person {
        let age = (age + self.dice.between(-5, 5)).max(19);
        let own = self.families.draw(&mut self.dice);
        let surname = if self.dice.permille(720) { surname } else { &own };
        let sex = if head[Column::Sex] == "M" { "F" } else { "M" };
        let mut spouse = self.person(home, surname, age, Some(sex));
        if self.dice.permille(300) {
            spouse.now[Column::Phone].clone_from(&head[Column::Phone]);
        }
        if self.dice.permille(120) {
            spouse.now[Column::Email].clone_from(&head[Column::Email]);
        }
        spouse
    }

    fn child(
        &mut self,
        household: &mut [Person],
        home: &Record,
        surname: &str,
        age: i64,
    ) -> Person {
        let mut child = self.person(home, surname, age, None);
        if child.now[Column::Sex] == "M" && self.dice.permille(45) {
            self.name_after_father(household, &mut child.now);
        }
        if age < 18 {
            let guardian = &household[self.dice.index(household.len().min(2))].now;
            if self.dice.permille(800) {
                child.now[Column::Phone].clone_from(&guardian[Column::Phone]);
            }
            if self.dice.permille(700) {
                child.now[Column::Email].clone_from(&guardian[Column::Email]);
            }
        }
        child
    }

    fn name_after_father(&mut self, household: &mut [Person], son: &mut Record) {
        let father = household.iter_mut().take(2).map(|person| &mut person.now).find(|person| {
            person[Column::Sex] == "M"
                && person[Column::LastName] == son[Column::LastName]
                && person[Column::Suffix].is_empty()
        });
        let Some(father) = father else { return };
        for column in [Column::FirstName, Column::MiddleName] {
            son[column].clone_from(&father[column]);
        }
        son.set(Column::Suffix, "Jr");
        if self.dice.permille(400) {
            father.set(Column::Suffix, "Sr");
        }
    }

    fn twin(
        &mut self,
        household: &mut [Person],
        home: &Record,
        surname: &str,
        child: &Person,
    ) -> Person {
        let mut twin = self.child(household, home, surname, child.age);
        for column in [Column::BirthDate, Column::Phone] {
            twin.now[column].clone_from(&child.now[column]);
        }
        // Numbers given out on one day follow each other.
        twin.now[Column::Ssn] = next_to(&child.now[Column::Ssn]);
        twin
    }

    fn person(&mut self, home: &Record, surname: &str, age: i64, sex: Option<&str>) -> Person {
        let mut now = home.clone();
        let sex = sex.unwrap_or_else(|| self.dice.any(&["M", "F"]));
        let names = if sex == "M" { &self.men } else { &self.women };
        now[Column::FirstName] = names.draw(&mut self.dice);
        if self.dice.permille(600) {
            now[Column::MiddleName] = names.draw(&mut self.dice);
            if self.dice.permille(500) {
                now[Column::MiddleName].truncate(1);
            }
        }
        now.set(Column::LastName, surname);
        now[Column::BirthDate] = self.birth_date(age);
        now.set(Column::Sex, sex);
        now[Column::Ssn] = self.ssn();
        now[Column::Phone] = self.phone();
        now[Column::Email] = self.email(&now);
        // Records are 1.3 for each person: several systems have been in use.
        let visits = self.dice.weighted(&[(785, 1), (155, 2), (42, 3), (13, 4), (5, 5)]);
        Person { now, age, visits }
    }

    fn birth_date(&mut self, age: i64) -> String {
        const DAYS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let month = self.dice.index(DAYS.len());
        let day = self.dice.between(1, DAYS[month]);
        format!("{:04}-{:02}-{day:02}", YEAR - age, month + 1)
    }

    fn ssn(&mut self) -> String {
        // Two apart, so that a twin's number is free.
        self.last_ssn = 100_000_000 + (self.last_ssn - 100_000_000 + self.ssn_step()) % SSNS;
        ssn(self.last_ssn)
    }

    fn ssn_step(&mut self) -> i64 {
        2 * self.dice.between(1, SSNS / 2 - 1)
    }

    pub(super) fn phone(&mut self) -> String {
        let line = self.dice.between(2_000_000, 9_999_999);
        let area = self.dice.between(201, 989);
        format!("{area}-{:03}-{:04}", line / 10_000, line % 10_000)
    }

    fn email(&mut self, person: &Record) -> String {
        let number = self.dice.between(1, 998);
        let plain = |column: Column| person[column].to_lowercase().replace([' ', '-', '\''], "");
        let (first, last) = (plain(Column::FirstName), plain(Column::LastName));
        let domain =
            self.dice.pick(&["example.org", "mail.example", "post.example", "web.example"]);
        match self.dice.below(3) {
            0 => format!("{first}.{last}{number}@{domain}"),
            1 => format!("{}{last}{number}@{domain}", &first[..1]),
            _ => format!("{first}{number}@{domain}"),
        }
    }

    fn move_in(&mut self, person: &mut Record) {
        let address = self.places.address(&mut self.dice);
        person[Column::Address] = address.street;
        person[Column::Unit] = address.unit;
        person[Column::City] = address.city;
        person.set(Column::State, address.state);
        person[Column::Zip] = address.zip;
    }

    /// What happens between two visits.
    pub(super) fn live_on(&mut self, person: &mut Person) {
        if self.dice.permille(180) {
            self.move_in(&mut person.now);
        }
        if self.dice.permille(220) {
            person.now[Column::Phone] = self.phone();
        }
        if self.dice.permille(200) {
            person.now[Column::Email] = self.email(&person.now);
        }
        if person.now[Column::Sex] == "F" && person.age >= 20 && self.dice.permille(80) {
            let new = self.families.draw(&mut self.dice);
            let old = &mut person.now[Column::LastName];
            // One in five keeps the old name beside the new one.
            *old = if self.dice.permille(200) { format!("{old}-{new}") } else { new };
        }
    }
}

/// How many numbers there are to give out.
const SSNS: i64 = 798_000_000;

fn ssn(number: i64) -> String {
    format!("{:03}-{:02}-{:04}", number / 1_000_000, number / 10_000 % 100, number % 10_000)
}

fn next_to(given: &str) -> String {
    let digits: String = given.chars().filter(char::is_ascii_digit).collect();
    ssn(digits.parse().unwrap_or(100_000_000) + 1)
}
