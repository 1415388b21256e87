use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::route::{ALERT_RULES, ALERTS, METRICS, NOTIFICATION_TARGETS, SETTINGS};

use crate::support::legacy::{SMALL, save_plan, start};
use crate::support::{Client, METRICS_TOKEN, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_a_rule_watches_raises_one_alert_that_somebody_acknowledges() {
    let app = TestApp::start().await;
    let mia = app.member().await;
    let rule = json!({
        "name": "Done", "condition": {"when": "run_completed"}, "severity": "info",
        "quiet_seconds": 0, "enabled": true,
    });
    assert_eq!(mia.post(ALERT_RULES, &rule).await.status, 201);
    let plan = save_plan(&app, &mia, SMALL).await;
    let id = start(&mia, &plan).await;
    mia.end_of_run(&id).await;

    let alert = alert_of(&mia, &id).await;

    assert_eq!((&alert["state"], &alert["severity"]), (&"raised".into(), &"info".into()));
    let path = format!("{ALERTS}/{}", alert["id"].as_str().unwrap());
    app.viewer()
        .await
        .post(&format!("{path}/acknowledge"), &Value::Null)
        .await
        .assert_refused(403, "forbidden");
    let seen = mia.post(&format!("{path}/acknowledge"), &Value::Null).await.json();
    assert_eq!(
        (&seen["state"], &seen["acknowledged_by"]),
        (&"acknowledged".into(), &"MIA Example".into())
    );
    mia.post(&format!("{path}/acknowledge"), &Value::Null)
        .await
        .assert_refused(409, "wrong_alert_state");
    assert_eq!(mia.get(&path).await.json()["state"], "acknowledged");
    assert_eq!(mia.audit(1).await[0].0, "alert_acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_listed_made_changed_and_deleted_by_members() {
    let app = TestApp::start().await;
    let (mia, vera) = (app.member().await, app.viewer().await);
    let mut rule = json!({
        "name": "Some", "condition": {"when": "quarantine_percent", "above": 1.5},
        "severity": "warning", "quiet_seconds": 60, "enabled": true,
    });
    vera.post(ALERT_RULES, &rule).await.assert_refused(403, "forbidden");
    let made = mia.post(ALERT_RULES, &rule).await;
    let path = made.header("location").to_owned();

    rule["condition"]["above"] = json!(120.0);
    mia.put(&path, &rule).await.assert_refused(422, "invalid_fields");
    rule["condition"]["above"] = json!(2.5);
    assert_eq!(mia.put(&path, &rule).await.json()["condition"]["above"], 2.5);
    let listed = vera.get(ALERT_RULES).await.json();
    assert!(listed.as_array().unwrap().iter().any(|it| it["id"] == made.json()["id"]));
    assert_eq!(mia.delete(&path).await.status, 204);
    mia.delete(&path).await.assert_refused(404, "rule_not_found");
    mia.put(&path, &rule).await.assert_refused(404, "rule_not_found");
    mia.get(&format!("{ALERTS}/nothing")).await.assert_refused(404, "alert_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_gets_a_signed_message_and_its_secret_is_shown_once() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    let hook = Hook::listen();
    allow_this_machine(&ada).await;
    let target = json!({
        "name": "Duty", "channel": {"kind": "webhook", "url": hook.url}, "from_severity": "warning",
        "enabled": true,
    });

    let made = ada.post(NOTIFICATION_TARGETS, &target).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let secret = made.json()["signing_secret"].as_str().unwrap().to_owned();
    let path = made.header("location").to_owned();
    let tested = ada.post(&format!("{path}/test"), &Value::Null).await.json();

    assert_eq!(tested["delivered"], true, "{tested}");
    let (head, body) = hook.received();
    let message: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&message["test"], &message["rule"]), (&true.into(), &"Test".into()));
    let signature =
        head.lines().find_map(|line| line.strip_prefix("transfuse-signature: ")).unwrap();
    assert!(signature.starts_with("t=") && signature.contains(",v1="), "{signature}");
    let listed = ada.get(NOTIFICATION_TARGETS).await;
    assert!(!listed.text.contains(&secret));
    assert_eq!(listed.json()[0]["last"]["delivered"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_into_this_machine_or_elsewhere_behind_the_wall_gets_nothing() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    let hook = Hook::listen();
    for url in [
        hook.url.clone(),
        hook.url.replace("127.0.0.1", "localhost"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "http://10.0.0.1/".to_owned(),
    ] {
        let target = json!({
            "name": "Inside", "channel": {"kind": "webhook", "url": url}, "from_severity": "info",
            "enabled": true,
        });
        let path = ada.post(NOTIFICATION_TARGETS, &target).await.header("location").to_owned();

        let tested = ada.post(&format!("{path}/test"), &Value::Null).await.json();

        assert_eq!(tested["delivered"], false, "{url}");
        assert!(tested["problem"].as_str().unwrap().contains("may connect to"), "{tested}");
    }
    assert!(hook.got_nothing());
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_are_an_administrators_and_keep_their_kind() {
    let app = TestApp::start().await;
    let (ada, mia) = (app.admin().await, app.member().await);
    let mut target = json!({
        "name": "Duty", "channel": {"kind": "email", "address": "duty@clinic.example"},
        "from_severity": "blocking", "enabled": true,
    });
    mia.post(NOTIFICATION_TARGETS, &target).await.assert_refused(403, "forbidden");
    let made = ada.post(NOTIFICATION_TARGETS, &target).await;
    assert_eq!(made.json()["signing_secret"], Value::Null);
    let path = made.header("location").to_owned();
    let tested = ada.post(&format!("{path}/test"), &Value::Null).await.json();
    assert!(tested["problem"].as_str().unwrap().contains("no mail server"), "{tested}");

    target["enabled"] = json!(false);
    assert_eq!(ada.put(&path, &target).await.json()["enabled"], false);
    target["channel"] = json!({"kind": "webhook", "url": "https://hooks.example/duty"});
    ada.put(&path, &target).await.assert_refused(422, "invalid_fields");
    target["channel"] = json!({"kind": "webhook", "url": "https://ann:pw@hooks.example/duty"});
    ada.post(NOTIFICATION_TARGETS, &target).await.assert_refused(422, "invalid_fields");
    assert_eq!(ada.delete(&path).await.status, 204);
    ada.delete(&path).await.assert_refused(404, "target_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_for_the_deployments_token_and_administrators() {
    let app = TestApp::start().await;
    let bearer = format!("Bearer {METRICS_TOKEN}");
    let figures = app.send("GET", METRICS, &[("authorization", &bearer)], None).await;
    assert_eq!(figures.status, 200);
    assert!(figures.text.contains("transfuse_runs{state=\"running\"} 0"), "{}", figures.text);

    assert_eq!(app.admin().await.get(METRICS).await.status, 200);
    app.member().await.get(METRICS).await.assert_refused(403, "forbidden");
    app.send("GET", METRICS, &[], None).await.assert_refused(401, "unauthenticated");
    let guess = [("authorization", "Bearer a token for figure")];
    app.send("GET", METRICS, &guess, None).await.assert_refused(401, "unauthenticated");
}

/// The alert about a run, once there is one.
async fn alert_of(client: &Client<'_>, run: &str) -> Value {
    let limit = Instant::now() + Duration::from_mins(1);
    loop {
        let found = client.get(&format!("{ALERTS}?run_id={run}")).await.json();
        if let Some(alert) = found["items"].as_array().expect("a list").first() {
            return alert.clone();
        }
        assert!(Instant::now() < limit, "no alert about run {run}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn allow_this_machine(admin: &Client<'_>) {
    let settings = json!({"hosts": {"listed": ["127.0.0.1"]}});
    let saved = admin.put(SETTINGS, &settings).await;
    assert_eq!(saved.status, 200, "{}", saved.text);
}

/// Somebody who listens for messages.
struct Hook {
    url: String,
    received: Mutex<Receiver<(String, String)>>,
}

impl Hook {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/duty", listener.local_addr().expect("an address"));
        let (sender, received) = channel();
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if let Some(message) = answer(stream) {
                    let _ = sender.send(message);
                }
            }
        });
        Self { url, received: Mutex::new(received) }
    }

    /// Head and body of the next message.
    fn received(&self) -> (String, String) {
        let received = self.received.lock().expect("nobody panics with the lock");
        received.recv_timeout(Duration::from_secs(20)).expect("a message")
    }

    fn got_nothing(&self) -> bool {
        self.received.lock().expect("nobody panics with the lock").try_recv().is_err()
    }
}

/// Reads a message and says that it arrived.
fn answer(mut stream: TcpStream) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(rest) = line.strip_prefix("content-length: ") {
            length = rest.parse().ok()?;
        }
        head.push_str(&line);
        head.push('\n');
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").ok()?;
    Some((head, String::from_utf8_lossy(&body).into_owned()))
}
