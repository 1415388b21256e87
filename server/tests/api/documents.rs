use shared::route;

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_that_it_lives_and_can_work() {
    let app = TestApp::start().await;
    let get = async |path| app.send("GET", path, &[], None).await;

    assert_eq!(get(route::HEALTH_LIVE).await.status, 204);
    assert_eq!(get(route::HEALTH_READY).await.status, 204);
    assert_eq!(get(route::HEALTH).await.json()["status"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_store_is_gone_lives_and_cannot_work() {
    let app = TestApp::start().await;
    app.services().services().store.close().await;
    let get = async |path| app.send("GET", path, &[], None).await;

    assert_eq!(get(route::HEALTH_LIVE).await.status, 204);
    assert_eq!(get(route::HEALTH_READY).await.status, 503);
    let refused = app.try_sign_in("mia", "whatever it is").await;
    refused.assert_refused(500, "SYS-001");
    assert!(!refused.text.contains("pool"), "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_of_errors_is_open_to_all() {
    let app = TestApp::start().await;
    let codes = app.send("GET", route::ERROR_CODES, &[], None).await.json();
    let all = shared::error_code::ErrorCode::ALL.len();
    assert_eq!(codes.as_array().unwrap().len(), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_and_its_page_are_served() {
    let app = TestApp::start().await;
    let document = app.send("GET", route::OPENAPI, &[], None).await.json();
    assert_eq!(document["info"]["title"], "Transfuse");
    let page = app.send("GET", route::DOCS, &[], None).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_and_what_is_not_allowed_are_problems_too() {
    let app = TestApp::start().await;
    let send = async |method, path| app.send(method, path, &[], None).await;

    send("GET", "/api/v1/nowhere").await.assert_refused(404, "no_such_endpoint");
    send("PATCH", route::RUNS).await.assert_refused(405, "method_not_allowed");
    let file = send("GET", "/missing.js").await;
    assert_eq!(file.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_kept_from_being_framed_sniffed_and_cached() {
    let app = TestApp::start().await;
    for path in [route::HEALTH, "/", "/api/v1/nowhere"] {
        let reply = app.send("GET", path, &[], None).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("x-frame-options"), "DENY", "{path}");
        assert!(reply.header("content-security-policy").contains("default-src"), "{path}");
    }
    let api = app.send("GET", route::HEALTH, &[], None).await;
    assert_eq!(api.header("cache-control"), "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_end_is_refused() {
    let app = TestApp::start().await;
    let long = serde_json::json!({"name": "x".repeat(9 << 20), "role": "source", "url": "a"});
    let reply = app.member().await.post(route::CONNECTIONS, &long).await;
    reply.assert_refused(413, "body_too_large");
}
