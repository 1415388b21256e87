use serde_json::Value;
use shared::route::RUNS;

use crate::support::legacy::{SLOW, SMALL, save_plan, start};
use crate::support::{PASSWORD, Reply, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_run_are_numbered_pictures_that_end_with_its_end() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SLOW).await;
    let id = start(&mia, &plan).await;

    let reply = mia.get(&format!("{RUNS}/{id}/events")).await;

    assert_eq!(reply.header("content-type"), "text/event-stream");
    assert_eq!(reply.header("content-encoding"), "identity");
    let events = events_of(&reply);
    let numbers: Vec<_> = events.iter().map(|event| event["number"].as_u64().unwrap()).collect();
    assert!(numbers.len() > 1 && numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let (last, before) = events.split_last().unwrap();
    assert_eq!(last["state"], "completed", "{last}");
    assert!(before.iter().all(|event| event["state"] == "running"));
    assert_eq!(last["progress"]["tables"][0]["books"]["loaded"], SLOW.rows - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_away_gets_what_it_does_not_have() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;
    let id = start(&mia, &plan).await;
    mia.end_of_run(&id).await;
    let path = format!("{RUNS}/{id}/events");

    let all = events_of(&mia.get(&path).await);
    assert_eq!(all.len(), 1);
    let last = all[0]["number"].to_string();
    let before = (all[0]["number"].as_u64().unwrap() - 1).to_string();

    let missed = mia.send("GET", &path, &[("last-event-id", &before)], None).await;
    assert_eq!(events_of(&missed), all);
    let nothing = mia.send("GET", &path, &[("last-event-id", &last)], None).await;
    assert_eq!((nothing.status, nothing.text.as_str()), (204, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_go_on_when_a_run_is_resumed() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SLOW).await;
    let id = start(&mia, &plan).await;
    mia.post(&format!("{RUNS}/{id}/pause"), &Value::Null).await;
    mia.end_of_run(&id).await;
    let path = format!("{RUNS}/{id}/events");
    let paused = events_of(&mia.get(&path).await).pop().unwrap();
    assert_eq!(paused["state"], "paused");

    mia.post(&format!("{RUNS}/{id}/resume"), &Value::Null).await;
    let last = paused["number"].to_string();
    let events = events_of(&mia.send("GET", &path, &[("last-event-id", &last)], None).await);

    assert!(events.iter().all(|event| event["number"].as_u64() > paused["number"].as_u64()));
    assert_eq!(events.last().unwrap()["state"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_recognised_by_its_cookie_and_nobody_by_nothing() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;
    let id = start(&mia, &plan).await;
    let path = format!("{RUNS}/{id}/events");
    let cookie = app.try_sign_in("vera", PASSWORD).await.cookie();

    let by_cookie = app.send("GET", &path, &[("cookie", &cookie)], None).await;
    assert_eq!(events_of(&by_cookie).last().unwrap()["state"], "completed");

    let nobody = app.send("GET", &path, &[], None).await;
    nobody.assert_refused(401, "unauthenticated");
    let other = app.send("GET", RUNS, &[("cookie", &cookie)], None).await;
    other.assert_refused(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_another_server_on_the_same_store_is_followed_to_its_end() {
    let database = testbed::postgres().create_database();
    let (here, there) =
        (TestApp::start_on(database.url()).await, TestApp::start_on(database.url()).await);
    let mia = there.member().await;
    let plan = save_plan(&there, &mia, SLOW).await;
    let id = start(&mia, &plan).await;

    let pause = here.member().await.post(&format!("{RUNS}/{id}/pause"), &Value::Null).await;
    pause.assert_refused(409, "run_elsewhere");

    let vera = here.viewer().await;
    let events = events_of(&vera.get(&format!("{RUNS}/{id}/events")).await);

    assert_eq!(events.last().unwrap()["state"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_not_there_has_no_events() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    mia.get(&format!("{RUNS}/nowhere/events")).await.assert_refused(404, "run_not_found");
}

#[track_caller]
fn events_of(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let blocks = reply.text.split("\n\n").filter(|block| block.contains("data: "));
    blocks
        .map(|block| {
            let field = |name: &str| {
                block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default()
            };
            let event: Value = serde_json::from_str(field("data: ")).expect("an event");
            assert_eq!(field("event: "), "run");
            assert_eq!(field("id: "), event["number"].to_string());
            event
        })
        .collect()
}
