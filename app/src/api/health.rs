//! Whether the server can work.

use shared::route;

use super::{ApiError, accepted, answer, get};

pub(crate) async fn check() -> Result<(), ApiError> {
    accepted(answer(&get(route::HEALTH_READY), None).await?).await.map(drop)
}
