//! Repairs: tried out first, approved where that is asked for, done, verified again, taken back.

use std::sync::Arc;

use engine::EngineError;
use engine::run::Stop;
use engine::verify::{Effect, RepairRequest};
use shared::approval::Act;
use shared::audit::Action;
use shared::error_code::ErrorCode;
use shared::id::{ApprovalId, RepairId, RunId, VerificationId};
use shared::plan::Plan;
use shared::run::Failure;
use shared::verification::{
    Mode, NewVerification, Repair, RepairOutcome, RepairSelection, RepairState, SampleSize,
    TakenBack,
};

use super::{Inner, VerificationError, Verifications, in_target};
use crate::audit::{self, Actor};
use crate::auth::Caller;
use crate::causes;
use crate::jobs::JobError;
use crate::jobs::approvals::{self, Permit};
use crate::jobs::databases::Sides;
use crate::jobs::outcome::{self, alive, write_down};
use crate::jobs::rollbacks::By;
use crate::settings::Current;
use crate::store::signs::Work;
use crate::store::{self, StoreError, approvals as stored_approvals, repairs};

/// What a repair needs to be worked.
struct Task {
    repair: Repair,
    /// The verification's id in the target.
    ledger_id: VerificationId,
    plan: Plan,
    sides: Sides,
    by: By,
}

impl Verifications {
    /// Tries out what would make alike what a verification found: everything is done and taken back
    /// again. It is under way when this answers.
    pub async fn preview(
        &self,
        by: &By,
        id: &VerificationId,
        selection: &RepairSelection,
    ) -> Result<Repair, JobError> {
        let stored = self.through(id).await?;
        if stored.verification.mode == Mode::Sample {
            return Err(VerificationError::NothingToRepair { id: id.clone() }.into());
        }
        let (run, plan, sides) = self.0.runs.completed(&stored.verification.run_id).await?;
        let Inner { store, clock, owner, under_way, .. } = &*self.0;
        let tables = selection.tables.iter().cloned();
        let selection = RepairSelection {
            tables: tables.map(|name| in_target(&sides.target, name)).collect(),
            kinds: selection.kinds.clone(),
        };
        let repair_id = clock.fresh_id().to_string();
        let repair = Repair {
            id: RepairId::parse(repair_id).expect("a UUID is an id"),
            verification_id: id.clone(),
            run_id: run.id,
            selection,
            state: RepairState::Running,
            requested_by: by.name.clone(),
            requested_at: clock.now(),
            approved_by: None,
            ended_at: None,
            outcome: None,
            failure: None,
            verified_by: None,
            taken_back: None,
        };
        let work = under_way.enter(repair.id.as_str())?;
        match repairs::insert(store.pool(), &repair, owner).await {
            Ok(true) => {}
            Ok(false) => {
                under_way.leave(repair.id.as_str());
                return Err(VerificationError::RepairUnderWay.into());
            }
            Err(error) => {
                under_way.leave(repair.id.as_str());
                return Err(error.into());
            }
        }
        let (ledger_id, by) = (stored.ledger_id, by.clone());
        let task = Task { repair: repair.clone(), ledger_id, plan, sides, by };
        let verifications = self.clone();
        self.0.runtime.spawn(async move {
            verifications.try_out(task, work.stop.clone()).await;
        });
        Ok(repair)
    }

    /// Carries out what was tried out, or goes on with what failed. It is under way when this
    /// answers. Where the settings ask for a second person, `approval` names what they agreed to.
    pub async fn start_repair(
        &self,
        caller: &Caller,
        settings: &Current,
        id: &RepairId,
        approval: Option<&ApprovalId>,
    ) -> Result<Repair, JobError> {
        let repair = self.find_repair(id).await?;
        let state = repair.state;
        if state == RepairState::Running || !state.allows(RepairState::Running) {
            return Err(VerificationError::WrongRepairState { state }.into());
        }
        if repair.outcome.is_none() {
            return Err(VerificationError::NotPreviewed.into());
        }
        let stored = self.through(&repair.verification_id).await?;
        let (_, plan, sides) = self.0.runs.completed(&repair.run_id).await?;
        let Inner { store, clock, owner, under_way, runtime, .. } = &*self.0;
        let now = clock.now();
        let mut tx = store.begin().await?;
        if !repairs::start(&mut *tx, id, state, owner, now).await? {
            return Err(VerificationError::RepairUnderWay.into());
        }
        let act = Act::Repair {
            run_id: repair.run_id.clone(),
            verification_id: repair.verification_id.clone(),
            repair_id: id.clone(),
            selection: repair.selection.clone(),
        };
        let permit = approvals::permit(&mut tx, settings, caller, &act, approval, now).await?;
        if let Some(approval) = approval
            && let Some(used) = stored_approvals::find(&mut *tx, approval).await?
            && used.act_hash == approvals::hash_of(&act)
            && let Some(by) = used.answered_by
        {
            repairs::approve(&mut *tx, id, &by.name).await?;
        }
        let (run, detail) = (repair.run_id.as_str(), Some(detail(&repair)));
        audit::record(&mut tx, now, caller, Action::RepairStarted, run, detail).await?;
        let started =
            repairs::find(&mut *tx, id).await?.ok_or(VerificationError::RepairNotFound)?;
        let work = under_way.enter(id.as_str())?;
        if let Err(error) = store::commit(tx).await {
            under_way.leave(id.as_str());
            return Err(error.into());
        }
        let (ledger_id, by) = (stored.ledger_id, By::from(caller));
        let task = Task { repair, ledger_id, plan, sides, by };
        let verifications = self.clone();
        runtime.spawn(async move {
            verifications.carry_out(task, work.stop.clone(), permit).await;
        });
        Ok(started)
    }

    /// Takes a repair back: each row becomes what it was, unless somebody changed it since.
    pub async fn take_back(&self, by: &By, id: &RepairId) -> Result<Repair, JobError> {
        let repair = self.find_repair(id).await?;
        let state = repair.state;
        if !state.allows(RepairState::TakenBack) {
            return Err(VerificationError::WrongRepairState { state }.into());
        }
        let (_, _, sides) = self.0.runs.completed(&repair.run_id).await?;
        let Inner { store, clock, key, .. } = &*self.0;
        let approval = self.written_down(by.actor.clone(), &repair);
        let taken = engine::verify::take_back(&sides.target, id, key, approval).await?;
        repairs::take_back(store.pool(), id, &taken, clock.now()).await?;
        self.find_repair(id).await
    }

    /// Writes the audit entry of what is about to be seen: an entry without its deed is possible, a
    /// deed without its entry is not. What did not come about can be asked for again.
    fn written_down<'w>(&self, actor: Actor, repair: &Repair) -> engine::verify::Approval<'w> {
        let (store, now) = (self.0.store.clone(), self.0.clock.now());
        let (run, told) = (repair.run_id.clone(), detail(repair));
        Box::new(move |taken| {
            let TakenBack { restored, changed_since } = taken;
            let detail = format!("{told}: {restored} rows restored, {changed_since} left");
            Box::pin(async move {
                let written = async {
                    let (mut tx, action) = (store.begin().await?, Action::RepairTakenBack);
                    audit::record(&mut tx, now, actor, action, run.as_str(), Some(detail)).await?;
                    store::commit(tx).await
                };
                written.await.map_err(|error| {
                    let doing = "writing the audit entry of a repair that is taken back";
                    EngineError::new(ErrorCode::Sys007, doing).because(error)
                })
            })
        })
    }

    pub async fn find_repair(&self, id: &RepairId) -> Result<Repair, JobError> {
        let found = repairs::find(self.0.store.pool(), id).await?;
        Ok(found.ok_or(VerificationError::RepairNotFound)?)
    }

    async fn try_out(&self, task: Task, stop: Stop) {
        let ended = self.ask(&task, stop, Effect::Rehearse).await;
        self.close(&task, ended).await;
    }

    /// What writes to the target takes a permit.
    async fn carry_out(&self, task: Task, stop: Stop, _: Permit) {
        let ended = self.ask(&task, stop, Effect::Write).await;
        let is_done = ended.is_ok();
        self.close(&task, ended).await;
        if is_done {
            self.verify_again(&task).await;
        }
    }

    async fn close(&self, task: &Task, ended: Result<RepairOutcome, EngineError>) {
        let repair = &task.repair;
        let ended = ended.map_err(|error| {
            tracing::error!(run.id = %repair.run_id, error.code = %error.code(),
                cause = causes::line(&error), "a repair failed: {error}");
            Failure::from(&error)
        });
        let (id, run, actor) = (&repair.id, &repair.run_id, task.by.actor.clone());
        let what = format!("repair {id}");
        // What cannot be written down is logged, and found half a minute later.
        let _ =
            write_down(&what, || self.record_end_of_repair(id, run, actor.clone(), ended.as_ref()))
                .await;
        self.0.under_way.leave(id.as_str());
    }

    /// The tables that the repair changed are compared anew.
    async fn verify_again(&self, task: &Task) {
        let run_id = task.repair.run_id.clone();
        let new = NewVerification { run_id, mode: Mode::SinceLast, sample: SampleSize::default() };
        let begun = async {
            let verification = self.start(&task.by, &new).await?;
            repairs::verify(self.0.store.pool(), &task.repair.id, &verification.id).await?;
            Ok::<_, JobError>(())
        };
        if let Err(error) = begun.await {
            // Somebody can begin one by hand.
            tracing::warn!(run.id = %task.repair.run_id, cause = causes::line(&error),
                "what was repaired is not verified again: {error}");
        }
    }

    async fn ask(
        &self,
        task: &Task,
        stop: Stop,
        effect: Effect,
    ) -> Result<RepairOutcome, EngineError> {
        let Inner { store, clock, key, runtime, .. } = &*self.0;
        let request = RepairRequest {
            plan: task.plan.clone(),
            source_url: task.sides.source.as_str().to_owned(),
            target_url: task.sides.target.as_str().to_owned(),
            verification_id: Some(task.ledger_id.clone()),
            repair_id: task.repair.id.clone(),
            selection: task.repair.selection.clone(),
            effect,
            key: key.clone(),
            stop,
            clock: Arc::clone(clock),
        };
        let repairing = outcome::of(runtime, "repairing", engine::verify::repair(request));
        let work = (Work::Repair, task.repair.id.as_str());
        let mut outcome = alive((store, &**clock), work, repairing).await?;
        // The id by which people know the verification.
        outcome.verification_id = task.repair.verification_id.clone();
        Ok(outcome)
    }

    /// A preview leaves no entry: nothing was changed.
    pub(super) async fn record_end_of_repair(
        &self,
        id: &RepairId,
        run: &RunId,
        actor: Actor,
        ended: Result<&RepairOutcome, &Failure>,
    ) -> Result<(), StoreError> {
        let Inner { store, clock, .. } = &*self.0;
        let now = clock.now();
        let told = match ended {
            Ok(outcome) if !outcome.done => None,
            Ok(outcome) => Some((Action::RepairCompleted, outcome.in_words())),
            Err(failure) => Some((Action::RepairFailed, failure.code.to_string())),
        };
        let mut tx = store.begin().await?;
        if repairs::end(&mut *tx, id, ended, now).await?
            && let Some((action, told)) = told
        {
            let detail = Some(format!("repair {id}: {told}"));
            audit::record(&mut tx, now, actor, action, run.as_str(), detail).await?;
        }
        store::commit(tx).await
    }
}

/// What the trail says of a repair: names and numbers.
fn detail(repair: &Repair) -> String {
    format!(
        "repair {} from verification {}: {}",
        repair.id,
        repair.verification_id,
        repair.selection.in_words()
    )
}
