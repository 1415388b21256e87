use serde_json::json;
use shared::route::{CONNECTIONS, PLANS, PLANS_CHECK, PLANS_DRAFT, PLANS_TRY};

use crate::support::TestApp;
use crate::support::legacy::{SMALL, plan, save_plan};

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_drafted_from_both_databases_and_can_run() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    save_plan(&app, &mia, SMALL).await;
    let connections = mia.get(CONNECTIONS).await.json();
    let id_of = |name: &str| {
        let items = connections["items"].as_array().unwrap();
        items.iter().find(|item| item["name"] == name).unwrap()["id"].clone()
    };

    let body = json!({"source": id_of("legacy"), "target": id_of("modern")});
    let drafted = mia.post(PLANS_DRAFT, &body).await;

    assert_eq!(drafted.status, 201, "{}", drafted.text);
    let saved = drafted.json();
    assert_eq!((&saved["version"], &saved["name"]), (&1.into(), &"legacy to modern".into()));
    assert_eq!(saved["plan"]["source"], "legacy");
    let checked = mia.post(PLANS_CHECK, &saved["plan"]).await;
    assert_eq!(checked.json(), json!({"problems": []}));

    let swapped = json!({"source": id_of("modern"), "target": id_of("legacy")});
    mia.post(PLANS_DRAFT, &swapped).await.assert_refused(422, "MAP-001");
    let missing = json!({"source": "nowhere", "target": id_of("modern")});
    mia.post(PLANS_DRAFT, &missing).await.assert_refused(404, "connection_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_names_what_is_misspelt() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    save_plan(&app, &mia, SMALL).await;
    let mut misspelt = plan(SMALL);
    misspelt["tables"][0]["columns"][1]["source"] = "borm".into();

    let checked = mia.post(PLANS_CHECK, &misspelt).await.json();

    let problems = checked["problems"].as_array().unwrap();
    let problem = problems.iter().find(|problem| problem["code"] == "MAP-002").unwrap();
    assert!(problem["message"].as_str().unwrap().contains("born"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_a_new_version_and_the_old_one_stays() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let path = format!("{PLANS}/{}", save_plan(&app, &mia, SMALL).await);
    let first = mia.get(&path).await;

    let same = mia.put(&path, &plan(SMALL)).await;
    assert_eq!(same.json()["version"], 1);

    let mut renamed = plan(SMALL);
    renamed["name"] = "renamed".into();
    let tag = first.header("etag").to_owned();
    let saved = mia.send("PUT", &path, &[("if-match", &tag)], Some(&renamed)).await;
    assert_eq!((saved.status, &saved.json()["version"]), (200, &2.into()), "{}", saved.text);

    assert_eq!(mia.get(&path).await.json()["name"], "renamed");
    assert_eq!(mia.get(&format!("{path}?version=1")).await.json(), first.json());
    mia.get(&format!("{path}?version=3")).await.assert_refused(404, "plan_not_found");
    let versions = mia.get(&format!("{path}/versions")).await.json();
    assert_eq!(versions["items"].as_array().unwrap().len(), 2);
    assert_eq!(mia.audit(1).await[0].0, "plan_saved");
    let list = mia.get(PLANS).await.json();
    assert_eq!((&list["items"][0]["version"], &list["items"][1]), (&2.into(), &json!(null)));
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_tried_on_real_rows_and_no_value_is_told() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    save_plan(&app, &mia, SMALL).await;
    let mut edited = plan(SMALL);
    edited["tables"][0]["columns"][1]["transform"] = json!([{"rule": "trim"}]);
    let body = |table: u32| json!({"plan": edited, "table": table, "rows": 8});

    let tried = mia.post(PLANS_TRY, &body(0)).await;

    assert_eq!(tried.status, 200, "{}", tried.text);
    assert!(!tried.text.contains("Pseudonymia") && !tried.text.contains("1980"), "{}", tried.text);
    let tried = tried.json();
    let rows = tried["rows"].as_array().unwrap();
    assert_eq!((&tried["source"], rows.len()), (&"person".into(), 8));
    assert_eq!(rows[0]["outcome"], "loaded");
    let born = json!({"column": "born", "source": "born", "before": "9999-99-99",
        "after": "9999-99-99", "is_changed": false, "fault": null});
    assert_eq!(rows[0]["cells"][1], born);
    assert_eq!(rows[6]["outcome"], "quarantined");
    assert_eq!(rows[6]["cells"][1]["before"], "Xxxxxxxxxxx");
    assert_eq!(rows[6]["cells"][1]["fault"]["code"], "DATA-001");
    assert!(!app.folder.path().join("modern.db").exists());

    mia.post(PLANS_TRY, &body(1)).await.assert_refused(422, "MAP-002");
    app.viewer().await.post(PLANS_TRY, &body(0)).await.assert_refused(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_are_held_against_each_other() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let path = format!("{PLANS}/{}", save_plan(&app, &mia, SMALL).await);
    let mut renamed = plan(SMALL);
    renamed["name"] = "renamed".into();
    let removed = renamed["tables"][0]["columns"].as_array_mut().unwrap().pop().unwrap();
    assert_eq!(mia.put(&path, &renamed).await.json()["version"], 2);

    let vera = app.viewer().await;
    let found = vera.get(&format!("{path}/diff?from=1")).await.json();

    assert_eq!((&found["from"], &found["to"]), (&1.into(), &2.into()));
    let changes = found["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert_eq!((&changes[0]["kind"], &changes[0]["place"]), (&"changed".into(), &json!(["name"])));
    assert_eq!(changes[0]["values"]["new"], "renamed");
    assert_eq!(changes[1]["kind"], "removed");
    let column = format!("column {}", removed["target"].as_str().unwrap());
    assert_eq!(changes[1]["place"][1], column);
    let lines: Vec<_> = found["lines"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|stretch| stretch.as_array().unwrap().iter().filter(|line| line["side"] == "new"))
        .collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["text"], "name: renamed");

    let back = mia.get(&format!("{path}/diff?from=2&to=1")).await.json();
    assert_eq!(back["changes"][1]["kind"], "added");
    let same = mia.get(&format!("{path}/diff?from=2&to=2")).await.json();
    assert_eq!((&same["changes"], &same["lines"]), (&json!([]), &json!([])));
    mia.get(&format!("{path}/diff?from=7")).await.assert_refused(404, "plan_not_found");
    mia.get(&format!("{path}/diff?from=1&to=7")).await.assert_refused(404, "plan_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_somebody_else_saved_meanwhile_is_not_overwritten() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let path = format!("{PLANS}/{}", save_plan(&app, &mia, SMALL).await);
    let tag = mia.get(&path).await.header("etag").to_owned();
    let mut theirs = plan(SMALL);
    theirs["name"] = "theirs".into();
    mia.put(&path, &theirs).await;

    let mut mine = plan(SMALL);
    mine["name"] = "mine".into();
    let refused = mia.send("PUT", &path, &[("if-match", &tag)], Some(&mine)).await;

    refused.assert_refused(412, "plan_changed");
    assert_eq!(mia.get(&path).await.json()["name"], "theirs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_holds_no_password() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let mut with_password = plan(SMALL);
    with_password["source"] = "mysql://ann:s3cret@db/mdw".into();

    let refused = mia.post(PLANS, &with_password).await;

    refused.assert_refused(422, "invalid_fields");
    assert_eq!(refused.json()["fields"][0]["field"], "source");
    assert!(!refused.text.contains("s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_no_plan_is_refused() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    mia.post(PLANS, &json!({"name": "x"})).await.assert_refused(400, "invalid_body");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_reads_plans_and_saves_none() {
    let app = TestApp::start().await;
    let id = save_plan(&app, &app.member().await, SMALL).await;
    let vera = app.viewer().await;
    let path = format!("{PLANS}/{id}");

    assert_eq!(vera.get(&path).await.status, 200);
    vera.post(PLANS, &plan(SMALL)).await.assert_refused(403, "forbidden");
    vera.put(&path, &plan(SMALL)).await.assert_refused(403, "forbidden");
    vera.post(PLANS_CHECK, &plan(SMALL)).await.assert_refused(403, "forbidden");
    let draft = json!({"source": "a", "target": "b"});
    vera.post(PLANS_DRAFT, &draft).await.assert_refused(403, "forbidden");
}
