//! Answers from the catalogue of errors, the state of the runs and the manuals.
//!
//! It needs no service. One that speaks the protocol of `OpenAI` may put what was found into words; it
//! is given that and no more: names and numbers, and of the question only words that the manuals
//! have too. No value of a row is among them, whatever somebody types.

mod known;
mod service;
mod state;

use chrono::{DateTime, Utc};
use shared::assistant::{Answer, Service};

use crate::auth::secret::Secrets;
use crate::settings::Current;
use crate::store::{Store, StoreError};

/// What is known of the answer to a question.
pub async fn answer(
    store: &Store,
    settings: &Current,
    vault: &Secrets,
    now: DateTime<Utc>,
    question: &str,
) -> Result<Answer, StoreError> {
    let state = state::read(store, now).await?;
    let passages = known::passages(question, &state);
    let assistant = &settings.get().await?.settings.assistant;
    if !assistant.enabled || passages.is_empty() {
        return Ok(Answer { passages, words: None, service: Service::Off });
    }
    let asked = known::without_foreign_words(question, &state);
    let (words, service) = match service::ask(store, settings, vault, &asked, &passages).await {
        Ok(words) => (Some(words), Service::Used),
        Err(error) => {
            // The cause may hold the address; the kind of failure is enough.
            tracing::warn!("the assistant's service gave no answer: {error}");
            (None, Service::Failed)
        }
    };
    Ok(Answer { passages, words, service })
}
