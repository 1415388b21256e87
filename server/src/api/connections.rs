//! Databases to read or write.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path, Query};
use shared::audit::Action;
use shared::connection::{Connection, ConnectionTest, Engine, NewConnection, without_secret};
use shared::id::ConnectionId;
use shared::page::{Page, PageQuery};
use shared::problem::{FieldProblem, Problem};
use shared::route;

use super::extract::Authorized;
use super::{ApiError, Services, cursor};
use crate::audit;
use crate::auth::permission::{ManageConnections, Read};
use crate::store::connections::{self, SealedConnection};
use crate::store::{self, Place, StoreError};

/// All connections, the newest first, without their secrets.
#[utoipa::path(
    get, path = route::CONNECTIONS, tag = "connections", params(PageQuery),
    responses((status = 200, body = Page<Connection>)),
)]
pub(super) async fn list(
    _: Authorized<Read>,
    services: Data<Services>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Connection>>, ApiError> {
    let after = cursor::decode(query.after.as_ref())?;
    let limit = query.limit();
    let found = connections::list(services.store.pool(), after.as_ref(), limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |c| Place::of(c.created_at, c.id.as_str()))))
}

/// Add a connection. Its secret is sealed and never comes out again.
#[utoipa::path(
    post, path = route::CONNECTIONS, tag = "connections", request_body = NewConnection,
    responses(
        (status = 201, body = Connection),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create(
    Authorized { user, .. }: Authorized<ManageConnections>,
    services: Data<Services>,
    body: Json<NewConnection>,
) -> Result<HttpResponse, ApiError> {
    let now = services.clock.now();
    let id = ConnectionId::parse(services.clock.fresh_id().to_string()).expect("a UUID is an id");
    let engine = engine_of(&body)?;
    services.databases.check_place(&body.url).await?;
    let sealed = SealedConnection {
        connection: Connection {
            id,
            name: body.name.trim().to_owned(),
            role: body.role,
            engine,
            url: without_secret(&body.url),
            created_at: now,
            tested: None,
        },
        sealed_url: services.databases.seal(&body.url)?,
    };
    let connection = &sealed.connection;
    let mut tx = services.store.begin().await?;
    connections::insert(&mut *tx, &sealed).await.map_err(name_taken)?;
    let detail = Some(format!("{}: {}", connection.name, connection.url));
    let (action, subject) = (Action::ConnectionCreated, connection.id.as_str());
    audit::record(&mut tx, now, &user, action, subject, detail).await?;
    store::commit(tx).await?;
    let location = route::connection(&connection.id);
    Ok(HttpResponse::Created().insert_header(("location", location)).json(connection))
}

/// One connection, without its secret.
#[utoipa::path(
    get, path = route::CONNECTION, tag = "connections", params(("id" = ConnectionId, Path)),
    responses(
        (status = 200, body = Connection),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<ConnectionId>,
) -> Result<Json<Connection>, ApiError> {
    Ok(Json(find(&services, &id).await?.connection))
}

/// Change a connection. With the URL as it was shown, its secret stays.
#[utoipa::path(
    put, path = route::CONNECTION, tag = "connections", params(("id" = ConnectionId, Path)),
    request_body = NewConnection,
    responses(
        (status = 200, body = Connection),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn update(
    Authorized { user, .. }: Authorized<ManageConnections>,
    services: Data<Services>,
    id: Path<ConnectionId>,
    body: Json<NewConnection>,
) -> Result<Json<Connection>, ApiError> {
    let mut sealed = find(&services, &id).await?;
    let engine = engine_of(&body)?;
    if body.url != sealed.connection.url {
        if body.url.contains(":***@") {
            let message = "Enter the password again: only the URL as it was shown keeps it.";
            return Err(ApiError::about("url", message));
        }
        services.databases.check_place(&body.url).await?;
        sealed.sealed_url = services.databases.seal(&body.url)?;
    }
    sealed.connection.name = body.name.trim().to_owned();
    sealed.connection.role = body.role;
    sealed.connection.engine = engine;
    sealed.connection.url = without_secret(&body.url);
    sealed.connection.tested = None;

    let connection = &sealed.connection;
    let mut tx = services.store.begin().await?;
    if !connections::update(&mut *tx, &sealed).await.map_err(name_taken)? {
        return Err(ApiError::ConnectionNotFound);
    }
    let detail = Some(format!("{}: {}", connection.name, connection.url));
    let (now, action) = (services.clock.now(), Action::ConnectionChanged);
    audit::record(&mut tx, now, &user, action, id.as_str(), detail).await?;
    store::commit(tx).await?;
    Ok(Json(sealed.connection))
}

/// Delete a connection. Plans that name it cannot run any more.
#[utoipa::path(
    delete, path = route::CONNECTION, tag = "connections", params(("id" = ConnectionId, Path)),
    responses(
        (status = 204),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn remove(
    Authorized { user, .. }: Authorized<ManageConnections>,
    services: Data<Services>,
    id: Path<ConnectionId>,
) -> Result<HttpResponse, ApiError> {
    let name = find(&services, &id).await?.connection.name;
    let mut tx = services.store.begin().await?;
    if !connections::delete(&mut *tx, &id).await? {
        return Err(ApiError::ConnectionNotFound);
    }
    let (now, action) = (services.clock.now(), Action::ConnectionDeleted);
    audit::record(&mut tx, now, &user, action, id.as_str(), Some(name)).await?;
    store::commit(tx).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Try a connection out. The answer tells step by step how far it went.
#[utoipa::path(
    post, path = route::CONNECTION_TEST, tag = "connections", params(("id" = ConnectionId, Path)),
    responses(
        (status = 200, body = ConnectionTest),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn test(
    Authorized { user, .. }: Authorized<ManageConnections>,
    services: Data<Services>,
    id: Path<ConnectionId>,
) -> Result<Json<ConnectionTest>, ApiError> {
    let sealed = find(&services, &id).await?;
    let outcome = services.databases.test(&sealed).await?;
    let now = services.clock.now();
    let mut tx = services.store.begin().await?;
    if !connections::record_test(&mut *tx, &id, outcome.passed, now).await? {
        return Err(ApiError::ConnectionNotFound);
    }
    let detail = Some(if outcome.passed { "passed" } else { "failed" }.to_owned());
    audit::record(&mut tx, now, &user, Action::ConnectionTested, id.as_str(), detail).await?;
    store::commit(tx).await?;
    Ok(Json(outcome))
}

async fn find(services: &Services, id: &ConnectionId) -> Result<SealedConnection, ApiError> {
    connections::find(services.store.pool(), id).await?.ok_or(ApiError::ConnectionNotFound)
}

/// The engine that the URL names, when nothing is wrong with the connection.
fn engine_of(new: &NewConnection) -> Result<Engine, ApiError> {
    let problems = new.problems();
    match Engine::of_url(&new.url) {
        Some(engine) if problems.is_empty() => Ok(engine),
        _ => Err(ApiError::InvalidFields(
            problems
                .into_iter()
                .map(|(field, message)| FieldProblem { field: field.to_owned(), message })
                .collect(),
        )),
    }
}

fn name_taken(error: StoreError) -> ApiError {
    if error.is_taken() { ApiError::ConnectionNameTaken } else { error.into() }
}
