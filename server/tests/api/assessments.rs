use serde_json::{Value, json};
use shared::route::{ASSESSMENTS, CHECKS};
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::support::legacy::{SMALL, save_plan, start};
use crate::support::{Client, TestApp};

/// The assessment, once it is no longer running.
async fn end_of(client: &Client<'_>, id: &str) -> Value {
    client.end_of(&format!("{ASSESSMENTS}/{id}")).await
}

/// Assesses, and gives what was found.
async fn assess(client: &Client<'_>, body: &Value) -> Value {
    let started = client.post(ASSESSMENTS, body).await;
    assert_eq!(started.status, 201, "{}", started.text);
    assert!(started.header("location").starts_with(ASSESSMENTS));
    end_of(client, started.json()["id"].as_str().expect("an id")).await
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_is_told_by_its_weight_with_what_to_do() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;

    let found = assess(&mia, &json!({"plan_id": plan})).await;

    assert_eq!((&found["state"], &found["plan_version"]), (&"completed".into(), &1.into()));
    assert_eq!(found["started_by"], "MIA Example");
    assert_eq!(found["counts"]["quarantined"], 1);
    let fault = &found["forecast"]["quarantine"][0];
    assert_eq!((&fault["column"], &fault["rows"]), (&"born".into(), &1.into()), "{fault}");
    let weights: Vec<_> = list(&found["findings"]).iter().map(|it| &it["severity"]).collect();
    assert!(weights.contains(&&"warning".into()), "{weights:?}");
    for finding in list(&found["findings"]).iter().flat_map(|it| list(&it["findings"])) {
        assert!(finding["action"].as_str().is_some_and(|action| !action.is_empty()), "{finding}");
    }
    let id = found["id"].as_str().unwrap();
    assert_eq!(
        mia.audit(2).await,
        [
            ("assessment_completed".to_owned(), id.to_owned()),
            ("assessment_started".to_owned(), id.to_owned())
        ]
    );
    // Nobody moved anything.
    assert!(!app.folder.path().join("modern.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_groups_that_are_named_are_checked() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;
    let selection = json!({"groups": ["governance"], "checks": ["source-reachable"]});

    let body = json!({"plan_id": plan, "selection": selection, "look": {"rows": 0}});
    let found = assess(&mia, &body).await;

    let groups: Vec<_> = list(&found["checks"]).iter().map(|it| &it["group"]).collect();
    assert!(groups.contains(&&"governance".into()) && groups.contains(&&"connection".into()));
    assert!(!groups.contains(&&"data".into()), "{groups:?}");
    assert!(found["forecast"].is_null());
    let checks = mia.get(CHECKS).await.json();
    assert!(list(&checks).iter().any(|check| check["check"] == "source-rights"), "{checks}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_has_no_value_and_tells_what_changed_since_the_last_one() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;
    let body = json!({
        "plan_id": plan,
        "selection": {"groups": ["source"]},
        "look": {"rows": 0, "profile": 1000}
    });

    let first = assess(&mia, &body).await;
    let born = &first["profile"][0]["columns"][1];
    assert_eq!(born["values"][0], json!({"text": "9999-99-99", "rows": 99}), "{born}");
    assert!(first["drift"].is_null());
    let url = format!("sqlite://{}", app.folder.path().join("legacy.db").display());
    let mut legacy = SqliteConnection::connect(&url).await.unwrap();
    legacy.execute("update person set born = null where id > 50").await.unwrap();
    legacy.close().await.unwrap();

    let second = assess(&mia, &body).await;

    let drift = &second["drift"];
    assert_eq!(drift["assessment_id"], first["id"], "{drift}");
    let change = &drift["changes"][0];
    assert_eq!(
        (&change["column"], &change["kind"], &change["now"]),
        (&"born".into(), &"nulls".into(), &"50 %".into())
    );
    let page = mia.get(&format!("{ASSESSMENTS}?plan={plan}&limit=1")).await.json();
    assert_eq!((list(&page["items"]).len(), &page["items"][0]["id"]), (1, &second["id"]));
    let next = page["next"].as_str().expect("there is more");
    let page = mia.get(&format!("{ASSESSMENTS}?plan={plan}&limit=1&after={next}")).await.json();
    assert_eq!((&page["items"][0]["id"], page["next"].is_null()), (&first["id"], true));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_of_a_run_holds_what_came_against_what_was_foretold() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;
    let assessed = assess(&mia, &json!({"plan_id": plan})).await;
    let run = start(&mia, &plan).await;
    mia.end_of_run(&run).await;

    let report = mia.get(&format!("/api/v1/reports/{run}")).await.json();

    let forecast = &report["evidence"]["forecast"];
    assert_eq!(forecast["assessment_id"], assessed["id"], "{forecast}");
    let fault = &forecast["quarantine"][0];
    assert_eq!((&fault["foretold"], &fault["came"]), (&1.into(), &1.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_reads_assessments_and_begins_none() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;
    let body = json!({"plan_id": plan, "look": {"rows": 0}});
    let found = assess(&mia, &body).await;
    let id = found["id"].as_str().unwrap();

    let vera = app.viewer().await;

    vera.post(ASSESSMENTS, &body).await.assert_refused(403, "forbidden");
    let stop = vera.post(&format!("{ASSESSMENTS}/{id}/stop"), &json!({})).await;
    stop.assert_refused(403, "forbidden");
    assert_eq!(vera.get(&format!("{ASSESSMENTS}/{id}")).await.status, 200);
    assert_eq!(list(&vera.get(ASSESSMENTS).await.json()["items"]).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_assessment_of_a_plan_is_under_way_and_can_be_stopped() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;
    let body = json!({"plan_id": plan, "look": {"rows": 0}});
    let found = assess(&mia, &body).await;
    let id = found["id"].as_str().unwrap();
    // As if it were under way on another server.
    sqlx::query("update assessments set state = 'running' where id = $1")
        .bind(id)
        .execute(app.services().services().store.pool())
        .await
        .unwrap();

    mia.post(ASSESSMENTS, &body).await.assert_refused(409, "assessment_under_way");
    let stop = format!("{ASSESSMENTS}/{id}/stop");
    let stopped = mia.post(&stop, &json!({})).await;

    assert_eq!((stopped.status, &stopped.json()["state"]), (200, &"stopped".into()));
    assert_eq!(mia.audit(1).await, [("assessment_stopped".to_owned(), id.to_owned())]);
    mia.post(&stop, &json!({})).await.assert_refused(409, "wrong_assessment_state");
    assert_eq!(assess(&mia, &body).await["state"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_assessed() {
    let app = TestApp::start().await;
    let mia = app.member().await;

    let nothing = mia.post(ASSESSMENTS, &json!({"plan_id": "nothing"})).await;
    nothing.assert_refused(404, "plan_not_found");
    let nowhere = mia.get(&format!("{ASSESSMENTS}/nowhere")).await;
    nowhere.assert_refused(404, "assessment_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assessment_that_was_cut_short_is_found_and_says_so() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;
    let found = assess(&mia, &json!({"plan_id": plan, "look": {"rows": 0}})).await;
    let id = found["id"].as_str().unwrap().to_owned();
    sqlx::query("update assessments set state = 'running' where id = $1")
        .bind(&id)
        .execute(app.services().services().store.pool())
        .await
        .unwrap();
    drop(mia);

    let app = app.restart().await;

    let mia = app.member().await;
    let found = mia.get(&format!("{ASSESSMENTS}/{id}")).await.json();
    assert_eq!((&found["state"], &found["failure"]["code"]), (&"failed".into(), &"SYS-006".into()));
}
