//! The manuals.

use shared::route;

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_signed_in_reads_the_manuals() {
    let app = TestApp::start().await;
    let vera = app.viewer().await;
    let list = vera.get(route::MANUALS).await.json();
    let names: Vec<_> =
        list.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"quarantine") && names.contains(&"error-handling"), "{names:?}");
    for name in names {
        let manual = vera.get(&route::manual(name)).await.json();
        assert!(!manual["html"].as_str().unwrap().is_empty(), "{name}");
    }
    app.send("GET", route::MANUALS, &[], None).await.assert_refused(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_that_is_not_there_is_refused_wherever_its_name_leads() {
    let app = TestApp::start().await;
    let vera = app.viewer().await;
    for name in ["nothing", "..%2FREADME", "quarantine.md", "%2e%2e%2fsecurity"] {
        vera.get(&route::manual(name)).await.assert_refused(404, "manual_not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_found_where_they_are_said() {
    let app = TestApp::start().await;
    let vera = app.viewer().await;
    let search = async |words: &str| {
        vera.get(&format!("{}?words={words}", route::MANUALS_SEARCH)).await.json()
    };
    let hits = search("waive").await;
    let address = hits[0]["address"].as_str().unwrap();
    assert!(address.starts_with("/portal/library/"), "{address}");
    assert_eq!(search("zeppelin").await.as_array().unwrap().len(), 0);
    vera.get(route::MANUALS_SEARCH).await.assert_refused(400, "invalid_query");
}
