//! What handlers take out of a request.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError};
use actix_web::http::header;
use actix_web::web::{Data, JsonConfig, PathConfig, QueryConfig};
use actix_web::{FromRequest, HttpRequest};
use chrono::TimeDelta;
use shared::audit::{InvalidReason, Reason};
use shared::id::ApprovalId;

use super::{ApiError, Proxy, Services, external};
use crate::auth::permission::Needs;
use crate::auth::{Access, Caller};
use crate::store::{sessions, users};

/// Why somebody does something, from the field `reason`.
pub(super) fn reason(text: &str) -> Result<Reason, ApiError> {
    Reason::parse(text).map_err(|error: InvalidReason| ApiError::about("reason", error.to_string()))
}

/// Somebody who is signed in and whose role grants `P`. Without it a handler is not called.
pub(super) struct Authorized<P> {
    pub(super) user: Caller,
    permission: PhantomData<P>,
}

impl<P: Needs> Authorized<P> {
    /// The user, if their role grants `P`.
    pub(super) fn grant(user: Caller) -> Result<Self, ApiError> {
        if user.role.may(P::PERMISSION) {
            Ok(Self { user, permission: PhantomData })
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
            let activity = Activity::of(&request);
            let caller = bearer(&request, activity).await?.ok_or(ApiError::Unauthenticated)?;
            Self::grant(caller)
        })
    }
}

/// Whether a request shows that somebody is at the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activity {
    /// Somebody did something: the session is not idle.
    Person,
    /// A page asked by itself.
    Background,
}

/// The header with which a page says that nobody did anything.
pub(super) const BACKGROUND: &str = "transfuse-background";

impl Activity {
    fn of(request: &HttpRequest) -> Self {
        if request.headers().contains_key(BACKGROUND) { Self::Background } else { Self::Person }
    }
}

/// A session's last use is noted so much later at most: not every request has to write.
const NOTED_WITHIN: TimeDelta = TimeDelta::seconds(20);

/// Who the request's access token names, while their session is alive.
pub(super) async fn bearer(
    request: &HttpRequest,
    activity: Activity,
) -> Result<Option<Caller>, ApiError> {
    let services = services(request);
    let header = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let token = header.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    });
    let Some(token) = token else { return Ok(None) };
    let now = services.clock.now();
    let Some(claims) = services.tokens.read(token, now) else {
        return external::admit(services, token, &address(request)).await;
    };
    // Asked each time: who signed out or lost a role has no quarter of an hour left.
    let idle_since = services.settings.session_limits().await?.idle_since(now);
    let pool = services.store.pool();
    let live = sessions::find_live(pool, &claims.sid, now, idle_since).await?;
    let Some(live) = live.filter(|live| live.user.id == claims.sub) else { return Ok(None) };
    if activity == Activity::Person && live.active_at + NOTED_WITHIN <= now {
        sessions::touch(pool, &claims.sid, now).await?;
    }
    Ok(Some(Caller::new(live.user, Access::Session(claims.sid), address(request))))
}

/// Whether whoever asked may still ask: a long answer finds out now and then.
pub(super) async fn is_still_signed_in(services: &Services, caller: &Caller) -> bool {
    let now = services.clock.now();
    let pool = services.store.pool();
    match caller.access() {
        Access::Session(session) => {
            let Ok(limits) = services.settings.session_limits().await else { return false };
            let live = sessions::find_live(pool, session, now, limits.idle_since(now)).await;
            matches!(live, Ok(Some(_)))
        }
        Access::Token { until } => {
            let account = users::find(pool, &caller.id).await;
            *until > now && matches!(account, Ok(Some(account)) if !account.disabled)
        }
        Access::Local => true,
    }
}

/// The header that names what a second person agreed to.
pub(super) const APPROVAL: &str = "transfuse-approval";

/// The approval that a request names, if it names one.
pub(super) struct Approved(pub(super) Option<ApprovalId>);

impl FromRequest for Approved {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = request.headers().get(APPROVAL).map(|value| value.to_str().ok());
        // What is no id names no approval that counts.
        let named = header.map(|text| text.and_then(|text| ApprovalId::parse(text).ok()));
        std::future::ready(match named {
            Some(None) => Err(ApiError::ApprovalDoesNotCount),
            named => Ok(Self(named.flatten())),
        })
    }
}

/// Where a request comes from.
pub(super) struct Origin {
    pub(super) address: String,
    /// Whether the browser speaks TLS, with us or with the proxy before us.
    pub(super) is_secure: bool,
    /// What the browser says of itself.
    pub(super) agent: Option<String>,
}

impl FromRequest for Origin {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let is_secure = is_secure(request);
        let agent = request.headers().get(header::USER_AGENT);
        let agent = agent.and_then(|value| value.to_str().ok()).map(str::to_owned);
        std::future::ready(Ok(Self { address: address(request), is_secure, agent }))
    }
}

/// Whether the browser speaks TLS with the proxy before us, as far as one is trusted.
pub fn is_secure(request: &HttpRequest) -> bool {
    forwarded(request, "x-forwarded-proto").is_some_and(|it| it == "https")
}

/// The client's address, as the nearest proxy says where one is trusted.
pub(super) fn address(request: &HttpRequest) -> String {
    let peer = || request.peer_addr().map(|peer| peer.ip().to_string());
    let stated = forwarded(request, "x-forwarded-for").filter(|it| it.parse::<IpAddr>().is_ok());
    stated.or_else(peer).unwrap_or_else(|| "unknown".to_owned())
}

/// What a trusted proxy says in a header. What the nearest one wrote stands last; the rest is
/// anybody's word.
fn forwarded(request: &HttpRequest, name: &str) -> Option<String> {
    if services(request).proxy != Proxy::Trusted {
        return None;
    }
    let value = request.headers().get_all(name).last()?;
    Some(value.to_str().ok()?.rsplit(',').next()?.trim().to_owned())
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
