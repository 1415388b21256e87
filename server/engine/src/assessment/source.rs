//! The source: whether all of it can be read, and what in it is not what it claims to be.

use std::collections::BTreeSet;

use shared::assessment::{Catalog, Table, TableName};
use shared::check::{Check, Group};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::plan::Plan;

use super::connection::{Opened, SourceSide};
use super::notebook::{Found, Notebook, Outcome};
use super::{Request, wants_any};
use crate::assess::ask::{Asked, rows, text};
use crate::assess::catalog::reading_key;
use crate::connect::Source;
use crate::connect::csv::{CsvFile, CsvFolder, decode, unreadable};
use crate::error::{EngineError, Result};
use crate::ident::{literal, quote, quote_table};
use crate::map::source_table;
use shared::error_code::ErrorCode;

pub(super) async fn look(book: &mut Notebook, request: &Request, opened: &mut Opened) {
    let Some(side) = &mut opened.source else { return };
    if !wants_any(book, Group::Source) {
        return;
    }
    let plan = &request.plan;
    let outcome = rights(side, plan).await;
    book.note(Check::SourceRights, outcome);
    let outcome = row_security(&mut side.asked, plan).await;
    book.note(Check::SourceRowSecurity, outcome);
    book.note(Check::TableKey, Ok(keys(plan, &side.catalog)));
    let outcome = snapshot(&mut side.asked).await;
    book.note(Check::SourceSnapshot, outcome);
    let outcome = long_transactions(&mut side.asked, request.clock.now().timestamp()).await;
    book.note(Check::LongTransactions, outcome);
    if book.wants(Check::FileIntegrity) {
        let outcome = integrity(&mut side.asked).await;
        book.note(Check::FileIntegrity, outcome);
    }
    if book.wants(Check::StoredTypes) {
        let outcome = stored_types(side, plan).await;
        book.note(Check::StoredTypes, outcome);
    }
    if book.wants(Check::Mojibake) {
        let outcome = mojibake(side, plan).await;
        book.note(Check::Mojibake, outcome);
    }
    match &side.source {
        Source::Csv(folder) => {
            book.note(Check::CsvEncoding, Ok(encodings(folder)));
            let folder = folder.clone();
            let headers = tokio::task::spawn_blocking(move || headers(&folder)).await;
            let headers = headers.map_err(|error| {
                EngineError::new(ErrorCode::Sys001, "reading the headers of files").because(error)
            });
            book.note(Check::CsvHeader, headers.flatten());
        }
        _ => {
            for check in [Check::CsvEncoding, Check::CsvHeader] {
                book.note(check, Ok(Outcome::NotApplicable("the source is no folder of files")));
            }
        }
    }
    let outcome = change_log(&mut side.asked, &side.catalog, plan).await;
    book.note(Check::ChangeLog, outcome);
}

/// Tables of the source that the plan reads by name, each once.
pub(super) fn tables<'c>(plan: &Plan, catalog: &'c Catalog) -> Vec<&'c Table> {
    let mut seen = BTreeSet::new();
    plan.tables
        .iter()
        .filter_map(|mapping| source_table(catalog, &mapping.source))
        .filter(|table| seen.insert(&table.name))
        .collect()
}

async fn rights(side: &mut SourceSide, plan: &Plan) -> Result<Outcome> {
    let SourceSide { asked, catalog, .. } = side;
    let engine = asked.engine();
    if engine == Engine::Csv {
        return Ok(Outcome::NotApplicable("files are opened as they are read"));
    }
    let mut found = Vec::new();
    for table in tables(plan, catalog) {
        let name = quote_table(engine, &table.name);
        let sql = match engine {
            // A policy in the way is another check's matter.
            Engine::Postgres => format!(
                "select has_table_privilege(to_regclass({}), 'select')::int",
                literal(engine, &name)
            ),
            _ => format!("select count(*) from (select 1 from {name} limit 1) as one"),
        };
        let may = match asked.number(sql, "asking for the right to read").await {
            Ok(answer) => engine != Engine::Postgres || answer == 1,
            Err(error) if error.code() == ErrorCode::Conn004 => false,
            Err(error) => return Err(error),
        };
        if !may {
            let message = format!("{} may not be read", table.name);
            let grant = format!("grant select on {name} to the user of the source");
            found.push(Found::blocking(message).at(&table.name).mend(grant));
        }
    }
    Ok(found.into())
}

async fn row_security(asked: &mut Asked, plan: &Plan) -> Result<Outcome> {
    if asked.engine() != Engine::Postgres {
        return Ok(Outcome::NotApplicable("the source has no row-level security"));
    }
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for mapping in plan.tables.iter().filter(|mapping| seen.insert(&mapping.source)) {
        if is_hidden(asked, &mapping.source).await? {
            let message = format!("policies of {} hide rows from the user", mapping.source);
            found.push(Found::blocking(message).at(&mapping.source));
        }
    }
    Ok(found.into())
}

/// Whether a table has policies that bind the user. Its sessions refuse to read it then.
pub(super) async fn is_hidden(asked: &mut Asked, table: &TableName) -> Result<bool> {
    let schema = table.schema.as_deref().unwrap_or("public");
    let name = TableName::new(Some(schema), &table.name);
    let name = literal(Engine::Postgres, &quote_table(Engine::Postgres, &name));
    // As the server sees it where row_security is off: owners that are forced count too.
    let sql = format!(
        "select (c.relrowsecurity
                 and not (r.rolsuper or r.rolbypassrls)
                 and (c.relforcerowsecurity or not pg_has_role(c.relowner, 'usage')))::text
         from pg_class as c, pg_roles as r
         where c.oid = to_regclass({name}) and r.rolname = current_user"
    );
    Ok(asked.cell(sql, "asking for policies").await?.is_some_and(|answer| answer == "true"))
}

fn keys(plan: &Plan, catalog: &Catalog) -> Outcome {
    let found = plan.tables.iter().filter(|mapping| mapping.key.is_empty()).map(|mapping| {
        let known = source_table(catalog, &mapping.source).map(reading_key).unwrap_or_default();
        let found = Found::warning(format!("{} is read without a key", mapping.source));
        let found = found.at(&mapping.source);
        if known.is_empty() || mapping.query.is_some() {
            found
        } else {
            found.mend(format!("set key: [{}] of the table in the plan", known.join(", ")))
        }
    });
    found.collect::<Vec<_>>().into()
}

async fn snapshot(asked: &mut Asked) -> Result<Outcome> {
    if asked.engine() != Engine::Mysql {
        return Ok(Outcome::NotApplicable("every table of this engine has transactions"));
    }
    let sql = "select table_name, engine from information_schema.tables
               where table_schema = database() and table_type = 'BASE TABLE'
                 and engine not in ('InnoDB', 'RocksDB', 'TokuDB')
               order by table_name";
    let rows = asked.ask(sql, "asking for the engines of tables").await?;
    let found = rows.iter().map(|row| {
        let table = TableName::new(None, text(row, 0));
        Found::warning(format!("{table} is of the engine {}, which has no snapshot", text(row, 1)))
            .at(&table)
            .mend(format!("alter table {} engine = InnoDB", quote_table(Engine::Mysql, &table)))
    });
    Ok(found.collect::<Vec<_>>().into())
}

/// `now` is in seconds since 1970.
async fn long_transactions(asked: &mut Asked, now: i64) -> Result<Outcome> {
    let sql = match asked.engine() {
        Engine::Postgres => {
            format!(
                "with open as (
                     select pid::text as session, xact_start as began
                     from pg_stat_activity
                     where datname = current_database()
                       and pid <> pg_backend_pid() and backend_type = 'client backend'
                     union all
                     select 'prepared', prepared from pg_prepared_xacts
                     where database = current_database()
                 )
                 select session, (({now} - extract(epoch from began)) / 60)::bigint::text
                 from open where began < to_timestamp({now}) - interval '1 hour'"
            )
        }
        Engine::Mysql => {
            format!(
                "select trx_mysql_thread_id,
                     timestampdiff(minute, trx_started, from_unixtime({now}))
                 from information_schema.innodb_trx
                 where trx_started < from_unixtime({now}) - interval 1 hour"
            )
        }
        Engine::Sqlite | Engine::Csv => {
            return Ok(Outcome::NotApplicable("a file has no other sessions"));
        }
    };
    let rows = match asked.ask(sql, "asking for open transactions").await {
        Err(error) if error.code() == ErrorCode::Conn004 => {
            return Ok(Outcome::NotApplicable("the user may not see other sessions"));
        }
        rows => rows?,
    };
    let found = rows.iter().map(|row| {
        Found::warning(format!(
            "session {} has a transaction open for {} minutes",
            text(row, 0),
            text(row, 1)
        ))
    });
    Ok(found.collect::<Vec<_>>().into())
}

pub(super) async fn integrity(asked: &mut Asked) -> Result<Outcome> {
    if asked.engine() != Engine::Sqlite {
        return Ok(Outcome::NotApplicable("the source is no SQLite file"));
    }
    // What it says may quote the file's contents; that it says anything is enough.
    let answer = asked.ask("pragma quick_check(1)", "checking the file").await;
    let is_whole = match &answer {
        Ok(rows) => rows.first().is_some_and(|row| text(row, 0) == "ok"),
        Err(error) if error.code() == ErrorCode::Conn008 => false,
        Err(_) => return answer.map(|_| Outcome::passed()),
    };
    Ok(if is_whole {
        Outcome::passed()
    } else {
        vec![Found::blocking("SQLite finds the file damaged")].into()
    })
}

async fn stored_types(side: &mut SourceSide, plan: &Plan) -> Result<Outcome> {
    let SourceSide { asked, catalog, .. } = side;
    if asked.engine() != Engine::Sqlite {
        return Ok(Outcome::NotApplicable("the source keeps its columns to their types"));
    }
    let mut found = Vec::new();
    for table in tables(plan, catalog) {
        let foreign: Vec<(&str, String)> = table
            .columns
            .iter()
            .filter_map(|column| {
                let stored = foreign_classes(&column.native_type)?;
                let name = quote(Engine::Sqlite, &column.name);
                let sum = format!("coalesce(sum(typeof({name}) in ({stored})), 0)");
                Some((column.name.as_str(), sum))
            })
            .collect();
        if foreign.is_empty() {
            continue;
        }
        let sums: Vec<&str> = foreign.iter().map(|(_, sum)| sum.as_str()).collect();
        let table_name = quote_table(Engine::Sqlite, &table.name);
        let sql = format!("select {} from {table_name}", sums.join(", "));
        let counted = asked.ask(sql, "counting the types of values").await?;
        let Some(counted) = counted.first() else { continue };
        for (place, (column, _)) in foreign.iter().enumerate() {
            let count: u64 = text(counted, place).parse().unwrap_or(0);
            if count > 0 {
                let declared = table.column(column).map_or("", |column| &column.native_type);
                let message =
                    format!("{} of {}.{column} hold no {declared}", rows(count), table.name);
                found.push(Found::warning(message).at(&table.name).column(*column));
            }
        }
    }
    Ok(found.into())
}

/// The storage classes that a column of this declared type is not to have, by SQLite's own rules
/// of affinity; none where anything goes.
fn foreign_classes(declared: &str) -> Option<&'static str> {
    let declared = declared.to_ascii_lowercase();
    let has = |word: &str| declared.contains(word);
    if has("int") {
        Some("'text', 'blob', 'real'")
    } else if has("char") || has("clob") || has("text") {
        Some("'blob'")
    } else if has("real") || has("floa") || has("doub") || has("num") || has("dec") {
        Some("'text', 'blob'")
    } else if has("date") || has("time") {
        Some("'blob'")
    } else {
        None
    }
}

/// Pairs that stand where UTF-8 was read as Latin-1 or Windows-1252, and hardly anywhere else.
const MOJIBAKE: &[&str] =
    &["Ã¤", "Ã¶", "Ã¼", "ÃŸ", "Ã©", "Ã¨", "Ã¡", "Ã±", "Ã§", "Ã³", "â€™", "â€œ", "Â "];

/// Tables are looked at in part where they are larger.
const LOOKED_AT: u64 = 100_000;

async fn mojibake(side: &mut SourceSide, plan: &Plan) -> Result<Outcome> {
    let SourceSide { asked, catalog, .. } = side;
    let engine = asked.engine();
    if engine == Engine::Csv {
        return Ok(Outcome::NotApplicable("files are read in the encoding that was found"));
    }
    let mut found = Vec::new();
    for table in tables(plan, catalog) {
        let is_text = |data_type: &DataType| {
            matches!(data_type, DataType::Text | DataType::Varchar(_) | DataType::Char(_))
        };
        let columns: Vec<&str> = table
            .columns
            .iter()
            .filter(|column| is_text(&column.data_type))
            .map(|column| column.name.as_str())
            .collect();
        if columns.is_empty() {
            continue;
        }
        let sums: Vec<String> = columns
            .iter()
            .map(|column| {
                let name = quote(engine, column);
                let any: Vec<String> = MOJIBAKE
                    .iter()
                    .map(|pair| match engine {
                        // Its collations take Ã for A.
                        Engine::Mysql => format!(
                            "instr(cast(convert({name} using utf8mb4) as binary), {}) > 0",
                            crate::ident::hex_literal(pair.as_bytes())
                        ),
                        Engine::Postgres => {
                            format!("strpos({name}::text, {}) > 0", literal(engine, pair))
                        }
                        Engine::Sqlite | Engine::Csv => {
                            format!("instr({name}, {}) > 0", literal(engine, pair))
                        }
                    })
                    .collect();
                format!("coalesce(sum(case when {} then 1 else 0 end), 0)", any.join(" or "))
            })
            .collect();
        let names: Vec<String> = columns.iter().map(|column| quote(engine, column)).collect();
        let sql = format!(
            "select {} from (select {} from {} limit {LOOKED_AT}) as looked_at",
            sums.join(", "),
            names.join(", "),
            quote_table(engine, &table.name)
        );
        let counted = asked.ask(sql, "looking for broken characters").await?;
        let Some(counted) = counted.first() else { continue };
        for (place, column) in columns.iter().enumerate() {
            let count: u64 = text(counted, place).parse().unwrap_or(0);
            if count > 0 {
                let message = format!(
                    "{} of {}.{column} look like UTF-8 that was read as Latin-1",
                    rows(count),
                    table.name
                );
                found.push(Found::warning(message).at(&table.name).column(*column));
            }
        }
    }
    Ok(found.into())
}

fn encodings(folder: &CsvFolder) -> Outcome {
    let guessed = folder.files().iter().filter(|file| file.encoding_is_guessed);
    let found = guessed.map(|file| {
        let table = TableName::new(None, &file.table);
        let message = format!(
            "nothing in {table} says how it is encoded; it is read as {}",
            file.encoding.name()
        );
        Found::warning(message).at(&table)
    });
    found.collect::<Vec<_>>().into()
}

fn headers(folder: &CsvFolder) -> Result<Outcome> {
    let mut found = Vec::new();
    for file in folder.files() {
        let written = header(file)?;
        let table = TableName::new(None, &file.table);
        for (place, (written, column)) in written.iter().zip(&file.columns).enumerate() {
            if written != column {
                let message = format!(
                    "column {} of {table} has no name of its own; it is {column}",
                    place + 1
                );
                found.push(Found::warning(message).at(&table).column(column));
            }
        }
    }
    Ok(found.into())
}

/// The names of the columns as they stand in the file.
fn header(file: &CsvFile) -> Result<Vec<String>> {
    let failed = |error| unreadable(&file.path, error);
    let mut records = file.records(0, u64::MAX).map_err(failed)?;
    let Some(record) = records.next().map_err(failed)? else { return Ok(Vec::new()) };
    Ok(record
        .fields()
        .map(|name| {
            let name = name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name);
            decode(file.encoding, name).map_or_else(
                || String::from_utf8_lossy(name).into_owned(),
                |name| name.trim().trim_matches('"').to_owned(),
            )
        })
        .collect())
}

async fn change_log(asked: &mut Asked, catalog: &Catalog, plan: &Plan) -> Result<Outcome> {
    let doing = "asking for the change log";
    let mut found = match asked.engine() {
        Engine::Postgres => {
            let sql = "select current_setting('wal_level'),
                              (current_setting('max_replication_slots')::int
                                  - (select count(*) from pg_replication_slots))::text,
                              (select (rolreplication or rolsuper)::text from pg_roles
                               where rolname = current_user)";
            let rows = asked.ask(sql, doing).await?;
            let Some(row) = rows.first() else { return Ok(Outcome::passed()) };
            let mut found = Vec::new();
            if text(row, 0) != "logical" {
                found.push(format!("wal_level is {}", text(row, 0)));
            }
            if text(row, 1).parse::<i64>().unwrap_or(0) < 1 {
                found.push("no replication slot is free".to_owned());
            }
            if text(row, 2) != "true" {
                found.push("the user lacks REPLICATION".to_owned());
            }
            found
        }
        Engine::Mysql => {
            let sql = "select @@log_bin, @@binlog_format, @@binlog_row_image, @@server_id";
            let rows = asked.ask(sql, doing).await?;
            let Some(row) = rows.first() else { return Ok(Outcome::passed()) };
            let wanted = [("log_bin", "1"), ("binlog_format", "ROW"), ("binlog_row_image", "FULL")];
            let mut found: Vec<String> = wanted
                .iter()
                .enumerate()
                .filter(|(place, (_, value))| !text(row, *place).eq_ignore_ascii_case(value))
                .map(|(place, (name, value))| {
                    format!("{name} is {} and not {value}", text(row, place))
                })
                .collect();
            if text(row, 3).parse::<u64>().unwrap_or(0) == 0 {
                found.push("server_id is 0".to_owned());
            }
            found
        }
        Engine::Sqlite | Engine::Csv => {
            return Ok(Outcome::NotApplicable("the source keeps no change log"));
        }
    };
    let keyless = tables(plan, catalog).into_iter().filter(|table| table.primary_key.is_empty());
    found.extend(keyless.map(|table| format!("{} has no primary key", table.name)));
    Ok(found.into_iter().map(Found::info).collect::<Vec<_>>().into())
}

#[cfg(test)]
mod tests {
    use super::foreign_classes;

    #[test]
    fn a_declared_type_says_what_does_not_belong_there() {
        assert_eq!(foreign_classes("INTEGER"), Some("'text', 'blob', 'real'"));
        assert_eq!(foreign_classes("varchar(20)"), Some("'blob'"));
        assert_eq!(foreign_classes("DECIMAL(10,2)"), Some("'text', 'blob'"));
        assert_eq!(foreign_classes("datetime"), Some("'blob'"));
        assert_eq!(foreign_classes(""), None);
    }
}
