//! A run as it happens.

use leptos::prelude::*;
use shared::event::RunEvent;
use shared::run::{Books, Failure, Phase, Progress, Run, RunState, TableProgress};

/// How the live channel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Connecting,
    /// What is shown is what is.
    Live,
    /// What is shown is what was known last.
    Stale,
    /// The run stands still; there is nothing to follow.
    Over,
}

#[derive(Clone, Copy)]
pub(crate) struct RunWatch {
    run: RwSignal<Option<Run>>,
    link: RwSignal<Link>,
    last_event: RwSignal<Option<u64>>,
    /// Rows a second, oldest first.
    rates: RwSignal<Vec<f64>>,
}

impl RunWatch {
    /// As many as a sparkline has room for.
    const RATES: usize = 60;

    pub(crate) fn new() -> Self {
        Self {
            run: RwSignal::new(None),
            link: RwSignal::new(Link::Connecting),
            last_event: RwSignal::new(None),
            rates: RwSignal::new(Vec::new()),
        }
    }

    /// The run as the server describes it.
    pub(crate) fn report(self, run: Run) {
        self.run.set(Some(run));
    }

    /// Something happened to the run. What is older than what is known changes nothing.
    pub(crate) fn hear(self, event: RunEvent) {
        if self.last_event.get_untracked().is_some_and(|last| event.number <= last) {
            return;
        }
        self.last_event.set(Some(event.number));
        if let Some(progress) = &event.progress
            && progress.phase == Phase::Copying
        {
            let rate = progress.rows_per_second;
            self.rates.update(|rates| {
                rates.push(rate);
                let surplus = rates.len().saturating_sub(Self::RATES);
                rates.drain(..surplus);
            });
        }
        self.run.update(|run| {
            if let Some(run) = run {
                run.state = event.state;
                run.failure = event.failure;
                if event.progress.is_some() {
                    run.progress = event.progress;
                }
            }
        });
    }

    pub(crate) fn link_is(self, link: Link) {
        self.link.set(link);
    }

    pub(crate) fn link(self) -> Link {
        self.link.get()
    }

    /// The number of the last event heard: where a new connection goes on.
    pub(crate) fn last_event(self) -> Option<u64> {
        self.last_event.get_untracked()
    }

    pub(crate) fn run(self) -> Option<Run> {
        self.run.get()
    }

    pub(crate) fn state(self) -> Option<RunState> {
        self.run.with(|run| run.as_ref().map(|run| run.state))
    }

    pub(crate) fn failure(self) -> Option<Failure> {
        self.run.with(|run| run.as_ref().and_then(|run| run.failure.clone()))
    }

    pub(crate) fn phase(self) -> Option<Phase> {
        self.progress(|progress| progress.phase)
    }

    /// From 0 to 1 over all tables; none until it is known.
    pub(crate) fn fraction(self) -> Option<f64> {
        self.progress(Progress::fraction).flatten()
    }

    pub(crate) fn books(self) -> Books {
        self.progress(Progress::books).unwrap_or_default()
    }

    pub(crate) fn bytes(self) -> u64 {
        self.progress(|progress| progress.tables.iter().map(|table| table.bytes).sum())
            .unwrap_or_default()
    }

    pub(crate) fn rows_per_second(self) -> f64 {
        self.progress(|progress| progress.rows_per_second).unwrap_or_default()
    }

    pub(crate) fn eta_seconds(self) -> Option<f64> {
        self.progress(|progress| progress.eta_seconds).flatten()
    }

    pub(crate) fn elapsed_seconds(self) -> Option<f64> {
        self.progress(|progress| progress.elapsed_seconds)
    }

    pub(crate) fn rates(self) -> Vec<f64> {
        self.rates.get()
    }

    /// How many tables the run has, and how many of them are done.
    pub(crate) fn tables_done(self) -> (usize, usize) {
        self.progress(|progress| {
            let done = progress.tables.iter().filter(|table| table.phase == Phase::Done).count();
            (done, progress.tables.len())
        })
        .unwrap_or_default()
    }

    /// The places of the tables in the plan, in order.
    pub(crate) fn table_indexes(self) -> Vec<u32> {
        self.progress(|progress| progress.tables.iter().map(|table| table.index).collect())
            .unwrap_or_default()
    }

    pub(crate) fn table(self, index: u32) -> Option<TableProgress> {
        self.progress(|progress| progress.tables.iter().find(|table| table.index == index).cloned())
            .flatten()
    }

    /// Whether every table's books close.
    pub(crate) fn books_close(self) -> bool {
        self.run.with(|run| run.as_ref().is_some_and(Run::books_close))
    }

    fn progress<T>(self, read: impl FnOnce(&Progress) -> T) -> Option<T> {
        self.run.with(|run| run.as_ref()?.progress.as_ref().map(read))
    }
}

#[cfg(test)]
mod tests {
    use shared::id::{PlanId, RunId};

    use super::*;

    fn run() -> Run {
        Run {
            id: RunId::parse("r1").unwrap(),
            plan_id: PlanId::parse("p1").unwrap(),
            plan_name: "clinic".to_owned(),
            plan_version: 1,
            state: RunState::Running,
            started_by: "Ida Sample".to_owned(),
            created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            started_at: None,
            ended_at: None,
            failure: None,
            progress: None,
        }
    }

    fn table(index: u32, books: Books, phase: Phase) -> TableProgress {
        TableProgress {
            index,
            source: "people".parse().unwrap(),
            target: "public.patients".parse().unwrap(),
            phase,
            books,
            chunks_total: 1,
            chunks_done: 0,
            bytes: 10,
            seconds: 1.0,
        }
    }

    fn event(number: u64, loaded: u64) -> RunEvent {
        let books = Books { read: 10, loaded, ..Books::default() };
        RunEvent {
            number,
            state: RunState::Running,
            progress: Some(Progress {
                phase: Phase::Copying,
                tables: vec![
                    table(0, books, Phase::Copying),
                    table(1, Books::default(), Phase::Done),
                ],
                rows_per_second: 5.0,
                eta_seconds: Some(1.0),
                elapsed_seconds: 2.0,
                health: shared::run::Health::default(),
            }),
            failure: None,
        }
    }

    #[test]
    fn an_event_that_comes_twice_counts_once() {
        Owner::new().with(|| {
            let watch = RunWatch::new();
            watch.report(run());
            watch.hear(event(2, 5));
            watch.hear(event(2, 5));
            watch.hear(event(1, 3));
            assert_eq!(watch.books().loaded, 5);
            assert_eq!(watch.rates(), [5.0]);
            assert_eq!(watch.last_event(), Some(2));
        });
    }

    #[test]
    fn progress_is_derived_from_the_tables() {
        Owner::new().with(|| {
            let watch = RunWatch::new();
            watch.report(run());
            assert_eq!((watch.fraction(), watch.tables_done()), (None, (0, 0)));
            watch.hear(event(1, 5));
            assert_eq!(watch.fraction(), Some(0.5));
            assert_eq!(watch.tables_done(), (1, 2));
            assert_eq!(watch.bytes(), 20);
            assert!(!watch.books_close());
            watch.hear(event(2, 10));
            assert!(watch.books_close());
        });
    }

    #[test]
    fn an_event_without_a_picture_keeps_the_last_one() {
        Owner::new().with(|| {
            let watch = RunWatch::new();
            watch.report(run());
            watch.hear(event(1, 5));
            let paused =
                RunEvent { number: 2, state: RunState::Paused, progress: None, failure: None };
            watch.hear(paused);
            assert_eq!((watch.state(), watch.books().loaded), (Some(RunState::Paused), 5));
        });
    }

    #[test]
    fn only_the_last_minute_of_rates_is_kept() {
        Owner::new().with(|| {
            let watch = RunWatch::new();
            watch.report(run());
            for number in 1..=100 {
                watch.hear(event(number, 5));
            }
            assert_eq!(watch.rates().len(), RunWatch::RATES);
        });
    }
}
