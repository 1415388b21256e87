use chrono::TimeDelta;
use engine::clock::Clock as _;
use serde_json::json;
use shared::route::{
    PROFILE, PROFILE_PASSWORD, SECOND_FACTOR, SECOND_FACTOR_CONFIRM, SECOND_FACTOR_REMOVE, SESSION,
    USERS,
};

use crate::support::{Client, PASSWORD, Reply, TestApp};

const CHOSEN: &str = "wardrobe pelican seven";

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_takes_the_old_one_and_ends_the_other_sessions() {
    let app = TestApp::start().await;
    let (one, other) = (app.member().await, app.member().await);
    let change = async |current: &str, new: &str| {
        one.put(PROFILE_PASSWORD, &json!({"current": current, "new": new})).await
    };

    change("wrong password", CHOSEN).await.assert_refused(403, "wrong_password");
    change(PASSWORD, "mia@clinic.example").await.assert_refused(422, "invalid_fields");
    assert_eq!(change(PASSWORD, CHOSEN).await.status, 204);

    assert_eq!(one.get(SESSION).await.status, 200);
    other.get(SESSION).await.assert_refused(401, "unauthenticated");
    app.try_sign_in("mia", PASSWORD).await.assert_refused(401, "wrong_credentials");
    assert_eq!(app.try_sign_in("mia", CHOSEN).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_took_a_session_over_cannot_guess_the_password() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    for _ in 0..5 {
        let body = json!({"current": "guess", "new": CHOSEN});
        mia.put(PROFILE_PASSWORD, &body).await.assert_refused(403, "wrong_password");
    }
    let body = json!({"current": PASSWORD, "new": CHOSEN});
    mia.put(PROFILE_PASSWORD, &body).await.assert_refused(429, "too_many_attempts");
    assert_eq!(app.admin().await.audit(2).await[1].0, "sign_in_locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changes_ones_name_and_nothing_else_of_oneself() {
    let app = TestApp::start().await;
    let vera = app.viewer().await;

    let changed = vera.put(PROFILE, &json!({"name": " Vera L. "})).await;
    assert_eq!((changed.status, &changed.json()["name"]), (200, &"Vera L.".into()));
    let more = json!({"name": "Vera", "role": "admin"});
    vera.put(PROFILE, &more).await.assert_refused(400, "invalid_body");
    vera.put(PROFILE, &json!({"name": "  "})).await.assert_refused(422, "invalid_fields");
    assert_eq!(vera.get(SESSION).await.json()["role"], "viewer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_asks_for_a_code_and_takes_each_once() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let (secret, codes) = enable(&app, &mia).await;
    assert_eq!(codes.len(), 10);

    app.try_sign_in("mia", "wrong password").await.assert_refused(401, "wrong_credentials");
    app.try_sign_in("mia", PASSWORD).await.assert_refused(401, "code_required");
    with_code(&app, "000000").await.assert_refused(401, "wrong_code");
    app.clock.advance(TimeDelta::minutes(2));
    let code = code_of(&app, &secret);
    let signed_in = with_code(&app, &code).await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.text);
    with_code(&app, &code).await.assert_refused(401, "wrong_code");

    assert_eq!(with_code(&app, &codes[0]).await.status, 200);
    with_code(&app, &codes[0]).await.assert_refused(401, "wrong_code");
    let state = mia.get(SECOND_FACTOR).await.json();
    assert_eq!((&state["enabled"], &state["recovery_codes_left"]), (&true.into(), &9.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_code_is_no_failed_attempt_and_guessing_codes_is() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    enable(&app, &mia).await;
    for _ in 0..7 {
        app.try_sign_in("mia", PASSWORD).await.assert_refused(401, "code_required");
    }
    for guess in ["000001", "000002", "000003", "000004", "000005"] {
        with_code(&app, guess).await.assert_refused(401, "wrong_code");
    }
    with_code(&app, "000006").await.assert_refused(429, "too_many_attempts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_removed_with_the_password_or_by_an_administrator() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    enable(&app, &mia).await;
    let proof = json!({"password": PASSWORD});
    mia.post(SECOND_FACTOR, &proof).await.assert_refused(409, "second_factor_there");
    let wrong = json!({"password": "wrong password"});
    mia.post(SECOND_FACTOR_REMOVE, &wrong).await.assert_refused(403, "wrong_password");

    assert_eq!(mia.post(SECOND_FACTOR_REMOVE, &proof).await.status, 204);
    assert_eq!(app.try_sign_in("mia", PASSWORD).await.status, 200);

    enable(&app, &mia).await;
    let ada = app.admin().await;
    let path = format!("{USERS}/mia/second-factor");
    assert_eq!(ada.delete(&path).await.status, 204);
    ada.delete(&path).await.assert_refused(409, "no_second_factor");
    mia.get(SESSION).await.assert_refused(401, "unauthenticated");
    assert_eq!(app.try_sign_in("mia", PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_needs_a_code_to_count() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let code = json!({"code": "000000"});
    mia.post(SECOND_FACTOR_CONFIRM, &code).await.assert_refused(409, "no_second_factor");
    let enrolment = mia.post(SECOND_FACTOR, &json!({"password": PASSWORD})).await.json();
    assert!(enrolment["qr_svg"].as_str().unwrap().starts_with("<svg"));

    mia.post(SECOND_FACTOR_CONFIRM, &code).await.assert_refused(401, "wrong_code");

    assert_eq!(app.try_sign_in("mia", PASSWORD).await.status, 200);
}

/// Sets a second factor up. Gives its secret and the recovery codes.
async fn enable(app: &TestApp, client: &Client<'_>) -> (String, Vec<String>) {
    let enrolment = client.post(SECOND_FACTOR, &json!({"password": PASSWORD})).await;
    assert_eq!(enrolment.status, 200, "{}", enrolment.text);
    let secret = enrolment.json()["secret"].as_str().expect("a secret").to_owned();
    let code = json!({"code": code_of(app, &secret)});
    let confirmed = client.post(SECOND_FACTOR_CONFIRM, &code).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    let codes = confirmed.json()["codes"].as_array().expect("a list").clone();
    (secret, codes.iter().map(|code| code.as_str().expect("a code").to_owned()).collect())
}

/// What an authenticator shows now.
fn code_of(app: &TestApp, secret: &str) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).expect("a secret");
    let authenticator = totp_rs::Builder::new().with_secret(secret).build().expect("a secret");
    let seconds = u64::try_from(app.clock.now().timestamp()).expect("a time");
    authenticator.generate(seconds).to_string()
}

async fn with_code(app: &TestApp, code: &str) -> Reply {
    let body = json!({"email": "mia@clinic.example", "password": PASSWORD, "code": code});
    app.send("POST", SESSION, &[], Some(&body)).await
}
