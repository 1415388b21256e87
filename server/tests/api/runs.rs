use serde_json::{Value, json};
use shared::route::{ROLLBACKS, RUNS, SIGN_OFFS};

use crate::support::TestApp;
use crate::support::legacy::{SLOW, SMALL, plan, save_plan, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_with_its_books_closed() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;

    let id = start(&mia, &plan).await;
    let run = mia.end_of_run(&id).await;

    assert_eq!(run["state"], "completed", "{run}");
    assert_eq!(run["started_by"], "MIA Example");
    let books = &run["progress"]["tables"][0]["books"];
    assert_eq!((&books["read"], &books["loaded"]), (&100.into(), &99.into()));
    assert_eq!(books["quarantined"], 1);
    let list = mia.get(RUNS).await.json();
    assert_eq!(list["items"][0]["id"], id.as_str());
    let trail = mia.audit(2).await;
    assert_eq!(trail, [("run_completed".to_owned(), id.clone()), ("run_started".to_owned(), id)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_goes_on_where_it_stopped() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SLOW).await;
    let id = start(&mia, &plan).await;
    let path = format!("{RUNS}/{id}");

    let asked = mia.post(&format!("{path}/pause"), &json!({})).await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    let paused = mia.end_of_run(&id).await;
    assert_eq!(paused["state"], "paused", "{paused}");

    mia.post(&format!("{path}/pause"), &json!({})).await.assert_refused(409, "wrong_run_state");
    mia.post(RUNS, &json!({"plan_id": plan})).await.assert_refused(409, "run_unfinished");

    let resumed = mia.post(&format!("{path}/resume"), &json!({})).await;
    assert_eq!((resumed.status, &resumed.json()["state"]), (200, &"running".into()));
    let run = mia.end_of_run(&id).await;
    assert_eq!(run["state"], "completed", "{run}");
    assert_eq!(run["progress"]["tables"][0]["books"]["read"], SLOW.rows);
    let trail = mia.audit(4).await;
    let actions: Vec<_> = trail.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["run_completed", "run_resumed", "run_paused", "run_started"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_stop_leaves_a_run_that_goes_on() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SLOW).await;
    let id = start(&mia, &plan).await;
    let path = format!("{RUNS}/{id}");

    let asked = mia.post(&format!("{path}/stop"), &json!({})).await;

    assert_eq!(asked.status, 202, "{}", asked.text);
    assert_eq!(mia.end_of_run(&id).await["state"], "paused");
    mia.post(&format!("{path}/resume"), &json!({})).await;
    let run = mia.end_of_run(&id).await;
    assert_eq!(run["state"], "completed", "{run}");
    assert_eq!(run["progress"]["tables"][0]["books"]["read"], SLOW.rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_pauses_its_runs_and_they_go_on_after_it_started_again() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SLOW).await;
    let id = start(&mia, &plan).await;
    drop(mia);

    let app = app.restart().await;

    let mia = app.member().await;
    let path = format!("{RUNS}/{id}");
    assert_eq!(mia.get(&path).await.json()["state"], "paused");
    mia.post(&format!("{path}/resume"), &json!({})).await;
    assert_eq!(mia.end_of_run(&id).await["state"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_cut_short_is_found_and_can_be_resumed() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;
    let id = start(&mia, &plan).await;
    mia.end_of_run(&id).await;
    let name = std::fs::read_to_string(app.folder.path().join("data/installation")).unwrap();
    let store = &app.services().services().store;
    sqlx::query("update runs set state = 'running', owner = $1, ended_at = null where id = $2")
        .bind(name)
        .bind(&id)
        .execute(store.pool())
        .await
        .unwrap();
    drop(mia);

    let app = app.restart().await;

    let mia = app.member().await;
    let run = mia.get(&format!("{RUNS}/{id}")).await.json();
    assert_eq!((&run["state"], &run["failure"]["code"]), (&"failed".into(), &"SYS-006".into()));
    mia.post(&format!("{RUNS}/{id}/resume"), &json!({})).await;
    assert_eq!(mia.end_of_run(&id).await["state"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_says_why_by_code() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let id = save_plan(&app, &mia, SMALL).await;
    std::fs::remove_file(app.folder.path().join("legacy.db")).unwrap();

    let run = start(&mia, &id).await;
    let run = mia.end_of_run(&run).await;

    assert_eq!((&run["state"], &run["failure"]["code"]), (&"failed".into(), &"CONN-008".into()));
    assert_eq!(mia.audit(1).await[0].0, "run_failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_with_problems_does_not_start() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    save_plan(&app, &mia, SMALL).await;
    let mut broken = plan(SMALL);
    broken["tables"] = json!([]);
    let id = mia.post("/api/v1/plans", &broken).await.json()["id"].clone();
    mia.post(RUNS, &json!({"plan_id": id})).await.assert_refused(422, "plan_problems");

    let mut unconnected = plan(SMALL);
    unconnected["target"] = "nowhere".into();
    let id = mia.post("/api/v1/plans", &unconnected).await.json()["id"].clone();
    mia.post(RUNS, &json!({"plan_id": id})).await.assert_refused(422, "connection_missing");
    mia.post(RUNS, &json!({"plan_id": "nowhere"})).await.assert_refused(404, "plan_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_watches_runs_and_controls_none() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;
    let id = start(&mia, &plan).await;
    let vera = app.viewer().await;

    assert_eq!(vera.get(&format!("{RUNS}/{id}")).await.status, 200);
    vera.post(RUNS, &json!({"plan_id": plan})).await.assert_refused(403, "forbidden");
    for action in ["pause", "resume"] {
        let path = format!("{RUNS}/{id}/{action}");
        vera.post(&path, &json!({})).await.assert_refused(403, "forbidden");
    }
    mia.end_of_run(&id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_not_there_is_not_found() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    mia.get(&format!("{RUNS}/nowhere")).await.assert_refused(404, "run_not_found");
    mia.post(&format!("{RUNS}/nowhere/pause"), &json!({}))
        .await
        .assert_refused(404, "run_not_found");
    mia.get(&format!("{RUNS}/no%20id")).await.assert_refused(404, "no_such_endpoint");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_the_command_line_is_known_once_its_plan_is_started_here() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let saved = save_plan(&app, &mia, SMALL).await;
    let document = app.folder.path().join("plan.yaml");
    std::fs::write(&document, plan(SMALL).to_string()).unwrap();
    let migrated = std::process::Command::new(env!("CARGO_BIN_EXE_transfuse"))
        .arg("--data")
        .arg(app.folder.path().join("data"))
        .args(["migrate", "--json", "-"])
        .arg(&document)
        .output()
        .unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let outcome: Value = serde_json::from_slice(&migrated.stdout).unwrap();
    let body = json!({"run_id": outcome["run_id"], "table": "person"});
    let unknown = mia.post(SIGN_OFFS, &body).await;
    unknown.assert_refused(404, "run_not_found");
    assert!(unknown.json()["hint"].as_str().unwrap().contains("nothing is copied again"));

    let run = start(&mia, &saved).await;
    let known = mia.end_of_run(&run).await;

    assert_eq!(known["state"], "completed", "{known}");
    let begun = mia.post(SIGN_OFFS, &json!({"run_id": run, "table": "person"})).await.json();
    let drawn = mia.end_of(&format!("{SIGN_OFFS}/{}", begun["id"].as_str().unwrap())).await;
    assert_eq!(drawn["state"], "open", "{drawn}");
    let rollback = mia.post(ROLLBACKS, &json!({"run_id": run})).await.json();
    assert_eq!(rollback["outcome"]["tables"][0]["removed"], 99, "{rollback}");
}
