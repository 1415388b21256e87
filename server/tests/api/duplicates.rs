use std::collections::BTreeMap;

use engine::sample::people::{Kind, population};
use serde_json::{Value, json};
use shared::route::{self, MATCHINGS};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use testbed::Database;

use crate::support::{Client, TestApp};

/// A clinic whose people, some of them twice, are in its new database.
struct Clinic {
    database: Database,
    plan: String,
    run: String,
}

/// What a test wants of its clinic.
#[derive(Clone, Copy)]
struct Wanted {
    when: &'static str,
    people: u64,
}

const ON_REQUEST: Wanted = Wanted { when: "on_request", people: 600 };

impl Clinic {
    async fn open(app: &TestApp, client: &Client<'_>, wanted: Wanted) -> Self {
        let people = population(wanted.people, 7, Kind::Usual);
        let folder = app.folder.path().join("export");
        std::fs::create_dir(&folder).expect("a folder");
        let lines = std::iter::once(&people.header).chain(&people.rows);
        let file: String = lines.map(|cells| cells.join(",") + "\n").collect();
        std::fs::write(folder.join("people.csv"), file).expect("a file");
        let database = testbed::postgres().create_database();
        for (name, role, url) in [
            ("legacy", "source", format!("csv:{}", folder.display())),
            ("modern", "target", database.url().to_owned()),
        ] {
            let body = json!({"name": name, "role": role, "url": url});
            let reply = client.post(route::CONNECTIONS, &body).await;
            assert_eq!(reply.status, 201, "{}", reply.text);
        }
        let saved = client.post(route::PLANS, &plan(wanted.when)).await;
        assert_eq!(saved.status, 201, "{}", saved.text);
        let plan = saved.json()["id"].as_str().expect("an id").to_owned();
        let run = crate::support::legacy::start(client, &plan).await;
        let end = client.end_of_run(&run).await;
        assert_eq!(end["state"], "completed", "{end}");
        let clinic = Self { database, plan, run };
        clinic
            .sql(
                // Said in full: the tests' user is called like the schema of the engine's own tables.
                "create table public.visit (id integer primary key,
                     person_id text not null references public.people (id));
                 insert into public.visit select row_number() over (order by id), id from people;",
            )
            .await;
        clinic
    }

    async fn sql(&self, sql: &str) {
        let mut connection = PgConnection::connect(self.database.url()).await.expect("a target");
        connection.execute(AssertSqlSafe(sql.to_owned())).await.expect("the SQL");
    }

    /// Every row of people and of what refers to them.
    async fn picture(&self) -> Vec<String> {
        let mut connection = PgConnection::connect(self.database.url()).await.expect("a target");
        let rows = sqlx::query(
            "select 'person ' || to_jsonb(p)::text as line from people p
             union all select 'visit ' || to_jsonb(v)::text from visit v order by line",
        )
        .fetch_all(&mut connection)
        .await
        .expect("rows");
        rows.iter().map(|row| row.get("line")).collect()
    }

    async fn search(&self, client: &Client<'_>, more: &Value) -> Value {
        let mut body = json!({"plan_id": self.plan});
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        let started = client.post(MATCHINGS, &body).await;
        assert_eq!(started.status, 201, "{}", started.text);
        end_of_search(client, started.header("location")).await
    }
}

fn plan(when: &str) -> Value {
    let names = [
        ("id", None),
        ("first_name", Some("given_name")),
        ("middle_name", Some("middle_name")),
        ("last_name", Some("surname")),
        ("suffix", Some("suffix")),
        ("dob", Some("birth_date")),
        ("sex", Some("sex")),
        ("ssn", Some("identifier")),
        ("phone", Some("phone")),
        ("email", Some("email")),
        ("address", Some("street")),
        ("address_2", Some("unit")),
        ("city", Some("city")),
        ("state", Some("state")),
        ("zip", Some("postcode")),
    ];
    let columns = names.map(|(name, _)| match name {
        "id" => json!({"target": name, "source": name, "type": "text", "nullable": false}),
        _ => json!({"target": name, "source": name, "type": "text"}),
    });
    let attributes: BTreeMap<&str, &str> =
        names.iter().filter_map(|(name, attribute)| Some(((*attribute)?, *name))).collect();
    json!({
        "format": 1,
        "name": "clinic",
        "source": "legacy",
        "target": "modern",
        "duplicates": {"table": "people", "when": when, "columns": attributes},
        "tables": [{
            "source": "people",
            "key": ["id"],
            "target": "people",
            "columns": columns,
            "create": {"primary_key": ["id"]}
        }]
    })
}

async fn end_of_search(client: &Client<'_>, path: &str) -> Value {
    let search = client.end_of(path).await;
    assert_eq!(search["state"], "completed", "{search}");
    search
}

/// Everything that a list has, page by page.
async fn all(client: &Client<'_>, path: &str) -> Vec<Value> {
    let (mut items, mut after) = (Vec::new(), String::new());
    let joint = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = client.get(&format!("{path}{joint}limit=40{after}")).await.json();
        items.extend(page["items"].as_array().expect("a list").clone());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return items,
        }
    }
}

fn id(value: &Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

async fn queue(client: &Client<'_>, search: &Value, query: &str) -> Vec<Value> {
    all(client, &format!("{MATCHINGS}/{}/matches{query}", id(search))).await
}

const LOOK: &str = "weekly review";

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_is_looked_at_merged_and_taken_back_and_the_target_is_what_it_was() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let clinic = Clinic::open(&app, &mia, ON_REQUEST).await;
    let search = clinic.search(&mia, &json!({})).await;
    let counts = &search["counts"];
    assert_eq!(counts["records"], ON_REQUEST.people);
    assert!(counts["matches"].as_u64() > Some(10), "{search}");
    let before = clinic.picture().await;

    let heaviest = queue(&mia, &search, "?sort=weight&state=open").await;
    let pair = format!("/api/v1/matches/{}", id(&heaviest[0]));
    let look = mia.post(&format!("{pair}/reveal"), &json!({"reason": LOOK})).await;
    assert_eq!(look.status, 200, "{}", look.text);
    let look = look.json();
    let explained = &look["explanation"];
    let weight = explained["pair"]["weight"].as_f64().expect("a weight");
    assert!((weight - heaviest[0]["weight"].as_f64().unwrap()).abs() < 1e-9, "{explained}");
    let factors = explained["factors"].as_array().expect("factors");
    let sum: f64 = factors.iter().filter_map(|factor| factor["weight"].as_f64()).sum();
    assert!((sum + explained["prior"].as_f64().unwrap() - weight).abs() < 1e-6, "{explained}");
    for side in ["left", "right"] {
        let differences = look["differences"].as_array().expect("differences");
        let named = differences.iter().find(|it| it["attribute"] == "surname").expect("a name");
        let joined: String = named[side]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|piece| piece["text"].as_str())
            .collect();
        assert_eq!(look[side]["values"]["surname"][0], joined);
    }

    let other = look["right"]["id"].clone();
    let said = json!({"verdict": "match", "choices": {"city": other}});
    let decided = mia.put(&format!("{pair}/decision"), &said).await;
    assert_eq!(decided.status, 200, "{}", decided.text);
    let decided = decided.json();
    assert_eq!(decided["merge"]["state"], "applied", "{decided}");
    assert_eq!(decided["item"]["decision"]["decided_by"], "MIA Example");
    assert_eq!(decided["item"]["merge"], decided["merge"]["id"]);
    assert_eq!(clinic.picture().await.len(), before.len() - 1);
    mia.put(&format!("{pair}/decision"), &said).await.assert_refused(409, "merged");
    let trail: Vec<_> = mia.audit(3).await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(trail, ["people_merged", "match_decided", "people_unmasked"]);

    let undone = mia.delete(&format!("{pair}/decision")).await;
    assert_eq!(undone.status, 200, "{}", undone.text);
    assert_eq!(undone.json()["merge"]["state"], "taken_back", "{}", undone.text);
    assert_eq!(undone.json()["item"]["decision"], Value::Null);
    assert_eq!(clinic.picture().await, before);
    mia.delete(&format!("{pair}/decision")).await.assert_refused(409, "nothing_said");
    let trail: Vec<_> = mia.audit(2).await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(trail, ["match_withdrawn", "merge_taken_back"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_merges_who_is_sure_and_what_somebody_says_outlives_every_search() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let clinic = Clinic::open(&app, &mia, ON_REQUEST).await;
    let before = clinic.picture().await;
    let first = clinic.search(&mia, &json!({})).await;
    assert_eq!(clinic.picture().await, before, "nobody asked for a merge");
    let sure = queue(&mia, &first, "?sort=weight&verdict=match").await;
    let said = async |item: &Value, verdict: &str| {
        let path = format!("/api/v1/matches/{}/decision", id(item));
        let reply = mia.put(&path, &json!({"verdict": verdict})).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    };
    said(&sure[0], "no_match").await;
    said(&sure[1], "review").await;

    let second = clinic.search(&mia, &json!({"merge": "merge"})).await;

    let merges = all(&mia, &format!("{MATCHINGS}/{}/merges", id(&second))).await;
    let applied: Vec<&Value> = merges.iter().filter(|it| it["state"] == "applied").collect();
    assert!(applied.len() > 5, "{merges:?}");
    assert!(applied.iter().all(|merge| merge["decided_by"].is_null()));
    let together = |merge: &Value, item: &Value| {
        let members = merge["members"].as_array().expect("members");
        members.contains(&item["left_id"]) && members.contains(&item["right_id"])
    };
    for item in &sure[..2] {
        assert!(!applied.iter().any(|merge| together(merge, item)), "{item}");
    }
    assert!(!queue(&mia, &second, "?state=merged").await.is_empty());

    // Taking one apart is remembered too.
    let merge = applied[0];
    let path = format!("/api/v1/merges/{}/unmerge", id(merge));
    let back = mia.post(&path, &json!({})).await;
    assert_eq!(back.status, 200, "{}", back.text);
    assert_eq!(back.json()["merge"]["state"], "taken_back");
    mia.post(&path, &json!({})).await.assert_refused(409, "LOAD-031");
    for model in ["known", "new"] {
        let third = clinic.search(&mia, &json!({"merge": "merge", "model": model})).await;
        let again = all(&mia, &format!("{MATCHINGS}/{}/merges?state=applied", id(&third))).await;
        assert_eq!(again.len(), applied.len() - 1, "{model}");
        let open = queue(&mia, &third, "").await;
        let is_there = |item: &Value| {
            open.iter().any(|it| {
                (&it["left_id"], &it["right_id"]) == (&item["left_id"], &item["right_id"])
            })
        };
        assert!(!is_there(&sure[0]), "{model}: they are not the same");
        assert!(is_there(&sure[1]), "{model}: somebody is to look at it");
    }

    // Every merge taken back, the last one first, gives what was there.
    for merge in all(&mia, &format!("{MATCHINGS}/{}/merges?state=applied", id(&second))).await {
        let path = format!("/api/v1/merges/{}/unmerge", id(&merge));
        let back = mia.post(&path, &json!({"remember": "not_the_same"})).await;
        assert_eq!(back.status, 200, "{}", back.text);
    }
    assert_eq!(clinic.picture().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn comparing_what_changed_gives_what_comparing_all_gives() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let clinic = Clinic::open(&app, &mia, ON_REQUEST).await;
    let first = clinic.search(&mia, &json!({})).await;
    let said = queue(&mia, &first, "?sort=doubt").await;
    let decision = format!("/api/v1/matches/{}/decision", id(&said[0]));
    mia.put(&decision, &json!({"verdict": "no_match"})).await;
    clinic
        .sql(
            "delete from visit where person_id in ('r5', 'r6');
             delete from people where id in ('r5', 'r6');
             update people set last_name = last_name || 'x', phone = null where id in ('r7', 'r8');
             insert into people select 'n' || id, first_name, middle_name, last_name, suffix, dob,
                 sex, ssn, phone, email, address, address_2, city, state, zip
             from people where id in ('r20', 'r21', 'r22');",
        )
        .await;

    let some = clinic.search(&mia, &json!({})).await;
    let forgotten = sqlx::query("delete from matching_memory")
        .execute(app.services().services().store.pool())
        .await;
    assert!(forgotten.unwrap().rows_affected() > 0);
    let all_again = clinic.search(&mia, &json!({})).await;

    let compared = |search: &Value| search["counts"]["pairs_compared"].as_u64().unwrap();
    assert!(compared(&some) * 10 < compared(&all_again), "{some} {all_again}");
    let told = |items: &[Value]| {
        let mut told: Vec<String> = items
            .iter()
            .map(|it| {
                format!("{} {} {} {}", it["left_id"], it["right_id"], it["weight"], it["verdict"])
            })
            .collect();
        told.sort();
        told
    };
    let (some_pairs, all_pairs) = (queue(&mia, &some, "").await, queue(&mia, &all_again, "").await);
    assert_eq!(told(&some_pairs), told(&all_pairs));
    assert!(told(&some_pairs).iter().any(|pair| pair.contains("\"nr20\"")));
    let members = async |search: &Value| {
        let clusters = all(&mia, &format!("{MATCHINGS}/{}/clusters", id(search))).await;
        let mut told: Vec<String> =
            clusters.iter().map(|it| format!("{} {}", it["id"], it["members"])).collect();
        told.sort();
        told
    };
    assert_eq!(members(&some).await, members(&all_again).await);
    // What was said and taken back is looked at again although no record changed.
    assert_eq!(mia.delete(&decision).await.status, 200);
    let after = clinic.search(&mia, &json!({})).await;
    let is_back = |items: &[Value]| {
        items.iter().any(|it| {
            (&it["left_id"], &it["right_id"]) == (&said[0]["left_id"], &said[0]["right_id"])
        })
    };
    assert!(!is_back(&all_pairs) && is_back(&queue(&mia, &after, "").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_merges_its_people_and_its_books_say_so() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let clinic = Clinic::open(&app, &mia, Wanted { when: "after_load", people: 400 }).await;

    let run = mia.get(&format!("{}/{}", route::RUNS, clinic.run)).await.json();
    let books = &run["progress"]["tables"][0]["books"];
    let searches = all(&mia, &format!("{MATCHINGS}?plan={}", clinic.plan)).await;
    assert_eq!((searches.len(), &searches[0]["side"]), (1, &"target".into()));
    let merges = all(&mia, &format!("{MATCHINGS}/{}/merges", id(&searches[0]))).await;
    let rows: usize = merges
        .iter()
        .filter(|merge| merge["state"] == "applied")
        .map(|merge| merge["members"].as_array().unwrap().len() - 1)
        .sum();
    assert!(rows > 5, "{merges:?}");
    assert_eq!(books["merged"], rows, "{books}");
    assert_eq!(books["read"], 400);
    let told = mia.get(&format!("{}?action=people_merged&limit=1000", route::AUDIT)).await.json();
    let applied = merges.iter().filter(|merge| merge["state"] == "applied").count();
    assert_eq!(told["items"].as_array().map(Vec::len), Some(applied));
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_the_model_and_thresholds_are_looked_at_and_a_cluster_is_merged() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let clinic = Clinic::open(&app, &mia, ON_REQUEST).await;
    let search = clinic.search(&mia, &json!({})).await;
    let path = format!("{MATCHINGS}/{}", id(&search));

    let model = mia.get(&format!("{path}/model")).await.json();
    assert_eq!(model["fingerprint"], search["model"]);
    let pairs: u64 =
        model["weights"].as_array().unwrap().iter().filter_map(|bin| bin["pairs"].as_u64()).sum();
    assert_eq!(pairs, search["counts"]["pairs_compared"]);
    let tried = async |automatic: f64, review: f64| {
        let query = format!("?automatic={automatic}&review={review}");
        mia.get(&format!("{path}/simulation{query}")).await.json()
    };
    let decided = queue(&mia, &search, "?sort=weight").await;
    let said = format!("/api/v1/matches/{}/decision", id(&decided[0]));
    mia.put(&said, &json!({"verdict": "no_match"})).await;
    let (lax, strict) = (tried(0.0, -3.0).await, tried(1_000.0, -3.0).await);
    assert!(lax["forecast"]["matches"].as_u64() > strict["forecast"]["matches"].as_u64());
    assert_eq!(lax["trial"]["different"]["matches"], 1, "{lax}");
    assert_eq!(strict["trial"]["different"]["reviews"], 1, "{strict}");
    mia.get(&format!("{path}/simulation?automatic=x&review=1"))
        .await
        .assert_refused(400, "invalid_query");

    let clusters = all(&mia, &format!("{path}/clusters")).await;
    assert_eq!(clusters.len() as u64, search["counts"]["clusters"].as_u64().unwrap());
    let sure = clusters.iter().rfind(|it| it["decision"] == "match").expect("a sure one");
    let cluster = format!("/api/v1/clusters/{}", sure["key"].as_str().unwrap());
    let masked = mia.get(&cluster).await.json();
    let heaviest = masked["links"][0]["weight"].as_f64().expect("a link");
    let links = masked["links"].as_array().unwrap();
    assert!(links.iter().all(|link| link["weight"].as_f64() <= Some(heaviest)), "{masked}");
    let members = masked["item"]["members"].as_array().unwrap();
    let is_in =
        |link: &Value| members.contains(&link["left_id"]) && members.contains(&link["right_id"]);
    assert!(links.iter().all(is_in), "{masked}");
    for apart in masked["apart"].as_array().unwrap() {
        assert_ne!(members.contains(&apart["left_id"]), members.contains(&apart["right_id"]));
    }
    assert_eq!((&masked["merge"], &masked["golden"]), (&Value::Null, &Value::Null));
    let weakest = all(&mia, &format!("{path}/clusters?sort=weakest_link")).await;
    assert_eq!(weakest.len(), clusters.len());
    let cohesion = |it: &Value| it["cohesion"].as_f64().unwrap();
    assert!(weakest.is_sorted_by(|one, other| cohesion(one) <= cohesion(other)));
    assert_eq!(masked["people"], json!([]));
    let look = mia.post(&format!("{cluster}/reveal"), &json!({"reason": LOOK})).await.json();
    let members = sure["members"].as_array().unwrap();
    assert_eq!(look["people"].as_array().map(Vec::len), Some(members.len()));
    let alone = json!({"members": [members[0]]});
    let refused = mia.post(&format!("{cluster}/merge"), &alone).await;
    refused.assert_refused(422, "invalid_members");
    let merge = mia.post(&format!("{cluster}/merge"), &json!({})).await.json();
    assert_eq!(merge["state"], "applied", "{merge}");
    let found = mia.get(&format!("/api/v1/merges/{}", id(&merge))).await.json();
    assert_eq!(found, merge);
    let merged = mia.get(&cluster).await.json();
    assert_eq!(merged["item"]["merge"], merge["id"]);
    assert_eq!(merged["merge"]["survivor"], merge["survivor"]);
    mia.post(&format!("{cluster}/merge"), &json!({})).await.assert_refused(409, "merged");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_sees_no_value_and_decides_nothing() {
    let app = TestApp::start().await;
    let (mia, vera) = (app.member().await, app.viewer().await);
    let clinic = Clinic::open(&app, &mia, ON_REQUEST).await;
    clinic.sql("update people set last_name = 'Pseudonymia' where last_name <> ''").await;
    let search = clinic.search(&mia, &json!({})).await;
    let item = &queue(&vera, &search, "").await[0];
    let pair = format!("/api/v1/matches/{}", id(item));

    let masked = vera.get(&pair).await;
    assert_eq!(masked.status, 200, "{}", masked.text);
    assert!(!masked.text.to_lowercase().contains("pseudonymia"), "{}", masked.text);
    assert!(masked.json()["explanation"]["factors"][0]["weight"].is_number(), "{}", masked.text);
    let reason = json!({"reason": LOOK});
    vera.post(&format!("{pair}/reveal"), &reason).await.assert_refused(403, "forbidden");
    let said = json!({"verdict": "match"});
    vera.put(&format!("{pair}/decision"), &said).await.assert_refused(403, "forbidden");
    let body = json!({"plan_id": clinic.plan});
    vera.post(MATCHINGS, &body).await.assert_refused(403, "forbidden");

    let nothing = mia.post(&format!("{pair}/reveal"), &json!({"reason": " "})).await;
    nothing.assert_refused(422, "invalid_fields");
    let clear = mia.post(&format!("{pair}/reveal"), &reason).await;
    assert!(clear.text.contains("Pseudonymia"), "{}", clear.text);
    let stranger = json!({"verdict": "match", "choices": {"city": "nobody"}});
    let refused = mia.put(&format!("{pair}/decision"), &stranger).await;
    refused.assert_refused(422, "invalid_choice");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_cannot_be_looked_at() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = crate::support::legacy::save_plan(&app, &mia, crate::support::legacy::SMALL).await;

    mia.post(MATCHINGS, &json!({"plan_id": plan})).await.assert_refused(422, "no_people_in_plan");
    mia.post(MATCHINGS, &json!({"plan_id": "none"})).await.assert_refused(404, "plan_not_found");
    for path in ["", "/model", "/matches", "/clusters", "/merges"] {
        let reply = mia.get(&format!("{MATCHINGS}/nowhere{path}")).await;
        reply.assert_refused(404, "matching_not_found");
    }
    mia.get("/api/v1/matches/none").await.assert_refused(404, "match_not_found");
    mia.get("/api/v1/clusters/none").await.assert_refused(404, "cluster_not_found");
    mia.get("/api/v1/merges/none").await.assert_refused(404, "merge_not_found");
    let back = mia.post("/api/v1/merges/none/unmerge", &json!({})).await;
    back.assert_refused(404, "merge_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_searches_are_forgotten_and_what_was_said_in_them_is_not() {
    let app = TestApp::start().await;
    let (ada, mia) = (app.admin().await, app.member().await);
    let clinic = Clinic::open(&app, &mia, ON_REQUEST).await;
    let mut settings = ada.get(route::SETTINGS).await.json()["settings"].clone();
    settings["searches"] = json!({"keep": 1});
    assert_eq!(ada.put(route::SETTINGS, &settings).await.status, 200);
    let first = clinic.search(&mia, &json!({})).await;
    let item = queue(&mia, &first, "?sort=doubt").await.remove(0);
    let pair = format!("/api/v1/matches/{}", id(&item));
    let said = mia.put(&format!("{pair}/decision"), &json!({"verdict": "no_match"})).await;
    assert_eq!(said.status, 200, "{}", said.text);

    let second = clinic.search(&mia, &json!({})).await;

    let path = |search: &Value| format!("{MATCHINGS}/{}", id(search));
    // It is forgotten as soon as the next one is there.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while mia.get(&path(&first)).await.status != 404 {
        assert!(std::time::Instant::now() < deadline, "the first search is still there");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(mia.get(&pair).await.status, 404);
    assert_eq!(all(&mia, MATCHINGS).await.len(), 1);
    let forgotten: Vec<_> =
        mia.audit(20).await.into_iter().filter(|(it, _)| it == "matching_forgotten").collect();
    assert_eq!(forgotten, [("matching_forgotten".to_owned(), id(&first))]);
    let open = queue(&mia, &second, "").await;
    let both =
        |it: &&Value| (&it["left_id"], &it["right_id"]) == (&item["left_id"], &item["right_id"]);
    assert!(open.iter().find(both).is_none(), "they are not the same, still");
}
