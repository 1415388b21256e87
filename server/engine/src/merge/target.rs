//! Merges in a target that is named by its URL: one at a time, when somebody asks for it.

use std::future::Future;

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

/// Carries one order out, now, and tells what became of it.
pub async fn merge(
    place: Place<'_>,
    order: Order,
    survive: Survive,
    hand: Hand<'_>,
) -> Result<Merge> {
    alone_in_target(place, MergeOne { order, survive, hand }).await
}

/// Takes a merge back.
pub async fn take_back(place: Place<'_>, id: &str, hand: Hand<'_>) -> Result<(Merge, TakenBack)> {
    alone_in_target(place, TakeBackOne { id, hand }).await
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

struct MergeOne<'a> {
    order: Order,
    survive: Survive,
    hand: Hand<'a>,
}

impl Task for MergeOne<'_> {
    type Answer = Merge;

    async fn work<S: Session>(self, session: &mut S, people: &People<'_>) -> Result<Merge> {
        make_own_tables(session).await?;
        let run_id = run_of(session, people.plan).await?;
        if let Some(known) = record::find(session, &self.order.id).await? {
            // Asked again after an answer that did not arrive.
            return Ok(known);
        }
        let now = self.hand.clock.now();
        session.run_script("begin").await?;
        let done = async {
            let orders = std::slice::from_ref(&self.order);
            record::insert_orders(session, &run_id, people.table(), orders).await?;
            batch::carry_out_all(
                session,
                people,
                &run_id,
                orders,
                &self.survive,
                self.hand.key,
                now,
            )
            .await
        }
        .await;
        end(session, done).await?;
        let made = record::find(session, &self.order.id).await?;
        made.ok_or_else(|| EngineError::new(ErrorCode::Sys001, "reading the record of a merge"))
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
        let done = batch::take_back(session, &people.graph, self.id, key, by, now).await;
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
