//! Tables of people, wherever they lie, as the matcher takes them: text by text, in batches, in the
//! memory of a few of them.

mod failure;
mod lines;
mod moment;

use std::path::Path;

use dedup::people::Reading;
use dedup::{Builder, Columns, People, Policy};
use engine::EngineError;
use engine::assess::catalog;
use engine::connect::csv::{CsvAddress, CsvFolder, CsvOptions};
use engine::connect::{Purpose, Source};
use engine::extract::{Chunk, ChunkRange, Form, ReadColumn, Snapshot, TableRead};
use engine::value::Batch;
use shared::assessment::{Catalog, Table, TableName};
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

pub use failure::PeopleError;
pub use lines::{Line, Lines};
pub use moment::moment;

/// A table of a database, or a file, whose rows are people.
#[derive(Debug, Clone)]
pub struct PeopleTable {
    source: Source,
    read: TableRead,
}

impl PeopleTable {
    /// A file with a header.
    pub async fn of_file(path: &Path) -> Result<Self, PeopleError> {
        let address = CsvAddress { path: path.to_owned(), options: CsvOptions::default() };
        Self::of_folder(CsvFolder::open(address).await?, None)
    }

    /// A table of a database; of a folder of files, the file of this name.
    pub async fn of_database(url: &str, table: Option<&TableName>) -> Result<Self, PeopleError> {
        let source = Source::open(url).await?;
        if let Source::Csv(folder) = source {
            return Self::of_folder(folder, table);
        }
        let wanted = table.ok_or(PeopleError::TableNotNamed)?;
        let catalog = catalog_of(&source).await?;
        let found =
            find(&catalog, wanted).ok_or_else(|| PeopleError::NoSuchTable(wanted.clone()))?;
        let columns = found
            .columns
            .iter()
            .map(|column| as_text(&column.name, &column.native_type, column.data_type.clone()));
        let read = TableRead {
            table: found.name.clone(),
            query: None,
            key: catalog::reading_key(found),
            columns: columns.collect(),
            filter: None,
        };
        Ok(Self { source, read })
    }

    fn of_folder(folder: CsvFolder, table: Option<&TableName>) -> Result<Self, PeopleError> {
        let file = match (table, folder.files()) {
            (Some(name), files) => files
                .iter()
                .find(|file| file.table == name.name)
                .ok_or_else(|| PeopleError::NoSuchTable(name.clone()))?,
            (None, [file]) => file,
            (None, []) => return Err(PeopleError::Empty),
            (None, _) => return Err(PeopleError::TableNotNamed),
        };
        let columns = file.columns.iter().map(|name| as_text(name, "text", DataType::Text));
        let read = TableRead {
            table: TableName::new(None, file.table.clone()),
            query: None,
            key: Vec::new(),
            columns: columns.collect(),
            filter: None,
        };
        Ok(Self { source: Source::Csv(folder), read })
    }

    /// The table's name, or the file's.
    pub fn name(&self) -> String {
        self.read.table.to_string()
    }

    /// The names of its columns.
    pub fn header(&self) -> Vec<String> {
        self.read.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// Which column says what, by a policy and by the columns' names.
    pub fn columns(&self, policy: &Policy) -> Result<Columns, PeopleError> {
        let columns = Columns::recognise(&self.header(), &policy.named_columns())?;
        Ok(columns.without(&policy.ignore)?)
    }

    /// Reads all rows as people, under a saved model's conventions or under those that the columns
    /// show. `tell` hears how many were read so far.
    pub async fn people(
        &self,
        policy: &Policy,
        reading: Option<Reading>,
        tell: impl Fn(usize) + Send + 'static,
    ) -> Result<People, PeopleError> {
        let columns = self.columns(policy)?;
        let wanted: Vec<usize> = columns.recognised().map(|(_, at)| at).collect();
        let builder = Builder::excluding(columns, &policy.exclude);
        let builder = self
            .each(wanted, builder, move |builder, lines| {
                let rows: Vec<Line<'_>> = lines.iter().collect();
                builder.extend(&rows, |row, column| row.cell(column));
                tell(builder.len());
                Ok(())
            })
            .await?;
        let people = spawn_blocking(move || builder.finish(reading.as_ref())).await;
        Ok(people.map_err(unexpected)??)
    }

    /// Gives all rows to `take`, batch by batch, with the texts of the wanted columns. `state` is
    /// what it makes of them.
    pub async fn each<S: Send + 'static>(
        &self,
        wanted: Vec<usize>,
        mut state: S,
        mut take: impl FnMut(&mut S, &Lines) -> Result<(), PeopleError> + Send + 'static,
    ) -> Result<S, PeopleError> {
        let (reading, mut batches) = self.start().await?;
        let width = self.read.columns.len();
        let taking = spawn_blocking(move || {
            let mut lines = Lines::new(width, &wanted);
            while let Some(batch) = batches.blocking_recv() {
                lines.refill(&batch)?;
                take(&mut state, &lines)?;
            }
            Ok(state)
        });
        let taken: Result<S, PeopleError> = taking.await.map_err(unexpected)?;
        // When both ends failed, the reader only says that nobody took its rows.
        let state = taken?;
        reading.await.map_err(unexpected)??;
        Ok(state)
    }

    async fn start(
        &self,
    ) -> Result<(JoinHandle<Result<u64, EngineError>>, mpsc::Receiver<Batch>), PeopleError> {
        let mut readers = Snapshot::open(&self.source, 1).await?.into_readers();
        let mut reader = readers.pop().ok_or_else(|| unexpected("no reader is open"))?;
        let (send, receive) = mpsc::channel(BATCHES_AHEAD);
        let read = self.read.clone();
        let reading = tokio::spawn(async move {
            let whole = Chunk { ordinal: 0, range: ChunkRange::Whole, rows: 0 };
            reader.read(&read, &whole, BATCH_BYTES, send).await
        });
        Ok((reading, receive))
    }
}

const BATCH_BYTES: usize = 8 << 20;
const BATCHES_AHEAD: usize = 2;

fn as_text(name: &str, native_type: &str, data_type: DataType) -> ReadColumn {
    ReadColumn {
        name: name.to_owned(),
        native_type: native_type.to_owned(),
        data_type,
        form: Form::Text,
        lookup: None,
    }
}

/// What the database holds. A SQLite file's values need not be looked at: all are read as text.
async fn catalog_of(source: &Source) -> Result<Catalog, EngineError> {
    match source {
        Source::Sqlite(file) => catalog::of_sqlite(&mut file.connect().await?).await,
        Source::Postgres(server) => {
            catalog::of_postgres(&mut server.connect(Purpose::Read).await?).await
        }
        other => catalog::of_source(other).await,
    }
}

/// The table of this name; without a schema, the one that is called so in any.
fn find<'a>(catalog: &'a Catalog, wanted: &TableName) -> Option<&'a Table> {
    let tables = || catalog.tables.iter();
    tables().find(|table| table.name == *wanted).or_else(|| {
        let mut named =
            tables().filter(|table| wanted.schema.is_none() && table.name.name == wanted.name);
        named.next().filter(|_| named.next().is_none())
    })
}

fn unexpected(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> EngineError {
    EngineError::new(ErrorCode::Sys001, "reading people").because(cause)
}
