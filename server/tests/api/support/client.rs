use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Reply {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map_or("", |(_, value)| value)
    }

    /// The cookie that the answer sets, as a browser sends it back.
    pub(crate) fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
    }

    /// Refused in this way: status and code.
    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16, code: &str) {
        let problem = self.json();
        assert_eq!((self.status, &problem["code"]), (status, &code.into()), "{}", self.text);
        assert_eq!(problem["status"], status);
        assert_eq!(self.header("content-type"), "application/problem+json");
    }
}

/// One request, and its answer to the end. HTTP/1.0: a body ends with its connection.
pub(crate) async fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Reply {
    let body = body.map(Value::to_string).unwrap_or_default();
    exchange_text(address, method, path, headers, &body).await
}

/// The same with a body that need not be JSON.
pub(crate) async fn exchange_text(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let length = body.len().to_string();
    let mut all = vec![("host", "localhost"), ("content-length", length.as_str())];
    let is_typed = headers.iter().any(|(name, _)| *name == "content-type");
    if !body.is_empty() && !is_typed {
        all.push(("content-type", "application/json"));
    }
    all.extend(headers);
    let head: String = all.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
    let request = format!("{method} {path} HTTP/1.0\r\n{head}\r\n{body}");

    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut bytes = Vec::new();
    timeout(Duration::from_mins(1), stream.read_to_end(&mut bytes))
        .await
        .expect("the server answers in time")
        .expect("the server answers");
    parse(&String::from_utf8_lossy(&bytes))
}

fn parse(answer: &str) -> Reply {
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut reply =
        Reply { status: status.parse().expect("a status"), headers, text: body.to_owned() };
    if reply.header("transfer-encoding") == "chunked" {
        reply.text = joined(body);
    }
    reply
}

/// The chunks of a body, put together.
fn joined(body: &str) -> String {
    let (mut text, mut rest) = (String::new(), body);
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).expect("the length of a chunk");
        text.push_str(&after[..length]);
        rest = after[length..].trim_start_matches("\r\n");
    }
    text
}
