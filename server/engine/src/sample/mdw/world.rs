//! Everybody and every order of the sample: what other rows refer to. It is held in memory, some
//! twenty megabytes at full scale; the rows that make up the bulk are not.

use chrono::NaiveDate;

use super::dice::Dice;
use super::names::{Culture, Name};
use super::truth::Pair;
use super::volume::Volume;
use super::{offices, orders, people};

pub(super) struct World {
    pub(super) seed: u64,
    pub(super) volume: Volume,
    pub(super) offices: Vec<Office>,
    /// An office and a doctor's place among the users.
    pub(super) office_doctors: Vec<(u32, u32)>,
    pub(super) users: Vec<User>,
    /// Places of users by what they do.
    pub(super) doctors: Vec<u32>,
    pub(super) staff: Vec<u32>,
    pub(super) patients: Vec<Patient>,
    pub(super) orders: Vec<Order>,
    /// Rows that belong to orders; those that belong to none come after them.
    pub(super) jaws: u32,
    pub(super) projects: u32,
    pub(super) plans: u32,
    pub(super) files: u32,
    pub(super) duplicates: Vec<Pair>,
    pub(super) look_alikes: Vec<Pair>,
}

pub(super) struct Office {
    pub(super) country: Option<&'static str>,
    pub(super) culture: Culture,
    pub(super) name: String,
    /// Percent, in ten-thousandths.
    pub(super) tax_rate: i64,
}

pub(super) struct User {
    pub(super) name: Name,
    pub(super) email: String,
    pub(super) groups: Vec<Group>,
    pub(super) is_active: bool,
    pub(super) is_test_account: bool,
    /// Seconds since 1970.
    pub(super) joined: i64,
    pub(super) last_login: Option<i64>,
}

/// A group of users, by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Patient = 1,
    Doctor = 2,
    Sales = 3,
    Admin = 4,
    Master = 5,
    Technician = 11,
}

pub(super) struct Patient {
    /// The place of the user.
    pub(super) user: u32,
    /// The place of the doctor among the users.
    pub(super) doctor: Option<u32>,
    pub(super) office: Option<u32>,
    pub(super) birthdate: Option<NaiveDate>,
    pub(super) sex: Option<u8>,
    pub(super) suffix: Option<String>,
    pub(super) submitted: Option<i64>,
    pub(super) has_main_course: bool,
}

pub(super) struct Order {
    /// The place of the patient.
    pub(super) patient: u32,
    pub(super) course: u8,
    /// Counts from 1 within its patient.
    pub(super) number: u8,
    pub(super) status: u8,
    pub(super) is_deleted: bool,
    pub(super) has_states: bool,
    pub(super) price_cents: u32,
    /// Seconds since 1970; what else happens to the order happens later.
    pub(super) begun: i64,
    pub(super) jaws: Jaws,
    pub(super) first_jaw: u32,
    pub(super) first_project: u32,
    pub(super) projects: u8,
    pub(super) first_plan: u32,
    pub(super) plans: u8,
    pub(super) first_file: u32,
    /// Files that name the order, and as many after them that do not.
    pub(super) files: u8,
    pub(super) loose_files: u8,
}

/// Which jaws an order is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jaws {
    Both,
    Upper,
    Lower,
}

impl Order {
    /// How many rows its jaws have.
    pub(super) fn jaw_count(&self) -> u32 {
        if self.jaws == Jaws::Both { 2 } else { 1 }
    }
}

impl User {
    pub(super) fn is_superuser(&self) -> bool {
        self.groups[0] == Group::Master
    }

    pub(super) fn is_staff(&self) -> bool {
        matches!(self.groups[0], Group::Master | Group::Admin)
    }
}

impl World {
    pub(super) fn new(seed: u64, volume: Volume) -> Self {
        let mut world = Self {
            seed,
            volume,
            offices: offices::make(seed, volume),
            office_doctors: Vec::new(),
            users: Vec::new(),
            doctors: Vec::new(),
            staff: Vec::new(),
            patients: Vec::new(),
            orders: Vec::new(),
            jaws: 0,
            projects: 0,
            plans: 0,
            files: 0,
            duplicates: Vec::new(),
            look_alikes: Vec::new(),
        };
        people::fill(&mut world);
        orders::fill(&mut world);
        world
    }

    pub(super) fn dice(&self, purpose: &str) -> Dice {
        Dice::new(self.seed, purpose)
    }

    pub(super) fn user_of(&self, order: &Order) -> &User {
        &self.users[self.patients[order.patient as usize].user as usize]
    }
}
