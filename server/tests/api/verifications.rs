use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::route::{RUNS, VERIFICATIONS};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};

use crate::support::legacy::{SMALL, Size, save_plan, start};
use crate::support::{Client, TestApp};

/// A run of a plan that came to its end.
pub(crate) async fn finished_run(app: &TestApp, client: &Client<'_>, size: Size) -> String {
    let plan = save_plan(app, client, size).await;
    let run = start(client, &plan).await;
    assert_eq!(client.end_of_run(&run).await["state"], "completed");
    run
}

/// What somebody does in the target behind the back of Transfuse.
pub(crate) async fn change_target(app: &TestApp, sql: &str) {
    let url = format!("sqlite://{}", app.folder.path().join("modern.db").display());
    let mut connection = SqliteConnection::connect(&url).await.expect("the target");
    connection.execute(AssertSqlSafe(sql)).await.expect("a change");
    connection.close().await.expect("a closed file");
}

/// One row is not as it should be, one is missing, one should not be there.
pub(crate) const DAMAGE: &str = "update person set born = '1981-02-03' where id = 11;
     delete from person where id = 12;
     insert into person values (1000, '1990-01-01');";

/// Begins a verification and waits until it stands still.
pub(crate) async fn verified(client: &Client<'_>, new: &Value) -> Value {
    let reply = client.post(VERIFICATIONS, new).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    end_of(client, reply.json()["id"].as_str().expect("an id")).await
}

/// The verification, once it is no longer running.
pub(crate) async fn end_of(client: &Client<'_>, id: &str) -> Value {
    client.end_of(&format!("{VERIFICATIONS}/{id}")).await
}

fn counts(verification: &Value) -> [u64; 4] {
    let table = &verification["findings"]["tables"][0];
    ["compared", "missing", "extra", "different"]
        .map(|name| table[name].as_u64().unwrap_or_else(|| panic!("{verification}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_equal_until_a_side_changes() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia, SMALL).await;

    let equal = verified(&mia, &json!({"run_id": run})).await;

    assert_eq!((&equal["state"], counts(&equal)), (&"equal".into(), [99, 0, 0, 0]), "{equal}");
    assert_eq!((&equal["started_by"], &equal["mode"]), (&"MIA Example".into(), &"full".into()));
    let id = equal["id"].as_str().unwrap();
    let fresh = format!("{VERIFICATIONS}/{id}/freshness");
    assert_eq!(mia.get(&fresh).await.json()["freshness"], "fresh");
    change_target(&app, DAMAGE).await;
    let stale = mia.get(&fresh).await.json();
    assert_eq!(
        (&stale["freshness"], &stale["stale_tables"]),
        (&"stale".into(), &json!(["person"]))
    );

    let again = verified(&mia, &json!({"run_id": run, "mode": "since_last"})).await;
    assert_eq!((&again["state"], counts(&again)), (&"different".into(), [99, 1, 1, 1]), "{again}");
    let list = mia.get(&format!("{VERIFICATIONS}?run={run}&limit=1")).await.json();
    assert_eq!(list["items"][0]["id"], again["id"]);
    assert!(list["next"].is_string());
    let trail = mia.audit(4).await;
    let entry = |action: &str| (action.to_owned(), run.clone());
    let both = [entry("verification_completed"), entry("verification_started")];
    assert_eq!(trail, [both.clone(), both].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_located_without_a_value_and_its_key_is_shown_for_a_reason() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia, SMALL).await;
    change_target(&app, DAMAGE).await;
    let found = verified(&mia, &json!({"run_id": run})).await;
    let mismatches = format!("{VERIFICATIONS}/{}/mismatches", found["id"].as_str().unwrap());

    let first = mia.get(&format!("{mismatches}?limit=2")).await.json();
    let next = first["next"].as_str().unwrap();
    let second = mia.get(&format!("{mismatches}?limit=2&after={next}")).await.json();
    let items = [&first, &second].map(|page| page["items"].as_array().unwrap().clone()).concat();
    let mut kinds: Vec<_> = items.iter().map(|item| item["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!((kinds, &second["next"]), (vec!["different", "extra", "missing"], &Value::Null));
    let narrowed = mia.get(&format!("{mismatches}?kind=different&table=person")).await.json();
    let different = &narrowed["items"][0];
    assert_eq!((&different["columns"], &different["state"]), (&json!(["born"]), &"open".into()));
    assert!(!narrowed.to_string().contains("1981"), "{narrowed}");
    assert_eq!(mia.get(&format!("{mismatches}?table=other")).await.json()["items"], json!([]));

    let digest = different["key_digest"].as_str().unwrap();
    let reveal = format!("{mismatches}/{digest}/reveal");
    mia.post(&reveal, &json!({"reason": "so"})).await.assert_refused(422, "invalid_fields");
    let reason = json!({"reason": "The ward asks which one it is"});
    let key = mia.post(&reveal, &reason).await.json();
    assert_eq!(key["columns"], json!([{"name": "id", "value": "11"}]));
    assert_eq!(mia.audit(1).await, [("key_unmasked".to_owned(), digest.to_owned())]);
    let other = mia.post(&format!("{mismatches}/abc/reveal"), &reason).await;
    other.assert_refused(404, "mismatch_not_found");
    let vera = app.viewer().await;
    vera.post(&reveal, &reason).await.assert_refused(403, "forbidden");
    assert_eq!(vera.get(&mismatches).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_is_paused_and_goes_on() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia, Size { rows: 1_500, chunk_rows: 5 }).await;
    let begun = mia.post(VERIFICATIONS, &json!({"run_id": run})).await.json();
    let id = begun["id"].as_str().unwrap();
    mia.post(VERIFICATIONS, &json!({"run_id": run}))
        .await
        .assert_refused(409, "verification_under_way");

    let paused = mia.post(&format!("{VERIFICATIONS}/{id}/pause"), &json!({})).await;
    assert_eq!(paused.status, 202, "{}", paused.text);
    assert_eq!(end_of(&mia, id).await["state"], "paused");
    let fresh = mia.get(&format!("{VERIFICATIONS}/{id}/freshness")).await;
    fresh.assert_refused(409, "wrong_verification_state");
    assert_eq!(mia.audit(1).await, [("verification_paused".to_owned(), run.clone())]);

    let resumed = mia.post(&format!("{VERIFICATIONS}/{id}/resume"), &json!({})).await;
    assert_eq!(resumed.status, 202, "{}", resumed.text);
    let equal = end_of(&mia, id).await;
    assert_eq!((&equal["state"], counts(&equal)), (&"equal".into(), [1499, 0, 0, 0]), "{equal}");
    for act in ["pause", "resume"] {
        let late = mia.post(&format!("{VERIFICATIONS}/{id}/{act}"), &json!({})).await;
        late.assert_refused(409, "wrong_verification_state");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_that_was_cut_short_is_found_and_goes_on() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia, SMALL).await;
    let equal = verified(&mia, &json!({"run_id": run})).await;
    let id = equal["id"].as_str().unwrap().to_owned();
    let name = std::fs::read_to_string(app.folder.path().join("data/installation")).unwrap();
    sqlx::query("update verifications set state = 'running', owner = $1 where id = $2")
        .bind(name)
        .bind(&id)
        .execute(app.services().services().store.pool())
        .await
        .unwrap();
    drop(mia);

    let app = app.restart().await;

    let mia = app.member().await;
    let found = mia.get(&format!("{VERIFICATIONS}/{id}")).await.json();
    assert_eq!((&found["state"], &found["failure"]["code"]), (&"failed".into(), &"SYS-006".into()));
    assert_eq!(mia.audit(2).await[1], ("verification_failed".to_owned(), run));
    mia.post(&format!("{VERIFICATIONS}/{id}/resume"), &json!({})).await;
    assert_eq!(end_of(&mia, &id).await["state"], "equal");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_all_there_is_verified_and_only_by_who_may() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia, SMALL).await;
    let vera = app.viewer().await;
    vera.post(VERIFICATIONS, &json!({"run_id": run})).await.assert_refused(403, "forbidden");
    let share = json!({"run_id": run, "mode": "sample", "sample": {"confidence": 2}});
    mia.post(VERIFICATIONS, &share).await.assert_refused(422, "invalid_fields");
    let nowhere = mia.post(VERIFICATIONS, &json!({"run_id": "nowhere"})).await;
    nowhere.assert_refused(404, "run_not_found");
    let unknown = mia.get(&format!("{VERIFICATIONS}/nowhere")).await;
    unknown.assert_refused(404, "verification_not_found");

    let preview = mia.post(shared::route::ROLLBACKS, &json!({"run_id": run})).await.json();
    let start = format!("{}/{}/start", shared::route::ROLLBACKS, preview["id"].as_str().unwrap());
    mia.post(&start, &json!({})).await;
    let limit = Instant::now() + Duration::from_mins(1);
    while mia.get(&format!("{RUNS}/{run}")).await.json()["state"] != "rolled_back" {
        assert!(Instant::now() < limit, "the rollback does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let undone = mia.post(VERIFICATIONS, &json!({"run_id": run})).await;
    undone.assert_refused(409, "wrong_run_state");
}
