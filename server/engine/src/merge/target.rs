//! Merges in a target that is named by its URL, when somebody asks for them.

use std::future::Future;

use futures::future::BoxFuture;

use shared::connection::Engine;
use shared::duplicate::RecordId;
use shared::error_code::ErrorCode;
use shared::plan::{Duplicates, Plan};
use shared::run::RunState;
use tokio::sync::mpsc::Sender;

use super::people::{self, PersonRow};
use super::record::{self, Merge, Order};
use super::take_back::TakenBack;
use super::{People, Survive, batch};
use crate::clock::Clock;
use crate::error::{EngineError, Result};
use crate::load::row_image::Hold;
use crate::load::{PostgresTarget, Session, SqliteTarget, Target, end, ledger};
use crate::seal::Key;

/// The people of a plan, in its target.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub url: &'a str,
    pub plan: &'a Plan,
    pub duplicates: &'a Duplicates,
}

/// Who does it, and with what.
#[derive(Clone, Copy)]
pub struct Hand<'a> {
    pub key: &'a Key,
    pub clock: &'a dyn Clock,
    /// Whose word it is.
    pub by: &'a str,
}

/// Asked when everything is done and nothing can be seen yet: an audit entry is written then. An
/// error takes everything back.
pub type Approval<'a, T> = Box<dyn FnOnce(&T) -> BoxFuture<'a, Result<()>> + Send + 'a>;

/// Of somebody who needs nobody's approval.
pub fn unasked<'a, T>() -> Approval<'a, T> {
    Box::new(|_| Box::pin(async { Ok(()) }))
}

/// Carries orders out, now, all in one transaction, and tells what became of each. Nobody may be in
/// two of them.
pub async fn merge<'a>(
    place: Place<'a>,
    orders: &'a [Order],
    survive: Survive,
    hand: Hand<'a>,
    approval: Approval<'a, Vec<Merge>>,
) -> Result<Vec<Merge>> {
    alone_in_target(place, MergeSome { orders, survive, hand, approval }).await
}

/// Takes a merge back.
pub async fn take_back<'a>(
    place: Place<'a>,
    id: &'a str,
    hand: Hand<'a>,
    approval: Approval<'a, (Merge, TakenBack)>,
) -> Result<(Merge, TakenBack)> {
    alone_in_target(place, TakeBackOne { id, hand, approval }).await
}

/// What was merged, the latest first; of one run when it is named.
pub async fn merges(place: Place<'_>, run_id: Option<&str>) -> Result<Vec<Merge>> {
    in_target(place, Merges { run_id }).await
}

/// The people of these ids that are in the target.
pub async fn people(place: Place<'_>, ids: &[RecordId]) -> Result<Vec<PersonRow>> {
    in_target(place, SomePeople { ids }).await
}

/// Hands over all people of the target, some thousands at a time.
pub async fn each_person(place: Place<'_>, send: &Sender<Vec<PersonRow>>) -> Result<()> {
    in_target(place, EachPerson { send }).await
}

/// Something that is asked of, or done in, a target of either kind.
trait Task: Send {
    type Answer: Send;

    fn work<S: Session>(
        self,
        session: &mut S,
        people: &People<'_>,
    ) -> impl Future<Output = Result<Self::Answer>> + Send;
}

async fn in_target<T: Task>(place: Place<'_>, task: T) -> Result<T::Answer> {
    match Engine::of_url(place.url) {
        Some(Engine::Postgres) => {
            let mut session = PostgresTarget::new(place.url).session().await?;
            within(&mut session, place, task).await
        }
        Some(Engine::Sqlite) => {
            let mut session = SqliteTarget::new(place.url).session().await?;
            within(&mut session, place, task).await
        }
        _ => Err(no_target()),
    }
}

/// The same, while nobody else works on the target.
async fn alone_in_target<T: Task>(place: Place<'_>, task: T) -> Result<T::Answer> {
    let lock = match Engine::of_url(place.url) {
        Some(Engine::Postgres) => PostgresTarget::new(place.url).lock().await?,
        Some(Engine::Sqlite) => SqliteTarget::new(place.url).lock().await?,
        _ => return Err(no_target()),
    };
    let _lock = lock.ok_or_else(|| EngineError::new(ErrorCode::Load009, "merging people"))?;
    in_target(place, task).await
}

async fn within<S: Session, T: Task>(
    session: &mut S,
    place: Place<'_>,
    task: T,
) -> Result<T::Answer> {
    let catalog = session.catalog().await?;
    let people = People::new(place.plan, place.duplicates, &catalog)?;
    task.work(session, &people).await
}

fn no_target() -> EngineError {
    EngineError::new(ErrorCode::Conn006, "opening the target of a merge")
}

struct MergeSome<'a> {
    orders: &'a [Order],
    survive: Survive,
    hand: Hand<'a>,
    approval: Approval<'a, Vec<Merge>>,
}

impl Task for MergeSome<'_> {
    type Answer = Vec<Merge>;

    async fn work<S: Session>(self, session: &mut S, people: &People<'_>) -> Result<Vec<Merge>> {
        make_own_tables(session).await?;
        let run_id = run_of(session, people.plan).await?;
        let mut known = Vec::new();
        let mut orders = Vec::new();
        for order in self.orders {
            match record::find(session, &order.id).await? {
                // Asked again after an answer that did not arrive.
                Some(merge) => known.push(merge),
                None => orders.push(order.clone()),
            }
        }
        if orders.is_empty() {
            return Ok(known);
        }
        let now = self.hand.clock.now();
        session.run_script("begin").await?;
        let done = async {
            record::insert_orders(session, &run_id, people.table(), &orders).await?;
            let (survive, key) = (&self.survive, self.hand.key);
            batch::carry_out_all(session, people, &run_id, &orders, survive, key, now).await?;
            for order in &orders {
                let made = record::find(session, &order.id).await?;
                known.push(made.ok_or_else(|| {
                    EngineError::new(ErrorCode::Sys001, "reading the record of a merge")
                })?);
            }
            (self.approval)(&known).await?;
            Ok(known)
        }
        .await;
        end(session, done).await
    }
}

async fn make_own_tables<S: Session>(session: &mut S) -> Result<()> {
    let engine = session.engine();
    for statement in
        ledger::create_statements(engine).iter().chain(&record::create_statements(engine))
    {
        session.run_script(statement).await?;
    }
    Ok(())
}

/// The run whose rows are there; rows that are still to come could refer to somebody who is gone.
async fn run_of<S: Session>(session: &mut S, plan: &Plan) -> Result<String> {
    match ledger::find_run(session, &ledger::work_hash(plan)).await? {
        Some(run) if run.state != RunState::Completed => Err(EngineError::new(
            ErrorCode::Load007,
            format!(
                "merging people: run {} of the plan {} is unfinished",
                run.run_id, run.plan_name
            ),
        )),
        Some(run) => Ok(run.run_id),
        None => Ok(String::new()),
    }
}

struct TakeBackOne<'a> {
    id: &'a str,
    hand: Hand<'a>,
    approval: Approval<'a, (Merge, TakenBack)>,
}

impl Task for TakeBackOne<'_> {
    type Answer = (Merge, TakenBack);

    async fn work<S: Session>(
        self,
        session: &mut S,
        people: &People<'_>,
    ) -> Result<(Merge, TakenBack)> {
        make_own_tables(session).await?;
        let Hand { key, clock, by } = self.hand;
        session.run_script("begin").await?;
        let now = clock.now();
        let done = async {
            let graph = &people.graph;
            let back = batch::take_back(session, graph, self.id, key, by, now).await?;
            (self.approval)(&back).await?;
            Ok(back)
        }
        .await;
        end(session, done).await
    }
}

struct Merges<'a> {
    run_id: Option<&'a str>,
}

impl Task for Merges<'_> {
    type Answer = Vec<Merge>;

    async fn work<S: Session>(self, session: &mut S, people: &People<'_>) -> Result<Vec<Merge>> {
        if !record::is_kept(session).await? {
            return Ok(Vec::new());
        }
        let mut merges = record::list(session, self.run_id).await?;
        merges.retain(|merge| merge.people == *people.table());
        Ok(merges)
    }
}

struct SomePeople<'a> {
    ids: &'a [RecordId],
}

impl Task for SomePeople<'_> {
    type Answer = Vec<PersonRow>;

    async fn work<S: Session>(
        self,
        session: &mut S,
        people: &People<'_>,
    ) -> Result<Vec<PersonRow>> {
        let found = people::read(session, people, &[], self.ids, Hold::No).await?;
        Ok(found.iter().map(|person| person.row(&people.columns)).collect())
    }
}

struct EachPerson<'a> {
    send: &'a Sender<Vec<PersonRow>>,
}

impl Task for EachPerson<'_> {
    type Answer = ();

    async fn work<S: Session>(self, session: &mut S, people: &People<'_>) -> Result<()> {
        people::each(session, people, self.send).await
    }
}
