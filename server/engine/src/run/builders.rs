//! Keys, indexes and statistics of a table, made as soon as all its rows are in and while other
//! tables are still copied; foreign keys as soon as every table has its keys. In PostgreSQL only:
//! SQLite has one writer, and its keys from the start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::assessment::TableName;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::Plan;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::Stop;
use super::board::Board;
use super::conduct::{Work, place};
use super::foreign_keys;
use super::transaction::end;
use crate::clock::Clock;
use crate::error::{EngineError, Result};
use crate::ident::{literal, quote_table};
use crate::load::claim::{self, Claim};
use crate::load::ledger::{self, Entry, Origin};
use crate::load::mark::TableRecord;
use crate::load::schema::{self, Kind, UniqueKey};
use crate::load::{Session, Target, deferred, orphans, unique};
use crate::map::target_name;
use crate::seal::Key;

/// How often statements are broken off until none is left.
const BREAK_OFF_AGAIN: Duration = Duration::from_millis(100);

/// Sorting needs room: a quarter of what the server may use for its cache, if that is more than
/// it would take by itself.
const ROOM_TO_SORT: &str = "
    select set_config(
        'maintenance_work_mem',
        greatest(room.setting::bigint, least(cache.setting::bigint * 2, 1048576)) || 'kB',
        false
    )
    from pg_settings as room, pg_settings as cache
    where room.name = 'maintenance_work_mem' and cache.name = 'shared_buffers'";

/// Those who make keys and indexes, beside those who copy.
pub(super) struct Builders<T: Target> {
    site: Arc<Site<T>>,
    at_work: JoinHandle<Result<References>>,
}

/// What came of building.
pub(super) enum Built {
    Everything(References),
    /// Somebody asked the run to stop; what is missing is made when it goes on.
    Stopped,
}

/// What is known of the plan's foreign keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum References {
    /// They are not made: some references are still to be put in.
    ToBeMade,
    /// They are there, and every row holds.
    Hold,
    /// Some row refers to nothing.
    Broken,
}

struct Site<T: Target> {
    target: Arc<T>,
    plan: Plan,
    records: Vec<TableRecord>,
    claim: Claim,
    key: Key,
    clock: Arc<dyn Clock>,
    board: Arc<Board>,
    permits: Semaphore,
    /// True when no more rows come, into whatever table.
    all_full: watch::Sender<bool>,
    /// Tables whose rows and keys are there.
    keyed: watch::Sender<usize>,
    /// True when nothing keeps a table's indexes waiting for foreign keys.
    referenced: watch::Sender<bool>,
    idle: Mutex<Vec<Numbered<T::Session>>>,
    /// The server's numbers of the sessions that are at work.
    busy: Mutex<BTreeSet<String>>,
    broken_off: AtomicBool,
}

/// A session with the number under which the server knows it.
struct Numbered<S> {
    session: S,
    number: String,
}

impl<T: Target + 'static> Builders<T> {
    /// Makes ready for tables that fill up; `at_once` statements run side by side.
    pub(super) async fn begin(
        work: &Work<T>,
        session: &mut T::Session,
        records: &[TableRecord],
        at_once: usize,
    ) -> Result<Self> {
        note_indexes(session, &work.request.plan, &work.run.run_id, records).await?;
        let site = Arc::new(Site {
            target: Arc::clone(&work.target),
            plan: work.request.plan.clone(),
            records: records.to_vec(),
            claim: work.claim.clone(),
            key: work.request.key.clone(),
            clock: Arc::clone(&work.request.clock),
            board: Arc::clone(&work.board),
            permits: Semaphore::new(at_once),
            all_full: watch::Sender::new(false),
            keyed: watch::Sender::new(0),
            referenced: watch::Sender::new(false),
            idle: Mutex::default(),
            busy: Mutex::default(),
            broken_off: AtomicBool::new(false),
        });
        let at_work = tokio::spawn(build_what_is_full(Arc::clone(&site)));
        Ok(Self { site, at_work })
    }

    /// Waits until every table has its keys and indexes.
    pub(super) async fn finish(mut self, stop: &Stop) -> Result<Built> {
        self.site.all_full.send_replace(true);
        tokio::select! {
            ended = &mut self.at_work => {
                ended.unwrap_or_else(|panic| Err(fault(panic))).map(Built::Everything)
            }
            () = stop.requested() => {
                self.break_off().await;
                Ok(Built::Stopped)
            }
        }
    }

    /// Breaks off what is being made.
    pub(super) async fn break_off(mut self) {
        loop {
            self.site.break_off().await;
            self.site.all_full.send_replace(true);
            tokio::select! {
                _ = &mut self.at_work => return,
                () = sleep(BREAK_OFF_AGAIN) => {}
            }
        }
    }
}

impl<T: Target> Drop for Builders<T> {
    fn drop(&mut self) {
        self.at_work.abort();
    }
}

/// Begins a table when the last of the mappings that fill it is through.
async fn build_what_is_full<T: Target + 'static>(site: Arc<Site<T>>) -> Result<References> {
    let mut filling: BTreeMap<TableName, Vec<usize>> = BTreeMap::new();
    if site.target.engine() == Engine::Postgres {
        for (index, record) in site.records.iter().enumerate() {
            filling.entry(record.target.clone()).or_default().push(index);
        }
    }
    let mut is_all_full = site.all_full.subscribe();
    let mut builds = JoinSet::new();
    if !filling.is_empty() {
        builds.spawn(refer(Arc::clone(&site), filling.len()));
    }
    let mut references = References::ToBeMade;
    let mut failure = None;
    loop {
        let is_all = *is_all_full.borrow_and_update();
        let full: Vec<TableName> = filling
            .iter()
            .filter(|(_, indexes)| is_all || indexes.iter().all(|i| site.board.is_full(*i)))
            .map(|(target, _)| target.clone())
            .collect();
        for target in full {
            let indexes = filling.remove(&target).unwrap_or_default();
            let site = Arc::clone(&site);
            builds.spawn(async move { build(site, target, indexes).await.map(|()| None) });
        }
        if builds.is_empty() && is_all {
            return failure.map_or(Ok(references), Err);
        }
        tokio::select! {
            Some(ended) = builds.join_next(), if !builds.is_empty() => {
                match ended.unwrap_or_else(|panic| Err(fault(panic))) {
                    Ok(found) => references = found.unwrap_or(references),
                    Err(error) => {
                        failure.get_or_insert(error);
                        site.referenced.send_replace(true);
                    }
                }
            }
            () = site.board.filled(), if !is_all => {}
            _ = is_all_full.changed(), if !is_all => {}
        }
    }
}

/// Makes the foreign keys once all of so many tables have their own, and has the rows held against
/// them while indexes are made: that needs one processor for as long as several indexes do.
async fn refer<T: Target + 'static>(
    site: Arc<Site<T>>,
    tables: usize,
) -> Result<Option<References>> {
    let (mut keyed, mut referenced) = (site.keyed.subscribe(), site.referenced.subscribe());
    tokio::select! {
        all = keyed.wait_for(|keyed| *keyed >= tables) => drop(all.map_err(fault)?),
        // A table will not have its keys.
        without = referenced.wait_for(|referenced| *referenced) => {
            return without.map(|_| None).map_err(fault);
        }
    }
    let mut lent = site.lend().await?;
    let made = async {
        let (session, run_id) = (lent.session(), &site.claim.run_id);
        if deferred::are_any(session, run_id).await? {
            return Ok(false);
        }
        site.claim.hold(session).await?;
        foreign_keys::make(session, &site.plan, run_id).await.map(|()| true)
    }
    .await;
    site.give_back(lent);
    site.referenced.send_replace(true);
    if !made? {
        return Ok(None);
    }
    let mut tables = JoinSet::new();
    for statements in foreign_keys::checks(&site.plan) {
        let site = Arc::clone(&site);
        tables.spawn(async move {
            for (name, sql) in statements {
                site.run(&name, &sql).await?;
            }
            Ok(())
        });
    }
    let hold = foreign_keys::hold(tables).await?;
    Ok(Some(if hold { References::Hold } else { References::Broken }))
}

/// All keys of a table side by side: they may take rows out. Then its indexes, and at last what is
/// known of its values.
async fn build<T: Target + 'static>(
    site: Arc<Site<T>>,
    target: TableName,
    indexes: Vec<usize>,
) -> Result<()> {
    let mut made = JoinSet::new();
    for &index in &indexes {
        site.board.indexing(index);
        for (place, key) in site.keys(index).iter().enumerate() {
            let (name, sql) = (key.name.clone(), schema::create_unique_index(&target, key));
            let site = Arc::clone(&site);
            made.spawn(async move { ((index, place), site.run(&name, &sql).await) });
        }
    }
    let mut with_equal_rows = Vec::new();
    let mut failure = None;
    while let Some(ended) = made.join_next().await {
        match ended {
            Ok((key, Err(error))) if error.code() == ErrorCode::Data009 => {
                with_equal_rows.push(key);
            }
            Ok((_, ended)) => failure = failure.or(ended.err()),
            Err(panic) => failure = failure.or(Some(fault(panic))),
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    // In the plan's order, so that the rows that go are the same ones every time.
    with_equal_rows.sort_unstable();
    for (index, place) in with_equal_rows {
        let key = &site.keys(index)[place];
        site.take_out_equal(index, key).await?;
        site.run(&key.name, &schema::create_unique_index(&target, key)).await?;
    }
    for &index in &indexes {
        site.add_keys(index).await?;
    }
    site.keyed.send_modify(|keyed| *keyed += 1);
    if *site.all_full.borrow() {
        // Foreign keys cannot be made while an index is.
        site.referenced.subscribe().wait_for(|referenced| *referenced).await.map_err(fault)?;
    }
    let mut made = JoinSet::new();
    for &index in &indexes {
        for (name, sql) in schema::indexes(Engine::Postgres, &site.plan.tables[index]) {
            let site = Arc::clone(&site);
            made.spawn(async move { site.run(&name, &sql).await });
        }
    }
    let mut failure = None;
    while let Some(ended) = made.join_next().await {
        failure = failure.or(ended.unwrap_or_else(|panic| Err(fault(panic))).err());
    }
    if let Some(error) = failure {
        return Err(error);
    }
    let name = quote_table(Engine::Postgres, &target);
    site.run(&target.to_string(), &format!("analyze {name}")).await
}

impl<T: Target + 'static> Site<T> {
    /// The keys that are to be made. A table that was there before has its own, and rows of others.
    fn keys(&self, index: usize) -> Vec<UniqueKey<'_>> {
        if self.records[index].made {
            schema::unique_keys(&self.plan.tables[index])
        } else {
            Vec::new()
        }
    }

    async fn run(&self, name: &str, sql: &str) -> Result<()> {
        let mut lent = self.lend().await?;
        let done = lent.session().run_script(sql).await;
        self.give_back(lent);
        done.map_err(|error| because(name, error))
    }

    /// Makes keys of the indexes under them, save those that are keys already.
    async fn add_keys(&self, index: usize) -> Result<()> {
        let mapping = &self.plan.tables[index];
        let keys = self.keys(index);
        if keys.is_empty() {
            return Ok(());
        }
        let table = quote_table(Engine::Postgres, &target_name(Engine::Postgres, &mapping.target));
        let mut lent = self.lend().await?;
        let known = lent
            .session()
            .fetch(
                &format!(
                    "select conname::text, contype::text from pg_constraint
                     where contype in ('p', 'u') and conrelid = to_regclass({})",
                    literal(Engine::Postgres, &table)
                ),
                &[],
            )
            .await;
        let added = async {
            let known = known?;
            let is_there = |key: &UniqueKey<'_>| {
                known.iter().any(|row| {
                    row[0].as_ref() == Some(&key.name)
                        || key.is_primary && row[1].as_deref() == Some("p")
                })
            };
            for key in keys.iter().filter(|key| !is_there(key)) {
                let sql = schema::add_key(&mapping.target, key);
                lent.session().run_script(&sql).await.map_err(|error| because(&key.name, error))?;
            }
            Ok(())
        }
        .await;
        self.give_back(lent);
        added
    }

    /// All of them in one transaction with the correction of the books.
    async fn take_out_equal(&self, index: usize, key: &UniqueKey<'_>) -> Result<()> {
        let mut lent = self.lend().await?;
        lent.session().run_script("begin").await?;
        let taken = self.move_equal(lent.session(), index, key).await;
        let taken = end(lent.session(), taken).await;
        self.give_back(lent);
        if let Some(entry) = taken? {
            self.board.committed(&entry);
        }
        Ok(())
    }

    async fn move_equal(
        &self,
        session: &mut T::Session,
        index: usize,
        key: &UniqueKey<'_>,
    ) -> Result<Option<Entry>> {
        self.claim.hold(session).await?;
        let run_id = &self.claim.run_id;
        let mapping = &self.plan.tables[index];
        let table_index = place(index);
        let target = target_name(Engine::Postgres, &mapping.target);
        let ordinal = ledger::next_correction(session, run_id, table_index).await?;
        let origin =
            Origin { run_id, table_index, ordinal, source: &mapping.source, target: &target };
        unique::find(session, mapping, key).await?;
        let mut count = 0;
        loop {
            let fresh_id = || self.clock.fresh_id().simple().to_string();
            let rows = unique::take_out(session, mapping, key, &self.key, fresh_id).await?;
            if rows.is_empty() {
                break;
            }
            count += rows.len();
            ledger::insert_quarantined(session, origin, &rows, self.clock.now()).await?;
        }
        if count == 0 {
            return Ok(None);
        }
        let books = orphans::correction(count, 0);
        let entry = Entry { table_index, ordinal, books, bytes: 0, seconds: 0.0 };
        ledger::insert_entry(session, run_id, &entry, self.clock.now()).await?;
        Ok(Some(entry))
    }

    async fn lend(&self) -> Result<Lent<'_, T::Session>> {
        let permit = self.permits.acquire().await.map_err(fault)?;
        let idle = lock(&self.idle).pop();
        let numbered = if let Some(numbered) = idle {
            numbered
        } else {
            let mut session = self.target.session().await?;
            claim::name_session(&mut session, &self.claim.session_name("builder")).await?;
            session.fetch(ROOM_TO_SORT, &[]).await?;
            let number = session.fetch("select pg_backend_pid()::text", &[]).await?;
            let number = number.into_iter().flatten().flatten().next().unwrap_or_default();
            Numbered { session, number }
        };
        lock(&self.busy).insert(numbered.number.clone());
        if self.broken_off.load(Ordering::Relaxed) {
            return Err(EngineError::new(ErrorCode::Sys004, "making keys and indexes"));
        }
        Ok(Lent { numbered, _permit: permit })
    }

    fn give_back(&self, lent: Lent<'_, T::Session>) {
        lock(&self.busy).remove(&lent.numbered.number);
        lock(&self.idle).push(lent.numbered);
    }

    /// Breaks off every statement that runs. Called again and again, until none is left.
    async fn break_off(&self) {
        self.broken_off.store(true, Ordering::Relaxed);
        let busy: Vec<String> = lock(&self.busy).iter().cloned().collect();
        if busy.is_empty() {
            return;
        }
        // A target that cannot be reached any more has broken off by itself.
        let Ok(mut session) = self.target.session().await else { return };
        let sql = format!(
            "select pg_cancel_backend(pid)::text from unnest(array[{}]) as pid",
            busy.join(",")
        );
        let _ = session.fetch(&sql, &[]).await;
    }
}

struct Lent<'a, S> {
    numbered: Numbered<S>,
    _permit: SemaphorePermit<'a>,
}

impl<S> Lent<'_, S> {
    fn session(&mut self) -> &mut S {
        &mut self.numbered.session
    }
}

/// Writes down which indexes of tables that were there before are about to be made.
async fn note_indexes<S: Session>(
    session: &mut S,
    plan: &Plan,
    run_id: &str,
    records: &[TableRecord],
) -> Result<()> {
    let engine = session.engine();
    let catalog = session.catalog().await?;
    for (mapping, record) in plan.tables.iter().zip(records) {
        let Some(known) = catalog.table(&record.target).filter(|_| !record.made) else { continue };
        for (name, _) in schema::indexes(engine, mapping) {
            if known.indexes.iter().any(|index| index.name == name) {
                continue;
            }
            let undo = schema::drop_index(engine, &record.target, &name);
            note(session, run_id, Kind::Index, &name, &undo).await?;
        }
    }
    Ok(())
}

/// Writes down that something is about to be made. It is taken back even if it never was made.
pub(super) async fn note<S: Session>(
    session: &mut S,
    run_id: &str,
    kind: Kind,
    name: &str,
    undo: &str,
) -> Result<()> {
    if ledger::has_object(session, run_id, kind, name).await? {
        return Ok(());
    }
    ledger::insert_object(session, run_id, kind, name, undo).await
}

/// The same failure, as one of a thing that could not be made.
pub(super) fn because(name: &str, error: EngineError) -> EngineError {
    let code = match error.code() {
        ErrorCode::Sys001 | ErrorCode::Load002 => ErrorCode::Load004,
        code => code,
    };
    EngineError::new(code, format!("making {name}")).because(error)
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fault(cause: impl std::error::Error + Send + Sync + 'static) -> EngineError {
    EngineError::new(ErrorCode::Sys001, "making keys and indexes").because(cause)
}
