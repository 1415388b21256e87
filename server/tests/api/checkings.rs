use serde_json::{Value, json};
use shared::id::RunId;
use shared::route::{self, CHECKINGS, PLANS};
use sqlx::{Connection as _, Executor as _, PgConnection};
use testbed::Database;

use crate::support::legacy::{SMALL, plan, save_plan, start};
use crate::support::{Client, TestApp};
use crate::verifications::finished_run;

/// A completed run into a PostgreSQL database, of a plan with checks.
struct Checked {
    target: Database,
    run: String,
}

impl Checked {
    async fn open(app: &TestApp, client: &Client<'_>) -> Self {
        let saved = save_plan(app, client, SMALL).await;
        let target = testbed::postgres().create_database();
        let hospital = json!({"name": "hospital", "role": "target", "url": target.url()});
        let reply = client.post(route::CONNECTIONS, &hospital).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        let mut plan = plan(SMALL);
        plan["target"] = "hospital".into();
        plan["tables"][0]["target"] = "public.person".into();
        plan["checks"] = json!({"own": [
            {
                "key": "born-in-time", "title": "Everybody was born in time",
                "table": "public.person", "severity": "blocking",
                "test": {"template": "range", "column": "born", "min": "1900-01-01"},
            },
            {"key": "born-known", "table": "public.person",
             "test": {"template": "filled", "column": "born"}, "threshold": {"rows": 2}},
            {"key": "nobody-lost", "table": "public.person",
             "test": {"template": "kept", "column": "id"}},
            {"key": "nothing-to-see", "table": "public.person",
             "test": {"template": "implies", "column": "id", "values": ["-1"], "then": "born",
                      "allowed": ["1980-01-01"]}},
        ]});
        let reply = client.put(&format!("{PLANS}/{saved}"), &plan).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let run = start(client, &saved).await;
        let end = client.end_of_run(&run).await;
        assert_eq!(end["state"], "completed", "{end}");
        Self { target, run }
    }

    /// Somebody was born too early, and of one it is not known.
    async fn damage(&self) {
        let mut connection = PgConnection::connect(self.target.url()).await.expect("the target");
        let early = "update person set born = '1850-01-01' where id = 11;
                     update person set born = null where id = 12";
        connection.execute(early).await.expect("a change");
        connection.close().await.expect("a closed connection");
    }
}

/// Has the checks of a run made and waits until they were.
async fn made(client: &Client<'_>, run: &str) -> Value {
    let reply = client.post(CHECKINGS, &json!({"run_id": run})).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    client.end_of(&path(&reply.json())).await
}

fn path(checking: &Value) -> String {
    format!("{CHECKINGS}/{}", checking["id"].as_str().expect("an id"))
}

/// How each check ended, with its numbers.
fn findings(checking: &Value) -> Vec<(String, Value, Value)> {
    let checks = checking["outcome"]["checks"].as_array().expect("checks");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let finding = |check: &Value| {
        let key = format!("{} {}", text(&check["key"]), text(&check["status"]));
        (key, check["target"]["violated"].clone(), check["target"]["denominator"].clone())
    };
    checks.iter().map(finding).collect()
}

fn finding(text: &str, violated: u64, denominator: u64) -> (String, Value, Value) {
    (text.to_owned(), violated.into(), denominator.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_are_made_and_judged_again_without_asking_the_target() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let checked = Checked::open(&app, &mia).await;
    let run = checked.run.clone();
    checked.damage().await;

    let first = made(&mia, &run).await;

    assert_eq!(
        (&first["state"], &first["started_by"]),
        (&"completed".into(), &"MIA Example".into())
    );
    let nothing = finding("nothing-to-see not_applicable", 0, 0);
    let rest = [
        finding("born-known pass_with_failures", 1, 99),
        // One of a hundred is in quarantine.
        finding("nobody-lost fail", 1, 100),
        nothing,
    ];
    let expected = [&[finding("born-in-time fail", 1, 98)], rest.as_slice()].concat();
    assert_eq!(findings(&first), expected);
    assert_eq!((&first["counts"]["passed"], &first["counts"]["fail"]), (&false.into(), &2.into()));
    assert!(!first.to_string().contains("1850"), "{first}");
    let entry = |action: &str| (action.to_owned(), run.clone());
    let both = [entry("clinical_checks_made"), entry("clinical_checks_started")];
    assert_eq!(mia.audit(2).await, both);

    // Whoever asked the target now would be refused.
    let Checked { target, .. } = checked;
    drop(target);
    let thresholds = format!("{}/thresholds", path(&first));
    let other = json!({
        "thresholds": {"born-in-time": {"percent": 1.5}},
        "reason": "Agreed with the clinic",
    });
    let reply = mia.post(&thresholds, &other).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let again = reply.json();

    let expected = [&[finding("born-in-time pass_with_failures", 1, 98)], rest.as_slice()].concat();
    assert_eq!(findings(&again), expected);
    assert_eq!((&again["counts"]["passed"], &again["numbers_of"]), (&true.into(), &first["id"]));
    assert_eq!(again["outcome"]["measured_at"], first["outcome"]["measured_at"]);
    assert_eq!(mia.get(&path(&first)).await.json(), first, "what was said stays");
    let trail = mia.get(&format!("{}?limit=1", route::AUDIT)).await.json();
    let told = &trail["items"][0];
    assert_eq!(told["reason"], "Agreed with the clinic");
    assert!(told["detail"].as_str().unwrap().ends_with("born-in-time 0 to 1.5 %"), "{told}");
    let list = mia.get(&format!("{CHECKINGS}?run={run}&limit=1")).await.json();
    assert_eq!(list["items"][0]["id"], again["id"]);
    assert!(list["next"].is_string() && list["items"][0].get("outcome").is_none(), "{list}");

    let third = json!({"thresholds": {"nobody-lost": {"rows": 1}}, "reason": "In quarantine"});
    let third = mia.post(&format!("{}/thresholds", path(&again)), &third).await.json();
    assert_eq!(third["numbers_of"], first["id"]);
    assert_eq!(third["counts"]["pass_with_failures"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_judged_again_is_in_the_evidence() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let checked = Checked::open(&app, &mia).await;
    let first = made(&mia, &checked.run).await;
    let lenient = json!({"thresholds": {"nobody-lost": {"rows": 1}}, "reason": "In quarantine"});
    mia.post(&format!("{}/thresholds", path(&first)), &lenient).await;

    let id: RunId = checked.run.parse().unwrap();
    let report = mia.get(&route::report(&id)).await.json();

    let told = report["evidence"]["checks"].as_array().unwrap();
    let statuses: Vec<_> = told.iter().map(|it| &it["checks"][2]["status"]).collect();
    assert_eq!(statuses, ["fail", "pass_with_failures"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_checked_or_judged_is_refused() {
    let store = testbed::postgres().create_database();
    let app = TestApp::start_on(store.url()).await;
    let (mia, vera) = (app.member().await, app.viewer().await);
    let checked = Checked::open(&app, &mia).await;
    let start = json!({"run_id": checked.run});
    vera.post(CHECKINGS, &start).await.assert_refused(403, "forbidden");
    let nowhere = mia.post(CHECKINGS, &json!({"run_id": "nowhere"})).await;
    nowhere.assert_refused(404, "run_not_found");
    mia.get(&format!("{CHECKINGS}/nowhere")).await.assert_refused(404, "checking_not_found");

    let first = made(&mia, &checked.run).await;
    assert_eq!(vera.get(&path(&first)).await.json(), first);
    let thresholds = format!("{}/thresholds", path(&first));
    let judge = |thresholds: Value| json!({"thresholds": thresholds, "reason": "Agreed on"});
    let lenient = judge(json!({"nobody-lost": {"rows": 1}}));
    vera.post(&thresholds, &lenient).await.assert_refused(403, "forbidden");
    for wrong in [
        judge(json!({})),
        judge(json!({"nobody": {"rows": 1}})),
        judge(json!({"nobody-lost": {"percent": 101.0}})),
        json!({"thresholds": {"nobody-lost": {"rows": 1}}, "reason": ""}),
    ] {
        mia.post(&thresholds, &wrong).await.assert_refused(422, "invalid_fields");
    }
    let list = mia.get(CHECKINGS).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_without_checks_and_a_target_that_is_gone_are_told() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let checked = Checked::open(&app, &mia).await;
    let Checked { target, run } = checked;
    drop(target);

    let failed = made(&mia, &run).await;

    assert_eq!((&failed["state"], &failed["outcome"]), (&"failed".into(), &Value::Null));
    assert!(failed["failure"]["code"].as_str().unwrap().starts_with("CONN-"), "{failed}");
    assert_eq!(mia.audit(1).await, [("clinical_checks_failed".to_owned(), run)]);
    let lenient = json!({"thresholds": {"nobody-lost": {"rows": 1}}, "reason": "Agreed on"});
    let nothing = mia.post(&format!("{}/thresholds", path(&failed)), &lenient).await;
    nothing.assert_refused(409, "wrong_checking_state");

    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia, SMALL).await;
    mia.post(CHECKINGS, &json!({"run_id": run})).await.assert_refused(409, "no_checks");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_being_checked_when_the_server_ended_is_found() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let checked = Checked::open(&app, &mia).await;
    let checking = made(&mia, &checked.run).await;
    let name = std::fs::read_to_string(app.folder.path().join("data/installation")).unwrap();
    sqlx::query("update checkings set state = 'running', owner = $1")
        .bind(name)
        .execute(app.services().services().store.pool())
        .await
        .unwrap();
    let under_way = mia.post(CHECKINGS, &json!({"run_id": checked.run})).await;
    under_way.assert_refused(409, "checking_under_way");
    drop(mia);

    let app = app.restart().await;

    let mia = app.member().await;
    let found = mia.get(&path(&checking)).await.json();
    assert_eq!((&found["state"], &found["failure"]["code"]), (&"failed".into(), &"SYS-006".into()));
    let entry = ("clinical_checks_failed".to_owned(), checked.run.clone());
    assert!(mia.audit(5).await.contains(&entry), "who signs in afterwards is in the trail as well");
    assert_eq!(made(&mia, &checked.run).await["state"], "completed");
}
