//! After the data and its keys: foreign keys, orphans, sequences.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::assessment::{ForeignKey, TableName};
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::{Orphans, TableMapping};

use super::board::Board;
use super::builders::{because, note};
use super::escalate::escalate;
use super::transaction::end;
use super::{Request, foreign_keys};
use crate::error::{EngineError, Result};
use crate::ident::{literal, quote, quote_table};
use crate::load::ledger::{self, Entry, Origin, RunRecord};
use crate::load::mark::{self, TableRecord, Writer};
use crate::load::schema::{self, Kind};
use crate::load::statements::{self, Statements, Written};
use crate::load::{Session, Target, orphans};
use crate::map::target_name;

/// Makes everything that comes after the data. What is there already is left alone, so that a
/// run that stopped here goes on here.
pub(super) async fn finish<T: Target + 'static>(
    target: &Arc<T>,
    session: &mut T::Session,
    request: &Request,
    run: &RunRecord,
    board: &Board,
) -> Result<()> {
    let engine = target.engine();
    let plan = &request.plan;
    let records = ledger::tables(session, &run.run_id).await?;
    if engine == Engine::Postgres {
        // Most databases have no orphans: making the keys is then what shows it.
        if !foreign_keys::add(target, session, plan, &run.run_id).await? {
            foreign_keys::drop(session, plan, &run.run_id).await?;
            take_out_orphans(session, request, run, &records, board).await?;
            if !foreign_keys::add(target, session, plan, &run.run_id).await? {
                return Err(EngineError::new(ErrorCode::Load004, "making foreign keys"));
            }
        }
        escalate_all(request, board)?;
        for (mapping, record) in plan.tables.iter().zip(&records) {
            set_sequences(session, run, record, mapping).await?;
        }
        if !plan.target_sql.after.trim().is_empty() {
            run_sql_after(session, request, run, &records).await?;
        }
    } else {
        for mapping in &plan.tables {
            for (name, sql) in schema::indexes(engine, mapping) {
                session.run_script(&sql).await.map_err(|error| because(&name, error))?;
            }
        }
        take_out_orphans(session, request, run, &records, board).await?;
        escalate_all(request, board)?;
        for record in &records {
            let table = quote_table(engine, &record.target);
            session.run_script(&format!("analyze {table}")).await?;
        }
        check_foreign_keys(session).await?;
    }
    for index in 0..plan.tables.len() {
        board.finished(index);
    }
    count_again(session, request, run, &records).await
}

/// Rows that came in and went to quarantine afterwards count like any.
fn escalate_all(request: &Request, board: &Board) -> Result<()> {
    let limits = &request.plan.options.escalation;
    for (index, mapping) in request.plan.tables.iter().enumerate() {
        escalate(limits, board, index, &mapping.source)?;
    }
    Ok(())
}

/// Takes out rows without a parent until no key finds any: a row that goes may leave others
/// without theirs.
async fn take_out_orphans<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    records: &[TableRecord],
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
                keep_orphans(session, request, run, &records[index], key).await?;
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

/// Leaves orphans where they are, without the reference: the rows are still the run's.
async fn keep_orphans<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    record: &TableRecord,
    key: &ForeignKey,
) -> Result<()> {
    session.run_script("begin").await?;
    let kept = orphans::keep(session, key, &run.run_id, record, &request.key).await;
    end(session, kept).await.map(drop)
}

fn after_the_data<'a>(run: &'a RunRecord, record: &TableRecord) -> Writer<'a> {
    Writer { run_id: &run.run_id, table_index: record.table_index, ordinal: mark::AFTER_THE_DATA }
}

/// All of a key's orphans in one transaction with the correction of the books. True when rows went.
async fn take_out<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    board: &Board,
    index: usize,
    key: &ForeignKey,
) -> Result<bool> {
    session.run_script("begin").await?;
    let taken = move_orphans(session, request, run, index, key).await;
    let entry = end(session, taken).await?;
    if let Some(entry) = &entry {
        board.committed(entry);
    }
    Ok(entry.is_some())
}

async fn move_orphans<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    index: usize,
    key: &ForeignKey,
) -> Result<Option<Entry>> {
    let mapping = &request.plan.tables[index];
    let table_index = u32::try_from(index).unwrap_or(u32::MAX);
    let target = target_name(session.engine(), &mapping.target);
    let now = request.clock.now();
    let ordinal = ledger::next_correction(session, &run.run_id, table_index).await?;
    let origin = Origin {
        run_id: &run.run_id,
        table_index,
        ordinal,
        source: &mapping.source,
        target: &target,
    };
    orphans::find(session, mapping, key).await?;
    let mut count = 0;
    loop {
        let fresh_id = || request.clock.fresh_id().simple().to_string();
        let rows = orphans::take_out(session, mapping, key, &request.key, fresh_id).await?;
        if rows.is_empty() {
            break;
        }
        count += rows.len();
        ledger::insert_quarantined(session, origin, &rows, now).await?;
    }
    if count == 0 {
        return Ok(None);
    }
    let books = orphans::correction(count);
    let entry = Entry { table_index, ordinal, books, bytes: 0, seconds: 0.0 };
    ledger::insert_entry(session, &run.run_id, &entry, now).await?;
    Ok(Some(entry))
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

/// Asks the target itself how many rows of the run it has: a trigger may have added or removed
/// some, and then the ledger does not tell the truth. Rows of others do not count.
pub(super) async fn count_again<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    records: &[TableRecord],
) -> Result<()> {
    let mut loaded: BTreeMap<TableName, i64> = BTreeMap::new();
    for entry in ledger::entries(session, &run.run_id).await? {
        if let Some(record) = records.get(entry.table_index as usize) {
            *loaded.entry(record.target.clone()).or_default() += entry.books.loaded;
        }
    }
    for (table, loaded) in loaded {
        let own = mark::records_of(records, &table);
        let there = mark::count(session, &run.run_id, &request.key, &own).await?;
        if !there.is_what_was_loaded(loaded) {
            return Err(EngineError::new(
                ErrorCode::Load005,
                format!(
                    "counting {table}: {loaded} rows were loaded, {} of them are there, and {} are not as they were loaded",
                    there.own + there.changed,
                    there.changed
                ),
            ));
        }
    }
    Ok(())
}

/// The next value that a column gives out by itself comes after the largest one loaded. A sequence
/// that was there before only ever moves forward, because others draw from it.
async fn set_sequences<S: Session>(
    session: &mut S,
    run: &RunRecord,
    record: &TableRecord,
    mapping: &TableMapping,
) -> Result<()> {
    let engine = Engine::Postgres;
    let table = quote_table(engine, &record.target);
    let sql = format!(
        "select attname::text, pg_get_serial_sequence({name}, attname::text)
         from pg_attribute
         where attrelid = to_regclass({name}) and attnum > 0 and not attisdropped
           and pg_get_serial_sequence({name}, attname::text) is not null",
        name = literal(engine, &table)
    );
    for row in session.fetch(&sql, &[]).await? {
        let Ok([Some(column), Some(sequence)]) = <[_; 2]>::try_from(row) else { continue };
        if !mapping.columns.iter().any(|mapped| mapped.target == column) {
            continue;
        }
        let name = quote(engine, &column);
        let literal = literal(engine, &sequence);
        if record.made {
            let sql = format!(
                "select setval({literal}, greatest(coalesce(max({name}), 1), 1),
                               coalesce(max({name}) >= 1, false))::text
                 from {table}"
            );
            session.fetch(&sql, &[]).await?;
            continue;
        }
        let sql = format!(
            "select max({name})::text, last_value::text, is_called::text
             from {table} right join {sequence} on true
             group by last_value, is_called
             having max({name}) > last_value or max({name}) = last_value and not is_called"
        );
        let behind = session.fetch(&sql, &[]).await?.into_iter().next();
        let Some([Some(largest), Some(last), Some(is_called)]) =
            behind.and_then(|row| <[_; 3]>::try_from(row).ok())
        else {
            continue;
        };
        let undo = format!(
            "select setval({literal}, {last}, {is_called})::text from {sequence}
             where last_value = {largest} and is_called"
        );
        note(session, &run.run_id, Kind::Sequence, &sequence, &undo).await?;
        let sql = format!(
            "select setval({literal}, {largest})::text from {sequence} where last_value <= {largest}"
        );
        session.fetch(&sql, &[]).await?;
    }
    Ok(())
}

/// Rows of a table of the run that statements of the plan wrote stay the run's, as long as they
/// wrote to no row of somebody else.
async fn note_rewritten<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    records: &[&TableRecord],
    written: Written,
) -> Result<()> {
    let Some(record) = records.first() else { return Ok(()) };
    let indexes: Vec<u32> = records.iter().map(|record| record.table_index).collect();
    let entries = ledger::entries(session, &run.run_id).await?;
    let entries = entries.iter().filter(|entry| indexes.contains(&entry.table_index));
    let loaded: i64 = entries.map(|entry| entry.books.loaded).sum();
    let own =
        mark::is_own(Engine::Postgres, &run.run_id, "t", records, mark::Change::Brought, None);
    let sql = format!(
        "select count(*)::text from {} as t
         where {own} or t.xmin::text = (txid_current() % 4294967296)::text",
        quote_table(Engine::Postgres, &record.target)
    );
    let [rows] = mark::numbers(session, &sql).await?;
    if rows == loaded + written.inserted - written.deleted {
        mark::keep(session, &request.key, after_the_data(run, record), record).await?;
    }
    Ok(())
}

/// Runs the plan's last statements, once a run.
async fn run_sql_after<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    records: &[TableRecord],
) -> Result<()> {
    if ledger::has_object(session, &run.run_id, Kind::Sql, "after").await? {
        return Ok(());
    }
    let made: Vec<TableName> =
        records.iter().filter(|record| record.made).map(|record| record.target.clone()).collect();
    session.run_script("begin").await?;
    let done = async {
        let statements = Statements {
            run_id: &run.run_id,
            name: "after",
            sql: &request.plan.target_sql.after,
            undo: &request.plan.target_sql.undo,
            made: &made,
        };
        let written = match statements::run(session, statements).await {
            Err(error) if error.code() != ErrorCode::Load021 => {
                return Err(because("target_sql.after", error));
            }
            ran => ran?,
        };
        for (table, written) in written {
            note_rewritten(session, request, run, &mark::records_of(records, &table), written)
                .await?;
        }
        Ok(())
    }
    .await;
    end(session, done).await
}
