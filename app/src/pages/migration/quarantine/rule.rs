//! A rule as somebody writes it into a form.

use std::collections::BTreeMap;

use shared::quarantine::Fix;

/// What kind of rule it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Set,
    Null,
    Regex,
    Map,
    Lookup,
    Line,
}

impl Kind {
    pub(super) const ALL: [Self; 6] =
        [Self::Set, Self::Null, Self::Regex, Self::Map, Self::Lookup, Self::Line];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Null => "null",
            Self::Regex => "regex",
            Self::Map => "map",
            Self::Lookup => "lookup",
            Self::Line => "line",
        }
    }

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Set => "Set one value for all",
            Self::Null => "Set to null",
            Self::Regex => "Replace what a pattern finds",
            Self::Map => "Map values, one by one",
            Self::Lookup => "Look up by another column",
            Self::Line => "Mend the line of a file",
        }
    }

    /// The kind of that name; the first where there is none.
    pub(super) fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).unwrap_or(Self::Set)
    }

    /// Whether the rule needs a field.
    pub(super) const fn has(self, field: Field) -> bool {
        match field {
            Field::Column => !matches!(self, Self::Line),
            Field::Value => matches!(self, Self::Set),
            Field::Pattern => matches!(self, Self::Regex | Self::Line),
            Field::By => matches!(self, Self::Lookup),
            Field::Entries => matches!(self, Self::Map | Self::Lookup),
            Field::Separator => matches!(self, Self::Line),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Column,
    Value,
    /// And what it is replaced by.
    Pattern,
    By,
    Entries,
    Separator,
}

/// What stands in the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) kind: Kind,
    pub(super) column: String,
    pub(super) value: String,
    pub(super) pattern: String,
    pub(super) replacement: String,
    pub(super) by: String,
    /// One a line: `old => new`.
    pub(super) entries: String,
    pub(super) separator: String,
}

/// What is wrong with which field.
pub(super) type Problem = (Field, String);

impl Draft {
    /// The rule, or all that is wrong with what was written.
    pub(super) fn fix(&self) -> Result<Fix, Vec<Problem>> {
        let problems = self.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        let column = self.column.trim().to_owned();
        Ok(match self.kind {
            Kind::Set => Fix::Set { column, value: Some(self.value.clone()) },
            Kind::Null => Fix::Set { column, value: None },
            Kind::Regex => Fix::Regex {
                column,
                pattern: self.pattern.clone(),
                replacement: self.replacement.clone(),
            },
            Kind::Map => Fix::Map { column, entries: self.read_entries().unwrap_or_default() },
            Kind::Lookup => Fix::Lookup {
                column,
                by: self.by.trim().to_owned(),
                entries: self.read_entries().unwrap_or_default(),
            },
            Kind::Line => Fix::Line {
                pattern: self.pattern.clone(),
                replacement: self.replacement.clone(),
                separator: self.separator.chars().next().unwrap_or(','),
                columns: Vec::new(),
            },
        })
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut check = |is_right: bool, field: Field, message: &str| {
            if self.kind.has(field) && !is_right {
                problems.push((field, message.to_owned()));
            }
        };
        check(!self.column.trim().is_empty(), Field::Column, "Name the column.");
        check(!self.by.trim().is_empty(), Field::By, "Name the column to look up by.");
        check(!self.pattern.is_empty(), Field::Pattern, "Write what to look for.");
        check(self.separator.chars().count() == 1, Field::Separator, "One character.");
        match self.read_entries() {
            Ok(entries) => check(!entries.is_empty(), Field::Entries, "Write at least one line."),
            Err(problem) => check(false, Field::Entries, &problem),
        }
        problems
    }

    /// `old => new` line by line. Nothing behind the arrow makes null.
    fn read_entries(&self) -> Result<BTreeMap<String, Option<String>>, String> {
        let mut entries = BTreeMap::new();
        for (index, line) in self.entries.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let line_number = index + 1;
            let (old, new) = line
                .split_once("=>")
                .ok_or_else(|| format!("Line {line_number} has no arrow: write old => new."))?;
            let new = Some(new.trim().to_owned()).filter(|new| !new.is_empty());
            if entries.insert(old.trim().to_owned(), new).is_some() {
                return Err(format!("Line {line_number} says again what an earlier one said."));
            }
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(kind: Kind, entries: &str) -> Draft {
        Draft {
            kind,
            column: " status ".to_owned(),
            value: "open".to_owned(),
            pattern: "^0".to_owned(),
            replacement: String::new(),
            by: "code".to_owned(),
            entries: entries.to_owned(),
            separator: ";".to_owned(),
        }
    }

    #[test]
    fn every_kind_makes_its_rule() {
        let described = |kind| draft(kind, "a => 1\n\nb =>").fix().unwrap().describe();
        assert_eq!(
            Kind::ALL.map(described),
            [
                "set status",
                "set status to null",
                "regex on status",
                "map of 2 entries on status",
                "lookup of 2 entries for status by code",
                "mend the line",
            ]
        );
    }

    #[test]
    fn nothing_behind_the_arrow_makes_null() {
        let Ok(Fix::Map { entries, .. }) = draft(Kind::Map, "a => 1\nb =>").fix() else { panic!() };
        assert_eq!(entries["a"].as_deref(), Some("1"));
        assert_eq!(entries["b"], None);
    }

    #[test]
    fn what_is_wrong_is_said_at_its_field() {
        for (entries, message) in [
            ("", "Write at least one line."),
            ("a => 1\nb", "Line 2 has no arrow: write old => new."),
            ("a => 1\na => 2", "Line 2 says again what an earlier one said."),
        ] {
            assert_eq!(
                draft(Kind::Map, entries).fix(),
                Err(vec![(Field::Entries, message.to_owned())])
            );
        }
        let nameless = Draft { column: " ".to_owned(), ..draft(Kind::Set, "") };
        assert_eq!(nameless.fix(), Err(vec![(Field::Column, "Name the column.".to_owned())]));
    }

    #[test]
    fn a_rule_is_not_kept_by_fields_that_it_has_not() {
        let draft = Draft { separator: String::new(), by: String::new(), ..draft(Kind::Set, "x") };
        assert!(draft.fix().is_ok());
    }
}
