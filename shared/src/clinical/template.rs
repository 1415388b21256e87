//! The kinds of checks, each with its parameters.

use serde::{Deserialize, Serialize};

use crate::assessment::TableName;

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ClinicalCheckKind))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The data has the form that was agreed on.
    Conformance,
    /// The data is there.
    Completeness,
    /// The data can be true.
    Plausibility,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Conformance, Self::Completeness, Self::Plausibility];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conformance => "conformance",
            Self::Completeness => "completeness",
            Self::Plausibility => "plausibility",
        }
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Conformance => "Conformance",
            Self::Completeness => "Completeness",
            Self::Plausibility => "Plausibility",
        }
    }
}

/// A template with its parameters. Columns are those of the check's table unless another is named.
///
/// Written as `{template: range, column: weight, min: 0.2, max: 700}`, alike in YAML and JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ClinicalTest))]
#[serde(tag = "template", rename_all = "snake_case", deny_unknown_fields)]
pub enum Test {
    TablePresent {},
    ColumnPresent {
        column: String,
    },
    Required {
        column: String,
    },
    Form {
        column: String,
        form: Form,
    },
    Unique {
        columns: Vec<String>,
    },
    Reference {
        columns: Vec<String>,
        to: TableName,
        to_columns: Vec<String>,
    },
    OneOf {
        column: String,
        values: Vec<String>,
    },
    Together {
        columns: Vec<String>,
    },
    Filled {
        column: String,
    },
    HasRecord {
        columns: Vec<String>,
        /// The table in which each row has at least one of its own.
        other: TableName,
        other_columns: Vec<String>,
    },
    Mapped {
        column: String,
        /// The column with the code as it was; else every row counts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        raw: Option<String>,
        /// Values that stand for a code without a meaning.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unmapped: Vec<String>,
    },
    MappedValues {
        column: String,
        /// The column with the code as it was: its different values are counted.
        raw: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unmapped: Vec<String>,
    },
    Kept {
        column: String,
    },
    KeptApart {
        column: String,
    },
    Range {
        column: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<Bound>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Bound>,
    },
    InOrder {
        first: String,
        then: String,
    },
    Within {
        column: String,
        at: Join,
        /// A column of the other table: birth, or the visit's begin.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_before: Option<String>,
        /// A column of the other table: death, or the visit's end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_after: Option<String>,
        /// How many days outside still count as within.
        #[serde(default, skip_serializing_if = "is_zero")]
        days: u16,
    },
    NoOverlap {
        /// Whose periods they are.
        columns: Vec<String>,
        start: String,
        /// Null is open.
        end: String,
    },
    Implies {
        /// The column with the code.
        column: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        values: Vec<String>,
        /// Beginnings of codes: a code and all below it, where the code's text says so.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        prefixes: Vec<String>,
        /// The column that then has one of the allowed values; empty is no violation.
        then: String,
        allowed: Vec<String>,
        /// Where that column is, when in another table.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Join>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde calls")]
const fn is_zero(days: &u16) -> bool {
    *days == 0
}

/// Another table, and how a row of the check's own finds its row there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ClinicalJoin))]
#[serde(deny_unknown_fields)]
pub struct Join {
    pub table: TableName,
    pub columns: Vec<String>,
    /// Columns of the other table, unique in it.
    pub to_columns: Vec<String>,
}

/// The end of a range: a number, a date as `1900-01-31`, or `today`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ClinicalBound))]
#[serde(untagged)]
pub enum Bound {
    Number(f64),
    Text(String),
}

impl Bound {
    /// The day that it names; none for a number, and for a text that names none.
    pub fn day(&self, today: chrono::NaiveDate) -> Option<chrono::NaiveDate> {
        match self {
            Self::Number(_) => None,
            Self::Text(text) if text == "today" => Some(today),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

/// A form that codes and values are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ClinicalForm))]
#[serde(rename_all = "snake_case")]
pub enum Form {
    Integer,
    Decimal,
    /// A day of the calendar, `2024-02-28`.
    Date,
    Uuid,
    /// `718-7`; the check digit is not computed.
    Loinc,
    /// 6 to 18 digits.
    SnomedCt,
    /// `E11.9`, with or without the point.
    Icd10,
    /// Printable, without blanks.
    Ucum,
}

/// What a column is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Whether it is filled, and whether two values are the same.
    Identity,
    /// What it says.
    Value,
}

/// What the catalogue says about a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ClinicalTemplate))]
pub struct Description {
    pub template: &'static str,
    pub kind: Kind,
    /// What has to be so, as a short phrase.
    pub title: &'static str,
    /// What counts as a violation.
    pub violated: &'static str,
    /// What is counted in all.
    pub denominator: &'static str,
    /// What to do when it fails.
    pub action: &'static str,
    /// Its parameters, as they are written in a plan.
    pub example: &'static str,
}

macro_rules! templates {
    ($( $variant:ident = $name:literal, $kind:ident {
        title: $title:literal, violated: $violated:literal, denominator: $denominator:literal,
        action: $action:literal, example: $example:literal $(,)?
    } )+) => {
        /// All templates, in the order of their kinds.
        pub const TEMPLATES: &[Description] = &[ $( Description {
            template: $name, kind: Kind::$kind, title: $title, violated: $violated,
            denominator: $denominator, action: $action, example: $example,
        }, )+ ];

        impl Test {
            pub const fn description(&self) -> Description {
                match self {
                    $( Self::$variant { .. } => Description {
                        template: $name, kind: Kind::$kind, title: $title, violated: $violated,
                        denominator: $denominator, action: $action, example: $example,
                    }, )+
                }
            }
        }
    };
}

templates! {
    TablePresent = "table_present", Conformance {
        title: "The table is there",
        violated: "the table, if it is missing", denominator: "one table",
        action: "Map a table to it, or leave the check out of the plan with the reason.",
        example: "{template: table_present}",
    }
    ColumnPresent = "column_present", Conformance {
        title: "The column is there",
        violated: "the column, if it is missing", denominator: "one column",
        action: "Map a column to it, or correct its name in the plan.",
        example: "{template: column_present, column: criticality}",
    }
    Required = "required", Conformance {
        title: "The column is never null",
        violated: "rows with null", denominator: "all rows",
        action: "Fill it by a rule, or let the plan say that it cannot be null: rows without it then go to quarantine.",
        example: "{template: required, column: patient_id}",
    }
    Form = "form", Conformance {
        title: "Values are written in the form that they have to have",
        violated: "rows whose value is written otherwise", denominator: "rows with a value",
        action: "Turn it by a rule of the plan, or fix it in quarantine; what is written wrong at the source is corrected there.",
        example: "{template: form, column: code, form: loinc}",
    }
    Unique = "unique", Conformance {
        title: "No two rows have the same key",
        violated: "rows beyond the first with the same key",
        denominator: "rows whose key is filled",
        action: "Look which rows share a key: they are one and belong together, or one of them has a wrong number.",
        example: "{template: unique, columns: [system, value]}",
    }
    Reference = "reference", Conformance {
        title: "What is referred to is there",
        violated: "rows that refer to nothing", denominator: "rows that refer to something",
        action: "Carry over what is referred to, or replay it from quarantine.",
        example: "{template: reference, columns: [patient_id], to: public.patients, to_columns: [id]}",
    }
    OneOf = "one_of", Conformance {
        title: "Values are of the code set",
        violated: "rows with another value", denominator: "rows with a value",
        action: "Add what is missing to the value map of the plan, or to the code set.",
        example: "{template: one_of, column: status, values: [active, resolved]}",
    }
    Together = "together", Conformance {
        title: "What belongs together is filled together",
        violated: "rows where some of the columns are filled and some are not",
        denominator: "rows where any of the columns is filled",
        action: "Look whether the plan fills all of the columns: one of them alone says nothing.",
        example: "{template: together, columns: [code, code_system, code_display]}",
    }
    Filled = "filled", Completeness {
        title: "The column is filled",
        violated: "rows with null or nothing but blanks", denominator: "all rows",
        action: "Look whether the source has it elsewhere, or agree on how many may be without.",
        example: "{template: filled, column: birth_date}",
    }
    HasRecord = "has_record", Completeness {
        title: "Everybody has a record",
        violated: "rows without one in the other table", denominator: "rows whose key is filled",
        action: "Look whether the other table was carried over in full: its books, and its quarantine.",
        example: "{template: has_record, columns: [id], other: public.encounters, other_columns: [patient_id]}",
    }
    Mapped = "mapped", Completeness {
        title: "Codes have a meaning",
        violated: "rows whose code was not mapped",
        denominator: "rows with a code as it was; all rows without `raw`",
        action: "Add the codes that are missing to the value map or the code table of the plan.",
        example: "{template: mapped, column: code, raw: legacy_code, unmapped: [unknown]}",
    }
    MappedValues = "mapped_values", Completeness {
        title: "Different codes have a meaning",
        violated: "different codes of which a row was not mapped",
        denominator: "different codes as they were",
        action: "Add the codes that are missing to the value map or the code table of the plan.",
        example: "{template: mapped_values, column: code, raw: legacy_code}",
    }
    Kept = "kept", Completeness {
        title: "As many values arrived as there were",
        violated: "values that the source has more than the target",
        denominator: "rows of the source with a value",
        action: "Look where they stayed: in quarantine, or with a rule that empties them.",
        example: "{template: kept, column: criticality}",
    }
    KeptApart = "kept_apart", Completeness {
        title: "What was different stays different",
        violated: "different values that the source has more than the target",
        denominator: "different values of the source",
        action: "Look which rule makes one of several values, and whether that was meant.",
        example: "{template: kept_apart, column: verification_status}",
    }
    Range = "range", Plausibility {
        title: "Values are neither too low nor too high",
        violated: "rows below `min` or above `max`", denominator: "rows with a value",
        action: "Correct them at the source, or turn by a rule what was written in another unit.",
        example: "{template: range, column: birth_date, min: '1900-01-01', max: today}",
    }
    InOrder = "in_order", Plausibility {
        title: "What begins ends later",
        violated: "rows where the first comes after the other", denominator: "rows with both",
        action: "Look whether the plan has the two columns the wrong way round; else correct them at the source.",
        example: "{template: in_order, first: started_at, then: ended_at}",
    }
    Within = "within", Plausibility {
        title: "It happened when it can have happened",
        violated: "rows that lie outside by more than `days`",
        denominator: "rows with a date and with a bound in the other table",
        action: "Look at the format and the zone that the plan gives the dates; else correct them at the source.",
        example: "{template: within, column: recorded_at, at: {table: public.patients, columns: [patient_id], to_columns: [id]}, not_before: birth_date, not_after: died_on, days: 60}",
    }
    NoOverlap = "no_overlap", Plausibility {
        title: "Periods of one do not overlap",
        violated: "rows that begin before an earlier one ends", denominator: "rows with a begin",
        action: "End the earlier period at the source, or by a rule of the plan.",
        example: "{template: no_overlap, columns: [patient_id], start: covered_from, end: covered_to}",
    }
    Implies = "implies", Plausibility {
        title: "What goes with a code is possible for it",
        violated: "rows with another value than allowed",
        denominator: "rows with such a code, and a value",
        action: "Look whether the code or the other value is wrong, and correct it at the source.",
        example: "{template: implies, column: code, prefixes: [O], then: sex, allowed: [female], at: {table: public.patients, columns: [patient_id], to_columns: [id]}}",
    }
}

impl Test {
    /// Whether it holds both sides against each other, and not one side against a rule.
    pub const fn compares_sides(&self) -> bool {
        matches!(self, Self::Kept { .. } | Self::KeptApart { .. })
    }

    /// Other tables than the check's own.
    pub fn other_tables_mut(&mut self) -> Vec<&mut TableName> {
        match self {
            Self::Reference { to: other, .. } | Self::HasRecord { other, .. } => vec![other],
            Self::Within { at, .. } => vec![&mut at.table],
            Self::Implies { at, .. } => at.iter_mut().map(|at| &mut at.table).collect(),
            _ => Vec::new(),
        }
    }

    /// Every column that it names, with its table and what it is asked for. `table` is the check's
    /// own.
    pub fn columns_mut(&mut self, table: &TableName) -> Vec<(TableName, Use, &mut String)> {
        use Use::{Identity, Value};
        let own = |uses: Use, column| (table.clone(), uses, column);
        match self {
            Self::TablePresent {} => Vec::new(),
            Self::ColumnPresent { column }
            | Self::Required { column }
            | Self::Filled { column }
            | Self::Kept { column }
            | Self::KeptApart { column } => vec![own(Identity, column)],
            Self::Form { column, .. } | Self::OneOf { column, .. } | Self::Range { column, .. } => {
                vec![own(Value, column)]
            }
            Self::Unique { columns } | Self::Together { columns } => {
                columns.iter_mut().map(|column| own(Identity, column)).collect()
            }
            Self::Reference { columns, to: other, to_columns: others }
            | Self::HasRecord { columns, other, other_columns: others } => {
                let other = other.clone();
                let columns = columns.iter_mut().map(|column| own(Identity, column));
                let others = others.iter_mut().map(|column| (other.clone(), Identity, column));
                columns.chain(others).collect()
            }
            Self::Mapped { column, raw, .. } => {
                let raw = raw.iter_mut().map(|raw| own(Identity, raw));
                std::iter::once(own(Value, column)).chain(raw).collect()
            }
            Self::MappedValues { column, raw, .. } => {
                vec![own(Value, column), own(Identity, raw)]
            }
            Self::InOrder { first, then } => vec![own(Value, first), own(Value, then)],
            Self::Within { column, at, not_before, not_after, .. } => {
                let other = at.table.clone();
                let bounds = not_before.iter_mut().chain(not_after);
                let bounds = bounds.map(|column| (other.clone(), Value, column));
                let columns: Vec<_> = std::iter::once(own(Value, column)).chain(bounds).collect();
                columns.into_iter().chain(at.columns_mut(table)).collect()
            }
            Self::NoOverlap { columns, start, end } => {
                let columns = columns.iter_mut().map(|column| own(Identity, column));
                columns.chain([own(Value, start), own(Value, end)]).collect()
            }
            Self::Implies { column, then, at: None, .. } => {
                vec![own(Value, column), own(Value, then)]
            }
            Self::Implies { column, then, at: Some(at), .. } => {
                let other = at.table.clone();
                let columns = [own(Value, column), (other, Value, then)];
                columns.into_iter().chain(at.columns_mut(table)).collect()
            }
        }
    }

    /// The columns of the check's own table.
    pub fn own_columns(&self, table: &TableName) -> Vec<String> {
        let mut copy = self.clone();
        let columns = copy.columns_mut(table).into_iter().filter(|(of, ..)| of == table);
        let mut names: Vec<String> = Vec::new();
        for (_, _, column) in columns {
            if !names.contains(column) {
                names.push(column.clone());
            }
        }
        names
    }

    /// What is wrong with its parameters by themselves.
    pub fn problems(&self) -> Vec<String> {
        const PAIRS: &str = "as many columns are needed here as in the other table, one at least";
        let mut found = Vec::new();
        let mut must = |holds: bool, otherwise: &str| {
            if !holds {
                found.push(otherwise.to_owned());
            }
        };
        let pairs =
            |left: &[String], right: &[String]| left.len() == right.len() && !left.is_empty();
        match self {
            Self::Unique { columns } => must(!columns.is_empty(), "a key has columns"),
            Self::NoOverlap { columns, .. } => {
                must(!columns.is_empty(), "`columns` says whose periods they are");
            }
            Self::Together { columns } => must(columns.len() > 1, "two columns at least"),
            Self::Reference { columns, to_columns: others, .. }
            | Self::HasRecord { columns, other_columns: others, .. } => {
                must(pairs(columns, others), PAIRS);
            }
            Self::OneOf { values, .. } => must(!values.is_empty(), "`values` lists the code set"),
            Self::Range { min, max, .. } => {
                must(min.is_some() || max.is_some(), "`min`, `max` or both are needed");
                for bound in [min, max].into_iter().flatten() {
                    let is_day = bound.day(chrono::NaiveDate::MIN).is_some();
                    let is_number = matches!(bound, Bound::Number(number) if number.is_finite());
                    must(
                        is_day || is_number,
                        "a bound is a number, a date as 1900-01-31, or today",
                    );
                }
            }
            Self::Within { at, not_before, not_after, .. } => {
                must(pairs(&at.columns, &at.to_columns), PAIRS);
                must(
                    not_before.is_some() || not_after.is_some(),
                    "`not_before`, `not_after` or both are needed",
                );
            }
            Self::Implies { values, prefixes, allowed, at, .. } => {
                must(
                    !values.is_empty() || !prefixes.is_empty(),
                    "`values` or `prefixes` say for which codes",
                );
                must(!allowed.is_empty(), "`allowed` lists what is possible");
                if let Some(at) = at {
                    must(pairs(&at.columns, &at.to_columns), PAIRS);
                }
            }
            _ => {}
        }
        found
    }
}

impl Join {
    fn columns_mut(&mut self, table: &TableName) -> Vec<(TableName, Use, &mut String)> {
        let own = self.columns.iter_mut().map(|column| (table.clone(), Use::Identity, column));
        let other = self.table.clone();
        let others = self.to_columns.iter_mut();
        let others = others.map(|column| (other.clone(), Use::Identity, column));
        own.chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_each_template_is_one() {
        let table: TableName = "public.t".parse().unwrap();
        for it in TEMPLATES {
            let test: Test = serde_norway::from_str(it.example).unwrap();
            assert_eq!(test.description(), *it);
            assert_eq!(test.problems(), Vec::<String>::new(), "{}", it.template);
            let names_columns = !test.own_columns(&table).is_empty();
            assert_eq!(names_columns, it.template != "table_present", "{}", it.template);
        }
        assert!(TEMPLATES.is_sorted_by_key(|it| it.kind));
    }

    #[test]
    fn parameters_that_say_nothing_are_refused() {
        #[track_caller]
        fn refused(document: &str, says: &str) {
            let test: Test = serde_norway::from_str(document).unwrap();
            assert!(test.problems().iter().any(|why| why.contains(says)), "{:?}", test.problems());
        }
        refused("{template: range, column: a}", "`min`, `max`");
        refused("{template: range, column: a, min: yesterday}", "today");
        refused("{template: together, columns: [a]}", "two columns");
        refused("{template: reference, columns: [a, b], to: t, to_columns: [a]}", "as many");
        refused("{template: implies, column: a, then: b, allowed: [c]}", "`prefixes`");
    }

    #[test]
    fn a_parameter_that_no_template_has_is_named() {
        let error = serde_norway::from_str::<Test>("{template: range, colum: a}").unwrap_err();
        assert!(error.to_string().contains("colum"), "{error}");
    }
}
