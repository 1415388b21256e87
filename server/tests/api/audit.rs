use shared::route::AUDIT;

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_comes_page_by_page_without_a_gap() {
    let app = TestApp::start().await;
    for _ in 0..4 {
        app.member().await;
    }
    let ada = app.admin().await;

    let first = ada.get(&format!("{AUDIT}?limit=3")).await.json();
    let next = first["next"].as_str().unwrap();
    let second = ada.get(&format!("{AUDIT}?limit=3&after={next}")).await.json();

    let numbers: Vec<_> = [&first, &second]
        .into_iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .map(|entry| entry["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [5, 4, 3, 2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_does_not_read_the_trail() {
    let app = TestApp::start().await;
    app.viewer().await.get(AUDIT).await.assert_refused(403, "forbidden");
}
