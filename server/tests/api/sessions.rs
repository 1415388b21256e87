use chrono::TimeDelta;
use serde_json::{Value, json};
use shared::route::{RUNS, SESSION, SESSION_ACTIVITY, SESSION_REFRESH, SESSIONS, SETTINGS, USERS};

use crate::support::legacy::{SLOW, save_plan, start};
use crate::support::{PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn one_sees_ones_own_sessions_and_which_one_asks() {
    let app = TestApp::start().await;
    let (one, other) = (app.member().await, app.member().await);
    app.viewer().await;

    let list = one.get(SESSIONS).await.json();

    let items = list["items"].as_array().unwrap();
    let current: Vec<_> = items.iter().filter(|it| it["current"] == true).collect();
    assert_eq!((items.len(), current.len()), (2, 1));
    assert_eq!(current[0]["address"], "127.0.0.1");
    let others = items.iter().find(|it| it["current"] == false).unwrap()["id"].as_str().unwrap();
    assert_eq!(one.delete(&format!("{SESSIONS}/{others}")).await.status, 204);
    other.get(SESSION).await.assert_refused(401, "unauthenticated");
    assert_eq!(one.get(SESSION).await.status, 200);
    assert_eq!(app.admin().await.audit(2).await[1].0, "session_revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_somebody_else_is_not_there_but_for_administrators() {
    let app = TestApp::start().await;
    let (mia, vera, ada) = (app.member().await, app.viewer().await, app.admin().await);
    let list = mia.get(SESSIONS).await.json();
    let path = format!("{SESSIONS}/{}", list["items"][0]["id"].as_str().unwrap());

    vera.delete(&path).await.assert_refused(404, "session_not_found");
    assert_eq!(mia.get(SESSION).await.status, 200);

    let seen = ada.get(&format!("{USERS}/mia/sessions")).await.json();
    assert_eq!(seen["items"][0]["id"], list["items"][0]["id"]);
    assert_eq!(ada.delete(&path).await.status, 204);
    mia.get(SESSION).await.assert_refused(401, "unauthenticated");
    ada.delete(&path).await.assert_refused(404, "session_not_found");
    ada.get(&format!("{USERS}/nobody/sessions")).await.assert_refused(404, "user_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_everywhere_ends_all_of_ones_sessions_and_nobody_elses() {
    let app = TestApp::start().await;
    let (one, other, vera) = (app.member().await, app.member().await, app.viewer().await);

    assert_eq!(one.delete(SESSIONS).await.status, 204);

    one.get(SESSION).await.assert_refused(401, "unauthenticated");
    other.get(SESSION).await.assert_refused(401, "unauthenticated");
    assert_eq!(vera.get(SESSION).await.status, 200);
    let ada = app.admin().await;
    assert_eq!(ada.audit(2).await[1], ("sessions_revoked".to_owned(), "mia".to_owned()));
    assert_eq!(ada.delete(&format!("{USERS}/vera/sessions")).await.status, 204);
    vera.get(SESSION).await.assert_refused(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_nobody_did_anything_and_its_run_goes_on() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SLOW).await;
    let id = start(&mia, &plan).await;

    app.clock.advance(TimeDelta::minutes(15));

    mia.get(SESSION).await.assert_refused(401, "unauthenticated");
    let again = app.member().await;
    assert_eq!(again.end_of_run(&id).await["state"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_asks_by_itself_keeps_no_session_alive_and_a_person_does() {
    let app = TestApp::start().await;
    let (page, person) =
        (app.try_sign_in("mia", PASSWORD).await, app.try_sign_in("mia", PASSWORD).await);
    let token = |reply: &crate::support::Reply| {
        format!("Bearer {}", reply.json()["token"].as_str().unwrap())
    };
    let (page_token, person_token) = (token(&page), token(&person));
    for _ in 0..2 {
        app.clock.advance(TimeDelta::minutes(7));
        let headers = [("authorization", page_token.as_str()), ("transfuse-background", "1")];
        assert_eq!(app.send("GET", RUNS, &headers, None).await.status, 200);
        let headers = [("authorization", person_token.as_str())];
        assert_eq!(app.send("POST", SESSION_ACTIVITY, &headers, None).await.status, 204);
    }
    app.clock.advance(TimeDelta::minutes(2));

    let refresh = async |reply: &crate::support::Reply| {
        app.send("POST", SESSION_REFRESH, &[("cookie", &reply.cookie())], None).await
    };
    refresh(&page).await.assert_refused(401, "session_ended");
    assert_eq!(refresh(&person).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sets_how_long_a_session_may_be_idle() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    let saved = ada.put(SETTINGS, &json!({"sessions": {"idle_minutes": 60}})).await;
    assert_eq!(saved.status, 200, "{}", saved.text);
    let signed_in = app.try_sign_in("mia", PASSWORD).await;

    app.clock.advance(TimeDelta::minutes(59));

    let cookie = signed_in.cookie();
    let refreshed = app.send("POST", SESSION_REFRESH, &[("cookie", &cookie)], None).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_an_administrators_and_a_change_in_between_is_not_lost() {
    let app = TestApp::start().await;
    let (ada, mia) = (app.admin().await, app.member().await);
    mia.put(SETTINGS, &json!({})).await.assert_refused(403, "forbidden");
    let read = mia.get(SETTINGS).await;
    assert_eq!((read.status, read.header("etag")), (200, "\"settings-0\""));

    let body = json!({"approvals": {"second_person": ["roll_back"]}});
    let first = ada.send("PUT", SETTINGS, &[("if-match", "\"settings-0\"")], Some(&body)).await;
    assert_eq!((first.status, first.header("etag")), (200, "\"settings-1\""));
    let late = ada.send("PUT", SETTINGS, &[("if-match", "\"settings-0\"")], Some(&body)).await;
    late.assert_refused(412, "settings_changed");
    let wrong = json!({"sessions": {"idle_minutes": 0}});
    ada.put(SETTINGS, &wrong).await.assert_refused(422, "invalid_fields");
    ada.put(SETTINGS, &json!({"admin": true})).await.assert_refused(400, "invalid_body");
    let zone =
        json!({"notifications": {"quiet_hours": {"from": "22:00", "to": "06:00", "zone": "Mars"}}});
    ada.put(SETTINGS, &zone).await.assert_refused(422, "invalid_fields");
    assert_eq!(ada.audit(1).await[0].0, "settings_changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_assistants_key_goes_in_and_never_comes_out() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    let path = shared::route::SETTINGS_ASSISTANT_KEY;
    assert_eq!(ada.put(path, &json!({"key": "sk-very-secret"})).await.status, 204);

    let state = ada.get(SETTINGS).await;
    assert_eq!(state.json()["assistant_key_set"], true);
    assert!(!state.text.contains("sk-very-secret"));
    assert_eq!(ada.put(path, &json!({"key": Value::Null})).await.status, 204);
    assert_eq!(ada.get(SETTINGS).await.json()["assistant_key_set"], false);
    app.member().await.put(path, &json!({})).await.assert_refused(403, "forbidden");
}
