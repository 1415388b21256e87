//! The evidence of runs, signed.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Json, Path};
use shared::evidence::Report;
use shared::id::RunId;
use shared::problem::Problem;
use shared::route;

use super::extract::Authorized;
use super::{ApiError, Services};
use crate::auth::permission::Read;

/// What is known of a run, for whoever has to vouch for it. No value of a row is in it.
#[utoipa::path(
    get, path = route::REPORT, tag = "reports", params(("id" = RunId, Path)),
    responses(
        (status = 200, body = Report),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    Authorized { user, .. }: Authorized<Read>,
    services: Data<Services>,
    id: Path<RunId>,
) -> Result<Json<Report>, ApiError> {
    let pack = services.reports.of((&user).into(), &id).await?;
    let (manifest, signature) = (pack.manifest, pack.signature);
    Ok(Json(Report { evidence: pack.evidence, manifest, signature }))
}

/// A file of the pack, as the manifest lists it; or `manifest.json` or `manifest.sig` itself.
#[utoipa::path(
    get, path = route::REPORT_FILE, tag = "reports",
    params(("id" = RunId, Path), ("name" = String, Path)),
    responses(
        (status = 200, description = "the file", content_type = "application/octet-stream"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn file(
    Authorized { user, .. }: Authorized<Read>,
    services: Data<Services>,
    path: Path<(RunId, String)>,
) -> Result<HttpResponse, ApiError> {
    let (id, name) = path.into_inner();
    let pack = services.reports.of((&user).into(), &id).await?;
    let file = pack.files().iter().find(|file| file.name == name);
    let file = file.ok_or(ApiError::NoSuchEndpoint)?;
    Ok(HttpResponse::Ok()
        .content_type(file.media_type)
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{id}-{}\"", file.name),
        ))
        .body(file.bytes.clone()))
}
