//! The audit trail as a file, for whoever has to keep or read it elsewhere.

use std::io::{self, Write};

use shared::audit::Entry;

use crate::store::audit::{Period, list_after};
use crate::store::{Store, StoreError};

/// How entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    Csv,
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the audit trail cannot be read")]
    Store(#[from] StoreError),
    #[error("the audit trail cannot be written")]
    Write(#[from] io::Error),
}

/// Writes the entries of a period, the oldest first, page by page. Gives their number.
pub async fn write(
    store: &Store,
    period: Period,
    format: Format,
    out: &mut impl Write,
) -> Result<u64, ExportError> {
    const PAGE: u32 = 1_000;
    if format == Format::Csv {
        writeln!(out, "number,at,actor,actor_name,action,subject,detail,hash")?;
    }
    let mut written = 0;
    let mut last = 0;
    loop {
        let page = list_after(store.pool(), last, period, PAGE).await?;
        let Some(end) = page.last() else { break };
        last = end.number;
        for entry in &page {
            match format {
                Format::Json => {
                    serde_json::to_writer(&mut *out, entry).map_err(io::Error::from)?;
                    writeln!(out)?;
                }
                Format::Csv => write_csv(entry, out)?,
            }
            written += 1;
        }
    }
    out.flush()?;
    Ok(written)
}

fn write_csv(entry: &Entry, out: &mut impl Write) -> io::Result<()> {
    let fields = [
        &entry.number.to_string(),
        &entry.at.to_rfc3339(),
        &entry.actor,
        &entry.actor_name,
        entry.action.as_str(),
        &entry.subject,
        entry.detail.as_deref().unwrap_or_default(),
        &entry.hash,
    ];
    writeln!(out, "{}", fields.map(quoted).join(","))
}

/// A spreadsheet takes a field that starts with one of these for a formula.
fn quoted(field: &str) -> String {
    let guard = if field.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
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
            let period = Period { from: Some(at(2)), to: None };

            let mut json = Vec::new();
            assert_eq!(write(&store, period, Format::Json, &mut json).await.unwrap(), 2);
            let first: Entry =
                serde_json::from_slice(json.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
            assert_eq!((first.number, first.action), (2, Action::PlanSaved));

            let mut csv = Vec::new();
            write(&store, period, Format::Csv, &mut csv).await.unwrap();
            let csv = String::from_utf8(csv).unwrap();
            assert_eq!(csv.lines().count(), 3);
            assert!(csv.contains(r#""'=plan","a ""quoted"" name""#), "{csv}");
        })
        .await;
    }
}
