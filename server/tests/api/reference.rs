//! The manual's page of the API says what the document says, and its examples are run.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use server::api::openapi;

use crate::support::TestApp;
use crate::support::legacy::{SMALL, save_plan};

const HEAD: &str = "# The API

<!-- Generated from the handlers and from examples that are run:
     UPDATE_MANUAL=1 cargo nextest run -p server --test api reference -->

Everything that the portal does, it does by this API; the server itself has its description for
programs at `/api/v1/openapi.json` and for people at `/api/v1/docs`.

- **Signing in** gives a bearer token for a quarter of an hour and a cookie that gets the next one.
- **Refusals** are `application/problem+json` (RFC 9457) with `code`, `title`, `status`, and where
  there is more to say `detail`, `hint`, `docs` and `fields`.
- **Lists** come in pages: `?limit=` up to 1000, `?after=` takes the `next` of the page before.
- **Bodies** are JSON, at most 8 MiB; a field that is not known is refused.
- **Changes of somebody else** are not lost: plans and settings have an `ETag`, which goes back in
  `If-Match`.
- **Streams** are server-sent events; `Last-Event-ID` goes on where one broke off.
- **A second person**, where the settings ask for one: ask at `/api/v1/approvals`, then send what was
  approved with its id in `Transfuse-Approval`.
- **Background**: what a page asks by itself has the header `Transfuse-Background`, so that it does
  not keep a session alive.
";

/// What is shown of using it: who, method, path, body. `{plan}` and the like are what came before.
fn examples() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    vec![
        ("Who am I?", "GET", "/api/v1/session", Value::Null),
        ("The plans", "GET", "/api/v1/plans?limit=1", Value::Null),
        ("The latest assessment", "GET", "/api/v1/assessments?limit=1", Value::Null),
        ("Start a run", "POST", "/api/v1/runs", json!({"plan_id": "{plan}"})),
        (
            "What is in quarantine, counted",
            "GET",
            "/api/v1/runs/{run}/quarantine/counts",
            Value::Null,
        ),
        (
            "Compare both sides of a run",
            "POST",
            "/api/v1/verifications",
            json!({"run_id": "{run}", "mode": "full"}),
        ),
        (
            "Ask a second person",
            "POST",
            "/api/v1/approvals",
            json!({
                "act": {"act": "roll_back", "run_id": "{run}", "scope": {"what": "run"}},
                "reason": "The wrong export was loaded",
            }),
        ),
        (
            "What waits for an answer",
            "GET",
            "/api/v1/approvals?state=requested&limit=1",
            Value::Null,
        ),
        (
            "The trail of one run",
            "GET",
            "/api/v1/audit?object={run}&action=run_started",
            Value::Null,
        ),
        ("Something that is not there", "GET", "/api/v1/runs/nothing", Value::Null),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manual_says_what_the_document_says_and_its_examples_are_run() {
    let mut page = HEAD.to_owned();
    page.push_str("\n## Examples\n\nIds and times are replaced.\n");
    write_examples(&mut page).await;
    write_operations(&mut page);

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/migration/api-reference.md");
    if std::env::var_os("UPDATE_MANUAL").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/migration/api-reference.md is not up to date: \
         UPDATE_MANUAL=1 cargo nextest run -p server --test api reference"
    );
}

async fn write_examples(page: &mut String) {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let plan = save_plan(&app, &mia, SMALL).await;
    let mut run = String::new();
    for (title, method, path, body) in examples() {
        let fill = |text: &str| text.replace("{plan}", &plan).replace("{run}", &run);
        let sent: Value = serde_json::from_str(&fill(&body.to_string())).expect("JSON");
        let reply = match method {
            "GET" => mia.get(&fill(path)).await,
            _ => mia.post(&fill(path), &sent).await,
        };
        assert!(reply.status < 500, "{title}: {}", reply.text);
        let mut answer = reply.json();
        if path == "/api/v1/runs" {
            run = answer["id"].as_str().expect("a run").to_owned();
            mia.end_of_run(&run).await;
            // How far it had come when it was answered is by chance.
            answer["progress"] = Value::Null;
        }
        if path == "/api/v1/verifications" {
            let id = answer["id"].as_str().expect("a verification");
            crate::verifications::end_of(&mia, id).await;
        }
        let shown = |text: &str| text.replace("{plan}", "PLAN").replace("{run}", "RUN");
        let _ = write!(page, "\n### {title}\n\n```sh\ncurl -H \"Authorization: Bearer $TOKEN\"");
        if method != "GET" {
            let _ = write!(
                page,
                " \\\n  -H 'Content-Type: application/json' -d '{}'",
                shown(&body.to_string())
            );
        }
        let _ = writeln!(page, " \\\n  'https://HOST{}'\n```\n", shown(path));
        replace(&mut answer, &plan, &run);
        let text = serde_json::to_string_pretty(&answer).expect("JSON");
        let _ = writeln!(page, "```json\n{text}\n```\n\nStatus {}.", reply.status);
    }
}

/// What differs from run to run.
fn replace(value: &mut Value, plan: &str, run: &str) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "next" if value.is_string() => *value = json!("CURSOR"),
                    _ => replace(value, plan, run),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, plan, run)),
        Value::String(text) => {
            let is_time = chrono::DateTime::parse_from_rfc3339(text).is_ok();
            let is_hash = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
            if is_time {
                "TIME".clone_into(text);
            } else if is_hash {
                "HASH".clone_into(text);
            } else {
                *text = text.replace(plan, "PLAN").replace(run_or_nothing(run), "RUN");
                if uuid::Uuid::parse_str(text).is_ok() {
                    "ID".clone_into(text);
                }
            }
        }
        _ => {}
    }
}

/// An empty text stands between all letters.
fn run_or_nothing(run: &str) -> &str {
    if run.is_empty() { "\0" } else { run }
}

fn write_operations(page: &mut String) {
    let document = serde_json::to_value(openapi::description()).expect("JSON");
    let mut by_tag: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let tag = operation["tags"][0].as_str().expect("a tag").to_owned();
            let text = by_tag.entry(tag).or_default();
            write_operation(text, path, method, operation);
        }
    }
    for (tag, operations) in by_tag {
        let _ = write!(page, "\n## {tag}\n{operations}");
    }
}

fn write_operation(text: &mut String, path: &str, method: &str, operation: &Value) {
    let _ = writeln!(text, "\n### {} {path}\n", method.to_uppercase());
    for part in ["summary", "description"] {
        if let Some(words) = operation[part].as_str().map(str::trim).filter(|it| !it.is_empty()) {
            let _ = writeln!(text, "{}\n", words.replace('\n', " "));
        }
    }
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let about = parameter["description"].as_str().unwrap_or_default().replace('\n', " ");
        let (place, name) = (parameter["in"].as_str(), parameter["name"].as_str());
        let about = if about.is_empty() { about } else { format!(": {about}") };
        let _ = writeln!(text, "- {} `{}`{about}", place.unwrap_or(""), name.unwrap_or(""));
    }
    if let Some(content) = operation["requestBody"]["content"].as_object() {
        let kinds: Vec<_> = content.values().map(|it| name_of(&it["schema"])).collect();
        let _ = writeln!(text, "- body: {}", kinds.join(", "));
    }
    let mut answers = Vec::new();
    let mut refusals = Vec::new();
    for (status, response) in operation["responses"].as_object().expect("responses") {
        let contents = response["content"].as_object();
        let kind = contents.and_then(|it| it.values().next()).map(|it| name_of(&it["schema"]));
        match kind {
            Some(kind) if kind == "Problem" => refusals.push(status.clone()),
            Some(kind) => answers.push(format!("{status} {kind}")),
            None => answers.push(status.clone()),
        }
    }
    let _ = writeln!(text, "- answers: {}", answers.join(", "));
    if !refusals.is_empty() {
        let _ = writeln!(text, "- refusals: {}", refusals.join(", "));
    }
}

fn name_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|it| it.rsplit('/').next()) {
        return name.replace('_', " of ");
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", name_of(&schema["items"])),
        Some(kind) => kind.to_owned(),
        None => "any".to_owned(),
    }
}
