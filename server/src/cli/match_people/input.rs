//! What a matching is given: a table, a policy, a model, decisions and the truth.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use dedup::{Model, Policy};
use shared::assessment::TableName;
use shared::connection::Engine;
use shared::duplicate::{Decision, RecordId, Verdict};
use shared::error_code::ErrorCode;

use super::super::CommandError;
use super::super::input::{expanded, read_plan, sides};
use crate::config::Installation;
use crate::jobs::people::PeopleTable;

/// A database's URL, a plan, or else a file.
pub(super) async fn table(
    people: &str,
    table: Option<&TableName>,
    installation: &Installation,
) -> Result<PeopleTable, CommandError> {
    if Engine::of_url(people).is_some() {
        return Ok(PeopleTable::of_database(&expanded(people)?, table).await?);
    }
    let path = Path::new(people);
    let is_plan =
        path.extension().is_some_and(|kind| kind == "yaml" || kind == "yml" || kind == "json");
    if is_plan {
        let sides = sides(&read_plan(path)?, installation).await?;
        return Ok(PeopleTable::of_database(&sides.source, table).await?);
    }
    Ok(PeopleTable::of_file(path).await?)
}

pub(super) fn policy(path: &Path) -> Result<Policy, CommandError> {
    let failed = || CommandError::new(ErrorCode::Match003, format!("reading {}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| failed().because(&error))?;
    Policy::parse(&text).map_err(|error| failed().because(&error))
}

/// The model in a file; none where there is no such file yet.
pub(super) fn saved_model(path: &Path) -> Result<Option<Model>, CommandError> {
    let failed = || CommandError::new(ErrorCode::Match005, format!("reading {}", path.display()));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed().because(&error)),
    };
    let model: Model =
        serde_json::from_reader(BufReader::new(file)).map_err(|error| failed().because(&error))?;
    model.check().map_err(|error| failed().because(&error))?;
    Ok(Some(model))
}

/// What people said of pairs of records.
pub(in crate::cli) fn decisions(path: &Path) -> Result<Vec<Decision>, CommandError> {
    let mut file = Listing::open(path)?;
    let [left, right, said] =
        [&["left_id"][..], &["right_id"], &["decision", "verdict"]].map(|names| file.column(names));
    let (left, right, said) = (left?, right?, said?);
    let mut decisions = Vec::new();
    file.each(|record| {
        let verdict = Verdict::from_name(record[said].trim());
        let verdict = verdict.ok_or("a decision is match, review or no_match")?;
        let id = |at: usize| RecordId::from(record[at].trim());
        decisions.push(Decision {
            left_id: id(left),
            right_id: id(right),
            verdict,
            decided_by: None,
            decided_at: None,
        });
        Ok(())
    })?;
    Ok(decisions)
}

/// A record's id and who it is.
pub(in crate::cli) fn truth(path: &Path) -> Result<Vec<(String, String)>, CommandError> {
    let mut file = Listing::open(path)?;
    let record = file.column(&["record_id", "rec_id", "id", "unique_id"])?;
    let entity = file.column(&["entity_id", "ent_id", "cluster_id", "person_id", "cluster"])?;
    let mut entries = Vec::new();
    file.each(|row| {
        entries.push((row[record].to_owned(), row[entity].to_owned()));
        Ok(())
    })?;
    Ok(entries)
}

/// A small file with a header.
pub(in crate::cli) struct Listing<'a> {
    path: &'a Path,
    header: Vec<String>,
    reader: csv::Reader<File>,
}

impl<'a> Listing<'a> {
    pub(in crate::cli) fn open(path: &'a Path) -> Result<Self, CommandError> {
        let mut reader = csv::Reader::from_path(path).map_err(|error| unreadable(path, &error))?;
        let header = reader.headers().map_err(|error| unreadable(path, &error))?;
        let header =
            header.iter().map(|name| name.trim().trim_start_matches('\u{feff}').to_owned());
        Ok(Self { path, header: header.collect(), reader })
    }

    /// Where the column stands that has one of these names, if there is one.
    pub(in crate::cli) fn find(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| {
            self.header.iter().position(|column| column.eq_ignore_ascii_case(name))
        })
    }

    pub(in crate::cli) fn column(&self, names: &[&str]) -> Result<usize, CommandError> {
        self.find(names).ok_or_else(|| {
            let wanted = names.join("`, `");
            let what = format!("{} has no column `{wanted}`", self.path.display());
            CommandError::new(ErrorCode::Match006, what)
        })
    }

    /// Gives every record to `take`, which says what is wrong with it.
    pub(in crate::cli) fn each(
        &mut self,
        mut take: impl FnMut(&csv::StringRecord) -> Result<(), &'static str>,
    ) -> Result<(), CommandError> {
        let mut record = csv::StringRecord::new();
        let mut place = 0_u64;
        while self.reader.read_record(&mut record).map_err(|error| unreadable(self.path, &error))? {
            place += 1;
            take(&record).map_err(|why| {
                let what = format!("record {place} of {}: {why}", self.path.display());
                CommandError::new(ErrorCode::Match006, what).hint("Correct the record.")
            })?;
        }
        Ok(())
    }
}

/// What is wrong with a file, without a word of what is in it.
fn unreadable(path: &Path, error: &csv::Error) -> CommandError {
    let doing = format!("reading {}", path.display());
    match error.kind() {
        csv::ErrorKind::Io(cause) => CommandError::new(ErrorCode::Conn008, doing).because(cause),
        csv::ErrorKind::UnequalLengths { pos, .. } => {
            let record = pos.as_ref().map_or(0, csv::Position::record);
            CommandError::new(ErrorCode::Data013, format!("record {record} of {}", path.display()))
                .hint("An unquoted separator or line break inside a field is the usual cause.")
                .exit(super::super::exit::Status::Usage)
        }
        _ => CommandError::new(ErrorCode::Conn008, format!("{doing}: it is no text in UTF-8")),
    }
}
