use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use engine::clinical::{Request, judge_again, make};
use engine::clock::SystemClock;
use shared::assessment::Severity;
use shared::clinical::{CheckOutcome, CheckStatus, ClinicalOutcome, Measure, SETS, TEMPLATES};
use shared::error_code::ErrorCode;

use crate::cli::CommandError;
use crate::cli::input::{read_plan, sides};
use crate::cli::output::{Json, count, give, table, tell};
use crate::cli::plan::refused;
use crate::config::Installation;

/// Clinical checks: what is there, has its form, and can be true
#[derive(Debug, Args)]
pub(super) struct Checks {
    #[arg(required_unless_present = "list")]
    plan: Option<PathBuf>,
    /// Hold the numbers of last time against the plan's thresholds; no table is asked
    #[arg(long, conflicts_with = "list")]
    kept: bool,
    /// Say which templates and sets there are
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    json: Json,
}

impl Checks {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let Some(path) = self.plan.filter(|_| !self.list) else { return list() };
        let plan = read_plan(&path)?;
        let problems = plan.problems();
        if !problems.is_empty() {
            return Err(refused(&problems));
        }
        if plan.checks.all().is_empty() {
            tell("the plan has no checks: name a set, or checks of its own, under `checks`");
        }
        let sides = sides(&plan, installation).await?;
        let request = Request {
            plan,
            source_url: sides.source.as_str().to_owned(),
            target_url: sides.target.as_str().to_owned(),
            key: installation.key()?.quarantine(),
            clock: Arc::new(SystemClock),
        };
        let outcome = if self.kept {
            let what = || format!("looking for checks of {}", path.display());
            judge_again(&request)
                .await?
                .ok_or_else(|| CommandError::new(ErrorCode::Ver009, what()))?
        } else {
            make(&request).await?
        };
        if !self.json.write(&outcome)? || !self.json.is_stdout() {
            give(report(&outcome))?;
        }
        tell(summary(&outcome));
        if outcome.passed {
            return Ok(());
        }
        let what = format!("checking the target of {}", path.display());
        Err(CommandError::new(ErrorCode::Ver008, what))
    }
}

fn list() -> Result<(), CommandError> {
    let templates: Vec<_> = TEMPLATES
        .iter()
        .map(|it| {
            [it.template, it.kind.as_str(), it.title, it.violated, it.denominator]
                .map(str::to_owned)
        })
        .collect();
    let templates = table(["template", "kind", "what has to be so", "counts", "of"], &templates);
    let sets: Vec<_> = SETS
        .iter()
        .map(|set| {
            [set.name.to_owned(), set.checks().len().to_string(), set.description.to_owned()]
        })
        .collect();
    give(format!("{templates}\n\n{}", table(["set", "checks", "for"], &sets)))?;
    Ok(())
}

/// What was found, the worst first.
fn report(outcome: &ClinicalOutcome) -> String {
    let rows: Vec<_> = CheckStatus::ALL
        .iter()
        .flat_map(|status| outcome.checks.iter().filter(move |check| check.status == *status))
        .map(row)
        .collect();
    table(["", "check", "what has to be so", "violated", "of", "allowed", "note"], &rows)
}

fn row(check: &CheckOutcome) -> [String; 7] {
    let (violated, of) = match &check.target {
        Measure::Counted { violated, denominator } => (count(*violated), count(*denominator)),
        Measure::NotApplicable { .. } | Measure::Error { .. } => (String::new(), String::new()),
    };
    let weight = if check.severity == Severity::Blocking { " (blocking)" } else { "" };
    let bad = if check.status.is_bad() { weight } else { "" };
    let note = if check.was_so_in_the_source() {
        "so in the source already"
    } else {
        check.target.note().unwrap_or_default()
    };
    [
        format!("{}{bad}", check.status.label()),
        check.key.clone(),
        check.title.clone(),
        violated,
        of,
        check.threshold.text(),
        note.to_owned(),
    ]
}

fn summary(outcome: &ClinicalOutcome) -> String {
    let counts: Vec<String> = CheckStatus::ALL
        .iter()
        .map(|status| format!("{} {}", outcome.count(*status), status.label().to_lowercase()))
        .collect();
    let again = if outcome.judged_at == outcome.measured_at {
        String::new()
    } else {
        format!(", as counted at {}", outcome.measured_at.format("%Y-%m-%d %H:%M:%S UTC"))
    };
    let left_out: Vec<String> = outcome
        .left_out
        .iter()
        .map(|it| format!("not made: {}: {}\n", it.key, it.reason))
        .collect();
    let made = outcome.checks.len();
    format!(
        "{}{made} checks{again}: {}; {:.1} s",
        left_out.concat(),
        counts.join(", "),
        outcome.seconds
    )
}
