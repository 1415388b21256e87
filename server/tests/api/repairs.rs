use std::time::Duration;

use serde_json::{Value, json};
use shared::route::{APPROVALS, REPAIR, REPORT, SETTINGS, VERIFICATIONS};

use crate::support::legacy::SMALL;
use crate::support::{Client, TestApp};
use crate::verifications::{DAMAGE, change_target, end_of as end_of_verification};
use crate::verifications::{finished_run, verified};

fn repair(id: &str) -> String {
    REPAIR.replace("{id}", id)
}

/// The repair, once it is no longer running.
async fn end_of(client: &Client<'_>, id: &str) -> Value {
    client.end_of(&repair(id)).await
}

/// Tries a repair out, and gives what it would do.
async fn looked_at(client: &Client<'_>, verification: &Value, selection: &Value) -> Value {
    let id = verification["id"].as_str().expect("an id");
    let begun = client.post(&format!("{VERIFICATIONS}/{id}/repairs"), selection).await;
    assert_eq!(begun.status, 201, "{}", begun.text);
    end_of(client, begun.json()["id"].as_str().expect("an id")).await
}

fn done(repair: &Value) -> [u64; 3] {
    let table = &repair["outcome"]["tables"][0];
    ["inserted", "updated", "deleted"]
        .map(|name| table[name].as_u64().unwrap_or_else(|| panic!("{repair}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_is_tried_out_done_verified_again_and_taken_back() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia, SMALL).await;
    change_target(&app, DAMAGE).await;
    let different = verified(&mia, &json!({"run_id": run})).await;

    let looked = looked_at(&mia, &different, &json!({})).await;
    assert_eq!((&looked["state"], done(&looked)), (&"previewed".into(), [1, 1, 1]), "{looked}");
    let still = verified(&mia, &json!({"run_id": run})).await;
    assert_eq!(still["state"], "different", "trying out changed something");

    let id = looked["id"].as_str().unwrap();
    let started = mia.post(&format!("{}/start", repair(id)), &json!({})).await;
    assert_eq!(started.status, 202, "{}", started.text);
    let repaired = end_of(&mia, id).await;
    assert_eq!((&repaired["state"], done(&repaired)), (&"completed".into(), [1, 1, 1]));
    let verified_by = loop {
        let found = mia.get(&repair(id)).await.json();
        if let Some(id) = found["verified_by"].as_str() {
            break id.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let again = end_of_verification(&mia, &verified_by).await;
    assert_eq!(again["state"], "equal", "{again}");
    let evidence = mia.get(&REPORT.replace("{id}", &run)).await.json()["evidence"].clone();
    let told = &evidence["repairs"][0];
    assert_eq!((&told["id"], &told["state"]), (&id.into(), &"completed".into()), "{evidence}");
    assert_eq!((&told["tables"][0]["updated"], &told["found"]), (&1.into(), &"equal".into()));
    let trail: Vec<_> = mia.audit(5).await.into_iter().skip(1).map(|(action, _)| action).collect();
    let expected =
        ["verification_completed", "verification_started", "repair_completed", "repair_started"];
    assert_eq!(trail, expected);
    let twice = mia.post(&format!("{}/start", repair(id)), &json!({})).await;
    twice.assert_refused(409, "wrong_repair_state");

    let back = mia.post(&format!("{}/take-back", repair(id)), &json!({})).await.json();
    assert_eq!(
        (&back["state"], &back["taken_back"]["restored"]),
        (&"taken_back".into(), &3.into())
    );
    assert_eq!(mia.audit(1).await, [("repair_taken_back".to_owned(), run.clone())]);
    let as_before = verified(&mia, &json!({"run_id": run})).await;
    assert_eq!(as_before["findings"]["tables"], different["findings"]["tables"]);
    let repairs = format!("{VERIFICATIONS}/{}/repairs", different["id"].as_str().unwrap());
    assert_eq!(mia.get(&repairs).await.json()["items"][0]["id"], id);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_selected_is_repaired() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia, SMALL).await;
    change_target(&app, DAMAGE).await;
    let different = verified(&mia, &json!({"run_id": run})).await;

    let selection = json!({"tables": ["person"], "kinds": ["missing"]});
    let looked = looked_at(&mia, &different, &selection).await;

    assert_eq!((&looked["selection"], done(&looked)), (&selection, [1, 0, 0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_second_person_has_to_agree_nobody_repairs_alone() {
    let app = TestApp::start().await;
    let (mia, ada) = (app.member().await, app.admin().await);
    let run = finished_run(&app, &mia, SMALL).await;
    change_target(&app, DAMAGE).await;
    let different = verified(&mia, &json!({"run_id": run})).await;
    let settings = json!({"approvals": {"second_person": ["repair"]}});
    assert_eq!(ada.put(SETTINGS, &settings).await.status, 200);
    let looked = looked_at(&mia, &different, &json!({})).await;
    let other = looked_at(&mia, &different, &json!({"kinds": ["extra"]})).await;
    let start = |looked: &Value| format!("{}/start", repair(looked["id"].as_str().unwrap()));
    mia.post(&start(&looked), &json!({})).await.assert_refused(409, "approval_required");

    let act = json!({
        "act": "repair", "run_id": run, "verification_id": different["id"],
        "repair_id": looked["id"], "selection": {},
    });
    let reason = "Somebody worked in the target";
    let asked = mia.post(APPROVALS, &json!({"act": act, "reason": reason})).await.json();
    assert!(asked["summary"].as_str().unwrap().contains("all rows that differ"), "{asked}");
    let approval = asked["id"].as_str().unwrap();
    let yes =
        ada.post(&format!("{APPROVALS}/{approval}/approve"), &json!({"reason": reason})).await;
    assert_eq!(yes.status, 200, "{}", yes.text);
    let header = [("transfuse-approval", approval)];
    let wrong = mia.send("POST", &start(&other), &header, Some(&json!({}))).await;
    wrong.assert_refused(409, "approval_does_not_count");
    let right = mia.send("POST", &start(&looked), &header, Some(&json!({}))).await;
    assert_eq!(right.status, 202, "{}", right.text);

    let repaired = end_of(&mia, looked["id"].as_str().unwrap()).await;
    assert_eq!(
        (&repaired["state"], &repaired["approved_by"]),
        (&"completed".into(), &"ADA Example".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_that_was_cut_short_is_found_and_goes_on() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia, SMALL).await;
    change_target(&app, DAMAGE).await;
    let different = verified(&mia, &json!({"run_id": run})).await;
    let looked = looked_at(&mia, &different, &json!({})).await;
    let id = looked["id"].as_str().unwrap().to_owned();
    let name = std::fs::read_to_string(app.folder.path().join("data/installation")).unwrap();
    sqlx::query("update repairs set state = 'running', owner = $1 where id = $2")
        .bind(name)
        .bind(&id)
        .execute(app.services().services().store.pool())
        .await
        .unwrap();
    drop(mia);

    let app = app.restart().await;

    let mia = app.member().await;
    let found = mia.get(&repair(&id)).await.json();
    assert_eq!((&found["state"], &found["failure"]["code"]), (&"failed".into(), &"SYS-006".into()));
    mia.post(&format!("{}/start", repair(&id)), &json!({})).await;
    assert_eq!(end_of(&mia, &id).await["state"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_not_repaired_from_and_a_viewer_repairs_nothing() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia, SMALL).await;
    let sample = verified(&mia, &json!({"run_id": run, "mode": "sample"})).await;
    assert_eq!(sample["sample"]["confidence"], 0.99);
    let repairs = format!("{VERIFICATIONS}/{}/repairs", sample["id"].as_str().unwrap());
    mia.post(&repairs, &json!({})).await.assert_refused(409, "nothing_to_repair");
    let vera = app.viewer().await;
    vera.post(&repairs, &json!({})).await.assert_refused(403, "forbidden");
    mia.get(&repair("nowhere")).await.assert_refused(404, "repair_not_found");
    let start = mia.post(&format!("{}/start", repair("nowhere")), &json!({})).await;
    start.assert_refused(404, "repair_not_found");
}
