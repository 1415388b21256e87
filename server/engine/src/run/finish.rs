//! After the data and its keys: foreign keys, orphans, sequences.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::try_join_all;
use shared::assessment::{ForeignKey, TableName};
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::{Existing, Orphans, Plan, TableMapping};

use super::board::Board;
use super::builders::{References, because, note};
use super::escalate::escalate;
use super::transaction::end;
use super::{Request, foreign_keys, set_aside};
use crate::error::{EngineError, Result};
use crate::ident::{literal, quote, quote_table};
use crate::load::claim::Claim;
use crate::load::ledger::{self, Entry, Origin, RunRecord};
use crate::load::mark::{self, Change, TableRecord, Writer};
use crate::load::orphans::OwnRows;
use crate::load::schema::{self, Kind};
use crate::load::statements::{self, Statements, Written};
use crate::load::{Session, Target, before_image, orphans};
use crate::map::target_name;

/// Makes everything that comes after the data. What is there already is left alone, so that a
/// run that stopped here goes on here.
pub(super) async fn finish<T: Target + 'static>(
    target: &Arc<T>,
    session: &mut T::Session,
    request: &Request,
    (run, claim): (&RunRecord, &Claim),
    board: &Board,
    references: References,
) -> Result<()> {
    let engine = target.engine();
    let plan = &request.plan;
    let records = ledger::tables(session, &run.run_id).await?;
    if engine == Engine::Postgres {
        set_aside::settle(session, request, claim, &records, board).await?;
        // Most databases have no orphans: making the keys is then what shows it.
        let hold = match references {
            References::ToBeMade => foreign_keys::add(target, session, plan, &run.run_id).await?,
            made => made == References::Hold,
        };
        if !hold {
            foreign_keys::drop(session, plan, &run.run_id).await?;
            take_out_orphans(session, request, claim, &records, board).await?;
            if !foreign_keys::add(target, session, plan, &run.run_id).await? {
                return Err(name_what_is_left(session, plan).await?);
            }
        }
        escalate_all(request, board)?;
        for (mapping, record) in plan.tables.iter().zip(&records) {
            set_sequences(session, run, record, mapping).await?;
        }
        if !plan.target_sql.after.trim().is_empty() {
            run_sql_after(&**target, session, request, run, &records).await?;
        }
    } else {
        for mapping in &plan.tables {
            for (name, sql) in schema::indexes(engine, mapping) {
                session.run_script(&sql).await.map_err(|error| because(&name, error))?;
            }
        }
        take_out_orphans(session, request, claim, &records, board).await?;
        escalate_all(request, board)?;
        for record in &records {
            let table = quote_table(engine, &record.target);
            session.run_script(&format!("analyze {table}")).await?;
        }
        check_foreign_keys(session, request, run, &records).await?;
    }
    for index in 0..plan.tables.len() {
        board.finished(index);
    }
    count_again(&**target, session, request, run, &records).await
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
    claim: &Claim,
    records: &[TableRecord],
    board: &Board,
) -> Result<()> {
    let engine = session.engine();
    let tables = &request.plan.tables;
    let all = keys_to_hold(session, &request.plan).await?;
    let mut keys: Vec<&(usize, ForeignKey)> = all.iter().collect();
    loop {
        let mut went = Vec::new();
        for (index, key) in keys {
            let target = target_name(engine, &tables[*index].target);
            // Mostly there are none, and then nobody has to look whose rows are whose.
            if orphans::count(session, &target, key).await? == 0 {
                continue;
            }
            let own =
                OwnRows { claim, records: &mark::records_of(records, &target), key: &request.key };
            if matches!(orphans::policy(&tables[*index], key), Orphans::KeepIn(_)) {
                keep_orphans(session, key, own).await?;
            } else if take_out(session, request, board, *index, key, own).await? {
                went.push(target);
            }
        }
        if went.is_empty() {
            return Ok(());
        }
        // Only a table that lost rows can have left others without a parent.
        let lost_one =
            |(_, key): &&(usize, ForeignKey)| went.contains(&target_name(engine, &key.references));
        keys = all.iter().filter(lost_one).collect();
    }
}

/// The keys that rows are held against after the data: those of the plan and, where the target
/// does not look while rows come in, those that its tables had before.
async fn keys_to_hold<S: Session>(
    session: &mut S,
    plan: &Plan,
) -> Result<Vec<(usize, ForeignKey)>> {
    let engine = session.engine();
    let mut keys: Vec<(usize, ForeignKey)> = Vec::new();
    let catalog = if engine == Engine::Sqlite { Some(session.catalog().await?) } else { None };
    for (index, mapping) in plan.tables.iter().enumerate() {
        let planned = mapping.create.iter().flat_map(|shape| &shape.foreign_keys);
        let there = catalog.as_ref().and_then(|c| c.table(&target_name(engine, &mapping.target)));
        let held = there.iter().flat_map(|table| &table.foreign_keys);
        for key in planned.chain(held) {
            let is_known = keys.iter().any(|(other, known)| {
                *other == index
                    && known.columns == key.columns
                    && target_name(engine, &known.references)
                        == target_name(engine, &key.references)
            });
            if !is_known {
                keys.push((index, key.clone()));
            }
        }
    }
    Ok(keys)
}

/// Leaves orphans where they are, without the reference: the rows are still the run's.
async fn keep_orphans<S: Session>(
    session: &mut S,
    key: &ForeignKey,
    own: OwnRows<'_>,
) -> Result<()> {
    session.run_script("begin").await?;
    let kept = orphans::keep(session, key, own).await;
    end(session, kept).await.map(drop)
}

fn after_the_data<'a>(run: &'a RunRecord, record: &TableRecord) -> Writer<'a> {
    Writer { run_id: &run.run_id, table_index: record.table_index, ordinal: mark::AFTER_THE_DATA }
}

/// All of a key's orphans in one transaction with the correction of the books. True when rows went.
async fn take_out<S: Session>(
    session: &mut S,
    request: &Request,
    board: &Board,
    index: usize,
    key: &ForeignKey,
    own: OwnRows<'_>,
) -> Result<bool> {
    orphans::find_own(session, own).await?;
    session.run_script("begin").await?;
    let taken = move_orphans(session, request, index, key, own).await;
    let entries = end(session, taken).await?;
    for entry in &entries {
        board.committed(entry);
    }
    Ok(!entries.is_empty())
}

async fn move_orphans<S: Session>(
    session: &mut S,
    request: &Request,
    index: usize,
    key: &ForeignKey,
    own: OwnRows<'_>,
) -> Result<Vec<Entry>> {
    let run_id = &own.claim.run_id;
    let mapping = &request.plan.tables[index];
    let table_index = u32::try_from(index).unwrap_or(u32::MAX);
    let target = target_name(session.engine(), &mapping.target);
    let now = request.clock.now();
    let fresh_id = || request.clock.fresh_id().simple().to_string();
    let ordinal = ledger::next_correction(session, run_id, table_index).await?;
    let origin = Origin { run_id, table_index, ordinal, source: &mapping.source, target: &target };
    orphans::find(session, mapping, key, own).await?;
    let mut taken_out = 0;
    loop {
        let rows = orphans::take_out(session, mapping, key, own, fresh_id).await?;
        if rows.is_empty() {
            break;
        }
        taken_out += rows.len();
        ledger::insert_quarantined(session, origin, &rows, now).await?;
    }
    let mut entries = Vec::new();
    if taken_out > 0 {
        let books = orphans::correction(taken_out, 0);
        entries.push(Entry { table_index, ordinal, books, bytes: 0, seconds: 0.0 });
        ledger::insert_entry(session, run_id, &entries[0], now).await?;
    }
    // Rows that were there before do not go: they become what they were.
    for record in own.records.iter().filter(|record| record.existing == Existing::Update) {
        let table_index = record.table_index;
        let mapping = &request.plan.tables[table_index as usize];
        let ordinal = ledger::next_correction(session, run_id, table_index).await?;
        let origin =
            Origin { run_id, table_index, ordinal, source: &mapping.source, target: &target };
        let mut taken_back = 0;
        for chunk in before_image::ordinals(session, run_id, table_index).await? {
            let of = (*record, chunk);
            let rows = orphans::take_back(session, mapping, of, key, own, fresh_id).await?;
            taken_back += rows.len();
            ledger::insert_quarantined(session, origin, &rows, now).await?;
        }
        if taken_back > 0 {
            let books = orphans::correction(0, taken_back);
            let entry = Entry { table_index, ordinal, books, bytes: 0, seconds: 0.0 };
            ledger::insert_entry(session, run_id, &entry, now).await?;
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// SQLite has the keys from the start and checks them only when asked. Rows of others that refer to
/// nothing did so before.
async fn check_foreign_keys<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    records: &[TableRecord],
) -> Result<()> {
    let engine = session.engine();
    for record in records {
        let check = format!("pragma_foreign_key_check({})", literal(engine, &record.target.name));
        let sql = format!("select cast(count(*) as text) from {check}");
        let [broken] = mark::numbers(session, &sql).await?;
        let own = mark::records_of(records, &record.target);
        let is_shared = own.iter().any(|record| record.existing != Existing::Refuse);
        let broken = if broken > 0 && is_shared {
            mark::gather(session, &run.run_id, &request.key, &own, None).await?;
            let is = |change| mark::is_own(engine, &run.run_id, "t", &own, change, None);
            let sql = format!(
                "select cast(count(*) as text) from {check} as broken
                 join {} as t on t._rowid_ = broken.\"rowid\"
                 where {} or {}",
                quote_table(engine, &record.target),
                is(Change::Brought),
                is(Change::Changed)
            );
            let [broken] = mark::numbers(session, &sql).await?;
            broken
        } else {
            broken
        };
        if broken > 0 {
            let table = &record.target;
            return Err(EngineError::new(
                ErrorCode::Load004,
                format!("checking the foreign keys of {table}: {broken} rows refer to nothing"),
            ));
        }
    }
    Ok(())
}

/// Says which key cannot be made: what is left without a parent is not the run's to take out.
async fn name_what_is_left<S: Session>(session: &mut S, plan: &Plan) -> Result<EngineError> {
    for (index, key) in keys_to_hold(session, plan).await? {
        let target = target_name(session.engine(), &plan.tables[index].target);
        let rows = orphans::count(session, &target, &key).await?;
        if rows > 0 {
            return Ok(EngineError::new(
                ErrorCode::Load004,
                format!(
                    "making {}: {rows} rows of {target} that the run did not bring refer to nothing",
                    key.name
                ),
            ));
        }
    }
    Ok(EngineError::new(ErrorCode::Load004, "making foreign keys"))
}

/// Asks the target itself how many rows of the run it has: a trigger may have added or removed
/// some, and then the ledger does not tell the truth. Rows of others do not count. As many tables are
/// counted at once as the plan has workers.
pub(super) async fn count_again<T: Target>(
    target: &T,
    session: &mut T::Session,
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
    let loaded: Vec<(TableName, i64)> = loaded.into_iter().collect();
    let workers = request.workers_into(target.engine());
    let mut others = Vec::new();
    for _ in 1..workers.min(loaded.len()) {
        others.push(target.session().await?);
    }
    let next = AtomicUsize::new(0);
    let counting = others.iter_mut().chain([session]).map(|session| async {
        while let Some((table, loaded)) = loaded.get(next.fetch_add(1, Ordering::Relaxed)) {
            let own = mark::records_of(records, table);
            let there = mark::count(session, &run.run_id, &request.key, &own).await?;
            if !there.is_what_was_loaded(*loaded) {
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
    });
    try_join_all(counting).await.map(drop)
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
async fn run_sql_after<T: Target>(
    target: &T,
    session: &mut T::Session,
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
        let written = match statements::run(target, session, statements).await {
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
