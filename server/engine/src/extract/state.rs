//! What a source says of its own state, so that a later look can tell whether it is still the same.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// What a source says of its state. As long as it says the same, nobody wrote to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// PostgreSQL's snapshot: which transactions are through.
    Transactions(String),
    /// How far the binary log of MySQL or MariaDB had come.
    LogPosition(String),
    /// Size, time and counters of files, by table; of a database in one file, under its name.
    Files(BTreeMap<String, String>),
    /// The source does not tell.
    Unknown,
}

/// Whether a table is what it was when the run began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sameness {
    /// Nothing was written to it.
    Proved,
    /// Nothing that can be seen was written to it; why that is no proof.
    Unproved(String),
    /// What tells that it was written to.
    Changed(String),
}

/// What another connection, here or on another machine, needs to see the same state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    pub state: SourceState,
    /// The name of PostgreSQL's exported snapshot.
    pub exported: Option<String>,
}

impl SourceState {
    /// Whether nothing was written between the two; a source that does not tell is never the same.
    pub fn is_same(&self, other: &Self) -> bool {
        *self != Self::Unknown && self == other
    }

    pub(super) fn of_sqlite(path: &Path) -> std::io::Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self::Files(BTreeMap::from([(name, sqlite_file(path)?)])))
    }
}

/// Size and time of a file.
pub(super) fn file(path: &Path) -> std::io::Result<String> {
    let metadata = fs::metadata(path)?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{} {}", metadata.len(), modified.as_nanos()))
}

/// The file, the counter in its header, and what waits in the log beside it.
fn sqlite_file(path: &Path) -> std::io::Result<String> {
    const COUNTER: std::ops::Range<usize> = 24..28;
    let mut header = Vec::new();
    File::open(path)?.take(100).read_to_end(&mut header)?;
    let counter = header.get(COUNTER).unwrap_or_default();
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = match fs::metadata(&log) {
        // An empty log holds nothing; connections make it and take it away.
        Ok(metadata) if metadata.len() > 0 => {
            let mut salts = Vec::new();
            File::open(&log)?.take(32).read_to_end(&mut salts)?;
            format!("{} {salts:02x?}", file(Path::new(&log))?)
        }
        _ => String::new(),
    };
    Ok(format!("{} {counter:02x?} {log}", file(path)?))
}

/// Which rows of a PostgreSQL table were written after the snapshot, as a condition on `xmin`;
/// none when the text is no snapshot.
pub(super) fn written_since(snapshot: &str) -> Option<String> {
    const LOW: u64 = 0xffff_ffff;
    let mut parts = snapshot.split(':');
    let _oldest: u64 = parts.next()?.parse().ok()?;
    let next: u64 = parts.next()?.parse().ok()?;
    let under_way: Vec<u64> = match parts.next()? {
        "" => Vec::new(),
        list => list.split(',').map(str::parse).collect::<Result<_, _>>().ok()?,
    };
    // A row carries the lower half of its transaction's number, which turns around.
    let row = "xmin::text::bigint";
    let mut condition =
        format!("{row} > 2 and (({row} - {}) & {LOW}) < {}", next & LOW, (LOW >> 1) + 1);
    if !under_way.is_empty() {
        let list: Vec<_> = under_way.iter().map(|id| (id & LOW).to_string()).collect();
        condition = format!("({condition}) or {row} in ({})", list.join(", "));
    }
    Some(condition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_does_not_tell_is_never_the_same() {
        assert!(!SourceState::Unknown.is_same(&SourceState::Unknown));
        let at = |place: &str| SourceState::LogPosition(place.to_owned());
        assert!(at("0-1-7").is_same(&at("0-1-7")));
        assert!(!at("0-1-7").is_same(&at("0-1-8")));
    }

    #[test]
    fn transactions_that_were_under_way_count_as_written_since() {
        assert_eq!(
            written_since("700:705:701,703").as_deref(),
            Some(
                "(xmin::text::bigint > 2 and ((xmin::text::bigint - 705) & 4294967295) < 2147483648) \
                 or xmin::text::bigint in (701, 703)"
            )
        );
        assert_eq!(written_since("no snapshot"), None);
    }

    #[test]
    fn a_write_to_a_sqlite_file_shows_in_its_log_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("legacy.db");
        let legacy = rusqlite::Connection::open(&path).unwrap();
        legacy.execute_batch("pragma journal_mode = wal; create table t (a)").unwrap();
        let before = SourceState::of_sqlite(&path).unwrap();
        assert!(before.is_same(&SourceState::of_sqlite(&path).unwrap()));

        legacy.execute_batch("insert into t values (1)").unwrap();

        assert!(!before.is_same(&SourceState::of_sqlite(&path).unwrap()));
    }
}
