//! Whether the server is well.

use shared::route;

use super::{ApiError, accepted, answer, get};

pub(crate) async fn check() -> Result<(), ApiError> {
    accepted(answer(&get(route::HEALTH), None).await?).await.map(drop)
}
