//! Rows of a run that could not be carried over: shown without their values, repaired by rules,
//! replayed, and all of it taken back.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Bytes, Data, Json, Path, Query};
use engine::quarantine::Job;
use shared::audit::{InvalidReason, Reason};
use shared::error_code::ErrorCode;
use shared::id::{QuarantineActionId, QuarantineId, RunId};
use shared::page::{MAX_LIMIT, Page, PageQuery};
use shared::problem::Problem;
use shared::quarantine::{
    FixPreview, PreviewRequest, QuarantineAction, QuarantineCount, QuarantineFilter,
    QuarantineState, QuarantinedDetail, QuarantinedRow, RevealRequest, RevealedRow, WorkOutcome,
    WorkRequest,
};
use shared::route;

use super::extract::Authorized;
use super::{ApiError, Services};
use crate::auth::Caller;
use crate::auth::permission::{Read, ReadUnmasked, WorkQuarantine};
use crate::jobs::JobError;
use crate::jobs::quarantine::{By, export as csv};

/// A run's quarantine, narrowed to a table, a code, a column or a state.
#[utoipa::path(
    get, path = route::RUN_QUARANTINE, tag = "quarantine",
    params(
        ("id" = RunId, Path),
        ("table" = Option<String>, Query, description = "the target table"),
        ("code" = Option<ErrorCode>, Query),
        ("column" = Option<String>, Query),
        ("state" = Option<QuarantineState>, Query),
        PageQuery,
    ),
    responses(
        (status = 200, body = Page<QuarantinedRow>),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<RunId>,
    filter: Query<QuarantineFilter>,
    page: Query<PageQuery>,
) -> Result<Json<Page<QuarantinedRow>>, ApiError> {
    let subject = services.quarantine.of(&id).await?;
    let after = page.after.as_ref();
    Ok(Json(services.quarantine.list(&subject, &filter, after, page.limit()).await?))
}

/// A run's quarantine, counted by table, code and column.
#[utoipa::path(
    get, path = route::RUN_QUARANTINE_COUNTS, tag = "quarantine", params(("id" = RunId, Path)),
    responses(
        (status = 200, body = Vec<QuarantineCount>),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn counts(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<RunId>,
) -> Result<Json<Vec<QuarantineCount>>, ApiError> {
    let subject = services.quarantine.of(&id).await?;
    Ok(Json(services.quarantine.counts(&subject).await?))
}

/// A row with the form of its values, masked, and all that was done with it.
#[utoipa::path(
    get, path = route::RUN_QUARANTINE_ROW, tag = "quarantine",
    params(("id" = RunId, Path), ("row" = QuarantineId, Path)),
    responses(
        (status = 200, body = QuarantinedDetail),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    _: Authorized<Read>,
    services: Data<Services>,
    path: Path<(RunId, QuarantineId)>,
) -> Result<Json<QuarantinedDetail>, ApiError> {
    let (id, row) = path.into_inner();
    let subject = services.quarantine.of(&id).await?;
    let found = services.quarantine.show(&subject, &row).await?;
    found.map(Json).ok_or(ApiError::QuarantinedRowNotFound)
}

/// A row with its values. Who asked, and the reason, go into the audit trail first.
#[utoipa::path(
    post, path = route::RUN_QUARANTINE_REVEAL, tag = "quarantine",
    params(("id" = RunId, Path), ("row" = QuarantineId, Path)),
    request_body = RevealRequest,
    responses(
        (status = 200, body = RevealedRow),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn reveal(
    Authorized { user, .. }: Authorized<ReadUnmasked>,
    services: Data<Services>,
    path: Path<(RunId, QuarantineId)>,
    body: Json<RevealRequest>,
) -> Result<Json<RevealedRow>, ApiError> {
    let (id, row) = path.into_inner();
    let reason = reason(Some(&body.reason), "reason")?;
    let subject = services.quarantine.of(&id).await?;
    let found = services.quarantine.reveal((&user).into(), &reason, &subject, &row).await?;
    found.map(Json).ok_or(ApiError::QuarantinedRowNotFound)
}

/// What a fix would do, by the rules and types of the plan. Nothing is written.
#[utoipa::path(
    post, path = route::RUN_QUARANTINE_PREVIEW, tag = "quarantine", params(("id" = RunId, Path)),
    request_body = PreviewRequest,
    responses(
        (status = 200, body = FixPreview),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn preview(
    _: Authorized<WorkQuarantine>,
    services: Data<Services>,
    id: Path<RunId>,
    body: Json<PreviewRequest>,
) -> Result<Json<FixPreview>, ApiError> {
    let subject = services.quarantine.of(&id).await?;
    Ok(Json(services.quarantine.preview(&subject, &body, None).await?))
}

/// Say that somebody has looked at rows.
#[utoipa::path(
    post, path = route::RUN_QUARANTINE_TRIAGE, tag = "quarantine", params(("id" = RunId, Path)),
    request_body = WorkRequest,
    responses(
        (status = 200, body = WorkOutcome),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn triage(
    Authorized { user, .. }: Authorized<WorkQuarantine>,
    services: Data<Services>,
    id: Path<RunId>,
    body: Json<WorkRequest>,
) -> Result<Json<WorkOutcome>, ApiError> {
    let job = Job::Triage { selection: &body.selection };
    let by = by(&user, body.note.clone(), body.dry_run);
    let subject = services.quarantine.of(&id).await?;
    Ok(Json(services.quarantine.work(by, &subject, job).await?))
}

/// Repair rows by a rule. The originals stay; the repaired versions wait to be replayed.
#[utoipa::path(
    post, path = route::RUN_QUARANTINE_FIX, tag = "quarantine", params(("id" = RunId, Path)),
    request_body = WorkRequest,
    responses(
        (status = 200, body = WorkOutcome),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn fix(
    Authorized { user, .. }: Authorized<WorkQuarantine>,
    services: Data<Services>,
    id: Path<RunId>,
    body: Json<WorkRequest>,
) -> Result<Json<WorkOutcome>, ApiError> {
    let fix = body.fix.as_ref().ok_or_else(|| ApiError::about("fix", "Say by which rule."))?;
    let job = Job::Fix { selection: &body.selection, fix };
    let by = by(&user, body.note.clone(), body.dry_run);
    let subject = services.quarantine.of(&id).await?;
    Ok(Json(services.quarantine.work(by, &subject, job).await?))
}

/// Sign that rows stay behind. The note says why.
#[utoipa::path(
    post, path = route::RUN_QUARANTINE_WAIVE, tag = "quarantine", params(("id" = RunId, Path)),
    request_body = WorkRequest,
    responses(
        (status = 200, body = WorkOutcome),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn waive(
    Authorized { user, .. }: Authorized<WorkQuarantine>,
    services: Data<Services>,
    id: Path<RunId>,
    body: Json<WorkRequest>,
) -> Result<Json<WorkOutcome>, ApiError> {
    let note = reason(body.note.as_deref(), "note")?;
    let job = Job::Waive { selection: &body.selection };
    let by = by(&user, Some(note.into()), body.dry_run);
    let subject = services.quarantine.of(&id).await?;
    Ok(Json(services.quarantine.work(by, &subject, job).await?))
}

/// Carry rows into the target, by the rules and the path of a chunk. What is refused again stays,
/// with its new reason; rows that wait for a parent go with it.
#[utoipa::path(
    post, path = route::RUN_QUARANTINE_REPLAY, tag = "quarantine", params(("id" = RunId, Path)),
    request_body = WorkRequest,
    responses(
        (status = 200, body = WorkOutcome),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn replay(
    Authorized { user, .. }: Authorized<WorkQuarantine>,
    services: Data<Services>,
    id: Path<RunId>,
    body: Json<WorkRequest>,
) -> Result<Json<WorkOutcome>, ApiError> {
    let rules = match body.plan_version {
        Some(version) => Some(services.quarantine.rules(&id, version).await?),
        None => None,
    };
    let job = Job::Replay { selection: &body.selection, rules: rules.as_ref() };
    let by = by(&user, body.note.clone(), body.dry_run);
    let subject = services.quarantine.of(&id).await?;
    Ok(Json(services.quarantine.work(by, &subject, job).await?))
}

/// All that was done with a run's quarantine, the latest first.
#[utoipa::path(
    get, path = route::RUN_QUARANTINE_ACTIONS, tag = "quarantine", params(("id" = RunId, Path)),
    responses(
        (status = 200, body = Vec<QuarantineAction>),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn actions(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<RunId>,
) -> Result<Json<Vec<QuarantineAction>>, ApiError> {
    let subject = services.quarantine.of(&id).await?;
    Ok(Json(services.quarantine.actions(&subject).await?))
}

/// Take back what an action did: rows stand again where they stood, and what a replay brought into
/// the target goes out again. Rows that somebody changed there since stay, and are counted.
#[utoipa::path(
    post, path = route::RUN_QUARANTINE_UNDO, tag = "quarantine",
    params(("id" = RunId, Path), ("action" = QuarantineActionId, Path)),
    responses(
        (status = 200, body = WorkOutcome),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn undo(
    Authorized { user, .. }: Authorized<WorkQuarantine>,
    services: Data<Services>,
    path: Path<(RunId, QuarantineActionId)>,
) -> Result<Json<WorkOutcome>, ApiError> {
    let (id, action) = path.into_inner();
    let subject = services.quarantine.of(&id).await?;
    let job = Job::Undo { action: &action };
    Ok(Json(services.quarantine.work(by(&user, None, false), &subject, job).await?))
}

/// A run's quarantine as CSV, narrowed like the list: one line a row, its values masked.
#[utoipa::path(
    get, path = route::RUN_QUARANTINE_EXPORT, tag = "quarantine",
    params(
        ("id" = RunId, Path),
        ("table" = Option<String>, Query, description = "the target table"),
        ("code" = Option<ErrorCode>, Query),
        ("column" = Option<String>, Query),
        ("state" = Option<QuarantineState>, Query),
    ),
    responses(
        (status = 200, description = "lines of CSV", content_type = "text/csv"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn export(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<RunId>,
    filter: Query<QuarantineFilter>,
) -> Result<HttpResponse, ApiError> {
    let subject = services.quarantine.of(&id).await?;
    let filter = filter.into_inner();
    // The first page is read before the answer begins, so that a refusal can still be one.
    let mut page = services.quarantine.export(&subject, &filter, None, EXPORT_PAGE).await?;
    let file = format!("attachment; filename=\"quarantine-{id}.csv\"");
    let lines = async_stream::stream! {
        yield Ok::<_, JobError>(Bytes::from_static(csv::HEAD));
        loop {
            yield Ok(Bytes::from(page.items.iter().map(csv::line).collect::<String>()));
            let Some(next) = page.next.take() else { break };
            match services.quarantine.export(&subject, &filter, Some(&next), EXPORT_PAGE).await {
                Ok(next) => page = next,
                Err(error) => {
                    // Cut off rather than ended: nobody takes half of it for the whole.
                    yield Err(error);
                    break;
                }
            }
        }
    };
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, file))
        .streaming(Box::pin(lines)))
}

const EXPORT_PAGE: u32 = MAX_LIMIT / 2;

fn by(user: &Caller, note: Option<String>, dry_run: bool) -> By {
    By { actor: user.into(), name: user.name.clone(), note, dry_run }
}

pub(super) fn reason(text: Option<&str>, field: &str) -> Result<Reason, ApiError> {
    let why = |error: InvalidReason| ApiError::about(field, format!("Say why: {error}."));
    Reason::parse(text.unwrap_or_default()).map_err(why)
}
