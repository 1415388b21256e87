//! What an administrator sets for the whole installation.

use shared::route;
use shared::settings::SettingsState;

use super::{ApiError, get, send};

pub(crate) async fn find() -> Result<SettingsState, ApiError> {
    send(get(route::SETTINGS)).await
}
