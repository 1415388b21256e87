//! People of a run: some of them drawn, so that somebody looks at them, and what both sides have of
//! one. Nothing is written here.

mod links;
mod draw;
mod look;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use shared::assessment::{Catalog, TableName};
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::Plan;

use self::links::Link;
use super::absent::{self, Absent, Ordinals, Quarantine};
use super::conduct::refuse_problems;
use super::table::{Comparison, Part, comparisons};
use super::{merged, rows};
use crate::assess::catalog;
use crate::connect::Source;
use crate::error::{EngineError, Result};
use crate::extract::{Reader, Snapshot};
use crate::load::{PostgresTarget, Session, SqliteTarget, Target, ledger};
use crate::map::target_name;
use crate::merge;
use crate::run::work_hash;
use crate::seal::Key;
use crate::value::{Row, Value, display};

pub use draw::{Ages, DrawRequest, Drawn, DrawnPerson, DrawnStratum, draw};
pub use look::{LookRequest, look};

/// Where somebody's row is found again in the source. It holds values, and is kept sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Handle {
    /// Which of the mappings that fill the table.
    part: usize,
    /// What tells the row apart: columns of the source, and their texts.
    cells: Vec<(String, Option<String>)>,
}

/// Both sides as they are at one instant.
struct Opened<S> {
    source: Engine,
    /// Reads each side.
    from: Reader,
    to: Reader,
    session: S,
    comparisons: Vec<Comparison>,
    links: Vec<Link>,
    /// The table of people among the comparisons.
    people: usize,
    run_id: Option<String>,
    /// Those who became one with somebody.
    merged: HashSet<String>,
}

/// What is opened, and by what.
#[derive(Clone, Copy)]
struct Sides<'a> {
    plan: &'a Plan,
    source_url: &'a str,
    table: &'a TableName,
    key: &'a Key,
}

async fn open<T: Target>(
    target: &T,
    target_url: &str,
    sides: Sides<'_>,
) -> Result<Opened<T::Session>> {
    let source = Source::open(sides.source_url).await?;
    let other = Source::open(target_url).await?;
    let source_catalog = catalog::of_source(&source).await?;
    let mut session = target.session().await?;
    let catalog: Catalog = session.catalog().await?;
    refuse_problems(sides.plan, &source_catalog, &catalog)?;
    let secret = sides.key.as_bytes();
    let mut comparisons = comparisons(sides.plan, &source_catalog, &catalog, secret)?;
    let merged = merged::load(&mut session, sides.key, &comparisons).await?;
    for (comparison, merged) in comparisons.iter_mut().zip(merged) {
        comparison.merged = merged;
    }
    let name = target_name(target.engine(), sides.table);
    let people = comparisons.iter().position(|known| known.target == name).ok_or_else(|| {
        EngineError::new(ErrorCode::Ver002, format!("looking for the table of people, {name}"))
    })?;
    let run = ledger::find_run(&mut session, &work_hash(sides.plan)).await?;
    let links = links::links(sides.plan, &comparisons, &catalog);
    let members = merge::members(&mut session, &name).await?;
    Ok(Opened {
        source: source.engine(),
        from: only_reader(&source).await?,
        to: only_reader(&other).await?,
        session,
        comparisons,
        links,
        people,
        run_id: run.map(|run| run.run_id),
        merged: members,
    })
}

async fn only_reader(side: &Source) -> Result<Reader> {
    Snapshot::open(side, 1).await?.into_readers().pop().ok_or_else(|| {
        EngineError::new(ErrorCode::Sys001, "looking at people").because("no reader is open")
    })
}

/// Rows of a mapping that lie in quarantine.
async fn absent<S: Session>(
    session: &mut S,
    run_id: Option<&str>,
    key: &Key,
    comparison: &Comparison,
    part: &Part,
) -> Result<Absent> {
    let Some(run_id) = run_id else { return Ok(Absent::default()) };
    let quarantine = Quarantine { run_id, key, ordinals: Ordinals::All };
    absent::load(session, &quarantine, comparison, part).await
}

/// A value of the source as people read it, and as it is told from others.
fn text_of(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bytes(bytes) | Value::Raw(bytes) | Value::Invalid(_, bytes) => Some(
            std::str::from_utf8(bytes)
                .map_or_else(|_| crate::ident::hex_literal(bytes), str::to_owned),
        ),
        value => display(value).map(std::borrow::Cow::into_owned),
    }
}

/// What tells a row of the source apart: its key, or all of it.
fn handle_of(number: usize, part: &Part, row: &Row<'_>) -> Handle {
    let columns = part.read.columns.iter().enumerate();
    let is_told_by = |(place, column): &(usize, &crate::extract::ReadColumn)| {
        if part.read.key.is_empty() {
            *place < part.sealed_columns
        } else {
            part.read.key.contains(&column.name)
        }
    };
    let cells = columns
        .filter(is_told_by)
        .map(|(place, column)| (column.name.clone(), text_of(&row.value(place))))
        .collect();
    Handle { part: number, cells }
}

fn unsupported(doing: &str) -> EngineError {
    EngineError::new(ErrorCode::Conn006, doing)
}

fn unreadable() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "reading who was drawn")
}
