//! Who did what.

use chrono::{DateTime, SecondsFormat, Utc};
use shared::audit::{Action, AuditFilter, ChainState, Entry, ExportFormat, Outcome};
use shared::page::{Cursor, Page};
use shared::route;

use super::{ApiError, download, get, send, with_query};

/// One page of the trail, latest entry first.
pub(crate) async fn list(
    filter: &AuditFilter,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<Entry>, ApiError> {
    let (from, to) = span(filter);
    let limit = limit.to_string();
    let page = [("limit", Some(limit.as_str())), ("after", after.map(|after| after.0.as_str()))];
    let parameters = narrowed(filter, from.as_deref(), to.as_deref()).into_iter().chain(page);
    send(get(&with_query(route::AUDIT, parameters))).await
}

/// Whether the whole trail is as it was written.
pub(crate) async fn chain() -> Result<ChainState, ApiError> {
    send(get(route::AUDIT_CHAIN)).await
}

/// Saves the entries that the filter leaves as a file.
pub(crate) async fn export(filter: &AuditFilter, format: ExportFormat) -> Result<(), ApiError> {
    let (from, to) = span(filter);
    let (name, file) = match format {
        ExportFormat::Json => ("json", "transfuse-audit.ndjson"),
        ExportFormat::Csv => ("csv", "transfuse-audit.csv"),
        ExportFormat::Fhir => ("fhir", "transfuse-audit.fhir.ndjson"),
    };
    let narrowed = narrowed(filter, from.as_deref(), to.as_deref());
    let parameters = narrowed.into_iter().chain([("format", Some(name))]);
    download(&with_query(route::AUDIT_EXPORT, parameters), file).await
}

fn span(filter: &AuditFilter) -> (Option<String>, Option<String>) {
    let text = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    (filter.from.map(text), filter.to.map(text))
}

fn narrowed<'a>(
    filter: &'a AuditFilter,
    from: Option<&'a str>,
    to: Option<&'a str>,
) -> [(&'static str, Option<&'a str>); 6] {
    [
        ("actor", filter.actor.as_deref()),
        ("action", filter.action.map(Action::as_str)),
        ("object", filter.object.as_deref()),
        ("outcome", filter.outcome.map(Outcome::as_str)),
        ("from", from),
        ("to", to),
    ]
}
