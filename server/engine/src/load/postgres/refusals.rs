//! How often rows are refused, and what follows from it.

use shared::assessment::TableName;

use super::Fault;
use super::conditions::Known;
use crate::load::LoadTable;

/// How often rows of a table are refused, which says how many are best sent at once.
///
/// A refusal takes back the rows that were sent with it. Where many are refused, few rows at once
/// are quickest; where few are, many at once; and where many break a condition, these are asked for
/// beforehand.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    table: Option<TableName>,
    rows: usize,
    /// Those that broke a condition, whether COPY met them or they were found beforehand.
    broke: usize,
    /// The others.
    refused: usize,
    pub(super) conditions: Known,
}

impl Refusals {
    /// Begins anew with another table.
    pub(super) fn of(&mut self, table: &LoadTable) {
        if self.table.as_ref() != Some(&table.name) {
            *self = Self { table: Some(table.name.clone()), ..Self::default() };
        }
    }

    pub(super) fn went_in(&mut self, rows: usize) {
        self.rows += rows;
        // What was long ago says little of the rows to come.
        if self.rows > ROWS_REMEMBERED {
            self.rows /= 2;
            self.refused /= 2;
            self.broke /= 2;
        }
    }

    /// A row was refused after so many others.
    pub(super) fn refused_after(&mut self, rows: usize, fault: &Fault) {
        if self.refused + self.broke == 0 {
            self.rows += rows;
        }
        if fault.is_of_a_condition() {
            self.broke += 1;
        } else {
            self.refused += 1;
        }
    }

    /// So many rows broke a condition, and COPY will not meet them.
    pub(super) const fn asked(&mut self, broke: usize) {
        self.broke += broke;
    }

    /// To ask beforehand is to send every row twice, and pays where a refusal every `d` rows costs
    /// more than that.
    pub(super) fn break_conditions_often(&self) -> bool {
        self.broke > 0
            && self.rows / self.broke < ROWS_WORTH_ASKING
            && !matches!(self.conditions, Known::Unusable)
    }

    /// With a refusal every `d` rows, `w` rows at once cost `w / d + 1` copies, and each refusal
    /// takes back half of them: together least where `w² = 2 · d · cost of a copy`.
    pub(super) fn rows_at_once(&self) -> usize {
        let is_asked = matches!(self.conditions, Known::Them(_)) && self.break_conditions_often();
        let met = if is_asked { self.refused } else { self.refused + self.broke };
        match self.rows.max(1).checked_div(met) {
            None => usize::MAX,
            Some(distance) => (2 * ROWS_A_COPY_COSTS * distance.max(1)).isqrt(),
        }
    }
}

/// How many rows could be sent in the time that one more COPY takes.
const ROWS_A_COPY_COSTS: usize = 100;

/// Up to this distance between two rows that break a condition, all rows are asked beforehand: the
/// distance at which refusals take as long as half the copying does.
const ROWS_WORTH_ASKING: usize = 8 * ROWS_A_COPY_COSTS;

const ROWS_REMEMBERED: usize = 200_000;

#[cfg(test)]
mod tests {
    use shared::error_code::ErrorCode;

    use super::*;

    fn fault(code: ErrorCode) -> Fault {
        Fault { line: Some(1), code, column: None, reason: String::new() }
    }

    #[test]
    fn the_more_rows_are_refused_the_fewer_go_at_once() {
        let mut refusals = Refusals::default();
        assert_eq!(refusals.rows_at_once(), usize::MAX);

        let taken = fault(ErrorCode::Data009);
        refusals.refused_after(10_000, &taken);
        let few_refused = refusals.rows_at_once();
        (0..200).for_each(|_| refusals.refused_after(0, &taken));

        assert!((1_000..10_000).contains(&few_refused), "{few_refused}");
        assert!(refusals.rows_at_once() < 200);
        refusals.refused = 1_000_000;
        assert!(refusals.rows_at_once() > 0);
    }

    #[test]
    fn conditions_that_many_rows_break_are_asked_and_no_others() {
        let mut refusals = Refusals::default();
        refusals.refused_after(10, &fault(ErrorCode::Data009));
        assert!(!refusals.break_conditions_often());

        refusals.refused_after(10, &fault(ErrorCode::Data010));
        assert!(refusals.break_conditions_often());

        refusals.went_in(5_000);
        assert!(!refusals.break_conditions_often());
        refusals.asked(1_000);
        assert!(refusals.break_conditions_often());
        refusals.conditions = Known::Unusable;
        assert!(!refusals.break_conditions_often());
    }
}
