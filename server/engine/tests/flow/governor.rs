//! A source that is not to be strained: read more slowly where it is slow, and only when it may be.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use engine::clock::{Clock, SystemClock};
use engine::run::{Request, migrate};
use shared::error_code::ErrorCode;
use shared::run::{OutcomeStatus, Progress, RunOutcome};
use testbed::{Database, Proxy};
use uuid::Uuid;

use crate::support::{Given, chunks_done, plan, request};

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

impl Clock for Moved {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().expect("not poisoned")
    }

    fn fresh_id(&self) -> Uuid {
        SystemClock.fresh_id()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_of_its_windows_a_source_is_not_read() {
    let [source, _] = sources();
    let target = testbed::postgres().create_database();
    let windows = "{zone: Europe/Berlin, windows: [{from: '22:00', to: '05:00', workers: 1}]}";
    let plan = plan(source.url(), target.url(), &visits(windows));
    let noon = "2026-07-01T10:00:00Z".parse().expect("a time");
    let clock = Arc::new(Moved(Mutex::new(noon)));
    let (mut request, mut pictures) = request(&plan, Given::default());
    request.clock = Arc::clone(&clock) as Arc<dyn Clock>;
    let running = tokio::spawn(migrate(request));

    let waits = |picture: &Option<Progress>| {
        let stall = picture.as_ref().and_then(|picture| picture.health.stall.as_ref());
        stall.is_some_and(|stall| stall.reason.contains("from 22:00 on"))
    };
    let picture = pictures.wait_for(waits).await.expect("it waits").clone();
    assert_eq!(chunks_done(picture.as_ref()), 0);
    *clock.0.lock().expect("not poisoned") = "2026-07-01T20:00:00Z".parse().expect("a time");

    let outcome = running.await.expect("no panic").expect("an outcome");
    assert_eq!((outcome.failure, outcome.books_close), (None, true));
    assert_eq!(target.query(CONTENT), WHOLE);
}
