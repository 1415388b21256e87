//! What would change from one plan to another.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use serde::Serialize;
use shared::plan::{
    ChangeKind, ChangedValues, ColumnMapping, DiffLine, DiffSide, Plan, PlanChange, TableMapping,
    TableShape,
};
use similar::{ChangeTag, TextDiff};

/// How many lines are shown before and after those that differ.
const LINES_AROUND: usize = 3;

/// Two documents that have hardly a line in common are compared less exactly after so long.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the new plan does otherwise than the old one. Empty when they do the same.
pub fn differences(old: &Plan, new: &Plan) -> Vec<PlanChange> {
    let mut changes = Changes::default();
    changes.compare("name", &old.name, &new.name);
    changes.compare("description", &old.description, &new.description);
    changes.compare("source", &old.source, &new.source);
    changes.compare("target", &old.target, &new.target);
    changes.compare("options", &old.options, &new.options);
    changes.compare("duplicates", &old.duplicates, &new.duplicates);
    changes.compare("checks", &old.checks, &new.checks);
    changes.compare("target_sql", &old.target_sql, &new.target_sql);
    changes.compare_maps(&[], "code table", &old.code_tables, &new.code_tables);
    changes.compare_maps(&[], "lookup", &old.lookups, &new.lookups);
    changes.compare_maps(&[], "enum", &old.enums, &new.enums);
    let (old_tables, new_tables) = (by_target(&old.tables), by_target(&new.tables));
    changes.match_up(&[], "table", &old_tables, &new_tables, Changes::compare_tables);
    changes.0
}

/// Stretches of the documents in which lines differ, each with a few lines around them.
pub fn lines(old: &Plan, new: &Plan) -> Vec<Vec<DiffLine>> {
    let (old, new) = (old.to_yaml(), new.to_yaml());
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(&old, &new);
    diff.grouped_ops(LINES_AROUND)
        .iter()
        .map(|stretch| {
            let changes = stretch.iter().flat_map(|op| diff.iter_changes(op));
            changes
                .map(|change| {
                    let (side, index) = match change.tag() {
                        ChangeTag::Equal => (None, change.new_index()),
                        ChangeTag::Delete => (Some(DiffSide::Old), change.old_index()),
                        ChangeTag::Insert => (Some(DiffSide::New), change.new_index()),
                    };
                    let number = index.map_or(0, |index| index + 1);
                    DiffLine {
                        side,
                        number: u32::try_from(number).unwrap_or(u32::MAX),
                        text: change.value().trim_end_matches('\n').to_owned(),
                    }
                })
                .collect()
        })
        .collect()
}

/// Two mappings may fill one target; they are told apart by their sources.
fn by_target(tables: &[TableMapping]) -> Vec<(String, &TableMapping)> {
    tables.iter().map(|table| (format!("{} from {}", table.target, table.source), table)).collect()
}

fn columns(table: &TableMapping) -> Vec<(&String, &ColumnMapping)> {
    table.columns.iter().map(|column| (&column.target, column)).collect()
}

#[derive(Default)]
struct Changes(Vec<PlanChange>);

/// Where something stands, from the outside inwards.
type At<'a> = &'a [String];

fn within(at: At<'_>, what: impl Into<String>) -> Vec<String> {
    at.iter().cloned().chain([what.into()]).collect()
}

impl Changes {
    fn note(&mut self, kind: ChangeKind, place: Vec<String>) {
        self.0.push(PlanChange { kind, place, values: None });
    }

    fn compare<T: Serialize + PartialEq>(&mut self, what: &str, old: &T, new: &T) {
        self.compare_at(&[], what, old, new);
    }

    fn compare_at<T: Serialize + PartialEq>(&mut self, at: At<'_>, what: &str, old: &T, new: &T) {
        self.compare_values(&within(at, what), old, new);
    }

    fn compare_values<T: Serialize + PartialEq>(&mut self, place: At<'_>, old: &T, new: &T) {
        if old != new {
            self.0.push(PlanChange {
                kind: ChangeKind::Changed,
                place: place.to_vec(),
                values: Some(ChangedValues { old: shown(old), new: shown(new) }),
            });
        }
    }

    fn compare_maps<T: Serialize + PartialEq>(
        &mut self,
        at: At<'_>,
        what: &str,
        old: &BTreeMap<String, T>,
        new: &BTreeMap<String, T>,
    ) {
        let old: Vec<(&String, &T)> = old.iter().collect();
        let new: Vec<(&String, &T)> = new.iter().collect();
        self.match_up(at, what, &old, &new, Self::compare_values);
    }

    /// Names what only one side has, and compares what both have.
    fn match_up<N: Display + PartialEq, T>(
        &mut self,
        at: At<'_>,
        what: &str,
        old: &[(N, &T)],
        new: &[(N, &T)],
        mut compare: impl FnMut(&mut Self, At<'_>, &T, &T),
    ) {
        for (name, old) in old {
            let place = within(at, format!("{what} {name}"));
            match new.iter().find(|(other, _)| other == name) {
                Some((_, new)) => compare(self, &place, old, new),
                None => self.note(ChangeKind::Removed, place),
            }
        }
        for (name, _) in new {
            if !old.iter().any(|(other, _)| other == name) {
                self.note(ChangeKind::Added, within(at, format!("{what} {name}")));
            }
        }
    }

    fn compare_tables(&mut self, at: At<'_>, old: &TableMapping, new: &TableMapping) {
        self.compare_at(at, "query", &old.query, &new.query);
        self.compare_at(at, "key", &old.key, &new.key);
        self.compare_at(at, "existing", &old.existing, &new.existing);
        self.compare_at(at, "existing_key", &old.existing_key, &new.existing_key);
        self.compare_at(at, "filter", &old.filter, &new.filter);
        self.match_up(at, "column", &columns(old), &columns(new), Self::compare_columns);
        self.compare_maps(at, "left behind", &old.left_behind, &new.left_behind);
        self.compare_maps(at, "orphans of", &old.orphans, &new.orphans);
        match (&old.create, &new.create) {
            (Some(old), Some(new)) => self.compare_shapes(at, old, new),
            (None, Some(_)) => {
                self.note(ChangeKind::Changed, within(at, "is made where it is missing"));
            }
            (Some(_), None) => {
                self.note(ChangeKind::Changed, within(at, "is no longer made where it is missing"));
            }
            (None, None) => {}
        }
    }

    fn compare_columns(&mut self, at: At<'_>, old: &ColumnMapping, new: &ColumnMapping) {
        self.compare_at(at, "source", &old.source, &new.source);
        self.compare_at(at, "type", &old.data_type, &new.data_type);
        self.compare_at(at, "nullable", &old.nullable, &new.nullable);
        self.compare_at(at, "default", &old.default, &new.default);
        self.compare_at(at, "identity", &old.identity, &new.identity);
        self.compare_at(at, "transform", &old.transform, &new.transform);
        self.compare_at(at, "keep_raw_in", &old.keep_raw_in, &new.keep_raw_in);
        self.compare_at(at, "signed", &old.signed, &new.signed);
    }

    fn compare_shapes(&mut self, at: At<'_>, old: &TableShape, new: &TableShape) {
        self.compare_at(at, "primary key", &old.primary_key, &new.primary_key);
        let (more_old, more_new): (Vec<_>, Vec<_>) = (
            old.more_columns.iter().map(|column| (&column.name, column)).collect(),
            new.more_columns.iter().map(|column| (&column.name, column)).collect(),
        );
        self.match_up(at, "column", &more_old, &more_new, Self::compare_values);
        let (old_indexes, new_indexes): (Vec<_>, Vec<_>) = (
            old.indexes.iter().map(|index| (&index.name, index)).collect(),
            new.indexes.iter().map(|index| (&index.name, index)).collect(),
        );
        self.match_up(at, "index", &old_indexes, &new_indexes, Self::compare_values);
        let (old_keys, new_keys): (Vec<_>, Vec<_>) = (
            old.foreign_keys.iter().map(|key| (&key.name, key)).collect(),
            new.foreign_keys.iter().map(|key| (&key.name, key)).collect(),
        );
        self.match_up(at, "foreign key", &old_keys, &new_keys, Self::compare_values);
        self.compare_maps(at, "check", &old.checks, &new.checks);
        self.compare_at(at, "comment", &old.comment, &new.comment);
    }
}

/// As JSON, which takes one line; what is not there, as a word.
fn shown<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::Null) | Err(_) => "none".to_owned(),
        Ok(serde_json::Value::String(text)) if text.is_empty() => "empty".to_owned(),
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "
format: 1
name: clinic
source: sqlite:legacy.db
target: postgres://db/new
code_tables:
  sex: {entries: {'1': male}}
tables:
- source: people
  key: [id]
  target: public.patients
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: name, source: name, type: text}
  create:
    primary_key: [id]
    indexes: [{name: patients_name_idx, columns: [name]}]
- source: notes
  target: public.notes
  columns: [{target: text, source: text, type: text}]
";

    #[track_caller]
    fn check(changes: &[(&str, &str)], expected: &[&str]) {
        let mut document = OLD.to_owned();
        for (from, to) in changes {
            assert!(document.contains(from), "{from}");
            document = document.replace(from, to);
        }
        let (old, new) = (Plan::from_yaml(OLD).unwrap(), Plan::from_yaml(&document).unwrap());
        let said: Vec<String> = differences(&old, &new).iter().map(ToString::to_string).collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn a_plan_does_not_differ_from_itself() {
        check(&[], &[]);
    }

    #[test]
    fn each_change_is_one_line() {
        check(&[("name: clinic", "name: hospital")], &["~ name: clinic → hospital"]);
        check(
            &[("'1': male", "'1': female")],
            &[r#"~ code table sex: {"entries":{"1":"male"}} → {"entries":{"1":"female"}}"#],
        );
        check(
            &[("source: name, type: text", "source: name, type: varchar(9)")],
            &["~ table public.patients from people: column name: type: text → varchar(9)"],
        );
        check(
            &[("name: patients_name_idx", "name: patients_by_name")],
            &[
                "- table public.patients from people: index patients_name_idx",
                "+ table public.patients from people: index patients_by_name",
            ],
        );
        check(
            &[("target: public.notes", "target: public.remarks")],
            &["- table public.notes from notes", "+ table public.remarks from notes"],
        );
        check(
            &[("  key: [id]\n", "")],
            &[r#"~ table public.patients from people: key: ["id"] → []"#],
        );
    }

    #[test]
    fn lines_that_differ_are_shown_with_those_around_them() {
        let old = Plan::from_yaml(OLD).unwrap();
        let new = Plan::from_yaml(&OLD.replace("'1': male", "'1': female")).unwrap();

        let stretches = lines(&old, &new);

        let [stretch] = stretches.as_slice() else { panic!("{stretches:?}") };
        let differ: Vec<(DiffSide, &str)> =
            stretch.iter().filter_map(|line| Some((line.side?, line.text.trim()))).collect();
        assert_eq!(differ, [(DiffSide::Old, "'1': male"), (DiffSide::New, "'1': female")]);
        assert_eq!(stretch.len(), 2 + 2 * LINES_AROUND);
        let document = new.to_yaml();
        let lines: Vec<&str> = document.lines().collect();
        for line in stretch.iter().filter(|line| line.side != Some(DiffSide::Old)) {
            assert_eq!(lines[line.number as usize - 1], line.text);
        }
        assert!(super::lines(&new, &new).is_empty());
    }
}
