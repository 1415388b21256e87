//! Words that are planted in the data of the tests, and must not come out where they have no
//! business: in logs at their most talkative, refusals, figures, the audit trail, or a URL.

use std::io;
use std::sync::{Mutex, Once};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::client::Reply;

/// Values of rows and secrets of the tests' data.
const PLANTED: &[&str] = &["Pseudonymia", "correct horse battery", "s3cret", "wardrobe pelican"];

/// Where a value of a row has no business even when all goes well.
const SILENT: &[&str] = &[
    "/audit",
    "/metrics",
    "/events",
    "/alerts",
    "/approvals",
    "/users",
    "/matchings",
    "/merges",
    "/checkings",
];

static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static LISTENING: Once = Once::new();

/// Listens to all that is logged while it lives, and then says whether it was silent about what
/// is planted.
pub(crate) struct Canary;

impl Canary {
    pub(crate) fn listen() -> Self {
        LISTENING.call_once(|| {
            let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Listener);
            let registry = tracing_subscriber::registry();
            let all = server::telemetry::filter("trace", "trace");
            let _ = registry.with(all).with(lines).try_init();
        });
        Self
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        check_log();
    }
}

fn check_log() {
    let logged = LOGGED.lock().expect("nobody panics with the lock");
    let text = String::from_utf8_lossy(&logged);
    for planted in PLANTED {
        if let Some(line) = text.lines().find(|line| line.contains(planted)) {
            // The test that is failing anyway says why.
            assert!(std::thread::panicking(), "`{planted}` was logged: {line}");
        }
    }
}

/// An answer that may say nothing of a row does not.
#[track_caller]
pub(crate) fn check_reply(path: &str, reply: &Reply) {
    let says_nothing = reply.status >= 400 || SILENT.iter().any(|part| path.contains(part));
    for planted in PLANTED {
        assert!(!path.contains(planted), "`{planted}` is in the URL {path}");
        assert!(
            !says_nothing || !reply.text.contains(planted),
            "`{planted}` is in the answer to {path}: {} {}",
            reply.status,
            reply.text
        );
    }
}

struct Listener;

impl MakeWriter<'_> for Listener {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

impl io::Write for Listener {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.lock().expect("nobody panics with the lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
