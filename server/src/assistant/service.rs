//! A service that speaks the protocol of `OpenAI`, where the settings name one.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use shared::assistant::Passage;
use url::Url;

use crate::auth::secret::Secrets;
use crate::egress::{self, Forbidden, Rules};
use crate::settings::{ASSISTANT_KEY, Current};
use crate::store::{Store, StoreError, settings as stored};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Longer answers are cut: nobody reads them, and a service may say anything.
const LONGEST: usize = 4_000;

/// Bytes of an answer that are read.
const MOST_BYTES: usize = 256 << 10;

const TASK: &str = "You answer questions about Transfuse, which migrates clinical databases. Use \
    only the passages that you are given. Where they do not answer, say so. Answer in a few \
    plain sentences, without markup.";

#[derive(Debug, thiserror::Error)]
pub(super) enum ServiceError {
    #[error("its address is not one that can be asked")]
    Address,
    #[error("the settings do not allow its address")]
    Forbidden(#[from] Forbidden),
    #[error("its key cannot be read")]
    Key,
    #[error("it cannot be reached")]
    NoAnswer,
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its answer cannot be read")]
    Unreadable,
    #[error("reading the settings failed")]
    Store(#[from] StoreError),
}

/// Has the passages put into words.
pub(super) async fn ask(
    store: &Store,
    settings: &Current,
    vault: &Secrets,
    question: &str,
    passages: &[Passage],
) -> Result<String, ServiceError> {
    let saved = settings.get().await?;
    let assistant = &saved.settings.assistant;
    let (Some(endpoint), Some(model)) = (&assistant.endpoint, &assistant.model) else {
        return Err(ServiceError::Address);
    };
    let url = format!("{}/chat/completions", endpoint.trim_end_matches('/'));
    let url: Url = url.parse().map_err(|_| ServiceError::Address)?;
    let host = url.host_str().ok_or(ServiceError::Address)?.to_owned();
    let port = url.port_or_known_default().ok_or(ServiceError::Address)?;
    let addresses = Rules::new(&saved.settings.hosts).resolve(&host, port).await?;
    egress::use_ring();
    let client = reqwest::Client::builder()
        // To the addresses that were checked, and to nobody whom the answer names.
        .resolve_to_addrs(&host, &addresses)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(TIMEOUT)
        .build()
        .map_err(|_| ServiceError::NoAnswer)?;
    let mut request = client.post(url).json(&json!({
        "model": model,
        "messages": [
            {"role": "system", "content": TASK},
            {"role": "user", "content": prompt(question, passages)},
        ],
    }));
    if let Some(sealed) = stored::find_secret(store.pool(), ASSISTANT_KEY).await? {
        let key = vault.open(&sealed).map_err(|_| ServiceError::Key)?;
        request = request.bearer_auth(key.as_str());
    }
    let mut answer = request.send().await.map_err(|_| ServiceError::NoAnswer)?;
    if !answer.status().is_success() {
        return Err(ServiceError::Status(answer.status().as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| ServiceError::NoAnswer)? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BYTES {
            return Err(ServiceError::Unreadable);
        }
    }
    words_of(&body).ok_or(ServiceError::Unreadable)
}

fn prompt(question: &str, passages: &[Passage]) -> String {
    let mut prompt = String::from("Passages:\n");
    for passage in passages {
        // Writing to a String does not fail.
        let _ = writeln!(prompt, "- {}: {}", passage.title, passage.text);
    }
    let _ = write!(prompt, "\nQuestion: {question}");
    prompt
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

fn words_of(body: &[u8]) -> Option<String> {
    let completion: Completion = serde_json::from_slice(body).ok()?;
    let content = completion.choices.into_iter().next()?.message.content;
    let words: String = content.trim().chars().take(LONGEST).collect();
    (!words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_choice_is_the_answer() {
        let body =
            r#"{"choices": [{"message": {"role": "assistant", "content": " Resume it. "}}]}"#;
        assert_eq!(words_of(body.as_bytes()).as_deref(), Some("Resume it."));
        for body in
            ["", "{}", r#"{"choices": []}"#, r#"{"choices": [{"message": {"content": ""}}]}"#]
        {
            assert_eq!(words_of(body.as_bytes()), None, "{body}");
        }
    }
}
