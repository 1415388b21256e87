//! One's own account.

use shared::id::SessionId;
use shared::page::{MAX_LIMIT, Page};
use shared::route;
use shared::user::{
    CodeProof, Enrolment, PasswordChange, PasswordProof, ProfileChange, RecoveryCodes,
    SecondFactor, Session, User,
};

use super::{ApiError, access, delete, get, page_of, post, put, send};

/// Changes one's own name.
pub(crate) async fn rename(name: &str) -> Result<User, ApiError> {
    send(put(route::PROFILE).json(&ProfileChange { name: name.to_owned() })?).await
}

/// Changes one's own password. All other sessions end.
pub(crate) async fn change_password(change: &PasswordChange) -> Result<(), ApiError> {
    send(put(route::PROFILE_PASSWORD).json(change)?).await
}

/// One's own sessions on all devices.
pub(crate) async fn sessions() -> Result<Page<Session>, ApiError> {
    send(get(&page_of(route::SESSIONS, None, MAX_LIMIT))).await
}

/// Ends a session: one's own or, for administrators, anybody's.
pub(crate) async fn end_session(id: &SessionId) -> Result<(), ApiError> {
    send(delete(&route::session_of(id))).await
}

/// Ends all of one's own sessions, this one too.
pub(crate) async fn sign_out_everywhere() -> Result<(), ApiError> {
    let ended = send(delete(route::SESSIONS)).await;
    if ended.is_ok() {
        access::forget();
    }
    ended
}

pub(crate) async fn second_factor() -> Result<SecondFactor, ApiError> {
    send(get(route::SECOND_FACTOR)).await
}

/// What an authenticator has to be told. It counts once a code confirms it.
pub(crate) async fn enrol(password: String) -> Result<Enrolment, ApiError> {
    send(post(route::SECOND_FACTOR).json(&PasswordProof { password })?).await
}

/// Confirms the second factor. The codes are shown this once.
pub(crate) async fn confirm_second_factor(code: String) -> Result<RecoveryCodes, ApiError> {
    send(post(route::SECOND_FACTOR_CONFIRM).json(&CodeProof { code })?).await
}

pub(crate) async fn remove_second_factor(password: String) -> Result<(), ApiError> {
    send(post(route::SECOND_FACTOR_REMOVE).json(&PasswordProof { password })?).await
}
