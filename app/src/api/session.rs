//! Signing in and out.

use shared::route;
use shared::user::{Access, PasswordReset, SignIn, User};

use super::{ApiError, accepted, access, answer, delete, post};

/// Begins a session.
pub(crate) async fn sign_in(credentials: &SignIn) -> Result<User, ApiError> {
    let call = post(route::SESSION).json(credentials)?;
    let text = accepted(answer(&call, None).await?)
        .await?
        .text()
        .await
        .map_err(|_| ApiError::Unreachable)?;
    let access: Access = serde_json::from_str(&text).map_err(|_| ApiError::Unreadable)?;
    Ok(access::begin(access))
}

/// Takes up the session that an earlier page had.
pub(crate) async fn restore() -> Result<User, ApiError> {
    access::renew().await.map(|(_, user)| user)
}

/// Ends the session, on the server too where it can be reached.
pub(crate) async fn sign_out() -> Result<(), ApiError> {
    let token = access::token().await;
    access::forget();
    let response = answer(&delete(route::SESSION), Some(&token?)).await?;
    accepted(response).await.map(drop)
}

/// Sets a password by the token of a link.
pub(crate) async fn reset_password(token: String, password: String) -> Result<(), ApiError> {
    let call = post(route::PASSWORD_RESET).json(&PasswordReset { token, password })?;
    accepted(answer(&call, None).await?).await.map(drop)
}
