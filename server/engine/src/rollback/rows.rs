//! Rows that go, and rows that become what they were: chunk by chunk, each in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use shared::assessment::ForeignKey;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::rollback::{Changed, Obstacle, TableRollback};

use super::references::refusal;
use super::scope::{Table, Undoing};
use crate::error::{EngineError, Result};
use crate::ident::{literal, quote, quote_table};
use crate::load::before_image::{self, ImageOf, Restored};
use crate::load::mark::{self, Change};
use crate::load::{Session, ledger};
use crate::map::order::{circles, parents_first};
use crate::map::target_name;

/// A chunk, and where its rows lie in a table of PostgreSQL.
#[derive(Debug, Clone, Copy)]
struct Portion {
    table_index: u32,
    ordinal: i32,
    /// The first and the last page; none where that is not known.
    pages: Option<(i64, i64)>,
}

/// A key in a circle, and a column of it that may be null.
struct Loose<'a> {
    place: usize,
    key: &'a ForeignKey,
    column: &'a str,
}

impl Undoing {
    /// Takes rows away and puts others back, children before their parents. What each table says
    /// of itself is corrected by what was done.
    pub(super) async fn undo_rows<S: Session>(
        &self,
        session: &mut S,
        outcomes: &mut [TableRollback],
    ) -> Result<()> {
        self.take_off_keys(session).await?;
        let loose = self.loose_keys();
        for key in &loose {
            let table = &self.tables[key.place];
            if table.exists && !outcomes[key.place].dropped {
                self.let_go(session, table, key).await?;
            }
        }
        for place in self.children_first(&loose) {
            let (table, outcome) = (&self.tables[place], &mut outcomes[place]);
            outcome.removed = 0;
            outcome.restored = 0;
            // A table that goes as a whole takes its rows with it.
            if !table.exists || outcome.dropped {
                continue;
            }
            self.undo_table(session, table, outcome).await?;
        }
        Ok(())
    }

    fn children_first(&self, loose: &[Loose<'_>]) -> Vec<usize> {
        let mut order = parents_first(&self.parents(loose)).concat();
        order.reverse();
        order
    }

    /// What the rows of each table refer to, save by keys that were let go.
    fn parents(&self, loose: &[Loose<'_>]) -> Vec<BTreeSet<usize>> {
        let is_loose = |place: usize, key: &ForeignKey| {
            loose.iter().any(|loose| loose.place == place && loose.key == key)
        };
        self.tables
            .iter()
            .enumerate()
            .map(|(place, child)| {
                let keys = self.keys_of(child).iter().filter(|key| !is_loose(place, key));
                keys.filter_map(|key| self.place_of(key)).collect()
            })
            .collect()
    }

    fn keys_of(&self, table: &Table) -> &[ForeignKey] {
        self.catalog.table(&table.target).map_or(&[], |table| &table.foreign_keys)
    }

    fn place_of(&self, key: &ForeignKey) -> Option<usize> {
        let parent = target_name(self.catalog.engine, &key.references);
        self.tables.iter().position(|table| table.target == parent)
    }

    /// Keys by which rows refer to each other in a circle, as few as break it: as long as they do,
    /// none of the rows can go first. Only of a run that goes as a whole: what is undone in part
    /// goes on, and its rows are not to lose anything.
    fn loose_keys(&self) -> Vec<Loose<'_>> {
        let mut loose: Vec<Loose<'_>> = Vec::new();
        if !self.is_whole() || self.catalog.engine != Engine::Postgres {
            return loose;
        }
        loop {
            let parents = self.parents(&loose);
            let next = circles(&parents).into_iter().find_map(|circle| {
                let is_one = circle.len() > 1 || parents[circle[0]].contains(&circle[0]);
                let mut places = circle.iter().copied().filter(|_| is_one);
                places.find_map(|place| self.loose_key(place, &circle, &loose))
            });
            match next {
                Some(next) => loose.push(next),
                None => return loose,
            }
        }
    }

    fn loose_key<'s>(
        &'s self,
        place: usize,
        circle: &[usize],
        loose: &[Loose<'_>],
    ) -> Option<Loose<'s>> {
        let table = &self.tables[place];
        let known = self.catalog.table(&table.target)?;
        self.keys_of(table)
            .iter()
            .filter(|key| self.place_of(key).is_some_and(|parent| circle.contains(&parent)))
            .filter(|key| !loose.iter().any(|known| known.place == place && known.key == *key))
            .find_map(|key| {
                let mut columns = key.columns.iter().filter_map(|name| known.column(name));
                let column = columns.find(|column| column.nullable)?;
                Some(Loose { place, key, column: &column.name })
            })
    }

    /// Takes the reference out of rows that are about to go, or to become what they were.
    async fn let_go<S: Session>(
        &self,
        session: &mut S,
        table: &Table,
        loose: &Loose<'_>,
    ) -> Result<()> {
        let set = format!("{} = null", quote(self.catalog.engine, loose.column));
        let (goes, changed) =
            (self.goes(table, "child"), self.changed_by_run(table, "child", None));
        let condition = format!("({goes} or {changed})");
        let records = table.record_refs();
        session.run_script("begin").await?;
        let done =
            mark::rewrite(session, &self.key, &self.run.run_id, &records, &set, &condition).await;
        crate::load::end(session, done).await.map(drop)
    }

    /// Undoes the rows of one table.
    pub(super) async fn undo_table<S: Session>(
        &self,
        session: &mut S,
        table: &Table,
        outcome: &mut TableRollback,
    ) -> Result<()> {
        let leaves = outcome.changed_since > outcome.discarded;
        if self.changed == Changed::Discard {
            self.discard(session, table).await?;
        }
        let mut restored = Restored::default();
        for portion in self.portions(session, table).await? {
            let (removed, images) = self.undo_portion(session, table, portion, leaves).await?;
            outcome.removed += removed;
            restored += images;
        }
        outcome.restored = restored.restored;
        // Rows that moved while they were looked for: a table that was rewritten meanwhile.
        for _ in 0..3 {
            let left = self.portions(session, table).await?;
            let left: Vec<Portion> = left.into_iter().filter(|p| p.pages.is_some()).collect();
            if left.is_empty() {
                break;
            }
            for portion in left {
                outcome.removed += self.undo_portion(session, table, portion, leaves).await?.0;
            }
        }
        if self.is_whole() && !leaves {
            for record in &table.records {
                mark::forget(session, &self.run.run_id, record.table_index, None).await?;
                before_image::forget(session, &self.run.run_id, Some(record.table_index)).await?;
            }
        }
        Ok(())
    }

    /// Takes away rows of the run that somebody changed since, because somebody said so.
    async fn discard<S: Session>(&self, session: &mut S, table: &Table) -> Result<()> {
        session.run_script("begin").await?;
        let done = async {
            self.gather(session, table).await?;
            self.refuse_silent(session, table, "true").await?;
            let records = table.record_refs();
            let engine = self.catalog.engine;
            let run_id = &self.run.run_id;
            let own = mark::is_own(engine, run_id, "t", &records, Change::Brought, None);
            let changed_by_run = self.changed_by_run(table, "t", None);
            let sql = format!(
                "delete from {} as t where {} and not ({own}) and not ({changed_by_run})",
                quote_table(engine, &table.target),
                self.goes(table, "t")
            );
            session.execute(&sql, &[]).await.map_err(|error| refers(table, error))
        }
        .await;
        crate::load::end(session, done).await.map(drop)
    }

    /// The chunks to be undone, and the places of rows that the run wrote after them.
    async fn portions<S: Session>(&self, session: &mut S, table: &Table) -> Result<Vec<Portion>> {
        let mut pages: BTreeMap<(u32, i32), Option<(i64, i64)>> = BTreeMap::new();
        if self.catalog.engine == Engine::Postgres {
            // One pass over the table finds the pages of every chunk.
            let name = quote_table(Engine::Postgres, &table.target);
            let sql = format!(
                "select mark.table_index::text, mark.ordinal::text, min(page)::text, max(page)::text
                 from (select xmin as xid, (ctid::text::point)[0]::bigint as page from {name}) as t
                 join {} as mark using (xid)
                 where mark.run_id = {} and mark.relation = {}::regclass::oid
                   and mark.change = 'brought'
                 group by mark.table_index, mark.ordinal",
                ledger::table(Engine::Postgres, "marks"),
                literal(Engine::Postgres, &self.run.run_id),
                literal(Engine::Postgres, &name)
            );
            for row in session.fetch(&sql, &[]).await? {
                let numbers: Vec<i64> =
                    row.into_iter().flatten().filter_map(|cell| cell.parse().ok()).collect();
                let [index, ordinal, first, last] = numbers.as_slice() else {
                    return Err(EngineError::new(ErrorCode::Sys001, "finding a run's rows"));
                };
                let at = u32::try_from(*index).ok().zip(i32::try_from(*ordinal).ok());
                if let Some(at) = at {
                    pages.insert(at, Some((*first, *last)));
                }
            }
        }
        for at in &table.images {
            pages.entry(*at).or_insert(None);
        }
        let run_id = &self.run.run_id;
        for entry in ledger::entries(session, run_id).await? {
            if table.records.iter().any(|record| record.table_index == entry.table_index) {
                pages.entry((entry.table_index, entry.ordinal)).or_insert(None);
            }
        }
        let wanted = |ordinal: &i32| table.ordinals.as_ref().is_none_or(|o| o.contains(ordinal));
        Ok(pages
            .into_iter()
            .filter(|((_, ordinal), _)| wanted(ordinal))
            .map(|((table_index, ordinal), pages)| Portion { table_index, ordinal, pages })
            .collect())
    }

    /// One chunk: its rows, its images, its ledger row and its quarantine, in one transaction.
    async fn undo_portion<S: Session>(
        &self,
        session: &mut S,
        table: &Table,
        portion: Portion,
        leaves: bool,
    ) -> Result<(u64, Restored)> {
        let engine = self.catalog.engine;
        let run_id = &self.run.run_id;
        let chunk = [portion.ordinal];
        session.run_script("begin").await?;
        let done = async {
            self.gather_some(session, table, Some(&chunk)).await?;
            let records: Vec<_> = table
                .records
                .iter()
                .filter(|record| record.table_index == portion.table_index)
                .collect();
            let restored = self.put_back(session, table, portion).await?;
            let own = mark::is_own(engine, run_id, "t", &records, Change::Brought, Some(&chunk));
            let place = portion.pages.map_or_else(String::new, |(first, last)| {
                format!(" and t.ctid >= '({first},0)'::tid and t.ctid < '({},0)'::tid", last + 1)
            });
            let mine =
                mark::is_own(engine, run_id, "parent", &records, Change::Brought, Some(&chunk));
            self.refuse_silent(session, table, &mine).await?;
            let sql = format!(
                "delete from {} as t where {own}{place}",
                quote_table(engine, &table.target)
            );
            let removed = session.execute(&sql, &[]).await.map_err(|error| refers(table, error))?;
            ledger::delete_chunk(session, run_id, portion.table_index, portion.ordinal).await?;
            if !(leaves && self.is_whole()) {
                let ordinal = Some(portion.ordinal);
                mark::forget(session, run_id, portion.table_index, ordinal).await?;
            }
            Ok((removed, restored))
        }
        .await;
        crate::load::end(session, done).await
    }

    async fn put_back<S: Session>(
        &self,
        session: &mut S,
        table: &Table,
        portion: Portion,
    ) -> Result<Restored> {
        let owner = before_image::owner(&self.run.run_id, portion.table_index, portion.ordinal);
        let of = ImageOf { target: &table.target, key: table.key() };
        let own = self.changed_by_run(table, "t", None);
        before_image::restore(session, &self.key, &owner, of, &own, self.changed).await
    }

    /// Refuses when the deletion of rows would silently delete or change rows of others. Until the
    /// transaction ends, no such row can come.
    async fn refuse_silent<S: Session>(
        &self,
        session: &mut S,
        table: &Table,
        portion: &str,
    ) -> Result<()> {
        for (child, key) in self.silent_references(table) {
            if self.catalog.engine == Engine::Postgres {
                let child = quote_table(Engine::Postgres, child);
                let lock = format!("lock table {child} in share row exclusive mode");
                session.run_script(&lock).await?;
            }
            let rows = self.referring_rows(session, table, child, key, portion).await?;
            if rows > 0 {
                let obstacle = Obstacle {
                    target: table.target.clone(),
                    name: key.name.clone(),
                    table: Some(child.clone()),
                    rows,
                };
                if let Some(refusal) = refusal(&self.run.run_id, &[obstacle]) {
                    return Err(refusal);
                }
            }
        }
        Ok(())
    }
}

/// A row that refers came after it was looked for.
fn refers(table: &Table, error: EngineError) -> EngineError {
    if error.code() == ErrorCode::Data008 {
        let doing = format!("removing rows of {}", table.target);
        return EngineError::new(ErrorCode::Load020, doing).because(error);
    }
    error
}
