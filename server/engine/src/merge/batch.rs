//! Orders carried out, some at a time, with the books in the same commit; and taken back.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use shared::assessment::TableName;
use shared::duplicate::RecordId;
use shared::error_code::ErrorCode;
use shared::plan::Existing;

use super::apply::{Known, Stop, Work};
use super::graph::Graph;
use super::people::{self, Found, Place};
use super::record::{self, By, Done, Merge, MergeState, Order};
use super::take_back::{Back, TakenBack};
use super::triggers::Silenced;
use super::{People, Survive, distinct};
use crate::error::{EngineError, Result};
use crate::load::ledger::{self, Entry, SignedBooks};
use crate::load::mark::{self, TableRecord};
use crate::load::row_image::{self, Hold, Image, pick};
use crate::load::{Session, end};
use crate::seal::Key;
use crate::value::Value;

/// How many orders share a transaction.
const ORDERS_AT_ONCE: usize = 200;

/// What a batch came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Carried {
    pub applied: u64,
    pub refused: u64,
    /// Corrections of the books.
    pub entries: Vec<Entry>,
}

impl Carried {
    pub const fn is_nothing(&self) -> bool {
        self.applied == 0 && self.refused == 0
    }
}

/// Writes a run's orders down, all or none. They are carried out later, in their order.
pub async fn order<S: Session>(
    session: &mut S,
    people: &People<'_>,
    run_id: &str,
    orders: &[Order],
    now: DateTime<Utc>,
) -> Result<()> {
    session.run_script("begin").await?;
    let written = async {
        record::insert_orders(session, run_id, people.table(), orders).await?;
        record::decided(session, run_id, orders.len(), now).await
    }
    .await;
    end(session, written).await
}

/// Carries out some of a run's orders that wait, in one transaction. Nothing when none waits.
pub async fn carry_out<S: Session>(
    session: &mut S,
    people: &People<'_>,
    run_id: &str,
    survive: &Survive,
    key: &Key,
    now: DateTime<Utc>,
) -> Result<Carried> {
    let mut orders = record::waiting(session, run_id, ORDERS_AT_ONCE).await?;
    // Orders that share somebody do not share a batch: the one has to see what the other did.
    let mut seen: BTreeSet<RecordId> = BTreeSet::new();
    let free = orders.iter().take_while(|order| {
        let is_free = order.members.iter().all(|member| !seen.contains(member));
        seen.extend(order.members.iter().cloned());
        is_free
    });
    let free = free.count();
    orders.truncate(free);
    if orders.is_empty() {
        return Ok(Carried::default());
    }
    session.run_script("begin").await?;
    let carried = carry_out_all(session, people, run_id, &orders, survive, key, now).await;
    end(session, carried).await
}

pub(super) async fn carry_out_all<S: Session>(
    session: &mut S,
    people: &People<'_>,
    run_id: &str,
    orders: &[Order],
    survive: &Survive,
    key: &Key,
    now: DateTime<Utc>,
) -> Result<Carried> {
    let more: Vec<usize> = people
        .must_agree
        .iter()
        .filter_map(|(_, place)| match place {
            Place::Through { reference, .. } => Some(*reference),
            Place::Own(_) => None,
        })
        .chain(people.together.iter().copied())
        .collect();
    let ids: Vec<RecordId> = orders.iter().flat_map(|order| distinct(&order.members)).collect();
    let mut found = people::read(session, people, &more, &ids, Hold::Yes).await?;
    let known = unreferred(session, people, &found).await?;
    let records = records_of(session, run_id).await?;
    prepare(session, run_id, key, &records).await?;
    let mut silenced = Silenced::default();
    let mut carried = Carried::default();
    let mut removed: BTreeMap<TableName, u64> = BTreeMap::new();
    for order in orders {
        let mut members = Vec::new();
        for id in distinct(&order.members) {
            if let Some(at) = found.iter().position(|found| found.id == id) {
                members.push(found.swap_remove(at));
            }
        }
        session.run_script("savepoint transfuse_merge").await?;
        let before = silenced.clone();
        let mut work = Work {
            session,
            graph: &people.graph,
            duplicates: people.duplicates,
            key,
            run_id,
            records: &records,
            silenced: &mut silenced,
            done: Done::default(),
            known: &known,
        };
        let made = one(&mut work, people, order, &members, survive).await;
        let done = work.done;
        match made {
            Ok(survivor) => {
                session.run_script("release savepoint transfuse_merge").await?;
                record::applied(session, key, order, run_id, &survivor, &done, now).await?;
                for table in record::counted(&done.steps) {
                    *removed.entry(table.clone()).or_default() += 1;
                }
                carried.applied += 1;
            }
            Err(Stop::Refused(refusal)) => {
                session.run_script("rollback to savepoint transfuse_merge").await?;
                session.run_script("release savepoint transfuse_merge").await?;
                silenced = before;
                record::refused(session, &order.id, &refusal).await?;
                carried.refused += 1;
                tracing::info!(merge.id = %order.id, code = %refusal.code,
                    "a merge was not made: {}", refusal.reason);
            }
            Err(Stop::Failed(error)) => return Err(error),
        }
    }
    silenced.wake(session).await?;
    carried.entries = correct(session, &records, run_id, &removed, Sign::Merged, now).await?;
    Ok(carried)
}

/// Makes one person of an order's members, and says whose row stayed.
async fn one<S: Session>(
    work: &mut Work<'_, S>,
    people: &People<'_>,
    order: &Order,
    members: &[Found],
    survive: &Survive,
) -> Result<RecordId, Stop> {
    let missing = distinct(&order.members).len() - members.len();
    if missing > 0 {
        return Err(Stop::refused(
            ErrorCode::Load030,
            format!("{missing} of the records are not in {}", people.table()),
        ));
    }
    for (name, place) in &people.must_agree {
        let differ = || members.windows(2).any(|two| two[0].value(*place) != two[1].value(*place));
        if order.decision.by == By::Policy && differ() {
            let reason = format!("they differ in {name}");
            return Err(Stop::refused(ErrorCode::Load030, reason));
        }
    }
    let rows: Vec<_> = members.iter().map(|member| member.row(&people.columns)).collect();
    let golden = survive(order, &rows).filter(|_| members.len() > 1).ok_or_else(|| {
        Stop::refused(ErrorCode::Load030, "what survives of them has to be chosen by somebody")
    })?;
    let (table, node) = (people.place, people.node());
    let survivor = &members[golden.survivor];
    let losers: Vec<&Found> = golden
        .ranking
        .iter()
        .filter(|member| **member != golden.survivor)
        .map(|member| &members[*member])
        .collect();
    for loser in &losers {
        // Meanwhile it may refer to the survivor rather than to another one of them.
        let now = work.now(table, &loser.image).await?;
        work.absorb(table, &now, &survivor.image).await?;
    }
    let mut parents: Vec<(usize, Image)> = Vec::new();
    for &reference in &people.together {
        let outward = &node.refers[reference];
        let of = |member: &Found| member.parents[reference].clone();
        let mut kept = of(survivor);
        for loser in &losers {
            let Some(parent) = of(loser) else { continue };
            let Some(kept) = &kept else {
                // The survivor had none, and gets this one when its row is written.
                kept = Some(parent);
                continue;
            };
            if *kept == parent {
                continue;
            }
            let value = pick(&parent, &outward.parent_columns);
            let shared =
                row_image::present(work.session, &node.table, &outward.columns, &[value]).await?;
            // What others have too is not this person's alone, and stays.
            if shared != [true] {
                work.absorb(outward.parent, &parent, kept).await?;
            }
        }
        parents.extend(kept.map(|kept| (reference, kept)));
    }
    work.write_golden(people, members, &golden, &parents).await?;
    Ok(survivor.id.clone())
}

/// Asks once for many people which of them nothing refers to.
async fn unreferred<S: Session>(
    session: &mut S,
    people: &People<'_>,
    found: &[Found],
) -> Result<Known> {
    let graph = &people.graph;
    let mut rows: Vec<(usize, Vec<&Image>)> =
        vec![(people.place, found.iter().map(|person| &person.image).collect())];
    for &reference in &people.together {
        let parents = found.iter().filter_map(|person| person.parents[reference].as_ref());
        rows.push((people.node().refers[reference].parent, parents.collect()));
    }
    let mut known = Known::default();
    for (table, rows) in rows {
        for (at, reference) in graph.node(table).referred.iter().enumerate() {
            // References among the rows themselves change while they are merged.
            if reference.child == table || reference.child == people.place {
                continue;
            }
            let mut lists: Vec<Image> = Vec::new();
            for row in &rows {
                let values = pick(row, &reference.parent_columns);
                if !values.iter().any(Value::is_null) {
                    lists.push(values);
                }
            }
            let child = &graph.node(reference.child).table;
            let present = row_image::present(session, child, &reference.columns, &lists).await?;
            let free =
                lists.into_iter().zip(present).filter(|(_, there)| !there).map(|(list, _)| list);
            known.unreferred.push((table, at, free.collect()));
        }
    }
    Ok(known)
}

/// Takes a merge back, in the transaction that is open. Fails when a later one stands on it, or when
/// the target has changed so that a row cannot come back; then the transaction is to be rolled back.
pub async fn take_back<S: Session>(
    session: &mut S,
    graph: &Graph,
    id: &str,
    key: &Key,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(Merge, TakenBack)> {
    let cannot = |why: String| EngineError::new(ErrorCode::Load031, why);
    let merge = record::find(session, id)
        .await?
        .ok_or_else(|| cannot(format!("there is no merge {id} in the target")))?;
    if merge.state != MergeState::Applied {
        let state = merge.state.as_str().replace('_', " ");
        return Err(cannot(format!("the merge {id} is {state}")));
    }
    let later = record::later(session, id).await?;
    if !later.is_empty() {
        let later: Vec<String> = later.into_iter().collect();
        return Err(cannot(format!("take back first what stands on it: {}", later.join(", "))));
    }
    let steps = record::steps(session, key, id).await?;
    let run_id = merge.run_id.clone().unwrap_or_default();
    let mut silenced = Silenced::default();
    let mut back = Back {
        session,
        graph,
        run_id: &run_id,
        silenced: &mut silenced,
        found: TakenBack::default(),
    };
    back.undo(&steps).await.map_err(|error| {
        if error.code().as_str().starts_with("DATA-") {
            return cannot(format!("taking back the merge {id}")).because(error);
        }
        error
    })?;
    let found = back.found;
    silenced.wake(session).await?;
    record::taken_back(session, id, by, now).await?;
    let mut rows: BTreeMap<TableName, u64> = BTreeMap::new();
    for table in record::counted(&steps) {
        *rows.entry(table.clone()).or_default() += 1;
    }
    let records = records_of(session, &run_id).await?;
    correct(session, &records, &run_id, &rows, Sign::TakenBack, now).await?;
    Ok((Merge { state: MergeState::TakenBack, ..merge }, found))
}

/// Merges of a run that are to be taken back before rows of these tables, or of all, are undone:
/// the last one first.
pub async fn standing_on<S: Session>(
    session: &mut S,
    run_id: &str,
    table: Option<&TableName>,
) -> Result<Vec<String>> {
    if !record::is_kept(session).await? {
        return Ok(Vec::new());
    }
    let mut merges = record::list(session, Some(run_id)).await?;
    merges.retain(|merge| {
        let touches = |table| merge.removed.contains_key(table) || merge.moved.contains_key(table);
        merge.state == MergeState::Applied && table.is_none_or(touches)
    });
    Ok(merges.into_iter().map(|merge| merge.order.id).collect())
}

/// The tables of a run as it found them; none where no run of ours loaded the rows.
async fn records_of<S: Session>(session: &mut S, run_id: &str) -> Result<Vec<TableRecord>> {
    if run_id.is_empty() { Ok(Vec::new()) } else { ledger::tables(session, run_id).await }
}

/// Where others had rows before, a run's have to be told from theirs.
async fn prepare<S: Session>(
    session: &mut S,
    run_id: &str,
    key: &Key,
    records: &[TableRecord],
) -> Result<()> {
    let shared: Vec<&TableRecord> = records.iter().filter(|record| is_shared(record)).collect();
    if shared.is_empty() {
        return Ok(());
    }
    mark::prepare(session, key).await?;
    for record in shared {
        mark::gather(session, run_id, key, &mark::records_of(records, &record.target), None)
            .await?;
    }
    Ok(())
}

pub(super) fn is_shared(record: &TableRecord) -> bool {
    !record.made && record.existing != Existing::Refuse
}

/// Whether rows went or came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Merged,
    TakenBack,
}

/// Corrects the books of the tables that lost rows to a merge, or have them back.
async fn correct<S: Session>(
    session: &mut S,
    records: &[TableRecord],
    run_id: &str,
    rows: &BTreeMap<TableName, u64>,
    sign: Sign,
    now: DateTime<Utc>,
) -> Result<Vec<Entry>> {
    if run_id.is_empty() || rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut loaded: BTreeMap<u32, i64> = BTreeMap::new();
    for entry in ledger::entries(session, run_id).await? {
        *loaded.entry(entry.table_index).or_default() += entry.books.loaded;
    }
    let mut entries = Vec::new();
    for (table, rows) in rows {
        // Of several mappings into one table, the one that loaded most has rows to lose.
        let index = mark::records_of(records, table)
            .into_iter()
            .map(|record| record.table_index)
            .filter(|index| loaded.contains_key(index))
            .max_by_key(|index| (loaded[index], std::cmp::Reverse(*index)));
        let Some(table_index) = index else { continue };
        let rows = i64::try_from(*rows).unwrap_or(i64::MAX);
        let merged = if sign == Sign::Merged { rows } else { -rows };
        let entry = Entry {
            table_index,
            ordinal: ledger::next_correction(session, run_id, table_index).await?,
            books: SignedBooks { loaded: -merged, merged, ..SignedBooks::default() },
            bytes: 0,
            seconds: 0.0,
        };
        ledger::insert_entry(session, run_id, &entry, now).await?;
        entries.push(entry);
    }
    Ok(entries)
}
