//! Values that are found by a key: in another table of the source, or in the plan itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::assessment::TableName;

/// Where the rule `lookup` finds the value of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(with = "serde_norway::with::singleton_map")]
    pub from: LookupFrom,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LookupFrom {
    /// A table of the source, read in the same snapshot as the rows.
    Table(LookupTable),
    /// The text of a CSV file. It is a part of the plan, so that a version of the plan always
    /// means the same.
    Csv(LookupCsv),
    /// Values by the key's text.
    Entries(BTreeMap<String, String>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LookupTable {
    pub name: TableName,
    /// The column that the value is found by: the primary key, or unique by itself.
    pub key: String,
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LookupCsv {
    /// With a header; fields are separated by commas.
    pub text: String,
    pub key: String,
    pub value: String,
}
