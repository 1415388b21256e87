//! Questions about the migration.

use shared::assistant::{Answer, Question};
use shared::route;

use super::{ApiError, post, send};

pub(crate) async fn ask(text: String) -> Result<Answer, ApiError> {
    send(post(route::ASSISTANT).json(&Question { text })?).await
}
