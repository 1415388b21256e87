//! What an administrator sets for the whole installation.

use shared::route;
use shared::settings::{AssistantKey, Settings, SettingsState};

use super::{ApiError, get, put, send};

pub(crate) async fn find() -> Result<SettingsState, ApiError> {
    send(get(route::SETTINGS)).await
}

/// Changes the settings, unless somebody else changed them after `version`.
pub(crate) async fn change(version: u32, settings: &Settings) -> Result<SettingsState, ApiError> {
    let call = put(route::SETTINGS).json(settings)?;
    send(call.header("if-match", format!("\"settings-{version}\""))).await
}

/// Gives the assistant's service a key, or forgets it.
pub(crate) async fn set_assistant_key(key: Option<String>) -> Result<(), ApiError> {
    send(put(route::SETTINGS_ASSISTANT_KEY).json(&AssistantKey { key })?).await
}
