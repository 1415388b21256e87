pub(super) mod input;
mod output;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use dedup::evaluate::{Evaluation, Judged, Truth, evaluate};
use dedup::find::{FindError, find};
use dedup::{Findings, People, Policy};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use shared::assessment::TableName;
use shared::duplicate::{ModelOrigin, Verdict};
use shared::error_code::ErrorCode;

use super::CommandError;
use super::evaluate::told;
use super::output::{Json, count, tell};
use crate::config::Installation;
use crate::jobs::people::PeopleError;

#[derive(Debug, Args)]
pub(super) struct Match {
    /// A CSV file with a header, a plan, or a database's URL with --table
    people: String,
    /// The table of the database, or of the plan's source, in which the people are
    #[arg(long)]
    table: Option<TableName>,
    /// What is decided beforehand: columns, thresholds, contradictions, passes
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A saved model, which is used as it is; where there is none yet, it is learned and saved
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// What people decided before: `left_id,right_id,decision`
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
    /// Where matches and reviews go: `left_id,right_id,weight,probability,decision`
    #[arg(long, value_name = "FILE")]
    pairs: Option<PathBuf>,
    /// Where the people that were found go: `cluster_id,record_id` for every record
    #[arg(long, value_name = "FILE")]
    clusters: Option<PathBuf>,
    /// Where the golden records go: the table's columns, one row for each person
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,
    /// Who each record really is, to say how right the result is
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    #[command(flatten)]
    json: Json,
}

/// What scripts read.
#[derive(Serialize)]
struct Matched {
    records: u64,
    pairs_compared: u64,
    matches: u64,
    reviews: u64,
    clusters: u64,
    seconds: f64,
    peak_rss_bytes: u64,
    model: ModelOrigin,
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation: Option<Evaluation>,
}

impl Match {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let began = Instant::now();
        let policy =
            Arc::new(self.policy.as_deref().map_or_else(|| Ok(Policy::default()), input::policy)?);
        let saved = self.model.as_deref().map(input::saved_model).transpose()?.flatten();
        let decisions = self.decisions.as_deref().map(input::decisions).transpose()?;
        let truth = self.truth.as_deref().map(input::truth).transpose()?;
        let table = input::table(&self.people, self.table.as_ref(), installation).await?;
        tell_columns(&table.header(), &table.columns(&policy)?);

        let steps = Steps::new();
        let bar = steps.0.clone();
        let reading = saved.as_ref().map(|model| model.reading.clone());
        let people = table.people(&policy, reading, move |read| {
            bar.set_message(format!("reading, {} records", count(read as u64)));
        });
        let people = Arc::new(people.await?);
        steps.0.set_message(format!("comparing {} records", count(people.len() as u64)));
        let learns = saved.is_none();
        let findings = {
            let (people, policy) = (Arc::clone(&people), Arc::clone(&policy));
            let decisions = decisions.unwrap_or_default();
            // A model of another table holds as many duplicates for each record, not for each pair.
            let saved = saved.map(|model| model.rescaled_to(people.compared()));
            blocking(move || find(&people, &policy, saved.as_ref(), &decisions)).await?
        };
        let findings = Arc::new(findings.map_err(PeopleError::from)?);
        steps.0.set_message("writing");
        let notes = findings.notes();
        if let Some(path) = self.model.as_deref().filter(|_| learns) {
            output::model(path, &findings.model)?;
            tell(format!("the model was learned and saved in {}", path.display()));
        }
        let clusters = findings.proposed.numbers(people.len());
        if let Some(path) = &self.pairs {
            output::pairs(path, &people, &findings)?;
        }
        if let Some(path) = &self.clusters {
            output::clusters(path, &people, &findings)?;
        }
        if let Some(path) = &self.golden {
            output::golden(path, &table, &policy, &people, &findings).await?;
        }
        let evaluation = truth.map(|truth| judged(&people, &findings, &clusters, &truth));
        drop(steps);
        let matched = Matched {
            records: people.len() as u64,
            pairs_compared: findings.compared,
            matches: findings.count(Verdict::Match),
            reviews: findings.count(Verdict::Review),
            clusters: people.len() as u64 - joined(&findings),
            seconds: began.elapsed().as_secs_f64(),
            peak_rss_bytes: engine::run::peak_rss_bytes(),
            model: findings.model.origin,
            notes,
            evaluation,
        };
        self.json.write(&matched)?;
        tell(matched.summary());
        Ok(())
    }
}

impl Matched {
    fn summary(&self) -> String {
        let mut lines: Vec<String> = self.notes.clone();
        lines.push(format!(
            "{} records, {} people; {} pairs compared: {} matches, {} to be reviewed; {:.1} s, {} MiB",
            count(self.records),
            count(self.clusters),
            count(self.pairs_compared),
            count(self.matches),
            count(self.reviews),
            self.seconds,
            self.peak_rss_bytes >> 20
        ));
        lines.extend(self.evaluation.as_ref().map(told));
        lines.join("\n")
    }
}

/// How many records are not the first of their person.
fn joined(findings: &Findings) -> u64 {
    findings.proposed.groups.iter().map(|group| group.members.len() as u64 - 1).sum()
}

fn judged(
    people: &People,
    findings: &Findings,
    clusters: &[u32],
    entries: &[(String, String)],
) -> Evaluation {
    let entries = entries.iter().map(|(record, entity)| (record.as_str(), entity.as_str()));
    let truth = Truth::new(people, entries);
    let judged: Vec<Judged> = findings
        .pairs
        .iter()
        .map(|pair| Judged {
            left: pair.left,
            right: pair.right,
            weight: pair.weight,
            is_match: pair.verdict == Verdict::Match,
        })
        .collect();
    evaluate(&truth, &judged, Some(clusters))
}

fn tell_columns(header: &[String], columns: &dedup::Columns) {
    let known: Vec<String> = columns
        .recognised()
        .map(|(attribute, at)| format!("{} = {attribute}", header[at]))
        .collect();
    let unused: Vec<&str> = (0..header.len())
        .filter(|at| columns.recognised().all(|(_, other)| other != *at))
        .map(|at| header[at].as_str())
        .collect();
    tell(format!("columns: {}", known.join(", ")));
    if !unused.is_empty() {
        tell(format!("columns that are not looked at: {}", unused.join(", ")));
    }
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CommandError> {
    tokio::task::spawn_blocking(act)
        .await
        .map_err(|panic| CommandError::new(ErrorCode::Sys001, "matching").because(&panic))
}

/// A line that says what is being done, on a terminal only.
struct Steps(ProgressBar);

impl Steps {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl From<FindError> for CommandError {
    fn from(error: FindError) -> Self {
        PeopleError::from(error).into()
    }
}
