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

/// One sign of a token that lets in is another: it lets nobody in.
#[tokio::test(flavor = "multi_thread")]
async fn no_change_of_a_token_lets_anybody_in() {
    let app = TestApp::start().await;
    let token = app.try_sign_in("ada", crate::support::PASSWORD).await.json()["token"].clone();
    let token = token.as_str().unwrap();
    let mut runner = TestRunner::new(Config { cases: 100, ..Config::default() });
    let handle = tokio::runtime::Handle::current();
    let ways = (0..token.len(), "[-_.A-Za-z0-9]", 0_usize..3);
    tokio::task::block_in_place(|| {
        runner.run(&ways, |(at, put, how)| {
            let (before, after) = (&token[..at], &token[at..]);
            let changed = match how {
                0 => format!("{before}{put}{}", &after[1..]),
                1 => format!("{before}{put}{after}"),
                _ => before.to_owned(),
            };
            let bearer = format!("Bearer {changed}");
            let headers = [("authorization", bearer.as_str())];
            let reply = handle.block_on(app.send("GET", route::SESSION, &headers, None));
            let wanted = if changed == token { 200 } else { 401 };
            prop_assert_eq!(reply.status, wanted, "at {} of {}", at, token.len());
            Ok(())
        })
    })
    .unwrap();
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
