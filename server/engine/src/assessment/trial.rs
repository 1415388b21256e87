//! The rules of one table, tried on a few rows of the source. Reads; writes nothing anywhere.

use std::time::Duration;

use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::{
    RulesTrial, TableMapping, TriedCell, TriedFault, TriedOutcome, TriedRow, TriedRules,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::assess::catalog;
use crate::connect::Source;
use crate::error::{EngineError, Result};
use crate::extract::{Chunk, ChunkRange, ReadColumn, Snapshot, TableRead};
use crate::ident;
use crate::load::blueprint::with_types_of;
use crate::map::{catalog_of_target, source_table, target_name};
use crate::quarantine::mask;
use crate::seal::Key;
use crate::transform::{self, BadValue, End, RowTransform, text_of};
use crate::value::{Row, Value};

/// Nobody looks at more.
const MOST_ROWS: u32 = 50;

/// Files are read in pieces of so many bytes until there are rows enough.
const PIECE_BYTES: usize = 16 * 1024;

/// Somebody waits for the answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the rules of one table make of a few rows, whichever the source gives first, masked. What
/// else the plan lacks does not matter.
pub async fn try_rules(
    trial: &RulesTrial,
    source_url: &str,
    target_url: &str,
    key: &Key,
) -> Result<TriedRules> {
    let mapping = usize::try_from(trial.table).ok().and_then(|it| trial.plan.tables.get(it));
    let mapping = mapping.ok_or_else(|| {
        EngineError::new(ErrorCode::Map002, "trying the rules of a table")
            .because("the plan has no table at this place")
    })?;
    let tried = timeout(PATIENCE, read_and_turn(trial, mapping, (source_url, target_url), key));
    tried.await.unwrap_or_else(|_| {
        Err(EngineError::new(
            ErrorCode::Load042,
            format!("reading a few rows of {}", mapping.source),
        ))
    })
}

async fn read_and_turn(
    trial: &RulesTrial,
    mapping: &TableMapping,
    (source_url, target_url): (&str, &str),
    key: &Key,
) -> Result<TriedRules> {
    let plan = &trial.plan;
    let source = Source::open(source_url).await?;
    let there = catalog::of_source(&source).await?;
    let target = catalog_of_target(target_url).await?;
    let engine = target.engine;
    let mapping = with_types_of(&target, mapping);
    let name = target_name(engine, &mapping.target);
    let from = End { engine: source.engine(), table: source_table(&there, &mapping.source) };
    let mut read =
        transform::read_for(plan, &mapping, from, End { engine, table: target.table(&name) });
    // What is shown is a value, not the bytes of one.
    read.columns.iter_mut().for_each(ReadColumn::as_value);
    let turn = RowTransform::compile(plan, &mapping, &read, engine, key.as_bytes())?;
    let most = trial.rows.min(MOST_ROWS);
    let piece = only_a_few(&mut read, source.engine(), most);

    let mut rows = Vec::new();
    if most > 0 {
        let mut snapshot = Snapshot::open(&source, 1).await?;
        let whole = Chunk { ordinal: 0, range: ChunkRange::Whole, rows: 0 };
        let (send, mut receive) = mpsc::channel(1);
        let reading = snapshot.reader()?.read(&read, &whole, piece, send);
        let turning = async {
            while let Some(batch) = receive.recv().await {
                let missing = most as usize - rows.len();
                rows.extend(
                    batch.iter().take(missing).map(|row| tried(&turn, &mapping, &read, &row)),
                );
                if rows.len() == most as usize {
                    break;
                }
            }
            drop(receive);
        };
        match tokio::join!(reading, turning).0 {
            // Enough was seen of it.
            Err(error) if error.code() == ErrorCode::Sys004 => {}
            read => drop(read?),
        }
    }
    Ok(TriedRules { source: mapping.source, target: mapping.target, rows })
}

/// Has a database give no more rows than are looked at: a statement that is left halfway would be
/// worked to its end. Gives how large a batch is to be.
fn only_a_few(read: &mut TableRead, engine: Engine, most: u32) -> usize {
    if engine == Engine::Csv {
        return PIECE_BYTES;
    }
    let all = match &read.query {
        Some(query) => format!("({}\n) as transfuse_all", query.trim().trim_end_matches(';')),
        None => ident::quote_table(engine, &read.table),
    };
    read.query = Some(format!("select * from {all} limit {most}"));
    usize::MAX
}

fn tried(turn: &RowTransform, mapping: &TableMapping, read: &TableRead, row: &Row<'_>) -> TriedRow {
    let values = match turn.try_columns(row) {
        Ok(values) => values,
        Err(bad) => {
            return TriedRow {
                outcome: TriedOutcome::Quarantined,
                fault: Some(fault(bad)),
                cells: Vec::new(),
            };
        }
    };
    let outcome = if turn.is_filtered(row) {
        TriedOutcome::Filtered
    } else if values.iter().any(Result::is_err) {
        TriedOutcome::Quarantined
    } else {
        TriedOutcome::Loaded
    };
    let cells = mapping.columns.iter().zip(values).map(|(column, value)| {
        let place = column
            .source
            .as_ref()
            .and_then(|name| read.columns.iter().position(|column| column.name == *name));
        let before = place.map_or(Value::Null, |place| row.value(place));
        let (after, fault) = match value {
            Ok(value) => (value, None),
            Err(bad) => (Value::Null, Some(fault(bad))),
        };
        TriedCell {
            column: column.target.clone(),
            source: column.source.clone(),
            is_changed: fault.is_none() && said(&before) != said(&after),
            before: mask::shape(&before),
            after: mask::shape(&after),
            fault,
        }
    });
    TriedRow { outcome, fault: None, cells: cells.collect() }
}

fn said(value: &Value<'_>) -> Option<String> {
    text_of(value.clone()).ok().map(std::borrow::Cow::into_owned)
}

fn fault(bad: BadValue) -> TriedFault {
    TriedFault { code: bad.code, reason: bad.reason }
}
