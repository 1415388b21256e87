//! What a command says and what it gives. Words go to stderr; a result goes to stdout or into the
//! file that was asked for.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use shared::error_code::ErrorCode;

use super::CommandError;

/// Where a result goes as JSON.
#[derive(Debug, Args)]
pub(super) struct Json {
    /// Write the result as JSON to this file, or to stdout with `-`
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Json {
    /// Writes the result, if it is wanted as JSON. Tells whether it was.
    pub(super) fn write(&self, result: &impl Serialize) -> Result<bool, CommandError> {
        let Some(path) = &self.json else { return Ok(false) };
        let mut text = serde_json::to_vec_pretty(result).map_err(io::Error::from)?;
        text.push(b'\n');
        write_to(path, &text)?;
        Ok(true)
    }

    /// Where a list is written that is too long to be held, if it is wanted as JSON.
    pub(super) fn writer(&self) -> Result<Option<Box<dyn io::Write + Send>>, CommandError> {
        self.json.as_deref().map(writer).transpose()
    }

    /// Whether stdout belongs to the JSON.
    pub(super) fn is_stdout(&self) -> bool {
        self.json.as_deref() == Some(Path::new("-"))
    }
}

/// Writes a file, or stdout for `-`.
pub(super) fn write_to(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    if path == Path::new("-") {
        return Ok(give_bytes(bytes)?);
    }
    std::fs::write(path, bytes).map_err(unwritable(path))
}

/// Writes a file that is its owner's only, or stdout for `-`.
pub(super) fn write_secret_to(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    if path == Path::new("-") {
        return Ok(give_bytes(bytes)?);
    }
    // A new file, because an old one keeps its rights.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(unwritable(path)(error));
        }
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(bytes));
    written.map_err(unwritable(path))
}

pub(super) fn unwritable(path: &Path) -> impl Fn(io::Error) -> CommandError {
    move |error| {
        CommandError::new(ErrorCode::Sys003, format!("writing {}", path.display()))
            .hint("Check the folder and its rights.")
            .because(&error)
    }
}

/// Where a result goes that is too long to be held: a file, or stdout for `-`.
pub(super) fn writer(path: &Path) -> Result<Box<dyn io::Write + Send>, CommandError> {
    if path == Path::new("-") {
        return Ok(Box::new(io::BufWriter::new(io::stdout())));
    }
    let file = std::fs::File::create(path).map_err(unwritable(path))?;
    Ok(Box::new(io::BufWriter::new(file)))
}

/// One line, or several, for people.
pub(super) fn tell(text: impl AsRef<str>) {
    // Where stderr is gone there is nobody to tell.
    let _ = writeln!(io::stderr(), "{}", text.as_ref());
}

/// A result, for people and pipes.
pub(super) fn give(text: impl AsRef<str>) -> Result<(), CommandError> {
    let mut text = text.as_ref().to_owned();
    text.push('\n');
    Ok(give_bytes(text.as_bytes())?)
}

/// Rows in columns, as wide as they need to be.
pub(super) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut columns = Columns::of(head);
    columns.fit(rows);
    columns.lines(Some(head), rows)
}

/// A table that is given page by page: as wide as the rows so far need it.
pub(super) struct Columns<const N: usize> {
    head: Option<[&'static str; N]>,
    widths: [usize; N],
}

impl<const N: usize> Columns<N> {
    pub(super) fn new(head: [&'static str; N]) -> Self {
        Self { head: Some(head), ..Self::of(head) }
    }

    /// Gives the next rows, under the head if they are the first.
    pub(super) fn give(&mut self, rows: &[[String; N]]) -> io::Result<()> {
        self.fit(rows);
        let head = self.head.take();
        writeln!(io::stdout().lock(), "{}", self.lines(head, rows))
    }

    fn of(head: [&str; N]) -> Self {
        Self { head: None, widths: head.map(str::len) }
    }

    fn fit(&mut self, rows: &[[String; N]]) {
        for row in rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
    }

    fn lines(&self, head: Option<[&str; N]>, rows: &[[String; N]]) -> String {
        let line = |cells: [&str; N]| {
            let mut line = String::new();
            for (width, cell) in self.widths.iter().zip(cells) {
                line.push_str(cell);
                let gap = width + 2 - cell.chars().count().min(*width);
                line.extend(std::iter::repeat_n(' ', gap));
            }
            line.trim_end().to_owned()
        };
        let rows = rows.iter().map(|row| line(std::array::from_fn(|index| row[index].as_str())));
        head.map(line).into_iter().chain(rows).collect::<Vec<_>>().join("\n")
    }
}

/// `1234567` as `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn give_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    until_seen_enough(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Whoever closed the pipe has seen enough.
pub(super) fn until_seen_enough(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), "1".to_owned()], ["längst".to_owned(), "22".to_owned()]];
        assert_eq!(table(["name", "n"], &rows), "name    n\na       1\nlängst  22");
    }

    #[test]
    fn a_count_is_read_in_groups_of_three() {
        let written = [0, 999, 1_000, 1_234_567].map(count);
        assert_eq!(written, ["0", "999", "1,000", "1,234,567"]);
    }
}
