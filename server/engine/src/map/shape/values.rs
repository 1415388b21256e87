//! Rules for values that the target cannot hold, each signed where it could lose something.

use shared::assessment::{Column, Table};
use shared::data_type::DataType;
use shared::plan::{ColumnMapping, Signature, Transform};

use super::trap::Trap;
use super::{Shaper, count};
use crate::map::probe::Seen;

impl Shaper<'_> {
    pub(super) fn replace_nul(
        &mut self,
        table: &Table,
        column: &Column,
        seen: Seen,
        mapped: &mut ColumnMapping,
    ) {
        if seen.nul == 0 || mapped.data_type == DataType::Bytea {
            if seen.nul > 0 {
                self.note(
                    Trap::ZeroByte,
                    format!(
                        "{}.{} has 0x00 in {} and is kept as bytes",
                        table.name,
                        column.name,
                        count(seen.nul, "text")
                    ),
                );
            }
            return;
        }
        // With the sign in the column already, nobody could tell afterwards what was 0x00.
        if seen.sign > 0 {
            self.note(
                Trap::ZeroByte,
                format!(
                    "{}.{} has 0x00 in {}: those rows go to the quarantine",
                    table.name,
                    column.name,
                    count(seen.nul, "text")
                ),
            );
            return;
        }
        mapped.transform.push(Transform::ReplaceNul { with: "\u{2400}".to_owned() });
        mapped.signed = Some(signature(format!(
            "0x00, which PostgreSQL cannot hold, is in {}; \u{2400} (U+2400) stands for it and is \
             nowhere else in the column",
            count(seen.nul, "text")
        )));
        self.note(
            Trap::ZeroByte,
            format!(
                "{}.{} has 0x00 in {}; each becomes \u{2400}",
                table.name,
                column.name,
                count(seen.nul, "text")
            ),
        );
    }

    pub(super) fn empty_to_null(
        &mut self,
        table: &Table,
        column: &Column,
        seen: Seen,
        mapped: &mut ColumnMapping,
    ) {
        mapped.transform.push(Transform::EmptyToNull { also: Vec::new() });
        self.note(
            Trap::EmptyText,
            format!(
                "{}.{} is declared {} and is an empty text in {}, where it becomes null",
                table.name,
                column.name,
                column.native_type,
                count(seen.empty, "row")
            ),
        );
    }
}

/// Who signs for what a draft proposes.
const SIGNED_BY: &str = "transfuse plan draft";

fn signature(reason: String) -> Signature {
    Signature { by: SIGNED_BY.to_owned(), reason }
}

pub(super) fn zero_date_to_null(column: &mut ColumnMapping, seen: Seen, raw: Option<String>) {
    column.transform.push(Transform::ZeroDateToNull);
    column.nullable = true;
    if raw.is_none() {
        column.signed = Some(signature(format!(
            "a zero month or day is in {}, which then names no day; the table has no column to \
             keep it in",
            count(seen.zero_dates, "date")
        )));
    }
    column.keep_raw_in = raw;
}
