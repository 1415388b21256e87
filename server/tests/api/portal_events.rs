use std::time::{Duration, Instant};

use serde_json::Value;
use shared::route::{EVENTS, RUNS};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::legacy::{SLOW, SMALL, save_plan, start};
use crate::support::{PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_somebody_else_starts_is_seen_from_start_to_end_in_one_stream() {
    let app = TestApp::start().await;
    let (mia, token) = (app.member().await, token_of(&app, "vera").await);
    let plan = save_plan(&app, &mia, SLOW).await;
    let mut stream = Stream::open(&app, &token, None).await;

    let id = start(&mia, &plan).await;

    let started =
        stream.next(|name, data| name == "change" && data["action"] == "run_started").await;
    assert_eq!((&started["topic"], &started["object"]), (&"run".into(), &id.as_str().into()));
    stream
        .next(|name, data| name == "run" && data["run_id"] == *id && data["state"] == "running")
        .await;
    let done =
        stream.next(|name, data| name == "change" && data["action"] == "run_completed").await;
    assert!(done["notice"]["text"].as_str().unwrap().contains("completed"), "{done}");
    stream
        .next(|name, data| name == "run" && data["run_id"] == *id && data["state"] == "completed")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_gets_each_change_since_and_none_twice() {
    let app = TestApp::start().await;
    let (mia, token) = (app.member().await, token_of(&app, "vera").await);
    let plan = save_plan(&app, &mia, SMALL).await;
    let mut stream = Stream::open(&app, &token, None).await;
    let id = start(&mia, &plan).await;
    let started =
        stream.next(|name, data| name == "change" && data["action"] == "run_started").await;
    drop(stream);
    mia.end_of_run(&id).await;
    mia.post(&format!("{RUNS}/{id}/pause"), &Value::Null)
        .await
        .assert_refused(409, "wrong_run_state");
    mia.post(shared::route::PLANS, &crate::support::legacy::plan(SMALL)).await;

    let mut stream = Stream::open(&app, &token, Some(&started["number"].to_string())).await;

    let mut numbers = Vec::new();
    let mut actions = Vec::new();
    while actions.last() != Some(&Value::from("plan_saved")) {
        let change = stream.next(|name, _| name == "change").await;
        numbers.push(change["number"].as_u64().unwrap());
        actions.push(change["action"].clone());
    }
    assert_eq!(actions, ["run_completed", "plan_saved"]);
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_users_is_told_to_administrators_only() {
    let app = TestApp::start().await;
    let mut for_viewer = Stream::open(&app, &token_of(&app, "vera").await, None).await;
    let mut for_admin = Stream::open(&app, &token_of(&app, "ada").await, None).await;

    let mia = app.member().await;
    mia.post(shared::route::PLANS, &crate::support::legacy::plan(SMALL)).await;

    let seen = for_admin.next(|name, data| name == "change" && data["topic"] == "session").await;
    assert_eq!(seen["action"], "signed_in");
    let first = for_viewer.next(|name, _| name == "change").await;
    assert_eq!(first["action"], "plan_saved");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_never_here_or_away_too_long_is_told_to_read_everything_anew() {
    let app = TestApp::start().await;
    let token = token_of(&app, "vera").await;

    let mut stream = Stream::open(&app, &token, Some("9999")).await;

    stream.next(|name, _| name == "reset").await;
    stream.next(|name, data| name == "counts" && data["runs_running"] == 0).await;
    app.send("GET", EVENTS, &[], None).await.assert_refused(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_server_of_a_store_does_another_one_tells() {
    let database = testbed::postgres().create_database();
    let (here, there) =
        (TestApp::start_on(database.url()).await, TestApp::start_on(database.url()).await);
    let mut stream = Stream::open(&there, &token_of(&there, "vera").await, None).await;

    here.member().await.post(shared::route::PLANS, &crate::support::legacy::plan(SMALL)).await;

    stream.next(|name, data| name == "change" && data["action"] == "plan_saved").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_arrive_each_once_and_in_order() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let mut stream = Stream::open(&app, &token_of(&app, "vera").await, None).await;

    for _ in 0..20 {
        mia.post(shared::route::PLANS, &crate::support::legacy::plan(SMALL)).await;
    }
    for _ in 0..20 {
        stream.next(|name, data| name == "change" && data["action"] == "plan_saved").await;
    }
}

async fn token_of(app: &TestApp, id: &str) -> String {
    let reply = app.try_sign_in(id, PASSWORD).await;
    reply.json()["token"].as_str().expect("a token").to_owned()
}

/// A stream of events that is read while it goes on.
struct Stream {
    connection: TcpStream,
    text: String,
}

impl Stream {
    async fn open(app: &TestApp, token: &str, last: Option<&str>) -> Self {
        let mut connection =
            TcpStream::connect(app.services().address()).await.expect("the server listens");
        let last = last.map(|last| format!("last-event-id: {last}\r\n")).unwrap_or_default();
        let request = format!(
            "GET {EVENTS} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n{last}\r\n"
        );
        connection.write_all(request.as_bytes()).await.expect("the server reads");
        let mut stream = Self { connection, text: String::new() };
        // Its first picture: from here on nothing is missed.
        stream.next_before(|name, _| name == "counts").await;
        stream
    }

    /// The next event that is the one; those before it are passed over.
    async fn next(&mut self, is_it: impl Fn(&str, &Value) -> bool) -> Value {
        let limit = Instant::now() + Duration::from_mins(1);
        loop {
            while let Some((name, data)) = self.take() {
                if is_it(&name, &data) {
                    return data;
                }
            }
            self.read(limit).await;
        }
    }

    /// Waits for an event, and leaves it and those before it to be read.
    async fn next_before(&mut self, is_it: impl Fn(&str, &Value) -> bool) {
        let limit = Instant::now() + Duration::from_mins(1);
        loop {
            let mut probe = Self::events(&self.text);
            if probe.any(|(name, data)| is_it(&name, &data)) {
                return;
            }
            drop(probe);
            self.read(limit).await;
        }
    }

    async fn read(&mut self, limit: Instant) {
        let mut bytes = vec![0; 16 << 10];
        let left = limit.saturating_duration_since(Instant::now());
        let read = timeout(left, self.connection.read(&mut bytes)).await;
        let length = read.expect("an event in time").expect("the server answers");
        assert!(length > 0, "the stream ended: {}", self.text);
        self.text.push_str(&String::from_utf8_lossy(&bytes[..length]));
    }

    fn take(&mut self) -> Option<(String, Value)> {
        loop {
            let end = self.text.find("\n\n")?;
            let block: String = self.text.drain(..end + 2).collect();
            if let Some(event) = Self::events(&format!("{block}\n\n")).next() {
                return Some(event);
            }
        }
    }

    /// The events of a text; what is not whole yet, and sizes of chunks between, are left out.
    fn events(text: &str) -> impl Iterator<Item = (String, Value)> {
        text.split("\n\n").filter_map(|block| {
            let field = |name| block.lines().find_map(|line| line.strip_prefix(name));
            let data = serde_json::from_str(field("data: ")?).ok()?;
            Some((field("event: ")?.to_owned(), data))
        })
    }
}
