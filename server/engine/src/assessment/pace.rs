//! How long the target will take, and how much room it will need: rows that a run would write go into
//! temporary tables, which get the keys and indexes that the run makes, in a transaction that is
//! rolled back. What the target did with some of a table's rows it is taken to do with all of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::Instant;

use shared::assessment::{Catalog, ForeignKey, TableName};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::plan::TableMapping;

use crate::error::Result;
use crate::ident::{quote, quote_list, quote_table};
use crate::load::postgres::{PostgresPiece, PostgresSession, PostgresTarget};
use crate::load::{LoadColumn, LoadTable, Piece as _, Session as _, Target as _, orphans};
use crate::map::target_name;
use crate::transform::OutputColumn;
use crate::value::Value;

/// So many rows of a table are tried at most.
const ROWS: usize = 20_000;

/// So many bytes of all tables together are held for it.
const BYTES: usize = 32 << 20;

/// About so many statements a run makes for each table besides, as a server's log showed: the table
/// itself, ledger, marks, constraints, books.
const STATEMENTS: f64 = 80.0;

/// And a verification.
const STATEMENTS_OF_VERIFICATION: f64 = 45.0;

/// So many rows make the statistics of a column, however many the table has.
const ROWS_OF_STATISTICS: f64 = 30_000.0;

/// Rows that one mapping would write.
pub(super) struct Sample {
    /// A temporary table with the mapping's columns.
    table: LoadTable,
    /// Whether the target has the table, with its indexes.
    is_there: bool,
    /// The columns of its keys and indexes.
    indexes: Vec<Vec<String>>,
    references: Vec<ForeignKey>,
    most_bytes: usize,
    piece: Mutex<PostgresPiece>,
}

/// What the target needs for all rows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    /// How fast one session takes rows by COPY.
    pub(super) bytes_per_second: f64,
    /// By one session.
    pub(super) write_seconds: f64,
    /// Keys, indexes, foreign keys and statistics, one after the other.
    pub(super) index_seconds: f64,
    /// Reading every row, by one session.
    pub(super) read_seconds: f64,
    /// What a run does besides, whatever the rows.
    pub(super) other_seconds: f64,
    /// What a verification does besides.
    pub(super) other_seconds_of_verification: f64,
    pub(super) disk_bytes: u64,
}

impl Sample {
    /// An empty one for a mapping of a plan with so many; none where the target is not PostgreSQL.
    pub(super) fn of(
        (place, mappings): (usize, usize),
        mapping: &TableMapping,
        target: &Catalog,
        outputs: &[OutputColumn],
    ) -> Option<Self> {
        if target.engine != Engine::Postgres {
            return None;
        }
        let column = |column: &OutputColumn| LoadColumn {
            name: column.name.clone(),
            // A type that the run makes is not there yet.
            data_type: match &column.data_type {
                DataType::Named(_) | DataType::Array(_) => DataType::Text,
                known => known.clone(),
            },
            is_enum: false,
            is_raw: false,
        };
        let table = LoadTable {
            name: TableName::new(Some("pg_temp"), format!("transfuse_{place}")),
            columns: outputs.iter().map(column).collect(),
        };
        let there = target.table(&target_name(target.engine, &mapping.target));
        let (primary_key, indexes, foreign_keys) = match (there, &mapping.create) {
            (Some(there), _) => (&there.primary_key, &there.indexes, &there.foreign_keys),
            (None, Some(shape)) => (&shape.primary_key, &shape.indexes, &shape.foreign_keys),
            (None, None) => return None,
        };
        let has = |names: &[String]| {
            !names.is_empty()
                && names.iter().all(|name| table.columns.iter().any(|it| it.name == *name))
        };
        let keys = std::iter::once(primary_key).chain(indexes.iter().map(|it| &it.columns));
        Some(Self {
            is_there: there.is_some(),
            indexes: keys.filter(|names| has(names)).cloned().collect(),
            references: foreign_keys.iter().filter(|key| has(&key.columns)).cloned().collect(),
            most_bytes: BYTES / mappings.max(1),
            piece: Mutex::new(PostgresPiece::of(&table)),
            table,
        })
    }

    /// The piece that takes rows, unless another reader fills it.
    pub(super) fn open(&self) -> Option<Taking<'_>> {
        let piece = match self.piece.try_lock() {
            Ok(piece) => piece,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Taking { sample: self, piece })
    }

    fn name(&self) -> String {
        quote_table(Engine::Postgres, &self.table.name)
    }

    fn create_table(&self) -> String {
        let columns = self.table.columns.iter().map(|column| {
            format!("{} {}", quote(Engine::Postgres, &column.name), column.data_type)
        });
        let columns: Vec<String> = columns.collect();
        format!("create temporary table {} ({})", self.table.name.name, columns.join(", "))
    }

    fn create_indexes(&self) -> impl Iterator<Item = String> {
        self.indexes.iter().map(|columns| {
            format!("create index on {} ({})", self.name(), quote_list(Engine::Postgres, columns))
        })
    }
}

/// Rows on their way into a sample.
pub(super) struct Taking<'s> {
    sample: &'s Sample,
    piece: std::sync::MutexGuard<'s, PostgresPiece>,
}

impl Taking<'_> {
    pub(super) fn take(&mut self, row: &[Value<'_>]) {
        if self.piece.rows() < ROWS && self.piece.bytes() < self.sample.most_bytes {
            // One that does not fit its column is told of elsewhere.
            let _ = self.piece.push(row);
        }
    }
}

/// Tries the samples, each with the number of rows that it stands for and the table that it would
/// go into.
pub(super) async fn measure(url: &str, samples: &[(&Sample, u64, &TableName)]) -> Result<Pace> {
    let mut session = PostgresTarget::new(url).session().await?;
    session.run_script("begin").await?;
    let pace = Trial { session: &mut session }.all(samples).await;
    session.run_script("rollback").await?;
    pace
}

struct Trial<'s> {
    session: &'s mut PostgresSession,
}

impl Trial<'_> {
    #[expect(clippy::cast_precision_loss, reason = "a forecast has no use for more digits")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "never negative")]
    async fn all(&mut self, samples: &[(&Sample, u64, &TableName)]) -> Result<Pace> {
        let mut pace = Pace::default();
        let (mut bytes, mut seconds) = (0.0, 0.0);
        // What a statement costs by itself, whatever the rows.
        self.run("create temporary table transfuse_empty (id bigint)").await?;
        let mut statement = f64::INFINITY;
        for _ in 0..3 {
            statement = self.run("create index on transfuse_empty (id)").await?.min(statement);
        }
        let tables = samples.len() as f64;
        pace.other_seconds = statement * STATEMENTS * tables;
        pace.other_seconds_of_verification = statement * STATEMENTS_OF_VERIFICATION * tables;
        let mut parents = BTreeMap::new();
        for (sample, rows, target) in samples {
            let taken = self.create_and_copy(sample).await?;
            let Some(taken) = taken.filter(|_| *rows > 0) else { continue };
            let whole = (*rows as f64 / taken.rows).max(1.0);
            let times = |measured: f64| (measured - statement).max(0.0) * whole + statement;
            bytes += taken.bytes;
            seconds += taken.seconds;
            pace.write_seconds += times(taken.seconds);
            if !sample.is_there {
                for sql in sample.create_indexes() {
                    pace.index_seconds += times(self.run(&sql).await?);
                }
                let of_statistics = (ROWS_OF_STATISTICS / taken.rows).clamp(1.0, whole);
                let analyzed = self.run(&format!("analyze {}", sample.name())).await?;
                pace.index_seconds += analyzed * of_statistics;
            }
            let reading = format!(
                "select sum(hashtextextended(t::text, 0))::text from {} as t",
                sample.name()
            );
            pace.read_seconds += times(self.fetch(&reading).await?.1);
            let size = format!("select pg_total_relation_size('{}')::text", sample.name());
            let size = self.fetch(&size).await?.0.and_then(|size| size.parse::<f64>().ok());
            pace.disk_bytes += (size.unwrap_or(0.0) * whole) as u64;
            parents.insert(*target, (*sample, whole));
        }
        for (sample, whole) in parents.values() {
            for key in sample.references.iter().filter(|_| !sample.is_there) {
                let parent = target_name(Engine::Postgres, &key.references);
                let Some((parent, _)) = parents.get(&parent) else { continue };
                let key = ForeignKey { references: parent.table.name.clone(), ..key.clone() };
                let began = Instant::now();
                orphans::count(self.session, &sample.table.name, &key).await?;
                let checked = began.elapsed().as_secs_f64();
                pace.index_seconds += (checked - statement).max(0.0) * whole + statement;
            }
        }
        pace.bytes_per_second = bytes / seconds.max(1e-6);
        Ok(pace)
    }

    /// Makes a sample's table and writes its rows; none when there are none. A table that is there
    /// has its indexes while rows come in.
    #[expect(clippy::cast_precision_loss, reason = "a forecast has no use for more digits")]
    async fn create_and_copy(&mut self, sample: &Sample) -> Result<Option<Taken>> {
        let piece = std::mem::replace(
            &mut *sample.piece.lock().unwrap_or_else(PoisonError::into_inner),
            PostgresPiece::of(&sample.table),
        );
        if piece.rows() == 0 {
            return Ok(None);
        }
        let mut sql = vec![sample.create_table()];
        if sample.is_there {
            sql.extend(sample.create_indexes());
        }
        self.run(&sql.join(";")).await?;
        let began = Instant::now();
        self.session.write(&sample.table, &piece).await?;
        let seconds = began.elapsed().as_secs_f64();
        Ok(Some(Taken { rows: piece.rows() as f64, bytes: piece.bytes() as f64, seconds }))
    }

    /// How long a statement takes.
    async fn run(&mut self, sql: &str) -> Result<f64> {
        let began = Instant::now();
        self.session.run_script(sql).await?;
        Ok(began.elapsed().as_secs_f64())
    }

    /// The one value that a statement answers, and how long it takes.
    async fn fetch(&mut self, sql: &str) -> Result<(Option<String>, f64)> {
        let began = Instant::now();
        let rows = self.session.fetch(sql, &[]).await?;
        Ok((rows.into_iter().flatten().flatten().next(), began.elapsed().as_secs_f64()))
    }
}

struct Taken {
    rows: f64,
    bytes: f64,
    seconds: f64,
}
