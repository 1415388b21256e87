//! Which clinical checks a plan asks for, and which columns harm somebody when they go wrong.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::problems::Found;
use super::{Plan, TableMapping};
use crate::assessment::{Severity, TableName};
use crate::clinical::{CheckSet, ClinicalCheck, CriticalData, LeftOut, SETS, Test, Threshold};

/// The clinical checks of a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ClinicalChecks))]
#[serde(default, deny_unknown_fields)]
pub struct Checks {
    /// Shipped sets by name, with what is otherwise here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sets: BTreeMap<String, SetUse>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<ClinicalCheck>,
    /// Safety-critical columns: checked by rules of their own, and always compared in full.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub critical: Vec<Critical>,
}

/// How a set is used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ClinicalSetUse))]
#[serde(default, deny_unknown_fields)]
pub struct SetUse {
    /// The schema in which its tables are; else the target's usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Other thresholds than the set's, by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub thresholds: BTreeMap<String, Threshold>,
    /// Other severities than the set's, by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub severities: BTreeMap<String, Severity>,
    /// Checks that are not made, each with the reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub without: BTreeMap<String, String>,
}

/// Columns of a table that harm somebody when they go wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ClinicalCritical))]
#[serde(deny_unknown_fields)]
pub struct Critical {
    pub data: CriticalData,
    pub table: TableName,
    pub columns: Vec<String>,
    /// How many values of a column may stay behind, in quarantine for example.
    #[serde(default, skip_serializing_if = "Threshold::is_default")]
    pub threshold: Threshold,
}

/// A check that a plan asks for, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedCheck {
    pub check: ClinicalCheck,
    pub set: Option<String>,
    pub guards: Option<CriticalData>,
}

impl Checks {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Every check that is to be made: those of safety-critical columns, then the sets', then the
    /// plan's own. A set that nobody ships has none.
    pub fn all(&self) -> Vec<PlannedCheck> {
        let mut all: Vec<PlannedCheck> = self.critical.iter().flat_map(Critical::checks).collect();
        for (name, usage) in &self.sets {
            let checks = CheckSet::named(name).map(CheckSet::checks).unwrap_or_default();
            let checks = checks.into_iter().filter(|it| !usage.without.contains_key(&it.key));
            all.extend(checks.map(|check| PlannedCheck {
                check: usage.applied(check),
                set: Some(name.clone()),
                guards: None,
            }));
        }
        let own = self.own.iter().cloned();
        all.extend(own.map(|check| PlannedCheck { check, set: None, guards: None }));
        all
    }

    /// Checks of sets that are not made.
    pub fn left_out(&self) -> Vec<LeftOut> {
        let without = self.sets.values().flat_map(|usage| &usage.without);
        without.map(|(key, reason)| LeftOut { key: key.clone(), reason: reason.clone() }).collect()
    }

    /// Whether the table has safety-critical columns; schemas that are left out count for nothing.
    pub fn has_critical(&self, table: &TableName) -> bool {
        let is_same = |named: &TableName| {
            named.name == table.name
                && (named.schema == table.schema
                    || named.schema.is_none()
                    || table.schema.is_none())
        };
        self.critical.iter().any(|critical| is_same(&critical.table))
    }
}

impl SetUse {
    fn applied(&self, mut check: ClinicalCheck) -> ClinicalCheck {
        if let Some(schema) = &self.schema {
            check.table.schema = Some(schema.clone());
            for table in check.test.other_tables_mut() {
                table.schema = Some(schema.clone());
            }
        }
        if let Some(threshold) = self.thresholds.get(&check.key) {
            check.threshold = *threshold;
        }
        if let Some(severity) = self.severities.get(&check.key) {
            check.severity = *severity;
        }
        check
    }
}

impl Critical {
    /// What has to be so of safety-critical columns.
    fn checks(&self) -> Vec<PlannedCheck> {
        let planned = |name: String, test: Test, threshold: Threshold| PlannedCheck {
            check: ClinicalCheck {
                key: format!("critical-{}-{}-{name}", self.data.as_str(), self.table.name),
                title: None,
                table: self.table.clone(),
                test,
                threshold,
                severity: Severity::Blocking,
            },
            set: None,
            guards: Some(self.data),
        };
        let none = Threshold::default();
        let mut checks = Vec::new();
        for column in &self.columns {
            let present = Test::ColumnPresent { column: column.clone() };
            checks.push(planned(format!("{column}-present"), present, none));
            let kept = Test::Kept { column: column.clone() };
            checks.push(planned(format!("{column}-kept"), kept, self.threshold));
            if self.data == CriticalData::Identifiers {
                let filled = Test::Filled { column: column.clone() };
                checks.push(planned(format!("{column}-filled"), filled, self.threshold));
            }
        }
        if self.data == CriticalData::Results && self.columns.len() > 1 {
            let together = Test::Together { columns: self.columns.clone() };
            let name = format!("{}-together", self.columns.join("-"));
            checks.push(planned(name, together, self.threshold));
        }
        checks
    }
}

impl Plan {
    /// The mapping that alone fills a table of the target.
    pub fn only_mapping(&self, table: &TableName) -> Option<&TableMapping> {
        let is_it = |mapping: &&TableMapping| {
            let other = &mapping.target;
            let (left, right) = (other.schema.as_deref(), table.schema.as_deref());
            let usual = |schema: Option<&str>| schema.is_none_or(|schema| schema == "public");
            other.name == table.name && (left == right || usual(left) && usual(right))
        };
        let mut mappings = self.tables.iter().filter(is_it);
        match (mappings.next(), mappings.next()) {
            (Some(mapping), None) => Some(mapping),
            _ => None,
        }
    }

    pub(super) fn check_checks(&self, found: &mut Found) {
        let checks = &self.checks;
        let percent = |at: &str, threshold: &Threshold, found: &mut Found| {
            if let Some(why) = threshold.problem() {
                found.add(at, why.to_owned());
            }
        };
        for (name, usage) in &checks.sets {
            let at = format!("checks.sets.{name}");
            let Some(set) = CheckSet::named(name) else {
                let known: Vec<&str> = SETS.iter().map(|set| set.name).collect();
                let known = known.join(", ");
                found.add(&at, format!("there is no set `{name}`; there are: {known}"));
                continue;
            };
            let keys: BTreeSet<String> = set.checks().into_iter().map(|check| check.key).collect();
            let named = usage.thresholds.keys().chain(usage.severities.keys());
            for key in named.chain(usage.without.keys()) {
                if !keys.contains(key) {
                    found.add(&at, format!("the set has no check `{key}`"));
                }
            }
            for threshold in usage.thresholds.values() {
                percent(&at, threshold, found);
            }
            for (key, reason) in &usage.without {
                if reason.trim().is_empty() {
                    found.add(&at, format!("`{key}` is left out without a reason"));
                }
            }
        }
        let mut keys = BTreeSet::new();
        for (index, check) in checks.own.iter().enumerate() {
            let at = format!("checks.own[{index}]");
            let is_key = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if check.key.is_empty() || !check.key.chars().all(is_key) {
                let key = &check.key;
                found.add(&at, format!("`{key}` is no key: small letters, digits and hyphens"));
            }
            percent(&at, &check.threshold, found);
            for why in check.test.problems() {
                found.add(&at, format!("{}: {why}", check.key));
            }
        }
        for (index, critical) in checks.critical.iter().enumerate() {
            let at = format!("checks.critical[{index}]");
            if critical.columns.is_empty() {
                found.add(&at, format!("no column of {} is named", critical.table));
            }
            percent(&at, &critical.threshold, found);
        }
        for planned in checks.all() {
            if !keys.insert(planned.check.key.clone()) {
                found.add("checks", format!("two checks have the key `{}`", planned.check.key));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "
format: 1
name: clinic
source: sqlite:legacy.db
target: postgres://db/new
checks:
  sets:
    fhir:
      schema: clinical
      thresholds: {fhir-patient-birth-date-filled: {percent: 2.5}}
      without: {fhir-patient-sex-known: sex is asked elsewhere}
  own:
  - key: weight-plausible
    table: public.observations
    test: {template: range, column: weight, min: 0.2, max: 700}
    threshold: {percent: 0.1, rows: 20}
    severity: blocking
  critical:
  - {data: results, table: public.observations, columns: [value, unit]}
tables:
- source: person
  target: public.people
  columns: [{target: id, source: id, type: bigint}]
";

    #[track_caller]
    fn refused(change: (&str, &str), says: &str) {
        assert!(DOCUMENT.contains(change.0), "{}", change.0);
        let plan = Plan::from_yaml(&DOCUMENT.replace(change.0, change.1)).unwrap();
        let problems = plan.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].message.contains(says), "{problems:?}");
        assert!(problems[0].at.starts_with("checks"), "{problems:?}");
    }

    #[test]
    fn checks_are_the_same_in_yaml_and_in_json() {
        let plan = Plan::from_yaml(DOCUMENT).unwrap();
        assert_eq!(plan.problems(), []);
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(Plan::from_json(&json).unwrap(), plan);
        assert_eq!(Plan::from_yaml(&plan.to_yaml()).unwrap(), plan);
    }

    #[test]
    fn a_set_is_used_as_the_plan_says() {
        let checks = Plan::from_yaml(DOCUMENT).unwrap().checks;
        let all = checks.all();

        let find = |key: &str| all.iter().find(|planned| planned.check.key == key);
        let birth = find("fhir-patient-birth-date-filled").unwrap();
        assert_eq!(birth.check.table.schema.as_deref(), Some("clinical"));
        assert_eq!(birth.check.threshold.percent, Some(2.5));
        assert!(find("fhir-patient-sex-known").is_none());
        assert_eq!(checks.left_out()[0].reason, "sex is asked elsewhere");
        let guarded = all.iter().filter(|it| it.guards == Some(CriticalData::Results));
        assert_eq!(guarded.count(), 5);
        assert!(checks.has_critical(&"observations".parse().unwrap()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        refused(("fhir:", "fire:"), "there is no set `fire`");
        refused(
            ("filled: {percent", "filed: {percent"),
            "no check `fhir-patient-birth-date-filed`",
        );
        refused((": sex is asked elsewhere", ": ''"), "without a reason");
        refused(("percent: 0.1", "percent: 101"), "from 0 to 100");
        refused(("key: weight-plausible", "key: Weight"), "is no key");
        refused(("columns: [value, unit]", "columns: []"), "no column");
        let twice = "key: critical-results-observations-unit-kept";
        refused(("key: weight-plausible", twice), "two checks");
    }
}
