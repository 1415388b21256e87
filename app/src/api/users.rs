//! Who may sign in.

use shared::id::UserId;
use shared::page::{MAX_LIMIT, Page};
use shared::route;
use shared::user::{Invited, NewUser, PasswordLink, Session, UserAccount, UserChange};

use super::{ApiError, delete, get, page_of, post, put, send};

/// All of them: an installation has a few dozen.
pub(crate) async fn list() -> Result<Page<UserAccount>, ApiError> {
    send(get(&page_of(route::USERS, None, MAX_LIMIT))).await
}

/// Adds somebody, who sets their password by the link in the answer.
pub(crate) async fn create(new: &NewUser) -> Result<Invited, ApiError> {
    send(post(route::USERS).json(new)?).await
}

pub(crate) async fn change(id: &UserId, change: &UserChange) -> Result<UserAccount, ApiError> {
    send(put(&route::user(id)).json(change)?).await
}

/// A link by which they set a password. It is shown this once.
pub(crate) async fn password_link(id: &UserId) -> Result<PasswordLink, ApiError> {
    send(post(&route::user_password_link(id))).await
}

/// Takes their second factor away.
pub(crate) async fn remove_second_factor(id: &UserId) -> Result<(), ApiError> {
    send(delete(&route::user_second_factor(id))).await
}

pub(crate) async fn sessions(id: &UserId) -> Result<Page<Session>, ApiError> {
    send(get(&page_of(&route::user_sessions(id), None, MAX_LIMIT))).await
}

/// Signs them out everywhere.
pub(crate) async fn end_sessions(id: &UserId) -> Result<(), ApiError> {
    send(delete(&route::user_sessions(id))).await
}
