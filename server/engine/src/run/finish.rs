//! After the data: indexes, orphans, foreign keys, sequences, statistics; and taking a run back.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use shared::assessment::{Catalog, ForeignKey, TableName};
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::{Orphans, TableMapping};
use shared::run::RunState;

use super::Request;
use super::board::Board;
use super::transaction::end;
use crate::error::{EngineError, Result};
use crate::ident::{literal, quote, quote_table};
use crate::load::ledger::{self, Entry, Origin, RunRecord};
use crate::load::schema::{self, Kind};
use crate::load::{Param, Session, Target, orphans};
use crate::map::target_name;

/// Makes everything that comes after the data. What is there already is left alone, so that a
/// run that stopped here goes on here.
pub(super) async fn finish<T: Target>(
    target: &T,
    session: &mut T::Session,
    request: &Request,
    run: &RunRecord,
    board: &Board,
) -> Result<()> {
    let engine = target.engine();
    for mapping in &request.plan.tables {
        for (name, sql) in schema::indexes(engine, mapping) {
            session.run_script(&sql).await.map_err(|error| because(&name, error))?;
        }
    }
    take_out_orphans(session, request, run, board).await?;
    let catalog = session.catalog().await?;
    for (index, mapping) in request.plan.tables.iter().enumerate() {
        if engine == Engine::Postgres {
            add_foreign_keys(session, &catalog, mapping).await?;
            set_sequences(session, mapping).await?;
        }
        let table = quote_table(engine, &target_name(engine, &mapping.target));
        session.run_script(&format!("analyze {table}")).await?;
        board.finished(index);
    }
    match engine {
        Engine::Postgres if !request.plan.target_sql.after.trim().is_empty() => {
            run_sql_after(session, request, run).await?;
        }
        Engine::Sqlite => check_foreign_keys(session).await?,
        _ => {}
    }
    count_again(session, request, run).await
}

/// Takes out rows without a parent until no key finds any: a row that goes may leave others
/// without theirs.
async fn take_out_orphans<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    board: &Board,
) -> Result<()> {
    let tables = &request.plan.tables;
    let all = || {
        tables.iter().enumerate().flat_map(|(index, mapping)| {
            let keys = mapping.create.iter().flat_map(|shape| &shape.foreign_keys);
            keys.map(move |key| (index, key))
        })
    };
    let mut keys: Vec<(usize, &ForeignKey)> = all().collect();
    loop {
        let mut went = Vec::new();
        for &(index, key) in &keys {
            let mapping = &tables[index];
            if matches!(orphans::policy(mapping, key), Orphans::KeepIn(_)) {
                orphans::keep(session, mapping, key).await?;
            } else if take_out(session, request, run, board, index, key).await? {
                went.push(target_name(session.engine(), &mapping.target));
            }
        }
        if went.is_empty() {
            return Ok(());
        }
        // Only a table that lost rows can have left others without a parent.
        let engine = session.engine();
        let all = tables.iter().enumerate().flat_map(|(index, mapping)| {
            let keys = mapping.create.iter().flat_map(|shape| &shape.foreign_keys);
            keys.map(move |key| (index, key))
        });
        keys =
            all.filter(|(_, key)| went.contains(&target_name(engine, &key.references))).collect();
    }
}

/// True when rows went.
async fn take_out<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    board: &Board,
    index: usize,
    key: &ForeignKey,
) -> Result<bool> {
    let mapping = &request.plan.tables[index];
    let table_index = u32::try_from(index).unwrap_or(u32::MAX);
    let target = target_name(session.engine(), &mapping.target);
    let mut any = false;
    loop {
        let now = request.clock.now();
        session.run_script("begin").await?;
        let taken = async {
            let fresh_id = || request.clock.fresh_id().simple().to_string();
            let rows = orphans::take_out(session, mapping, key, &request.key, fresh_id).await?;
            if rows.is_empty() {
                return Ok(None);
            }
            let ordinal = ledger::next_correction(session, &run.run_id, table_index).await?;
            let origin = Origin {
                run_id: &run.run_id,
                table_index,
                ordinal,
                source: &mapping.source,
                target: &target,
            };
            ledger::insert_quarantined(session, origin, &rows, now).await?;
            let books = orphans::correction(rows.len());
            let entry = Entry { table_index, ordinal, books, bytes: 0, seconds: 0.0 };
            ledger::insert_entry(session, &run.run_id, &entry, now).await?;
            Ok(Some(entry))
        }
        .await;
        match end(session, taken).await? {
            Some(entry) => board.committed(&entry),
            None => return Ok(any),
        }
        any = true;
    }
}

async fn add_foreign_keys<S: Session>(
    session: &mut S,
    catalog: &Catalog,
    mapping: &TableMapping,
) -> Result<()> {
    let Some(shape) = &mapping.create else { return Ok(()) };
    let known = catalog.table(&target_name(Engine::Postgres, &mapping.target));
    for key in &shape.foreign_keys {
        let there =
            known.is_some_and(|table| table.foreign_keys.iter().any(|k| k.name == key.name));
        if !there {
            let sql = schema::add_foreign_key(mapping, key);
            session.run_script(&sql).await.map_err(|error| because(&key.name, error))?;
        }
    }
    Ok(())
}

/// SQLite has the keys from the start and checks them only when asked.
async fn check_foreign_keys<S: Session>(session: &mut S) -> Result<()> {
    let broken =
        session.fetch("select \"table\" from pragma_foreign_key_check limit 1", &[]).await?;
    match broken.first().and_then(|row| row.first()?.as_deref()) {
        None => Ok(()),
        Some(table) => Err(EngineError::new(
            ErrorCode::Load004,
            format!("checking the foreign keys of {table}: a row refers to nothing"),
        )),
    }
}

/// Asks the target itself how many rows it has: a trigger, or somebody else, may have added or
/// removed some, and then the ledger does not tell the truth.
async fn count_again<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
) -> Result<()> {
    let engine = session.engine();
    let mut loaded: BTreeMap<TableName, i64> = BTreeMap::new();
    for entry in ledger::entries(session, &run.run_id).await? {
        if let Some(mapping) = request.plan.tables.get(entry.table_index as usize) {
            *loaded.entry(target_name(engine, &mapping.target)).or_default() += entry.books.loaded;
        }
    }
    for (table, loaded) in loaded {
        let sql = format!("select cast(count(*) as text) from {}", quote_table(engine, &table));
        let rows = session.fetch(&sql, &[]).await?;
        let there = rows.first().and_then(|row| row.first()?.as_deref()?.parse::<i64>().ok());
        if there != Some(loaded) {
            return Err(EngineError::new(
                ErrorCode::Load005,
                format!(
                    "counting {table}: {loaded} rows were loaded and {} are there",
                    there.unwrap_or_default()
                ),
            ));
        }
    }
    Ok(())
}

/// The next value that a column gives out by itself comes after the largest one loaded.
async fn set_sequences<S: Session>(session: &mut S, mapping: &TableMapping) -> Result<()> {
    let engine = Engine::Postgres;
    let table = quote_table(engine, &target_name(engine, &mapping.target));
    for column in &mapping.columns {
        let name = quote(engine, &column.target);
        let sql = format!(
            "select pg_get_serial_sequence({}, {})",
            literal(engine, &table),
            literal(engine, &column.target)
        );
        let found = session.fetch(&sql, &[] as &[Param<'_>]).await?;
        let Some(sequence) = found.into_iter().flatten().flatten().next() else { continue };
        let sql = format!(
            "select setval({}, greatest(coalesce(max({name}), 1), 1), coalesce(max({name}) >= 1, false))::text
             from {table}",
            literal(engine, &sequence)
        );
        session.fetch(&sql, &[]).await?;
    }
    Ok(())
}

/// Runs the plan's last statements, once a run.
async fn run_sql_after<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
) -> Result<()> {
    let object = (Kind::Sql.as_str().to_owned(), "after".to_owned());
    if ledger::objects(session, &run.run_id).await?.contains(&object) {
        return Ok(());
    }
    session.run_script("begin").await?;
    let done = async {
        session
            .run_script(&request.plan.target_sql.after)
            .await
            .map_err(|error| because("target_sql.after", error))?;
        ledger::insert_object(session, &run.run_id, Kind::Sql, "after").await
    }
    .await;
    end(session, done).await
}

/// Undoes a run whose tables it made itself: they go, and with them everything on them.
pub(super) async fn take_back<S: Session>(
    session: &mut S,
    run: &RunRecord,
    now: DateTime<Utc>,
) -> Result<()> {
    let engine = session.engine();
    let objects = ledger::objects(session, &run.run_id).await?;
    let made: Vec<&str> = objects
        .iter()
        .filter(|(kind, _)| kind == Kind::Table.as_str())
        .map(|(_, name)| name.as_str())
        .collect();
    refuse_foreign_rows(session, run, &made).await?;
    let mut names = Vec::new();
    for name in &made {
        let name = name.parse().map_err(|error: shared::assessment::InvalidTableName| {
            EngineError::new(ErrorCode::Sys001, "reading what the run made").because(error)
        })?;
        names.push(quote_table(engine, &name));
    }
    session.run_script("begin").await?;
    let done = async {
        if engine == Engine::Postgres && !names.is_empty() {
            // All at once: they may refer to each other. What else refers to them is not ours
            // to drop, and stops this.
            session.run_script(&format!("drop table if exists {}", names.join(", "))).await?;
        } else {
            for name in &names {
                session.run_script(&format!("drop table if exists {name}")).await?;
            }
        }
        for (_, name) in objects.iter().filter(|(kind, _)| kind == Kind::Enum.as_str()) {
            session.run_script(&format!("drop type if exists {}", schema::type_name(name))).await?;
        }
        ledger::forget(session, &run.run_id).await?;
        ledger::set_state(session, &run.run_id, RunState::RolledBack, now).await
    }
    .await;
    end(session, done).await
}

/// A run that also loaded into tables that were there before cannot be taken back by dropping.
async fn refuse_foreign_rows<S: Session>(
    session: &mut S,
    run: &RunRecord,
    made: &[&str],
) -> Result<()> {
    let sql = format!(
        "select distinct cast(table_index as text) from {} where run_id = $1 and loaded <> 0",
        ledger::table(session.engine(), "ledger")
    );
    let loaded = session.fetch(&sql, &[Param::Text(&run.run_id)]).await?.len();
    if loaded > made.len() {
        return Err(EngineError::new(
            ErrorCode::Load001,
            format!("taking back run {}: it loaded into tables that were there before", run.run_id),
        ));
    }
    Ok(())
}

fn because(name: &str, error: EngineError) -> EngineError {
    let code = match error.code() {
        ErrorCode::Sys001 | ErrorCode::Load002 => ErrorCode::Load004,
        code => code,
    };
    EngineError::new(code, format!("making {name}")).because(error)
}
