//! After the data: references by keys that lead in a circle are put in, now that all rows are there.

use shared::assessment::{Catalog, ForeignKey};
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::{Orphans, Plan, TableMapping};

use super::Request;
use super::board::Board;
use super::transaction::end;
use crate::error::Result;
use crate::load::claim::Claim;
use crate::load::deferred::{self, InVain, Taking, Waiting};
use crate::load::ledger::{self, Entry, Origin, Quarantined};
use crate::load::mark::{self, TableRecord};
use crate::load::orphans::{self, Because, OwnRows};
use crate::load::{Session, before_image};
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
/// the plan says of orphans, and so do those that refer to them. Of rows that claim the same under a
/// unique key one stays.
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
    loop {
        while settling.take_out_in_vain(session).await? {}
        session.run_script("begin").await?;
        let done = settling.put_in(session).await;
        match end(session, done).await {
            Ok(notes) => {
                for note in notes {
                    board.note(note);
                }
                return Ok(());
            }
            Err(error) if error.code() == ErrorCode::Data009 => {
                if !settling.take_out_twice(session).await? {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

fn not_put_in(rows: u64, mapping: &TableMapping, aside: &SetAside) -> String {
    let columns: Vec<&str> = aside.columns.iter().map(|(name, _)| name.as_str()).collect();
    format!(
        "Somebody else wrote to {rows} rows of {} while the run went on: what they refer to by {} was \
         not put in. A verification names them.",
        target_name(Engine::Postgres, &mapping.target),
        columns.join(", ")
    )
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

    /// Puts all references in, in the transaction that is open. Hands over what there is to say of it.
    async fn put_in<S: Session>(&self, session: &mut S) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        for aside in &self.aside {
            let own = self.own_records(aside.index);
            let waiting = Waiting { aside, own: self.own(&own) };
            let keeps = self.keeps(aside.index, &aside.key);
            let rows = waiting.left_alone(session).await?;
            if rows > 0 {
                notes.push(not_put_in(rows, &self.plan().tables[aside.index], aside));
            }
            waiting.put_in(session, if keeps { InVain::Stay } else { InVain::Went }).await?;
        }
        deferred::forget(session, &self.claim.run_id).await?;
        Ok(notes)
    }

    /// Takes out rows that claim what another row has, or claims too, where a unique key allows one.
    /// True when rows went.
    async fn take_out_twice<S: Session>(&self, session: &mut S) -> Result<bool> {
        let mut any = false;
        for (index, mapping) in self.plan().tables.iter().enumerate() {
            let target = target_name(Engine::Postgres, &mapping.target);
            let waits = |name: &String| {
                let mut own = self.aside.iter().filter(|aside| aside.index == index);
                own.any(|aside| aside.columns.iter().any(|(held, _)| held == name))
            };
            let indexes = self.catalog.table(&target).into_iter().flat_map(|table| &table.indexes);
            for unique in indexes.filter(|it| it.unique && it.columns.iter().any(waits)) {
                let because = Because::Twice(&unique.name);
                let own = self.own_records(index);
                let aside = self.aside_of(index);
                let taking = Taking { mapping, because, own: self.own(&own), aside: &aside };
                let rows = |alias: &str| taking.will_be_twice(alias, &unique.columns);
                any |= self.take_out(session, self.step(index, because, rows, 0)).await?;
            }
        }
        Ok(any)
    }

    fn aside_of(&self, index: usize) -> Vec<SetAside> {
        self.aside.iter().filter(|aside| aside.index == index).cloned().collect()
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
            let rows = |alias: &str| waiting.waits_in_vain(alias);
            let because = Because::NoParent(&aside.key);
            any |= self.take_out(session, self.step(aside.index, because, rows, 0)).await?;
        }
        Ok(any)
    }

    /// Takes out rows of a table; before them, those that refer to them by keys that the target
    /// holds. These lead in no circle, so this comes to an end.
    async fn take_out<S: Session>(&self, session: &mut S, first: Step<'_>) -> Result<bool> {
        let mut steps = vec![first];
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

    fn step<'a>(
        &self,
        index: usize,
        because: Because<'a>,
        rows: impl Fn(&str) -> String,
        depth: usize,
    ) -> Step<'a> {
        let own = self.own_records(index);
        let brought = self.own(&own).brought(Engine::Postgres);
        Step {
            index,
            because,
            brought: format!("{} and {brought}", rows("child")),
            written_over: rows("t"),
            depth,
        }
    }

    fn referring(&self, step: &Step<'_>) -> Vec<Step<'_>> {
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
                let rows =
                    |alias: &str| deferred::refers_to_one_of(alias, &target, key, &step.brought);
                found.push(self.step(index, Because::NoParent(key), rows, step.depth + 1));
            }
        }
        found
    }

    async fn take_out_all<S: Session>(&self, session: &mut S, step: &Step<'_>) -> Result<bool> {
        let mapping = &self.plan().tables[step.index];
        let own = self.own_records(step.index);
        let own = self.own(&own);
        let aside = self.aside_of(step.index);
        let taking = Taking { mapping, because: step.because, own, aside: &aside };
        let fresh_id = || self.request.clock.fresh_id().simple().to_string();
        let mut any = false;
        if taking.are_any_written_over(session, &step.written_over).await? {
            for chunk in self.chunks_that_wrote_over(session, step.index).await? {
                session.run_script("begin").await?;
                let of = (&self.records[step.index], chunk);
                let rows = taking.take_back(session, of, &step.written_over, fresh_id).await;
                any |= self.put_by(session, step.index, rows, |rows| (0, rows)).await?;
            }
        }
        loop {
            session.run_script("begin").await?;
            let rows = taking.take_out(session, &step.brought, fresh_id).await;
            if !self.put_by(session, step.index, rows, |rows| (rows, 0)).await? {
                return Ok(any);
            }
            any = true;
        }
    }

    async fn chunks_that_wrote_over<S: Session>(
        &self,
        session: &mut S,
        index: usize,
    ) -> Result<Vec<i32>> {
        let table_index = self.records[index].table_index;
        before_image::ordinals(session, &self.claim.run_id, table_index).await
    }

    /// Puts rows into quarantine that went, or are what they were, and corrects the books by so many
    /// of each, in the transaction that is open, which ends here. True when there are any.
    async fn put_by<S: Session>(
        &self,
        session: &mut S,
        index: usize,
        rows: Result<Vec<Quarantined>>,
        counted: impl Fn(usize) -> (usize, usize),
    ) -> Result<bool> {
        let (mapping, record) = (&self.plan().tables[index], &self.records[index]);
        let (run_id, table_index) = (&self.claim.run_id, record.table_index);
        let now = self.request.clock.now();
        let kept = async {
            let rows = rows?;
            if rows.is_empty() {
                return Ok(None);
            }
            let ordinal = ledger::next_correction(session, run_id, table_index).await?;
            let (source, target) = (&mapping.source, &record.target);
            let origin = Origin { run_id, table_index, ordinal, source, target };
            ledger::insert_quarantined(session, origin, &rows, now).await?;
            let (taken_out, taken_back) = counted(rows.len());
            let books = orphans::correction(taken_out, taken_back);
            let entry = Entry { table_index, ordinal, books, bytes: 0, seconds: 0.0 };
            ledger::insert_entry(session, run_id, &entry, now).await?;
            Ok(Some(entry))
        }
        .await;
        let entry = end(session, kept).await?;
        if let Some(entry) = &entry {
            self.board.committed(entry);
        }
        Ok(entry.is_some())
    }
}

/// Rows that go.
struct Step<'a> {
    index: usize,
    because: Because<'a>,
    /// Which of the run's rows go; a row is called `child`.
    brought: String,
    /// Of rows that were there before, and become what they were; a row is called `t`.
    written_over: String,
    /// How many keys lie between them and the rows without their parent.
    depth: usize,
}
