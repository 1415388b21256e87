//! What was found in a database before anything moved.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::connection::Engine;
use crate::data_type::DataType;

/// A table's name, with its schema where the engine has schemas.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableName {
    pub schema: Option<String>,
    pub name: String,
}

impl TableName {
    pub fn new(schema: Option<&str>, name: impl Into<String>) -> Self {
        Self { schema: schema.map(str::to_owned), name: name.into() }
    }
}

/// As it is written in a plan: `patients`, `public.patients`, `"odd.schema".patients`.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write_part(f, schema)?;
            f.write_str(".")?;
        }
        write_part(f, &self.name)
    }
}

/// Quotes appear only where a name would otherwise be read wrongly.
fn write_part(f: &mut fmt::Formatter<'_>, part: &str) -> fmt::Result {
    if part.contains(['.', '"']) {
        write!(f, "\"{}\"", part.replace('"', "\"\""))
    } else {
        f.write_str(part)
    }
}

/// A text that names no table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidTableName;

impl fmt::Display for InvalidTableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table is written `name` or `schema.name`")
    }
}

impl std::error::Error for InvalidTableName {}

impl TryFrom<String> for TableName {
    type Error = InvalidTableName;

    fn try_from(text: String) -> Result<Self, InvalidTableName> {
        text.parse()
    }
}

impl From<TableName> for String {
    fn from(name: TableName) -> Self {
        name.to_string()
    }
}

impl std::str::FromStr for TableName {
    type Err = InvalidTableName;

    fn from_str(text: &str) -> Result<Self, InvalidTableName> {
        let mut parts = vec![String::new()];
        let mut quoted = false;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => {
                    chars.next();
                    parts.last_mut().ok_or(InvalidTableName)?.push('"');
                }
                '"' => quoted = !quoted,
                '.' if !quoted => parts.push(String::new()),
                '\0' => return Err(InvalidTableName),
                _ => parts.last_mut().ok_or(InvalidTableName)?.push(c),
            }
        }
        if quoted || parts.iter().any(String::is_empty) {
            return Err(InvalidTableName);
        }
        match <[String; 2]>::try_from(parts) {
            Ok([schema, name]) => Ok(Self { schema: Some(schema), name }),
            Err(parts) => match <[String; 1]>::try_from(parts) {
                Ok([name]) => Ok(Self { schema: None, name }),
                Err(_) => Err(InvalidTableName),
            },
        }
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for TableName {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        <String as utoipa::PartialSchema>::schema()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for TableName {}

/// All tables of a database, as its own catalog describes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Catalog {
    pub engine: Engine,
    /// The server's own name and version.
    pub server: String,
    pub tables: Vec<Table>,
    /// Enum types by name, each with its labels in order.
    #[serde(default)]
    pub enums: Vec<EnumType>,
}

impl Catalog {
    pub fn table(&self, name: &TableName) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == *name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnumType {
    pub name: TableName,
    pub labels: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Table {
    pub name: TableName,
    pub columns: Vec<Column>,
    /// Empty when the table has none.
    pub primary_key: Vec<String>,
    #[serde(default)]
    pub indexes: Vec<Index>,
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKey>,
    /// The engine's own estimate; not to be relied on.
    #[serde(default)]
    pub estimated_rows: u64,
    #[serde(default)]
    pub estimated_bytes: u64,
    #[serde(default)]
    pub comment: Option<String>,
}

impl Table {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Column {
    pub name: String,
    /// The type as the engine spells it: `int(10) unsigned`, `TEXT`.
    pub native_type: String,
    /// The PostgreSQL type that holds every value of it.
    pub data_type: DataType,
    pub nullable: bool,
    /// An expression of PostgreSQL's; none when it cannot be carried over as it is.
    #[serde(default)]
    pub default: Option<String>,
    /// Computed by the database: never read into a load, and never written.
    #[serde(default)]
    pub generated: bool,
    /// The database gives out its values: serial, identity, auto-increment.
    #[serde(default)]
    pub identity: bool,
    #[serde(default)]
    pub comment: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Index {
    pub name: String,
    /// Empty for an index on expressions, which is reported and not carried over.
    pub columns: Vec<String>,
    #[serde(default)]
    pub unique: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ForeignKey {
    pub name: String,
    pub columns: Vec<String>,
    pub references: TableName,
    pub referenced_columns: Vec<String>,
    #[serde(default, skip_serializing_if = "ReferentialAction::is_default")]
    pub on_delete: ReferentialAction,
    #[serde(default, skip_serializing_if = "ReferentialAction::is_default")]
    pub on_update: ReferentialAction,
}

/// What becomes of a row when the row that it references changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReferentialAction {
    #[default]
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

impl ReferentialAction {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde calls")]
    fn is_default(&self) -> bool {
        *self == Self::NoAction
    }

    /// As SQL writes it.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::NoAction => "no action",
            Self::Restrict => "restrict",
            Self::Cascade => "cascade",
            Self::SetNull => "set null",
            Self::SetDefault => "set default",
        }
    }
}

/// Where an assessment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AssessmentState {
    Running,
    /// Every check was made; what they found is another matter.
    Completed,
    Failed,
}

impl AssessmentState {
    pub const fn allows(self, next: Self) -> bool {
        matches!((self, next), (Self::Running, Self::Completed | Self::Failed))
    }
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
    /// No run may begin.
    Blocking,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// The check's stable name.
    pub check: String,
    pub severity: Severity,
    pub table: Option<TableName>,
    pub column: Option<String>,
    /// What was found, without values.
    pub message: String,
    /// What to do about it.
    pub action: String,
}

impl Finding {
    /// Whether a run has to wait until it is gone.
    pub fn blocks(&self) -> bool {
        self.severity == Severity::Blocking
    }
}

#[cfg(test)]
mod tests {
    use super::TableName;

    #[test]
    fn a_table_name_reads_back_as_it_was_written() {
        for text in ["patients", "public.patients", "\"odd.schema\".t", "Mixed Case", "\"a\"\"b\""]
        {
            let name: TableName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
        }
        for text in ["", ".", "a.", "a.b.c", "\"open"] {
            assert!(text.parse::<TableName>().is_err(), "{text}");
        }
    }
}
