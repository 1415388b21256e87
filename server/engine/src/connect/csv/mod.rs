//! Folders of CSV and TSV files: one file a table, its first record the names of its columns.

mod encoding;
mod records;
mod sniff;

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use encoding_rs::Encoding;
use shared::assessment::TableName;
use shared::error_code::ErrorCode;

pub(crate) use encoding::decode;
pub(crate) use records::{Record, Records};

use crate::error::{EngineError, Result};

/// The files of a folder, as they were when it was opened.
#[derive(Debug, Clone)]
pub struct CsvFolder {
    path: PathBuf,
    files: Arc<Vec<CsvFile>>,
}

/// One file, and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvFile {
    pub table: String,
    pub path: PathBuf,
    pub delimiter: u8,
    pub encoding: &'static Encoding,
    /// The encoding was found by looking at the bytes: nothing in the file declares it.
    pub encoding_is_guessed: bool,
    /// The names of the columns: made up where the header has none, or the same twice.
    pub columns: Vec<String>,
    /// The places of those whose name is not the header's.
    pub made_up: Vec<usize>,
    /// Where the first row begins.
    pub rows_from: u64,
    /// What the file was when it was opened.
    pub state: FileState,
}

/// What tells that a file was written to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileState {
    pub bytes: u64,
    modified: Option<SystemTime>,
}

/// How files are written, where the URL says so: `csv:DIR?delimiter=;&encoding=iso-8859-2`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CsvOptions {
    pub delimiter: Option<u8>,
    pub encoding: Option<&'static Encoding>,
}

/// A folder, or a single file, and how its files are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvAddress {
    pub path: PathBuf,
    pub options: CsvOptions,
}

impl CsvFolder {
    /// Looks at every file of the folder, or at the one file that the path names.
    pub async fn open(address: CsvAddress) -> Result<Self> {
        let CsvAddress { path, options } = address;
        let at = path.clone();
        let files = tokio::task::spawn_blocking(move || look(&at, options)).await;
        let files = files.map_err(|error| unreadable(&path, error))??;
        Ok(Self { path, files: Arc::new(files) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn files(&self) -> &[CsvFile] {
        &self.files
    }

    /// The file whose rows a table has.
    pub(crate) fn file(&self, table: &TableName) -> Result<&CsvFile> {
        self.files
            .iter()
            .find(|file| table.schema.is_none() && file.table == table.name)
            .ok_or_else(|| {
                EngineError::new(ErrorCode::Map002, format!("looking for {table}"))
                    .because(format!("no file of {} has this name", self.path.display()))
            })
    }
}

impl CsvFile {
    /// Reads the records that begin at `from` or after it, and before `to`.
    pub(crate) fn records(&self, from: u64, to: u64) -> io::Result<Records> {
        let mut file = File::open(&self.path)?;
        let input: Box<dyn Read + Send> = if encoding::is_wide(self.encoding) {
            // Positions count in the text, which has to be decoded from its beginning.
            let mut text = encoding::Decoded::new(file, self.encoding);
            io::copy(&mut text.by_ref().take(from), &mut io::sink())?;
            Box::new(text)
        } else {
            file.seek(SeekFrom::Start(from))?;
            Box::new(file)
        };
        Ok(Records::new(input, self.delimiter, from, to))
    }

    /// Refuses to go on when the file is not what it was.
    pub(crate) fn check_unchanged(&self) -> Result<()> {
        let now = fs::metadata(&self.path).map_err(|error| unreadable(&self.path, error))?;
        if FileState::of(&now) == self.state {
            return Ok(());
        }
        Err(EngineError::new(ErrorCode::Load008, format!("reading {}", self.path.display())))
    }
}

impl FileState {
    fn of(metadata: &Metadata) -> Self {
        Self { bytes: metadata.len(), modified: metadata.modified().ok() }
    }
}

pub(crate) fn unreadable(
    path: &Path,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> EngineError {
    EngineError::new(ErrorCode::Conn008, format!("reading {}", path.display())).because(cause)
}

fn look(path: &Path, options: CsvOptions) -> Result<Vec<CsvFile>> {
    let failed = |error| unreadable(path, error);
    let mut paths = Vec::new();
    if fs::metadata(path).map_err(failed)?.is_file() {
        paths.push(path.to_owned());
    } else {
        for entry in fs::read_dir(path).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let kind = path.extension().and_then(|extension| extension.to_str());
            let is_table = kind.is_some_and(|kind| {
                ["csv", "tsv", "tab"].iter().any(|known| kind.eq_ignore_ascii_case(known))
            });
            if is_table && path.is_file() {
                paths.push(path);
            }
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(unreadable(path, "there is no file that ends in .csv or .tsv"));
    }
    let mut tables: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let Some(file) = sniff::file(&path, options)? else {
            tracing::warn!(file.path = %path.display(), "left out an empty file");
            continue;
        };
        if let Some(other) = tables.insert(file.table.clone(), path.clone()) {
            return Err(unreadable(
                &path,
                format!("{} has the same name, and would be the same table", other.display()),
            ));
        }
        files.push(file);
    }
    Ok(files)
}
