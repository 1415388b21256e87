//! What handlers take out of a request.

use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError};
use actix_web::http::header;
use actix_web::web::{Data, JsonConfig, PathConfig, QueryConfig};
use actix_web::{FromRequest, HttpRequest};
use shared::id::SessionId;
use shared::user::User;

use super::{ApiError, Proxy, Services};
use crate::auth::permission::Needs;
use crate::store::sessions;

/// Somebody who is signed in and whose role grants `P`. Without it a handler is not called.
pub(super) struct Authorized<P> {
    pub(super) user: User,
    pub(super) session: SessionId,
    permission: PhantomData<P>,
}

impl<P: Needs> Authorized<P> {
    /// The user, if their role grants `P`.
    pub(super) fn grant(user: User, session: SessionId) -> Result<Self, ApiError> {
        if user.role.may(P::PERMISSION) {
            Ok(Self { user, session, permission: PhantomData })
        } else {
            Err(ApiError::Forbidden)
        }
    }
}

impl<P: Needs> FromRequest for Authorized<P> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (user, session) = bearer(&request).await?.ok_or(ApiError::Unauthenticated)?;
            Self::grant(user, session)
        })
    }
}

/// Who the request's access token names, while their session is alive.
pub(super) async fn bearer(request: &HttpRequest) -> Result<Option<(User, SessionId)>, ApiError> {
    let services = services(request);
    let header = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let token = header.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    });
    let now = services.clock.now();
    let Some(claims) = token.and_then(|token| services.tokens.read(token, now)) else {
        return Ok(None);
    };
    // Asked each time: who signed out or lost a role has no quarter of an hour left.
    let user = sessions::find_user(services.store.pool(), &claims.sid, now).await?;
    Ok(user.filter(|user| user.id == claims.sub).map(|user| (user, claims.sid)))
}

/// Where a request comes from.
pub(super) struct Origin {
    pub(super) address: String,
    /// Whether the browser speaks TLS, with us or with the proxy before us.
    pub(super) is_secure: bool,
}

impl FromRequest for Origin {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = |name| {
            let value = request.headers().get_all(name).last()?;
            // What the nearest proxy wrote stands last; the rest is anybody's word.
            Some(value.to_str().ok()?.rsplit(',').next()?.trim().to_owned())
        };
        let trusted = services(request).proxy == Proxy::Trusted;
        let peer = || request.peer_addr().map(|peer| peer.ip().to_string());
        let forwarded = if trusted { header("x-forwarded-for") } else { None };
        let address = forwarded.or_else(peer).unwrap_or_else(|| "unknown".to_owned());
        let is_secure =
            trusted && header("x-forwarded-proto").is_some_and(|proto| proto == "https");
        std::future::ready(Ok(Self { address, is_secure }))
    }
}

pub(super) fn json_config(limit: usize) -> JsonConfig {
    JsonConfig::default().limit(limit).error_handler(|error, _| {
        match error {
            JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
                ApiError::BodyTooLarge
            }
            JsonPayloadError::ContentType => {
                ApiError::InvalidBody { detail: "Send it as application/json.".to_owned() }
            }
            error => ApiError::InvalidBody { detail: error.to_string() },
        }
        .into()
    })
}

/// An id that is malformed names nothing that is there.
pub(super) fn path_config() -> PathConfig {
    PathConfig::default().error_handler(|_: PathError, _| ApiError::NoSuchEndpoint.into())
}

pub(super) fn query_config() -> QueryConfig {
    QueryConfig::default().error_handler(|error: QueryPayloadError, _| {
        ApiError::InvalidQuery { detail: error.to_string() }.into()
    })
}

pub(super) fn services(request: &HttpRequest) -> &Data<Services> {
    request.app_data().expect("the services are there wherever a route is")
}
