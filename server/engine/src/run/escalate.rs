//! When bad rows are too many.

use shared::assessment::TableName;
use shared::error_code::ErrorCode;
use shared::plan::Escalation;
use shared::run::Books;

use super::board::Board;
use crate::error::{EngineError, Result};

/// Stops the run when more rows of a table, or of all, are in quarantine than the plan allows.
/// What was committed stays: with a higher limit the same run goes on.
pub(super) fn escalate(
    limits: &Escalation,
    board: &Board,
    index: usize,
    source: &TableName,
) -> Result<()> {
    let (table, all) = board.books(index);
    match exceeded(limits, table, all) {
        None => Ok(()),
        Some(limit) => Err(EngineError::new(
            ErrorCode::Load006,
            format!(
                "copying {source}: {} of its rows and {} of all are in quarantine, more than {limit}",
                table.quarantined, all.quarantined
            ),
        )),
    }
}

/// The limit that the books of a table, or of all tables, are beyond.
fn exceeded(limits: &Escalation, table: Books, all: Books) -> Option<&'static str> {
    let too_many = |limit: Option<u64>, books: Books| limit.is_some_and(|l| books.quarantined > l);
    let too_large = |limit: Option<f64>, books: Books| limit.is_some_and(|l| percent(books) > l);
    [
        (too_many(limits.table_rows, table), "table_rows"),
        (too_large(limits.table_percent, table), "table_percent"),
        (too_many(limits.run_rows, all), "run_rows"),
        (too_large(limits.run_percent, all), "run_percent"),
    ]
    .into_iter()
    .find_map(|(is_exceeded, limit)| is_exceeded.then_some(limit))
}

/// Of all rows that the source counted, not of those copied so far: a bad first chunk is no
/// reason to stop a long table.
#[expect(clippy::cast_precision_loss, reason = "a limit in percent needs no more digits")]
fn percent(books: Books) -> f64 {
    books.quarantined as f64 * 100.0 / books.read.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(limits: &str, table: (u64, u64), all: (u64, u64), expected: Option<&str>) {
        let limits: Escalation = serde_norway::from_str(limits).unwrap();
        let books = |(quarantined, read)| Books { read, quarantined, ..Books::default() };
        assert_eq!(exceeded(&limits, books(table), books(all)), expected);
    }

    #[test]
    fn a_limit_is_reached_and_not_exceeded_by_as_many_rows() {
        check("{}", (9, 9), (9, 9), None);
        check("{table_rows: 9}", (9, 10), (100, 100), None);
        check("{table_rows: 9}", (10, 10), (10, 10), Some("table_rows"));
        check("{table_percent: 10}", (1, 10), (10, 10), None);
        check("{table_percent: 10}", (11, 100), (0, 100), Some("table_percent"));
        check("{run_rows: 0}", (0, 10), (1, 20), Some("run_rows"));
        check("{run_percent: 5}", (1, 1), (5, 100), None);
        check("{run_percent: 5}", (1, 1), (6, 100), Some("run_percent"));
        check("{run_percent: 5}", (0, 0), (0, 0), None);
    }
}
