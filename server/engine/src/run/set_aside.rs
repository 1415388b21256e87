//! After the data: references by keys that lead in a circle are put in, now that all rows are there.

use shared::assessment::{Catalog, ForeignKey};
use shared::connection::Engine;
use shared::plan::{Orphans, Plan};

use super::Request;
use super::board::Board;
use super::transaction::end;
use crate::error::Result;
use crate::load::Session;
use crate::load::claim::Claim;
use crate::load::deferred::{self, InVain, Waiting};
use crate::load::ledger::{self, Entry, Origin};
use crate::load::mark::{self, TableRecord};
use crate::load::orphans::{self, OwnRows};
use crate::map::circle::{self, SetAside};
use crate::map::target_name;

/// What is needed to take rows out again whose parent did not come.
struct Settling<'a> {
    request: &'a Request,
    claim: &'a Claim,
    records: &'a [TableRecord],
    board: &'a Board,
    catalog: Catalog,
    aside: Vec<SetAside>,
}

/// Puts every reference in that was kept for the end. Rows whose parent is not there go the way that
/// the plan says of orphans, and so do those that refer to them.
pub(super) async fn settle<S: Session>(
    session: &mut S,
    request: &Request,
    claim: &Claim,
    records: &[TableRecord],
    board: &Board,
) -> Result<()> {
    if !deferred::are_any(session, &claim.run_id).await? {
        return Ok(());
    }
    mark::prepare(session, &request.key).await?;
    let catalog = session.catalog().await?;
    let aside = circle::set_aside(&request.plan, &catalog);
    let settling = Settling { request, claim, records, board, catalog, aside };
    while settling.take_out_in_vain(session).await? {}
    session.run_script("begin").await?;
    let done = async {
        for aside in &settling.aside {
            let own = settling.own_records(aside.index);
            let waiting = Waiting { aside, own: settling.own(&own) };
            let keeps = settling.keeps(aside.index, &aside.key);
            waiting.put_in(session, if keeps { InVain::Stay } else { InVain::Went }).await?;
        }
        deferred::forget(session, &claim.run_id).await
    }
    .await;
    end(session, done).await
}

impl Settling<'_> {
    fn plan(&self) -> &Plan {
        &self.request.plan
    }

    fn own_records(&self, index: usize) -> Vec<&TableRecord> {
        let target = target_name(Engine::Postgres, &self.plan().tables[index].target);
        mark::records_of(self.records, &target)
    }

    fn own<'a>(&'a self, records: &'a [&'a TableRecord]) -> OwnRows<'a> {
        OwnRows { claim: self.claim, records, key: &self.request.key }
    }

    fn keeps(&self, index: usize, key: &ForeignKey) -> bool {
        matches!(orphans::policy(&self.plan().tables[index], key), Orphans::KeepIn(_))
    }

    /// True when rows went.
    async fn take_out_in_vain<S: Session>(&self, session: &mut S) -> Result<bool> {
        let mut any = false;
        for aside in &self.aside {
            if self.keeps(aside.index, &aside.key) {
                continue;
            }
            let own = self.own_records(aside.index);
            let waiting = Waiting { aside, own: self.own(&own) };
            let condition = waiting.waits_in_vain("child");
            any |= self.take_out(session, aside.index, &aside.key, &condition).await?;
        }
        Ok(any)
    }

    /// Takes out the rows of a table for which a condition holds; before them, those that refer to
    /// them by keys that the target holds. These lead in no circle, so this comes to an end.
    async fn take_out<S: Session>(
        &self,
        session: &mut S,
        index: usize,
        key: &ForeignKey,
        condition: &str,
    ) -> Result<bool> {
        let condition = condition.to_owned();
        let mut steps = vec![Step { index, key: key.clone(), condition, depth: 0 }];
        let mut next = 0;
        while let Some(step) = steps.get(next) {
            let more = self.referring(step);
            steps.extend(more);
            next += 1;
        }
        let mut any = false;
        for step in steps.iter().rev() {
            any |= self.take_out_all(session, step).await?;
        }
        Ok(any)
    }

    fn referring(&self, step: &Step) -> Vec<Step> {
        if step.depth > self.plan().tables.len() {
            // Only where a circle is left in which nothing may be null, and then no row came in.
            return Vec::new();
        }
        let parent = target_name(Engine::Postgres, &self.plan().tables[step.index].target);
        let mut found = Vec::new();
        for (index, mapping) in self.plan().tables.iter().enumerate() {
            let target = target_name(Engine::Postgres, &mapping.target);
            let keys = self.catalog.table(&target).into_iter().flat_map(|t| &t.foreign_keys);
            for key in keys {
                let is_aside = self.aside.iter().any(|a| a.index == index && a.key == *key);
                if is_aside || target_name(Engine::Postgres, &key.references) != parent {
                    continue;
                }
                let own = self.own_records(index);
                let own = self.own(&own);
                let condition = deferred::refers_to_one_of(&own, &target, key, &step.condition);
                found.push(Step { index, key: key.clone(), condition, depth: step.depth + 1 });
            }
        }
        found
    }

    async fn take_out_all<S: Session>(&self, session: &mut S, step: &Step) -> Result<bool> {
        let mapping = &self.plan().tables[step.index];
        let target = target_name(Engine::Postgres, &mapping.target);
        let own = self.own_records(step.index);
        let own = self.own(&own);
        let aside: Vec<SetAside> =
            self.aside.iter().filter(|aside| aside.index == step.index).cloned().collect();
        let taking = deferred::Taking { mapping, key: &step.key, own, aside: &aside };
        let table_index = u32::try_from(step.index).unwrap_or(u32::MAX);
        let mut any = false;
        loop {
            let now = self.request.clock.now();
            session.run_script("begin").await?;
            let taken = async {
                let fresh_id = || self.request.clock.fresh_id().simple().to_string();
                let rows = taking.take_out(session, &step.condition, fresh_id).await?;
                if rows.is_empty() {
                    return Ok(None);
                }
                let run_id = &self.claim.run_id;
                let ordinal = ledger::next_correction(session, run_id, table_index).await?;
                let origin = Origin {
                    run_id,
                    table_index,
                    ordinal,
                    source: &mapping.source,
                    target: &target,
                };
                ledger::insert_quarantined(session, origin, &rows, now).await?;
                let books = orphans::correction(rows.len(), 0);
                let entry = Entry { table_index, ordinal, books, bytes: 0, seconds: 0.0 };
                ledger::insert_entry(session, run_id, &entry, now).await?;
                Ok(Some(entry))
            }
            .await;
            match end(session, taken).await? {
                Some(entry) => self.board.committed(&entry),
                None => return Ok(any),
            }
            any = true;
        }
    }
}

/// Rows that go.
struct Step {
    index: usize,
    key: ForeignKey,
    /// Of rows called `child`.
    condition: String,
    /// How many keys lie between them and the rows without their parent.
    depth: usize,
}
