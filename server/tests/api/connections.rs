use serde_json::json;
use shared::route::CONNECTIONS;

use crate::support::TestApp;

const SECRET_URL: &str = "postgres://reader:s3cret@127.0.0.1:1/mdw";

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_goes_in_and_never_comes_out() {
    let app = TestApp::start().await;
    let mia = app.member().await;

    let body = json!({"name": "legacy", "role": "source", "url": SECRET_URL});
    let created = mia.post(CONNECTIONS, &body).await;

    assert_eq!(created.status, 201, "{}", created.text);
    let path = created.header("location").to_owned();
    let url = "postgres://reader:***@127.0.0.1:1/mdw";
    assert_eq!(created.json()["url"], url);
    assert_eq!(mia.get(&path).await.json()["url"], url);
    let list = mia.get(CONNECTIONS).await.text;
    let trail = mia.get(shared::route::AUDIT).await.text;
    assert!(!list.contains("s3cret") && !trail.contains("s3cret"));
    let store = std::fs::read(app.folder.path().join("data/control.db")).unwrap();
    let wal = std::fs::read(app.folder.path().join("data/control.db-wal")).unwrap_or_default();
    for file in [store, wal] {
        assert!(!file.windows(6).any(|window| window == b"s3cret"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_connection_keeps_its_secret_when_its_url_is_sent_back_as_it_was_shown() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let database = testbed::postgres().create_database();
    let body = json!({"name": "legacy", "role": "source", "url": database.url()});
    let created = mia.post(CONNECTIONS, &body).await;
    let path = created.header("location").to_owned();
    let shown = created.json()["url"].clone();

    let renamed = json!({"name": "renamed", "role": "source", "url": shown});
    let changed = mia.put(&path, &renamed).await;

    assert_eq!((changed.status, &changed.json()["name"]), (200, &"renamed".into()));
    let test = mia.post(&format!("{path}/test"), &json!({})).await;
    assert_eq!(test.json()["passed"], true, "{}", test.text);

    let elsewhere = shown.as_str().unwrap().replace("127.0.0.1", "127.0.0.2");
    let moved = json!({"name": "renamed", "role": "source", "url": elsewhere});
    mia.put(&path, &moved).await.assert_refused(422, "invalid_fields");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_tells_how_far_it_went_and_is_remembered() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let body = json!({"name": "legacy", "role": "source", "url": SECRET_URL});
    let path = mia.post(CONNECTIONS, &body).await.header("location").to_owned();

    let test = mia.post(&format!("{path}/test"), &json!({})).await;

    assert_eq!((test.status, &test.json()["passed"]), (200, &false.into()));
    let last = test.json()["steps"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["passed"], false);
    assert!(!test.text.contains("s3cret"), "{}", test.text);
    assert_eq!(mia.get(&path).await.json()["tested"]["passed"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_connection_is_said_field_by_field() {
    let app = TestApp::start().await;
    let mia = app.member().await;

    let body = json!({"name": " ", "role": "target", "url": "csv:folder"});
    let refused = mia.post(CONNECTIONS, &body).await;

    refused.assert_refused(422, "invalid_fields");
    let fields = refused.json()["fields"].clone();
    assert_eq!((&fields[0]["field"], &fields[1]["field"]), (&"name".into(), &"url".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_belongs_to_one_connection() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let body = json!({"name": "legacy", "role": "source", "url": "sqlite:a.db"});
    mia.post(CONNECTIONS, &body).await;

    mia.post(CONNECTIONS, &body).await.assert_refused(409, "connection_name_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_done_to_a_connection_is_audited() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let body = json!({"name": "legacy", "role": "source", "url": SECRET_URL});
    let created = mia.post(CONNECTIONS, &body).await;
    let path = created.header("location").to_owned();
    let id = created.json()["id"].as_str().unwrap().to_owned();
    mia.put(&path, &json!({"name": "other", "role": "source", "url": SECRET_URL})).await;
    mia.post(&format!("{path}/test"), &json!({})).await;
    assert_eq!(mia.delete(&path).await.status, 204);

    let trail = mia.audit(4).await;

    let expected = ["deleted", "tested", "changed", "created"]
        .map(|done| (format!("connection_{done}"), id.clone()));
    assert_eq!(trail, expected);
    mia.get(&path).await.assert_refused(404, "connection_not_found");
    mia.delete(&path).await.assert_refused(404, "connection_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_connections_and_changes_none() {
    let app = TestApp::start().await;
    let body = json!({"name": "legacy", "role": "source", "url": SECRET_URL});
    let mia = app.member().await;
    let path = mia.post(CONNECTIONS, &body).await.header("location").to_owned();
    let vera = app.viewer().await;

    assert_eq!(vera.get(CONNECTIONS).await.status, 200);
    assert_eq!(vera.get(&path).await.status, 200);
    vera.post(CONNECTIONS, &body).await.assert_refused(403, "forbidden");
    vera.put(&path, &body).await.assert_refused(403, "forbidden");
    vera.delete(&path).await.assert_refused(403, "forbidden");
    vera.post(&format!("{path}/test"), &json!({})).await.assert_refused(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_come_page_by_page() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    for name in ["one", "two", "three"] {
        let body = json!({"name": name, "role": "source", "url": "sqlite:a.db"});
        mia.post(CONNECTIONS, &body).await;
    }

    let first = mia.get(&format!("{CONNECTIONS}?limit=2")).await.json();
    let next = first["next"].as_str().unwrap();
    let second = mia.get(&format!("{CONNECTIONS}?limit=2&after={next}")).await.json();

    let names = |page: &serde_json::Value| {
        page["items"].as_array().unwrap().iter().map(|c| c["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (names(&first), names(&second)),
        (vec!["three".into(), "two".into()], vec!["one".into()])
    );
    assert!(second["next"].is_null());
    mia.get(&format!("{CONNECTIONS}?after=x")).await.assert_refused(400, "invalid_cursor");
    mia.get(&format!("{CONNECTIONS}?limit=x")).await.assert_refused(400, "invalid_query");
}
