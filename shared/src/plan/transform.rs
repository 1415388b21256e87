//! The rules by which a value of the source becomes a value of the target.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One rule. Null stays null, save under `constant`, `default`, `concat` and `expression`.
///
/// Written as `- rule: trim` or `- {rule: code_table, table: sex}`, alike in YAML and JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Transform {
    /// White space at both ends goes; with `inner`, runs of it inside become one blank.
    Trim {
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        inner: bool,
    },
    Case {
        to: Case,
    },
    /// Unicode normalisation form C.
    Nfc,
    /// An empty text, and the texts listed, become null.
    EmptyToNull {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        also: Vec<String>,
    },
    /// 0x00, which PostgreSQL cannot hold in a text, becomes the given text.
    ReplaceNul {
        with: String,
    },
    /// A date of zeros, which only MySQL has, becomes null.
    ZeroDateToNull,
    /// A text is read as a date by a format of strftime's letters.
    ParseDate {
        format: String,
    },
    /// A text is read as a point in time by a format of strftime's letters.
    ParseTimestamp {
        format: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
    },
    /// A time without zone is a local time of the zone given, by its IANA name.
    AssumeZone {
        zone: String,
    },
    /// The texts and numbers listed are true or false; anything else is a bad row.
    Boolean {
        yes: Vec<String>,
        no: Vec<String>,
    },
    /// 10.25 becomes 0.1025, exactly.
    PercentToFraction,
    /// A number is rounded half away from zero.
    Round {
        scale: u8,
    },
    /// A text is cut to so many characters.
    Truncate {
        length: u32,
    },
    /// Values by their text; what is not listed goes the way of `otherwise`.
    Map {
        entries: BTreeMap<String, String>,
        #[serde(
            default,
            skip_serializing_if = "Otherwise::is_default",
            with = "serde_norway::with::singleton_map"
        )]
        otherwise: Otherwise,
    },
    /// Codes by a code table of the plan.
    CodeTable {
        table: String,
    },
    /// The value that a lookup of the plan has for this one; what it does not know goes the way of
    /// `otherwise`.
    Lookup {
        from: String,
        #[serde(
            default,
            skip_serializing_if = "Otherwise::is_default",
            with = "serde_norway::with::singleton_map"
        )]
        otherwise: Otherwise,
    },
    /// What an expression of CEL makes of the value and of other columns, which it reads by their
    /// names.
    Expression {
        cel: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        columns: Vec<String>,
    },
    /// A UUID of version 5 from the entity's name and the value: the same value gives the same
    /// UUID in every table and every run.
    UuidV5 {
        entity: String,
    },
    /// The same value in every row.
    Constant {
        value: String,
    },
    /// The value for null.
    Default {
        value: String,
    },
    /// The texts of several columns, nulls left out, with a separator between.
    Concat {
        columns: Vec<String>,
        #[serde(default)]
        separator: String,
    },
    /// One part of a text, counted from 0; null when there are fewer.
    Split {
        separator: String,
        index: u32,
    },
    Prefix {
        text: String,
    },
    /// A text is filled up at the left.
    Pad {
        length: u32,
        with: char,
    },
    /// A text is read as JSON. With `repair`, the usual damages (single quotes, Python's words,
    /// trailing commas, lone surrogates) are mended; what stays broken is a bad row.
    Json {
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        repair: bool,
    },
    /// A phone number is written in the international form; `region` is that of local numbers.
    Phone {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<String>,
        #[serde(
            default,
            skip_serializing_if = "Otherwise::is_default",
            with = "serde_norway::with::singleton_map"
        )]
        otherwise: Otherwise,
    },
    /// An e-mail address in lower case.
    Email {
        #[serde(
            default,
            skip_serializing_if = "Otherwise::is_default",
            with = "serde_norway::with::singleton_map"
        )]
        otherwise: Otherwise,
    },
    /// SHA-256 of the value, keyed with the installation's key, in hexadecimal.
    Hash,
    /// Every letter and digit but the last ones becomes `*`.
    Mask {
        #[serde(default)]
        keep_last: u32,
    },
}

impl Transform {
    /// Whether something that a value said can vanish, so that it cannot be told from the target.
    /// White space, Unicode forms and the empty text say nothing by this measure; letter case does.
    ///
    /// A plan that uses such a rule is refused unless the column is signed or keeps the raw value.
    pub fn loses_information(&self) -> bool {
        match self {
            Self::ZeroDateToNull
            | Self::Case { .. }
            | Self::Default { .. }
            | Self::Round { .. }
            | Self::Truncate { .. }
            | Self::Split { .. }
            | Self::Constant { .. }
            | Self::Expression { .. }
            | Self::Hash
            | Self::Mask { .. } => true,
            Self::EmptyToNull { also } => !also.is_empty(),
            Self::Map { otherwise, .. }
            | Self::Lookup { otherwise, .. }
            | Self::Phone { otherwise, .. }
            | Self::Email { otherwise } => otherwise.loses_information(),
            Self::Trim { .. }
            | Self::Nfc
            | Self::ReplaceNul { .. }
            | Self::ParseDate { .. }
            | Self::ParseTimestamp { .. }
            | Self::AssumeZone { .. }
            | Self::Boolean { .. }
            | Self::PercentToFraction
            | Self::CodeTable { .. }
            | Self::UuidV5 { .. }
            | Self::Concat { .. }
            | Self::Prefix { .. }
            | Self::Pad { .. }
            | Self::Json { .. } => false,
        }
    }

    /// Whether the rule makes a value without reading the column.
    pub const fn makes_its_own_value(&self) -> bool {
        matches!(self, Self::Constant { .. } | Self::Concat { .. } | Self::Expression { .. })
    }

    /// The columns that the rule reads besides its own.
    pub fn other_columns(&self) -> &[String] {
        match self {
            Self::Concat { columns, .. } | Self::Expression { columns, .. } => columns,
            _ => &[],
        }
    }

    /// Whether the rule may lose what other columns say.
    pub(super) fn reads_others(&self) -> bool {
        matches!(self, Self::Expression { columns, .. } if !columns.is_empty())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Case {
    Lower,
    Upper,
}

/// What becomes of a value that a rule does not know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// The row goes to the quarantine.
    #[default]
    Quarantine,
    /// The value stays as it is.
    Keep,
    Null,
    Value(String),
}

impl Otherwise {
    fn is_default(&self) -> bool {
        *self == Self::Quarantine
    }

    pub(super) const fn loses_information(&self) -> bool {
        matches!(self, Self::Null | Self::Value(_))
    }
}

/// What the codes of a legacy column mean. It is the plan's, not the program's: two sites use
/// one code for two things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CodeTable {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The meaning of each code, by the code's text. Null is written `"null"` in neither place:
    /// a null code stays null.
    pub entries: BTreeMap<String, String>,
    #[serde(
        default,
        skip_serializing_if = "Otherwise::is_default",
        with = "serde_norway::with::singleton_map"
    )]
    pub otherwise: Otherwise,
}
