//! People drawn from a run, compared by eye, judged, and signed for.

mod acceptance;
mod failure;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::EngineError;
use engine::clock::Clock;
use engine::run::Stop;
use engine::seal::{self, Key};
use engine::verify::{Ages, DrawRequest, Drawn, LookRequest};
use shared::assessment::TableName;
use shared::audit::{Action, Outcome, Reason};
use shared::duplicate::Attribute;
use shared::error_code::ErrorCode;
use shared::id::{RunId, SignOffId};
use shared::plan::Plan;
use shared::run::Failure;
use shared::sign_off::{
    Acceptance, Judgement, NewSignOff, RevealedPerson, SampledPerson, SignOff, SignOffState,
    StrataBy, StratumResult,
};
use tokio::runtime::Handle;

pub use failure::SignOffError;

use super::databases::Sides;
use super::outcome::{self, Left, alive, interrupted, write_down};
use super::rollbacks::By;
use super::{JobError, Runs};
use crate::audit::{self, Actor, Deed};
use crate::auth::key::InstallationKey;
use crate::causes;
use crate::store::sign_offs::{BegunSignOff, StoredPerson, StoredSignOff};
use crate::store::signs::Work;
use crate::store::{self, Place, Store, StoreError, sign_offs};

/// Draws people and keeps what is said of them. Clones are handles to the same.
#[derive(Clone)]
pub struct SignOffs(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    runs: Runs,
    /// What made the rows' seals what they are.
    key: Key,
    owner: String,
    /// Asks all drawing to stop.
    stop: Stop,
    /// An HTTP worker's own runtime has one thread, and requests wait on it.
    runtime: Handle,
}

/// Of whom people are drawn.
struct Task {
    id: SignOffId,
    run_id: RunId,
    plan: Plan,
    sides: Sides,
    table: TableName,
    size: u32,
    seed: u64,
    ages: Option<Ages>,
    by: By,
}

impl SignOffs {
    /// To be called on the runtime that is to draw.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        runs: Runs,
        key: &InstallationKey,
        owner: String,
    ) -> Self {
        let (key, runtime) = (key.quarantine(), Handle::current());
        Self(Arc::new(Inner { store, clock, runs, key, owner, stop: Stop::default(), runtime }))
    }

    /// Draws people of a completed run. They are being drawn when this answers.
    pub async fn start(&self, by: &By, new: &NewSignOff) -> Result<SignOff, JobError> {
        let (task, begun) = self.begin(by, new).await?;
        let sign_offs = self.clone();
        self.0.runtime.spawn(async move { sign_offs.draw(task).await });
        Ok(begun)
    }

    /// Draws people of a completed run, and answers when that is done.
    pub async fn draw_now(&self, by: &By, new: &NewSignOff) -> Result<SignOff, JobError> {
        let (task, SignOff { id, .. }) = self.begin(by, new).await?;
        self.draw(task).await;
        self.find(&id).await
    }

    async fn begin(&self, by: &By, new: &NewSignOff) -> Result<(Task, SignOff), JobError> {
        let (run, plan, sides) = self.0.runs.completed(&new.run_id).await?;
        let table = people_table(&plan, new.table.as_ref()).ok_or(SignOffError::NoPeopleTable)?;
        let born = match new.strata {
            StrataBy::Records => None,
            StrataBy::Age => {
                let born = birth_column(&plan, &table, new.born.as_deref());
                Some(born.ok_or(SignOffError::NoBirthDate)?)
            }
        };
        let Inner { store, clock, owner, .. } = &*self.0;
        let id = clock.fresh_id().to_string();
        let id = SignOffId::parse(id).expect("a UUID is an id");
        let begun = BegunSignOff {
            id: &id,
            run_id: &run.id,
            people: &table,
            size: new.size,
            seed: new.seed,
            strata_by: new.strata,
            born: born.as_deref(),
            requested_by: &by.name,
            owner,
        };
        let mut tx = store.begin().await?;
        sign_offs::insert(&mut *tx, &begun, clock.now()).await?;
        let begun = sign_offs::find(&mut *tx, &id).await?.ok_or(SignOffError::NotFound)?;
        store::commit(tx).await?;
        let (size, seed, by) = (new.size, new.seed, by.clone());
        // The day is the run's, so that the same people are drawn again later.
        let ages = born.map(|born| Ages { born, on: run.created_at.date_naive() });
        let task = Task { id, run_id: run.id, plan, sides, table, size, seed, ages, by };
        Ok((task, sign_off_of(begun)))
    }

    pub async fn find(&self, id: &SignOffId) -> Result<SignOff, JobError> {
        Ok(sign_off_of(self.stored(id).await?))
    }

    /// The newest first; those of one run where one is named.
    pub async fn list(
        &self,
        run: Option<&RunId>,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Vec<SignOff>, StoreError> {
        let found = sign_offs::list(self.0.store.pool(), run, after, limit).await?;
        Ok(found.into_iter().map(sign_off_of).collect())
    }

    /// Who was drawn, without a value.
    pub async fn people(&self, id: &SignOffId) -> Result<Vec<SampledPerson>, JobError> {
        self.stored(id).await?;
        Ok(sign_offs::people(self.0.store.pool(), id).await?)
    }

    /// Somebody's rows on both sides as they are now. Who asked and why is in the audit trail
    /// before they are given.
    pub async fn reveal(
        &self,
        by: &By,
        reason: &Reason,
        id: &SignOffId,
        number: u32,
    ) -> Result<RevealedPerson, JobError> {
        let Inner { store, clock, key, .. } = &*self.0;
        let stored = self.stored(id).await?;
        let StoredPerson { person, sealed_handle, sealed_reason } = self.person(id, number).await?;
        let run = self.0.runs.find(&stored.run_id).await?.run;
        let (plan, sides) = self.0.runs.plan_and_sides(&run).await?;
        let sealed = decoded(&sealed_handle)?;
        let tables = engine::verify::look(LookRequest {
            plan: &plan,
            source_url: &sides.source,
            target_url: &sides.target,
            table: &stored.people,
            sealed: &sealed,
            key,
        })
        .await?;
        let said = sealed_reason.map(|sealed| opened(key, &sealed)).transpose()?;
        let subject = format!("{id}.{number}");
        let deed = Deed {
            actor: by.actor.clone(),
            action: Action::PeopleUnmasked,
            subject: &subject,
            detail: Some(format!("person {number} of sign-off {id} of run {}", stored.run_id)),
            outcome: Outcome::Success,
            reason: Some(reason.as_str()),
        };
        let now = clock.now();
        let mut tx = store.begin().await?;
        sign_offs::keep_look(&mut *tx, id, number, by.who(), now).await?;
        audit::write(&mut tx, now, deed).await?;
        store::commit(tx).await?;
        Ok(RevealedPerson { person, reason: said, tables })
    }

    /// Keeps what somebody says of somebody whom they looked at. Until it is signed, it can be said
    /// anew.
    pub async fn judge(
        &self,
        by: &By,
        id: &SignOffId,
        number: u32,
        judgement: Judgement,
        reason: &Reason,
    ) -> Result<SampledPerson, JobError> {
        let Inner { store, clock, key, .. } = &*self.0;
        let stored = self.open(id).await?;
        self.person(id, number).await?;
        let sealed = STANDARD.encode(seal::seal(key, reason.as_str().as_bytes())?);
        let now = clock.now();
        let mut tx = store.begin().await?;
        let (said, whose) = ((judgement, sealed.as_str()), (by.who(), by.name.as_str()));
        if !sign_offs::judge(&mut *tx, id, number, said, whose, now).await? {
            return Err(SignOffError::NotSeen.into());
        }
        let detail = format!("sign-off {id}, person {number}: {}", judgement.as_str());
        let (run, action) = (stored.run_id.as_str(), Action::PersonJudged);
        audit::record(&mut tx, now, by.actor.clone(), action, run, Some(detail)).await?;
        let judged = sign_offs::person(&mut *tx, id, number).await?;
        store::commit(tx).await?;
        Ok(judged.ok_or(SignOffError::PersonNotFound)?.person)
    }

    /// Signs for what was judged, whatever was said.
    pub async fn sign(&self, by: &By, id: &SignOffId) -> Result<SignOff, JobError> {
        let Inner { store, clock, .. } = &*self.0;
        let found = sign_off_of(self.open(id).await?).acceptance;
        let now = clock.now();
        let mut tx = store.begin().await?;
        if !sign_offs::sign(&mut *tx, id, &by.name, now).await? {
            let left = found.drawn.saturating_sub(found.accepted + found.rejected);
            return Err(SignOffError::NotJudged { left }.into());
        }
        let signed = sign_offs::find(&mut *tx, id).await?.ok_or(SignOffError::NotFound)?;
        let signed = sign_off_of(signed);
        let Acceptance { drawn, accepted, rejected, .. } = &signed.acceptance;
        let detail =
            format!("sign-off {id}: {drawn} people, {accepted} accepted, {rejected} rejected");
        let (run, action) = (signed.run_id.as_str(), Action::SignedOff);
        audit::record(&mut tx, now, by.actor.clone(), action, run, Some(detail)).await?;
        store::commit(tx).await?;
        Ok(signed)
    }

    /// Finds what was being drawn by a process that is gone, and says so.
    pub async fn recover(&self, left: Left) -> Result<(), StoreError> {
        let Inner { store, clock, owner, .. } = &*self.0;
        let abandoned = left.by(owner, clock.now());
        for (id, run_id) in sign_offs::list_abandoned(store.pool(), abandoned).await? {
            let failure = interrupted(format!("drawing people of run {run_id}"));
            self.end_drawing(&id, &run_id, &Actor::system(), Err(&failure)).await?;
        }
        Ok(())
    }

    /// Asks what is being drawn to stop.
    pub fn stop(&self) {
        self.0.stop.request();
    }

    async fn draw(&self, task: Task) {
        let Inner { store, clock, key, stop, runtime, .. } = &*self.0;
        let request = DrawRequest {
            plan: task.plan,
            source_url: task.sides.source.as_str().to_owned(),
            target_url: task.sides.target.as_str().to_owned(),
            table: task.table,
            size: task.size,
            seed: task.seed,
            ages: task.ages,
            key: key.clone(),
            stop: stop.clone(),
        };
        let drawing = engine::verify::draw(request);
        let drawing = outcome::of(runtime, "drawing people", drawing);
        let drawn = alive((store, &**clock), (Work::SignOff, task.id.as_str()), drawing).await;
        let drawn = drawn.map_err(|error| {
            tracing::error!(run.id = %task.run_id, error.code = %error.code(),
                cause = causes::line(&error), "no people were drawn: {error}");
            Failure::from(&error)
        });
        let (id, run, actor) = (&task.id, &task.run_id, &task.by.actor);
        let what = format!("sign-off {id}");
        // What cannot be written down is logged, and found at the next start.
        let _ = write_down(&what, || self.end_drawing(id, run, actor, drawn.as_ref())).await;
    }

    async fn end_drawing(
        &self,
        id: &SignOffId,
        run: &RunId,
        actor: &Actor,
        drawn: Result<&Drawn, &Failure>,
    ) -> Result<(), StoreError> {
        let Inner { store, clock, .. } = &*self.0;
        let strata: Vec<StratumResult> =
            drawn.iter().flat_map(|drawn| &drawn.strata).map(result_of).collect();
        let mut tx = store.begin().await?;
        let ended = drawn.map(|_| strata.as_slice());
        if sign_offs::end_drawing(&mut *tx, id, ended).await? {
            let (action, told) = match drawn {
                Ok(drawn) => {
                    for (number, person) in (1..).zip(&drawn.people) {
                        let sealed = STANDARD.encode(&person.sealed);
                        sign_offs::insert_person(&mut *tx, id, number, person.stratum, &sealed)
                            .await?;
                    }
                    (Action::SignOffBegun, format!("{} people drawn", drawn.people.len()))
                }
                Err(failure) => (Action::SignOffFailed, failure.code.to_string()),
            };
            let detail = Some(format!("sign-off {id}: {told}"));
            let (now, actor) = (clock.now(), actor.clone());
            audit::record(&mut tx, now, actor, action, run.as_str(), detail).await?;
        }
        store::commit(tx).await
    }

    async fn stored(&self, id: &SignOffId) -> Result<StoredSignOff, JobError> {
        let found = sign_offs::find(self.0.store.pool(), id).await?;
        Ok(found.ok_or(SignOffError::NotFound)?)
    }

    /// One whose people can be judged.
    async fn open(&self, id: &SignOffId) -> Result<StoredSignOff, JobError> {
        let stored = self.stored(id).await?;
        match stored.state {
            SignOffState::Open => Ok(stored),
            state => Err(SignOffError::WrongState { state }.into()),
        }
    }

    async fn person(&self, id: &SignOffId, number: u32) -> Result<StoredPerson, JobError> {
        let found = sign_offs::person(self.0.store.pool(), id, number).await?;
        Ok(found.ok_or(SignOffError::PersonNotFound)?)
    }
}

/// The sign-offs of a run, the oldest first.
pub(super) async fn of_run(store: &Store, run: &RunId) -> Result<Vec<SignOff>, StoreError> {
    let found = sign_offs::list_of_run(store.pool(), run).await?;
    Ok(found.into_iter().map(sign_off_of).collect())
}

/// A stored sign-off with what its judgements come to.
fn sign_off_of(stored: StoredSignOff) -> SignOff {
    SignOff {
        id: stored.id,
        run_id: stored.run_id,
        plan_name: stored.plan_name,
        table: stored.people,
        size: stored.size,
        seed: stored.seed,
        strata: stored.strata_by,
        state: stored.state,
        requested_by: stored.requested_by,
        requested_at: stored.requested_at,
        signed_by: stored.signed_by,
        signed_at: stored.signed_at,
        failure: stored.failure,
        acceptance: acceptance::of(stored.strata),
    }
}

/// The table of people: the one that was asked for, or the plan's own; one that the plan fills.
fn people_table(plan: &Plan, asked: Option<&TableName>) -> Option<TableName> {
    let named = asked.or_else(|| plan.duplicates.as_ref().map(|it| &it.table))?;
    let mapping = plan.tables.iter().find(|mapping| {
        mapping.target.name == named.name
            && (named.schema.is_none() || mapping.target.schema == named.schema)
    })?;
    Some(mapping.target.clone())
}

/// The column of the birth date: the one that was asked for, or the plan's own; one that the plan fills.
fn birth_column(plan: &Plan, table: &TableName, asked: Option<&str>) -> Option<String> {
    let named = || {
        let duplicates = plan.duplicates.as_ref()?;
        let is_it = duplicates.table.name == table.name;
        let mut columns = duplicates.columns.get(&Attribute::BirthDate)?.iter();
        columns.next().filter(|_| is_it)
    };
    let column = asked.or_else(named)?;
    let filled = plan.tables.iter().filter(|mapping| mapping.target == *table);
    let mut columns = filled.flat_map(|mapping| &mapping.columns);
    columns.any(|known| known.target == column).then(|| column.to_owned())
}

fn result_of(drawn: &engine::verify::DrawnStratum) -> StratumResult {
    StratumResult {
        stratum: drawn.stratum,
        people: drawn.people,
        is_counted: drawn.is_counted,
        drawn: drawn.drawn,
        accepted: 0,
        rejected: 0,
        share: None,
    }
}

fn opened(key: &Key, sealed: &str) -> Result<String, EngineError> {
    let bytes = seal::open(key, &decoded(sealed)?)?;
    String::from_utf8(bytes).map_err(|error| unreadable().because(error.utf8_error()))
}

fn decoded(sealed: &str) -> Result<Vec<u8>, EngineError> {
    STANDARD.decode(sealed).map_err(|error| unreadable().because(error))
}

fn unreadable() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "reading a sign-off")
}
