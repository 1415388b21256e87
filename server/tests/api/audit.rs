use serde_json::json;
use shared::route::{
    AUDIT, AUDIT_CHAIN, AUDIT_EXPORT, MATCHINGS, PLANS, REHEARSALS, ROLLBACKS, SIGN_OFFS,
};

use crate::support::TestApp;
use crate::support::legacy::{SMALL, plan, save_plan, start};

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_comes_page_by_page_without_a_gap() {
    let app = TestApp::start().await;
    for _ in 0..4 {
        app.member().await;
    }
    let ada = app.admin().await;

    let first = ada.get(&format!("{AUDIT}?limit=3")).await.json();
    let next = first["next"].as_str().unwrap();
    let second = ada.get(&format!("{AUDIT}?limit=3&after={next}")).await.json();

    let numbers: Vec<_> = [&first, &second]
        .into_iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .map(|entry| entry["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [5, 4, 3, 2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_does_not_read_the_trail() {
    let app = TestApp::start().await;
    app.viewer().await.get(AUDIT).await.assert_refused(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_says_who_in_which_role_from_where_and_how_it_went() {
    let app = TestApp::start().await;
    app.try_sign_in("nobody", "wrong password").await;
    let ada = app.admin().await;

    let page = ada.get(AUDIT).await.json();

    let (signed_in, failed) = (&page["items"][0], &page["items"][1]);
    assert_eq!(
        (&signed_in["role"], &signed_in["address"], &signed_in["outcome"]),
        (&"admin".into(), &"127.0.0.1".into(), &"success".into())
    );
    assert_eq!((&failed["actor"], &failed["outcome"]), (&"unknown".into(), &"failed".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_narrowed_by_actor_action_outcome_and_time() {
    let app = TestApp::start().await;
    app.try_sign_in("nobody", "wrong password").await;
    app.member().await;
    let ada = app.admin().await;
    let numbers = async |query: &str| {
        let page = ada.get(&format!("{AUDIT}?{query}")).await.json();
        let items = page["items"].as_array().unwrap();
        items.iter().map(|entry| entry["number"].as_u64().unwrap()).collect::<Vec<_>>()
    };

    assert_eq!(numbers("actor=mia").await, [2]);
    assert_eq!(numbers("action=signed_in").await, [3, 2]);
    assert_eq!(numbers("outcome=failed").await, [1]);
    assert_eq!(numbers("actor=mia&outcome=failed").await, [] as [u64; 0]);
    assert_eq!(numbers("to=2020-01-01T00:00:00Z").await, [] as [u64; 0]);
    ada.get(&format!("{AUDIT}?action=invented")).await.assert_refused(400, "invalid_query");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_exported_in_three_forms_and_each_export_is_an_entry() {
    let app = TestApp::start().await;
    let mia = app.member().await;

    let json = mia.get(AUDIT_EXPORT).await;
    assert_eq!(json.header("content-type"), "application/x-ndjson");
    assert!(json.header("content-disposition").contains(".jsonl"), "{json:?}");
    assert_eq!(json.text.lines().count(), 2);
    let csv = mia.get(&format!("{AUDIT_EXPORT}?format=csv")).await;
    assert_eq!(csv.text.lines().count(), 4);
    let fhir = mia.get(&format!("{AUDIT_EXPORT}?format=fhir&action=signed_in")).await;
    let event: serde_json::Value = serde_json::from_str(&fhir.text).unwrap();
    assert_eq!(event["resourceType"], "AuditEvent");

    assert_eq!(mia.audit(1).await, [("audit_exported".to_owned(), "audit".to_owned())]);
    app.viewer().await.get(AUDIT_EXPORT).await.assert_refused(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_the_chain_names_how_far_it_holds() {
    let app = TestApp::start().await;
    let mia = app.member().await;

    let state = mia.get(AUDIT_CHAIN).await.json();

    assert_eq!((&state["intact"], &state["entries"]), (&true.into(), &1.into()));
    assert_eq!(state["last_hash"].as_str().unwrap().len(), 64);
    app.viewer().await.get(AUDIT_CHAIN).await.assert_refused(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_and_failed_is_marked_so() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let saved = save_plan(&app, &mia, SMALL).await;
    let run = start(&mia, &saved).await;
    mia.end_of_run(&run).await;
    let mut with_people = plan(SMALL);
    with_people["name"] = "people once more".into();
    let columns = json!({"birth_date": "born", "identifier": "id"});
    with_people["duplicates"] =
        json!({"table": "person", "when": "on_request", "columns": columns});
    let with_people = mia.post(PLANS, &with_people).await.json();
    let preview = mia.post(ROLLBACKS, &json!({"run_id": run})).await.json();
    let rollback = format!("{ROLLBACKS}/{}", preview["id"].as_str().unwrap());
    std::fs::remove_file(app.folder.path().join("legacy.db")).unwrap();
    let failed = async |path: &str, body| {
        let begun = mia.post(path, &body).await;
        assert!(begun.status < 300, "{}", begun.text);
        let id = begun.json()["id"].as_str().expect("an id").to_owned();
        let path = path.strip_suffix("/start").map_or(format!("{path}/{id}"), str::to_owned);
        let ended = mia.end_of(&path).await;
        assert_eq!(ended["state"], "failed", "{ended}");
        id
    };

    let rehearsal = failed(REHEARSALS, json!({"plan_id": saved})).await;
    failed(SIGN_OFFS, json!({"run_id": run, "table": "person"})).await;
    std::fs::write(app.folder.path().join("modern.db"), "no database").unwrap();
    failed(&format!("{rollback}/start"), json!({})).await;
    let matching = failed(MATCHINGS, json!({"plan_id": with_people["id"]})).await;

    let expected = [
        ("matching_failed", matching),
        ("rollback_failed", run.clone()),
        ("sign_off_failed", run),
        ("rehearsal_failed", rehearsal),
    ];
    assert_eq!(mia.failures().await, expected.map(|(action, id)| (action.to_owned(), id)));
}
