use serde_json::Value;
use shared::id::RunId;
use shared::route;

use crate::support::TestApp;
use crate::support::legacy::{SMALL, save_plan, start};

#[tokio::test(flavor = "multi_thread")]
async fn the_evidence_of_a_run_is_signed_and_the_same_twice() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;
    let run = start(&mia, &plan).await;
    assert_eq!(mia.end_of_run(&run).await["state"], "completed");
    let id: RunId = run.parse().expect("an id");

    let first = mia.get(&route::report(&id)).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let second = mia.get(&route::report(&id)).await.json();

    let first = first.json();
    assert_eq!(first, second);
    let evidence = &first["evidence"];
    assert_eq!(
        (&evidence["tables"][0]["loaded"], &evidence["tables"][0]["quarantined"]),
        (&99.into(), &1.into())
    );
    let deeds = evidence["deeds"].as_array().unwrap();
    let deeds: Vec<&Value> = deeds.iter().map(|deed| &deed["action"]).collect();
    assert_eq!(deeds, ["run_started", "run_completed"]);
    assert_eq!(mia.audit(1).await, [("report_made".to_owned(), run.clone())]);
    let names = first["manifest"]["files"].as_array().unwrap();
    for name in names.iter().map(|file| file["name"].as_str().unwrap()).chain(["manifest.sig"]) {
        let file = mia.get(&route::report_file(&id, name)).await;
        assert_eq!(file.status, 200, "{name}: {}", file.text);
    }
    let signature = mia.get(&route::report_file(&id, "manifest.sig")).await.text;
    assert_eq!(signature.trim(), first["signature"].as_str().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_not_there_has_no_report_and_a_pack_no_other_files() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;
    let run = start(&mia, &plan).await;
    mia.end_of_run(&run).await;
    let (id, nowhere): (RunId, RunId) = (run.parse().unwrap(), "nowhere".parse().unwrap());

    mia.get(&route::report(&nowhere)).await.assert_refused(404, "run_not_found");
    let other = mia.get(&route::report_file(&id, "key")).await;
    other.assert_refused(404, "no_such_endpoint");
}
