//! Rows in quarantine as lines of CSV.

use shared::quarantine::{QuarantinedCell, QuarantinedDetail};

pub const HEAD: &[u8] = b"row,source,target,code,column,reason,state,quarantined_at,values\r\n";

/// A line of CSV, with the values masked. A column's name stands before each value, so that no
/// sheet takes one for a formula.
pub fn line(detail: &QuarantinedDetail) -> String {
    let row = &detail.row;
    let value = |cell: &QuarantinedCell| {
        format!("{}={}", cell.column, cell.current.as_deref().unwrap_or("(null)"))
    };
    let values: Vec<String> = detail.cells.iter().map(value).collect();
    let fields = [
        row.id.to_string(),
        row.source.to_string(),
        row.target.to_string(),
        row.code.to_string(),
        row.column.clone().unwrap_or_default(),
        row.reason.clone(),
        row.state.to_string(),
        row.quarantined_at.to_rfc3339(),
        values.join("; "),
    ];
    let quoted: Vec<String> =
        fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
    quoted.join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_cannot_end_its_field() {
        let detail: QuarantinedDetail = serde_json::from_value(serde_json::json!({
            "row": {
                "id": "q1", "run_id": "r1", "source": "person", "target": "people",
                "code": "DATA-001", "column": null, "reason": "it is \"bad\", and long",
                "state": "new", "quarantined_at": "2026-01-02T03:04:05Z"
            },
            "cells": [
                {"column": "born", "original": "99", "current": "9,9", "is_changed": true},
                {"column": "name", "original": null, "current": null, "is_changed": false}
            ],
            "steps": []
        }))
        .unwrap();

        assert_eq!(
            line(&detail),
            "\"q1\",\"person\",\"people\",\"DATA-001\",\"\",\"it is \"\"bad\"\", and long\",\"new\",\
             \"2026-01-02T03:04:05+00:00\",\"born=9,9; name=(null)\"\r\n"
        );
        let head = std::str::from_utf8(HEAD).unwrap();
        assert_eq!(head.split(',').count(), line(&detail).matches("\",\"").count() + 1);
    }
}
