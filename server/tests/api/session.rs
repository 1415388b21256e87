use chrono::TimeDelta;
use shared::route::{SESSION, SESSION_REFRESH};

use crate::support::{PASSWORD, TestApp, with_ids};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_in_is_known_until_they_sign_out() {
    let app = TestApp::start().await;
    let mia = app.member().await;

    let me = mia.get(SESSION).await;
    assert_eq!((me.status, &me.json()["email"]), (200, &"mia@clinic.example".into()));

    assert_eq!(mia.delete(SESSION).await.status, 204);
    mia.get(SESSION).await.assert_refused(401, "unauthenticated");
    let trail = app.admin().await.audit(3).await;
    let actions: Vec<_> = trail.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["signed_in", "signed_out", "signed_in"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_for_the_api_only_and_out_of_reach_of_scripts_and_of_other_sites() {
    let app = TestApp::start().await;
    let reply = app.try_sign_in("mia", PASSWORD).await;

    let cookie = reply.header("set-cookie");
    for part in ["HttpOnly", "SameSite=Strict", "Path=/api/v1"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");
    assert_eq!(reply.header("cache-control"), "no-store");

    let body = serde_json::json!({"email": "mia@clinic.example", "password": PASSWORD});
    let over_tls = app.send("POST", SESSION, &[("x-forwarded-proto", "https")], Some(&body)).await;
    assert!(over_tls.header("set-cookie").contains("Secure"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_address_are_refused_alike_and_audited_without_the_text() {
    let app = TestApp::start().await;

    let wrong = app.try_sign_in("mia", "wrong password").await;
    let unknown = app.try_sign_in("nobody", "wrong password").await;

    wrong.assert_refused(401, "wrong_credentials");
    assert_eq!(wrong.text, unknown.text);
    let admin = app.admin().await;
    let trail = admin.audit(3).await;
    assert_eq!((trail[1].0.as_str(), trail[2].0.as_str()), ("sign_in_failed", "sign_in_failed"));
    let text = admin.get(shared::route::AUDIT).await.text;
    assert!(!text.contains("nobody@") && !text.contains("wrong password"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_has_to_wait_even_with_the_right_password() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        app.try_sign_in("mia", "wrong password").await.assert_refused(401, "wrong_credentials");
    }

    let refused = app.try_sign_in("mia", PASSWORD).await;
    refused.assert_refused(429, "too_many_attempts");
    assert_eq!(refused.header("retry-after"), "900");

    let body = serde_json::json!({"email": "mia@clinic.example", "password": PASSWORD});
    let elsewhere = app.send("POST", SESSION, &[("x-forwarded-for", "192.0.2.9")], Some(&body));
    assert_eq!(elsewhere.await.status, 200);

    app.clock.advance(TimeDelta::minutes(15));
    assert_eq!(app.try_sign_in("mia", PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_lasts_a_quarter_of_an_hour_and_the_cookie_gets_the_next() {
    let app = TestApp::start().await;
    let signed_in = app.try_sign_in("mia", PASSWORD).await;
    let old = format!("Bearer {}", signed_in.json()["token"].as_str().unwrap());
    app.clock.advance(TimeDelta::minutes(10));
    let busy = app.send("GET", SESSION, &[("authorization", &old)], None).await;
    assert_eq!(busy.status, 200);
    app.clock.advance(TimeDelta::minutes(6));
    let late = app.send("GET", SESSION, &[("authorization", &old)], None).await;
    late.assert_refused(401, "unauthenticated");

    let refreshed =
        app.send("POST", SESSION_REFRESH, &[("cookie", &signed_in.cookie())], None).await;

    assert_eq!(refreshed.status, 200, "{}", refreshed.text);
    assert_ne!(refreshed.cookie(), signed_in.cookie());
    let new = format!("Bearer {}", refreshed.json()["token"].as_str().unwrap());
    let me = app.send("GET", SESSION, &[("authorization", &new)], None).await;
    assert_eq!(me.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_comes_back_ends_the_session_for_everybody() {
    let app = TestApp::start().await;
    let signed_in = app.try_sign_in("mia", PASSWORD).await;
    let refresh = async |cookie: String| {
        app.send("POST", SESSION_REFRESH, &[("cookie", &cookie)], None).await
    };
    let refreshed = refresh(signed_in.cookie()).await;
    app.clock.advance(TimeDelta::seconds(11));

    refresh(signed_in.cookie()).await.assert_refused(401, "session_ended");

    refresh(refreshed.cookie()).await.assert_refused(401, "session_ended");
    let token = format!("Bearer {}", refreshed.json()["token"].as_str().unwrap());
    let me = app.send("GET", SESSION, &[("authorization", &token)], None).await;
    me.assert_refused(401, "unauthenticated");
    assert_eq!(app.admin().await.audit(2).await[1].0, "session_revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_anything_without_a_token() {
    let app = TestApp::start().await;
    for path in shared::route::ALL {
        let path = with_ids(path);
        let reply = app.send("GET", &path, &[], None).await;
        let public = ["/health", "/docs", "/openapi.json", "/error-codes"];
        if !public.iter().any(|part| path.contains(part)) {
            assert!(matches!(reply.status, 401 | 405), "{path}: {}", reply.status);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_without_a_session_is_no_error() {
    let app = TestApp::start().await;
    let reply = app.send("DELETE", SESSION, &[], None).await;
    assert_eq!(reply.status, 204);
    assert!(reply.header("set-cookie").contains("Max-Age=0"), "{reply:?}");
}
