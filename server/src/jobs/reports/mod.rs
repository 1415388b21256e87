//! The evidence of a run: what happened, for whoever has to vouch for it, in files that tell when
//! somebody changed them.

mod foretold;
mod page;
pub mod pack;

use std::sync::Arc;

use engine::clock::Clock;
use engine::evidence::{Gathered, gather};
use shared::audit::{Action, AuditFilter};
use shared::evidence::{ApprovalEvidence, DeedEvidence, Evidence, RepairEvidence};
use shared::id::RunId;
use shared::plan::Plan;

pub use pack::{File, Pack, PackError};

use super::runs::Ledger;
use super::{JobError, Runs, sign_offs};
use crate::audit::{self as trail, Actor};
use crate::auth::key::InstallationKey;
use crate::store::{self, Store, approvals, assessments, audit, checkings, repairs, verifications};

/// Makes packs. Clones are handles to the same.
#[derive(Clone)]
pub struct Reports {
    store: Store,
    clock: Arc<dyn Clock>,
    runs: Runs,
    signer: pack::Signer,
}

impl Reports {
    pub fn new(store: Store, clock: Arc<dyn Clock>, runs: Runs, key: &InstallationKey) -> Self {
        Self { store, clock, runs, signer: pack::Signer::new(key) }
    }

    /// The pack of a run that the store knows.
    pub async fn of(&self, actor: Actor, run: &RunId) -> Result<Pack, JobError> {
        self.at(actor, run, &self.runs.ledger(run).await?).await
    }

    /// The pack of a run in a target. `run` is the name under which the store knows it, if it does.
    /// That it was made is in the audit trail before it is given.
    pub async fn at(&self, actor: Actor, run: &RunId, ledger: &Ledger) -> Result<Pack, JobError> {
        let found = gather(&ledger.target, &ledger.run).await?;
        let Gathered { mut evidence, plan } = found.ok_or(JobError::RunNotFound)?;
        let (hash, began) = (&evidence.run.plan_hash, evidence.run.started_at);
        // One made later would change the pack of a run that is over.
        let assessed = assessments::find_foretold(self.store.pool(), hash, began).await?;
        if let Some(assessed) = assessed
            && let Some(forecast) = &assessed.forecast
        {
            let (id, at) = (assessed.item.id, assessed.item.started_at);
            evidence.forecast = Some(foretold::compare((id, at), forecast, &evidence));
        }
        evidence.repairs = self.repairs(run).await?;
        // The target has what was counted there; what was judged again without it is here.
        evidence.checks.extend(checkings::list_judged_of_run(self.store.pool(), run).await?);
        evidence.checks.sort_by_key(|outcome| outcome.judged_at);
        evidence.sign_offs = sign_offs::of_run(&self.store, run).await?;
        evidence.approvals = self.approvals(run).await?;
        evidence.deeds = self.deeds(run).await?;
        let pack = self.pack(evidence, plan.as_ref());
        let mut tx = self.store.begin().await?;
        let detail = Some(format!("hash {}", pack.manifest.hash));
        trail::record(&mut tx, self.clock.now(), actor, Action::ReportMade, run.as_str(), detail)
            .await?;
        store::commit(tx).await?;
        Ok(pack)
    }

    fn pack(&self, evidence: Evidence, plan: Option<&Plan>) -> Pack {
        let files = page::files(&evidence, plan);
        self.signer.sign(evidence, files)
    }

    async fn repairs(&self, run: &RunId) -> Result<Vec<RepairEvidence>, JobError> {
        let pool = self.store.pool();
        let mut told = Vec::new();
        for repair in repairs::list_of_run(pool, run).await? {
            let found = match &repair.verified_by {
                Some(id) => verifications::find(pool, id).await?,
                None => None,
            };
            let (tables, sequences) = repair
                .outcome
                .map(|outcome| (outcome.tables, outcome.sequences.len() as u64))
                .unwrap_or_default();
            told.push(RepairEvidence {
                id: repair.id,
                verification_id: repair.verification_id,
                selection: repair.selection.in_words(),
                state: repair.state,
                requested_by: repair.requested_by,
                requested_at: repair.requested_at,
                approved_by: repair.approved_by,
                ended_at: repair.ended_at,
                tables,
                sequences,
                verified_by: repair.verified_by,
                found: found.map(|found| found.verification.state),
                taken_back: repair.taken_back,
            });
        }
        Ok(told)
    }

    async fn approvals(&self, run: &RunId) -> Result<Vec<ApprovalEvidence>, JobError> {
        let found = approvals::list_of(self.store.pool(), run.as_str()).await?;
        Ok(found
            .into_iter()
            .map(|approval| ApprovalEvidence {
                id: approval.id,
                act: approval.act.summary(),
                state: approval.state,
                requested_by: approval.requested_by.name,
                requested_at: approval.requested_at,
                answered_by: approval.answered_by.map(|person| person.name),
                answered_at: approval.answered_at,
            })
            .collect())
    }

    async fn deeds(&self, run: &RunId) -> Result<Vec<DeedEvidence>, JobError> {
        const AT_ONCE: u32 = 500;
        let filter = AuditFilter { object: Some(run.to_string()), ..AuditFilter::default() };
        let mut deeds: Vec<DeedEvidence> = Vec::new();
        let mut after = 0;
        loop {
            let entries = audit::list_after(self.store.pool(), after, &filter, AT_ONCE).await?;
            let Some(last) = entries.last() else { return Ok(deeds) };
            after = last.number;
            // A pack that told of its own making would never be the same twice.
            let told = entries.into_iter().filter(|entry| entry.action != Action::ReportMade);
            deeds.extend(told.map(|entry| DeedEvidence {
                number: entry.number,
                hash: entry.hash,
                at: entry.at,
                by: entry.actor_name,
                action: entry.action,
                outcome: entry.outcome,
            }));
        }
    }
}
