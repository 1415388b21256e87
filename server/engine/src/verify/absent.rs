//! Rows of the source that are not to be in the target, though nothing in the plan leaves them
//! out: those in quarantine.

use std::collections::{HashMap, HashSet};

use shared::connection::Engine;
use shared::error_code::ErrorCode;

use super::canonical::{RowText, from_hexadecimal};
use super::rows::identity_hash;
use super::table::{Comparison, Part};
use crate::error::{EngineError, Result};
use crate::load::{Param, Session, ledger};
use crate::seal::{self, Key};
use crate::transform::{Slot, cast};
use crate::value::{self, Value};

/// Rows by the hash of what they were read as, or of what tells them apart in the target.
#[derive(Debug, Clone, Default)]
pub(super) struct Absent {
    source: HashMap<u64, u32>,
    target: HashSet<u64>,
}

impl Absent {
    pub(super) fn is_empty(&self) -> bool {
        self.source.is_empty()
    }

    pub(super) fn has_identities(&self) -> bool {
        !self.target.is_empty()
    }

    /// Whether a row of the source is one of them. Of equal rows as many are as lie in quarantine.
    pub(super) fn takes_source(&mut self, hash: u64) -> bool {
        match self.source.get_mut(&hash) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }

    pub(super) fn takes_target(&self, hash: u64) -> bool {
        self.target.contains(&hash)
    }
}

/// The rows in quarantine of one mapping: those of one chunk of the run, or of all.
pub(super) struct Quarantine<'a> {
    pub(super) run_id: &'a str,
    pub(super) key: &'a Key,
    pub(super) ordinals: Ordinals,
}

/// Which of a mapping's rows in quarantine are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ordinals {
    All,
    /// Those of a chunk, and those that were taken out of the target afterwards.
    Of(u32),
}

/// How many sealed rows are held at once.
const ROWS_AT_ONCE: i64 = 500;

pub(super) async fn load<S: Session>(
    session: &mut S,
    quarantine: &Quarantine<'_>,
    comparison: &Comparison,
    part: &Part,
) -> Result<Absent> {
    let engine = session.engine();
    let mut absent = Absent::default();
    let hexadecimal = match engine {
        Engine::Postgres => "encode(sealed, 'hex')",
        _ => "hex(sealed)",
    };
    let narrowed = match quarantine.ordinals {
        Ordinals::All => "",
        Ordinals::Of(_) => " and (ordinal = $5 or ordinal < 0)",
    };
    let sql = format!(
        "select id, cast(ordinal as text), {hexadecimal} from {}
         where run_id = $1 and table_index = $2 and id > $3{narrowed}
         order by id
         limit $4",
        ledger::table(engine, "quarantine")
    );
    let mut last = String::new();
    loop {
        let index = i64::try_from(part.index).unwrap_or(i64::MAX);
        let mut params = vec![
            Param::Text(quarantine.run_id),
            Param::Int(index),
            Param::Text(&last),
            Param::Int(ROWS_AT_ONCE),
        ];
        if let Ordinals::Of(ordinal) = quarantine.ordinals {
            params.push(Param::Int(ordinal.into()));
        }
        let rows = session.fetch(&sql, &params).await?;
        let Some(next) = rows.last().and_then(|row| row.first()?.clone()) else {
            return Ok(absent);
        };
        for row in rows {
            let [_, Some(ordinal), Some(sealed)] = row.as_slice() else { return Err(unreadable()) };
            let sealed = from_hexadecimal(sealed.as_bytes()).ok_or_else(unreadable)?;
            let cells = value::from_sealed_form(&seal::open(quarantine.key, &sealed)?)?;
            if ordinal.starts_with('-') {
                absent.target.insert(of_target(engine, comparison, &cells));
            } else {
                *absent.source.entry(of_source(part, &cells)).or_default() += 1;
            }
        }
        last = next;
    }
}

type Cells = [(String, Value<'static>)];

/// The hash of a row that was sealed as it was read.
fn of_source(part: &Part, cells: &Cells) -> u64 {
    let mut text = RowText::default();
    let columns = &part.read.columns[..part.sealed_columns];
    let values: Vec<_> = columns
        .iter()
        .map(|column| {
            let cell = cells.iter().find(|(name, _)| *name == column.name);
            match cell.map_or(Value::Null, |(_, value)| value.clone()) {
                Value::Raw(bytes) => crate::extract::decoded(&column.data_type, &bytes),
                value => value,
            }
        })
        .collect();
    let types = columns.iter().map(|column| &column.data_type);
    text.write(Engine::Sqlite, values.iter().zip(types));
    text.hash()
}

/// What tells a row apart that was taken out of the target, by the texts that it was sealed as.
fn of_target(engine: Engine, comparison: &Comparison, cells: &Cells) -> u64 {
    let mut text = RowText::default();
    let values: Vec<Value<'static>> = comparison
        .columns
        .iter()
        .map(|column| {
            let cell = cells.iter().find(|(name, _)| *name == column.name);
            let value = match cell.map_or(Value::Null, |(_, value)| value.clone()) {
                Value::Text(text) if engine == Engine::Sqlite => unquoted(&text),
                value => value,
            };
            let slot = Slot { data_type: &column.data_type, labels: None, engine };
            cast(value.clone(), slot).unwrap_or(value)
        })
        .collect();
    let types = comparison.columns.iter().map(|column| &column.data_type);
    text.write(engine, values.iter().zip(types));
    identity_hash(comparison, &text)
}

/// The value of what SQLite's `quote` wrote.
fn unquoted(text: &str) -> Value<'static> {
    if text == "NULL" {
        return Value::Null;
    }
    let inside = |text: &str| text.strip_suffix('\'').map(|text| text.replace("''", "'"));
    if let Some(bytes) =
        text.strip_prefix("X'").and_then(inside).and_then(|text| from_hexadecimal(text.as_bytes()))
    {
        return Value::Bytes(bytes.into());
    }
    let plain = text.strip_prefix('\'').and_then(inside).unwrap_or_else(|| text.to_owned());
    Value::Text(plain.into())
}

fn unreadable() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "reading the quarantine")
}
