//! The whole migration as one versioned document, the same in YAML and in JSON.
//!
//! The portal's form edits this document; the command line reads it from a file. What can be
//! checked without a database is checked here, for both ([`Plan::problems`]).

mod transform;
mod lookup;
mod existing;
mod fit;
mod governor;
mod duplicates;
mod checks;
mod problems;
mod diff;
mod trial;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use checks::{Checks, Critical, PlannedCheck, SetUse};
pub use diff::{ChangeKind, ChangedValues, DiffLine, DiffSide, PlanChange, PlanDiff};
pub use duplicates::{
    Colliding, ColumnNames, Duplicates, OtherColumns, Survival, Thresholds, When,
};
pub use existing::Existing;
pub use fit::gives_zone;
pub use governor::{Governor, Window};
pub use lookup::{Lookup, LookupCsv, LookupFrom, LookupTable};
pub use problems::PlanProblem;
pub use transform::{Case, CodeTable, Otherwise, Transform};
pub use trial::{RulesTrial, TriedCell, TriedFault, TriedOutcome, TriedRow, TriedRules};

use crate::assessment::{ForeignKey, Index, TableName};
use crate::connection::Engine;
use crate::data_type::DataType;
use crate::rehearsal::Loss;

/// The version of the document's format that this build writes.
pub const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of this document's format.
    pub format: u32,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A database URL, or the name of a connection.
    pub source: String,
    /// A database URL, or the name of a connection.
    pub target: String,
    #[serde(default, skip_serializing_if = "Options::is_default")]
    pub options: Options,
    /// Meanings of codes, by the name under which columns refer to them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub code_tables: BTreeMap<String, CodeTable>,
    /// Where values are looked up, by the name under which columns refer to it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lookups: BTreeMap<String, Lookup>,
    /// Enum types that the target is to have, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub enums: BTreeMap<String, Vec<String>>,
    /// Statements for a PostgreSQL target that a table's shape cannot say: functions, policies.
    #[serde(default, skip_serializing_if = "TargetSql::is_empty")]
    pub target_sql: TargetSql,
    /// Who may be in the patient table twice, and what becomes of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<Duplicates>,
    /// What is counted in the target to tell whether the data can be true.
    #[serde(default, skip_serializing_if = "Checks::is_default")]
    pub checks: Checks,
    pub tables: Vec<TableMapping>,
}

/// Plain statements for a PostgreSQL target. They run once a run, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TargetSql {
    /// Before tables are created.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub before: String,
    /// After data, indexes and foreign keys are in place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub after: String,
    /// What undoes that which cannot be undone by itself when the run is: rows that the statements
    /// write into tables that were there, for example. It runs first of all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub undo: String,
}

impl TargetSql {
    fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty() && self.undo.is_empty()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Rows in a chunk, the unit of commit and of retry.
    pub chunk_rows: u64,
    /// Bytes that are held of one chunk at a time.
    pub batch_bytes: u64,
    /// How many chunks are copied at once.
    pub workers: u16,
    /// How long a run tries again what fails for a passing reason, while nothing else gets on.
    #[serde(skip_serializing_if = "is_usual_patience")]
    pub patience_seconds: u32,
    /// When bad rows stop a table, and when they stop the run.
    pub escalation: Escalation,
    /// How the source is spared.
    #[serde(skip_serializing_if = "Governor::is_default")]
    pub governor: Governor,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            chunk_rows: 50_000,
            batch_bytes: 4 << 20,
            workers: 2,
            patience_seconds: PATIENCE_SECONDS,
            escalation: Escalation::default(),
            governor: Governor::default(),
        }
    }
}

/// Long enough for a server that is restarted, or a network that is mended.
const PATIENCE_SECONDS: u32 = 300;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_usual_patience(seconds: &u32) -> bool {
    *seconds == PATIENCE_SECONDS
}

impl Options {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Bad rows that are too many. Without a limit they never stop anything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Escalation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_percent: Option<f64>,
}

/// Where the rows of one target table come from and what becomes of their columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TableMapping {
    pub source: TableName,
    /// Read this statement instead of the whole table. It yields every row that is to be
    /// accounted for, and the key's columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Query>,
    /// The columns by which rows are told apart and cut into chunks: unique, never null.
    /// Empty when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    pub target: TableName,
    /// What becomes of rows that are in the target table already.
    #[serde(default, skip_serializing_if = "Existing::is_default")]
    pub existing: Existing,
    /// The columns by which a row that is there is told to be the same; else the target's
    /// primary key. A unique index of the target has to be on just these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub existing_key: Vec<String>,
    /// A condition in the source's SQL. Rows for which it is not true count as filtered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    pub columns: Vec<ColumnMapping>,
    /// Columns of the source that are left behind on purpose, each with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_behind: BTreeMap<String, String>,
    /// The shape in which the target is created where it lacks the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<TableShape>,
    /// What becomes of rows whose parent did not arrive, by foreign key; else quarantine.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        with = "serde_norway::with::singleton_map_recursive"
    )]
    pub orphans: BTreeMap<String, Orphans>,
}

impl TableMapping {
    /// The column of the target that keeps what the column's value was, whatever its rules do: the
    /// one named for it, or another that takes the same column as it is.
    pub fn kept_in<'p>(&'p self, column: &'p ColumnMapping) -> Option<&'p str> {
        let copied = self
            .columns
            .iter()
            .find(|other| other.source == column.source && other.transform.is_empty());
        column.keep_raw_in.as_deref().or(copied.map(|other| other.target.as_str()))
    }

    /// Whether what a rule of the column may lose is kept elsewhere: what it reads of its own
    /// column, and what an expression reads of others.
    pub fn keeps_what_is_lost(&self, column: &ColumnMapping, rule: &Transform) -> bool {
        let is_copied = |name: &String| {
            self.columns
                .iter()
                .any(|other| other.source.as_ref() == Some(name) && other.transform.is_empty())
        };
        let others = match rule {
            Transform::Expression { columns, .. } => columns.as_slice(),
            _ => &[],
        };
        (column.source.is_none() || self.kept_in(column).is_some()) && others.iter().all(is_copied)
    }
}

/// A statement to read from, in the SQL of each engine that needs its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Query {
    pub sql: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mysql: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlite: Option<String>,
}

impl Query {
    /// In the SQL of the engine.
    pub fn for_engine(&self, engine: Engine) -> &str {
        let own = match engine {
            Engine::Mysql => self.mysql.as_ref(),
            Engine::Sqlite => self.sqlite.as_ref(),
            Engine::Postgres | Engine::Csv => None,
        };
        own.unwrap_or(&self.sql)
    }
}

/// Keys, indexes and foreign keys of a table that is created; its columns are the mapping's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TableShape {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub primary_key: Vec<String>,
    /// Columns that no row of the source fills: they are created with their default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_columns: Vec<ShapeColumn>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Index>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_keys: Vec<ForeignKey>,
    /// Conditions that every row keeps, in PostgreSQL's SQL, by the constraint's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub checks: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ShapeColumn {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: DataType,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub nullable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The expression of a column that the target computes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<String>,
}

/// What becomes of a row whose parent is not in the target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Orphans {
    /// The row goes to the quarantine.
    #[default]
    Quarantine,
    /// The row waits in quarantine until its parent is in the target, and goes there with it.
    Park,
    /// The row stays, without the reference. The legacy key stays in another column of the row,
    /// which this names: nothing is lost.
    KeepIn(String),
}

/// How one column of the target is filled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ColumnMapping {
    pub target: String,
    /// The column that is read; none where the first rule makes the value itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(rename = "type")]
    pub data_type: DataType,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub nullable: bool,
    /// The default of the column where the table is created, in PostgreSQL's SQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The target gives out further values by itself: an identity column where the table is
    /// created, whose sequence goes on after the largest value loaded.
    #[serde(default, skip_serializing_if = "is_no")]
    pub identity: bool,
    /// Rules, applied in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transform: Vec<Transform>,
    /// A text column of the target that keeps the value as it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_raw_in: Option<String>,
    /// Who accepts that a rule here loses information, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Signature>,
}

impl ColumnMapping {
    /// A column that is carried over as it is.
    pub fn copied(source: &str, target: &str, data_type: DataType) -> Self {
        Self {
            target: target.to_owned(),
            source: Some(source.to_owned()),
            data_type,
            nullable: true,
            default: None,
            identity: false,
            transform: Vec::new(),
            keep_raw_in: None,
            signed: None,
        }
    }
}

/// Somebody's word that a loss is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Signature {
    pub by: String,
    pub reason: String,
}

impl Plan {
    pub fn from_yaml(text: &str) -> Result<Self, UnreadablePlan> {
        serde_norway::from_str(text).map_err(|error| UnreadablePlan(error.to_string()))
    }

    pub fn from_json(text: &str) -> Result<Self, UnreadablePlan> {
        serde_json::from_str(text).map_err(|error| UnreadablePlan(error.to_string()))
    }

    /// Whether something that a value said can vanish under the rule. A code table loses what it
    /// says of codes that it does not list.
    pub fn loses_information(&self, rule: &Transform) -> bool {
        match rule {
            Transform::CodeTable { table } => {
                let table = self.code_tables.get(table);
                table.is_some_and(|table| table.otherwise.loses_information())
            }
            other => other.loses_information(),
        }
    }

    /// Every rule that can lose information, and who signed for it.
    pub fn losses(&self) -> Vec<Loss> {
        let columns = self
            .tables
            .iter()
            .flat_map(|table| table.columns.iter().map(move |column| (table, column)));
        columns
            .flat_map(|(table, column)| {
                let lossy = column.transform.iter().filter(|rule| {
                    self.loses_information(rule) && (column.source.is_some() || rule.reads_others())
                });
                lossy.map(move |rule| Loss {
                    target: table.target.clone(),
                    column: column.target.clone(),
                    rule: rule.name().to_owned(),
                    signed_by: column.signed.as_ref().map(|signed| signed.by.clone()),
                    reason: column.signed.as_ref().map(|signed| signed.reason.clone()),
                    kept_in: table.kept_in(column).map(str::to_owned),
                })
            })
            .collect()
    }

    pub fn to_yaml(&self) -> String {
        serde_norway::to_string(self).expect("a plan has no maps with other keys than texts")
    }
}

/// A document that is no plan, with the place where reading stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadablePlan(pub String);

impl std::fmt::Display for UnreadablePlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the plan cannot be read: {}", self.0)
    }
}

impl std::error::Error for UnreadablePlan {}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde calls")]
const fn is_yes(value: &bool) -> bool {
    *value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde calls")]
const fn is_no(value: &bool) -> bool {
    !*value
}

/// A plan as the server keeps it, with its versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SavedPlan {
    pub id: crate::id::PlanId,
    pub name: String,
    /// Counts from 1; every save that changes the document is a new version.
    pub version: u32,
    /// SHA-256 of the document: what tells one version from another.
    pub hash: String,
    pub saved_at: chrono::DateTime<chrono::Utc>,
    pub saved_by: String,
    pub plan: Plan,
}

/// A plan in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanSummary {
    pub id: crate::id::PlanId,
    pub name: String,
    pub version: u32,
    pub table_count: u32,
    pub saved_at: chrono::DateTime<chrono::Utc>,
    pub saved_by: String,
}

/// What the server needs to draft a plan: two connections and, if one fits, a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DraftRequest {
    pub name: String,
    pub source: crate::id::ConnectionId,
    pub target: crate::id::ConnectionId,
    #[serde(default)]
    pub template: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "
format: 1
name: clinic
source: sqlite:legacy.db
target: postgres://db/new
code_tables:
  sex:
    entries: {'1': male, '2': female}
    otherwise: {value: unknown}
tables:
- source: people
  key: [id]
  target: public.patients
  columns:
  - {target: id, source: id, type: uuid, nullable: false, transform: [{rule: uuid_v5, entity: patient}]}
  - {target: legacy_id, source: id, type: bigint}
  - {target: sex, source: sex, type: text, signed: {by: x, reason: y}, transform: [{rule: code_table, table: sex}]}
  - target: office_id
    source: office
    type: uuid
    transform: [{rule: uuid_v5, entity: office}]
  - target: name
    source: name
    type: text
    transform: [{rule: map, entries: {a: b}, otherwise: keep}, {rule: trim}]
  create:
    primary_key: [id]
    foreign_keys:
    - {name: patients_office_fkey, columns: [office_id], references: public.offices, referenced_columns: [id]}
  orphans:
    patients_office_fkey: {keep_in: legacy_id}
";

    #[test]
    fn a_plan_is_the_same_in_yaml_and_in_json() {
        let plan = Plan::from_yaml(DOCUMENT).unwrap();
        assert_eq!(plan.problems(), []);

        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(Plan::from_json(&json).unwrap(), plan);
        assert_eq!(Plan::from_yaml(&plan.to_yaml()).unwrap(), plan);
    }

    #[test]
    fn a_rule_that_loses_information_needs_a_signature() {
        let lossy = DOCUMENT.replace("{rule: trim}", "{rule: truncate, length: 3}");
        let plan = Plan::from_yaml(&lossy).unwrap();

        let problems = plan.problems();

        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].code, crate::error_code::ErrorCode::Map003);
        assert_eq!(problems[0].at, "tables[0].columns[4]");
    }

    #[track_caller]
    fn refused(change: (&str, &str), says: &str) {
        assert!(DOCUMENT.contains(change.0), "{}", change.0);
        let plan = Plan::from_yaml(&DOCUMENT.replace(change.0, change.1)).unwrap();
        let messages: Vec<String> = plan.problems().into_iter().map(|p| p.message).collect();
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(messages[0].contains(says), "{messages:?}");
    }

    const LOOKUPS: &str =
        "lookups: {wards: {from: {table: {name: ward, key: code, value: title}}}}\ntables:\n";

    #[test]
    fn a_lookup_is_the_same_in_yaml_and_in_json() {
        let document = DOCUMENT.replace("tables:\n- ", &format!("{LOOKUPS}- "));
        let document = document.replace("{rule: trim}", "{rule: lookup, from: more}");
        let csv = "wards:\n    from: {table: {name: ward, key: code, value: title}}\n  \
            more: {from: {csv: {text: \"a,b\\n\", key: a, value: b}}}\n  \
            few: {from: {entries: {a: b}}}\n";
        let document = document.replace(
            "lookups: {wards: {from: {table: {name: ward, key: code, value: title}}}}\n",
            &format!("lookups:\n  {csv}"),
        );
        let plan = Plan::from_yaml(&document).unwrap();
        assert_eq!(plan.lookups.len(), 3);
        assert_eq!(plan.problems(), []);
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(Plan::from_json(&json).unwrap(), plan);
        assert_eq!(Plan::from_yaml(&plan.to_yaml()).unwrap(), plan);
    }

    #[test]
    fn a_lookup_that_the_source_answers_comes_first() {
        refused(("{rule: trim}", "{rule: lookup, from: wards}"), "`wards` is not in the plan");
        let document = DOCUMENT.replace("tables:\n- ", &format!("{LOOKUPS}- "));
        let document = document.replace("{rule: trim}", "{rule: lookup, from: wards}");
        let problems = Plan::from_yaml(&document).unwrap().problems();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].message.contains("as it was read"), "{}", problems[0].message);
    }

    #[test]
    fn an_expression_is_signed_or_all_that_it_reads_is_kept() {
        refused(("{rule: trim}", "{rule: expression, cel: value}"), "nobody signed");
        let name = "  - target: name\n";
        let own = "  - {target: both, type: text, transform: [{rule: expression, cel: id, columns: [id]}]}\n";
        let plan = Plan::from_yaml(&DOCUMENT.replace(name, &format!("{own}{name}"))).unwrap();
        // Another column keeps the id as it is.
        assert_eq!(plan.problems(), []);
        let other = own.replace("id]", "sex]").replace("cel: id", "cel: sex");
        refused((name, &format!("{other}{name}")), "nobody signed");
        let plan = Plan::from_yaml(&DOCUMENT.replace(name, &format!("{other}{name}"))).unwrap();
        assert_eq!(plan.losses()[1].column, "both");
    }

    #[test]
    fn a_key_that_no_plan_has_is_refused_with_its_name() {
        let error = Plan::from_yaml(&DOCUMENT.replace("name: clinic", "name: clinic\nnmae: x"));
        assert!(error.unwrap_err().to_string().contains("nmae"));
    }
}
