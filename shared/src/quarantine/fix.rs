use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::QuarantineState;

/// A rule by which rows in quarantine are repaired. A column is named as it is in the kept row, or
/// as the target calls the column that it fills.
///
/// What it puts in place may be personal data: it is kept sealed, and no log shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "fix", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fix {
    /// The same value for all; without one, null.
    Set {
        column: String,
        #[serde(default)]
        value: Option<String>,
    },
    /// What the pattern finds in the value's text is replaced, everywhere; `$1` stands for its
    /// first group. Values in which it finds nothing stay.
    Regex { column: String, pattern: String, replacement: String },
    /// Values by their text; null for an entry makes null. Values that are not listed stay.
    Map { column: String, entries: BTreeMap<String, Option<String>> },
    /// The value is looked up by the text of another column of the row. Rows whose key is not
    /// listed stay.
    Lookup { column: String, by: String, entries: BTreeMap<String, Option<String>> },
    /// A line of a file that had the wrong number of fields: what the pattern finds is replaced,
    /// and the line is taken apart again.
    Line {
        pattern: String,
        replacement: String,
        #[serde(default = "comma")]
        separator: char,
        /// The columns in the order of the mended line; all that the run read, unless named.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        columns: Vec<String>,
    },
}

const fn comma() -> char {
    ','
}

impl Fix {
    /// The column that it changes; none when it changes the whole row.
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Set { column, .. }
            | Self::Regex { column, .. }
            | Self::Map { column, .. }
            | Self::Lookup { column, .. } => Some(column),
            Self::Line { .. } => None,
        }
    }

    /// The state of a row that it repaired.
    pub const fn leads_to(&self) -> QuarantineState {
        match self {
            Self::Set { .. } | Self::Regex { .. } | Self::Line { .. } => QuarantineState::Fixed,
            Self::Map { .. } | Self::Lookup { .. } => QuarantineState::Mapped,
        }
    }

    /// What it does, in names and numbers.
    pub fn describe(&self) -> String {
        let entries = |entries: &BTreeMap<String, Option<String>>| match entries.len() {
            1 => "1 entry".to_owned(),
            count => format!("{count} entries"),
        };
        match self {
            Self::Set { column, value: Some(_) } => format!("set {column}"),
            Self::Set { column, value: None } => format!("set {column} to null"),
            Self::Regex { column, .. } => format!("regex on {column}"),
            Self::Map { column, entries: listed } => {
                format!("map of {} on {column}", entries(listed))
            }
            Self::Lookup { column, by, entries: listed } => {
                format!("lookup of {} for {column} by {by}", entries(listed))
            }
            Self::Line { .. } => "mend the line".to_owned(),
        }
    }
}

impl fmt::Debug for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fix({})", self.describe())
    }
}

#[cfg(test)]
mod tests {
    use super::Fix;

    #[test]
    fn what_a_fix_says_of_itself_has_no_value() {
        for text in [
            r#"{"fix": "set", "column": "born", "value": "Quillon"}"#,
            r#"{"fix": "regex", "column": "born", "pattern": "Quillon", "replacement": "Quillon"}"#,
            r#"{"fix": "map", "column": "born", "entries": {"Quillon": "Quillon"}}"#,
            r#"{"fix": "lookup", "column": "born", "by": "id", "entries": {"Quillon": null}}"#,
            r#"{"fix": "line", "pattern": "Quillon", "replacement": "Quillon"}"#,
        ] {
            let fix: Fix = serde_json::from_str(text).unwrap();
            let said = format!("{fix:?} {}", fix.describe());
            assert!(!said.contains("Quillon"), "{said}");
        }
    }
}
