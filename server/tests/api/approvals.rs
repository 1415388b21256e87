use chrono::TimeDelta;
use serde_json::{Value, json};
use shared::route::APPROVALS;

use crate::support::{Client, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_person_answers_what_the_first_asked_for() {
    let app = TestApp::start().await;
    let (mia, ada) = (app.member().await, app.admin().await);
    let path = ask(&mia).await;

    answer(&mia, &path, "approve").await.assert_refused(403, "own_request");
    let approved = answer(&ada, &path, "approve").await;

    assert_eq!((approved.status, &approved.json()["state"]), (200, &"approved".into()));
    assert_eq!(approved.json()["answered_by"]["id"], "ada");
    answer(&ada, &path, "refuse").await.assert_refused(409, "wrong_approval_state");
    let trail = ada.audit(2).await;
    let actions: Vec<_> = trail.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["approval_given", "approval_requested"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_refused_withdrawn_or_expires() {
    let app = TestApp::start().await;
    let (mia, ada) = (app.member().await, app.admin().await);

    let refused = answer(&ada, &ask(&mia).await, "refuse").await.json();
    assert_eq!(refused["state"], "refused");

    let path = ask(&mia).await;
    let not_mine = ada.post(&format!("{path}/withdraw"), &Value::Null).await;
    not_mine.assert_refused(404, "approval_not_found");
    let withdrawn = mia.post(&format!("{path}/withdraw"), &Value::Null).await.json();
    assert_eq!(withdrawn["state"], "withdrawn");

    let path = ask(&mia).await;
    app.clock.advance(TimeDelta::hours(4));
    let (mia, ada) = (app.member().await, app.admin().await);
    answer(&ada, &path, "approve").await.assert_refused(409, "wrong_approval_state");
    assert_eq!(mia.get(&path).await.json()["state"], "expired");
    let waiting = mia.get(&format!("{APPROVALS}?state=requested")).await.json();
    assert_eq!(waiting["items"], json!([]));
    assert_eq!(mia.get(APPROVALS).await.json()["items"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_neither_asks_nor_answers_and_a_reason_says_something() {
    let app = TestApp::start().await;
    let (mia, vera) = (app.member().await, app.viewer().await);
    let path = ask(&mia).await;
    vera.post(APPROVALS, &request("because of the index")).await.assert_refused(403, "forbidden");
    answer(&vera, &path, "approve").await.assert_refused(403, "forbidden");
    assert_eq!(vera.get(&path).await.status, 200);
    mia.post(APPROVALS, &request("ok")).await.assert_refused(400, "invalid_body");
    mia.get(&format!("{APPROVALS}/nothing")).await.assert_refused(404, "approval_not_found");
}

async fn ask(client: &Client<'_>) -> String {
    let asked = client.post(APPROVALS, &request("the index is missing")).await;
    assert_eq!(asked.status, 201, "{}", asked.text);
    format!("{APPROVALS}/{}", asked.json()["id"].as_str().expect("an id"))
}

async fn answer(client: &Client<'_>, path: &str, how: &str) -> crate::support::Reply {
    client.post(&format!("{path}/{how}"), &json!({"reason": "I have seen it"})).await
}

fn request(reason: &str) -> Value {
    json!({
        "act": {"act": "roll_back", "run_id": "run-1", "scope": {"what": "run"}},
        "reason": reason,
    })
}
