//! The audit trail as a file, for whoever has to keep or read it elsewhere.

use std::io::{self, Write};

use shared::audit::{AuditFilter, Entry, ExportFormat, Outcome};
use shared::user::UserRole;

use super::fhir;
use crate::store::audit::list_after;
use crate::store::{Store, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the audit trail cannot be read")]
    Store(#[from] StoreError),
    #[error("the audit trail cannot be written")]
    Write(#[from] io::Error),
}

/// An export under way: piece by piece, the oldest entries first.
#[derive(Debug)]
pub struct Export {
    store: Store,
    filter: AuditFilter,
    format: ExportFormat,
    /// The installation's name: who observed what the entries tell.
    observer: String,
    begun: bool,
    last: u64,
    written: u64,
}

impl Export {
    pub fn new(store: Store, filter: AuditFilter, format: ExportFormat, observer: &str) -> Self {
        let observer = observer.to_owned();
        Self { store, filter, format, observer, begun: false, last: 0, written: 0 }
    }

    /// The next piece of the file; none after the last.
    pub async fn next_piece(&mut self) -> Result<Option<Vec<u8>>, ExportError> {
        const PAGE: u32 = 1_000;
        let mut piece = Vec::new();
        if !self.begun && self.format == ExportFormat::Csv {
            writeln!(piece, "{}", COLUMNS.join(","))?;
        }
        let page = list_after(self.store.pool(), self.last, &self.filter, PAGE).await?;
        for entry in &page {
            match self.format {
                ExportFormat::Json => serde_json::to_writer(&mut piece, entry),
                ExportFormat::Fhir => {
                    serde_json::to_writer(&mut piece, &fhir::audit_event(entry, &self.observer))
                }
                ExportFormat::Csv => {
                    piece.extend_from_slice(csv_line(entry).as_bytes());
                    Ok(())
                }
            }
            .map_err(io::Error::from)?;
            piece.push(b'\n');
            self.last = entry.number;
            self.written += 1;
        }
        self.begun = true;
        Ok((!piece.is_empty()).then_some(piece))
    }

    /// How many entries there were so far.
    pub const fn written(&self) -> u64 {
        self.written
    }
}

/// The media type of an export, and how its file's name ends.
pub const fn media_type(format: ExportFormat) -> (&'static str, &'static str) {
    match format {
        ExportFormat::Json => ("application/x-ndjson", "jsonl"),
        ExportFormat::Csv => ("text/csv; charset=utf-8", "csv"),
        ExportFormat::Fhir => ("application/fhir+ndjson", "fhir.ndjson"),
    }
}

const COLUMNS: [&str; 12] = [
    "number",
    "at",
    "actor",
    "actor_name",
    "role",
    "address",
    "action",
    "subject",
    "detail",
    "outcome",
    "reason",
    "hash",
];

fn csv_line(entry: &Entry) -> String {
    let fields: [&str; COLUMNS.len()] = [
        &entry.number.to_string(),
        &entry.at.to_rfc3339(),
        &entry.actor,
        &entry.actor_name,
        entry.role.map_or("", UserRole::as_str),
        entry.address.as_deref().unwrap_or_default(),
        entry.action.as_str(),
        &entry.subject,
        entry.detail.as_deref().unwrap_or_default(),
        Outcome::as_str(entry.outcome),
        entry.reason.as_deref().unwrap_or_default(),
        &entry.hash,
    ];
    fields.map(quoted).join(",")
}

/// A spreadsheet takes a field that starts with one of these for a formula.
fn quoted(field: &str) -> String {
    let guard = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Actor, record};
    use crate::store::testing::{at, on_both};
    use shared::audit::Action;

    #[tokio::test]
    async fn an_export_has_every_entry_of_the_period() {
        on_both(async |store| {
            for second in 1..=3 {
                let mut tx = store.begin().await.unwrap();
                let detail = Some("a \"quoted\" name".to_owned());
                record(&mut tx, at(second), Actor::system(), Action::PlanSaved, "=plan", detail)
                    .await
                    .unwrap();
                crate::store::commit(tx).await.unwrap();
            }

            let json = write(&store, ExportFormat::Json).await;
            assert_eq!(json.lines().count(), 2);
            let first: Entry = serde_json::from_str(json.lines().next().unwrap()).unwrap();
            assert_eq!((first.number, first.action), (2, Action::PlanSaved));

            let csv = write(&store, ExportFormat::Csv).await;
            assert_eq!(csv.lines().count(), 3);
            assert!(csv.contains(r#""'=plan","a ""quoted"" name""#), "{csv}");

            let fhir = write(&store, ExportFormat::Fhir).await;
            assert_eq!(fhir.lines().count(), 2);
        })
        .await;
    }

    #[tokio::test]
    async fn an_export_of_nothing_still_has_its_columns() {
        on_both(async |store| {
            assert_eq!(write(&store, ExportFormat::Csv).await.lines().count(), 1);
            assert_eq!(write(&store, ExportFormat::Json).await, "");
        })
        .await;
    }

    /// Everything from the second second on.
    async fn write(store: &Store, format: ExportFormat) -> String {
        let filter = AuditFilter { from: Some(at(2)), ..AuditFilter::default() };
        let mut export = Export::new(store.clone(), filter, format, "here");
        let mut bytes = Vec::new();
        while let Some(piece) = export.next_piece().await.expect("a piece") {
            bytes.extend(piece);
        }
        String::from_utf8(bytes).expect("a text")
    }
}
