use std::ops::Deref;

use chrono::{DateTime, Utc};
use shared::id::SessionId;
use shared::user::User;

/// A user who asks for something now: by what, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    user: User,
    access: Access,
    address: Option<String>,
}

/// By what somebody has access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// They signed in here.
    Session(SessionId),
    /// They came with a token of the identity provider, which ends by itself.
    Token { until: DateTime<Utc> },
    /// The server itself acts on their behalf.
    Local,
}

impl Caller {
    pub fn new(user: User, access: Access, address: impl Into<String>) -> Self {
        Self { user, access, address: Some(address.into()) }
    }

    /// Somebody on whose behalf the server itself acts.
    pub const fn local(user: User) -> Self {
        Self { user, access: Access::Local, address: None }
    }

    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// The session that the request is of.
    pub const fn session(&self) -> Option<&SessionId> {
        match &self.access {
            Access::Session(session) => Some(session),
            Access::Token { .. } | Access::Local => None,
        }
    }

    pub fn into_user(self) -> User {
        self.user
    }
}

impl Deref for Caller {
    type Target = User;

    fn deref(&self) -> &User {
        &self.user
    }
}
