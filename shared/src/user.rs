//! Who may sign in, and what each role may do.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::UserId;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub role: UserRole,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UserRole {
    /// Everything, users and settings included.
    Admin,
    /// All pages of the migration.
    Member,
    /// Reads, and changes nothing.
    Viewer,
}

impl UserRole {
    /// What the role may do: it hides the button and refuses the request.
    pub const fn may(self, permission: Permission) -> bool {
        match permission {
            Permission::Read => true,
            Permission::ReadAudit => matches!(self, Self::Admin | Self::Member),
            Permission::ManageConnections | Permission::EditPlans | Permission::ControlRuns => {
                matches!(self, Self::Admin | Self::Member)
            }
            Permission::ManageUsers => matches!(self, Self::Admin),
        }
    }

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Admin, Self::Member, Self::Viewer].into_iter().find(|role| role.as_str() == name)
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Admin => "Administrator",
            Self::Member => "Member",
            Self::Viewer => "Viewer",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    Read,
    ReadAudit,
    ManageConnections,
    EditPlans,
    ControlRuns,
    ManageUsers,
}

/// What signing in needs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignIn {
    pub email: String,
    pub password: String,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn").field("email", &self.email).finish_non_exhaustive()
    }
}

/// What signing in, or refreshing, gives. The refresh token is a cookie beside it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Access {
    /// A short-lived bearer token.
    pub token: String,
    pub expires_at: DateTime<Utc>,
    pub user: User,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("user", &self.user.id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Permission, UserRole};

    #[test]
    fn a_viewer_reads_and_nothing_else() {
        for permission in [
            Permission::ReadAudit,
            Permission::ManageConnections,
            Permission::EditPlans,
            Permission::ControlRuns,
            Permission::ManageUsers,
        ] {
            assert!(!UserRole::Viewer.may(permission), "{permission:?}");
        }
        assert!(UserRole::Viewer.may(Permission::Read));
    }
}
