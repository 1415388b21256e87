//! What comparing one table of the target takes: what is read on both sides, how the source's
//! rows are turned, and by what rows are told apart.

use shared::assessment::{Catalog, Column, Table, TableName};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use shared::plan::{Existing, Plan, TableMapping};

use super::kept::{self, KeptReference};
use super::merged::Merged;
use crate::error::{EngineError, Result};
use crate::extract::{Chunk, ChunkRange, Form, ReadColumn, TableRead};
use crate::load::blueprint::with_types_of;
use crate::map::{self, target_name};
use crate::transform::{self, End, OutputColumn, RowTransform};

/// One table of the target, and the mappings whose rows it has.
pub(super) struct Comparison {
    pub(super) target: TableName,
    pub(super) engine: Engine,
    /// The columns that are compared: those that every mapping fills.
    pub(super) columns: Vec<OutputColumn>,
    /// Places of the columns that tell rows apart; all of them where nothing else does.
    pub(super) identity: Vec<usize>,
    has_key: bool,
    pub(super) actual: TableRead,
    pub(super) parts: Vec<Part>,
    /// It had rows before the run, and may have rows of others: only the source's are looked for.
    pub(super) is_shared: bool,
    /// What merges did to its rows.
    pub(super) merged: Merged,
}

/// One mapping's share of a table.
pub(super) struct Part {
    /// The mapping's place in the plan.
    pub(super) index: usize,
    pub(super) source: TableName,
    pub(super) read: TableRead,
    pub(super) turn: RowTransform,
    /// Where the compared columns stand among what the rules put out.
    pub(super) places: Vec<usize>,
    /// How many of the columns that are read a row in quarantine was sealed with: the first ones.
    pub(super) sealed_columns: usize,
    /// Columns of the target that are compared and where no rule is applied, by their source.
    copies: Vec<Option<String>>,
    /// References without which its rows may stay.
    pub(super) kept: Vec<KeptReference>,
    /// Whether the source's own server can compute what rows come to.
    pub(super) pushes_down: bool,
}

/// All tables of a plan, in its order.
pub(super) fn comparisons(
    plan: &Plan,
    source: &Catalog,
    target: &Catalog,
    secret: &[u8],
) -> Result<Vec<Comparison>> {
    let engine = target.engine;
    let mut comparisons: Vec<Comparison> = Vec::new();
    for (index, mapping) in plan.tables.iter().enumerate() {
        let name = target_name(engine, &mapping.target);
        let table = target
            .table(&name)
            .ok_or_else(|| EngineError::new(ErrorCode::Ver002, format!("looking for {name}")))?;
        let mapping = with_types_of(target, mapping);
        let from = map::source_table(source, &mapping.source);
        let from = End { engine: source.engine, table: from };
        let mut part = part(plan, index, &mapping, from, table, secret)?;
        let known = comparisons.iter_mut().find(|known| known.target == name);
        if known.is_none() {
            part.kept = kept::references(engine, &mapping, target, part.turn.outputs());
        }
        let is_shared = mapping.existing != Existing::Refuse;
        match known {
            Some(known) => {
                known.share(part);
                known.is_shared |= is_shared;
            }
            None => comparisons.push(Comparison::new(engine, table, part, is_shared)),
        }
    }
    Ok(comparisons)
}

fn part(
    plan: &Plan,
    index: usize,
    mapping: &TableMapping,
    from: End<'_>,
    table: &Table,
    secret: &[u8],
) -> Result<Part> {
    // The target is not named: values are wanted, not bytes that pass through.
    let to = End { engine: Engine::Sqlite, table: None };
    let mut read = transform::read_for(plan, mapping, from, to);
    let sealed_columns = read.columns.len();
    for name in &mapping.key {
        if !read.columns.iter().any(|column| column.name == *name) {
            read.columns.push(key_column(name, from.table.filter(|_| mapping.query.is_none())));
        }
    }
    let engine = if table.name.schema.is_some() { Engine::Postgres } else { Engine::Sqlite };
    let turn = RowTransform::compile(plan, mapping, &read, engine, secret)?;
    let places = (0..turn.outputs().len()).collect();
    let copies: Vec<Option<String>> = turn
        .outputs()
        .iter()
        .map(|output| {
            let column = mapping.columns.iter().find(|column| column.target == output.name)?;
            column.source.clone().filter(|_| column.transform.is_empty())
        })
        .collect();
    let pushes_down = from.engine == Engine::Postgres
        && engine == Engine::Postgres
        && mapping.query.is_none()
        && turn.outputs().iter().zip(&copies).all(|(output, copied)| {
            let column = copied.as_ref().and_then(|name| from.table?.column(name));
            column.is_some_and(|column| is_alike(&column.data_type, &output.data_type))
        });
    Ok(Part {
        index,
        source: mapping.source.clone(),
        read,
        turn,
        places,
        sealed_columns,
        copies,
        kept: Vec::new(),
        pushes_down,
    })
}

impl Part {
    /// The column of the source whose values an output has unchanged.
    pub(super) fn copied(&self, output: usize) -> Option<&str> {
        self.copies.get(output)?.as_deref()
    }
}

fn key_column(name: &str, table: Option<&Table>) -> ReadColumn {
    match table.and_then(|table| table.column(name)) {
        Some(column) => read_column(name, column, &column.data_type),
        None => ReadColumn {
            name: name.to_owned(),
            native_type: String::new(),
            data_type: DataType::Text,
            form: Form::Text,
            lookup: None,
        },
    }
}

fn read_column(name: &str, column: &Column, data_type: &DataType) -> ReadColumn {
    let form = match data_type {
        DataType::Named(_) | DataType::Array(_) => Form::Text,
        _ => Form::Typed,
    };
    ReadColumn {
        name: name.to_owned(),
        native_type: column.native_type.clone(),
        data_type: data_type.clone(),
        form,
        lookup: None,
    }
}

impl Comparison {
    fn new(engine: Engine, table: &Table, part: Part, is_shared: bool) -> Self {
        let columns = part.turn.outputs().to_vec();
        let mut comparison = Self {
            target: table.name.clone(),
            engine,
            identity: Vec::new(),
            has_key: true,
            actual: TableRead {
                table: table.name.clone(),
                query: None,
                key: Vec::new(),
                columns: Vec::new(),
                filter: None,
            },
            columns,
            parts: vec![part],
            is_shared,
            merged: Merged::default(),
        };
        comparison.settle(table);
        comparison
    }

    /// The columns by which rows are told apart.
    pub(super) fn key_columns(&self) -> Vec<(String, DataType)> {
        let columns = self.identity.iter().map(|place| &self.columns[*place]);
        columns.map(|column| (column.name.clone(), column.data_type.clone())).collect()
    }

    /// Whether something less than the whole row tells rows apart.
    pub(super) fn has_key(&self) -> bool {
        self.has_key
    }

    /// Has every row read, for want of a server that adds them up as this process does.
    pub(super) fn compute_here(&mut self) {
        for part in &mut self.parts {
            part.pushes_down = false;
        }
    }

    /// Adds a mapping that fills the table too. What only one of them fills cannot be compared:
    /// nothing in a row of the target tells which mapping it is from.
    fn share(&mut self, mut part: Part) {
        let common: Vec<usize> = (0..self.columns.len())
            .filter(|place| {
                part.turn.outputs().iter().any(|output| output.name == self.columns[*place].name)
            })
            .collect();
        let keep = |places: &[usize]| common.iter().map(|place| places[*place]).collect();
        for known in &mut self.parts {
            known.places = keep(&known.places);
        }
        self.columns = common.iter().map(|place| self.columns[*place].clone()).collect();
        self.actual.columns =
            common.iter().map(|place| self.actual.columns[*place].clone()).collect();
        self.identity = self
            .identity
            .iter()
            .filter_map(|place| common.iter().position(|kept| kept == place))
            .collect();
        if self.identity.is_empty() {
            self.identity = (0..self.columns.len()).collect();
            self.has_key = false;
        }
        part.places = self
            .columns
            .iter()
            .filter_map(|column| {
                part.turn.outputs().iter().position(|output| output.name == column.name)
            })
            .collect();
        self.parts.push(part);
    }

    fn settle(&mut self, table: &Table) {
        let place = |name: &String| self.columns.iter().position(|column| column.name == *name);
        let places = |names: &[String]| names.iter().map(place).collect::<Option<Vec<usize>>>();
        let unique = table.indexes.iter().filter(|index| {
            index.unique
                && !index.columns.is_empty()
                && index
                    .columns
                    .iter()
                    .all(|name| table.column(name).is_some_and(|column| !column.nullable))
        });
        let by_key = Some(table.primary_key.as_slice())
            .filter(|key| !key.is_empty())
            .into_iter()
            .chain(unique.map(|index| index.columns.as_slice()))
            .find_map(places);
        let part = &self.parts[0];
        let by_copy = (!part.read.key.is_empty())
            .then(|| {
                let copy = |key: &String| {
                    part.copies.iter().position(|copied| copied.as_ref() == Some(key))
                };
                part.read.key.iter().map(copy).collect::<Option<Vec<usize>>>()
            })
            .flatten();
        let key = by_key.or(by_copy);
        self.has_key = key.is_some();
        self.identity = key.unwrap_or_else(|| (0..self.columns.len()).collect());
        self.actual.columns = self
            .columns
            .iter()
            .map(|column| match table.column(&column.name) {
                Some(known) => read_column(&column.name, known, &column.data_type),
                None => ReadColumn {
                    name: column.name.clone(),
                    native_type: String::new(),
                    data_type: column.data_type.clone(),
                    form: Form::Typed,
                    lookup: None,
                },
            })
            .collect();
    }

    /// The same chunks on the target's side, where its key goes in step with the source's and an
    /// index finds them. None when a row's place in the one says nothing of the other.
    pub(super) fn in_step(
        &mut self,
        chunks: &[Chunk],
        table: &Table,
        source: Engine,
    ) -> Option<Vec<ChunkRange>> {
        let [part] = self.parts.as_slice() else { return None };
        if let [_] = chunks {
            return Some(vec![ChunkRange::Whole]);
        }
        let places: Vec<usize> = part
            .read
            .key
            .iter()
            .map(|key| part.copies.iter().position(|copied| copied.as_ref() == Some(key)))
            .collect::<Option<_>>()
            .filter(|places: &Vec<usize>| !places.is_empty())?;
        // A merge may have moved a row to where the source does not have it.
        if places.iter().any(|place| self.merged.changes(*place)) {
            return None;
        }
        let columns: Vec<&OutputColumn> =
            places.iter().map(|place| &self.columns[*place]).collect();
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let is_indexed = table.primary_key.starts_with(&names)
            || table.indexes.iter().any(|index| index.columns.starts_with(&names));
        if !is_indexed {
            return None;
        }
        let step = Step { from: source, to: self.engine };
        let bound = |bound: &Option<Vec<String>>| match bound {
            None => Some(None),
            Some(literals) => literals
                .iter()
                .zip(&columns)
                .map(|(literal, column)| step.literal(literal, &column.data_type))
                .collect::<Option<Vec<String>>>()
                .map(Some),
        };
        let ranges = chunks
            .iter()
            .map(|chunk| match &chunk.range {
                ChunkRange::Keys { after, to } => {
                    Some(ChunkRange::Keys { after: bound(after)?, to: bound(to)? })
                }
                _ => None,
            })
            .collect::<Option<Vec<_>>>()?;
        self.actual.key = names;
        Some(ranges)
    }
}

/// From one engine's literals to another's.
#[derive(Clone, Copy)]
struct Step {
    from: Engine,
    to: Engine,
}

impl Step {
    /// The literal that stands for the same value in a column of the type, if both engines sort
    /// such values alike.
    fn literal(self, literal: &str, data_type: &DataType) -> Option<String> {
        let bare = literal.trim_start_matches('\'').trim_end_matches('\'');
        match data_type {
            DataType::SmallInt | DataType::Integer | DataType::BigInt | DataType::Numeric(_) => {
                bare.parse::<i128>().ok().map(|number| number.to_string())
            }
            DataType::Uuid | DataType::Date | DataType::Timestamp | DataType::TimestampTz
                if self.from == Engine::Postgres && self.to == Engine::Postgres =>
            {
                Some(literal.to_owned())
            }
            _ => None,
        }
    }
}

/// Whether a value of the one type has the same text when its column is of the other.
fn is_alike(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    match (from, to) {
        (T::Text | T::Varchar(_) | T::Char(_), T::Text | T::Varchar(_))
        | (T::Char(_), T::Char(_))
        | (T::Numeric(_), T::Numeric(_))
        | (T::Bit(_), T::Bit(_))
        | (T::VarBit(_), T::VarBit(_)) => true,
        (from, to) => from == to || from.is_integer() && to.is_integer(),
    }
}
