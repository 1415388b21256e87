use shared::route::RUNS;

use crate::support::TestApp;
use crate::support::legacy::{SMALL, save_plan, start};

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_quarantine_are_listed_and_counted_without_their_values() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;
    let id = start(&mia, &plan).await;
    mia.end_of_run(&id).await;
    let vera = app.viewer().await;
    let path = format!("{RUNS}/{id}/quarantine");

    let list = vera.get(&path).await;

    assert_eq!(list.status, 200, "{}", list.text);
    let rows = list.json()["items"].clone();
    assert_eq!((&rows[0]["column"], &rows[0]["run_id"]), (&"born".into(), &id.into()));
    assert!(rows[0]["code"].as_str().unwrap().starts_with("DATA-"), "{rows}");
    assert!(!list.text.contains("Pseudonymia"), "{}", list.text);
    let counts = vera.get(&format!("{path}/counts")).await.json();
    assert_eq!((&counts[0]["rows"], &counts[1]), (&1.into(), &serde_json::Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_narrowed_by_column_and_code() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;
    let id = start(&mia, &plan).await;
    mia.end_of_run(&id).await;
    let count = async |query: &str| {
        let reply = mia.get(&format!("{RUNS}/{id}/quarantine?{query}")).await;
        reply.json()["items"].as_array().map(Vec::len)
    };

    assert_eq!(count("column=born&limit=5").await, Some(1));
    assert_eq!(count("column=id").await, Some(0));
    assert_eq!(count("table=person").await, Some(1));
    assert_eq!(count("code=DATA-013").await, Some(0));
    assert_eq!(count("code=NO-CODE").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_not_there_has_no_quarantine() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    for path in ["quarantine", "quarantine/counts"] {
        let path = format!("{RUNS}/nowhere/{path}");
        mia.get(&path).await.assert_refused(404, "run_not_found");
    }
}
