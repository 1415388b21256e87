use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr};

use serde_json::{Value, json};

use crate::support::{Desk, done};

#[test]
fn a_port_in_use_exits_with_2_and_says_which() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let done = Desk::new().run(&["serve", "--listen", &address]);

    done.assert_failed(2, "SYS-002");
    assert!(done.stderr.contains(&address), "{}", done.stderr);
    assert!(done.stderr.contains("hint: Another transfuse may still be running."));
}

#[test]
fn a_second_server_on_the_same_data_exits_with_2() {
    let desk = Desk::new();
    let first = Serving::start(&desk, &[]);

    desk.run(&["serve", "--listen", "127.0.0.1:0"]).assert_failed(2, "SYS-003");

    assert_eq!(first.end(), 0);
}

#[test]
fn the_demo_can_be_signed_in_to_and_migrated() {
    let desk = Desk::new();
    let serving = Serving::start(&desk, &["--demo", "--demo-scale", "0.001"]);

    let token = serving.sign_in();
    let path = serving.start_run(&token);
    let ended = serving.end_of_run(&token, &path);

    assert_eq!(ended["state"], "completed", "{ended}");
    assert_eq!(serving.end(), 0);
    let again = Serving::start(&desk, &["--demo"]);
    again.sign_in();
    assert_eq!(again.end(), 0);
}

#[test]
fn a_server_that_is_killed_finds_its_run_again_and_it_goes_on() {
    let desk = Desk::new();
    let mut serving = Serving::start(&desk, &["--demo", "--demo-scale", "0.003"]);
    let path = serving.start_run(&serving.sign_in());
    serving.child.kill().expect("a running process");
    serving.child.wait().expect("it is gone");

    let serving = Serving::start(&desk, &["--demo"]);
    let token = serving.sign_in();
    let found = serving.send("GET", &path, Some(&token), &Value::Null);
    assert_eq!((&found["state"], &found["failure"]["code"]), (&"failed".into(), &"SYS-006".into()));
    serving.send("POST", &format!("{path}/resume"), Some(&token), &Value::Null);
    let ended = serving.end_of_run(&token, &path);

    assert_eq!(ended["state"], "completed", "{ended}");
    assert_eq!(serving.end(), 0);
}

/// A server that is under way.
struct Serving {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: String,
}

impl Serving {
    fn start(desk: &Desk, arguments: &[&str]) -> Self {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut child = desk
            .command(&arguments)
            .env("TRANSFUSE_DEMO_PASSWORD", "demo password")
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut told = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).expect("words") > 0, "it ended: {told}");
            told.push_str(&line);
            if let Some(rest) = line.strip_prefix("Transfuse is at http://") {
                break rest.split(' ').next().expect("an address").to_owned();
            }
        };
        Self { child, stderr, address }
    }

    fn sign_in(&self) -> String {
        let body = json!({"email": "demo@transfuse.example", "password": "demo password"});
        let access = self.send("POST", "/api/v1/session", None, &body);
        access["token"].as_str().expect("a token").to_owned()
    }

    /// Starts a run of the demo's plan and gives its path.
    fn start_run(&self, token: &str) -> String {
        let plans = self.send("GET", "/api/v1/plans", Some(token), &Value::Null);
        let start = json!({"plan_id": plans["items"][0]["id"]});
        let run = self.send("POST", "/api/v1/runs", Some(token), &start);
        format!("/api/v1/runs/{}", run["id"].as_str().expect("a run"))
    }

    fn end_of_run(&self, token: &str, path: &str) -> Value {
        loop {
            let run = self.send("GET", path, Some(token), &Value::Null);
            if run["state"] != "running" {
                return run;
            }
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    }

    fn send(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n"));
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             {}content-length: {}\r\n\r\n{body}",
            bearer.unwrap_or_default(),
            body.len()
        )
        .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// Asks it to end, and gives its exit status.
    fn end(mut self) -> i32 {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.expect("a process id"), rustix::process::Signal::TERM)
            .expect("a running process");
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).expect("words");
        done(&self.child.wait_with_output().expect("it ends")).status
    }
}
