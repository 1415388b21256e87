//! What was found in a database before anything moved.

mod drift;
mod kept;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::check::{Check, CheckResult};
use crate::connection::Engine;
use crate::data_type::DataType;
use crate::rehearsal::RehearsedFault;

pub use drift::{Drift, DriftKind, drift};
pub use kept::{
    AssessmentCounts, AssessmentItem, DriftSince, KeptAssessment, NewAssessment, SeverityFindings,
    Thoroughness,
};

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

#[expect(clippy::struct_excessive_bools, reason = "each says one thing of a column")]
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
    /// It has a default that cannot be carried over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default_left: bool,
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
    /// Somebody ended it; nothing is kept of what it found.
    Stopped,
}

impl AssessmentState {
    pub const ALL: [Self; 4] = [Self::Running, Self::Completed, Self::Failed, Self::Stopped];

    pub const fn allows(self, next: Self) -> bool {
        matches!((self, next), (Self::Running, Self::Completed | Self::Failed | Self::Stopped))
    }

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Stopped => "Stopped",
        }
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

impl Severity {
    /// The lightest first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Blocking];

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Info => "For information",
            Self::Warning => "Warning",
            Self::Blocking => "Blocking",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    pub check: Check,
    pub severity: Severity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
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

/// What an assessment comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    Ready,
    /// Nothing blocks; somebody should read the warnings.
    Warnings,
    Blocked,
}

impl Readiness {
    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Warnings => "Warnings to read",
            Self::Blocked => "Blocked",
        }
    }
}

/// What was found before moving. Nothing was changed, and no value of a row is in it, save those
/// of a profile that at least five rows share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Assessment {
    pub status: Readiness,
    pub plan: String,
    /// The plan's fingerprint: a run of the same plan has it too.
    pub plan_hash: String,
    /// The servers' own names and versions, where they answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    pub checks: Vec<CheckResult>,
    /// The heaviest first.
    pub findings: Vec<Finding>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schema: Vec<SchemaItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Foretold>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profile: Vec<TableProfile>,
    pub seconds: f64,
}

/// A thing of the schema, held against what the target has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SchemaItem {
    pub kind: SchemaKind,
    /// The table that it belongs to, in the target's words; for views and triggers, the source's.
    pub table: TableName,
    /// Its own name; empty for the table itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    pub state: SchemaState,
    /// What differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What mends it, in the target's SQL; none where somebody has to write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SchemaKind {
    Table,
    Column,
    Default,
    PrimaryKey,
    Index,
    ForeignKey,
    Check,
    Sequence,
    Comment,
    RowSecurity,
    View,
    Trigger,
}

impl SchemaKind {
    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Column => "column",
            Self::Default => "default",
            Self::PrimaryKey => "primary key",
            Self::Index => "index",
            Self::ForeignKey => "foreign key",
            Self::Check => "check",
            Self::Sequence => "sequence",
            Self::Comment => "comment",
            Self::RowSecurity => "row-level security",
            Self::View => "view",
            Self::Trigger => "trigger",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SchemaState {
    Present,
    /// The run makes it.
    ToBeMade,
    Changed,
    Missing,
}

/// What a run of the plan would come to, by its own rules and casts, without writing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Foretold {
    pub tables: Vec<TableForetold>,
    /// What would be quarantined, by table, column and code, the most frequent first.
    pub quarantine: Vec<RehearsedFault>,
    /// Whether every row was looked at; the counts are otherwise those of the sample.
    pub is_complete: bool,
    /// What the statement does not cover.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Reading and turning every row, as measured and, of a sample, multiplied.
    pub read_seconds: f64,
    /// How fast the target took rows, in bytes a second; none where that was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_bytes_per_second: Option<f64>,
    /// The copy by the plan's workers: reading and writing, one after the other where source and
    /// target share this machine's processors, and otherwise the slower of the two.
    pub copy_seconds: f64,
    /// Keys, indexes, foreign keys and statistics; none where that was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_seconds: Option<f64>,
    /// What a run does besides for each table, however few rows it has; none where that was not
    /// tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_seconds: Option<f64>,
    /// A verification of all rows; none where that was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_seconds: Option<f64>,
    /// Room that the target needs for data and indexes.
    pub disk_bytes: u64,
}

impl Foretold {
    /// How long the run would take, as far as that was tried.
    pub fn run_seconds(&self) -> f64 {
        let besides = self.index_seconds.into_iter().chain(self.other_seconds);
        self.copy_seconds + besides.sum::<f64>()
    }

    /// Rows that would go to quarantine.
    pub fn quarantined(&self) -> u64 {
        self.tables.iter().map(|table| table.quarantined).sum()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TableForetold {
    pub source: TableName,
    pub target: TableName,
    /// Rows that the source has.
    pub rows: u64,
    /// Rows that were looked at.
    pub looked_at: u64,
    pub loaded: u64,
    pub filtered: u64,
    pub quarantined: u64,
    pub bytes: u64,
}

/// What the values of a table look like, as the source itself counted them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TableProfile {
    pub table: TableName,
    /// Rows that were looked at.
    pub rows: u64,
    /// Only the first rows were looked at, because the table is large.
    pub is_sample: bool,
    pub columns: Vec<ColumnProfile>,
}

/// What the values of a column look like. A value stands in it only where at least
/// [`LEAST_ROWS`] rows share it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ColumnProfile {
    pub name: String,
    pub nulls: u64,
    pub distinct: u64,
    /// The bounds of numbers, dates and times, made coarse: whole years, one digit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greatest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortest: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest: Option<u64>,
    /// Forms of texts: letters as x and X, digits as 9.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<Frequent>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Frequent>,
}

/// Values and forms that fewer rows share are not told: they might tell of one person.
pub const LEAST_ROWS: u64 = 5;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Frequent {
    pub text: String,
    pub rows: u64,
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
