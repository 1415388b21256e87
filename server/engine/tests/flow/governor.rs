//! A source that is not to be strained: read more slowly where it is slow, and only when it may be.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use engine::assessment::assess;
use engine::clock::{Clock, SystemClock};
use engine::run::{Request, migrate};
use engine::verify::verify;
use shared::error_code::ErrorCode;
use shared::run::{OutcomeStatus, Progress, RunOutcome};
use shared::verification::{Mode, VerificationState};
use testbed::{Database, Proxy};
use uuid::Uuid;

use crate::assessment;
use crate::support::{Given, chunks_done, comparison, plan, request, run};

const SOURCE: &str = "
create table visit (id integer primary key, note varchar(200));
insert into visit values (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e'), (6, 'f'), (7, 'g'), (8, 'h');
insert into visit select a.id + 10 * b.id, 'x' from visit as a, visit as b;
";

/// So many chunks that a run is not at its end before the source was asked often.
const MORE: &str = "
insert into visit select a.id + 10 * b.id + 100 * c.id, 'x'
from visit as a, visit as b, visit as c
where a.id < 10 and b.id < 10 and c.id < 3;
";

const CONTENT: &str = "select count(*), count(distinct id), sum(id) from visit";
const WHOLE: &str = "72\t72\t3204";

fn visits(governor: &str) -> String {
    format!(
        "
options: {{chunk_rows: 1, workers: 3, governor: {governor}}}
tables:
- source: visit
  key: [id]
  target: public.visit
  columns:
  - {{target: id, source: id, type: bigint, nullable: false}}
  - {{target: note, source: note, type: text}}
  create: {{}}
"
    )
}

fn sources() -> [Database; 2] {
    [testbed::postgres(), testbed::mariadb()].map(|server| {
        let source = server.create_database();
        source.execute(SOURCE);
        source
    })
}

async fn carried_out(request: Request) -> RunOutcome {
    migrate(request).await.expect("an outcome")
}

fn held_back(picture: &Progress) -> bool {
    picture.health.notes.iter().any(|note| note.contains("governor.latency_ms"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_slow_is_read_more_slowly_and_arrives_whole() {
    for source in sources() {
        let target = testbed::postgres().create_database();
        let way = Proxy::to(source.url());
        way.delay(20);
        let plan = plan(&way.url(source.url()), target.url(), &visits("{latency_ms: 10}"));
        let (request, pictures) = request(&plan, Given::default());

        let outcome = carried_out(request).await;

        assert_eq!((outcome.failure, outcome.books_close), (None, true));
        assert_eq!(target.query(CONTENT), WHOLE);
        let picture = pictures.borrow().clone().expect("a picture");
        assert!(held_back(&picture), "{:?}", picture.health.notes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_quick_is_not_held_back() {
    for source in sources() {
        let target = testbed::postgres().create_database();
        let quick = "{latency_ms: 60000, probe: select count(*) from visit}";
        let plan = plan(source.url(), target.url(), &visits(quick));
        let (request, pictures) = request(&plan, Given::default());

        let outcome = carried_out(request).await;

        assert_eq!((outcome.failure, outcome.books_close), (None, true));
        assert_eq!(target.query(CONTENT), WHOLE);
        let picture = pictures.borrow().clone().expect("a picture");
        assert!(!held_back(&picture), "{:?}", picture.health.notes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_strained_stops_the_run_which_goes_on_later() {
    for source in sources() {
        let target = testbed::postgres().create_database();
        let way = Proxy::to(source.url());
        source.execute(MORE);
        let url = way.url(source.url());
        let strained = plan(&url, target.url(), &visits("{latency_ms: 1, stop_ms: 15}"));
        way.delay(20);
        let (first, _) = request(&strained, Given::default());

        let outcome = carried_out(first).await;

        let failure = outcome.failure.expect("it stopped");
        assert_eq!(failure.code, ErrorCode::Load045);
        assert_ne!(outcome.status, OutcomeStatus::Completed);
        way.delay(0);
        // How a source is spared is no part of what a run writes: it goes on without.
        let (second, _) = request(&plan(&url, target.url(), &visits("{}")), Given::default());
        let outcome = carried_out(second).await;
        assert_eq!((outcome.failure, outcome.books_close), (None, true));
        assert_eq!(target.query("select count(*), count(distinct id) from visit"), "200\t200");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_is_no_statement_is_told() {
    let [source, _] = sources();
    let target = testbed::postgres().create_database();
    let wrong = "{latency_ms: 60000, probe: select nothing from nowhere}";
    source.execute(MORE);
    let (request, _) = request(&plan(source.url(), target.url(), &visits(wrong)), Given::default());

    let outcome = carried_out(request).await;

    assert_eq!(outcome.failure.map(|failure| failure.code), Some(ErrorCode::Map006));
}

/// A clock that a test moves.
struct Moved(Mutex<DateTime<Utc>>);

impl Moved {
    fn at(time: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(time.parse().expect("a time"))))
    }

    fn to(&self, time: &str) {
        *self.0.lock().expect("not poisoned") = time.parse().expect("a time");
    }
}

impl Clock for Moved {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().expect("not poisoned")
    }

    fn fresh_id(&self) -> Uuid {
        SystemClock.fresh_id()
    }
}

const WINDOWS: &str = "{zone: Europe/Berlin, windows: [{from: '22:00', to: '05:00', workers: 1}]}";
const NOON: &str = "2026-07-01T10:00:00Z";
const NIGHT: &str = "2026-07-01T20:00:00Z";

#[expect(clippy::ref_option, reason = "this is what a channel is asked by")]
fn waits(picture: &Option<Progress>) -> bool {
    let stall = picture.as_ref().and_then(|picture| picture.health.stall.as_ref());
    stall.is_some_and(|stall| stall.reason.contains("from 22:00 on"))
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_of_its_windows_a_source_is_not_read() {
    let [source, _] = sources();
    let target = testbed::postgres().create_database();
    let plan = plan(source.url(), target.url(), &visits(WINDOWS));
    let clock = Moved::at(NOON);
    let (mut request, mut pictures) = request(&plan, Given::default());
    request.clock = Arc::clone(&clock) as Arc<dyn Clock>;
    let running = tokio::spawn(migrate(request));

    let picture = pictures.wait_for(waits).await.expect("it waits").clone();
    assert_eq!(chunks_done(picture.as_ref()), 0);
    clock.to(NIGHT);

    let outcome = running.await.expect("no panic").expect("an outcome");
    assert_eq!((outcome.failure, outcome.books_close), (None, true));
    assert_eq!(target.query(CONTENT), WHOLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_not_counted_any_more_when_the_window_closes_or_the_source_is_strained() {
    let [source, _] = sources();
    source.execute(MORE);
    let target = testbed::postgres().create_database();
    let way = Proxy::to(source.url());
    // Counting so many chunks takes far longer than it takes to see that the source is slow.
    way.delay(20);
    let url = way.url(source.url());
    let clock = Moved::at(NIGHT);
    let (mut first, mut pictures) =
        request(&plan(&url, target.url(), &visits(WINDOWS)), Given::default());
    first.clock = Arc::clone(&clock) as Arc<dyn Clock>;
    let stop = first.stop.clone();
    let running = tokio::spawn(migrate(first));
    pictures.wait_for(Option::is_some).await.expect("it began");
    clock.to(NOON);
    pictures.wait_for(waits).await.expect("it waits");
    stop.request();
    let paused = running.await.expect("no panic").expect("an outcome");
    assert_eq!(paused.status, OutcomeStatus::Paused, "{:?}", paused.failure);
    let strained = plan(&url, target.url(), &visits("{latency_ms: 1, stop_ms: 15}"));
    let (second, _) = request(&strained, Given::default());

    let failure = carried_out(second).await.failure.expect("it stopped");

    assert_eq!(failure.code, ErrorCode::Load045);
    assert_eq!(target.query("select count(*) from transfuse.ledger"), "0");
    way.delay(0);
    let outcome = run(&plan(&url, target.url(), &visits("{}"))).await.expect("an outcome");
    assert_eq!((outcome.failure, outcome.books_close), (None, true));
}

/// Lets a source be quick again once it was asked how it is.
async fn relent(way: &Proxy) {
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    way.delay(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_spares_the_source_as_a_run_does() {
    for source in sources() {
        source.execute(MORE);
        let target = testbed::postgres().create_database();
        let way = Proxy::to(source.url());
        let url = way.url(source.url());
        let with = |governor: &str| plan(&url, target.url(), &visits(governor));
        assert!(run(&with("{}")).await.expect("an outcome").books_close);

        let mut waiting = comparison(&with(WINDOWS), Mode::Full);
        let clock = Moved::at(NOON);
        waiting.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let mut pictures = waiting.progress.subscribe();
        let verifying = tokio::spawn(verify(waiting));
        let held = |held: &Option<shared::verification::Progress>| {
            held.as_ref().is_some_and(|picture| picture.held.is_some())
        };
        pictures.wait_for(held).await.expect("it waits");
        clock.to(NIGHT);
        let outcome = verifying.await.expect("no panic").expect("an outcome");
        assert_eq!((outcome.status, outcome.failure), (VerificationState::Equal, None));

        // Three answers take a while, and a verification of a small table does not.
        way.delay(100);
        let strained = with("{latency_ms: 1, stop_ms: 60}");
        let outcome = verify(comparison(&strained, Mode::Full)).await.expect("an outcome");
        assert_eq!(outcome.failure.map(|failure| failure.code), Some(ErrorCode::Load045));
        assert_eq!(outcome.status, VerificationState::Failed);

        way.delay(20);
        let slow = tokio::spawn(verify(comparison(&with("{latency_ms: 10}"), Mode::Full)));
        relent(&way).await;
        let slow = slow.await.expect("no panic").expect("an outcome");
        assert_eq!((slow.status, slow.failure), (VerificationState::Equal, None));
        let notes = &slow.findings.notes;
        assert!(notes.iter().any(|note| note.contains("governor.latency_ms")), "{notes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assessment_spares_the_source_as_a_run_does() {
    for source in sources() {
        source.execute(MORE);
        let target = testbed::postgres().create_database();
        let way = Proxy::to(source.url());
        let url = way.url(source.url());
        let with = |governor: &str| plan(&url, target.url(), &visits(governor));

        let mut waiting = assessment::request(&with(WINDOWS));
        let clock = Moved::at(NOON);
        waiting.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let mut held = waiting.held.subscribe();
        let assessing = tokio::spawn(assess(waiting));
        held.wait_for(Option::is_some).await.expect("it waits");
        clock.to(NIGHT);
        let found = assessing.await.expect("no panic").expect("an assessment");
        assert_eq!(found.forecast.expect("a forecast").tables[0].loaded, 200);

        way.delay(20);
        let strained = assess(assessment::request(&with("{latency_ms: 1, stop_ms: 15}"))).await;
        assert_eq!(strained.expect_err("it stopped").code(), ErrorCode::Load045);

        let slow = tokio::spawn(assess(assessment::request(&with("{latency_ms: 10}"))));
        relent(&way).await;
        let slow = slow.await.expect("no panic").expect("an assessment");
        let slow = slow.forecast.expect("a forecast");
        assert!(slow.notes.iter().any(|note| note.contains("governor.latency_ms")), "{slow:?}");
        assert_eq!(slow.tables[0].loaded, 200);
    }
}
