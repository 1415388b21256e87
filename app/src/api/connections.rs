//! Databases to read and to write.

use shared::connection::{Connection, ConnectionTest, NewConnection};
use shared::id::ConnectionId;
use shared::page::{MAX_LIMIT, Page};
use shared::route;

use super::{ApiError, delete, get, page_of, post, send};

/// All of them: an installation has a handful.
pub(crate) async fn list() -> Result<Page<Connection>, ApiError> {
    send(get(&page_of(route::CONNECTIONS, None, MAX_LIMIT))).await
}

pub(crate) async fn create(new: &NewConnection) -> Result<Connection, ApiError> {
    send(post(route::CONNECTIONS).json(new)?).await
}

/// Tries the connection, step by step.
pub(crate) async fn test(id: &ConnectionId) -> Result<ConnectionTest, ApiError> {
    send(post(&route::connection_test(id))).await
}

pub(crate) async fn remove(id: &ConnectionId) -> Result<(), ApiError> {
    send(delete(&route::connection(id))).await
}
