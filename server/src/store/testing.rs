//! Runs a test of the store on both engines.

use chrono::{DateTime, Utc};
use shared::id::{MatchingId, PlanId, UserId};
use shared::plan::{Plan, SavedPlan};
use shared::user::{User, UserRole};

use super::signs::{self, Abandoned, Work};
use super::{Address, Store, matchings, plans, users};

/// Runs the test on an empty store in a SQLite file, and on another one in PostgreSQL.
pub(crate) async fn on_both(test: impl AsyncFn(Store)) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = Address::file(&folder.path().join("control.db")).expect("a path");
    let store = Store::open(&file).await.expect("a SQLite store");
    test(store.clone()).await;
    store.close().await;

    let database = testbed::postgres().create_database();
    let address = Address::parse(database.url()).expect("a URL");
    let store = Store::open(&address).await.expect("a PostgreSQL store");
    test(store.clone()).await;
    store.close().await;
}

/// Work of `here` is abandoned when `here` begins anew, and for all others once no sign of life came
/// any more. `count` gives how much is abandoned.
pub(crate) async fn check_signs(
    store: &Store,
    work: Work,
    id: &str,
    count: impl AsyncFn(Abandoned<'static>) -> usize,
) {
    let among = async |owner, since| count(Abandoned { owner, silent_since: at(since) }).await;
    assert_eq!([among(Some("here"), 0).await, among(Some("elsewhere"), 999).await], [1, 0]);
    signs::give(store.pool(), work, id, at(50)).await.expect("a sign");
    assert_eq!([among(None, 50).await, among(None, 51).await], [0, 1]);
}

/// A moment, so many seconds after the first one.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).expect("a time")
}

/// Somebody of the clinic.
pub(crate) fn user(id: &str) -> User {
    User {
        id: UserId::parse(id).expect("an id"),
        email: format!("{id}@clinic.example"),
        name: format!("{id} Example"),
        role: UserRole::Member,
        created_at: at(0),
    }
}

/// Somebody who may sign in.
pub(crate) async fn add_user(store: &Store, id: &str) -> User {
    let user = user(id);
    users::insert(store.pool(), &user, "hash").await.expect("an account");
    user
}

/// A plan with its first versions.
pub(crate) async fn add_plan(store: &Store, id: &str, version: u32) -> SavedPlan {
    let saved = version_of_plan(id, version);
    let mut tx = store.begin().await.expect("a transaction");
    plans::insert(&mut *tx, &saved.id, at(0)).await.expect("a plan");
    for from in 0..version {
        plans::advance(&mut *tx, &saved.id, from).await.expect("a version");
        plans::insert_version(&mut *tx, &version_of_plan(id, from + 1)).await.expect("a version");
    }
    super::commit(tx).await.expect("a commit");
    saved
}

/// A search among `people` that is under way here.
pub(crate) async fn add_matching(store: &Store, id: &str, second: i64) -> MatchingId {
    let id = MatchingId::parse(id).expect("an id");
    let new = matchings::NewMatching {
        id: &id,
        plan_id: None,
        plan_name: "plan",
        people: "people",
        side: shared::matching::Side::Target,
        owner: "here",
        started_by: "Ada Example",
        policy: "{}",
    };
    matchings::insert(store.pool(), &new, at(second)).await.expect("a search");
    id
}

/// A version of a plan that copies one table.
pub(crate) fn version_of_plan(id: &str, version: u32) -> SavedPlan {
    let plan = Plan::from_yaml(
        "format: 1
name: plan
source: legacy
target: modern
tables:
- source: person
  target: person
  columns:
  - { source: id, target: id, type: bigint }
",
    )
    .expect("a plan");
    SavedPlan {
        id: PlanId::parse(id).expect("an id"),
        name: plan.name.clone(),
        version,
        hash: "hash".to_owned(),
        saved_at: at(i64::from(version)),
        saved_by: "Ada Example".to_owned(),
        plan,
    }
}
