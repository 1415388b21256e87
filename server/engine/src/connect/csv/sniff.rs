//! How one file is written: its encoding, its delimiter and its header.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::encoding::{self, Decoded};
use super::records::Records;
use super::{CsvFile, CsvOptions, FileState, decode, unreadable};
use crate::error::Result;

/// What a file holds; none when it is empty.
pub(super) fn file(path: &Path, options: CsvOptions) -> Result<Option<CsvFile>> {
    look(path, options).map_err(|error| unreadable(path, error))
}

fn look(path: &Path, options: CsvOptions) -> io::Result<Option<CsvFile>> {
    let state = FileState::of(&fs::metadata(path)?);
    let (encoding, encoding_is_guessed) = match options.encoding {
        Some(encoding) => (encoding, false),
        None => encoding::detect(File::open(path)?)?,
    };
    let mut beginning = Vec::new();
    if encoding::is_wide(encoding) {
        Decoded::new(File::open(path)?, encoding).take(SAMPLE).read_to_end(&mut beginning)?;
    } else {
        File::open(path)?.take(SAMPLE).read_to_end(&mut beginning)?;
    }
    let mark = if beginning.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let delimiter = options.delimiter.unwrap_or_else(|| delimiter(path, &beginning[mark..]));
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut found = CsvFile {
        table: name,
        path: path.to_owned(),
        delimiter,
        encoding,
        encoding_is_guessed,
        columns: Vec::new(),
        made_up: Vec::new(),
        rows_from: mark as u64,
        state,
    };
    let mut records = found.records(found.rows_from, u64::MAX)?;
    let Some(header) = records.next()? else { return Ok(None) };
    if header.is_broken {
        // It would have swallowed every row, and an empty table would look complete.
        let why = "the quotes of its header do not end where a field does";
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let names = header.fields().map(|name| {
        decode(encoding, name).map_or_else(
            || String::from_utf8_lossy(name).into_owned(),
            |name| name.trim().to_owned(),
        )
    });
    let names: Vec<String> = names.collect();
    let (columns, rows_from) = (distinct(names.clone()), header.end);
    drop(records);
    found.made_up = (0..names.len()).filter(|place| columns[*place] != names[*place]).collect();
    (found.columns, found.rows_from) = (columns, rows_from);
    Ok(Some(found))
}

/// The delimiter under which most lines have as many fields as the first one, and more than one.
fn delimiter(path: &Path, beginning: &[u8]) -> u8 {
    let is_tabbed = path
        .extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| !extension.eq_ignore_ascii_case("csv"));
    let candidates = if is_tabbed { *b"\t,;|" } else { *b",;\t|" };
    let (mut best, mut best_score) = (candidates[0], 0);
    for candidate in candidates {
        let input = io::Cursor::new(beginning.to_vec());
        let mut records = Records::new(Box::new(input), candidate, 0, u64::MAX);
        let (mut width, mut alike, mut all) = (0, 0, 0);
        while let Ok(Some(record)) = records.next()
            && all < SAMPLE_RECORDS
        {
            if all == 0 {
                width = record.len();
            }
            all += 1;
            alike += usize::from(record.len() == width);
        }
        // The sample may end inside a record.
        let score =
            if width < 2 || alike * 2 < all { 0 } else { alike * 1000 / all * 1000 + width };
        if score > best_score {
            (best, best_score) = (candidate, score);
        }
    }
    best
}

fn distinct(names: Vec<String>) -> Vec<String> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let given: BTreeSet<String> = names.iter().cloned().collect();
    (1..)
        .zip(names)
        .map(|(place, name): (usize, String)| {
            let base = if name.is_empty() { format!("column_{place}") } else { name };
            let mut candidate = base.clone();
            let mut number = 2;
            while taken.contains(&candidate) || candidate != base && given.contains(&candidate) {
                candidate = format!("{base}_{number}");
                number += 1;
            }
            taken.insert(candidate.clone());
            candidate
        })
        .collect()
}

const SAMPLE: u64 = 1 << 16;
const SAMPLE_RECORDS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: u8) {
        assert_eq!(delimiter(Path::new("t.csv"), text.as_bytes()), expected);
    }

    #[test]
    fn the_delimiter_is_the_one_that_makes_lines_alike() {
        check("a,b\n1,2\n", b',');
        check("a;b;c\n1,5;2,5;3\n1;2;3\n", b';');
        check("a\tb\nx, y\tz\n", b'\t');
        check("a|b\n1|2\n", b'|');
        check("only\none\n", b',');
        check("a,b;c\n\"x;y\",1\n2,3\n", b',');
    }

    #[test]
    fn columns_without_a_name_of_their_own_get_one() {
        let names = ["id", "", "id", "id_2", ""].map(str::to_owned).to_vec();
        assert_eq!(distinct(names), ["id", "column_2", "id_3", "id_2", "column_5"]);
    }
}
