//! A row of the table, without its id.

use std::ops::{Index, IndexMut};

/// A column; the id stands before them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    FirstName,
    MiddleName,
    LastName,
    Suffix,
    BirthDate,
    Sex,
    Ssn,
    Phone,
    Email,
    Address,
    Unit,
    City,
    State,
    Zip,
}

const COLUMNS: usize = Column::Zip as usize + 1;

/// The names of the columns, the id's first.
pub const HEADER: [&str; COLUMNS + 1] = [
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

/// One value per column, empty where nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record([String; COLUMNS]);

impl Record {
    pub fn cells(&self) -> &[String] {
        &self.0
    }

    pub(super) fn set(&mut self, column: Column, text: &str) {
        text.clone_into(&mut self[column]);
    }

    pub(super) fn swap(&mut self, one: Column, other: Column) {
        self.0.swap(one as usize, other as usize);
    }
}

impl Index<Column> for Record {
    type Output = String;

    fn index(&self, column: Column) -> &String {
        &self.0[column as usize]
    }
}

impl IndexMut<Column> for Record {
    fn index_mut(&mut self, column: Column) -> &mut String {
        &mut self.0[column as usize]
    }
}
