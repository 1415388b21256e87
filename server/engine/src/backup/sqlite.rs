//! SQLite databases, copied as a whole and put back table by table.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use shared::assessment::TableName;
use shared::backup::{DatabaseBackup, RestoredTable, TableBackup};
use shared::connection::Engine;
use shared::error_code::ErrorCode;

use super::{Folder, NewFolder, Occupied, Restored, Tables, in_the_way};
use crate::connect::{Address, sqlite::classify_rows};
use crate::error::{EngineError, Result};
use crate::ident::{literal, quote, quote_list};
use crate::load::ledger;
use crate::map::target_name;

pub(super) async fn take(
    mut folder: NewFolder,
    part: &'static str,
    url: &str,
    tables: Tables<'_>,
) -> Result<(NewFolder, DatabaseBackup)> {
    let path = path_of(url)?;
    let planned: Option<Vec<TableName>> = match tables {
        Tables::All => None,
        Tables::OfAPlan(tables) => {
            Some(tables.iter().map(|table| target_name(Engine::Sqlite, table)).collect())
        }
    };
    let place = url.to_owned();
    in_background("copying a SQLite database", move || {
        let scratch = folder.scratch(part);
        let copied = copy(&path, &scratch, planned.as_deref());
        let (server, tables) = match copied {
            Ok(copied) => copied,
            Err(error) => {
                // A copy that is not whole is of no use to anybody.
                let _ = std::fs::remove_file(&scratch);
                return Err(error);
            }
        };
        let file = format!("{part}.db.zst.sealed");
        let added = folder.add(&file, &scratch);
        let removed = std::fs::remove_file(&scratch);
        added?;
        removed.map_err(|error| {
            let doing = format!("removing {}", scratch.display());
            EngineError::new(ErrorCode::Sys003, doing).because(error)
        })?;
        let backup = DatabaseBackup {
            engine: Engine::Sqlite,
            server,
            place,
            file: Some(file),
            tables,
            schema: shared::backup::Schema::default(),
            sequences: Vec::new(),
        };
        Ok((folder, backup))
    })
    .await
}

/// `VACUUM INTO` reads one state of the database while others write to it.
fn copy(
    path: &Path,
    scratch: &Path,
    planned: Option<&[TableName]>,
) -> Result<(String, Vec<TableBackup>)> {
    let doing = || format!("copying {}", path.display());
    let fault = |error| classify_rows(error, doing());
    let from = open(path)?;
    let _ = std::fs::remove_file(scratch);
    let sql = format!("vacuum into {}", literal(Engine::Sqlite, &scratch.display().to_string()));
    from.execute_batch(&sql).map_err(fault)?;
    #[cfg(unix)]
    std::fs::set_permissions(scratch, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(|error| EngineError::new(ErrorCode::Sys003, doing()).because(error))?;
    let copy = open(scratch)?;
    let mut tables = Vec::new();
    for name in names(&copy, "main")? {
        let table = TableName::new(None, &name);
        let is_wanted = planned.is_none_or(|planned| {
            planned.contains(&table) || ledger::is_own(Engine::Sqlite, &table)
        });
        if !is_wanted {
            continue;
        }
        let sql = format!("select count(*) from {}", quote(Engine::Sqlite, &name));
        let rows: i64 = copy.query_row(&sql, [], |row| row.get(0)).map_err(fault)?;
        tables.push(TableBackup {
            columns: columns(&copy, "main", &name)?,
            name: table,
            rows: rows.unsigned_abs(),
            file: None,
        });
    }
    let version: String =
        copy.query_row("select sqlite_version()", [], |row| row.get(0)).map_err(fault)?;
    Ok((format!("SQLite {version}"), tables))
}

pub(super) async fn restore(
    folder: Folder,
    part: &DatabaseBackup,
    url: &str,
    occupied: Occupied,
) -> Result<Restored> {
    let path = path_of(url)?;
    let part = part.clone();
    in_background("restoring a SQLite database", move || {
        let scratch = beside(&path, ".restoring");
        let restored = extract(&folder, &part, &scratch)
            .and_then(|()| put_back(&path, &scratch, &part, occupied));
        // It holds what the backup holds, in clear.
        let removed = std::fs::remove_file(&scratch);
        let restored = restored?;
        removed.map_err(|error| {
            let doing = format!("removing {}", scratch.display());
            EngineError::new(ErrorCode::Sys003, doing).because(error)
        })?;
        Ok(restored)
    })
    .await
}

pub(super) fn extract(folder: &Folder, part: &DatabaseBackup, to: &Path) -> Result<()> {
    let Some(file) = &part.file else {
        let doing = "restoring: the backup has no SQLite database";
        return Err(EngineError::new(ErrorCode::Sys021, doing));
    };
    folder.extract(file, to)?;
    let copy = open(to)?;
    let verdict: String = copy
        .query_row("pragma integrity_check(1)", [], |row| row.get(0))
        .map_err(|error| classify_rows(error, format!("looking through {}", to.display())))?;
    if verdict != "ok" {
        let doing = format!("looking through {}", to.display());
        return Err(EngineError::new(ErrorCode::Sys020, doing));
    }
    Ok(())
}

/// All tables in one transaction, with keys switched off: rows come in any order.
fn put_back(
    path: &Path,
    scratch: &Path,
    part: &DatabaseBackup,
    occupied: Occupied,
) -> Result<Restored> {
    let doing = || format!("restoring into {}", path.display());
    let fault = |error| classify_rows(error, doing());
    let target = open(path)?;
    target
        .execute_batch("pragma foreign_keys = off; pragma recursive_triggers = off")
        .map_err(fault)?;
    let attach =
        format!("attach {} as backup", literal(Engine::Sqlite, &scratch.display().to_string()));
    target.execute_batch(&attach).map_err(fault)?;
    target.execute_batch("begin immediate").map_err(fault)?;
    let there = names(&target, "main")?;
    let mut restored = Restored::default();
    for table in &part.tables {
        let name = &table.name.name;
        let made = !there.contains(name);
        if made {
            make(&target, name)?;
        }
        let known = columns(&target, "main", name)?;
        if let Some(missing) = table.columns.iter().find(|column| !known.contains(column)) {
            return Err(EngineError::new(
                ErrorCode::Sys021,
                format!("restoring {name}: it has no column {missing}"),
            ));
        }
        let quoted = quote(Engine::Sqlite, name);
        if occupied == Occupied::Refuse {
            let any = format!("select exists (select 1 from main.{quoted})");
            if target.query_row(&any, [], |row| row.get(0)).map_err(fault)? {
                return Err(in_the_way(&table.name));
            }
        }
        let triggers = silence(&target, name)?;
        let columns = quote_list(Engine::Sqlite, &table.columns);
        let sql = format!(
            "delete from main.{quoted};
             insert into main.{quoted} ({columns}) select {columns} from backup.{quoted};"
        );
        target.execute_batch(&sql).map_err(fault)?;
        for sql in triggers {
            target.execute_batch(&sql).map_err(fault)?;
        }
        let sql = format!("select count(*) from main.{quoted}");
        let rows: i64 = target.query_row(&sql, [], |row| row.get(0)).map_err(fault)?;
        if rows.unsigned_abs() != table.rows {
            let doing = format!("restoring {name}: {rows} rows of {} arrived", table.rows);
            return Err(EngineError::new(ErrorCode::Sys020, doing));
        }
        restored.tables.push(RestoredTable { name: table.name.clone(), rows: table.rows, made });
    }
    target.execute_batch("commit; detach backup").map_err(fault)?;
    Ok(restored)
}

/// Makes a table and its indexes as the backup has them.
fn make(target: &Connection, name: &str) -> Result<()> {
    let fault = |error| classify_rows(error, format!("making {name}"));
    let sql = "select sql from backup.sqlite_master
               where tbl_name = ?1 and type in ('table', 'index') and sql is not null
               order by type desc, name";
    let mut statement = target.prepare(sql).map_err(fault)?;
    let made: Vec<String> =
        statement.query_map([name], |row| row.get(0)).and_then(Iterator::collect).map_err(fault)?;
    for sql in made {
        target.execute_batch(&sql).map_err(fault)?;
    }
    Ok(())
}

/// Takes a table's triggers off. The answer makes them again.
fn silence(target: &Connection, name: &str) -> Result<Vec<String>> {
    let fault = |error| classify_rows(error, format!("restoring {name}"));
    let sql = "select name, sql from main.sqlite_master where type = 'trigger' and tbl_name = ?1";
    let mut statement = target.prepare(sql).map_err(fault)?;
    let triggers: Vec<(String, String)> = statement
        .query_map([name], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect)
        .map_err(fault)?;
    drop(statement);
    for (trigger, _) in &triggers {
        let sql = format!("drop trigger main.{}", quote(Engine::Sqlite, trigger));
        target.execute_batch(&sql).map_err(fault)?;
    }
    Ok(triggers.into_iter().map(|(_, sql)| sql).collect())
}

fn names(connection: &Connection, database: &str) -> Result<Vec<String>> {
    let sql = format!(
        "select name from {database}.sqlite_master
         where type = 'table' and name not like 'sqlite\\_%' escape '\\' order by name"
    );
    list(connection, &sql)
}

/// What can be written back.
fn columns(connection: &Connection, database: &str, table: &str) -> Result<Vec<String>> {
    let sql = format!(
        "select name from pragma_table_xinfo({}, '{database}') where hidden = 0 order by cid",
        literal(Engine::Sqlite, table)
    );
    list(connection, &sql)
}

fn list(connection: &Connection, sql: &str) -> Result<Vec<String>> {
    let fault = |error| classify_rows(error, "reading the catalog of SQLite");
    let mut statement = connection.prepare(sql).map_err(fault)?;
    statement.query_map([], |row| row.get(0)).and_then(Iterator::collect).map_err(fault)
}

fn open(path: &Path) -> Result<Connection> {
    let fault = |error| classify_rows(error, format!("opening {}", path.display()));
    let connection = Connection::open(path).map_err(fault)?;
    connection.busy_timeout(std::time::Duration::from_secs(10)).map_err(fault)?;
    Ok(connection)
}

fn path_of(url: &str) -> Result<PathBuf> {
    match Address::parse(url)? {
        Address::Sqlite(path) => Ok(path),
        _ => Err(EngineError::new(
            ErrorCode::Conn006,
            "opening a database: it is not one of sqlite:PATH",
        )),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

async fn in_background<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| EngineError::new(ErrorCode::Sys001, doing).because(error))?
}
