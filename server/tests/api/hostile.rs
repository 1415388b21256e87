//! What comes from outside is read, or refused, and breaks nothing, whatever it is.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shared::plan::Plan;
use shared::route;

use crate::support::TestApp;

const PLAN: &str = "format: 1
name: people
source: legacy
target: modern
tables:
- source: person
  target: person
  columns:
  - { source: id, target: id, type: bigint }
  - { source: born, target: born, type: date, transform: [{ rule: trim }] }
";

proptest! {
    #[test]
    fn no_text_breaks_the_reader_of_plans(text in "\\PC{0,300}") {
        let _ = Plan::from_yaml(&text);
    }

    /// A plan with something else in the middle: most of it still has the form of one.
    #[test]
    fn no_change_of_a_plan_breaks_its_reader_or_its_checks(
        at in 0..PLAN.len(),
        length in 0_usize..40,
        put in "[-\\[\\]{}:,&*!|>'\"%@`#? \na-z0-9]{0,20}",
    ) {
        let end = (at + length).min(PLAN.len());
        let text = format!("{}{put}{}", &PLAN[..at], &PLAN[end..]);
        if let Ok(plan) = Plan::from_yaml(&text) {
            let _ = plan.problems();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_header_makes_the_server_fail() {
    let app = TestApp::start().await;
    let token = app.try_sign_in("ada", crate::support::PASSWORD).await.json()["token"].clone();
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    let names = proptest::sample::select(vec![
        "authorization",
        "cookie",
        "if-match",
        "if-none-match",
        "last-event-id",
        "transfuse-approval",
        "transfuse-background",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-request-id",
        "accept-encoding",
        "content-type",
        "range",
    ]);
    let paths = proptest::sample::select(vec![
        route::SESSION,
        route::SESSION_REFRESH,
        route::SETTINGS,
        route::PLANS,
        route::AUDIT,
        "/",
    ]);
    let mut runner = TestRunner::new(Config { cases: 60, ..Config::default() });
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        runner.run(&(names, paths, "[ -~]{0,120}"), |(name, path, value)| {
            let method = if path == route::SESSION_REFRESH { "POST" } else { "GET" };
            let headers = [("authorization", bearer.as_str()), (name, value.as_str())];
            let reply = handle.block_on(app.send(method, path, &headers, None));
            // 503: the portal is not built into a test.
            prop_assert!(reply.status < 500 || path == "/", "{path} {name}: {}", reply.status);
            Ok(())
        })
    })
    .unwrap();
}
