//! What a plan says of people who are in its patient table twice.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::problems::Found;
use super::{Plan, TableMapping};
use crate::assessment::TableName;
use crate::duplicate::{Attribute, Exclusion, SurvivalRule, Verdict};

/// Which table holds people, by what they are told apart, and what becomes of those who are in
/// it twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Duplicates {
    /// The table of the target in which each row is a person.
    pub table: TableName,
    #[serde(default)]
    pub when: When,
    /// Where an attribute's values stand: a column of the table, or `reference.column` for a
    /// column of the row that the table's column `reference` refers to.
    pub columns: BTreeMap<Attribute, ColumnNames>,
    /// References of the table to rows that belong to the person alone, such as an account:
    /// they are merged with the person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub together: Vec<String>,
    /// Columns, written as above, in which records have to agree for a policy alone to merge them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub must_agree: Vec<String>,
    #[serde(default)]
    pub thresholds: Thresholds,
    #[serde(default)]
    pub survival: Survival,
    /// What becomes of columns that say nothing of who somebody is.
    #[serde(default)]
    pub other_columns: OtherColumns,
    /// Records that are nobody's, and are left alone.
    #[serde(default = "nobody")]
    pub exclude: Vec<Exclusion>,
    /// What becomes of rows that may not both refer to one person, by table; else they are folded.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub colliding: BTreeMap<TableName, Colliding>,
    /// Further settings of the matcher, as in a policy file: model, blocking, vetoes, clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<serde_json::Value>,
}

/// When a run decides who is the same person. Merges are always made in the target, at the end of
/// a run, when every row that could be carried over is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// From the source's rows, as the plan turns them, before the first one is written.
    BeforeLoad,
    /// From the target's rows, once all of them are there.
    #[default]
    AfterLoad,
    /// Not in a run: somebody asks for it.
    OnRequest,
}

/// One column, or several for a person's several phones and e-mail addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum ColumnNames {
    One(String),
    Several(Vec<String>),
}

impl ColumnNames {
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }
}

/// From which weight on what is done, in bits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// From here on a pair is a match.
    pub automatic: f64,
    /// From here on, and below `automatic`, somebody looks.
    pub review: f64,
    /// From here on two records are proposed as one person: the clusters that are shown.
    pub link: f64,
}

impl Thresholds {
    /// What a weight alone says of a pair.
    pub fn verdict(&self, weight: f64) -> Verdict {
        if weight >= self.automatic {
            Verdict::Match
        } else if weight >= self.review {
            Verdict::Review
        } else {
            Verdict::NoMatch
        }
    }

    /// Whether they divide the weights. False also for one that is no number.
    pub fn are_ordered(&self) -> bool {
        self.review <= self.automatic && !self.link.is_nan()
    }
}

impl Default for Thresholds {
    /// Odds of 158 to 1 for a match, of 1 to 8 for a look, of 4 to 1 for a proposal.
    fn default() -> Self {
        Self { automatic: 7.3, review: -3.0, link: 2.0 }
    }
}

/// How a golden record is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Survival {
    pub rule: SurvivalRule,
    /// Attributes with a rule of their own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<Attribute, SurvivalRule>,
    /// Sources, the most trusted first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}

impl Default for Survival {
    fn default() -> Self {
        Self { rule: SurvivalRule::Newest, rules: BTreeMap::new(), sources: Vec::new() }
    }
}

/// What becomes of the columns of a row that no attribute names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OtherColumns {
    /// Where the surviving row has nothing, the best of the others that has something fills it.
    #[default]
    Fill,
    /// They stay as they are in the surviving row.
    Keep,
}

/// What becomes of two rows that may not both refer to one person, since a unique key says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Colliding {
    /// The survivor's row stays; the other one lies in the record of the merge, and what referred
    /// to it refers to the one that stays.
    #[default]
    Fold,
    /// The people are not merged, and somebody looks.
    Refuse,
}

impl Duplicates {
    /// What becomes of colliding rows of a table.
    pub fn colliding(&self, table: &TableName) -> Colliding {
        let named = self.colliding.iter().find(|(named, _)| {
            named.name == table.name && (named.schema.is_none() || named.schema == table.schema)
        });
        named.map(|(_, colliding)| *colliding).unwrap_or_default()
    }

    /// Every column that an attribute names, in the order of the attributes.
    pub fn named_columns(&self) -> impl Iterator<Item = (Attribute, &str)> {
        self.columns.iter().flat_map(|(attribute, names)| names.iter().map(|n| (*attribute, n)))
    }
}

impl Plan {
    /// What can be said against the part about duplicates.
    pub(super) fn check_duplicates(&self, duplicates: &Duplicates, found: &mut Found) {
        let at = "duplicates";
        let is_table = |mapping: &&TableMapping| is_the_same(&mapping.target, &duplicates.table);
        let Some(mapping) = self.tables.iter().find(is_table) else {
            let message = format!("no table of the plan is loaded into {}", duplicates.table);
            found.add("duplicates.table", message);
            return;
        };
        if !duplicates.thresholds.are_ordered() {
            found.add(
                "duplicates.thresholds",
                "`review` must be a number and not above `automatic`".to_owned(),
            );
        }
        let says_who = duplicates.columns.keys().any(|attribute| attribute.tells_people_apart());
        if !says_who {
            found.add(at, "no column says anything by which two people can be compared".to_owned());
        }
        let columns: BTreeSet<&str> = mapping.filled().collect();
        for (attribute, name) in duplicates.named_columns() {
            let at = format!("duplicates.columns.{attribute}");
            if attribute == Attribute::RecordId {
                found.add(&at, "a record is known by the table's key".to_owned());
            }
            check_column(&columns, name, duplicates, &at, found);
        }
        for name in &duplicates.must_agree {
            check_column(&columns, name, duplicates, "duplicates.must_agree", found);
        }
        for reference in &duplicates.together {
            if !columns.contains(reference.as_str()) {
                let message = format!("{} has no column {reference}", duplicates.table);
                found.add("duplicates.together", message);
            }
        }
    }
}

fn check_column(
    columns: &BTreeSet<&str>,
    name: &str,
    duplicates: &Duplicates,
    at: &str,
    found: &mut Found,
) {
    let own = name.split_once('.').map_or(name, |(reference, _)| reference);
    if !columns.contains(own) && !columns.contains(name) {
        found.add(at, format!("{} has no column {own}", duplicates.table));
    }
}

impl TableMapping {
    /// The columns that the mapping fills.
    fn filled(&self) -> impl Iterator<Item = &str> {
        self.columns
            .iter()
            .flat_map(|column| [Some(&column.target), column.keep_raw_in.as_ref()])
            .flatten()
            .map(String::as_str)
    }
}

/// A plan may leave out `public`.
fn is_the_same(one: &TableName, other: &TableName) -> bool {
    let schema = |name: &TableName| name.schema.clone().unwrap_or_else(|| "public".to_owned());
    one.name == other.name && schema(one) == schema(other)
}

fn nobody() -> Vec<Exclusion> {
    vec![Exclusion::TestRecord, Exclusion::Anonymous]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_code::ErrorCode;

    const DOCUMENT: &str = "
format: 1
name: clinic
source: sqlite:legacy.db
target: sqlite:new.db
duplicates:
  table: patients
  columns: {given_name: account_id.first_name, surname: account_id.last_name, birth_date: born,
            phone: [mobile, landline]}
  together: [account_id]
tables:
- source: people
  key: [id]
  target: public.patients
  columns:
  - {target: id, source: id, type: bigint}
  - {target: account_id, source: account, type: bigint}
  - {target: born, source: born, type: date}
  - {target: mobile, source: mobile, type: text}
  - {target: landline, source: phone, type: text}
";

    fn problems(document: &str) -> Vec<String> {
        let plan = Plan::from_yaml(document).unwrap();
        let problems = plan.problems();
        assert!(problems.iter().all(|problem| problem.code == ErrorCode::Map001));
        problems.into_iter().map(|problem| problem.at).collect()
    }

    #[test]
    fn a_short_section_is_whole_and_reads_back() {
        let plan = Plan::from_yaml(DOCUMENT).unwrap();
        assert_eq!(plan.problems(), []);
        let duplicates = plan.duplicates.as_ref().unwrap();
        assert_eq!(duplicates.when, When::AfterLoad);
        assert_eq!(duplicates.exclude, [Exclusion::TestRecord, Exclusion::Anonymous]);
        assert_eq!(duplicates.named_columns().count(), 5);
        assert_eq!(
            duplicates.colliding(&TableName::new(Some("public"), "visits")),
            Colliding::Fold
        );

        assert_eq!(Plan::from_yaml(&plan.to_yaml()).unwrap(), plan);
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(Plan::from_json(&json).unwrap(), plan);
    }

    #[test]
    fn what_contradicts_the_tables_is_named() {
        let with = |old: &str, new: &str| problems(&DOCUMENT.replace(old, new));

        assert_eq!(with("  table: patients", "  table: persons"), ["duplicates.table"]);
        assert_eq!(with("birth_date: born", "birth_date: bron"), ["duplicates.columns.birth_date"]);
        assert_eq!(with("together: [account_id]", "together: [x]"), ["duplicates.together"]);
        assert_eq!(with("birth_date: born", "record_id: id"), ["duplicates.columns.record_id"]);
        let crossed = "together: [account_id]\n  thresholds: {automatic: 1, review: 2}";
        assert_eq!(with("together: [account_id]", crossed), ["duplicates.thresholds"]);
        let nameless = DOCUMENT.replace(
            "{given_name: account_id.first_name, surname: account_id.last_name, birth_date: born,\n            phone: [mobile, landline]}",
            "{updated_at: born}",
        );
        assert_eq!(problems(&nameless), ["duplicates"]);
    }

    #[test]
    fn a_weight_is_a_match_a_review_or_none() {
        let thresholds = Thresholds::default();
        assert_eq!(
            [7.3, 7.2, -3.0, -3.1].map(|weight| thresholds.verdict(weight)),
            [Verdict::Match, Verdict::Review, Verdict::Review, Verdict::NoMatch]
        );
        assert!(!Thresholds { automatic: f64::NAN, ..thresholds }.are_ordered());
    }
}
