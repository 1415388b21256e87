//! Carries rows out of the quarantine into the target, by the rules and the path of a chunk, and
//! corrects the books in the same transaction.
//!
//! Parents go before their children. Rows that wait for a parent go with it, whoever put them
//! there; a row that is refused again stays, with its new reason.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use shared::assessment::ForeignKey;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::id::QuarantineId;
use shared::plan::{Orphans, Plan};
use shared::quarantine::{QuarantineFilter, QuarantineState, Selection};

use super::Quarantine;
use super::kept::{Conditions, Kept, Pages, Standing, sealed};
use super::lane::{Lane, Lanes};
use super::parents;
use super::record::Step;
use super::work::Desk;
use crate::error::Result;
use crate::ident::{literal, quote, quote_table};
use crate::load::deferred::Deferred;
use crate::load::existing;
use crate::load::ledger::{self, RowForm, SignedBooks};
use crate::load::mark::{self, Keys, TableRecord, Writer};
use crate::load::{Piece as _, Session, orphans};
use crate::map::target_name;
use crate::transform::BadValue;
use crate::value::Value;

pub(super) async fn replay<S: Session>(
    desk: &mut Desk<'_>,
    session: &mut S,
    selection: &Selection,
    rules: Option<&Plan>,
) -> Result<()> {
    let mut lanes = desk.lanes(session, rules).await?;
    let order = lanes.order();
    let records = ledger::tables(session, desk.quarantine.run.as_str()).await?;
    let mut replay = Replay { desk, records, waiting: BTreeMap::new(), tables: BTreeMap::new() };

    let mut went: BTreeSet<u32> = BTreeSet::new();
    for index in &order {
        let mut pages = replay.desk.pages(selection, QuarantineState::Replayed);
        pages.only_table(*index);
        while let Some(rows) = pages.next(session, replay.desk.quarantine.key).await? {
            for kept in &rows {
                replay.desk.tally.of(kept).selected += 1;
            }
            let keys = lanes.foreign_keys(*index, replay.desk.state)?;
            if replay.carry(session, lanes.get(*index)?, &keys, rows, Round::First).await? {
                went.insert(*index);
            }
        }
    }
    while !went.is_empty() {
        went = replay.release(session, &mut lanes, &order, &went).await?;
    }
    replay.give_up(session).await?;
    replay.correct_books(session).await?;
    if !replay.desk.dry_run {
        for index in replay.tables.keys() {
            raise_sequences(session, lanes.get(*index)?).await?;
        }
    }
    Ok(())
}

/// What went into one table.
struct TableReplay {
    record: TableRecord,
    /// Its place in the ledger, where rows went.
    ordinal: i32,
    went: Went,
    keys: [Option<Keys>; FORMS.len()],
}

/// How many rows went into a table; the other way round where they come out again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Went {
    pub(super) loaded: i64,
    /// They live on in a row that was there.
    pub(super) merged: i64,
}

/// The forms of rows, in the order in which they are written.
const FORMS: [RowForm; 2] = [RowForm::Source, RowForm::Target];

/// Whether rows are tried for the first time in this action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    First,
    /// After parents have come.
    Later,
}

struct Replay<'d, 'a> {
    desk: &'d mut Desk<'a>,
    /// The tables of the run.
    records: Vec<TableRecord>,
    /// Rows that were selected and lack their parent so far, by table.
    waiting: BTreeMap<u32, BTreeSet<QuarantineId>>,
    /// Tables into which rows were to go.
    tables: BTreeMap<u32, TableReplay>,
}

/// What becomes of a row.
enum Fate {
    Goes(Vec<Value<'static>>),
    Stays(BadValue),
    /// Its parent is not there.
    Orphan {
        column: Option<String>,
        reason: String,
        is_parked: bool,
    },
}

impl Replay<'_, '_> {
    /// Tries rows of one table. True when some of them went.
    async fn carry<S: Session>(
        &mut self,
        session: &mut S,
        lane: &Lane,
        keys: &[ForeignKey],
        rows: Vec<Kept>,
        round: Round,
    ) -> Result<bool> {
        let mut fates: Vec<Fate> =
            rows.iter().map(|kept| lane.turn(kept).map_or_else(Fate::Stays, Fate::Goes)).collect();
        let quarantine = self.desk.quarantine;
        let mut merged = 0;
        for form in FORMS {
            for key in keys {
                self.look_for_parents(session, lane, form, key, &rows, &mut fates).await?;
            }
            let table = self.table(session, lane).await?;
            let writing = Writing { lane, form, quarantine };
            merged += writing.write(session, &rows, &mut fates, table).await?;
        }
        let mut steps = Vec::new();
        let mut went = 0;
        for (kept, fate) in rows.iter().zip(fates) {
            let step = match fate {
                Fate::Goes(values) => {
                    went += 1;
                    Some(self.gone(lane, kept, values)?)
                }
                Fate::Stays(fault) => Some(self.stays(kept, fault)),
                Fate::Orphan { column, reason, is_parked } => {
                    self.orphan(kept, column, reason, is_parked, round)
                }
            };
            steps.extend(step);
        }
        self.desk.record(session, &steps).await?;
        let table = &mut self.table(session, lane).await?.went;
        table.merged += merged;
        table.loaded += went - merged;
        Ok(went > 0)
    }

    /// Where it is noted what goes into a table. From the first time on, the session notes the
    /// rows that it writes there.
    async fn table<S: Session>(
        &mut self,
        session: &mut S,
        lane: &Lane,
    ) -> Result<&mut TableReplay> {
        match self.tables.entry(lane.index) {
            Entry::Occupied(table) => Ok(table.into_mut()),
            Entry::Vacant(place) => {
                let record = self.records.iter().find(|record| record.table_index == lane.index);
                let record = record.ok_or_else(super::unreadable)?.clone();
                let run_id = self.desk.quarantine.run.as_str();
                mark::begin(session, run_id, &record).await?;
                let ordinal = ledger::next_correction(session, run_id, lane.index).await?;
                let key = self.desk.quarantine.key;
                let keys = FORMS.map(|form| {
                    let columns = &lane.load(form).columns;
                    let names = columns.iter().map(|column| column.name.as_str());
                    Keys::of(lane.engine, key, &record, names)
                });
                Ok(place.insert(TableReplay { record, ordinal, went: Went::default(), keys }))
            }
        }
    }

    /// Finds rows without their parent and does with them what the plan says.
    async fn look_for_parents<S: Session>(
        &self,
        session: &mut S,
        lane: &Lane,
        form: RowForm,
        key: &ForeignKey,
        rows: &[Kept],
        fates: &mut [Fate],
    ) -> Result<()> {
        let going: Vec<(usize, &[Value<'static>])> = fates
            .iter()
            .enumerate()
            .filter_map(|(place, fate)| match fate {
                Fate::Goes(values) if rows[place].form == form => Some((place, values.as_slice())),
                _ => None,
            })
            .collect();
        if going.is_empty() {
            return Ok(());
        }
        let missing = parents::missing(session, lane, form, key, &going).await?;
        let policy = orphans::policy(&lane.mapping, key);
        for place in missing {
            match (&mut fates[place], policy) {
                (Fate::Goes(values), Orphans::KeepIn(_)) => {
                    for (column, value) in lane.load(form).columns.iter().zip(values) {
                        if key.columns.contains(&column.name) {
                            *value = Value::Null;
                        }
                    }
                }
                (fate, policy) => {
                    *fate = Fate::Orphan {
                        column: key.columns.first().cloned(),
                        reason: orphans::no_parent(key),
                        is_parked: *policy == Orphans::Park,
                    };
                }
            }
        }
        Ok(())
    }

    fn gone(&mut self, lane: &Lane, kept: &Kept, values: Vec<Value<'static>>) -> Result<Step> {
        let work = self.desk.tally.of(kept);
        work.done += 1;
        if kept.standing.state == QuarantineState::Parked && work.selected < work.done {
            // It went with its parent, unasked.
            work.selected += 1;
        }
        let columns = lane.load(kept.form).columns.iter().map(|column| column.name.clone());
        let row = columns.zip(values).collect();
        let after = Standing { state: QuarantineState::Replayed, ..kept.standing.clone() };
        Ok(Step::of(kept, after, Some(sealed(self.desk.quarantine.key, &row)?)))
    }

    fn stays(&mut self, kept: &Kept, fault: BadValue) -> Step {
        let column = Some(fault.column).filter(|column| !column.is_empty());
        self.refused(kept, QuarantineState::Again, fault.code, column, fault.reason)
    }

    fn orphan(
        &mut self,
        kept: &Kept,
        column: Option<String>,
        reason: String,
        is_parked: bool,
        round: Round,
    ) -> Option<Step> {
        if is_parked {
            if kept.standing.state == QuarantineState::Parked {
                if round == Round::First {
                    self.desk.tally.of(kept).parked += 1;
                }
                return None;
            }
            return Some(self.refused(
                kept,
                QuarantineState::Parked,
                ErrorCode::Data008,
                column,
                reason,
            ));
        }
        // Its parent may come in this very action.
        if let Ok(id) = kept.id.parse() {
            self.waiting.entry(kept.table_index).or_default().insert(id);
        }
        None
    }

    fn refused(
        &mut self,
        kept: &Kept,
        state: QuarantineState,
        code: ErrorCode,
        column: Option<String>,
        reason: String,
    ) -> Step {
        let work = self.desk.tally.of(kept);
        if state == QuarantineState::Parked {
            work.parked += 1;
        } else {
            work.again += 1;
            self.desk.tally.refused(kept.table_index, code, column.as_deref());
        }
        let after = Standing { state, code, column, reason, ..kept.standing.clone() };
        Step::of(kept, after, None)
    }

    /// Tries rows again whose parents may be among those that went. Gives the tables in which
    /// rows went.
    async fn release<S: Session>(
        &mut self,
        session: &mut S,
        lanes: &mut Lanes<'_>,
        order: &[u32],
        went: &BTreeSet<u32>,
    ) -> Result<BTreeSet<u32>> {
        let engine = session.engine();
        let name = |index: &u32| {
            let mapping = self.desk.blueprint.plan.tables.get(*index as usize)?;
            Some(target_name(engine, &mapping.target))
        };
        let parents: BTreeSet<_> = went.iter().filter_map(name).collect();
        let mut released = BTreeSet::new();
        for index in order {
            let waiting: Vec<QuarantineId> =
                self.waiting.remove(index).into_iter().flatten().collect();
            // Another version of the plan need not have every table.
            let Ok(keys) = lanes.foreign_keys(*index, self.desk.state) else { continue };
            if !keys.iter().any(|key| parents.contains(&target_name(engine, &key.references))) {
                if !waiting.is_empty() {
                    self.waiting.insert(*index, waiting.into_iter().collect());
                }
                continue;
            }
            let parked = Selection {
                filter: QuarantineFilter {
                    state: Some(QuarantineState::Parked),
                    ..QuarantineFilter::default()
                },
                ..Selection::default()
            };
            let mut all = vec![parked];
            if !waiting.is_empty() {
                all.push(Selection { rows: waiting, ..Selection::default() });
            }
            for selection in all {
                let mut pages =
                    Pages::new(Conditions::of_run(self.desk.quarantine.run), &selection);
                pages.only_table(*index);
                while let Some(rows) = pages.next(session, self.desk.quarantine.key).await? {
                    let lane = lanes.get(*index)?;
                    if self.carry(session, lane, &keys, rows, Round::Later).await? {
                        released.insert(*index);
                    }
                }
            }
        }
        Ok(released)
    }

    /// Rows whose parent did not come in this action either are refused.
    async fn give_up<S: Session>(&mut self, session: &mut S) -> Result<()> {
        for (_, ids) in std::mem::take(&mut self.waiting) {
            let selection = Selection { rows: ids.into_iter().collect(), ..Selection::default() };
            let mut pages = Pages::new(Conditions::of_run(self.desk.quarantine.run), &selection);
            while let Some(rows) = pages.next(session, self.desk.quarantine.key).await? {
                let mut steps = Vec::new();
                for kept in rows {
                    let Standing { column, reason, .. } = kept.standing.clone();
                    let (column, reason) = if kept.standing.code == ErrorCode::Data008 {
                        (column, reason)
                    } else {
                        (None, "a row that it refers to is not in the target".to_owned())
                    };
                    let again = QuarantineState::Again;
                    steps.push(self.refused(&kept, again, ErrorCode::Data008, column, reason));
                }
                self.desk.record(session, &steps).await?;
            }
        }
        Ok(())
    }

    /// What went into the target is loaded, and no longer quarantined. The rows are the run's, and
    /// are found like those of a chunk.
    async fn correct_books<S: Session>(&mut self, session: &mut S) -> Result<()> {
        let run_id = self.desk.quarantine.run.as_str();
        for (index, table) in &mut self.tables {
            let ordinal = table.ordinal;
            if !correct(self.desk, session, (*index, ordinal), table.went).await? {
                continue;
            }
            let writer = Writer { run_id, table_index: *index, ordinal };
            for keys in table.keys.iter_mut().flatten() {
                keys.keep(session, writer).await?;
            }
            mark::keep(session, self.desk.quarantine.key, writer, &table.record).await?;
            self.desk.action_ordinals.push((*index, ordinal));
        }
        Ok(())
    }
}

/// Writes a correction of a table's books: so many rows are in the target that were quarantined, or,
/// with a sign, the other way round. False when there is nothing to correct.
pub(super) async fn correct<S: Session>(
    desk: &mut Desk<'_>,
    session: &mut S,
    (table_index, ordinal): (u32, i32),
    went: Went,
) -> Result<bool> {
    let Went { loaded, merged } = went;
    if loaded == 0 && merged == 0 {
        return Ok(false);
    }
    let target = desk.blueprint.plan.tables.get(table_index as usize);
    let target = target.map(|mapping| mapping.target.to_string()).unwrap_or_default();
    desk.tally.of_table(table_index, &target).arrived = loaded + merged;
    let run = desk.quarantine.run.as_str();
    let quarantined = -(loaded + merged);
    let books = SignedBooks { loaded, merged, quarantined, ..SignedBooks::default() };
    let entry = ledger::Entry { table_index, ordinal, books, bytes: 0, seconds: 0.0 };
    ledger::insert_entry(session, run, &entry, desk.action.at).await?;
    Ok(true)
}

/// Where rows of one form go.
struct Writing<'a> {
    lane: &'a Lane,
    form: RowForm,
    quarantine: Quarantine<'a>,
}

impl Writing<'_> {
    /// Writes the rows that are to go; those that the target refuses stay. Gives how many live on
    /// in rows that were there.
    async fn write<S: Session>(
        &self,
        session: &mut S,
        rows: &[Kept],
        fates: &mut [Fate],
        table: &mut TableReplay,
    ) -> Result<i64> {
        let load = self.lane.load(self.form);
        let TableReplay { record, ordinal, keys, .. } = table;
        let keys = &mut keys[usize::from(self.form == RowForm::Target)];
        let writer = Writer {
            run_id: self.quarantine.run.as_str(),
            table_index: record.table_index,
            ordinal: *ordinal,
        };
        // As in the run, they may be for rows that are there.
        let nothing = Deferred::default();
        let existing = (record.existing.compares() && !record.made).then_some(existing::Into {
            table: load,
            record,
            writer,
            key: self.quarantine.key,
            deferred: &nothing,
        });
        let mut piece = match existing {
            Some(_) => session.piece(&existing::staged(record, load)),
            None => session.piece(load),
        };
        let mut places = Vec::new();
        for (place, fate) in fates.iter_mut().enumerate() {
            let Fate::Goes(values) = fate else { continue };
            if rows[place].form != self.form {
                continue;
            }
            let numbered = existing.is_some().then(|| {
                let number = i64::try_from(piece.rows()).unwrap_or(i64::MAX);
                values.iter().cloned().chain([Value::Int(number)]).collect::<Vec<_>>()
            });
            match piece.push(numbered.as_deref().unwrap_or(values)) {
                Ok(()) => {
                    places.push(place);
                    if let (Some(keys), None) = (keys.as_mut(), &numbered) {
                        keys.push(values);
                    }
                }
                Err(_) => *fate = Fate::Stays(misfit()),
            }
        }
        if places.is_empty() {
            return Ok(0);
        }
        let (refused, merged) = if let Some(existing) = &existing {
            let done = existing.write(session, &piece, keys).await?;
            (done.refused, i64::try_from(done.merged).unwrap_or(i64::MAX))
        } else {
            let refused = session.write(load, &piece).await?;
            if let Some(keys) = keys {
                keys.settle(refused.iter().map(|refused| refused.index));
            }
            (refused, 0)
        };
        for refused in refused {
            fates[places[refused.index]] = Fate::Stays(BadValue {
                code: refused.code,
                column: refused.column.unwrap_or_default(),
                reason: refused.reason,
            });
        }
        Ok(merged)
    }
}

/// A value that passed its rules and still has no form in the target.
fn misfit() -> BadValue {
    BadValue {
        code: ErrorCode::Data001,
        column: String::new(),
        reason: "a value is not of its column's type".to_owned(),
    }
}

/// What the target gives out next must not be a value that came with a row. Never goes back: rows
/// may have been added since the run.
async fn raise_sequences<S: Session>(session: &mut S, lane: &Lane) -> Result<()> {
    if lane.engine != Engine::Postgres {
        return Ok(());
    }
    let engine = lane.engine;
    let table = quote_table(engine, &lane.load(RowForm::Source).name);
    for column in &lane.load(RowForm::Source).columns {
        let name = quote(engine, &column.name);
        let sql = format!(
            "select pg_get_serial_sequence({}, {})",
            literal(engine, &table),
            literal(engine, &column.name)
        );
        let found = session.fetch(&sql, &[]).await?;
        let Some(sequence) = found.into_iter().flatten().flatten().next() else { continue };
        let sql = format!(
            "select setval({}, largest.value)::text
             from (select max({name})::bigint as value from {table}) as largest, {sequence} as now
             where largest.value > now.last_value
                 or largest.value = now.last_value and not now.is_called",
            literal(engine, &sequence)
        );
        session.fetch(&sql, &[]).await?;
    }
    Ok(())
}
