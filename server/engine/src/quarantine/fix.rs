//! Repairs a kept row by a rule. Pure.

use std::collections::BTreeMap;

use csv_core::ReadRecordResult;
use regex::{Regex, RegexBuilder};
use shared::error_code::ErrorCode;
use shared::plan::TableMapping;
use shared::quarantine::Fix;

use super::kept::Cells;
use crate::error::{EngineError, Result};
use crate::transform::code_text;
use crate::value::{Flaw, Value};

/// A pattern may not grow beyond this many bytes.
const LARGEST_PATTERN: usize = 1 << 20;

/// A fix that has all it needs at hand.
pub(super) enum Mender<'f> {
    Set { column: &'f str, value: Option<&'f str> },
    Regex { column: &'f str, pattern: Regex, replacement: &'f str },
    Map { column: &'f str, by: &'f str, entries: &'f BTreeMap<String, Option<String>> },
    Line { pattern: Regex, replacement: &'f str, separator: u8, columns: &'f [String] },
}

/// What a fix did with a row.
#[derive(Debug, PartialEq)]
pub(super) enum Mended {
    Changed(Cells),
    /// It found nothing in the row.
    Unchanged,
    /// The row has no such column.
    NoColumn,
}

impl<'f> Mender<'f> {
    /// Says what is wrong with a fix that can never work.
    pub(super) fn new(fix: &'f Fix) -> Result<Self> {
        Ok(match fix {
            Fix::Set { column, value } => Self::Set { column, value: value.as_deref() },
            Fix::Regex { column, pattern, replacement } => {
                Self::Regex { column, pattern: compiled(pattern)?, replacement }
            }
            Fix::Map { column, entries } => Self::Map { column, by: column, entries },
            Fix::Lookup { column, by, entries } => Self::Map { column, by, entries },
            Fix::Line { pattern, replacement, separator, columns } => Self::Line {
                pattern: compiled(pattern)?,
                replacement,
                separator: u8::try_from(*separator)
                    .ok()
                    .filter(u8::is_ascii)
                    .ok_or_else(|| unfit("the separator is no ASCII sign"))?,
                columns,
            },
        })
    }

    /// The row as it is after the fix.
    pub(super) fn mend(&self, cells: &Cells, mapping: &TableMapping) -> Mended {
        match self {
            Self::Set { column, value } => {
                let Some(place) = place(cells, column, mapping) else { return Mended::NoColumn };
                changed(cells, place, of_text(*value))
            }
            Self::Regex { column, pattern, replacement } => {
                let Some(place) = place(cells, column, mapping) else { return Mended::NoColumn };
                let Ok(text) = code_text(cells[place].1.clone()) else { return Mended::Unchanged };
                if !pattern.is_match(&text) {
                    return Mended::Unchanged;
                }
                let replaced = pattern.replace_all(&text, *replacement).into_owned();
                changed(cells, place, Value::Text(replaced.into()))
            }
            Self::Map { column, by, entries } => {
                let places = place(cells, column, mapping).zip(place(cells, by, mapping));
                let Some((place, by)) = places else { return Mended::NoColumn };
                let Ok(text) = code_text(cells[by].1.clone()) else { return Mended::Unchanged };
                match entries.get(text.as_ref()) {
                    Some(value) => changed(cells, place, of_text(value.as_deref())),
                    None => Mended::Unchanged,
                }
            }
            Self::Line { pattern, replacement, separator, columns } => {
                let Some(line) = ragged_line(cells) else { return Mended::Unchanged };
                if !pattern.is_match(line) {
                    return Mended::Unchanged;
                }
                let line = pattern.replace_all(line, *replacement);
                match fields(line.trim_end_matches(['\r', '\n']), *separator) {
                    Some(fields) => taken_apart(cells, columns, &fields),
                    None => Mended::Unchanged,
                }
            }
        }
    }
}

/// Where a column stands: by the kept row's own name for it, or by the target's.
pub(super) fn place(cells: &Cells, column: &str, mapping: &TableMapping) -> Option<usize> {
    let by_name = |name: &str| cells.iter().position(|(known, _)| known == name);
    by_name(column).or_else(|| {
        let filled = mapping.columns.iter().find(|filled| filled.target == column)?;
        by_name(filled.source.as_ref()?)
    })
}

fn changed(cells: &Cells, place: usize, value: Value<'static>) -> Mended {
    if cells[place].1 == value {
        return Mended::Unchanged;
    }
    let mut cells = cells.clone();
    cells[place].1 = value;
    Mended::Changed(cells)
}

fn of_text(text: Option<&str>) -> Value<'static> {
    text.map_or(Value::Null, |text| Value::Text(text.to_owned().into()))
}

/// The line of a file that had the wrong number of fields.
fn ragged_line(cells: &Cells) -> Option<&str> {
    let ((_, first), rest) = cells.split_first()?;
    match first {
        Value::Invalid(Flaw::Malformed, bytes) if rest.iter().all(|(_, v)| v.is_null()) => {
            std::str::from_utf8(bytes).ok()
        }
        _ => None,
    }
}

/// The fields of a line; none when it is more or less than one record.
fn fields(line: &str, separator: u8) -> Option<Vec<String>> {
    let mut reader = csv_core::ReaderBuilder::new().delimiter(separator).build();
    let mut output = vec![0; line.len() + 1];
    let mut ends = vec![0; line.len() + 1];
    let (mut input, mut written, mut ended) = (line.as_bytes(), 0, 0);
    loop {
        let (result, read, wrote, fields) =
            reader.read_record(input, &mut output[written..], &mut ends[ended..]);
        input = &input[read..];
        written += wrote;
        ended += fields;
        match result {
            ReadRecordResult::Record => break,
            // The end of the input ends the record.
            ReadRecordResult::InputEmpty => input = &[],
            ReadRecordResult::End
            | ReadRecordResult::OutputFull
            | ReadRecordResult::OutputEndsFull => return None,
        }
    }
    if !input.is_empty() {
        return None;
    }
    let mut start = 0;
    ends[..ended]
        .iter()
        .map(|end| {
            let field = output.get(start..*end)?;
            start = *end;
            String::from_utf8(field.to_vec()).ok()
        })
        .collect()
}

fn taken_apart(cells: &Cells, columns: &[String], fields: &[String]) -> Mended {
    let names: Vec<&str> = if columns.is_empty() {
        cells.iter().map(|(name, _)| name.as_str()).collect()
    } else {
        columns.iter().map(String::as_str).collect()
    };
    if names.len() != fields.len() {
        return Mended::Unchanged;
    }
    let value_of = |name: &str| {
        let field = names.iter().position(|known| *known == name).map(|at| fields[at].as_str());
        // An empty field of a file is null.
        of_text(field.filter(|field| !field.is_empty()))
    };
    Mended::Changed(cells.iter().map(|(name, _)| (name.clone(), value_of(name))).collect())
}

fn compiled(pattern: &str) -> Result<Regex> {
    RegexBuilder::new(pattern)
        .size_limit(LARGEST_PATTERN)
        .build()
        // The cause would quote the pattern.
        .map_err(|_| unfit("the pattern is no regular expression, or too large a one"))
}

fn unfit(why: &'static str) -> EngineError {
    EngineError::new(ErrorCode::Map006, "preparing a fix").because(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping() -> TableMapping {
        serde_norway::from_str(
            "{source: p, target: q, columns: [{target: born, source: birth_dt, type: date}]}",
        )
        .unwrap()
    }

    fn cells() -> Cells {
        vec![
            ("id".to_owned(), Value::Int(7)),
            ("birth_dt".to_owned(), Value::Text("31.12.1999".into())),
            ("sex".to_owned(), Value::Decimal("1.0".into())),
        ]
    }

    #[track_caller]
    fn check(fix: &str, column: &str, expected: Value<'static>) {
        let fix: Fix = serde_norway::from_str(fix).unwrap();
        let Mended::Changed(cells) = Mender::new(&fix).unwrap().mend(&cells(), &mapping()) else {
            panic!("{fix:?} changed nothing")
        };
        let (_, value) = cells.into_iter().find(|(name, _)| name == column).unwrap();
        assert_eq!(value, expected);
    }

    #[track_caller]
    fn check_not(fix: &str, cells: &Cells, expected: &Mended) {
        let fix: Fix = serde_norway::from_str(fix).unwrap();
        assert_eq!(Mender::new(&fix).unwrap().mend(cells, &mapping()), *expected, "{fix:?}");
    }

    #[test]
    fn a_column_is_found_by_either_name() {
        let set = |column: &str| format!("{{fix: set, column: {column}, value: '2000-01-01'}}");
        check(&set("birth_dt"), "birth_dt", Value::Text("2000-01-01".into()));
        check(&set("born"), "birth_dt", Value::Text("2000-01-01".into()));
        check("{fix: set, column: born}", "birth_dt", Value::Null);
        check_not(&set("weight"), &cells(), &Mended::NoColumn);
    }

    #[test]
    fn a_pattern_replaces_what_it_finds_and_leaves_the_rest() {
        let pattern = r"(\d+)\.(\d+)\.(\d+)";
        let fix =
            format!("{{fix: regex, column: born, pattern: '{pattern}', replacement: '$3-$2-$1'}}");
        check(&fix, "birth_dt", Value::Text("1999-12-31".into()));
        let none = "{fix: regex, column: born, pattern: 'x', replacement: ''}";
        check_not(none, &cells(), &Mended::Unchanged);
        let number = "{fix: regex, column: id, pattern: '^', replacement: 'P'}";
        check(number, "id", Value::Text("P7".into()));
        let broken: Fix =
            serde_norway::from_str("{fix: regex, column: a, pattern: '(Quillon', replacement: ''}")
                .unwrap();
        let error = Mender::new(&broken).err().unwrap();
        assert_eq!(error.code(), ErrorCode::Map006);
        assert!(!format!("{error:?}").contains("Quillon"));
    }

    #[test]
    fn values_are_listed_by_their_text() {
        check("{fix: map, column: sex, entries: {'1': m}}", "sex", Value::Text("m".into()));
        check("{fix: map, column: sex, entries: {'1': null}}", "sex", Value::Null);
        check_not("{fix: map, column: sex, entries: {'2': f}}", &cells(), &Mended::Unchanged);
        check(
            "{fix: lookup, column: born, by: id, entries: {'7': '1980-05-04'}}",
            "birth_dt",
            Value::Text("1980-05-04".into()),
        );
    }

    #[test]
    fn a_mended_line_is_taken_apart_again() {
        let ragged: Cells = vec![
            (
                "id".to_owned(),
                Value::Invalid(Flaw::Malformed, b"2,Bea,of \"X\",1999\r\n".as_slice().into()),
            ),
            ("birth_dt".to_owned(), Value::Null),
            ("sex".to_owned(), Value::Null),
        ];
        let mend = |rest: &str| -> Fix {
            serde_norway::from_str(&format!("{{fix: line, {rest}}}")).unwrap()
        };
        let fix = mend("pattern: ',of .X.,', replacement: ','");
        let Mended::Changed(cells) = Mender::new(&fix).unwrap().mend(&ragged, &mapping()) else {
            panic!("nothing changed")
        };
        let values: Vec<_> = cells.into_iter().map(|(_, value)| value).collect();
        assert_eq!(values, ["2", "Bea", "1999"].map(|text| Value::Text(text.into())));

        let fix = mend("pattern: '\"', replacement: '', columns: [id, name, nick, birth_dt]");
        let Mended::Changed(cells) = Mender::new(&fix).unwrap().mend(&ragged, &mapping()) else {
            panic!("nothing changed")
        };
        assert_eq!(cells[1].1, Value::Text("1999".into()));
        assert_eq!(cells[2].1, Value::Null);

        let still = mend("pattern: '1999', replacement: '2000'");
        assert_eq!(Mender::new(&still).unwrap().mend(&ragged, &mapping()), Mended::Unchanged);
        let whole = mend("pattern: '1', replacement: '2'");
        assert_eq!(
            Mender::new(&whole).unwrap().mend(&cells_of_text(), &mapping()),
            Mended::Unchanged
        );
    }

    fn cells_of_text() -> Cells {
        vec![("id".to_owned(), Value::Text("1,1".into()))]
    }
}
