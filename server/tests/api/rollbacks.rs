use serde_json::{Value, json};
use shared::route::{ROLLBACKS, RUNS};
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::support::legacy::{SMALL, save_plan, start};
use crate::support::{Client, TestApp};

/// The rollback, once it is no longer running.
async fn end_of(client: &Client<'_>, id: &str) -> Value {
    client.end_of(&format!("{ROLLBACKS}/{id}")).await
}

async fn finished_run(app: &TestApp, client: &Client<'_>) -> String {
    let plan = save_plan(app, client, SMALL).await;
    let run = start(client, &plan).await;
    assert_eq!(client.end_of_run(&run).await["state"], "completed");
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_looked_at_and_then_undone() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia).await;

    let preview = mia.post(ROLLBACKS, &json!({"run_id": run})).await;
    assert_eq!(preview.status, 201, "{}", preview.text);
    let preview = preview.json();
    assert_eq!(
        (&preview["state"], &preview["outcome"]["dry_run"]),
        (&"previewed".into(), &true.into())
    );
    assert_eq!(preview["outcome"]["tables"][0]["removed"], 99);
    assert_eq!(mia.get(&format!("{RUNS}/{run}")).await.json()["state"], "completed");

    let id = preview["id"].as_str().unwrap();
    let started = mia.post(&format!("{ROLLBACKS}/{id}/start"), &json!({})).await;
    assert_eq!(started.status, 202, "{}", started.text);
    let done = end_of(&mia, id).await;

    assert_eq!(done["state"], "completed", "{done}");
    assert_eq!(
        (&done["outcome"]["tables"][0]["removed"], &done["outcome"]["dry_run"]),
        (&99.into(), &false.into())
    );
    assert_eq!(done["requested_by"], "MIA Example");
    assert_eq!(mia.get(&format!("{RUNS}/{run}")).await.json()["state"], "rolled_back");
    let trail = mia.audit(2).await;
    assert_eq!(
        trail,
        [
            ("rollback_completed".to_owned(), run.clone()),
            ("rollback_started".to_owned(), run.clone())
        ]
    );
    let list = mia.get(&format!("{ROLLBACKS}?run={run}&limit=5")).await.json();
    assert_eq!(list["items"][0]["id"], id);
    let again = mia.post(&format!("{ROLLBACKS}/{id}/start"), &json!({})).await;
    again.assert_refused(409, "wrong_rollback_state");
    mia.post(ROLLBACKS, &json!({"run_id": run})).await.assert_refused(404, "LOAD-023");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_undone_is_done_again_when_the_run_is_resumed() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia).await;
    let scope = json!({"what": "chunk", "target": "person", "ordinal": 1});

    let preview = mia.post(ROLLBACKS, &json!({"run_id": run, "scope": scope})).await.json();
    let id = preview["id"].as_str().unwrap();
    mia.post(&format!("{ROLLBACKS}/{id}/start"), &json!({})).await;
    let done = end_of(&mia, id).await;

    assert_eq!(done["outcome"]["tables"][0]["removed"], 50, "{done}");
    assert_eq!(mia.get(&format!("{RUNS}/{run}")).await.json()["state"], "paused");
    mia.post(&format!("{RUNS}/{run}/resume"), &json!({})).await;
    let resumed = mia.end_of_run(&run).await;
    assert_eq!(resumed["state"], "completed", "{resumed}");
    let books = &resumed["progress"]["tables"][0]["books"];
    assert_eq!((&books["read"], &books["loaded"]), (&100.into(), &99.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_looks_at_rollbacks_and_begins_none() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia).await;
    let preview = mia.post(ROLLBACKS, &json!({"run_id": run})).await.json();
    let id = preview["id"].as_str().unwrap();

    let vera = app.viewer().await;

    vera.post(ROLLBACKS, &json!({"run_id": run})).await.assert_refused(403, "forbidden");
    let start = vera.post(&format!("{ROLLBACKS}/{id}/start"), &json!({})).await;
    start.assert_refused(403, "forbidden");
    assert_eq!(vera.get(&format!("{ROLLBACKS}/{id}")).await.status, 200);
    assert_eq!(vera.get(ROLLBACKS).await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_second_person_has_to_agree_nobody_undoes_alone() {
    let app = TestApp::start().await;
    let (mia, ada) = (app.member().await, app.admin().await);
    let run = finished_run(&app, &mia).await;
    ask_for_a_second_person(&ada).await;
    let preview = mia.post(ROLLBACKS, &json!({"run_id": run, "changed": "discard"})).await.json();
    let start = format!("{ROLLBACKS}/{}/start", preview["id"].as_str().unwrap());

    mia.post(&start, &json!({})).await.assert_refused(409, "approval_required");
    let other =
        approved(&mia, &ada, &json!({"act": "roll_back", "run_id": run, "scope": {"what": "run"}}))
            .await;
    let header = |id: &str| vec![("transfuse-approval".to_owned(), id.to_owned())];
    let send = async |id: &str| {
        let header = header(id);
        let header: Vec<_> = header.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        mia.send("POST", &start, &header, Some(&json!({}))).await
    };
    send(&other).await.assert_refused(409, "approval_does_not_count");
    let act =
        json!({"act": "roll_back", "run_id": run, "scope": {"what": "run"}, "changed": "discard"});
    let right = approved(&mia, &ada, &act).await;
    let started = send(&right).await;

    assert_eq!(started.status, 202, "{}", started.text);
    end_of(&mia, preview["id"].as_str().unwrap()).await;
    let trail = ada.audit(4).await;
    assert!(trail.iter().any(|(action, _)| action == "approval_used"), "{trail:?}");
}

async fn ask_for_a_second_person(ada: &Client<'_>) {
    let path = shared::route::SETTINGS;
    let settings = json!({"approvals": {"second_person": ["roll_back"]}});
    let reply = ada.put(path, &settings).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

/// The id of an approval of an act.
async fn approved(mia: &Client<'_>, ada: &Client<'_>, act: &Value) -> String {
    let approvals = shared::route::APPROVALS;
    let reason = "The figures of the first table are wrong.";
    let asked = mia.post(approvals, &json!({"act": act, "reason": reason})).await;
    assert_eq!(asked.status, 201, "{}", asked.text);
    let id = asked.json()["id"].as_str().expect("a rollback has an id").to_owned();
    let yes = ada.post(&format!("{approvals}/{id}/approve"), &json!({"reason": reason})).await;
    assert_eq!(yes.status, 200, "{}", yes.text);
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_cannot_be_undone() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia).await;

    mia.post(ROLLBACKS, &json!({"run_id": "nowhere"})).await.assert_refused(404, "run_not_found");
    let scope = json!({"what": "table", "target": "nothing"});
    let nothing = mia.post(ROLLBACKS, &json!({"run_id": run, "scope": scope})).await;
    nothing.assert_refused(404, "LOAD-023");
    mia.get(&format!("{ROLLBACKS}/nowhere")).await.assert_refused(404, "rollback_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_fails_halfway_leaves_no_run_that_is_said_to_be_whole() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia).await;
    let scope = json!({"what": "chunk", "target": "person", "ordinal": 1});
    let preview = mia.post(ROLLBACKS, &json!({"run_id": run, "scope": scope})).await.json();
    let id = preview["id"].as_str().unwrap();
    let url = format!("sqlite://{}", app.folder.path().join("modern.db").display());
    let mut target = SqliteConnection::connect(&url).await.unwrap();
    target
        .execute(
            "create trigger stay before delete on person begin select raise(abort, 'stay'); end",
        )
        .await
        .unwrap();
    target.close().await.unwrap();

    mia.post(&format!("{ROLLBACKS}/{id}/start"), &json!({})).await;
    let failed = end_of(&mia, id).await;

    assert_eq!(failed["state"], "failed", "{failed}");
    assert_eq!(mia.failures().await, [("rollback_failed".to_owned(), run.clone())]);
    assert_eq!(mia.get(&format!("{RUNS}/{run}")).await.json()["state"], "paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_was_cut_short_is_found_and_goes_on() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia).await;
    let preview = mia.post(ROLLBACKS, &json!({"run_id": run})).await.json();
    let id = preview["id"].as_str().unwrap().to_owned();
    let name = std::fs::read_to_string(app.folder.path().join("data/installation")).unwrap();
    sqlx::query("update rollbacks set state = 'running', owner = $1 where id = $2")
        .bind(name)
        .bind(&id)
        .execute(app.services().services().store.pool())
        .await
        .unwrap();
    drop(mia);

    let app = app.restart().await;

    let mia = app.member().await;
    let found = mia.get(&format!("{ROLLBACKS}/{id}")).await.json();
    assert_eq!((&found["state"], &found["failure"]["code"]), (&"failed".into(), &"SYS-006".into()));
    mia.post(&format!("{ROLLBACKS}/{id}/start"), &json!({})).await;
    assert_eq!(end_of(&mia, &id).await["state"], "completed");
}
