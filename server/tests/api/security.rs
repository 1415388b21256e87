//! The OWASP API Security Top 10 (2023), as far as a test can hold a door shut.

use serde_json::{Value, json};
use server::api::openapi;
use shared::route::{self, CONNECTIONS, PLANS, SETTINGS, USERS};

use crate::support::legacy::{SMALL, plan, save_plan};
use crate::support::{PASSWORD, TestApp, with_ids};

/// What everybody may do who is signed in: about themselves.
const OF_ONESELF: &[&str] = &[
    route::SESSION_ACTIVITY,
    route::SESSIONS,
    route::SESSION_OF,
    route::PROFILE,
    route::PROFILE_PASSWORD,
    route::SECOND_FACTOR,
    route::SECOND_FACTOR_CONFIRM,
    route::SECOND_FACTOR_REMOVE,
];
/// What is open to whoever has the right secret, and to nobody else.
const OPEN: &[&str] = &[route::SESSION, route::SESSION_REFRESH, route::PASSWORD_RESET];

/// API1, API5: a new endpoint that forgets to ask is found here.
#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_changes_nothing_anywhere() {
    let app = TestApp::start().await;
    let vera = app.viewer().await;
    for (method, path, _) in operations() {
        if method == "GET" || OF_ONESELF.contains(&path.as_str()) || OPEN.contains(&path.as_str()) {
            continue;
        }
        let reply = vera.send(&method, &with_ids(&path), &[], Some(&json!({}))).await;
        // A body that is wrong may be found before the role is.
        assert!(
            matches!(reply.status, 400 | 403),
            "{method} {path}: {} {}",
            reply.status,
            reply.text
        );
    }
}

/// API2, and cross-site requests: a browser sends the cookie by itself, and it opens nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_alone_opens_nothing_but_refreshing_signing_out_and_streams() {
    let app = TestApp::start().await;
    let cookie = app.try_sign_in("ada", PASSWORD).await.cookie();
    let streams = [route::EVENTS, route::RUN_EVENTS];
    for (method, path, is_open) in operations() {
        if is_open || streams.contains(&path.as_str()) || OPEN.contains(&path.as_str()) {
            continue;
        }
        let path = with_ids(&path);
        let reply = app.send(&method, &path, &[("cookie", &cookie)], None).await;
        assert!(
            matches!(reply.status, 400 | 401),
            "{method} {path}: {} {}",
            reply.status,
            reply.text
        );
    }
    let me = app.send("GET", route::SESSION, &[("cookie", &cookie)], None).await;
    me.assert_refused(401, "unauthenticated");
}

/// API3: what is not meant to be written is not written in silence.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_with_a_field_too_many_is_refused() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    let reason = "because of the index";
    let bodies = [
        ("POST", route::SESSION, json!({"email": "a@b.example", "password": PASSWORD})),
        ("POST", USERS, json!({"email": "n@clinic.example", "name": "N", "role": "viewer"})),
        ("PUT", "/api/v1/users/mia", json!({"name": "M", "role": "viewer", "disabled": false})),
        ("PUT", route::PROFILE, json!({"name": "Ada"})),
        ("PUT", route::PROFILE_PASSWORD, json!({"current": PASSWORD, "new": "wardrobe pelican"})),
        ("POST", route::PASSWORD_RESET, json!({"token": "x", "password": "wardrobe pelican"})),
        ("PUT", SETTINGS, json!({"sessions": {"idle_minutes": 20}})),
        ("POST", CONNECTIONS, json!({"name": "x", "role": "source", "url": "sqlite:x.db"})),
        ("POST", PLANS, plan(SMALL)),
        ("POST", route::RUNS, json!({"plan_id": "some-id"})),
        ("POST", route::MATCHINGS, json!({"plan_id": "some-id"})),
        ("POST", route::VERIFICATIONS, json!({"run_id": "some-id"})),
        ("POST", "/api/v1/verifications/some-id/repairs", json!({"kinds": ["extra"]})),
        ("POST", route::SIGN_OFFS, json!({"run_id": "some-id"})),
        (
            "POST",
            "/api/v1/sign-offs/some-id/people/1/judgement",
            json!({"judgement": "accepted", "reason": reason}),
        ),
        ("PUT", "/api/v1/matches/some-id/decision", json!({"verdict": "match"})),
        ("POST", "/api/v1/clusters/some-id/merge", json!({"members": []})),
        ("POST", "/api/v1/merges/some-id/unmerge", json!({"remember": "review"})),
        (
            "POST",
            route::ALERT_RULES,
            json!({
                "name": "R", "condition": {"when": "run_failed"}, "severity": "info",
                "quiet_seconds": 0, "enabled": true,
            }),
        ),
        (
            "POST",
            route::NOTIFICATION_TARGETS,
            json!({
                "name": "T", "channel": {"kind": "email", "address": "a@b.example"},
                "from_severity": "info", "enabled": true,
            }),
        ),
        (
            "POST",
            route::APPROVALS,
            json!({
                "act": {"act": "roll_back", "run_id": "r", "scope": {"what": "run"}}, "reason": reason,
            }),
        ),
    ];
    for (method, path, mut body) in bodies {
        for (field, value) in [("id", json!("mine")), ("is_admin", json!(true))] {
            body[field] = value;
            let reply = ada.send(method, path, &[], Some(&body)).await;
            reply.assert_refused(400, "invalid_body");
            body.as_object_mut().unwrap().remove(field);
        }
    }
}

/// API4: however much is asked for, a page has an end.
#[tokio::test(flavor = "multi_thread")]
async fn no_list_is_without_an_end() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    for path in [
        CONNECTIONS,
        PLANS,
        route::RUNS,
        route::AUDIT,
        USERS,
        route::SESSIONS,
        route::ALERTS,
        route::APPROVALS,
        route::MATCHINGS,
        route::VERIFICATIONS,
        route::SIGN_OFFS,
    ] {
        for limit in ["0", "1000000", "4294967295"] {
            let reply = ada.get(&format!("{path}?limit={limit}")).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.text);
            assert!(reply.json()["items"].as_array().unwrap().len() <= 1_000, "{path}");
        }
        for limit in ["-1", "many", "99999999999999999999"] {
            let reply = ada.get(&format!("{path}?limit={limit}")).await;
            reply.assert_refused(400, "invalid_query");
        }
        ada.get(&format!("{path}?after=%27%20or%201=1--"))
            .await
            .assert_refused(400, "invalid_cursor");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let headers = [("content-type", "application/json")];
    let reply = app.send_raw("POST", route::SESSION, &headers, &deep).await;
    reply.assert_refused(400, "invalid_body");
}

/// API7: nobody makes this server connect to where they cannot.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_leads_only_to_where_the_settings_allow() {
    let app = TestApp::start().await;
    let (ada, mia) = (app.admin().await, app.member().await);
    let connect = async |url: &str| {
        let body = json!({"name": url, "role": "source", "url": url});
        mia.post(CONNECTIONS, &body).await
    };
    // Before any restriction: never where a cloud keeps its secrets.
    connect("postgres://u@169.254.169.254/latest").await.assert_refused(422, "host_forbidden");
    let before = connect("postgres://u:pw@127.0.0.1:1/db").await;
    let kept = before.header("location").to_owned();

    let hosts =
        json!({"hosts": {"servers": "public", "files": "listed", "folders": ["/srv/exports"]}});
    assert_eq!(ada.put(SETTINGS, &hosts).await.status, 200);
    for url in [
        "postgres://u@127.0.0.1/db",
        "postgres://u@localhost/db",
        "postgres://u@[::1]/db",
        "postgres://u@[::ffff:127.0.0.1]/db",
        "postgres://u@127.1/db",
        "postgres://u@public.example/db?host=127.0.0.1",
        "postgres://u@public.example/db?hostaddr=127.0.0.1",
        "postgres:///db?host=/var/run/postgresql",
        "postgres://u@8.8.8.8/db?sslrootcert=/etc/passwd",
        "mysql://u@10.0.0.1/db",
        "mysql://u@192.168.0.1/db",
        "sqlite:/etc/passwd",
        "sqlite:/srv/exports/../../etc/passwd",
        "csv:/etc",
    ] {
        let reply = connect(url).await;
        assert_eq!((reply.status, &reply.json()["code"]), (422, &"host_forbidden".into()), "{url}");
    }
    // Nor by a connection that was there before, nor by a plan that names a URL.
    mia.post(&format!("{kept}/test"), &Value::Null).await.assert_refused(422, "host_forbidden");
    let mut plan = plan(SMALL);
    plan["source"] = json!("postgres://u@127.0.0.1/db");
    mia.post(route::PLANS_CHECK, &plan).await.assert_refused(422, "host_forbidden");
}

/// The installation's own database and key are nobody's source or target.
#[tokio::test(flavor = "multi_thread")]
async fn the_control_store_cannot_be_migrated_away() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let data = app.folder.path().join("data");
    for name in ["control.db", "control.db-wal", "key", "../data/control.db"] {
        let url = format!("sqlite:{}", data.join(name).display());
        let body = json!({"name": name, "role": "target", "url": url});
        mia.post(CONNECTIONS, &body).await.assert_refused(422, "host_forbidden");
    }

    let database = testbed::postgres().create_database();
    let shared = TestApp::start_on(database.url()).await;
    let body = json!({"name": "own", "role": "source", "url": database.url()});
    shared.member().await.post(CONNECTIONS, &body).await.assert_refused(422, "host_forbidden");
}

/// API8: headers on whatever is answered, and over TLS the promise to stay there.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_headers_that_browsers_heed() {
    let app = TestApp::start().await;
    for (path, status) in [(route::SESSION, 401), ("/api/v1/nowhere", 404), (route::HEALTH, 200)] {
        let reply = app.send("GET", path, &[("x-forwarded-proto", "https")], None).await;
        assert_eq!(reply.status, status);
        assert!(reply.header("strict-transport-security").contains("max-age=31536000"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        assert!(reply.header("content-security-policy").contains("default-src 'none'"));
        assert_eq!(reply.header("access-control-allow-origin"), "");
        assert_eq!(reply.header("x-request-id").len(), 32);
        assert_eq!(reply.header("server"), "");
    }
    let plain = app.send("GET", route::HEALTH, &[], None).await;
    assert_eq!(plain.header("strict-transport-security"), "");
    let named = app.send("GET", route::HEALTH, &[("x-request-id", "proxy-0001")], None).await;
    assert_eq!(named.header("x-request-id"), "proxy-0001");
    let forged = app.send("GET", route::HEALTH, &[("x-request-id", "a forged id")], None).await;
    assert_eq!(forged.header("x-request-id").len(), 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_the_portal() {
    let app = TestApp::start().await;
    for path in [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/assets/../../key",
        "/api/v1/plans/..%2f..%2fsettings",
        "/api/v1/runs/../users",
        "/%00",
        "//etc/passwd.txt",
    ] {
        let reply = app.send("GET", path, &[], None).await;
        assert!(matches!(reply.status, 400 | 401 | 404 | 503), "{path}: {}", reply.status);
        assert!(!reply.text.contains("root:"), "{path}");
    }
}

/// Names in a plan are names: what looks like SQL creates no table and drops none.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_in_a_plan_is_never_sql() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    save_plan(&app, &mia, SMALL).await;
    let evil = "person\"; drop table bystander; --";
    let modern = format!("sqlite://{}?mode=rwc", app.folder.path().join("modern.db").display());
    let mut target = <sqlx::SqliteConnection as sqlx::Connection>::connect(&modern).await.unwrap();
    sqlx::query("create table bystander (id integer)").execute(&mut target).await.unwrap();
    let mut plan = plan(SMALL);
    plan["name"] = json!("'; drop table plans; --");
    plan["tables"][0]["target"] = json!(format!("{:?}", evil));
    plan["tables"][0]["columns"][1]["target"] = json!("born\" text); drop table bystander; --");

    let saved = mia.post(PLANS, &plan).await;

    if saved.status == 201 {
        let id = saved.json()["id"].as_str().unwrap().to_owned();
        let run = mia.post(route::RUNS, &json!({"plan_id": id})).await;
        if run.status == 201 {
            mia.end_of_run(run.json()["id"].as_str().unwrap()).await;
        }
    }
    sqlx::query("select id from bystander").execute(&mut target).await.unwrap();
    assert_eq!(mia.get(PLANS).await.status, 200);
}

/// Method, path, and whether it is open to all.
fn operations() -> Vec<(String, String, bool)> {
    let document = serde_json::to_value(openapi::description()).expect("JSON");
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let is_open = operation["security"].as_array().is_some_and(|needs| {
                needs.iter().any(|need| need.as_object().is_some_and(serde_json::Map::is_empty))
            });
            found.push((method.to_uppercase(), path.clone(), is_open));
        }
    }
    assert!(found.len() > 50, "{}", found.len());
    found
}
