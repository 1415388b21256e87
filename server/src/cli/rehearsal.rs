//! What a rehearsal found, for people.

use shared::error_code::ErrorCode;
use shared::quarantine::QuarantinedCell;
use shared::rehearsal::{Loss, Rehearsal, RehearsedFault};
use shared::run::OutcomeStatus;

use super::CommandError;
use super::migrate::{books, judge};
use super::output::{Json, count, give, table, tell};

pub(super) fn tell_of(json: &Json, report: Rehearsal) -> Result<(), CommandError> {
    json.write(&report)?;
    if !json.is_stdout() {
        give_report(&report)?;
    }
    tell(books(&report.outcome));
    let forecast = report.forecast;
    let workers = match forecast.workers {
        1 => "1 worker".to_owned(),
        workers => format!("{workers} workers"),
    };
    tell(format!(
        "the run would take about {} with {workers}: {:.1} s of copying by one worker, and {:.1} s besides",
        duration(forecast.seconds),
        forecast.copy_seconds,
        forecast.other_seconds
    ));
    tell("nothing of it stayed: the target is as it was");
    if report.outcome.status == OutcomeStatus::Paused {
        return Err(CommandError::new(ErrorCode::Sys004, "the rehearsal was stopped")
            .hint("Rehearse again when there is time for all of it."));
    }
    judge(report.outcome)
}

fn give_report(report: &Rehearsal) -> Result<(), CommandError> {
    if report.quarantine.is_empty() {
        give("no row would be quarantined")?;
    } else {
        let rows: Vec<_> = report.quarantine.iter().map(fault).collect();
        give(table(["table", "code", "column", "rows", "reason", "for example"], &rows))?;
    }
    if !report.losses.is_empty() {
        let rows: Vec<_> = report.losses.iter().map(loss).collect();
        let head =
            ["table", "column", "rule that loses information", "signed by", "why", "kept in"];
        give(format!("\n{}", table(head, &rows)))?;
    }
    Ok(())
}

fn fault(fault: &RehearsedFault) -> [String; 6] {
    let example = fault.examples.first().map(|cells| example(fault, cells)).unwrap_or_default();
    [
        fault.target.to_string(),
        fault.code.to_string(),
        fault.column.clone().unwrap_or_default(),
        count(fault.rows),
        fault.reason.clone(),
        example,
    ]
}

/// The masked value of the column at fault, where the row has it under this name; else its first.
fn example(fault: &RehearsedFault, cells: &[QuarantinedCell]) -> String {
    let named = cells.iter().find(|cell| Some(&cell.column) == fault.column.as_ref());
    let shown = named.or(cells.first());
    shown
        .map(|cell| format!("{}={}", cell.column, cell.original.as_deref().unwrap_or("(null)")))
        .unwrap_or_default()
}

fn loss(loss: &Loss) -> [String; 6] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        loss.target.to_string(),
        loss.column.clone(),
        loss.rule.clone(),
        text(&loss.signed_by),
        text(&loss.reason),
        text(&loss.kept_in),
    ]
}

fn duration(seconds: f64) -> String {
    let whole = std::time::Duration::from_secs_f64(seconds.max(0.0));
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        indicatif::HumanDuration(whole).to_string()
    }
}
