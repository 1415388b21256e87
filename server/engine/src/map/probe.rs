//! Looks at a source's values where its types leave open how they can be carried over. The
//! source does the looking: one statement a table, one pass, and only numbers come back.

use std::collections::BTreeMap;

use rusqlite::types::ValueRef;
use shared::assessment::{Catalog, Column, Table, TableName};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use sqlx::{AssertSqlSafe, Row as _};

use crate::assess::catalog;
use crate::connect::csv::{CsvFile, CsvFolder, decode, unreadable};
use crate::connect::sqlite::{SqliteFile, classify_rows};
use crate::connect::{Purpose, Source, classify, mysql};
use crate::error::{EngineError, Result};
use crate::ident;

/// Tables that the source believes to be larger are looked at in part.
const SAMPLE_ROWS: u64 = 1_000_000;

/// What was seen of a source's values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Probe {
    columns: BTreeMap<(TableName, String), Seen>,
    /// Tables of which only the first rows were looked at.
    pub(super) sampled: Vec<TableName>,
}

/// What was seen of one column. A question that was not asked has no answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Texts with 0x00 in them.
    pub(super) nul: i64,
    /// Texts with U+2400, the visible sign for 0x00.
    pub(super) sign: i64,
    /// Empty texts where there should be none.
    pub(super) empty: i64,
    /// Texts and bytes in a column for numbers, the empty ones left out.
    pub(super) no_numbers: i64,
    /// Numbers with decimals in a column for whole ones.
    pub(super) fractions: i64,
    /// Dates with a zero month or day.
    pub(super) zero_dates: i64,
    pub(super) neither_zero_nor_one: Option<i64>,
    /// What MySQL wrote in an enum's place when it was given none of its labels.
    pub(super) no_label: Option<i64>,
    /// Times before midnight or from the next one on.
    pub(super) outside_day: Option<i64>,
    pub(super) beyond_bigint: Option<i64>,
    pub(super) longest_bytes: Option<i64>,
}

impl Probe {
    pub(super) fn of(&self, table: &TableName, column: &str) -> Seen {
        self.columns.get(&(table.clone(), column.to_owned())).copied().unwrap_or_default()
    }

    fn record(&mut self, table: &TableName, column: &str, question: Question, answer: i64) {
        let seen = self.columns.entry((table.clone(), column.to_owned())).or_default();
        match question {
            Question::Nul => seen.nul = answer,
            Question::Sign => seen.sign = answer,
            Question::Empty => seen.empty = answer,
            Question::NoNumbers => seen.no_numbers = answer,
            Question::Fractions => seen.fractions = answer,
            Question::ZeroDates => seen.zero_dates = answer,
            Question::NeitherZeroNorOne => seen.neither_zero_nor_one = Some(answer),
            Question::NoLabel => seen.no_label = Some(answer),
            Question::OutsideDay => seen.outside_day = Some(answer),
            Question::BeyondBigint => seen.beyond_bigint = Some(answer),
            Question::LongestBytes => seen.longest_bytes = Some(answer),
        }
    }

    #[cfg(test)]
    pub(super) fn with(mut self, table: &str, column: &str, seen: Seen) -> Self {
        let table = table.parse().expect("the test names a table");
        self.columns.insert((table, column.to_owned()), seen);
        self
    }
}

/// Asks about every column of which something has to be known for that target.
pub(super) async fn probe(source: &Source, catalog: &Catalog, target: Engine) -> Result<Probe> {
    let mut probe = Probe::default();
    for table in &catalog.tables {
        if let Source::Csv(folder) = source {
            if target == Engine::Postgres {
                probe_file(folder, table, &mut probe).await?;
            }
            continue;
        }
        let asked: Vec<(&str, Question)> = table
            .columns
            .iter()
            .flat_map(|column| {
                questions(catalog.engine, table, column, target)
                    .into_iter()
                    .map(|question| (column.name.as_str(), question))
            })
            .collect();
        if asked.is_empty() {
            continue;
        }
        if table.estimated_rows > SAMPLE_ROWS {
            probe.sampled.push(table.name.clone());
        }
        let statement = statement(catalog.engine, table, &asked);
        let answers = ask(source, table, statement, asked.len()).await?;
        for ((column, question), answer) in asked.into_iter().zip(answers) {
            probe.record(&table.name, column, question, answer);
        }
    }
    Ok(probe)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Nul,
    Sign,
    Empty,
    NoNumbers,
    Fractions,
    ZeroDates,
    NoLabel,
    NeitherZeroNorOne,
    OutsideDay,
    BeyondBigint,
    LongestBytes,
}

fn questions(engine: Engine, table: &Table, column: &Column, target: Engine) -> Vec<Question> {
    let mut questions = Vec::new();
    let native_type = column.native_type.to_ascii_lowercase();
    let is_text =
        matches!(column.data_type, DataType::Text | DataType::Varchar(_) | DataType::Char(_));
    // PostgreSQL holds no 0x00 itself.
    if is_text && target == Engine::Postgres && engine != Engine::Postgres {
        questions.extend([Question::Nul, Question::Sign]);
    }
    if is_text && target == Engine::Postgres && is_indexed(table, &column.name) {
        let is_short = matches!(&column.data_type, DataType::Varchar(Some(length)) | DataType::Char(length) if *length <= 300);
        if !is_short {
            questions.push(Question::LongestBytes);
        }
    }
    if engine == Engine::Sqlite && !is_text && column.data_type != DataType::Bytea {
        questions.push(Question::Empty);
        if matches!(column.data_type, DataType::BigInt | DataType::Double) {
            questions.push(Question::NoNumbers);
        }
        if column.data_type == DataType::BigInt {
            questions.push(Question::Fractions);
        }
    }
    if engine == Engine::Mysql {
        match column.data_type {
            DataType::Date | DataType::Timestamp | DataType::TimestampTz => {
                questions.push(Question::ZeroDates);
            }
            DataType::Numeric(_) if native_type.starts_with("bigint") => {
                questions.push(Question::BeyondBigint);
            }
            _ if native_type.starts_with("tinyint(1)") => {
                questions.push(Question::NeitherZeroNorOne);
            }
            _ if native_type.starts_with("enum(") => questions.push(Question::NoLabel),
            _ if native_type.starts_with("time") && !native_type.starts_with("timestamp") => {
                questions.push(Question::OutsideDay);
            }
            _ => {}
        }
    }
    questions
}

fn is_indexed(table: &Table, column: &str) -> bool {
    let indexes = table.indexes.iter().flat_map(|index| &index.columns);
    table.primary_key.iter().chain(indexes).any(|name| name == column)
}

fn statement(engine: Engine, table: &Table, asked: &[(&str, Question)]) -> String {
    let expressions: Vec<String> = asked
        .iter()
        .map(|(column, question)| expression(engine, &ident::quote(engine, column), *question))
        .collect();
    let mut from = ident::quote_table(engine, &table.name);
    if table.estimated_rows > SAMPLE_ROWS {
        from = sample(engine, table, asked, &from);
    }
    format!("select {} from {from}", expressions.join(", "))
}

/// The first rows of the table, in the order in which it lies.
fn sample(engine: Engine, table: &Table, asked: &[(&str, Question)], from: &str) -> String {
    let key: Vec<String> =
        catalog::reading_key(table).iter().map(|column| ident::quote(engine, column)).collect();
    match key.first() {
        // MySQL would put a part by, with all its texts, before it looks at any of it.
        Some(first) if engine == Engine::Mysql => format!(
            "{from} where {first} <= (select {first} from {from} order by {} limit 1 offset {})",
            key.join(", "),
            SAMPLE_ROWS - 1
        ),
        _ => {
            let mut columns: Vec<String> =
                asked.iter().map(|(column, _)| ident::quote(engine, column)).collect();
            columns.dedup();
            format!("(select {} from {from} limit {SAMPLE_ROWS}) as sample", columns.join(", "))
        }
    }
}

/// An aggregate that is a whole number, whatever the column holds.
fn expression(engine: Engine, name: &str, question: Question) -> String {
    let bytes = match engine {
        // Not as the column stores them: in UTF-16 every second byte is zero.
        Engine::Mysql => format!("cast(convert({name} using utf8mb4) as binary)"),
        Engine::Postgres => format!("convert_to({name}::text, 'UTF8')"),
        Engine::Sqlite | Engine::Csv => format!("cast({name} as blob)"),
    };
    let count = |condition: String| {
        let condition = match engine {
            Engine::Postgres => format!("({condition})::int"),
            _ => condition,
        };
        format!("coalesce(sum({condition}), 0)")
    };
    let has = |hexadecimal: &str| count(format!("instr({bytes}, x'{hexadecimal}') > 0"));
    let number = match question {
        Question::Nul => has("00"),
        Question::Sign => has("e29080"),
        Question::NoLabel => count(format!("{name} + 0 = 0")),
        Question::Empty => count(format!("{name} = ''")),
        Question::NoNumbers => {
            count(format!("typeof({name}) in ('text', 'blob') and {name} <> ''"))
        }
        Question::Fractions => {
            count(format!("typeof({name}) = 'real' and {name} <> cast({name} as integer)"))
        }
        Question::ZeroDates => {
            count(format!("{name} = 0 or month({name}) = 0 or dayofmonth({name}) = 0"))
        }
        Question::NeitherZeroNorOne => count(format!("{name} not in (0, 1)")),
        Question::OutsideDay => count(format!("{name} < '00:00:00' or {name} >= '24:00:00'")),
        Question::BeyondBigint => count(format!("{name} > 9223372036854775807")),
        Question::LongestBytes => {
            format!("coalesce(max(length({bytes})), 0)")
        }
    };
    match engine {
        Engine::Mysql => format!("cast({number} as signed)"),
        Engine::Postgres => format!("({number})::bigint"),
        Engine::Sqlite | Engine::Csv => format!("cast({number} as integer)"),
    }
}

async fn ask(source: &Source, table: &Table, statement: String, count: usize) -> Result<Vec<i64>> {
    let doing = format!("looking at the values of {}", table.name);
    match source {
        Source::Postgres(server) => {
            let mut connection = server.connect(Purpose::Read).await?;
            let row = sqlx::query(AssertSqlSafe(statement))
                .persistent(false)
                .fetch_one(&mut connection)
                .await
                .map_err(|error| classify(error, doing.clone()))?;
            (0..count)
                .map(|index| row.try_get(index).map_err(|error| classify(error, doing.clone())))
                .collect()
        }
        Source::Mysql(server) => {
            let mut connection = server.connect(Purpose::Read).await?;
            let rows = mysql::ask(&mut connection, statement)
                .await
                .map_err(|error| classify(error, doing))?;
            let answers = rows.into_iter().next().unwrap_or_default();
            Ok(answers
                .into_iter()
                .map(|answer| answer.and_then(|text| text.parse().ok()).unwrap_or(0))
                .collect())
        }
        Source::Sqlite(file) => {
            let file = file.clone();
            let asked =
                tokio::task::spawn_blocking(move || ask_sqlite(&file, &statement, count, doing));
            asked.await.map_err(|error| {
                EngineError::new(ErrorCode::Sys001, "looking at a SQLite file").because(error)
            })?
        }
        Source::Csv(_) => Ok(Vec::new()),
    }
}

fn ask_sqlite(file: &SqliteFile, statement: &str, count: usize, doing: String) -> Result<Vec<i64>> {
    let connection = file.connect_for_rows()?;
    let answers = connection.query_row(statement, [], |row| {
        (0..count)
            .map(|index| match row.get_ref(index)? {
                ValueRef::Integer(number) => Ok(number),
                _ => Ok(0),
            })
            .collect()
    });
    answers.map_err(|error| classify_rows(error, doing))
}

/// Files are read through here: nobody else can be asked.
async fn probe_file(folder: &CsvFolder, table: &Table, probe: &mut Probe) -> Result<()> {
    let file = folder.file(&table.name)?.clone();
    let is_text: Vec<bool> =
        table.columns.iter().map(|column| column.data_type == DataType::Text).collect();
    let counted = tokio::task::spawn_blocking(move || count_in_file(&file, &is_text));
    let counted = counted.await.map_err(|error| {
        EngineError::new(ErrorCode::Sys001, "looking at the files").because(error)
    })??;
    for (column, (nul, sign)) in table.columns.iter().zip(counted) {
        probe.record(&table.name, &column.name, Question::Nul, nul);
        probe.record(&table.name, &column.name, Question::Sign, sign);
    }
    Ok(())
}

/// For every column, how many texts have 0x00 in them, and how many the sign for it.
fn count_in_file(file: &CsvFile, is_text: &[bool]) -> Result<Vec<(i64, i64)>> {
    let failed = |error| unreadable(&file.path, error);
    let mut counts = vec![(0, 0); is_text.len()];
    let mut records = file.records(file.rows_from, u64::MAX).map_err(failed)?;
    while let Some(record) = records.next().map_err(failed)? {
        if record.len() != is_text.len() || record.is_broken {
            continue;
        }
        for ((count, field), is_text) in counts.iter_mut().zip(record.fields()).zip(is_text) {
            if *is_text && let Some(text) = decode(file.encoding, field) {
                count.0 += i64::from(text.contains('\0'));
                count.1 += i64::from(text.contains('\u{2400}'));
            }
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, native_type: &str, data_type: &str) -> Column {
        Column {
            name: name.to_owned(),
            native_type: native_type.to_owned(),
            data_type: data_type.parse().expect("the test names a type"),
            nullable: false,
            default: None,
            default_left: false,
            generated: false,
            identity: false,
            comment: None,
        }
    }

    fn table(estimated_rows: u64) -> Table {
        Table {
            name: TableName::new(None, "visit"),
            columns: vec![
                column("id", "int(11)", "integer"),
                column("day", "date", "date"),
                column("note", "text", "text"),
            ],
            primary_key: vec!["id".to_owned()],
            indexes: Vec::new(),
            foreign_keys: Vec::new(),
            estimated_rows,
            estimated_bytes: 0,
            comment: None,
        }
    }

    #[track_caller]
    fn check(engine: Engine, estimated_rows: u64, ends: &str) {
        let table = table(estimated_rows);
        let statement = statement(engine, &table, &[("day", Question::ZeroDates)]);
        assert!(statement.ends_with(ends), "{statement}");
    }

    #[test]
    fn a_large_table_is_looked_at_in_part() {
        check(Engine::Mysql, 1_000_000, " from `visit`");
        check(
            Engine::Mysql,
            1_000_001,
            " from `visit` where `id` <= (select `id` from `visit` order by `id` limit 1 offset 999999)",
        );
        check(
            Engine::Sqlite,
            1_000_001,
            " from (select \"day\" from \"visit\" limit 1000000) as sample",
        );
    }

    #[test]
    fn only_what_has_to_be_known_is_asked() {
        let table = table(0);
        let asked = |engine, column: usize, target| {
            questions(engine, &table, &table.columns[column], target)
        };
        assert_eq!(asked(Engine::Mysql, 0, Engine::Postgres), []);
        assert_eq!(asked(Engine::Mysql, 1, Engine::Sqlite), [Question::ZeroDates]);
        assert_eq!(asked(Engine::Mysql, 2, Engine::Postgres), [Question::Nul, Question::Sign]);
        assert_eq!(asked(Engine::Mysql, 2, Engine::Sqlite), []);
        assert_eq!(asked(Engine::Postgres, 2, Engine::Postgres), []);
    }
}
