use std::time::Duration;

use engine::clock::Clock as _;
use serde_json::{Value, json};
use server::jobs::Left;
use shared::id::RunId;
use shared::route::{self, SIGN_OFFS};

use crate::support::legacy::SMALL;
use crate::support::{Client, TestApp};
use crate::verifications::{DAMAGE, change_target, finished_run};

/// A sign-off, once people were drawn for it.
async fn drawn(client: &Client<'_>, new: &Value) -> Value {
    let reply = client.post(SIGN_OFFS, new).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let path = format!("{SIGN_OFFS}/{}", reply.json()["id"].as_str().expect("an id"));
    loop {
        let found = client.get(&path).await.json();
        if found["state"] != "drawing" {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn path(sign_off: &Value, rest: &str) -> String {
    format!("{SIGN_OFFS}/{}{rest}", sign_off["id"].as_str().expect("an id"))
}

async fn reveal(client: &Client<'_>, sign_off: &Value, number: u32) -> Value {
    let reason = json!({"reason": "Sign-off of the rehearsal"});
    let path = path(sign_off, &format!("/people/{number}/reveal"));
    let reply = client.post(&path, &reason).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_drawn_looked_at_judged_and_signed_for() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia, SMALL).await;
    change_target(&app, DAMAGE).await;
    let new = json!({"run_id": run, "size": 100, "seed": 7, "table": "person"});

    let sign_off = drawn(&mia, &new).await;

    assert_eq!(sign_off["state"], "open", "{sign_off}");
    let strata = sign_off["acceptance"]["strata"].as_array().unwrap();
    let counted: Vec<_> = strata.iter().map(|it| (&it["stratum"], &it["people"])).collect();
    let expected = [(&json!("not_carried"), &json!(1)), (&json!("no_records"), &json!(99))];
    assert_eq!(counted, expected);
    let people = mia.get(&path(&sign_off, "/people")).await.json();
    assert_eq!(people.as_array().unwrap().len(), 100);
    assert!(!people.to_string().contains("1980"), "{people}");

    let (mut rejected, mut shown) = (0, String::new());
    for number in 1..=100 {
        let found = reveal(&mia, &sign_off, number).await;
        let row = &found["tables"][0]["rows"][0];
        let is_right = row["state"] == "same";
        rejected += u32::from(!is_right);
        shown.push_str(row["state"].as_str().unwrap());
        if row["state"] == "different" {
            assert_eq!(
                (&row["source"][1], &row["target"][1]),
                (&json!("1980-01-01"), &json!("1981-02-03"))
            );
            assert_eq!(row["differs"], json!([1]));
        }
        let said = if is_right { "accepted" } else { "rejected" };
        let judgement = json!({"judgement": said, "reason": "Pseudonymia as on paper"});
        let judged =
            mia.post(&path(&sign_off, &format!("/people/{number}/judgement")), &judgement).await;
        assert_eq!(judged.status, 200, "{}", judged.text);
        assert_eq!(judged.json()["judged_by"], "MIA Example");
    }
    assert!(["different", "missing", "quarantined"].iter().all(|state| shown.contains(state)));
    assert_eq!(rejected, 3);
    assert_eq!(reveal(&mia, &sign_off, 1).await["reason"], "Pseudonymia as on paper");
    let trail = mia.audit(2).await;
    let looked = format!("{}.1", sign_off["id"].as_str().unwrap());
    assert_eq!(trail[0], ("people_unmasked".to_owned(), looked));
    assert_eq!(trail[1], ("person_judged".to_owned(), run.clone()));

    let signed = mia.post(&path(&sign_off, "/signature"), &json!({})).await.json();
    assert_eq!((&signed["state"], &signed["signed_by"]), (&"signed".into(), &"MIA Example".into()));
    let acceptance = &signed["acceptance"];
    assert_eq!(acceptance["accepted"], 97);
    // Everybody was looked at, so that nothing is unsure.
    for share in
        [&acceptance["share"], &acceptance["interval"]["low"], &acceptance["interval"]["high"]]
    {
        assert!((share.as_f64().unwrap() - 0.97).abs() < 1e-9, "{acceptance}");
    }
    assert_eq!(mia.audit(1).await, [("signed_off".to_owned(), run.clone())]);
    let late = json!({"judgement": "accepted", "reason": "another look"});
    let late = mia.post(&path(&sign_off, "/people/1/judgement"), &late).await;
    late.assert_refused(409, "wrong_sign_off_state");

    let id: RunId = run.parse().unwrap();
    let report = mia.get(&route::report(&id)).await;
    let told = &report.json()["evidence"]["sign_offs"][0];
    assert_eq!((&told["signed_by"], &told["seed"]), (&"MIA Example".into(), &7.into()));
    let page = mia.get(&route::report_file(&id, "report.html")).await.text;
    assert!(page.contains("97 accepted, 3 rejected") && page.contains("Signed by MIA"), "{page}");
    assert!(!page.contains("Pseudonymia") && !report.text.contains("Pseudonymia"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_draws_the_same_people() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia, SMALL).await;
    let mut keys = Vec::new();
    for seed in [1, 1, 2] {
        let new = json!({"run_id": run, "size": 3, "seed": seed, "table": "person"});
        let sign_off = drawn(&mia, &new).await;
        let mut drawn = Vec::new();
        for number in 1..=3 {
            let found = reveal(&mia, &sign_off, number).await;
            drawn.push(found["tables"][0]["rows"][0]["source"][0].clone());
        }
        keys.push(drawn);
    }
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[0], keys[2]);
    let list = mia.get(&format!("{SIGN_OFFS}?run={run}&limit=2")).await.json();
    assert_eq!(
        (&list["items"][0]["seed"], list["items"].as_array().unwrap().len()),
        (&2.into(), 2)
    );
    assert!(list["next"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_judges_unseen_signs_unjudged_or_draws_from_nothing() {
    let store = testbed::postgres().create_database();
    let app = TestApp::start_on(store.url()).await;
    let (mia, ada, vera) = (app.member().await, app.admin().await, app.viewer().await);
    let run = finished_run(&app, &mia, SMALL).await;
    let start = async |new: Value| mia.post(SIGN_OFFS, &new).await;
    start(json!({"run_id": run})).await.assert_refused(409, "no_people_table");
    let other = start(json!({"run_id": run, "table": "other"})).await;
    other.assert_refused(409, "no_people_table");
    let many = start(json!({"run_id": run, "table": "person", "size": 501})).await;
    many.assert_refused(422, "invalid_fields");
    start(json!({"run_id": "nowhere"})).await.assert_refused(404, "run_not_found");
    let new = json!({"run_id": run, "size": 2, "table": "person"});
    vera.post(SIGN_OFFS, &new).await.assert_refused(403, "forbidden");

    let sign_off = drawn(&mia, &new).await;
    let (look, judge) =
        (path(&sign_off, "/people/1/reveal"), path(&sign_off, "/people/1/judgement"));
    let reason = json!({"reason": "Sign-off of the rehearsal"});
    let yes = json!({"judgement": "accepted", "reason": "as on paper"});
    mia.post(&judge, &yes).await.assert_refused(409, "person_not_seen");
    mia.post(&look, &json!({"reason": "so"})).await.assert_refused(422, "invalid_fields");
    vera.post(&look, &reason).await.assert_refused(403, "forbidden");
    vera.post(&judge, &yes).await.assert_refused(403, "forbidden");
    vera.post(&path(&sign_off, "/signature"), &json!({})).await.assert_refused(403, "forbidden");
    assert_eq!(vera.get(&path(&sign_off, "/people")).await.status, 200);
    reveal(&mia, &sign_off, 1).await;
    // Another one's look is not one's own.
    ada.post(&judge, &yes).await.assert_refused(409, "person_not_seen");
    let empty = json!({"judgement": "accepted", "reason": ""});
    mia.post(&judge, &empty).await.assert_refused(422, "invalid_fields");
    assert_eq!(mia.post(&judge, &yes).await.status, 200);
    let early = mia.post(&path(&sign_off, "/signature"), &json!({})).await;
    early.assert_refused(409, "people_not_judged");
    assert!(early.text.contains("1 people"), "{}", early.text);
    reveal(&ada, &sign_off, 2).await;
    let no = json!({"judgement": "rejected", "reason": "not as on paper"});
    let judged = ada.post(&path(&sign_off, "/people/2/judgement"), &no).await;
    assert_eq!(judged.json()["judgement"], "rejected", "{}", judged.text);
    let signed = ada.post(&path(&sign_off, "/signature"), &json!({})).await.json();
    assert_eq!(
        (&signed["state"], &signed["acceptance"]["rejected"]),
        (&"signed".into(), &1.into())
    );
    let nobody = mia.post(&path(&sign_off, "/people/3/reveal"), &reason).await;
    nobody.assert_refused(404, "sampled_person_not_found");
    mia.get(&format!("{SIGN_OFFS}/nowhere")).await.assert_refused(404, "sign_off_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_drawn_of_every_age() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia, SMALL).await;
    let by_age = json!({"run_id": run, "size": 5, "table": "person", "strata": "age"});
    mia.post(SIGN_OFFS, &by_age).await.assert_refused(409, "no_birth_date");
    let other = json!({"run_id": run, "table": "person", "strata": "age", "born": "died"});
    mia.post(SIGN_OFFS, &other).await.assert_refused(409, "no_birth_date");

    let new = json!({"run_id": run, "size": 5, "table": "person", "strata": "age", "born": "born"});
    let sign_off = drawn(&mia, &new).await;

    assert_eq!((&sign_off["state"], &sign_off["strata"]), (&"open".into(), &"age".into()));
    let strata = sign_off["acceptance"]["strata"].as_array().unwrap();
    let counted: Vec<_> = strata.iter().map(|it| (&it["stratum"], &it["people"])).collect();
    let expected = [(&json!("not_carried"), &json!(1)), (&json!("from40"), &json!(99))];
    assert_eq!(counted, expected);
}

/// Runs a command on the server's data; gives its result, or what it said was wrong.
fn command(app: &TestApp, arguments: &[&str]) -> Result<String, String> {
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_transfuse"))
        .arg("--data")
        .arg(app.folder.path().join("data"))
        .arg("sign-off")
        .args(arguments)
        .output()
        .expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("a text");
    if done.status.success() { Ok(text(done.stdout)) } else { Err(text(done.stderr)) }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_draws_shows_judges_and_signs() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia, SMALL).await;
    change_target(&app, "update person set born = '1981-02-03'").await;
    let draw = ["draw", &run, "--size", "2", "--table", "person", "--seed", "7", "--json", "-"];

    let drawn = command(&app, &draw).unwrap();

    let drawn: Value = serde_json::from_str(&drawn).unwrap();
    let id = drawn["id"].as_str().unwrap();
    let somebody = drawn["requested_by"].clone();
    assert_eq!(drawn["state"], "open");
    assert!(somebody.as_str().unwrap().ends_with(", on the command line"), "{somebody}");
    let person = |word, number, reason| command(&app, &[word, id, number, "--reason", reason]);
    let said = |word, number| person(word, number, "Pseudonymia as on paper");
    let unseen = said("accept", "1").unwrap_err();
    assert!(unseen.contains("looked at both sides first"), "{unseen}");
    for (number, word) in [("1", "accept"), ("2", "reject")] {
        let shown = person("look", number, "Sign-off of the rehearsal").unwrap();
        let quarantined = shown.contains("In quarantine");
        let differs = shown.lines().any(|line| {
            let cells: Vec<_> = line.split_whitespace().collect();
            cells == ["born", "1980-01-01", "1981-02-03", "DIFFERENT"]
        });
        assert!(differs || quarantined, "{shown}");
        assert!(command(&app, &["sign", id]).is_err(), "somebody is not judged");
        said(word, number).unwrap();
    }
    let entries = mia.audit(2).await;
    assert_eq!(entries[0], ("person_judged".to_owned(), run.clone()));
    assert_eq!(entries[1], ("people_unmasked".to_owned(), format!("{id}.2")));
    let shown = command(&app, &["show", id]).unwrap();
    assert!(shown.contains("Accepted") && shown.contains("Rejected"), "{shown}");
    assert!(!shown.contains("Pseudonymia"), "{shown}");
    command(&app, &["sign", id]).unwrap();

    let signed = mia.get(&path(&drawn, "")).await.json();
    assert_eq!((&signed["state"], &signed["signed_by"]), (&"signed".into(), &somebody));
    assert_eq!(signed["acceptance"]["rejected"], 1);
    let listed = command(&app, &["list", &run]).unwrap();
    assert!(listed.lines().any(|line| line.starts_with(id) && line.contains("signed")), "{listed}");
    let nowhere = command(&app, &["draw", "nowhere"]).unwrap_err();
    assert!(nowhere.contains("no such run"), "{nowhere}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_being_drawn_when_the_server_ended_is_found() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia, SMALL).await;
    let sign_off = drawn(&mia, &json!({"run_id": run, "table": "person"})).await;
    let name = std::fs::read_to_string(app.folder.path().join("data/installation")).unwrap();
    sqlx::query("update sign_offs set state = 'drawing', owner = $1")
        .bind(name)
        .execute(app.services().services().store.pool())
        .await
        .unwrap();
    drop(mia);

    let app = app.restart().await;

    let mia = app.member().await;
    let found = mia.get(&path(&sign_off, "")).await.json();
    assert_eq!((&found["state"], &found["failure"]["code"]), (&"failed".into(), &"SYS-006".into()));
    let entry = ("sign_off_failed".to_owned(), run.clone());
    assert!(mia.audit(5).await.contains(&entry), "who signs in afterwards is in the trail as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_command_was_drawing_is_found_beside_a_server_that_goes_on() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let run = finished_run(&app, &mia, SMALL).await;
    let sign_off = drawn(&mia, &json!({"run_id": run, "table": "person"})).await;
    let services = app.services().services();
    let drawing = async |heartbeat: i64| {
        sqlx::query("update sign_offs set state = 'drawing', heartbeat_at = $1")
            .bind(heartbeat)
            .execute(services.store.pool())
            .await
            .unwrap();
        services.sign_offs.recover(Left::InSilence).await.unwrap();
        mia.get(&path(&sign_off, "")).await.json()["state"].clone()
    };
    let now = app.clock.now().timestamp_micros();

    assert_eq!(drawing(now).await, "drawing");
    assert_eq!(drawing(now - 61_000_000).await, "failed");
    assert_eq!(mia.failures().await, [("sign_off_failed".to_owned(), run)]);
}
