use serde_json::{Value, json};
use shared::route::{REHEARSALS, RUNS};

use crate::support::legacy::{SMALL, save_plan};
use crate::support::{Client, TestApp};

/// The rehearsal, once it is no longer under way.
async fn end_of(client: &Client<'_>, id: &str) -> Value {
    client.end_of(&format!("{REHEARSALS}/{id}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_says_what_the_run_would_come_to_and_leaves_nothing() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;

    let started = mia.post(REHEARSALS, &json!({"plan_id": plan})).await;

    assert_eq!(started.status, 202, "{}", started.text);
    let id = started.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(started.header("location"), format!("{REHEARSALS}/{id}"));
    let done = end_of(&mia, &id).await;
    assert_eq!(done["state"], "completed", "{done}");
    let report = &done["report"];
    assert_eq!((&report["status"], &report["books_close"]), (&"completed".into(), &true.into()));
    assert_eq!(report["tables"][0]["loaded"], 99);
    assert_eq!(report["quarantine"][0]["rows"], 1);
    assert_eq!(mia.get(RUNS).await.json()["items"], json!([]));
    let list = mia.get(&format!("{REHEARSALS}?plan={plan}")).await.json();
    assert_eq!(
        (&list["items"][0]["id"], &list["items"][0]["report"]),
        (&id.clone().into(), &Value::Null)
    );
    assert_eq!(
        mia.audit(2).await,
        [
            ("rehearsal_completed".to_owned(), id.clone()),
            ("rehearsal_started".to_owned(), id.clone())
        ]
    );
    // One that is through stays as it is.
    assert_eq!(mia.post(&format!("{REHEARSALS}/{id}/stop"), &json!({})).await.status, 202);
    assert_eq!(end_of(&mia, &id).await, done);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_cannot_be_rehearsed() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let nowhere = "00000000-0000-4000-8000-000000000000";
    let refused = mia.post(REHEARSALS, &json!({"plan_id": nowhere})).await;
    refused.assert_refused(404, "plan_not_found");
    mia.get(&format!("{REHEARSALS}/{nowhere}")).await.assert_refused(404, "rehearsal_not_found");
}
