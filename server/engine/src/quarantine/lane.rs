//! The way of one table's rows from the quarantine into the target: the rules of the run's plan,
//! and the columns that they fill.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use shared::assessment::{Catalog, ForeignKey};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use shared::plan::{Plan, TableMapping};
use shared::run::RunState;

use super::kept::{Cells, Kept};
use super::parents;
use crate::error::{EngineError, Result};
use crate::extract::{self, Form, TableRead};
use crate::load::blueprint::{Blueprint, load_table, with_types_of};
use crate::load::ledger::RowForm;
use crate::load::{LoadColumn, LoadTable};
use crate::map::order;
use crate::seal::Key;
use crate::transform::{BadValue, RowTransform, Verdict};
use crate::value::{Batch, Value};

/// The lanes of a run's tables, each made when it is first needed.
pub(super) struct Lanes<'a> {
    pub blueprint: Blueprint,
    /// Another version of the plan, whose rules are to be used.
    pub rules: Option<&'a Plan>,
    pub target: Catalog,
    key: &'a Key,
    opened: BTreeMap<u32, Lane>,
}

impl<'a> Lanes<'a> {
    pub(super) const fn new(
        blueprint: Blueprint,
        rules: Option<&'a Plan>,
        target: Catalog,
        key: &'a Key,
    ) -> Self {
        Self { blueprint, rules, target, key, opened: BTreeMap::new() }
    }

    pub(super) fn get(&mut self, index: u32) -> Result<&Lane> {
        let Self { blueprint, rules, target, key, opened } = self;
        Ok(match opened.entry(index) {
            Entry::Occupied(lane) => lane.into_mut(),
            Entry::Vacant(place) => {
                place.insert(Lane::open(blueprint, *rules, index, target, key)?)
            }
        })
    }

    /// The foreign keys that hold for rows of a table.
    pub(super) fn foreign_keys(&mut self, index: u32, state: RunState) -> Result<Vec<ForeignKey>> {
        self.get(index)?;
        let lane = self.opened.get(&index).ok_or_else(super::unreadable)?;
        Ok(parents::keys(lane, &self.target, state))
    }

    /// The plan's tables, parents first.
    pub(super) fn order(&self) -> Vec<u32> {
        order::order(&self.blueprint.plan, &self.target)
            .into_iter()
            .flatten()
            .filter_map(|place| u32::try_from(place).ok())
            .collect()
    }
}

pub(super) struct Lane {
    /// The table's place in the plan of the run.
    pub index: u32,
    pub mapping: TableMapping,
    pub engine: Engine,
    /// The target's primary key.
    key: Vec<String>,
    read: TableRead,
    turn: RowTransform,
    /// Where rows go that were kept as the source had them.
    load: LoadTable,
    /// Where rows go that were kept as the target had them: their values are texts of its own.
    as_it_was: LoadTable,
}

impl Lane {
    /// `rules` are those of another version of the plan, where it has this table too.
    fn open(
        blueprint: &Blueprint,
        rules: Option<&Plan>,
        index: u32,
        target: &Catalog,
        key: &Key,
    ) -> Result<Self> {
        let place = index as usize;
        let known = blueprint.plan.tables.get(place).zip(blueprint.reads.get(place));
        let (mapping, read) = known.ok_or_else(|| {
            EngineError::new(ErrorCode::Sys001, "finding a table of the run's plan")
        })?;
        let same = |other: &&TableMapping| {
            other.source == mapping.source && other.target == mapping.target
        };
        let (plan, mapping) = match rules.map(|plan| (plan, plan.tables.iter().find(same))) {
            Some((plan, Some(mapping))) => (plan, mapping),
            Some((_, None)) => {
                return Err(EngineError::new(
                    ErrorCode::Map002,
                    format!("replaying with another plan: it does not fill {}", mapping.target),
                ));
            }
            None => (&blueprint.plan, mapping),
        };
        let mapping = with_types_of(target, mapping);
        let turn = RowTransform::compile(plan, &mapping, read, target.engine, key.as_bytes())?;
        let load = load_table(target, plan, &mapping, read, turn.outputs());
        let as_it_was = match target.engine {
            // PostgreSQL reads its own texts back exactly, of every type.
            Engine::Postgres => LoadTable {
                name: load.name.clone(),
                columns: load.columns.iter().map(as_text).collect(),
            },
            _ => load.clone(),
        };
        let there = target.table(&load.name).map(|table| table.primary_key.clone());
        let is_filled = |name: &String| load.columns.iter().any(|column| column.name == *name);
        let primary_key = there.filter(|names| names.iter().all(is_filled)).unwrap_or_default();
        Ok(Self {
            index,
            engine: target.engine,
            key: primary_key,
            read: read.clone(),
            turn,
            load,
            as_it_was,
            mapping,
        })
    }

    /// Where rows of a form go.
    pub(super) const fn load(&self, form: RowForm) -> &LoadTable {
        match form {
            RowForm::Source => &self.load,
            RowForm::Target => &self.as_it_was,
        }
    }

    /// The columns that tell rows of the target apart; empty when there are none among those that
    /// are filled.
    pub(super) fn key_columns(&self) -> &[String] {
        &self.key
    }

    /// The values of a row with what came as PostgreSQL's bytes decoded, so that it can be shown
    /// and repaired.
    pub(super) fn decoded(&self, cells: &Cells) -> Cells {
        cells
            .iter()
            .map(|(name, value)| {
                let raw = match value {
                    Value::Raw(bytes) => bytes,
                    other => return (name.clone(), other.clone()),
                };
                let column = self
                    .read
                    .columns
                    .iter()
                    .find(|column| column.name == *name && column.form == Form::Raw);
                let value = column
                    .and_then(|column| extract::decode_raw(&column.data_type, raw))
                    .unwrap_or_else(|| value.clone());
                (name.clone(), value)
            })
            .collect()
    }

    /// The row as the target is to have it, in the order of [`Self::load`]'s columns.
    pub(super) fn turn(&self, kept: &Kept) -> Result<Vec<Value<'static>>, BadValue> {
        let named = |name: &str| {
            let cell = kept.current.iter().find(|(known, _)| known == name);
            cell.map_or(Value::Null, |(_, value)| value.clone())
        };
        if kept.form == RowForm::Target {
            return Ok(self.as_it_was.columns.iter().map(|column| named(&column.name)).collect());
        }
        let filtered = usize::from(self.read.filter.is_some());
        let mut batch = Batch::new(self.read.columns.len() + filtered);
        for column in &self.read.columns {
            batch.push(&named(&column.name));
        }
        if filtered > 0 {
            // The row was not filtered when it was read.
            batch.push(&Value::Bool(true));
        }
        let mut values = Vec::with_capacity(self.load.columns.len());
        match self.turn.apply(&batch.row(0), &mut values)? {
            Verdict::Load | Verdict::Filtered => {
                Ok(values.into_iter().map(Value::into_owned).collect())
            }
        }
    }
}

fn as_text(column: &LoadColumn) -> LoadColumn {
    LoadColumn {
        name: column.name.clone(),
        // A name of a type whose values go as texts.
        data_type: DataType::Named("text".to_owned()),
        is_enum: false,
        is_raw: false,
    }
}
