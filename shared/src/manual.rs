//! The manuals, as the portal shows them.

use serde::{Deserialize, Serialize};

/// A manual in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ManualSummary {
    /// Its name in addresses: `quarantine`.
    pub name: String,
    pub title: String,
    /// How it begins.
    pub about: String,
}

/// A manual with its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Manual {
    pub name: String,
    pub title: String,
    /// Without the title. Elements of text only: no script, no style, no picture from elsewhere.
    pub html: String,
    pub sections: Vec<Section>,
}

/// Where a part of a manual begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Section {
    /// What stands behind the `#` of its address.
    pub anchor: String,
    pub title: String,
    /// 2 for a part, 3 for a part of a part, and so on.
    pub level: u8,
}

/// A part of a manual in which something was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ManualHit {
    pub manual: String,
    /// The manual's title.
    pub title: String,
    /// The part's title; empty before the first part.
    pub section: String,
    /// A path of the portal.
    pub address: String,
    /// What stands around the first word that was found.
    pub excerpt: String,
}

/// What is looked for in the manuals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
pub struct ManualQuery {
    /// One or more words; a part of a word counts too.
    #[cfg_attr(feature = "openapi", param(max_length = 200))]
    pub words: String,
}
