use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use engine::assessment::{Look, Request, Surroundings, assess};
use engine::clock::SystemClock;
use shared::assessment::{
    Assessment, ColumnProfile, Finding, Foretold, Readiness, Severity, TableProfile, Thoroughness,
};
use shared::check::{Check, CheckSelection, CheckState, Group};
use shared::error_code::ErrorCode;
use shared::plan::Plan;
use tokio::sync::watch;

use super::input::{read_plan, sides};
use super::output::{Json, count, give, table, tell};
use super::signal::Signals;
use super::{CommandError, whoever};
use crate::auth::secret::Secrets;
use crate::config::Installation;
use crate::jobs::assessments::{forecast, has_secret};
use crate::jobs::{Assessments, Databases};

#[derive(Debug, Args)]
pub(super) struct Assess {
    #[arg(required_unless_present = "list")]
    plan: Option<PathBuf>,
    /// Make only this check; can be given more than once
    #[arg(long = "check", value_name = "KEY", value_parser = check)]
    checks: Vec<Check>,
    /// Make only the checks of this group: connection, source, target, data, governance
    #[arg(long = "group", value_name = "NAME", value_parser = group)]
    groups: Vec<Group>,
    /// Look at about so many rows of each table instead of all; 0 looks at none
    #[arg(long, value_name = "N")]
    rows: Option<u64>,
    /// Say what the values look like, too, by the first so many rows of each table
    #[arg(long, value_name = "ROWS", num_args = 0..=1, default_missing_value = "100000")]
    profile: Option<u64>,
    /// How many readers work at once; else as the plan says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,
    /// List the checks
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    json: Json,
}

fn check(key: &str) -> Result<Check, String> {
    Check::from_name(key).ok_or_else(|| "no check has this key; --list tells them".to_owned())
}

fn group(name: &str) -> Result<Group, String> {
    Group::from_name(name)
        .ok_or_else(|| "give connection, source, target, data or governance".to_owned())
}

impl Assess {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        if self.list {
            return list();
        }
        let path = self.plan.unwrap_or_default();
        let plan = read_plan(&path)?;
        let sides = sides(&plan, installation).await?;
        let look = Thoroughness { rows: self.rows, profile: self.profile };
        let selection = CheckSelection { groups: self.groups, checks: self.checks };
        let request = Request {
            source_url: sides.source.as_str().to_owned(),
            target_url: sides.target.as_str().to_owned(),
            selection: selection.clone(),
            forecast: forecast(look),
            profile: look.profile.map_or(Look::Nothing, Look::Rows),
            workers: self.workers,
            key: installation.key()?.quarantine(),
            clock: Arc::new(SystemClock),
            surroundings: Surroundings {
                secret_in_plan: Some(has_secret(&plan)),
                ..Surroundings::default()
            },
            held: watch::Sender::new(None),
            plan: plan.clone(),
        };
        let held = request.held.subscribe();
        let mut signals = Signals::listen()?;
        let assessment = tokio::select! {
            assessment = assess(request) => assessment?,
            never = tell_when_held(held) => match never {},
            () = signals.next() => {
                return Err(CommandError::new(ErrorCode::Sys004, "the assessment was stopped")
                    .hint("Nothing was changed; the same command begins anew."));
            }
        };
        self.json.write(&assessment)?;
        if !self.json.is_stdout() {
            give(report(&assessment))?;
        }
        tell(summary(&assessment));
        let status = assessment.status;
        keep(installation, &plan, (selection, look), assessment).await?;
        match status {
            Readiness::Ready | Readiness::Warnings => Ok(()),
            Readiness::Blocked => {
                let what = format!("assessing {}", path.display());
                Err(CommandError::new(ErrorCode::Ver006, what))
            }
        }
    }
}

/// Keeps what was found, so that the next assessment and the report of a run can be held against
/// it.
async fn keep(
    installation: &Installation,
    plan: &Plan,
    asked: (CheckSelection, Thoroughness),
    found: Assessment,
) -> Result<(), CommandError> {
    let key = installation.key()?;
    let store = installation.open_store().await?;
    let databases = Databases::new(store.clone(), Secrets::new(&key));
    let (clock, owner) = (Arc::new(SystemClock), installation.name()?);
    let assessments = Assessments::new(store.clone(), clock, databases, key.quarantine(), owner);
    let by = whoever::by();
    let kept = assessments.keep(&by, plan, asked, found).await;
    store.close().await;
    kept?;
    Ok(())
}

/// Says on stderr why nothing is read, for as long as it is polled.
async fn tell_when_held(mut held: watch::Receiver<Option<String>>) -> Infallible {
    loop {
        if held.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        let reason = held.borrow_and_update().clone();
        tell(reason.map_or("going on".to_owned(), |reason| format!("waiting: {reason}")));
    }
}

fn list() -> Result<(), CommandError> {
    let rows: Vec<_> = Check::ALL
        .iter()
        .map(|check| {
            let it = check.description();
            [
                check.to_string(),
                it.group.as_str().to_owned(),
                severity(it.severity).to_owned(),
                it.title.to_owned(),
            ]
        })
        .collect();
    give(table(["check", "group", "at most", "what has to be so"], &rows))
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Blocking => "BLOCKING",
    }
}

/// What was found, the heaviest first, with what to do.
fn report(assessment: &Assessment) -> String {
    let mut parts = Vec::new();
    if assessment.findings.is_empty() {
        parts.push("nothing was found".to_owned());
    } else {
        let rows: Vec<_> = assessment.findings.iter().map(finding).collect();
        parts.push(table(["", "check", "what was found", "what to do"], &rows));
    }
    if let Some(forecast) = &assessment.forecast {
        let rows: Vec<_> = forecast
            .tables
            .iter()
            .map(|table| {
                [
                    table.target.to_string(),
                    count(table.rows),
                    count(table.looked_at),
                    count(table.loaded),
                    count(table.filtered),
                    count(table.quarantined),
                ]
            })
            .collect();
        let head = ["table", "rows", "looked at", "loaded", "filtered", "quarantined"];
        parts.push(table(head, &rows));
    }
    for profile in &assessment.profile {
        parts.push(of_profile(profile));
    }
    parts.join("\n\n")
}

fn finding(finding: &Finding) -> [String; 4] {
    [
        severity(finding.severity).to_owned(),
        finding.check.to_string(),
        finding.message.clone(),
        finding.action.clone(),
    ]
}

fn of_profile(profile: &TableProfile) -> String {
    let row = |column: &ColumnProfile| {
        let range = |least: Option<String>, greatest: Option<String>| match (least, greatest) {
            (Some(least), Some(greatest)) => format!("{least} to {greatest}"),
            _ => String::new(),
        };
        let text = |number: Option<u64>| number.map(|number| number.to_string());
        let most = column.values.first().map(|it| format!("{} ({})", it.text, count(it.rows)));
        let form = column.formats.first().map(|it| format!("{} ({})", it.text, count(it.rows)));
        [
            column.name.clone(),
            count(column.nulls),
            count(column.distinct),
            range(column.least.clone(), column.greatest.clone()),
            range(text(column.shortest), text(column.longest)),
            form.unwrap_or_default(),
            most.unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = profile.columns.iter().map(row).collect();
    let of = if profile.is_sample { "the first " } else { "" };
    let head = ["column", "nulls", "distinct", "about", "length", "form", "most frequent"];
    format!("{}: {of}{} rows\n{}", profile.table, count(profile.rows), table(head, &rows))
}

fn time(forecast: &Foretold) -> String {
    let mut parts = vec![format!(
        "the run would take about {:.1} s, of which copying {:.1} s, and of that reading and turning \
         {:.1} s",
        forecast.run_seconds(),
        forecast.copy_seconds,
        forecast.read_seconds
    )];
    if let Some(seconds) = forecast.index_seconds {
        parts.push(format!("keys and indexes {seconds:.1} s"));
    }
    if let Some(seconds) = forecast.verify_seconds {
        parts.push(format!("a verification {seconds:.1} s"));
    }
    format!("{}; the target needs about {} MiB", parts.join(", "), forecast.disk_bytes >> 20)
}

fn summary(assessment: &Assessment) -> String {
    let mut lines = Vec::new();
    let not_made = assessment.checks.iter().filter(|check| check.state == CheckState::Failed);
    for check in not_made {
        let why = check.note.as_deref().unwrap_or_default();
        lines.push(format!("{} could not be made: {why}", check.check));
    }
    if let Some(forecast) = &assessment.forecast {
        lines.extend(forecast.notes.iter().map(|note| format!("note: {note}")));
        lines.push(time(forecast));
    }
    let of = |wanted| assessment.findings.iter().filter(|it| it.severity == wanted).count();
    let made = assessment.checks.iter().filter(|check| check.state != CheckState::NotApplicable);
    lines.push(format!(
        "{} checks made: {} blocking, {} warnings, {} for information; {:.1} s",
        made.count(),
        of(Severity::Blocking),
        of(Severity::Warning),
        of(Severity::Info),
        assessment.seconds
    ));
    lines.join("\n")
}
