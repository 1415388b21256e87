//! Who may sign in, and what each role may do.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{SessionId, UserId};

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
            Permission::ManageConnections
            | Permission::EditPlans
            | Permission::AssessPlans
            | Permission::ControlRuns
            | Permission::RollBackRuns
            | Permission::RepairTargets
            | Permission::SignOff
            | Permission::WorkQuarantine
            | Permission::HandleAlerts
            | Permission::Approve
            | Permission::ReadUnmasked
            | Permission::ReviewDuplicates => matches!(self, Self::Admin | Self::Member),
            Permission::ManageUsers | Permission::ManageSettings => matches!(self, Self::Admin),
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
    /// Looking at both databases of a plan at length, which they notice.
    AssessPlans,
    ControlRuns,
    /// Undoing what a run did.
    RollBackRuns,
    /// Making rows of a target what the source and the rules say they are, and taking that back.
    RepairTargets,
    /// Judging people of a sample by what both sides have of them, and signing for it; saying how much
    /// may violate a clinical check.
    SignOff,
    /// Fixing, waiving and replaying quarantined rows, and taking that back.
    WorkQuarantine,
    /// Looking at people side by side, and saying who is the same.
    ReviewDuplicates,
    /// Acknowledging alerts and changing the rules that raise them.
    HandleAlerts,
    /// Saying yes or no to what somebody else asked for.
    Approve,
    /// Looking at a row's values, with a reason.
    ReadUnmasked,
    ManageUsers,
    ManageSettings,
}

/// What signing in needs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    #[cfg_attr(feature = "openapi", schema(max_length = 320))]
    pub email: String,
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub password: String,
    /// What the authenticator shows, or a recovery code, where the account has a second factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 64))]
    pub code: Option<String>,
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

/// A user as administrators see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserAccount {
    pub user: User,
    /// Since when they may no longer sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<DateTime<Utc>>,
    /// Whether signing in takes a code of an authenticator as well.
    pub second_factor: bool,
    /// They have a password; who has none signs in by a link or with a token from elsewhere.
    pub has_password: bool,
    /// They come with tokens of the identity provider that is configured.
    pub external: bool,
    /// When one of their sessions was last used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_active_at: Option<DateTime<Utc>>,
}

/// A user as they are added. They choose their password by the link in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    #[cfg_attr(feature = "openapi", schema(max_length = 320))]
    pub email: String,
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub name: String,
    pub role: UserRole,
}

/// What an administrator may change of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub name: String,
    pub role: UserRole,
    pub disabled: bool,
}

/// What is wrong with a name, or an address, that somebody typed.
pub fn name_problem(name: &str) -> Option<&'static str> {
    let length = name.trim().chars().count();
    let is_plain = !name.chars().any(char::is_control);
    let is_right = (1..=200).contains(&length) && is_plain;
    if is_right { None } else { Some("A name has 1 to 200 characters.") }
}

/// Whether it looks like an address; only mail can tell whether it is one.
pub fn email_problem(email: &str) -> Option<&'static str> {
    let email = email.trim();
    let looks_right = email.len() <= 320
        && !email.chars().any(|c| c.is_whitespace() || c.is_control())
        && email.rsplit_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && domain.len() > 2 && !local.contains('@')
        });
    if looks_right { None } else { Some("Write an e-mail address, such as ada@clinic.example.") }
}

/// A user that was added, and how they get in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invited {
    pub account: UserAccount,
    pub link: PasswordLink,
}

/// A link by which somebody sets a password, once. It is shown to the administrator who made it
/// and to nobody again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PasswordLink {
    /// A path of the portal. The token stands after the `#`, which browsers send to no server.
    pub path: String,
    pub expires_at: DateTime<Utc>,
}

impl std::fmt::Debug for PasswordLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordLink").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// What setting a password by a link needs: the token from after the link's `#`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PasswordReset {
    #[cfg_attr(feature = "openapi", schema(max_length = 100))]
    pub token: String,
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub password: String,
}

/// What changing one's own password needs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub current: String,
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub new: String,
}

/// What one may change of oneself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ProfileChange {
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub name: String,
}

/// Proof that whoever sits there is who signed in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PasswordProof {
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub password: String,
}

/// A code of an authenticator.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CodeProof {
    #[cfg_attr(feature = "openapi", schema(max_length = 64))]
    pub code: String,
}

/// Whether one's account has a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecondFactor {
    pub enabled: bool,
    pub recovery_codes_left: u32,
}

/// What an authenticator has to be told. It counts once a code proves that it was.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Enrolment {
    /// In base 32, for typing in.
    pub secret: String,
    /// What an authenticator reads.
    pub url: String,
    /// The same as a picture to point a camera at: an SVG element, black on white.
    pub qr_svg: String,
}

/// Codes for when the authenticator is lost, each good for one sign-in. They are shown once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecoveryCodes {
    pub codes: Vec<String>,
}

macro_rules! keeps_to_itself {
    ($($name:ident),+) => { $(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+ };
}

keeps_to_itself!(PasswordReset, PasswordChange, PasswordProof, CodeProof, Enrolment, RecoveryCodes);

/// One sign-in on one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    pub id: SessionId,
    /// Where the sign-in came from.
    pub address: String,
    /// What the browser said of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    pub created_at: DateTime<Utc>,
    pub last_active_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// The one that asks.
    pub current: bool,
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
            Permission::AssessPlans,
            Permission::ControlRuns,
            Permission::RollBackRuns,
            Permission::WorkQuarantine,
            Permission::ReviewDuplicates,
            Permission::HandleAlerts,
            Permission::Approve,
            Permission::ReadUnmasked,
            Permission::ManageUsers,
            Permission::ManageSettings,
        ] {
            assert!(!UserRole::Viewer.may(permission), "{permission:?}");
        }
        assert!(UserRole::Viewer.may(Permission::Read));
    }
}
