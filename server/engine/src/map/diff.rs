//! What would change from one plan to another, in lines for people.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::Serialize;
use shared::plan::{ColumnMapping, Plan, TableMapping, TableShape};

/// What the new plan does otherwise than the old one: `+` for what is new, `-` for what is gone,
/// `~` for what changed. Empty when they do the same.
pub fn differences(old: &Plan, new: &Plan) -> Vec<String> {
    let mut lines = Lines::default();
    lines.compare("name", &old.name, &new.name);
    lines.compare("description", &old.description, &new.description);
    lines.compare("source", &old.source, &new.source);
    lines.compare("target", &old.target, &new.target);
    lines.compare("options", &old.options, &new.options);
    lines.compare("duplicates", &old.duplicates, &new.duplicates);
    lines.compare("target_sql", &old.target_sql, &new.target_sql);
    lines.compare_maps("code table", &old.code_tables, &new.code_tables);
    lines.compare_maps("lookup", &old.lookups, &new.lookups);
    lines.compare_maps("enum", &old.enums, &new.enums);
    let (old_tables, new_tables) = (by_target(&old.tables), by_target(&new.tables));
    lines.match_up("table", &old_tables, &new_tables, Lines::compare_tables);
    lines.0
}

/// Two mappings may fill one target; they are told apart by their sources.
fn by_target(tables: &[TableMapping]) -> Vec<(String, &TableMapping)> {
    tables.iter().map(|table| (format!("{} from {}", table.target, table.source), table)).collect()
}

#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn compare<T: Serialize + PartialEq>(&mut self, what: &str, old: &T, new: &T) {
        if old != new {
            self.0.push(format!("~ {what}: {} → {}", shown(old), shown(new)));
        }
    }

    fn compare_maps<T: Serialize + PartialEq>(
        &mut self,
        what: &str,
        old: &BTreeMap<String, T>,
        new: &BTreeMap<String, T>,
    ) {
        let old: Vec<(&String, &T)> = old.iter().collect();
        let new: Vec<(&String, &T)> = new.iter().collect();
        self.match_up(what, &old, &new, Self::compare);
    }

    /// Names what only one side has, and compares what both have.
    fn match_up<N: Display + PartialEq, T>(
        &mut self,
        what: &str,
        old: &[(N, &T)],
        new: &[(N, &T)],
        mut compare: impl FnMut(&mut Self, &str, &T, &T),
    ) {
        for (name, old) in old {
            match new.iter().find(|(other, _)| other == name) {
                Some((_, new)) => compare(self, &format!("{what} {name}"), old, new),
                None => self.0.push(format!("- {what} {name}")),
            }
        }
        for (name, _) in new {
            if !old.iter().any(|(other, _)| other == name) {
                self.0.push(format!("+ {what} {name}"));
            }
        }
    }

    fn compare_tables(&mut self, at: &str, old: &TableMapping, new: &TableMapping) {
        self.compare(&format!("{at}: query"), &old.query, &new.query);
        self.compare(&format!("{at}: key"), &old.key, &new.key);
        self.compare(&format!("{at}: existing"), &old.existing, &new.existing);
        self.compare(&format!("{at}: existing_key"), &old.existing_key, &new.existing_key);
        self.compare(&format!("{at}: filter"), &old.filter, &new.filter);
        let columns = |table: &'_ TableMapping| -> Vec<(String, ColumnMapping)> {
            table.columns.iter().map(|column| (column.target.clone(), column.clone())).collect()
        };
        let (old_columns, new_columns) = (columns(old), columns(new));
        let old_columns: Vec<_> = old_columns.iter().map(|(name, column)| (name, column)).collect();
        let new_columns: Vec<_> = new_columns.iter().map(|(name, column)| (name, column)).collect();
        self.match_up(&format!("{at}: column"), &old_columns, &new_columns, Self::compare_columns);
        self.compare_maps(&format!("{at}: left behind"), &old.left_behind, &new.left_behind);
        self.compare_maps(&format!("{at}: orphans of"), &old.orphans, &new.orphans);
        match (&old.create, &new.create) {
            (Some(old), Some(new)) => self.compare_shapes(at, old, new),
            (None, Some(_)) => self.0.push(format!("~ {at}: is made where it is missing")),
            (Some(_), None) => {
                self.0.push(format!("~ {at}: is no longer made where it is missing"));
            }
            (None, None) => {}
        }
    }

    fn compare_columns(&mut self, at: &str, old: &ColumnMapping, new: &ColumnMapping) {
        self.compare(&format!("{at}: source"), &old.source, &new.source);
        self.compare(&format!("{at}: type"), &old.data_type, &new.data_type);
        self.compare(&format!("{at}: nullable"), &old.nullable, &new.nullable);
        self.compare(&format!("{at}: default"), &old.default, &new.default);
        self.compare(&format!("{at}: identity"), &old.identity, &new.identity);
        self.compare(&format!("{at}: transform"), &old.transform, &new.transform);
        self.compare(&format!("{at}: keep_raw_in"), &old.keep_raw_in, &new.keep_raw_in);
        self.compare(&format!("{at}: signed"), &old.signed, &new.signed);
    }

    fn compare_shapes(&mut self, at: &str, old: &TableShape, new: &TableShape) {
        self.compare(&format!("{at}: primary key"), &old.primary_key, &new.primary_key);
        let (more_old, more_new): (Vec<_>, Vec<_>) = (
            old.more_columns.iter().map(|column| (&column.name, column)).collect(),
            new.more_columns.iter().map(|column| (&column.name, column)).collect(),
        );
        self.match_up(&format!("{at}: column"), &more_old, &more_new, Self::compare);
        let (old_indexes, new_indexes): (Vec<_>, Vec<_>) = (
            old.indexes.iter().map(|index| (&index.name, index)).collect(),
            new.indexes.iter().map(|index| (&index.name, index)).collect(),
        );
        self.match_up(&format!("{at}: index"), &old_indexes, &new_indexes, Self::compare);
        let (old_keys, new_keys): (Vec<_>, Vec<_>) = (
            old.foreign_keys.iter().map(|key| (&key.name, key)).collect(),
            new.foreign_keys.iter().map(|key| (&key.name, key)).collect(),
        );
        self.match_up(&format!("{at}: foreign key"), &old_keys, &new_keys, Self::compare);
        self.compare_maps(&format!("{at}: check"), &old.checks, &new.checks);
        self.compare(&format!("{at}: comment"), &old.comment, &new.comment);
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
        assert_eq!(differences(&old, &new), expected);
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
}
