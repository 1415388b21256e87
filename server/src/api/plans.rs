//! Plans: drafted from two catalogs, checked against them, saved version by version.

use actix_web::http::header::{self, ETAG, IF_MATCH};
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use engine::clock::Clock;
use serde::Deserialize;
use shared::audit::Action;
use shared::connection::{Engine, without_secret};
use shared::draft::{NewDraft, PlanCheck};
use shared::id::PlanId;
use shared::page::{Page, PageQuery};
use shared::plan::{Plan, PlanDiff, PlanSummary, RulesTrial, SavedPlan, TriedRules};
use shared::problem::{FieldProblem, Problem};
use shared::route;

use super::extract::Authorized;
use super::{ApiError, Services, cursor};
use crate::audit;
use crate::auth::Caller;
use crate::auth::permission::{EditPlans, Read};
use crate::store::{self, StoreError, Transaction, plans};

/// All plans, the newest first, each with its latest version.
#[utoipa::path(
    get, path = route::PLANS, tag = "plans", params(PageQuery),
    responses((status = 200, body = Page<PlanSummary>)),
)]
pub(super) async fn list(
    _: Authorized<Read>,
    services: Data<Services>,
    query: Query<PageQuery>,
) -> Result<Json<Page<PlanSummary>>, ApiError> {
    let after = cursor::decode(query.after.as_ref())?;
    let limit = query.limit();
    let found = plans::list(services.store.pool(), after.as_ref(), limit + 1).await?;
    let page = cursor::page(found, limit, |listed| listed.place.clone());
    let items = page.items.into_iter().map(|listed| listed.summary).collect();
    Ok(Json(Page { items, next: page.next }))
}

/// Read the catalogs of two connections, write a complete, runnable plan, and save it as the first
/// version of a new one.
#[utoipa::path(
    post, path = route::PLANS_DRAFT, tag = "plans", request_body = NewDraft,
    responses(
        (status = 201, body = SavedPlan, headers(("ETag" = String, description = "the version's hash"))),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn draft(
    Authorized { user, .. }: Authorized<EditPlans>,
    services: Data<Services>,
    body: Json<NewDraft>,
) -> Result<HttpResponse, ApiError> {
    let plan = services.databases.draft(&body).await?;
    save_first_version(&services, &user, plan).await
}

/// Hold a plan against its databases. It is not saved.
#[utoipa::path(
    post, path = route::PLANS_CHECK, tag = "plans", request_body = Plan,
    responses(
        (status = 200, body = PlanCheck),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn check(
    _: Authorized<EditPlans>,
    services: Data<Services>,
    body: Json<Plan>,
) -> Result<Json<PlanCheck>, ApiError> {
    Ok(Json(PlanCheck { problems: services.databases.check(&body).await? }))
}

/// Try the rules of one table on a few rows of its source, and show what becomes of them, masked.
/// The plan is not saved, and nothing is written to either database.
#[utoipa::path(
    post, path = route::PLANS_TRY, tag = "plans", request_body = RulesTrial,
    responses(
        (status = 200, body = TriedRules),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn try_rules(
    _: Authorized<EditPlans>,
    services: Data<Services>,
    body: Json<RulesTrial>,
) -> Result<Json<TriedRules>, ApiError> {
    Ok(Json(services.assessments.try_rules(&body).await?))
}

/// Save a new plan as its first version.
#[utoipa::path(
    post, path = route::PLANS, tag = "plans", request_body = Plan,
    responses(
        (status = 201, body = SavedPlan, headers(("ETag" = String, description = "the version's hash"))),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create(
    Authorized { user, .. }: Authorized<EditPlans>,
    services: Data<Services>,
    body: Json<Plan>,
) -> Result<HttpResponse, ApiError> {
    let plan = body.into_inner();
    has_no_secret(&plan)?;
    save_first_version(&services, &user, plan).await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct VersionQuery {
    /// An older version; the latest unless asked otherwise.
    version: Option<u32>,
}

/// A plan with its document.
#[utoipa::path(
    get, path = route::PLAN, tag = "plans", params(("id" = PlanId, Path), VersionQuery),
    responses(
        (status = 200, body = SavedPlan, headers(("ETag" = String, description = "the version's hash"))),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<PlanId>,
    query: Query<VersionQuery>,
) -> Result<HttpResponse, ApiError> {
    let pool = services.store.pool();
    let found = match query.version {
        Some(version) => plans::find_version(pool, &id, version).await?,
        None => plans::find(pool, &id).await?,
    };
    let saved = found.ok_or(ApiError::PlanNotFound)?;
    Ok(HttpResponse::Ok().insert_header((ETAG, etag_of(&saved))).json(saved))
}

/// Save a plan. A document that differs from the latest version becomes the next one; with
/// `If-Match`, only if nobody else saved one in the meantime.
#[utoipa::path(
    put, path = route::PLAN, tag = "plans",
    params(("id" = PlanId, Path), ("If-Match" = Option<String>, Header, description = "the ETag of the version that was changed")),
    request_body = Plan,
    responses(
        (status = 200, body = SavedPlan, headers(("ETag" = String, description = "the version's hash"))),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 412, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn save(
    Authorized { user, .. }: Authorized<EditPlans>,
    services: Data<Services>,
    id: Path<PlanId>,
    request: HttpRequest,
    body: Json<Plan>,
) -> Result<HttpResponse, ApiError> {
    let plan = body.into_inner();
    has_no_secret(&plan)?;
    let mut tx = services.store.begin().await?;
    let latest = plans::find(&mut *tx, &id).await?.ok_or(ApiError::PlanNotFound)?;
    let wanted = request.headers().get(IF_MATCH);
    if wanted.is_some_and(|tag| tag != "*" && tag.as_bytes() != etag_of(&latest).as_bytes()) {
        return Err(ApiError::PlanChanged);
    }
    let saved = if engine::run::plan_hash(&plan) == latest.hash {
        latest
    } else {
        let (clock, id) = (&*services.clock, id.into_inner());
        let saved = save_version(&mut tx, clock, &user, id, latest.version, plan).await?;
        saved.ok_or(ApiError::PlanChanged)?
    };
    store::commit(tx).await?;
    Ok(HttpResponse::Ok().insert_header((ETAG, etag_of(&saved))).json(saved))
}

/// All versions of a plan, the latest first.
#[utoipa::path(
    get, path = route::PLAN_VERSIONS, tag = "plans", params(("id" = PlanId, Path), PageQuery),
    responses(
        (status = 200, body = Page<PlanSummary>),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn versions(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<PlanId>,
    query: Query<PageQuery>,
) -> Result<Json<Page<PlanSummary>>, ApiError> {
    let before = cursor::decode(query.after.as_ref())?.unwrap_or(u32::MAX);
    let limit = query.limit();
    let pool = services.store.pool();
    let found = plans::list_versions(pool, &id, before, limit + 1).await?;
    if found.is_empty() && plans::find(pool, &id).await?.is_none() {
        return Err(ApiError::PlanNotFound);
    }
    Ok(Json(cursor::page(found, limit, |summary| summary.version)))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DiffQuery {
    /// The version to compare with.
    from: u32,
    /// The version that is compared; the latest unless asked otherwise.
    to: Option<u32>,
}

/// What one version of a plan does otherwise than another.
#[utoipa::path(
    get, path = route::PLAN_DIFF, tag = "plans", params(("id" = PlanId, Path), DiffQuery),
    responses(
        (status = 200, body = PlanDiff),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn diff(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<PlanId>,
    query: Query<DiffQuery>,
) -> Result<Json<PlanDiff>, ApiError> {
    let pool = services.store.pool();
    let old = plans::find_version(pool, &id, query.from).await?.ok_or(ApiError::PlanNotFound)?;
    let new = match query.to {
        Some(version) => plans::find_version(pool, &id, version).await?,
        None => plans::find(pool, &id).await?,
    };
    let new = new.ok_or(ApiError::PlanNotFound)?;
    Ok(Json(PlanDiff {
        from: old.version,
        to: new.version,
        changes: engine::map::diff::differences(&old.plan, &new.plan),
        lines: engine::map::diff::lines(&old.plan, &new.plan),
    }))
}

async fn save_first_version(
    services: &Services,
    user: &Caller,
    plan: Plan,
) -> Result<HttpResponse, ApiError> {
    let clock = &*services.clock;
    let id = PlanId::parse(clock.fresh_id().to_string()).expect("a UUID is an id");
    let mut tx = services.store.begin().await?;
    plans::insert(&mut *tx, &id, clock.now()).await?;
    let saved = save_version(&mut tx, clock, user, id, 0, plan).await?;
    let saved = saved.ok_or(ApiError::PlanChanged)?;
    store::commit(tx).await?;
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, route::plan(&saved.id)))
        .insert_header((ETAG, etag_of(&saved)))
        .json(saved))
}

/// Saves the version after `latest`. None when somebody else saved it in the meantime.
pub(crate) async fn save_version(
    tx: &mut Transaction,
    clock: &dyn Clock,
    user: &Caller,
    id: PlanId,
    latest: u32,
    plan: Plan,
) -> Result<Option<SavedPlan>, StoreError> {
    let now = clock.now();
    let saved = SavedPlan {
        name: plan.name.clone(),
        version: latest + 1,
        hash: engine::run::plan_hash(&plan),
        saved_at: now,
        saved_by: user.name.clone(),
        id,
        plan,
    };
    if !plans::advance(&mut **tx, &saved.id, latest).await? {
        return Ok(None);
    }
    plans::insert_version(&mut **tx, &saved).await?;
    let detail = Some(format!("version {} of {}", saved.version, saved.name));
    audit::record(tx, now, user, Action::PlanSaved, saved.id.as_str(), detail).await?;
    Ok(Some(saved))
}

/// A plan is shown to everybody who may read, so it names connections and holds no passwords.
fn has_no_secret(plan: &Plan) -> Result<(), ApiError> {
    let fields: Vec<_> = [("source", &plan.source), ("target", &plan.target)]
        .into_iter()
        .filter(|(_, url)| Engine::of_url(url).is_some() && without_secret(url) != **url)
        .map(|(field, _)| FieldProblem {
            field: field.to_owned(),
            message: "The URL has a password. Make it a connection and give its name here."
                .to_owned(),
        })
        .collect();
    if fields.is_empty() { Ok(()) } else { Err(ApiError::InvalidFields(fields)) }
}

fn etag_of(saved: &SavedPlan) -> String {
    format!("\"{}\"", saved.hash)
}
