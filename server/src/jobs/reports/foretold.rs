//! What was foretold of a run, beside what came.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use shared::assessment::{Foretold, TableName};
use shared::error_code::ErrorCode;
use shared::evidence::{Evidence, ForecastEvidence, ForecastFault, ForecastTable};
use shared::id::AssessmentId;

/// Holds a forecast against the books and the quarantine of a run.
pub(super) fn compare(
    (assessment_id, assessed_at): (AssessmentId, DateTime<Utc>),
    forecast: &Foretold,
    evidence: &Evidence,
) -> ForecastEvidence {
    let tables = evidence.tables.iter().filter_map(|came| {
        let foretold = forecast.tables.iter().find(|it| it.target == came.target)?;
        Some(ForecastTable {
            target: came.target.clone(),
            looked_at: foretold.looked_at,
            read: came.books.read,
            loaded_foretold: foretold.loaded,
            loaded: came.books.loaded + came.books.merged,
            filtered_foretold: foretold.filtered,
            filtered: came.books.filtered,
            quarantined_foretold: foretold.quarantined,
            quarantined: came.books.quarantined,
        })
    });
    let run = &evidence.run;
    let took = run.ended_at.map(|ended| (ended - run.started_at).as_seconds_f64());
    ForecastEvidence {
        assessment_id,
        assessed_at,
        is_complete: forecast.is_complete,
        tables: tables.collect(),
        quarantine: faults(forecast, evidence),
        copy_seconds: forecast.copy_seconds,
        run_seconds_foretold: forecast.index_seconds.map(|_| forecast.run_seconds()),
        run_seconds: took,
    }
}

/// By table, code and column, in this order.
fn faults(forecast: &Foretold, evidence: &Evidence) -> Vec<ForecastFault> {
    type Reason = (TableName, &'static str, Option<String>);
    let mut reasons: BTreeMap<Reason, (ErrorCode, u64, u64)> = BTreeMap::new();
    for it in &forecast.quarantine {
        let reason = (it.target.clone(), it.code.as_str(), it.column.clone());
        reasons.entry(reason).or_insert((it.code, 0, 0)).1 += it.rows;
    }
    for it in &evidence.quarantine {
        let reason = (it.target.clone(), it.code.as_str(), it.column.clone());
        reasons.entry(reason).or_insert((it.code, 0, 0)).2 += it.rows;
    }
    let told = reasons.into_iter().map(|((target, _, column), (code, foretold, came))| {
        ForecastFault { target, code, column, foretold, came }
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use shared::assessment::TableForetold;
    use shared::evidence::{QuarantineEvidence, TableEvidence};
    use shared::quarantine::QuarantineState;
    use shared::rehearsal::RehearsedFault;
    use shared::run::Books;

    use super::super::pack::empty_evidence;
    use super::*;

    fn table(name: &str) -> TableName {
        TableName::new(None, name)
    }

    fn fault(column: &str, rows: u64) -> RehearsedFault {
        let (reason, examples) = (String::new(), Vec::new());
        let column = Some(column.to_owned());
        RehearsedFault {
            target: table("person"),
            code: ErrorCode::Data001,
            column,
            rows,
            reason,
            examples,
        }
    }

    #[test]
    fn what_was_foretold_stands_beside_what_came() {
        let forecast = Foretold {
            tables: vec![TableForetold {
                source: table("person"),
                target: table("person"),
                rows: 10,
                looked_at: 10,
                loaded: 7,
                filtered: 0,
                quarantined: 3,
                bytes: 0,
            }],
            quarantine: vec![fault("born", 2), fault("sex", 1)],
            is_complete: true,
            notes: Vec::new(),
            read_seconds: 1.0,
            write_bytes_per_second: None,
            copy_seconds: 2.0,
            index_seconds: Some(1.0),
            other_seconds: Some(0.5),
            verify_seconds: Some(3.0),
            disk_bytes: 0,
        };
        let came = |state, rows| QuarantineEvidence {
            target: table("person"),
            code: ErrorCode::Data001,
            column: Some("born".to_owned()),
            state,
            rows,
        };
        let books = Books { read: 10, loaded: 5, merged: 1, filtered: 0, quarantined: 4 };
        let mut evidence = empty_evidence();
        let (source, target) = (table("person"), table("person"));
        let (chunks, bytes, seconds) = (1, 0, 1.0);
        evidence.tables = vec![TableEvidence { source, target, books, chunks, bytes, seconds }];
        evidence.quarantine = vec![came(QuarantineState::New, 3), came(QuarantineState::Waived, 1)];

        let told = compare(("a1".parse().unwrap(), DateTime::UNIX_EPOCH), &forecast, &evidence);

        assert_eq!((told.tables[0].loaded_foretold, told.tables[0].loaded), (7, 6));
        assert_eq!((told.tables[0].quarantined_foretold, told.tables[0].quarantined), (3, 4));
        let faults: Vec<_> =
            told.quarantine.iter().map(|it| (it.column.as_deref(), it.foretold, it.came)).collect();
        assert_eq!(faults, [(Some("born"), 2, 4), (Some("sex"), 1, 0)]);
    }
}
