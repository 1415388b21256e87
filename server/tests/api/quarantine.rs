use serde_json::json;
use shared::route::{PLANS, RUNS};

use crate::support::legacy::{SMALL, plan, save_plan, start};
use crate::support::{Client, TestApp};

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

/// The path of the quarantine of a run that is through, with one row whose date is no date.
async fn quarantine_of_run(app: &TestApp, client: &Client<'_>) -> String {
    let plan = save_plan(app, client, SMALL).await;
    let id = start(client, &plan).await;
    client.end_of_run(&id).await;
    format!("{RUNS}/{id}/quarantine")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_previewed_fixed_replayed_and_taken_back() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let path = quarantine_of_run(&app, &mia).await;
    let fix = json!({"fix": "set", "column": "born", "value": "1980-01-02"});
    let run = path.trim_end_matches("/quarantine").to_owned();
    let books = async || mia.get(&run).await.json()["progress"]["tables"][0]["books"].clone();

    let preview = mia.post(&format!("{path}/preview"), &json!({"fix": fix})).await;
    assert_eq!(preview.json()["passes"], 1, "{}", preview.text);
    let body = json!({"column": "born", "fix": fix, "note": "asked the ward"});
    let fixed = mia.post(&format!("{path}/fix"), &body).await;
    assert_eq!(fixed.json()["action"]["rows"], 1, "{}", fixed.text);
    let replayed = mia.post(&format!("{path}/replay"), &json!({})).await.json();
    assert_eq!(replayed["tables"][0]["arrived"], 1, "{replayed}");
    assert_eq!((&books().await["loaded"], &books().await["quarantined"]), (&100.into(), &0.into()));
    assert_eq!(mia.get(&format!("{path}/counts")).await.json(), json!([]));

    let action = replayed["action"]["id"].as_str().unwrap();
    let undo = format!("{path}/actions/{action}/undo");
    let undone = mia.post(&undo, &json!({})).await;
    assert_eq!(undone.json()["tables"][0]["arrived"], -1, "{}", undone.text);
    assert_eq!((&books().await["loaded"], &books().await["quarantined"]), (&99.into(), &1.into()));
    mia.post(&undo, &json!({})).await.assert_refused(409, "LOAD-051");

    let actions = mia.get(&format!("{path}/actions")).await.json();
    let told: Vec<_> = actions
        .as_array()
        .unwrap()
        .iter()
        .map(|action| (action["kind"].as_str().unwrap(), action["by"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("undo", "MIA Example"), ("replay", "MIA Example"), ("fix", "MIA Example")]);
    let trail = mia.audit(3).await;
    let trail: Vec<_> = trail.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(trail, ["quarantine_undone", "quarantine_replayed", "quarantine_fixed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_shown_masked_and_its_values_for_a_reason() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let path = quarantine_of_run(&app, &mia).await;
    let row = mia.get(&path).await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("{path}/rows/{row}");

    let masked = app.viewer().await.get(&path).await;
    let born = |reply: &crate::support::Reply| reply.json()["cells"][1].clone();
    assert_eq!(born(&masked)["original"], "Xxxxxxxxxxx", "{}", masked.text);
    assert!(!masked.text.contains("Pseudonymia"), "{}", masked.text);

    let reveal = format!("{path}/reveal");
    let asked = json!({"reason": "the ward called"});
    app.viewer().await.post(&reveal, &asked).await.assert_refused(403, "forbidden");
    mia.post(&reveal, &json!({"reason": " "})).await.assert_refused(422, "invalid_fields");
    assert_eq!(mia.audit(1).await[0].0, "signed_in");
    let seen = mia.post(&reveal, &asked).await;
    assert_eq!(born(&seen)["original"], "Pseudonymia", "{}", seen.text);
    let trail = mia.get("/api/v1/audit?limit=1").await;
    assert!(trail.text.contains("row_unmasked"), "{}", trail.text);
    assert!(trail.text.contains("the ward called"), "{}", trail.text);
    assert!(!trail.text.contains("Pseudonymia"), "{}", trail.text);
    let nowhere = path.replace(&row, "nowhere");
    mia.get(&nowhere).await.assert_refused(404, "quarantined_row_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiver_is_signed_and_a_fix_needs_a_rule() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let path = quarantine_of_run(&app, &mia).await;

    mia.post(&format!("{path}/waive"), &json!({})).await.assert_refused(422, "invalid_fields");
    mia.post(&format!("{path}/fix"), &json!({})).await.assert_refused(422, "invalid_fields");
    let broken =
        json!({"fix": {"fix": "regex", "column": "born", "pattern": "(", "replacement": ""}});
    mia.post(&format!("{path}/fix"), &broken).await.assert_refused(422, "MAP-006");
    let triaged = mia.post(&format!("{path}/triage"), &json!({})).await.json();
    assert_eq!(triaged["tables"][0]["done"], 1, "{triaged}");
    let waived = mia.post(&format!("{path}/waive"), &json!({"note": "nobody of that name"})).await;
    assert_eq!(waived.json()["action"]["note"], "nobody of that name", "{}", waived.text);
    let state = mia.get(&format!("{path}?state=waived")).await.json();
    assert_eq!(state["items"].as_array().map(Vec::len), Some(1));
    let replayed = mia.post(&format!("{path}/replay"), &json!({})).await.json();
    assert_eq!(replayed["tables"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_replayed_by_a_later_version_of_the_plan() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let saved = save_plan(&app, &mia, SMALL).await;
    let id = start(&mia, &saved).await;
    mia.end_of_run(&id).await;
    let mut later = plan(SMALL);
    later["tables"][0]["columns"][1]["transform"] =
        json!([{"rule": "map", "entries": {}, "otherwise": "null"}]);
    later["tables"][0]["columns"][1]["signed"] = json!({"by": "Mia", "reason": "no dates at all"});
    assert_eq!(mia.put(&format!("{PLANS}/{saved}"), &later).await.json()["version"], 2);
    let path = format!("{RUNS}/{id}/quarantine/replay");

    let tried = mia.post(&path, &json!({"dry_run": true})).await.json();
    let replayed = mia.post(&path, &json!({"plan_version": 2})).await;

    assert_eq!(tried["tables"][0]["again"], 1, "{tried}");
    assert_eq!(replayed.json()["tables"][0]["done"], 1, "{}", replayed.text);
    mia.post(&path, &json!({"plan_version": 9})).await.assert_refused(404, "plan_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quarantine_is_exported_without_its_values() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let path = quarantine_of_run(&app, &mia).await;

    let export = mia.get(&format!("{path}/export")).await;

    assert_eq!(export.header("content-type"), "text/csv; charset=utf-8");
    assert!(export.header("content-disposition").contains("quarantine-"));
    assert_eq!(export.text.lines().count(), 2, "{}", export.text);
    assert!(export.text.contains("born=Xxxxxxxxxxx"), "{}", export.text);
    assert!(!export.text.contains("Pseudonymia"), "{}", export.text);
    let none = mia.get(&format!("{path}/export?column=id")).await;
    assert_eq!(none.text.lines().count(), 1, "{}", none.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_changes_nothing_in_the_quarantine() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let path = quarantine_of_run(&app, &mia).await;
    let vera = app.viewer().await;

    for work in ["preview", "triage", "fix", "waive", "replay", "actions/x/undo"] {
        vera.post(&format!("{path}/{work}"), &json!({})).await.assert_refused(403, "forbidden");
    }
    assert_eq!(vera.get(&format!("{path}/actions")).await.json(), json!([]));
}
