//! Loading into a table that has rows already.

use serde::{Deserialize, Serialize};

/// What a run does about rows that are in a target table before it.
///
/// Whatever it is, rows of others are changed only by `update`, and every change can be undone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// The run does not begin.
    #[default]
    Refuse,
    /// They stay, and all rows of the source are new. One whose key is taken goes to quarantine.
    Append,
    /// One with the key of a row of the source gets its values; what it was is kept. Such a row of
    /// the source counts as merged.
    Update,
    /// One with the key of a row of the source stays as it is. Where it says the same, the row of
    /// the source counts as merged; where it does not, it goes to quarantine.
    Skip,
}

impl Existing {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde calls")]
    pub(super) const fn is_default(&self) -> bool {
        matches!(self, Self::Refuse)
    }

    /// As stores and documents write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Append => "append",
            Self::Update => "update",
            Self::Skip => "skip",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Refuse, Self::Append, Self::Update, Self::Skip]
            .into_iter()
            .find(|existing| existing.as_str() == name)
    }

    /// Whether rows of the source are compared with rows that are there, by a key.
    pub const fn compares(self) -> bool {
        matches!(self, Self::Update | Self::Skip)
    }
}

#[cfg(test)]
mod tests {
    use super::Existing;

    #[test]
    fn a_choice_is_found_by_the_name_that_documents_write() {
        for existing in [Existing::Refuse, Existing::Append, Existing::Update, Existing::Skip] {
            assert_eq!(Existing::from_name(existing.as_str()), Some(existing));
            assert_eq!(serde_json::to_value(existing).unwrap(), existing.as_str());
        }
    }
}
