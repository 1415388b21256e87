use chrono::TimeDelta;
use serde_json::{Value, json};
use shared::route::{PASSWORD_RESET, RUNS, SESSION, USERS};

use crate::support::{PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn an_invited_user_sets_a_password_by_the_link_once_and_signs_in() {
    let app = TestApp::start().await;
    let ada = app.admin().await;

    let invited = ada.post(USERS, &new_user("nina@clinic.example")).await;

    assert_eq!(invited.status, 201, "{}", invited.text);
    let invited = invited.json();
    let path = invited["link"]["path"].as_str().unwrap();
    let (page, token) = path.split_once('#').unwrap();
    assert_eq!(page, "/reset-password");
    let chosen = "wardrobe pelican seven";
    app.try_sign_in("nina", chosen).await.assert_refused(401, "wrong_credentials");
    let set = reset(&app, token, chosen).await;
    assert_eq!(set.status, 204, "{}", set.text);
    assert_eq!(app.try_sign_in("nina", chosen).await.status, 200);
    reset(&app, token, "another pelican seven").await.assert_refused(410, "link_invalid");

    let trail = ada.audit(5).await;
    let actions: Vec<_> = trail.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(
        actions,
        ["signed_in", "password_reset", "sign_in_failed", "password_link_made", "user_added"]
    );
    let text = ada.get(shared::route::AUDIT).await.text;
    assert!(!text.contains(token) && !text.contains("pelican"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_expires_and_a_new_one_replaces_it() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    let link = async || {
        let made = ada.post(&format!("{USERS}/mia/password-link"), &Value::Null).await.json();
        made["path"].as_str().unwrap().split_once('#').unwrap().1.to_owned()
    };
    let chosen = "wardrobe pelican seven";

    let first = link().await;
    let second = link().await;
    reset(&app, &first, chosen).await.assert_refused(410, "link_invalid");
    reset(&app, &second, "password1234").await.assert_refused(422, "invalid_fields");
    app.clock.advance(TimeDelta::hours(24));
    reset(&app, &second, chosen).await.assert_refused(410, "link_invalid");
    reset(&app, "made up", chosen).await.assert_refused(410, "link_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_ends_all_sessions() {
    let app = TestApp::start().await;
    let (ada, mia) = (app.admin().await, app.member().await);
    let made = ada.post(&format!("{USERS}/mia/password-link"), &Value::Null).await.json();
    let token = made["path"].as_str().unwrap().split_once('#').unwrap().1;

    reset(&app, token, "wardrobe pelican seven").await;

    mia.get(SESSION).await.assert_refused(401, "unauthenticated");
    app.try_sign_in("mia", PASSWORD).await.assert_refused(401, "wrong_credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_lets_in_whoever_is_locked_out() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    for _ in 0..5 {
        app.try_sign_in("mia", "wrong password").await.assert_refused(401, "wrong_credentials");
    }
    app.try_sign_in("mia", PASSWORD).await.assert_refused(429, "too_many_attempts");
    let made = ada.post(&format!("{USERS}/mia/password-link"), &Value::Null).await.json();
    let token = made["path"].as_str().unwrap().split_once('#').unwrap().1;

    reset(&app, token, "wardrobe pelican seven").await;

    assert_eq!(app.try_sign_in("mia", "wardrobe pelican seven").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_disabled_or_demoted_feels_it_at_once() {
    let app = TestApp::start().await;
    let (ada, mia) = (app.admin().await, app.member().await);
    assert_eq!(mia.get(shared::route::AUDIT).await.status, 200);

    let demoted = change(&ada, "mia", "viewer", false).await;
    assert_eq!(demoted.json()["user"]["role"], "viewer");
    mia.get(shared::route::AUDIT).await.assert_refused(403, "forbidden");

    change(&ada, "mia", "viewer", true).await;
    mia.get(RUNS).await.assert_refused(401, "unauthenticated");
    app.try_sign_in("mia", PASSWORD).await.assert_refused(401, "wrong_credentials");

    change(&ada, "mia", "member", false).await;
    assert_eq!(app.try_sign_in("mia", PASSWORD).await.status, 200);
    assert_eq!(ada.audit(2).await[1], ("user_changed".to_owned(), "mia".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_always_remains_who_manages_users() {
    let app = TestApp::start().await;
    let ada = app.admin().await;

    change(&ada, "ada", "member", false).await.assert_refused(409, "last_administrator");
    change(&ada, "ada", "admin", true).await.assert_refused(409, "last_administrator");

    change(&ada, "mia", "admin", false).await;
    assert_eq!(change(&ada, "ada", "member", false).await.status, 200);
    ada.get(USERS).await.assert_refused(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_listed_page_by_page_without_anything_secret() {
    let app = TestApp::start().await;
    let ada = app.admin().await;

    let first = ada.get(&format!("{USERS}?limit=2")).await;
    let next = first.json()["next"].as_str().unwrap().to_owned();
    let second = ada.get(&format!("{USERS}?limit=2&after={next}")).await.json();

    assert_eq!(first.json()["items"][0]["user"]["id"], "ada");
    assert_eq!(second["items"][0]["user"]["id"], "vera");
    assert_eq!(second["next"], Value::Null);
    assert!(!first.text.contains("argon2"), "{}", first.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_manage_users() {
    let app = TestApp::start().await;
    for client in [app.member().await, app.viewer().await] {
        client.get(USERS).await.assert_refused(403, "forbidden");
        client.post(USERS, &new_user("x@clinic.example")).await.assert_refused(403, "forbidden");
        client.get(&format!("{USERS}/ada")).await.assert_refused(403, "forbidden");
        change(&client, "mia", "admin", false).await.assert_refused(403, "forbidden");
        let link = client.post(&format!("{USERS}/ada/password-link"), &Value::Null).await;
        link.assert_refused(403, "forbidden");
        let factor = client.delete(&format!("{USERS}/ada/second-factor")).await;
        factor.assert_refused(403, "forbidden");
        client.get(&format!("{USERS}/ada/sessions")).await.assert_refused(403, "forbidden");
        client.delete(&format!("{USERS}/ada/sessions")).await.assert_refused(403, "forbidden");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_address_a_taken_one_and_nobody_are_refused() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    ada.post(USERS, &new_user("nobody")).await.assert_refused(422, "invalid_fields");
    ada.post(USERS, &new_user("MIA@clinic.example")).await.assert_refused(409, "email_taken");
    ada.get(&format!("{USERS}/nobody")).await.assert_refused(404, "user_not_found");
    change(&ada, "nobody", "admin", false).await.assert_refused(404, "user_not_found");
}

fn new_user(email: &str) -> Value {
    json!({"email": email, "name": "Nina Example", "role": "member"})
}

async fn change(
    client: &crate::support::Client<'_>,
    id: &str,
    role: &str,
    disabled: bool,
) -> crate::support::Reply {
    let body = json!({"name": "Somebody Example", "role": role, "disabled": disabled});
    client.put(&format!("{USERS}/{id}"), &body).await
}

async fn reset(app: &TestApp, token: &str, password: &str) -> crate::support::Reply {
    let body = json!({"token": token, "password": password});
    app.send("POST", PASSWORD_RESET, &[], Some(&body)).await
}
