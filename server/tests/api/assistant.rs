//! Questions about the migration.

use serde_json::{Value, json};
use shared::route;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_signed_in_is_answered_from_what_is_known() {
    let app = TestApp::start().await;
    let vera = app.viewer().await;
    let ask = async |text: &str| vera.post(route::ASSISTANT, &json!({"text": text})).await.json();

    let code = ask("What does DATA-003 mean?").await;
    assert_eq!(code["passages"][0]["source"], "code");
    assert_eq!(code["service"], "off");
    let next = ask("What should I do next?").await;
    assert_eq!(next["passages"][0]["address"], "/portal/migration/connections");
    let manual = ask("How do I waive quarantined rows?").await;
    assert_eq!(manual["passages"][0]["source"], "manual");
    assert_eq!(ask("zeppelin").await["passages"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_question_and_an_endless_one_are_refused() {
    let app = TestApp::start().await;
    let vera = app.viewer().await;
    for text in ["  ".to_owned(), "why ".repeat(200)] {
        let reply = vera.post(route::ASSISTANT, &json!({"text": text})).await;
        assert_eq!((reply.status, &reply.json()["fields"][0]["field"]), (422, &json!("text")));
    }
    let body = json!({"text": "why"});
    app.send("POST", route::ASSISTANT, &[], Some(&body))
        .await
        .assert_refused(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_hears_no_word_that_the_manuals_lack() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1", listener.local_addr().unwrap());
    let service = tokio::spawn(answer_once(listener));
    let mut settings = ada.get(route::SETTINGS).await.json()["settings"].clone();
    settings["assistant"] = json!({"enabled": true, "endpoint": endpoint, "model": "small"});
    assert_eq!(ada.put(route::SETTINGS, &settings).await.status, 200);
    ada.put(route::SETTINGS_ASSISTANT_KEY, &json!({"key": "a key of the service"})).await;

    let question = json!({"text": "Why is Quillonia Zabriskie 98321 in quarantine? DATA-003"});
    let answer = ada.post(route::ASSISTANT, &question).await.json();

    assert_eq!((&answer["words"], &answer["service"]), (&json!("Look there."), &json!("used")));
    let heard = service.await.unwrap();
    assert!(heard.contains("quarantine") && heard.contains("a key of the service"), "{heard}");
    for trace in ["quillonia", "zabriskie", "98321"] {
        assert!(!heard.to_lowercase().contains(trace), "{heard}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_away_keeps_nobody_from_an_answer() {
    let app = TestApp::start().await;
    let ada = app.admin().await;
    let mut settings = ada.get(route::SETTINGS).await.json()["settings"].clone();
    settings["assistant"] =
        json!({"enabled": true, "endpoint": "http://127.0.0.1:1/v1", "model": "small"});
    assert_eq!(ada.put(route::SETTINGS, &settings).await.status, 200);

    let answer = ada.post(route::ASSISTANT, &json!({"text": "DATA-003?"})).await.json();

    assert_eq!((&answer["service"], &answer["words"]), (&json!("failed"), &Value::Null));
    assert_eq!(answer["passages"][0]["source"], "code");
}

/// A service that answers one request, and gives what it heard.
async fn answer_once(listener: TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.expect("somebody asks");
    let mut heard = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk).await.expect("a request");
        heard.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&heard);
        let length = text.to_lowercase().split("content-length: ").nth(1).map(|rest| {
            rest.split("\r\n").next().unwrap_or_default().trim().parse::<usize>().unwrap_or(0)
        });
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
        if read == 0 || matches!((length, body), (Some(all), Some(here)) if here >= all) {
            break;
        }
    }
    let body = r#"{"choices": [{"message": {"role": "assistant", "content": "Look there."}}]}"#;
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await.expect("the answer goes out");
    String::from_utf8_lossy(&heard).into_owned()
}
