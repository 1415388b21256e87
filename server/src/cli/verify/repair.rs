use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use engine::EngineError;
use engine::clock::{Clock as _, SystemClock};
use engine::run::Stop;
use engine::verify::{Effect, RepairRequest};
use futures::FutureExt as _;
use shared::assessment::TableName;
use shared::audit::Action;
use shared::error_code::ErrorCode;
use shared::id::RepairId;
use shared::verification::{MismatchKind, RepairOutcome, RepairSelection, TakenBack};

use super::list::{in_target, kind};
use crate::cli::CommandError;
use crate::cli::exit::Status;
use crate::cli::input::{read_plan, sides};
use crate::cli::output::{Json, count, table, tell};
use crate::cli::signal::Signals;
use crate::cli::trail::{Said, Trail};
use crate::config::Installation;

#[derive(Debug, Args)]
pub(super) struct Repair {
    plan: PathBuf,
    /// Do it. Without this everything is tried out and taken back
    #[arg(long)]
    apply: bool,
    /// Only this table of the target; can be given several times
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<TableName>,
    /// Only missing, extra or different rows; can be given several times
    #[arg(long = "kind", value_name = "KIND", value_parser = kind)]
    kinds: Vec<MismatchKind>,
    #[command(flatten)]
    json: Json,
}

impl Repair {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let plan = read_plan(&self.plan)?;
        let sides = sides(&plan, installation).await?;
        let tables = self.tables.into_iter().map(|name| in_target(&sides.target, name)).collect();
        let stop = Stop::default();
        let clock = SystemClock;
        let id = RepairId::parse(clock.fresh_id().to_string()).expect("a UUID is an id");
        let request = RepairRequest {
            plan,
            source_url: sides.source.as_str().to_owned(),
            target_url: sides.target.as_str().to_owned(),
            verification_id: None,
            repair_id: id,
            selection: RepairSelection { tables, kinds: self.kinds },
            effect: if self.apply { Effect::Write } else { Effect::Rehearse },
            key: installation.key()?.quarantine(),
            stop: stop.clone(),
            clock: Arc::new(clock),
        };
        let mut signals = Signals::listen()?;
        let subject = request.repair_id.to_string();
        let detail = format!("plan {}: {}", request.plan.name, request.selection.in_words());
        // A repair that is only tried out changes nothing, and leaves no entry.
        let trail = if self.apply {
            let begun = Said(Action::RepairStarted, subject.clone(), detail);
            Some(Trail::begin(installation, begun).await?)
        } else {
            None
        };
        let repair = tokio::spawn(engine::verify::repair(request));
        let stopping = async {
            signals.next().await;
            tell("stopping after the rows under way; again to stop at once");
            stop.request();
            signals.next().await;
        };
        let outcome = tokio::select! {
            outcome = repair => match outcome {
                Ok(outcome) => outcome.map_err(CommandError::from),
                Err(panic) => Err(CommandError::new(ErrorCode::Sys001, "repairing").because(&panic)),
            },
            () = stopping => Err(CommandError::new(ErrorCode::Sys004, "stopped at once")),
        };
        if let Some(trail) = trail {
            let (action, detail) = match &outcome {
                Ok(outcome) => (Action::RepairCompleted, outcome.in_words()),
                Err(error) => (Action::RepairFailed, error.code().to_string()),
            };
            trail.end(Said(action, subject, detail)).await?;
        }
        let outcome = outcome?;
        self.json.write(&outcome)?;
        tell(summary(&outcome));
        if outcome.is_whole() {
            return Ok(());
        }
        let what = format!("repairing the target of {}", self.plan.display());
        Err(CommandError::new(ErrorCode::Ver001, what)
            .hint("`transfuse verify list` says by what code the target refused which rows.")
            .exit(Status::Different))
    }
}

/// What was done, or would be, table by table.
fn summary(outcome: &RepairOutcome) -> String {
    let rows: Vec<_> = outcome
        .tables
        .iter()
        .map(|table| {
            [
                table.target.to_string(),
                count(table.inserted),
                count(table.updated),
                count(table.deleted),
                count(table.gone),
                count(table.refused),
                count(table.not_found),
            ]
        })
        .collect();
    let head =
        ["table", "put in", "corrected", "taken out", "alike already", "refused", "not found"];
    let mut text = table(head, &rows);
    // Writing to a String does not fail.
    for sequence in &outcome.sequences {
        let _ = write!(text, "\n{}.{}: its sequence goes on", sequence.target, sequence.column);
    }
    let _ = if outcome.done {
        write!(
            text,
            "\nrepair {}: done in {:.1} s; `transfuse verify` shows whether both sides are equal now",
            outcome.repair_id, outcome.seconds
        )
    } else {
        write!(text, "\nnothing was changed; --apply does it")
    };
    text
}

#[derive(Debug, Args)]
pub(super) struct TakeBack {
    plan: PathBuf,
    /// The id that the repair was told by
    repair: RepairId,
}

impl TakeBack {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let plan = read_plan(&self.plan)?;
        let sides = sides(&plan, installation).await?;
        let key = installation.key()?.quarantine();
        let (trail, subject) = (Trail::open(installation).await?, self.repair.to_string());
        let approval = Box::new(move |TakenBack { restored, changed_since }| {
            let detail = format!("{restored} rows restored, {changed_since} left");
            async move {
                let said = Said(Action::RepairTakenBack, subject, detail);
                trail.say(said).await.map_err(|error| {
                    let doing = "writing the audit entry of a repair that is taken back";
                    EngineError::new(ErrorCode::Sys007, doing).because(error)
                })
            }
            .boxed()
        });
        let taken = engine::verify::take_back(&sides.target, &self.repair, &key, approval).await?;
        tell(format!(
            "{} rows are as they were before; {} had changed since and were left",
            count(taken.restored),
            count(taken.changed_since)
        ));
        Ok(())
    }
}
