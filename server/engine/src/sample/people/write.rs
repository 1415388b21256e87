//! Writes a population of any size in little memory: records are dealt out to parts, and the parts
//! are shuffled one after the other.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write};
use std::path::Path;

use super::super::dice::Dice;
use super::{HEADER, Kind, Visits, id};

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    pub records: u64,
    pub people: u64,
}

/// Writes so many records, and who they are. `scratch` is a folder with room for as much again.
pub fn write(
    count: u64,
    seed: u64,
    kind: Kind,
    people: impl Write,
    truth: impl Write,
    scratch: &Path,
) -> io::Result<Summary> {
    let parts = count / RECORDS_A_PART + 1;
    let mut files = Vec::new();
    for _ in 0..parts {
        files.push(BufWriter::with_capacity(BUFFER, tempfile::tempfile_in(scratch)?));
    }
    let mut dealing = Dice::new(seed, "parts");
    let mut last = 0;
    for visit in Visits::new(count, seed, kind) {
        let part = usize::try_from(dealing.below_long(parts)).map_err(io::Error::other)?;
        last = visit.person;
        let file = &mut files[part];
        write!(file, "{}", visit.person)?;
        for cell in visit.record.cells() {
            write!(file, ",{cell}")?;
        }
        file.write_all(b"\n")?;
    }
    let (mut people, mut truth) = (BufWriter::new(people), BufWriter::new(truth));
    writeln!(people, "{}", HEADER.join(","))?;
    writeln!(truth, "record_id,entity_id")?;
    let mut number = 0;
    let mut order = Dice::new(seed, "order");
    for file in files {
        for line in shuffled(file, &mut order)? {
            number += 1;
            let id = id(number);
            let (person, cells) = line.split_once(',').unwrap_or((&line, ""));
            writeln!(people, "{id},{cells}")?;
            writeln!(truth, "{id},{person}")?;
        }
    }
    people.flush()?;
    truth.flush()?;
    Ok(Summary { records: number, people: last })
}

const RECORDS_A_PART: u64 = 100_000;
const BUFFER: usize = 1 << 16;

fn shuffled(file: BufWriter<File>, order: &mut Dice) -> io::Result<Vec<String>> {
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    let mut lines = BufReader::new(file).lines().collect::<io::Result<Vec<_>>>()?;
    order.shuffle(&mut lines);
    Ok(lines)
}
