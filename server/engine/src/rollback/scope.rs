//! Which tables and chunks are to be undone.

use std::collections::{BTreeMap, BTreeSet};

use shared::assessment::{Catalog, TableName};
use shared::error_code::ErrorCode;
use shared::rollback::{Changed, Scope};
use shared::run::RunState;

use super::Request;
use crate::error::{EngineError, Result};
use crate::load::ledger::{self, Entry, Object, RunRecord};
use crate::load::mark::TableRecord;
use crate::load::schema::Kind;
use crate::load::{Session, before_image, mark};
use crate::map::target_name;
use crate::seal::Key;

/// A run, and what of it is to be undone.
pub(super) struct Undoing {
    pub(super) run: RunRecord,
    pub(super) key: Key,
    pub(super) scope: Scope,
    pub(super) changed: Changed,
    /// The tables to be undone, in the plan's order.
    pub(super) tables: Vec<Table>,
    /// All tables of the run.
    pub(super) records: Vec<TableRecord>,
    /// What the run made, the last thing first.
    pub(super) objects: Vec<Object>,
    pub(super) catalog: Catalog,
}

/// A table of the target with what the run did in it, as far as it is to be undone.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) target: TableName,
    /// One for each mapping that leads into the table.
    pub(super) records: Vec<TableRecord>,
    pub(super) entries: Vec<Entry>,
    /// Chunks, where it is not the whole table.
    pub(super) ordinals: Option<Vec<i32>>,
    pub(super) made: bool,
    pub(super) exists: bool,
    /// Chunks that changed rows, by the table's place in the plan and their ordinal.
    pub(super) images: Vec<(u32, i32)>,
}

impl Table {
    pub(super) fn record_refs(&self) -> Vec<&TableRecord> {
        self.records.iter().collect()
    }

    /// The target's key, if the run fills it.
    pub(super) fn key(&self) -> &[String] {
        self.records.first().map_or(&[], |record| &record.key)
    }
}

impl Undoing {
    pub(super) async fn read<S: Session>(session: &mut S, request: &Request) -> Result<Self> {
        let run_id = request.run_id.as_str();
        let nothing = || super::nothing_of(&request.run_id);
        let run = ledger::run(session, run_id).await?.ok_or_else(nothing)?;
        if run.state == RunState::RollingBack && request.scope != Scope::Run {
            let doing = format!("undoing a part of run {run_id}");
            return Err(EngineError::new(ErrorCode::Load022, doing));
        }
        if !ledger::knows_key(session, run_id, &request.key).await? {
            return Err(EngineError::new(ErrorCode::Load024, format!("undoing run {run_id}")));
        }
        let records = ledger::tables(session, run_id).await?;
        let objects = ledger::objects(session, run_id).await?;
        let entries = ledger::entries(session, run_id).await?;
        let catalog = session.catalog().await?;
        let wanted = request.scope.table().map(|table| target_name(catalog.engine, table));
        let mut by_target: BTreeMap<usize, Table> = BTreeMap::new();
        for record in &records {
            if wanted.as_ref().is_some_and(|wanted| *wanted != record.target) {
                continue;
            }
            let first = records.iter().position(|other| other.target == record.target);
            let table = by_target.entry(first.unwrap_or_default()).or_insert_with(|| Table {
                target: record.target.clone(),
                records: Vec::new(),
                entries: Vec::new(),
                ordinals: None,
                made: record.made,
                exists: catalog.table(&record.target).is_some(),
                images: Vec::new(),
            });
            table.records.push(record.clone());
        }
        let mut tables: Vec<Table> = by_target.into_values().collect();
        for table in &mut tables {
            let own: BTreeSet<u32> = table.records.iter().map(|r| r.table_index).collect();
            table.entries =
                entries.iter().filter(|e| own.contains(&e.table_index)).cloned().collect();
            if let Scope::Chunk { ordinal, .. } = request.scope {
                let ordinal = i32::try_from(ordinal).unwrap_or(i32::MAX);
                table.entries.retain(|entry| entry.ordinal == ordinal);
                table.ordinals = Some(vec![ordinal]);
            }
            for index in own {
                for ordinal in before_image::ordinals(session, run_id, index).await? {
                    if table.ordinals.as_ref().is_none_or(|chunks| chunks.contains(&ordinal)) {
                        table.images.push((index, ordinal));
                    }
                }
            }
        }
        let is_something = match request.scope {
            Scope::Run => run.state != RunState::RolledBack || !records.is_empty(),
            _ => run.state != RunState::RolledBack && tables.iter().any(|t| !t.entries.is_empty()),
        };
        if !is_something {
            return Err(nothing());
        }
        Ok(Self {
            run,
            key: request.key.clone(),
            scope: request.scope.clone(),
            changed: request.changed,
            tables,
            records,
            objects,
            catalog,
        })
    }

    /// Whether the whole run is undone, and with it what it made besides rows.
    pub(super) fn is_whole(&self) -> bool {
        self.scope == Scope::Run
    }

    pub(super) fn table(&self, target: &TableName) -> Option<&Table> {
        self.tables.iter().find(|table| table.target == *target)
    }

    /// Whether the run made this foreign key; it takes it off when it is in the way.
    pub(super) fn made_foreign_key(&self, table: &TableName, key: &str) -> bool {
        let name = foreign_key_name(table, key);
        let made = self.records.iter().any(|record| record.made && record.target == *table);
        made || self
            .objects
            .iter()
            .any(|object| object.kind == Kind::ForeignKey.as_str() && object.name == name)
    }

    /// Finds the run's rows on engines that do not tell them by themselves.
    pub(super) async fn gather<S: Session>(&self, session: &mut S, table: &Table) -> Result<()> {
        if !table.exists {
            return Ok(());
        }
        self.gather_some(session, table, None).await
    }

    /// The same for some chunks.
    pub(super) async fn gather_some<S: Session>(
        &self,
        session: &mut S,
        table: &Table,
        ordinals: Option<&[i32]>,
    ) -> Result<()> {
        // A row that the run changed after its chunk was noted again.
        let ordinals = ordinals.map(|o| [o, &[mark::AFTER_THE_DATA]].concat());
        let records = table.record_refs();
        mark::gather(session, &self.run.run_id, &self.key, &records, ordinals.as_deref()).await
    }
}

/// How a run's list of what it made names a foreign key: a constraint's name is its table's own.
pub(crate) fn foreign_key_name(table: &TableName, key: &str) -> String {
    format!("{key} on {table}")
}
