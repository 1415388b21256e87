//! Where everybody who works on a run notes how far it is.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use shared::plan::Plan;
use shared::run::{Books, Health, Phase, Progress, Retry, Stall, TableProgress};
use tokio::sync::{Notify, watch};

use super::governor::Watcher;
use crate::load::ledger::{Entry, SignedBooks};

/// Over how long the speed is measured.
const WINDOW: Duration = Duration::from_secs(5);

/// The latest state of a run, published after every change.
pub(super) struct Board {
    state: Mutex<State>,
    publish: watch::Sender<Option<Progress>>,
    /// How many workers wait for rows of the source, and how many for the target.
    waits: [AtomicUsize; 2],
    /// Told when a table became full.
    filled: Notify,
}

/// What a worker waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    Source,
    Target,
}

struct State {
    began: Instant,
    phase: Phase,
    tables: Vec<Table>,
    /// When how many rows were accounted for, for the speed.
    samples: VecDeque<(Instant, u64)>,
    /// Entries of the ledger that are counted.
    counted: HashSet<(u32, i32)>,
    /// When a row moved, or a step was taken, for the last time.
    moved: Instant,
    stall: Option<Stall>,
    /// Why nothing is to move, where the plan says so.
    held: Option<String>,
    /// What is being tried again, by whom.
    retrying: BTreeMap<usize, Retry>,
    retries: u64,
    workers: u32,
    remote_workers: u32,
    notes: Vec<String>,
}

struct Table {
    progress: TableProgress,
    books: SignedBooks,
}

impl Board {
    pub(super) fn new(plan: &Plan, publish: watch::Sender<Option<Progress>>) -> Self {
        let tables = plan.tables.iter().zip(0..).map(|(mapping, index)| Table {
            progress: TableProgress {
                index,
                source: mapping.source.clone(),
                target: mapping.target.clone(),
                phase: Phase::Planning,
                books: Books::default(),
                chunks_total: 0,
                chunks_done: 0,
                bytes: 0,
                seconds: 0.0,
            },
            books: SignedBooks::default(),
        });
        let state = State {
            began: Instant::now(),
            phase: Phase::Planning,
            tables: tables.collect(),
            samples: VecDeque::new(),
            counted: HashSet::new(),
            moved: Instant::now(),
            stall: None,
            held: None,
            retrying: BTreeMap::new(),
            retries: 0,
            workers: 0,
            remote_workers: 0,
            notes: Vec::new(),
        };
        Self {
            state: Mutex::new(state),
            publish,
            waits: [const { AtomicUsize::new(0) }; 2],
            filled: Notify::new(),
        }
    }

    /// Waits for rows to come, or to be taken; then something has moved.
    pub(super) async fn waiting<V>(&self, wait: Wait, moving: impl Future<Output = V>) -> V {
        let _waits = Waits::begin(&self.waits[wait as usize]);
        let value = moving.await;
        self.lock().touch();
        value
    }

    /// How many workers wait for the source, and how many for the target.
    pub(super) fn waits(&self) -> (usize, usize) {
        let [source, target] = &self.waits;
        (source.load(Ordering::Relaxed), target.load(Ordering::Relaxed))
    }

    /// A worker tries something again.
    pub(super) fn retrying(&self, worker: usize, retry: Retry) {
        self.change(|state| {
            state.retrying.insert(worker, retry);
            state.retries += 1;
        });
    }

    /// What a worker tried again went well, or was given up.
    pub(super) fn done_retrying(&self, worker: usize) {
        if self.lock().retrying.contains_key(&worker) {
            self.change(|state| {
                state.retrying.remove(&worker);
            });
        }
    }

    /// How many workers copy chunks, here and elsewhere.
    pub(super) fn crew(&self, here: usize, elsewhere: usize) {
        let count = |workers: usize| u32::try_from(workers).unwrap_or(u32::MAX);
        self.change(|state| {
            state.workers = count(here + elsewhere);
            state.remote_workers = count(elsewhere);
        });
    }

    /// Something that limits a promise of the run.
    pub(super) fn note(&self, note: String) {
        tracing::warn!("{note}");
        self.change(|state| {
            if !state.notes.contains(&note) {
                state.notes.push(note);
            }
        });
    }

    /// For how long nothing has moved.
    pub(super) fn idle(&self) -> Duration {
        self.lock().moved.elapsed()
    }

    /// A sign of life: the picture with the time that went by, and why nothing moves.
    pub(super) fn beat(&self, stalled_by: Option<String>) {
        self.change(|state| {
            let reason = state.held.clone().or(stalled_by);
            let seconds = state.moved.elapsed().as_secs_f64();
            state.stall = reason.map(|reason| Stall { seconds, reason });
        });
    }

    /// The whole run is in this phase now.
    pub(super) fn enter(&self, phase: Phase) {
        self.change(|state| {
            state.touch();
            state.phase = phase;
            for table in &mut state.tables {
                table.progress.phase = table.progress.phase.max(phase);
            }
        });
    }

    /// The source counted this many rows in so many chunks.
    pub(super) fn planned(&self, table: usize, rows: u64, chunks: usize) {
        self.change(|state| {
            let progress = &mut state.tables[table].progress;
            progress.books.read = rows;
            progress.chunks_total = u32::try_from(chunks).unwrap_or(u32::MAX);
        });
    }

    /// An entry is in the ledger.
    pub(super) fn committed(&self, entry: &Entry) {
        self.add(entry);
        if self.is_full(entry.table_index as usize) {
            self.filled.notify_one();
        }
    }

    /// Comes when a table became full since the last time.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    fn add(&self, entry: &Entry) {
        self.change(|state| {
            if !state.counted.insert((entry.table_index, entry.ordinal)) {
                return;
            }
            state.touch();
            let Some(table) = state.tables.get_mut(entry.table_index as usize) else { return };
            table.books += entry.books;
            let progress = &mut table.progress;
            progress.bytes += entry.bytes;
            progress.seconds += entry.seconds;
            if entry.ordinal >= 0 {
                progress.chunks_done += 1;
            }
            let count = |rows: i64| u64::try_from(rows).unwrap_or_default();
            progress.books.loaded = count(table.books.loaded);
            progress.books.merged = count(table.books.merged);
            progress.books.filtered = count(table.books.filtered);
            progress.books.quarantined = count(table.books.quarantined);
        });
    }

    /// Whether every chunk of the table is in the ledger.
    pub(super) fn is_full(&self, table: usize) -> bool {
        let state = self.lock();
        let Some(Table { progress, .. }) = state.tables.get(table) else { return false };
        progress.chunks_done == progress.chunks_total
    }

    /// The table's rows are in, its keys and indexes are being made.
    pub(super) fn indexing(&self, table: usize) {
        self.change(|state| {
            let progress = &mut state.tables[table].progress;
            progress.phase = progress.phase.max(Phase::Finishing);
        });
    }

    pub(super) fn finished(&self, table: usize) {
        self.change(|state| {
            state.touch();
            state.tables[table].progress.phase = Phase::Done;
        });
    }

    /// The books of a table, and of all.
    pub(super) fn books(&self, table: usize) -> (Books, Books) {
        let state = self.lock();
        let all = state.tables.iter().map(|table| table.progress.books).sum();
        (state.tables[table].progress.books, all)
    }

    pub(super) fn picture(&self) -> Progress {
        self.lock().picture()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let picture = {
            let mut state = self.lock();
            change(&mut state);
            state.sample();
            state.picture()
        };
        self.publish.send_replace(Some(picture));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher for Board {
    /// Nothing is to move, for the reason given, until it is said that it may.
    fn hold(&self, reason: Option<String>) {
        if self.lock().held == reason {
            return;
        }
        if let Some(reason) = &reason {
            tracing::info!("nothing is read: {reason}");
        }
        self.change(|state| {
            if reason.is_none() {
                // What was held does not count as time in which nothing moved.
                state.touch();
            }
            let seconds = state.moved.elapsed().as_secs_f64();
            state.stall = reason.clone().map(|reason| Stall { seconds, reason });
            state.held = reason;
        });
    }

    fn note(&self, note: String) {
        Self::note(self, note);
    }
}

/// Counts somebody who waits, until it is dropped.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl State {
    fn touch(&mut self) {
        self.moved = Instant::now();
        self.stall = None;
    }

    fn accounted(&self) -> u64 {
        self.tables.iter().map(|table| table.progress.books.accounted()).sum()
    }

    fn sample(&mut self) {
        let now = Instant::now();
        self.samples.push_back((now, self.accounted()));
        while self.samples.len() > 2
            && self.samples.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW)
        {
            self.samples.pop_front();
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a speed has no use for more digits")]
    fn picture(&self) -> Progress {
        let speed = match (self.samples.front(), self.samples.back()) {
            (Some((since, before)), Some((until, after))) if until > since => {
                after.saturating_sub(*before) as f64 / until.duration_since(*since).as_secs_f64()
            }
            _ => 0.0,
        };
        let read: u64 = self.tables.iter().map(|table| table.progress.books.read).sum();
        let left = read.saturating_sub(self.accounted());
        Progress {
            phase: self.phase,
            tables: self.tables.iter().map(|table| table.progress.clone()).collect(),
            rows_per_second: speed,
            eta_seconds: (self.phase == Phase::Copying && speed > 0.0).then(|| left as f64 / speed),
            elapsed_seconds: self.began.elapsed().as_secs_f64(),
            health: Health {
                idle_seconds: self.moved.elapsed().as_secs_f64(),
                stall: self.stall.clone(),
                retrying: self.retrying.values().cloned().collect(),
                retries: self.retries,
                workers: self.workers,
                remote_workers: self.remote_workers,
                notes: self.notes.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "
format: 1
name: x
source: s
target: t
tables:
- {source: a, target: b, columns: [{target: id, source: id, type: bigint}]}
";

    fn entry(ordinal: i32, loaded: i64, quarantined: i64) -> Entry {
        let books =
            SignedBooks { read: loaded.max(0), loaded, quarantined, ..SignedBooks::default() };
        Entry { table_index: 0, ordinal, books, bytes: 10, seconds: 0.5 }
    }

    #[test]
    fn a_correction_moves_rows_without_counting_a_chunk() {
        let plan = Plan::from_yaml(PLAN).unwrap();
        let board = Board::new(&plan, watch::channel(None).0);
        board.planned(0, 10, 1);
        board.committed(&entry(0, 10, 0));
        board.committed(&entry(-1, -3, 3));

        let table = &board.picture().tables[0];

        assert_eq!((table.books.loaded, table.books.quarantined), (7, 3));
        assert!(table.books.close());
        assert_eq!((table.chunks_done, table.chunks_total), (1, 1));
    }

    #[test]
    fn an_entry_that_is_told_twice_counts_once() {
        let plan = Plan::from_yaml(PLAN).unwrap();
        let board = Board::new(&plan, watch::channel(None).0);
        board.planned(0, 10, 1);

        board.committed(&entry(0, 10, 0));
        board.committed(&entry(0, 10, 0));

        assert_eq!(board.picture().tables[0].books.loaded, 10);
    }

    #[tokio::test]
    async fn who_waits_is_counted_until_something_came() {
        let plan = Plan::from_yaml(PLAN).unwrap();
        let board = Board::new(&plan, watch::channel(None).0);

        let seen = board.waiting(Wait::Target, async { board.waits() }).await;

        assert_eq!((seen, board.waits()), ((0, 1), (0, 0)));
    }
}
