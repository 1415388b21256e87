//! Questions about the migration.

use actix_web::web::{Data, Json};
use shared::assistant::{Answer, LONGEST_QUESTION, Question};
use shared::problem::Problem;
use shared::route;

use super::extract::Authorized;
use super::{ApiError, Services};
use crate::assistant;
use crate::auth::permission::Read;

/// What is known of the answer to a question: how a run stands, what a code means, what comes
/// next, what the manuals say. Where the settings name a service, it puts that into words; of the
/// question it gets only words that the manuals have too. Nothing of it is kept.
#[utoipa::path(
    post, path = route::ASSISTANT, tag = "assistant", request_body = Question,
    responses(
        (status = 200, body = Answer),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn ask(
    _: Authorized<Read>,
    services: Data<Services>,
    body: Json<Question>,
) -> Result<Json<Answer>, ApiError> {
    let text = body.text.trim();
    if text.is_empty() || text.chars().count() > LONGEST_QUESTION {
        let message = format!("A question has 1 to {LONGEST_QUESTION} characters.");
        return Err(ApiError::about("text", message));
    }
    let Services { store, settings, vault, clock, .. } = &**services;
    Ok(Json(assistant::answer(store, settings, vault, clock.now(), text).await?))
}
