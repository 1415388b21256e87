//! Takes back what an action did: rows stand again where they stood before it. Rows that it
//! brought into the target go out again, and the books are corrected in the same transaction.
//!
//! Only the last thing that was done with a row can be undone. A row that somebody changed in the
//! target since is left there, and told.

use std::collections::{BTreeMap, BTreeSet};

use shared::assessment::TableName;
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use shared::id::QuarantineActionId;
use shared::quarantine::{ActionKind, QuarantineAction};

use super::Quarantine;
use super::kept::{Cells, hex_of, opened};
use super::lane::Lane;
use super::record::STEP_COLUMNS;
use super::replay::{Went, correct};
use super::work::Desk;
use super::{parsed, record, unreadable};
use crate::error::{EngineError, Result};
use crate::ident::{literal, quote, quote_list, quote_table};
use crate::load::before_image::{self, ImageOf};
use crate::load::ledger::{self, RowForm};
use crate::load::mark::{self, Change, TableRecord};
use crate::load::{LoadColumn, LoadTable, Param, Piece as _, Session};
use crate::value::Value;

/// Rows that are taken out at once.
const ROWS_AT_ONCE: usize = 1_000;

pub(super) async fn undo<S: Session>(
    desk: &mut Desk<'_>,
    session: &mut S,
    id: &QuarantineActionId,
) -> Result<()> {
    let run = desk.quarantine.run;
    let doing = || format!("undoing action {id} of run {run}");
    let found = record::find_action(session, run, id.as_str()).await?;
    let action = found.ok_or_else(|| EngineError::new(ErrorCode::Load050, doing()))?;
    if action.undone_by.is_some() || action.kind == ActionKind::Undo {
        return Err(EngineError::new(ErrorCode::Load051, doing()).because("it was undone already"));
    }
    refuse_later_steps(session, &action).await?;
    desk.action.what = format!("undone: {}", action.what);
    let staying = if action.kind == ActionKind::Replay {
        take_out(desk, session, &action).await?
    } else {
        BTreeSet::new()
    };
    go_back(desk, session, &action, &staying).await
}

/// What was done later with one of the rows has to be undone first.
async fn refuse_later_steps<S: Session>(session: &mut S, action: &QuarantineAction) -> Result<()> {
    let engine = session.engine();
    let sql = format!(
        "select cast(count(*) as text)
         from (
             select row_id, max(number) as last from {} where action_id = $1 group by row_id
         ) as span
         join {} as q on q.id = span.row_id and q.top <> span.last",
        ledger::table(engine, "quarantine_steps"),
        ledger::table(engine, "quarantine")
    );
    let rows = session.fetch(&sql, &[Param::Text(action.id.as_str())]).await?;
    let later: u64 = parsed(rows.into_iter().next().and_then(|mut row| row.pop()).flatten())?;
    if later == 0 {
        return Ok(());
    }
    Err(EngineError::new(ErrorCode::Load051, format!("undoing action {}", action.id))
        .because(format!("something else was done with {later} of its rows since")))
}

/// A row that a replay brought into the target.
struct Gone {
    id: String,
    form: RowForm,
    /// The row as it went in.
    row: Cells,
}

/// Takes rows out of the target again, children before their parents. Gives those that stay since
/// somebody changed them.
async fn take_out<S: Session>(
    desk: &mut Desk<'_>,
    session: &mut S,
    action: &QuarantineAction,
) -> Result<BTreeSet<String>> {
    let mut lanes = desk.lanes(session, None).await?;
    let mut staying = BTreeSet::new();
    let run = desk.quarantine.run.as_str();
    let ordinals = record::ordinals_of(session, action.id.as_str()).await?;
    let records = ledger::tables(session, run).await?;
    for index in lanes.order().into_iter().rev() {
        let record = records.iter().find(|record| record.table_index == index);
        let ordinals = ordinals.iter().filter(|(table, _)| *table == index);
        let images = Images {
            desk: desk.quarantine,
            record: record.ok_or_else(unreadable)?,
            ordinals: ordinals.map(|(_, ordinal)| *ordinal).collect(),
        };
        let mut after = String::new();
        let mut taken = Went::default();
        loop {
            let gone = gone_from(desk, session, action, index, &after).await?;
            let Some(last) = gone.last() else { break };
            after.clone_from(&last.id);
            let lane = lanes.get(index)?;
            for form in [RowForm::Source, RowForm::Target] {
                let gone: Vec<&Gone> = gone.iter().filter(|gone| gone.form == form).collect();
                if gone.is_empty() {
                    continue;
                }
                let (places, put_back) = delete(session, lane, form, &gone, &images).await?;
                let count = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
                taken.merged -= count(put_back);
                taken.loaded -= count(places.len() - put_back);
                let stay = (0..gone.len()).filter(|place| !places.contains(place));
                staying.extend(stay.map(|place| gone[place].id.clone()));
            }
        }
        let ordinal = ledger::next_correction(session, run, index).await?;
        correct(desk, session, (index, ordinal), taken).await?;
    }
    if staying.is_empty() {
        // Nothing is left that would have to be found again.
        for (index, ordinal) in ordinals {
            mark::forget(session, run, index, Some(ordinal)).await?;
        }
    }
    Ok(staying)
}

async fn gone_from<S: Session>(
    desk: &Desk<'_>,
    session: &mut S,
    action: &QuarantineAction,
    index: u32,
    after: &str,
) -> Result<Vec<Gone>> {
    let engine = session.engine();
    let sql = format!(
        "select s.row_id, q.form, {}
         from {} as s
         join {} as q on q.id = s.row_id
         where s.action_id = $1 and s.state = 'replayed' and s.row_id > $2 and q.table_index = {index}
         order by s.row_id
         limit {ROWS_AT_ONCE}",
        hex_of(engine, "s.sealed"),
        ledger::table(engine, "quarantine_steps"),
        ledger::table(engine, "quarantine")
    );
    let rows = session.fetch(&sql, &[Param::Text(action.id.as_str()), Param::Text(after)]).await?;
    rows.into_iter()
        .map(|row| {
            let [id, form, row] = <[_; 3]>::try_from(row).map_err(|_| unreadable())?;
            Ok(Gone {
                id: id.ok_or_else(unreadable)?,
                form: RowForm::from_name(&form.unwrap_or_default()).ok_or_else(unreadable)?,
                row: opened(desk.quarantine.key, &row.ok_or_else(unreadable)?)?,
            })
        })
        .collect()
}

const WENT: &str = "transfuse_went";
const FOUND: &str = "transfuse_found";
const PLACE: &str = "transfuse_place";

/// What rows were that a replay wrote over.
struct Images<'a> {
    desk: Quarantine<'a>,
    record: &'a TableRecord,
    /// Where the ledger has what the replay did in the table.
    ordinals: Vec<i32>,
}

impl Images<'_> {
    /// Makes those of the rows that were found what they were before, and leaves the others.
    async fn put_back<S: Session>(&self, session: &mut S) -> Result<usize> {
        let (engine, run_id) = (session.engine(), self.desk.run.as_str());
        let records = [self.record];
        mark::prepare(session, self.desk.key).await?;
        mark::gather(session, run_id, self.desk.key, &records, Some(&self.ordinals)).await?;
        let spot = spot(engine);
        let of = ImageOf { target: &self.record.target, key: &self.record.key };
        let text = format!("cast(t.{spot} as text)");
        let mut put_back = 0;
        for ordinal in &self.ordinals {
            let chunk = Some(std::slice::from_ref(ordinal));
            let changed = mark::is_own(engine, run_id, "t", &records, Change::Changed, chunk);
            let condition = format!("{changed} and t.{spot} in (select spot from {FOUND})");
            let owner = before_image::owner(run_id, self.record.table_index, *ordinal);
            let rows = before_image::take_back(
                session,
                self.desk.key,
                &owner,
                of,
                &condition,
                std::slice::from_ref(&text),
            )
            .await?;
            let spots: Vec<String> = rows.into_iter().flatten().flatten().collect();
            put_back += spots.len();
            for some in spots.chunks(ROWS_AT_ONCE) {
                let list: Vec<String> = some.iter().map(|spot| literal(engine, spot)).collect();
                let sql = format!(
                    "delete from {FOUND} where cast(spot as text) in ({})",
                    list.join(", ")
                );
                session.run_script(&sql).await?;
            }
            let ids: Vec<i64> = spots.iter().filter_map(|spot| spot.parse().ok()).collect();
            mark::forget_changed(session, run_id, self.record, &ids).await?;
        }
        Ok(put_back)
    }
}

/// Takes those rows out that are still in the target as they went in, each once, and gives their
/// places, and how many of them are what they were before the replay.
async fn delete<S: Session>(
    session: &mut S,
    lane: &Lane,
    form: RowForm,
    gone: &[&Gone],
    images: &Images<'_>,
) -> Result<(BTreeSet<usize>, usize)> {
    let engine = lane.engine;
    let load = lane.load(form);
    let table = quote_table(engine, &load.name);
    let columns = quote_list(engine, load.columns.iter().map(|column| &column.name));
    let make = format!(
        "create temporary table {WENT} as
         select cast(0 as bigint) as {PLACE}, {columns} from {table} where 1 = 0"
    );
    session.run_script(&make).await?;
    let place = LoadColumn {
        name: PLACE.to_owned(),
        data_type: DataType::BigInt,
        is_enum: false,
        is_raw: false,
    };
    let schema = if engine == Engine::Postgres { "pg_temp" } else { "temp" };
    let went = LoadTable {
        name: TableName::new(Some(schema), WENT),
        columns: std::iter::once(place).chain(load.columns.iter().cloned()).collect(),
    };
    let mut piece = session.piece(&went);
    for (place, gone) in gone.iter().enumerate() {
        let named = |name: &str| {
            let cell = gone.row.iter().find(|(known, _)| known == name);
            cell.map_or(Value::Null, |(_, value)| value.clone())
        };
        let mut values = vec![Value::Int(i64::try_from(place).unwrap_or(i64::MAX))];
        values.extend(load.columns.iter().map(|column| named(&column.name)));
        // A row that no longer has a form in the target is not there as it went in.
        let _ = piece.push(&values);
    }
    session.write(&went, &piece).await?;
    session.run_script(&find(engine, &table, load, lane.key_columns())).await?;
    let rows = session.fetch(&format!("select cast({PLACE} as text) from {FOUND}"), &[]).await?;
    let places: BTreeSet<usize> =
        rows.iter().filter_map(|row| row.first()?.as_deref()?.parse().ok()).collect();
    let put_back = images.put_back(session).await?;
    let spot = spot(engine);
    let delete = format!("delete from {table} where {spot} in (select spot from {FOUND})");
    let deleted = session.execute(&delete, &[]).await.map_err(|error| match error.code() {
        ErrorCode::Data008 => EngineError::new(
            ErrorCode::Load052,
            format!("taking replayed rows out of {}", load.name),
        )
        .because(error),
        _ => error,
    })?;
    session.run_script(&format!("drop table {WENT}; drop table {FOUND}")).await?;
    if usize::try_from(deleted) != Ok(places.len() - put_back) {
        return Err(EngineError::new(
            ErrorCode::Load002,
            format!("taking replayed rows out of {}: they change meanwhile", load.name),
        ));
    }
    Ok((places, put_back))
}

/// Where a row lies.
const fn spot(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => "ctid",
        _ => "rowid",
    }
}

/// A statement that notes which row of the target is which row that went in. Rows are compared
/// whole, by the texts of their values; of equal ones each is taken once.
fn find(engine: Engine, table: &str, load: &LoadTable, key: &[String]) -> String {
    let spot = spot(engine);
    let whole = |alias: &str| {
        let columns: Vec<String> = load
            .columns
            .iter()
            .map(|column| format!("{alias}.{}", quote(engine, &column.name)))
            .collect();
        if engine == Engine::Postgres {
            return format!("row({})::text", columns.join(", "));
        }
        let texts: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
        texts.join(" || ',' || ")
    };
    // By the key, where there is one, so that the table need not be read as a whole.
    let candidates = if key.is_empty() {
        format!("{} in (select {} from {WENT} as went)", whole("kept"), whole("went"))
    } else {
        let names = |alias: &str| {
            let names: Vec<String> =
                key.iter().map(|name| format!("{alias}.{}", quote(engine, name))).collect();
            names.join(", ")
        };
        format!("({}) in (select {} from {WENT} as went)", names("kept"), names("went"))
    };
    format!(
        "create temporary table {FOUND} as
         select went.{PLACE}, kept.spot
         from (
             select kept.{spot} as spot, {} as whole,
                 row_number() over (partition by {} order by kept.{spot}) as twin
             from {table} as kept
             where {candidates}
         ) as kept
         join (
             select went.{PLACE}, {} as whole,
                 row_number() over (partition by {} order by went.{PLACE}) as twin
             from {WENT} as went
         ) as went on went.whole = kept.whole and went.twin = kept.twin",
        whole("kept"),
        whole("kept"),
        whole("went"),
        whole("went")
    )
}

/// Rows stand again where they stood before the action, but for those that stay in the target.
async fn go_back<S: Session>(
    desk: &mut Desk<'_>,
    session: &mut S,
    action: &QuarantineAction,
    staying: &BTreeSet<String>,
) -> Result<()> {
    let engine = session.engine();
    let (steps, quarantine) =
        (ledger::table(engine, "quarantine_steps"), ledger::table(engine, "quarantine"));
    let staying: Vec<&str> = staying.iter().map(String::as_str).collect();
    for ids in staying.chunks(1_000) {
        // A step that leads nowhere: it tells that somebody tried.
        let places: Vec<String> = (2..ids.len() + 2).map(|place| format!("${place}")).collect();
        let sql = format!(
            "insert into {steps} ({STEP_COLUMNS})
             select q.id, q.steps + 1, $1, q.state, q.version, q.top, q.code, q.column_name,
                 q.reason, q.state, q.version, q.top, q.code, q.column_name,
                 'the row was changed in the target since it was replayed', {}
             from {quarantine} as q
             where q.id in ({})",
            no_bytes(engine),
            places.join(", ")
        );
        let mut params = vec![Param::Text(desk.action.id.as_str())];
        params.extend(ids.iter().map(|id| Param::Text(id)));
        session.execute(&sql, &params).await?;
    }
    record::apply_steps(session, desk.action.id.as_str(), None).await?;
    // The first step of the action tells where the row stood before it. A row that stays has a
    // step of this action already.
    let sql = format!(
        "insert into {steps} ({STEP_COLUMNS})
         select q.id, q.steps + 1, $2, q.state, q.version, q.top, q.code, q.column_name, q.reason,
             f.state_before, f.version_before, f.top_before, f.code_before, f.column_before,
             f.reason_before, {}
         from (
             select row_id, min(number) as first
             from {steps} where action_id = $1 group by row_id
         ) as span
         join {steps} as f on f.row_id = span.row_id and f.number = span.first
         join {quarantine} as q on q.id = span.row_id
         where not exists (
             select 1 from {steps} as own where own.row_id = q.id and own.action_id = $2
         )",
        no_bytes(engine)
    );
    let params = [Param::Text(action.id.as_str()), Param::Text(desk.action.id.as_str())];
    session.execute(&sql, &params).await?;
    record::apply_steps(session, desk.action.id.as_str(), None).await?;
    tell(desk, session).await
}

/// Counts what became of the rows, table by table.
async fn tell<S: Session>(desk: &mut Desk<'_>, session: &mut S) -> Result<()> {
    let engine = session.engine();
    let sql = format!(
        "select cast(q.table_index as text), q.target,
             cast(sum(case when s.state <> 'replayed' or s.state_before <> 'replayed'
                 then 1 else 0 end) as text),
             cast(count(*) as text)
         from {} as s
         join {} as q on q.id = s.row_id
         where s.action_id = $1
         group by q.table_index, q.target",
        ledger::table(engine, "quarantine_steps"),
        ledger::table(engine, "quarantine")
    );
    let rows = session.fetch(&sql, &[Param::Text(desk.action.id.as_str())]).await?;
    let mut told: BTreeMap<u32, (String, u64, u64)> = BTreeMap::new();
    for row in rows {
        let [index, target, done, all] = <[_; 4]>::try_from(row).map_err(|_| unreadable())?;
        told.insert(parsed(index)?, (target.ok_or_else(unreadable)?, parsed(done)?, parsed(all)?));
    }
    for (index, (target, done, all)) in told {
        let work = desk.tally.of_table(index, &target);
        work.selected = all;
        work.done = done;
        work.left = all - done;
    }
    Ok(())
}

const fn no_bytes(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => "''::bytea",
        _ => "x''",
    }
}
