//! What is found before anything moves.

use shared::assessment::{AssessmentItem, KeptAssessment, NewAssessment};
use shared::id::AssessmentId;
use shared::page::{Cursor, Page};
use shared::route;

use super::{ApiError, get, page_of, post, send};

/// One page of the assessments, latest first.
pub(crate) async fn list(
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<AssessmentItem>, ApiError> {
    send(get(&page_of(route::ASSESSMENTS, after, limit))).await
}

/// An assessment with all that it found.
pub(crate) async fn find(id: &AssessmentId) -> Result<KeptAssessment, ApiError> {
    send(get(&route::assessment(id))).await
}

/// Assesses the plan's latest version.
pub(crate) async fn start(new: &NewAssessment) -> Result<AssessmentItem, ApiError> {
    send(post(route::ASSESSMENTS).json(new)?).await
}

/// Ends an assessment before it found anything.
pub(crate) async fn stop(id: &AssessmentId) -> Result<AssessmentItem, ApiError> {
    send(post(&route::assessment_stop(id))).await
}
