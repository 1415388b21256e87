//! What a folder of files holds: every value is looked at, for nothing else tells its type.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};

use shared::assessment::{Catalog, Column, Table, TableName};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;

use crate::connect::csv::{CsvFile, CsvFolder, decode, unreadable};
use crate::error::{EngineError, Result};

/// The files as tables, with types that hold every value and would write it back unchanged.
pub(super) async fn of_csv(folder: &CsvFolder) -> Result<Catalog> {
    let folder = folder.clone();
    let tables = tokio::task::spawn_blocking(move || {
        folder.files().iter().map(table).collect::<Result<Vec<_>>>()
    });
    let tables = tables.await.map_err(|error| {
        EngineError::new(ErrorCode::Sys001, "looking at the files").because(error)
    })??;
    Ok(Catalog { engine: Engine::Csv, server: "CSV files".to_owned(), tables, enums: Vec::new() })
}

fn table(file: &CsvFile) -> Result<Table> {
    let failed = |error| unreadable(&file.path, error);
    let mut guesses: Vec<Guess> = file.columns.iter().map(|_| Guess::default()).collect();
    let id = file.columns.first().filter(|name| name.eq_ignore_ascii_case("id"));
    let mut key = id.map(|_| Uniqueness::default());
    let mut rows = 0;
    let mut ragged = 0;
    let mut records = file.records(file.rows_from, u64::MAX).map_err(failed)?;
    while let Some(record) = records.next().map_err(failed)? {
        rows += 1;
        // A ragged line says nothing of columns; it becomes a row of the quarantine.
        if record.len() != guesses.len() || record.is_broken {
            ragged += 1;
            continue;
        }
        for (guess, field) in guesses.iter_mut().zip(record.fields()) {
            guess.see(file, field);
        }
        if let Some(key) = &mut key {
            key.see(record.field(0));
        }
    }
    let columns = file.columns.iter().zip(&guesses).enumerate();
    let columns = columns.map(|(place, (name, guess))| Column {
        name: name.clone(),
        native_type: "text".to_owned(),
        data_type: guess.data_type(),
        nullable: guess.has_empty || !guess.has_value,
        default: None,
        default_left: false,
        generated: false,
        identity: false,
        comment: file.made_up.contains(&place).then(|| MADE_UP.to_owned()),
    });
    let is_key = key.is_some_and(|key| key.holds()) && rows > 0;
    Ok(Table {
        name: TableName::new(None, file.table.clone()),
        columns: columns.collect(),
        primary_key: id.filter(|_| is_key).cloned().into_iter().collect(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        estimated_rows: rows,
        estimated_bytes: file.state.bytes,
        comment: Some(comment(file, ragged)),
    })
}

/// In a table's remarks: nothing says in which encoding the file is.
pub(crate) const GUESSED: &str = ", as its bytes suggest";
/// In a table's remarks: how many of its lines have more or fewer fields than the header.
pub(crate) const RAGGED: &str = " with other fields than the header.";
const MADE_UP: &str = "The file's header has no name of its own for it.";

fn comment(file: &CsvFile, ragged: u64) -> String {
    let delimiter = match file.delimiter {
        b'\t' => "tab".to_owned(),
        other => format!("`{}`", char::from(other)),
    };
    let guessed = if file.encoding_is_guessed { GUESSED } else { "" };
    let mut text =
        format!("Fields end with {delimiter}; encoded in {}{guessed}.", file.encoding.name());
    if ragged > 0 {
        let lines = if ragged == 1 { "line" } else { "lines" };
        // Writing to a String does not fail.
        let _ = write!(text, " {ragged} {lines}{RAGGED}");
    }
    text
}

/// What every value so far could be.
#[derive(Debug)]
struct Guess {
    has_value: bool,
    has_empty: bool,
    /// In the order in which they are preferred; none that a value did not fit.
    candidates: Vec<Candidate>,
}

/// A type, and the question whether it would give a text back as it was.
type Candidate = (DataType, fn(&str) -> bool);

const CANDIDATES: [Candidate; 7] = [
    (DataType::BigInt, is_integer),
    (DataType::Numeric(None), is_number),
    (DataType::Date, is_date),
    (DataType::Timestamp, is_timestamp),
    (DataType::TimestampTz, is_timestamp_zone),
    (DataType::Boolean, is_boolean),
    (DataType::Uuid, is_uuid),
];

impl Default for Guess {
    fn default() -> Self {
        Self { has_value: false, has_empty: false, candidates: CANDIDATES.to_vec() }
    }
}

impl Guess {
    fn see(&mut self, file: &CsvFile, field: &[u8]) {
        if field.is_empty() {
            self.has_empty = true;
            return;
        }
        self.has_value = true;
        if self.candidates.is_empty() {
            return;
        }
        let decoded = decode(file.encoding, field);
        let text = decoded.as_deref().unwrap_or_default();
        self.candidates.retain(|(_, holds)| holds(text));
    }

    fn data_type(&self) -> DataType {
        match self.candidates.first() {
            Some((data_type, _)) if self.has_value => data_type.clone(),
            _ => DataType::Text,
        }
    }
}

/// Whether values are all there and all different, in bounded memory: as long as each is larger
/// than the one before, nothing else has to be remembered.
#[derive(Debug, Default)]
struct Uniqueness {
    /// Hashes of the values so far; two values with one hash only cost the guess.
    seen: HashSet<u64>,
    hasher: RandomState,
    /// There were too many values to remember.
    overflowed: bool,
    largest: Option<i64>,
    unordered: bool,
    failed: bool,
}

impl Uniqueness {
    fn see(&mut self, field: &[u8]) {
        if self.failed {
            return;
        }
        let number = std::str::from_utf8(field).ok().and_then(|text| text.parse::<i64>().ok());
        self.unordered |= number.is_none() || number <= self.largest;
        self.largest = number;
        if !self.overflowed && self.seen.len() >= MOST_KEYS {
            self.overflowed = true;
            self.seen = HashSet::new();
        }
        let is_known = !self.overflowed && !self.seen.insert(self.hasher.hash_one(field));
        self.failed = field.is_empty() || is_known || (self.overflowed && self.unordered);
    }

    const fn holds(&self) -> bool {
        !self.failed
    }
}

fn is_integer(text: &str) -> bool {
    has_canonical_digits(text) && text.parse::<i64>().is_ok()
}

/// Without a sign that says nothing, without zeros that would be lost.
fn has_canonical_digits(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.is_empty();
    plain && (!digits.starts_with('0') || text == "0")
}

fn is_number(text: &str) -> bool {
    if text.len() > LONGEST_NUMBER {
        return false;
    }
    match text.split_once('.') {
        None => has_canonical_digits(text),
        Some((whole, decimals)) => {
            let is_zero = |digits: &str| digits.bytes().all(|byte| byte == b'0');
            let is_minus_zero = whole == "-0" && is_zero(decimals);
            (has_canonical_digits(whole) || whole == "-0")
                && !is_minus_zero
                && !decimals.is_empty()
                && decimals.bytes().all(|byte| byte.is_ascii_digit())
        }
    }
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let number = |range: std::ops::Range<usize>| {
        let digits = bytes.get(range)?;
        digits.iter().try_fold(0_u32, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
        })
    };
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10)) else {
        return false;
    };
    year >= 1
        && i32::try_from(year)
            .is_ok_and(|year| chrono::NaiveDate::from_ymd_opt(year, month, day).is_some())
}

/// `HH:MM:SS` and up to six decimals.
fn is_time(text: &str) -> bool {
    let (time, decimals) = match text.split_once('.') {
        Some((time, decimals)) => (time, Some(decimals)),
        None => (text, None),
    };
    let bytes = time.as_bytes();
    let pair = |at: usize, below: u8| {
        bytes[at].is_ascii_digit()
            && bytes[at + 1].is_ascii_digit()
            && (bytes[at] - b'0') * 10 + (bytes[at + 1] - b'0') < below
    };
    bytes.len() == 8
        && bytes[2] == b':'
        && bytes[5] == b':'
        && pair(0, 24)
        && pair(3, 60)
        && pair(6, 60)
        && decimals.is_none_or(|decimals| {
            (1..=6).contains(&decimals.len()) && decimals.bytes().all(|byte| byte.is_ascii_digit())
        })
}

fn split_timestamp(text: &str) -> Option<&str> {
    let (date, rest) = text.split_at_checked(10)?;
    let time = rest.strip_prefix(['T', ' '])?;
    is_date(date).then_some(time)
}

fn is_timestamp(text: &str) -> bool {
    split_timestamp(text).is_some_and(is_time)
}

fn is_timestamp_zone(text: &str) -> bool {
    let Some(rest) = split_timestamp(text) else { return false };
    if let Some(time) = rest.strip_suffix('Z') {
        return is_time(time);
    }
    let Some(at) = rest.rfind(['+', '-']) else { return false };
    let (time, zone) = rest.split_at(at);
    let (hours, minutes) = match zone[1..].split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None => zone[1..].split_at_checked(2).unwrap_or((&zone[1..], "")),
    };
    let is_below = |text: &str, limit: u32| {
        text.len() == 2
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse::<u32>().is_ok_and(|number| number < limit)
    };
    is_time(time) && is_below(hours, 15) && (minutes.is_empty() || is_below(minutes, 60))
}

fn is_boolean(text: &str) -> bool {
    matches!(text, "true" | "false")
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

/// Beyond this many rows no key is guessed: the plan may still name one.
const MOST_KEYS: usize = 1 << 20;
const LONGEST_NUMBER: usize = 1000;

#[cfg(test)]
mod tests {
    use encoding_rs::UTF_8;

    use super::*;
    use crate::connect::csv::FileState;

    fn guess(values: &[&str]) -> String {
        let file = CsvFile {
            table: "t".to_owned(),
            path: "t.csv".into(),
            delimiter: b',',
            encoding: UTF_8,
            encoding_is_guessed: false,
            columns: Vec::new(),
            made_up: Vec::new(),
            rows_from: 0,
            state: FileState::default(),
        };
        let mut guess = Guess::default();
        for value in values {
            guess.see(&file, value.as_bytes());
        }
        guess.data_type().to_string()
    }

    #[track_caller]
    fn check(values: &[&str], expected: &str) {
        assert_eq!(guess(values), expected, "{values:?}");
    }

    #[test]
    fn a_type_is_guessed_only_when_every_value_would_come_back_as_it_was() {
        check(&["1", "", "-9223372036854775808"], "bigint");
        check(&["02155", "1"], "text");
        check(&["+1"], "text");
        check(&["-0"], "text");
        check(&["9223372036854775808", "1"], "numeric");
        check(&["1.50", "2", "-0.5"], "numeric");
        check(&["-0.0"], "text");
        check(&[".5"], "text");
        check(&["1e5"], "text");
        check(&["2024-02-29"], "date");
        check(&["2023-02-29"], "text");
        check(&["2024-02-29", "2024-02-29 10:00:00"], "text");
        check(&["2024-02-29T10:00:00", "2024-02-29 10:00:00.5"], "timestamp");
        check(&["2024-02-29T10:00:00Z", "2024-02-29 10:00:00+05:30"], "timestamptz");
        check(&["2024-02-29T10:00:00Z", "2024-02-29 10:00:00"], "text");
        check(&["2024-02-29T10:00:00.1234567Z"], "text");
        check(&["true", "false"], "boolean");
        check(&["True"], "text");
        check(&["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"], "uuid");
        check(&["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"], "text");
        check(&["", ""], "text");
        check(&["0", "1"], "bigint");
        check(&[" 1"], "text");
    }
}
