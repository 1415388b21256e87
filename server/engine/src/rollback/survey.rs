//! What undoing would do, table by table.

use shared::connection::Engine;
use shared::rollback::{Changed, Fate, ObjectRollback, TableRollback};

use super::scope::{Table, Undoing};
use crate::error::Result;
use crate::ident::quote_table;
use crate::load::Session;
use crate::load::before_image::{self, ImageOf, Restored};
use crate::load::mark::{self, Change};
use crate::load::schema::Kind;

impl Undoing {
    pub(super) async fn survey<S: Session>(&self, session: &mut S) -> Result<Vec<TableRollback>> {
        let mut tables = Vec::new();
        for table in &self.tables {
            tables.push(self.survey_table(session, table).await?);
        }
        Ok(tables)
    }

    async fn survey_table<S: Session>(
        &self,
        session: &mut S,
        table: &Table,
    ) -> Result<TableRollback> {
        let loaded: i64 = table.entries.iter().map(|entry| entry.books.loaded).sum();
        let quarantined: i64 = table.entries.iter().map(|entry| entry.books.quarantined).sum();
        let chunks = table.entries.iter().filter(|entry| entry.ordinal >= 0).count();
        let mut found = TableRollback {
            target: table.target.clone(),
            chunks: u32::try_from(chunks).unwrap_or(u32::MAX),
            removed: 0,
            restored: 0,
            changed_since: 0,
            discarded: 0,
            gone_since: unsigned(loaded),
            others: 0,
            quarantined: unsigned(quarantined),
            dropped: false,
        };
        if !table.exists {
            return Ok(found);
        }
        self.gather(session, table).await?;
        let counted = self.count(session, table).await?;
        let images = self.preview_images(session, table).await?;
        found.removed = unsigned(counted.own);
        found.restored = images.restored;
        found.changed_since = unsigned(counted.changed) + images.changed;
        found.gone_since = unsigned(loaded - counted.own - counted.changed) + images.gone;
        let strangers = counted.all - counted.every_own - counted.changed_by_run - counted.changed;
        found.others = unsigned(strangers).saturating_sub(images.changed);
        if table.made && table.ordinals.is_none() && self.catalog.engine == Engine::Postgres {
            // Rows of a table that the run made are all its own, or written over its own.
            found.changed_since += std::mem::take(&mut found.others);
            found.gone_since = found.gone_since.saturating_sub(found.changed_since);
        }
        if self.changed == Changed::Discard {
            found.discarded = found.changed_since;
        }
        let stay = found.changed_since - found.discarded + found.others;
        found.dropped = table.made && self.is_whole() && stay == 0;
        Ok(found)
    }

    async fn count<S: Session>(&self, session: &mut S, table: &Table) -> Result<Counted> {
        let engine = self.catalog.engine;
        let run_id = &self.run.run_id;
        let records = table.record_refs();
        let ordinals = table.ordinals.as_deref();
        let own = mark::is_own(engine, run_id, "t", &records, Change::Brought, ordinals);
        let every_own = mark::is_own(engine, run_id, "t", &records, Change::Brought, None);
        let changed_by_run = self.changed_by_run(table, "t", None);
        let noted = match engine {
            Engine::Postgres if table.made => "false".to_owned(),
            Engine::Postgres => mark::has_noted_key(run_id, "t", &records, ordinals),
            _ => mark::is_noted("t", &records, ordinals),
        };
        let changed = format!("{noted} and not ({every_own}) and not ({changed_by_run})");
        let sum = |condition: &str| {
            format!("cast(coalesce(sum(case when {condition} then 1 else 0 end), 0) as text)")
        };
        let sql = format!(
            "select cast(count(*) as text), {}, {}, {}, {} from {} as t",
            sum(&own),
            sum(&every_own),
            sum(&changed_by_run),
            sum(&changed),
            quote_table(engine, &table.target)
        );
        let [all, own, every_own, changed_by_run, changed] = mark::numbers(session, &sql).await?;
        Ok(Counted { all, own, every_own, changed_by_run, changed })
    }

    async fn preview_images<S: Session>(&self, session: &mut S, table: &Table) -> Result<Restored> {
        let mut all = Restored::default();
        for (table_index, ordinal) in &table.images {
            let owner = before_image::owner(&self.run.run_id, *table_index, *ordinal);
            let of = ImageOf { target: &table.target, key: table.key() };
            let own = self.changed_by_run(table, "t", None);
            all +=
                before_image::preview(session, &self.key, &owner, of, &own, self.changed).await?;
        }
        Ok(all)
    }

    /// What would become of everything that the run made besides rows.
    pub(super) fn survey_objects(&self, tables: &[TableRollback]) -> Vec<ObjectRollback> {
        if !self.is_whole() {
            return Vec::new();
        }
        let stays = |name: &str| {
            let table = tables.iter().find(|table| table.target.to_string() == name);
            table.is_some_and(|table| !table.dropped && self.exists(table))
        };
        let shown = self.objects.iter().filter(|object| object.kind != Kind::Sql.as_str());
        shown
            .map(|object| {
                let is_left = object.kind == Kind::Table.as_str() && stays(&object.name);
                ObjectRollback {
                    kind: object.kind.clone(),
                    name: object.name.clone(),
                    fate: if is_left { Fate::Left } else { Fate::Undone },
                    reason: is_left.then(|| ROWS_STAY.to_owned()),
                }
            })
            .collect()
    }

    fn exists(&self, table: &TableRollback) -> bool {
        self.table(&table.target).is_some_and(|table| table.exists)
    }
}

/// Why a table of the run stays.
pub(super) const ROWS_STAY: &str = "it has rows that are not as the run left them";

/// Rows of a table, by whose they are.
struct Counted {
    all: i64,
    /// Brought by what is to be undone, and as the run left them.
    own: i64,
    /// Brought by the run, whatever is to be undone, and as it left them.
    every_own: i64,
    changed_by_run: i64,
    /// Brought by what is to be undone, and changed since.
    changed: i64,
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
