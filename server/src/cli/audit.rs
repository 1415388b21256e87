use std::io::Write;
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Subcommand, ValueEnum};
use engine::clock::{Clock as _, SystemClock};
use serde::Serialize;
use shared::audit::{Action, AuditFilter, ExportFormat};
use shared::error_code::ErrorCode;

use super::exit::Status;
use super::output::{Json, count, tell, writer};
use super::{CommandError, whoever};
use crate::audit;
use crate::audit::chain::{Verified, verify};
use crate::audit::export::{self, ExportError};
use crate::config::Installation;
use crate::store::{self, Store};

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Walk the whole trail: is every entry as it was written, and is none missing?
    Verify(Verify),
    /// Write the trail to a file
    Export(Export),
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// The file to write; `-` is stdout
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// How to write it
    #[arg(long, default_value = "json")]
    format: FormatName,
    /// Only what this user did: an id, `system`, `command-line` or `unknown`
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
    /// Only what was done to this: the id of a run, a plan, a connection or a user
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// From this day or moment on
    #[arg(long, value_name = "DATE", value_parser = moment)]
    from: Option<DateTime<Utc>>,
    /// Until before this day or moment
    #[arg(long, value_name = "DATE", value_parser = moment)]
    to: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatName {
    /// One JSON object a line
    Json,
    Csv,
    /// One FHIR R4 `AuditEvent` a line
    Fhir,
}

impl From<FormatName> for ExportFormat {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Json => Self::Json,
            FormatName::Csv => Self::Csv,
            FormatName::Fhir => Self::Fhir,
        }
    }
}

impl Audit {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let store = installation.open_store().await?;
        let outcome = match self {
            Self::Verify(command) => command.run(&store).await,
            Self::Export(command) => command.run(&store, &installation.name()?).await,
        };
        store.close().await;
        outcome
    }
}

#[derive(Serialize)]
struct Verdict<'a> {
    intact: bool,
    entries: Option<u64>,
    last_hash: Option<&'a str>,
    broken_at: Option<u64>,
}

impl Verify {
    async fn run(self, store: &Store) -> Result<(), CommandError> {
        match verify(store).await? {
            Verified::Intact { entries, last_hash } => {
                self.json.write(&Verdict {
                    intact: true,
                    entries: Some(entries),
                    last_hash: Some(&last_hash),
                    broken_at: None,
                })?;
                tell(format!("the trail is intact: {} entries", count(entries)));
                tell(format!("last hash: {last_hash}"));
                Ok(())
            }
            Verified::Broken { number, what } => {
                self.json.write(&Verdict {
                    intact: false,
                    entries: None,
                    last_hash: None,
                    broken_at: Some(number),
                })?;
                let message = format!("entry {number}: {}", what.explanation());
                Err(CommandError::new(ErrorCode::Sys008, message).exit(Status::Different))
            }
        }
    }
}

impl Export {
    async fn run(self, store: &Store, observer: &str) -> Result<(), CommandError> {
        let filter = AuditFilter {
            actor: self.actor,
            object: self.object,
            from: self.from,
            to: self.to,
            ..AuditFilter::default()
        };
        let export = export::Export::new(store.clone(), filter, self.format.into(), observer);
        let written = write(export, writer(&self.out)?).await?;
        let mut tx = store.begin().await?;
        let (now, actor) = (SystemClock.now(), whoever::actor());
        let detail = Some(format!("{written} entries"));
        audit::record(&mut tx, now, actor, Action::AuditExported, "audit", detail).await?;
        store::commit(tx).await?;
        tell(format!("{} entries", count(written)));
        Ok(())
    }
}

/// Writes the file. Gives the number of its entries.
async fn write(mut export: export::Export, mut out: impl Write) -> Result<u64, ExportError> {
    while let Some(piece) = export.next_piece().await? {
        out.write_all(&piece)?;
    }
    out.flush()?;
    Ok(export.written())
}

/// A day (its beginning, in UTC) or a moment with its zone.
fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(moment.to_utc());
    }
    let day: NaiveDate = text.parse().map_err(|_| {
        "write a day as 2026-07-31, or a moment as 2026-07-31T08:00:00+02:00".to_owned()
    })?;
    Ok(day.and_time(chrono::NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn a_day_begins_at_midnight_utc() {
        assert_eq!(moment("2026-07-31").unwrap().to_rfc3339(), "2026-07-31T00:00:00+00:00");
        let moment_with_zone = moment("2026-07-31T01:30:00+02:00").unwrap();
        assert_eq!(moment_with_zone.to_rfc3339(), "2026-07-30T23:30:00+00:00");
        assert!(moment("yesterday").is_err());
    }
}
