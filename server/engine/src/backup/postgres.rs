//! Tables of PostgreSQL, out and in by COPY.

use std::io::{Read, Write as _};

use futures::StreamExt as _;
use shared::assessment::TableName;
use shared::backup::{DatabaseBackup, RestoredTable, TableBackup};
use shared::connection::{Engine, without_secret};
use shared::error_code::ErrorCode;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tokio::sync::mpsc;

use super::schema::{self, quoted};
use super::{Folder, NewFolder, Occupied, Restored, Tables, in_the_way};
use crate::connect::{Address, Purpose, classify, target};
use crate::error::{EngineError, Result};
use crate::ident::{literal, quote, quote_list};
use crate::map::target_name;

/// Bytes that go to the server at once.
const PIECE: usize = 256 << 10;

/// Pieces between the database and the file.
const AHEAD: usize = 8;

pub(super) async fn take(
    mut folder: NewFolder,
    part: &str,
    url: &str,
    tables: Tables<'_>,
) -> Result<(NewFolder, DatabaseBackup)> {
    let Address::Postgres(server) = Address::parse(url)? else {
        return Err(EngineError::new(
            ErrorCode::Conn006,
            "opening a database: it is not one of postgres://",
        ));
    };
    let mut connection = server.connect(Purpose::Read).await?;
    // One state of everything, whoever writes meanwhile.
    run(&mut connection, "begin isolation level repeatable read read only").await?;
    run(&mut connection, "set local search_path = ''").await?;
    let names = names(&mut connection, tables).await?;
    let mut copied = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let columns = columns(&mut connection, name).await?;
        let file = format!("{part}-{:04}.copy.zst.sealed", number + 1);
        let rows;
        (folder, rows) = copy_out(folder, &mut connection, name, &columns, &file).await?;
        copied.push(TableBackup { name: name.clone(), columns, rows, file: Some(file) });
    }
    let schema = schema::read(&mut connection, &names).await?;
    let sequences = schema::sequences(&mut connection, &names).await?;
    let version = one_text(&mut connection, "select current_setting('server_version')").await?;
    run(&mut connection, "commit").await?;
    connection.close().await.map_err(|error| classify(error, "closing the target"))?;
    let backup = DatabaseBackup {
        engine: Engine::Postgres,
        server: format!("PostgreSQL {version}"),
        place: without_secret(url),
        file: None,
        tables: copied,
        schema,
        sequences,
    };
    Ok((folder, backup))
}

async fn names(connection: &mut PgConnection, tables: Tables<'_>) -> Result<Vec<TableName>> {
    let there = "select n.nspname::text, c.relname::text
                 from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
                 where c.relkind in ('r', 'p') and not c.relispartition
                   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
                 order by 1, 2";
    let there = sqlx::query(there)
        .persistent(false)
        .fetch_all(connection)
        .await
        .map_err(|error| classify(error, "reading the catalog of PostgreSQL"))?;
    let mut names = Vec::new();
    for row in there {
        let fault = |error| classify(error, "reading the catalog of PostgreSQL");
        let schema: String = row.try_get(0).map_err(fault)?;
        let name = TableName::new(Some(&schema), row.try_get::<String, _>(1).map_err(fault)?);
        let is_wanted = match tables {
            Tables::All => true,
            Tables::OfAPlan(planned) => {
                let own = schema == "transfuse";
                own || planned.iter().any(|table| target_name(Engine::Postgres, table) == name)
            }
        };
        if is_wanted {
            names.push(name);
        }
    }
    Ok(names)
}

/// What can be written back.
async fn columns(connection: &mut PgConnection, table: &TableName) -> Result<Vec<String>> {
    let sql = "select coalesce(array_agg(attname::text order by attnum), '{}') from pg_attribute
               where attrelid = $1::text::regclass and attnum > 0 and not attisdropped
                 and attgenerated = ''";
    let row = sqlx::query(sql)
        .bind(quoted(table))
        .persistent(false)
        .fetch_one(connection)
        .await
        .map_err(|error| classify(error, format!("reading the columns of {table}")))?;
    row.try_get(0).map_err(|error| classify(error, format!("reading the columns of {table}")))
}

async fn copy_out(
    mut folder: NewFolder,
    connection: &mut PgConnection,
    table: &TableName,
    columns: &[String],
    file: &str,
) -> Result<(NewFolder, u64)> {
    let doing = || format!("copying {table} into the backup");
    let mut writer = folder.begin(file)?;
    let (send, mut receive) = mpsc::channel::<bytes::Bytes>(AHEAD);
    // Compressing and sealing is work for a thread of its own.
    let writing = tokio::task::spawn_blocking(move || {
        let mut rows = 0;
        while let Some(bytes) = receive.blocking_recv() {
            writer.write_all(&bytes)?;
            rows += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        }
        Ok::<_, std::io::Error>((writer, rows))
    });
    // A partitioned table is copied through a query.
    let sql = format!(
        "copy (select {} from {}) to stdout (format text)",
        quote_list(Engine::Postgres, columns),
        quoted(table)
    );
    let mut rows = connection.copy_out_raw(&sql).await.map_err(|error| classify(error, doing()))?;
    let mut failure = None;
    while let Some(bytes) = rows.next().await {
        match bytes {
            Ok(bytes) => {
                if send.send(bytes).await.is_err() {
                    break;
                }
            }
            Err(error) => {
                failure = Some(classify(error, doing()));
                break;
            }
        }
    }
    drop(rows);
    drop(send);
    let written = writing
        .await
        .map_err(|error| EngineError::new(ErrorCode::Sys001, doing()).because(error))?;
    if let Some(failure) = failure {
        return Err(failure);
    }
    let (writer, rows) =
        written.map_err(|error| EngineError::new(ErrorCode::Sys003, doing()).because(error))?;
    folder.end(file, writer)?;
    Ok((folder, rows))
}

pub(super) async fn restore(
    folder: Folder,
    part: &DatabaseBackup,
    url: &str,
    occupied: Occupied,
) -> Result<Restored> {
    let mut connection = target::postgres(url).await?;
    run(&mut connection, "begin").await?;
    let restored = put_back(folder, part, &mut connection, occupied).await;
    match &restored {
        Ok(_) => run(&mut connection, "commit").await?,
        // What went wrong matters; the server has rolled back a lost connection by itself.
        Err(_) => drop(run(&mut connection, "rollback").await),
    }
    restored
}

async fn put_back(
    folder: Folder,
    part: &DatabaseBackup,
    connection: &mut PgConnection,
    occupied: Occupied,
) -> Result<Restored> {
    run(connection, "set local search_path = ''").await?;
    let mut restored = Restored::default();
    for made in &part.schema.schemas {
        run(connection, &made.sql).await?;
    }
    for made in &part.schema.types {
        if !exists(connection, "to_regtype", &made.name).await? {
            run(connection, &made.sql).await?;
        }
    }
    let mut made = Vec::new();
    for table in &part.schema.tables {
        if exists(connection, "to_regclass", &quoted(&table.name)).await? {
            continue;
        }
        for sql in &table.before {
            run(connection, sql).await?;
        }
        made.push(table);
    }
    let names: Vec<String> = part.tables.iter().map(|table| quoted(&table.name)).collect();
    for table in &part.tables {
        must_fit(connection, table).await?;
        let name = quoted(&table.name);
        run(connection, &format!("lock table {name} in access exclusive mode")).await?;
        let any = format!("select exists (select from {name})::text");
        if occupied == Occupied::Refuse && one_text(connection, &any).await? == "true" {
            return Err(in_the_way(&table.name));
        }
    }
    // Nothing is checked and nothing fires while rows come in any order.
    let keys = take_off_keys(connection, &names).await?;
    let triggers = silence(connection, &names).await?;
    if !names.is_empty() {
        run(connection, &format!("truncate {}", names.join(", "))).await?;
    }
    let mut folder = folder;
    for table in &part.tables {
        folder = copy_in(folder, connection, table).await?;
        restored.tables.push(RestoredTable {
            name: table.name.clone(),
            rows: table.rows,
            made: made.iter().any(|made| made.name == table.name),
        });
    }
    for table in &made {
        for sql in &table.after {
            run(connection, sql).await?;
        }
    }
    for sequence in &part.sequences {
        let sql = format!(
            "select setval({}, {}, {})",
            literal(Engine::Postgres, &sequence.name),
            sequence.last_value,
            sequence.is_called
        );
        run(connection, &sql).await?;
    }
    for sql in keys {
        run(connection, &sql).await?;
    }
    for key in made.iter().flat_map(|table| &table.foreign_keys) {
        if exists(connection, "to_regclass", &quoted(&key.references)).await? {
            run(connection, &key.sql).await?;
        } else {
            restored.missing_keys.push(key.name.clone());
        }
    }
    for sql in triggers {
        run(connection, &sql).await?;
    }
    Ok(restored)
}

/// A table that is there has to have the columns of the backup.
async fn must_fit(connection: &mut PgConnection, table: &TableBackup) -> Result<()> {
    let there = columns(connection, &table.name).await?;
    let missing: Vec<&str> =
        table.columns.iter().filter(|column| !there.contains(column)).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(EngineError::new(
        ErrorCode::Sys021,
        format!("restoring {}: it has no column {}", table.name, missing.join(", ")),
    ))
}

/// Takes off every foreign key of the tables and to the tables. The answer makes them again.
async fn take_off_keys(connection: &mut PgConnection, names: &[String]) -> Result<Vec<String>> {
    let sql = "select format('alter table %s drop constraint %I', conrelid::regclass, conname),
                      format('alter table %s add constraint %I %s', conrelid::regclass, conname,
                             pg_get_constraintdef(oid))
               from pg_constraint
               where contype = 'f' and conparentid = 0
                 and (conrelid = any (select unnest($1::text[])::regclass)
                      or confrelid = any (select unnest($1::text[])::regclass))
               order by oid";
    statements(connection, sql, names).await
}

/// Keeps triggers of the tables from firing. The answer wakes them again, as they were.
async fn silence(connection: &mut PgConnection, names: &[String]) -> Result<Vec<String>> {
    let sql = "select format('alter table %s disable trigger %I', tgrelid::regclass, tgname),
                      format('alter table %s enable%s trigger %I', tgrelid::regclass,
                             case tgenabled when 'A' then ' always' when 'R' then ' replica'
                                            else '' end, tgname)
               from pg_trigger
               where tgrelid = any (select unnest($1::text[])::regclass)
                 and not tgisinternal and tgenabled <> 'D'";
    statements(connection, sql, names).await
}

/// Runs the first of each pair of statements and hands over the second.
async fn statements(
    connection: &mut PgConnection,
    sql: &str,
    names: &[String],
) -> Result<Vec<String>> {
    let doing = "preparing tables to be restored";
    let rows = sqlx::query(AssertSqlSafe(sql.to_owned()))
        .bind(names)
        .persistent(false)
        .fetch_all(&mut *connection)
        .await
        .map_err(|error| classify(error, doing))?;
    let mut later = Vec::new();
    for row in rows {
        let now: String = row.try_get(0).map_err(|error| classify(error, doing))?;
        later.push(row.try_get(1).map_err(|error| classify(error, doing))?);
        run(connection, &now).await?;
    }
    Ok(later)
}

async fn copy_in(
    folder: Folder,
    connection: &mut PgConnection,
    table: &TableBackup,
) -> Result<Folder> {
    let doing = || format!("restoring {}", table.name);
    let Some(file) = table.file.clone() else { return Ok(folder) };
    let (send, mut receive) = mpsc::channel::<std::io::Result<Vec<u8>>>(AHEAD);
    let reading = tokio::task::spawn_blocking(move || {
        let mut reader = folder.read(&file)?;
        loop {
            let mut piece = vec![0; PIECE];
            let read = reader.read(&mut piece);
            let is_end = !matches!(read, Ok(read) if read > 0);
            let piece = read.map(|read| {
                piece.truncate(read);
                piece
            });
            let is_gone = send.blocking_send(piece).is_err();
            if is_end || is_gone {
                return Ok::<_, EngineError>(folder);
            }
        }
    });
    let columns: Vec<String> =
        table.columns.iter().map(|name| quote(Engine::Postgres, name)).collect();
    let sql =
        format!("copy {} ({}) from stdin (format text)", quoted(&table.name), columns.join(", "));
    let fault = |error| classify(error, doing());
    let mut copy = connection.copy_in_raw(&sql).await.map_err(fault)?;
    let mut failure = None;
    while let Some(piece) = receive.recv().await {
        let taken = match piece {
            Ok(piece) if piece.is_empty() => break,
            Ok(piece) => copy.send(piece).await.map(drop).map_err(fault),
            Err(error) => Err(EngineError::new(ErrorCode::Sys020, doing()).because(error)),
        };
        if let Err(error) = taken {
            failure = Some(error);
            break;
        }
    }
    drop(receive);
    let folder = reading
        .await
        .map_err(|error| EngineError::new(ErrorCode::Sys001, doing()).because(error))??;
    if let Some(failure) = failure {
        // The connection must not stay in the middle of a COPY.
        let _ = copy.abort("the rows could not be sent").await;
        return Err(failure);
    }
    let rows = copy.finish().await.map_err(fault)?;
    if rows != table.rows {
        let doing = format!("restoring {}: {} rows of {} arrived", table.name, rows, table.rows);
        return Err(EngineError::new(ErrorCode::Sys020, doing));
    }
    Ok(folder)
}

async fn exists(connection: &mut PgConnection, function: &str, name: &str) -> Result<bool> {
    let sql = format!("select {function}($1) is not null");
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(name)
        .persistent(false)
        .fetch_one(connection)
        .await
        .map_err(|error| classify(error, "looking for a table"))?;
    row.try_get(0).map_err(|error| classify(error, "looking for a table"))
}

async fn run(connection: &mut PgConnection, sql: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .map(drop)
        .map_err(|error| classify(error, "running a statement for the backup"))
}

async fn one_text(connection: &mut PgConnection, sql: &str) -> Result<String> {
    let row = sqlx::query(AssertSqlSafe(sql.to_owned()))
        .persistent(false)
        .fetch_one(connection)
        .await
        .map_err(|error| classify(error, "asking the target"))?;
    row.try_get(0).map_err(|error| classify(error, "asking the target"))
}
