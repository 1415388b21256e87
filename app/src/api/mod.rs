//! The server, as the portal sees it: one function per endpoint, one way to call.
//!
//! Paths come from [`shared::route`]. Every failure is an [`ApiError`], which a page can show.

mod error;
mod access;
pub(crate) mod activity;
mod url;
pub(crate) mod session;
pub(crate) mod health;
pub(crate) mod connections;
pub(crate) mod plans;
pub(crate) mod assessments;
pub(crate) mod runs;
pub(crate) mod quarantine;
pub(crate) mod rehearsals;
pub(crate) mod reports;
pub(crate) mod rollbacks;
pub(crate) mod verifications;
pub(crate) mod checkings;
pub(crate) mod sign_offs;
pub(crate) mod approvals;
pub(crate) mod audit;
pub(crate) mod alerts;
pub(crate) mod settings;
pub(crate) mod users;
pub(crate) mod profile;
pub(crate) mod duplicates;
pub(crate) mod live;
pub(crate) mod error_codes;
pub(crate) mod manuals;
pub(crate) mod assistant;

use gloo_net::http::{Method, RequestBuilder, Response};
use serde::{Serialize, de::DeserializeOwned};
use shared::id::RunId;
use shared::page::Cursor;
use web_sys::AbortSignal;

use crate::browser;

pub(crate) use access::{has_session_to_restore, when_session_ends};
pub(crate) use error::ApiError;
pub(crate) use url::with_query;

/// A request that can be sent again, should the access token have to be renewed first.
struct Call {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
    abort: Option<AbortSignal>,
}

fn get(path: &str) -> Call {
    call(Method::GET, path)
}

fn post(path: &str) -> Call {
    call(Method::POST, path)
}

fn put(path: &str) -> Call {
    call(Method::PUT, path)
}

fn delete(path: &str) -> Call {
    call(Method::DELETE, path)
}

fn call(method: Method, path: &str) -> Call {
    Call { method, path: path.to_owned(), headers: Vec::new(), body: None, abort: None }
}

impl Call {
    fn json<T: Serialize>(mut self, body: &T) -> Result<Self, ApiError> {
        self.body = Some(serde_json::to_string(body).map_err(|_| ApiError::Unreadable)?);
        self.headers.push(("content-type", "application/json".to_owned()));
        Ok(self)
    }

    fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// Sends a request and reads the answer. An empty answer is `()`.
async fn send<T: DeserializeOwned>(call: Call) -> Result<T, ApiError> {
    let response = respond(&call).await?;
    let text = response.text().await.map_err(|_| ApiError::Unreachable)?;
    let text = if text.is_empty() { "null" } else { &text };
    serde_json::from_str(text).map_err(|_| ApiError::Unreadable)
}

/// Fetches a file and gives it to the browser to keep. A link could not send the access token.
async fn download(path: &str, fallback_name: &str) -> Result<(), ApiError> {
    let response = respond(&get(path)).await?;
    let named = response.headers().get("content-disposition");
    let name = named.as_deref().and_then(file_name).unwrap_or(fallback_name).to_owned();
    browser::save(response.into(), &name).await.ok_or(ApiError::Unreachable)
}

/// The name that `Content-Disposition` gives a file.
fn file_name(disposition: &str) -> Option<&str> {
    let (_, rest) = disposition.split_once("filename=\"")?;
    let (name, _) = rest.split_once('"')?;
    Some(name).filter(|name| !name.is_empty() && !name.contains(['/', '\\']))
}

/// Sends a request with the access token, renewing it once if it has run out.
async fn respond(call: &Call) -> Result<Response, ApiError> {
    let token = access::token().await?;
    let response = answer(call, Some(&token)).await?;
    if response.status() != 401 {
        return accepted(response).await;
    }
    let token = access::renewed(&token).await?;
    let response = answer(call, Some(&token)).await?;
    if response.status() == 401 {
        access::end();
        return Err(ApiError::SessionOver);
    }
    accepted(response).await
}

/// Says that nobody is at the keyboard: the session may still run out.
const BACKGROUND: &str = "transfuse-background";

/// The answer, whatever it is; an error only when there is none.
async fn answer(call: &Call, token: Option<&str>) -> Result<Response, ApiError> {
    let mut request = RequestBuilder::new(&call.path)
        .method(call.method.clone())
        .header("accept", "application/json")
        .abort_signal(call.abort.as_ref());
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    if !activity::is_somebody_there() {
        request = request.header(BACKGROUND, "yes");
    }
    if let Some(token) = token {
        request = request.header("authorization", &format!("Bearer {token}"));
    }
    let sent = match &call.body {
        Some(body) => request.body(body.as_str()).map_err(|_| ApiError::Unreachable)?.send().await,
        None => request.send().await,
    };
    sent.map_err(|_| ApiError::Unreachable)
}

async fn accepted(response: Response) -> Result<Response, ApiError> {
    if response.ok() {
        return Ok(response);
    }
    let body = response.text().await.unwrap_or_default();
    Err(ApiError::of_answer(response.status(), &body))
}

/// The path of one page of a list.
fn page_of(path: &str, after: Option<&Cursor>, limit: u32) -> String {
    let limit = limit.to_string();
    with_query(
        path,
        [("limit", Some(limit.as_str())), ("after", after.map(|after| after.0.as_str()))],
    )
}

/// The path of one page of a list; of one run where it is named.
fn page_of_run(path: &str, run: Option<&RunId>, after: Option<&Cursor>, limit: u32) -> String {
    let limit = limit.to_string();
    with_query(
        path,
        [
            ("run", run.map(RunId::as_str)),
            ("limit", Some(limit.as_str())),
            ("after", after.map(|after| after.0.as_str())),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_file_is_named_as_the_server_says_but_never_a_folder() {
        assert_eq!(file_name("attachment; filename=\"rows.csv\""), Some("rows.csv"));
        assert_eq!(file_name("attachment; filename=\"../rows.csv\""), None);
        assert_eq!(file_name("attachment"), None);
    }
}
