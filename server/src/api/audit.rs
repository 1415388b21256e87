//! Who did what.

use actix_web::HttpResponse;
use actix_web::http::header::{self, ContentDisposition, ContentEncoding};
use actix_web::web::{Bytes, Data, Json, Query};
use serde::Deserialize;
use shared::audit::{Action, AuditFilter, ChainState, Entry, ExportFormat};
use shared::page::{Page, PageQuery};
use shared::problem::Problem;
use shared::route;

use super::extract::Authorized;
use super::{ApiError, Services, cursor};
use crate::audit::export::{Export, media_type};
use crate::auth::permission::ReadAudit;
use crate::causes;
use crate::store::{self, audit};

/// The audit trail, the latest entry first, narrowed by actor, action, object, outcome and time.
#[utoipa::path(
    get, path = route::AUDIT, tag = "audit", params(AuditFilter, PageQuery),
    responses(
        (status = 200, body = Page<Entry>),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    _: Authorized<ReadAudit>,
    services: Data<Services>,
    filter: Query<AuditFilter>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Entry>>, ApiError> {
    let before = cursor::decode(query.after.as_ref())?.unwrap_or(u64::MAX);
    let limit = query.limit();
    let found = audit::list_before(services.store.pool(), before, &filter, limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |entry| entry.number)))
}

/// How an export is wanted.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    format: ExportFormat,
}

/// The audit trail as a file, the oldest entry first: JSON lines, CSV, or FHIR R4 `AuditEvent`s,
/// one a line. That it was exported is an entry as well.
#[utoipa::path(
    get, path = route::AUDIT_EXPORT, tag = "audit",
    params(("format" = Option<ExportFormat>, Query), AuditFilter),
    responses(
        (status = 200, description = "the file", content(
            (String = "application/x-ndjson"),
            (String = "text/csv"),
            (String = "application/fhir+ndjson"),
        )),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn export(
    Authorized { user, .. }: Authorized<ReadAudit>,
    services: Data<Services>,
    filter: Query<AuditFilter>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, ApiError> {
    let (now, format) = (services.clock.now(), wanted.format);
    let (media_type, ending) = media_type(format);
    let mut tx = services.store.begin().await?;
    let detail = Some(format!("as {ending}"));
    let action = Action::AuditExported;
    crate::audit::record(&mut tx, now, &user, action, "audit", detail).await?;
    store::commit(tx).await?;

    let filter = filter.into_inner();
    let mut export = Export::new(services.store.clone(), filter, format, &services.installation);
    let pieces = async_stream::stream! {
        loop {
            match export.next_piece().await {
                Ok(Some(piece)) => yield Ok(Bytes::from(piece)),
                Ok(None) => break,
                // The status is out; that the body breaks off tells the client.
                Err(error) => {
                    tracing::error!(cause = causes::line(&error), "an export broke off: {error}");
                    yield Err(std::io::Error::other("the export broke off"));
                    break;
                }
            }
        }
    };
    let name = format!("transfuse-audit-{}.{ending}", now.format("%Y-%m-%d"));
    let disposition = ContentDisposition::attachment(name);
    Ok(HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .insert_header(ContentEncoding::Identity)
        .streaming(Box::pin(pieces)))
}

/// Walks the whole trail: is every entry as it was written, and is none missing? An answer of the
/// last ten seconds is given again.
#[utoipa::path(
    get, path = route::AUDIT_CHAIN, tag = "audit",
    responses(
        (status = 200, body = ChainState),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn chain(
    _: Authorized<ReadAudit>,
    services: Data<Services>,
) -> Result<Json<ChainState>, ApiError> {
    Ok(Json(services.chain.state(&services.store, services.clock.now()).await?))
}
