//! What is wrong with the sample on purpose, and where each of its faults has to end.

mod faults;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use shared::error_code::ErrorCode;

use crate::error::{EngineError, Result};

use faults::FAULTS;
pub(super) use faults::Fault;

/// Everything that was planted. It is what a migration by the template is measured against.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    pub seed: u64,
    /// The scale in millionths.
    pub scale_millionths: u64,
    /// Rows of each table.
    pub tables: BTreeMap<String, u64>,
    /// Records of one person, by the ids of `dispatch_patient`; every pair of a person is here.
    pub duplicates: Vec<Pair>,
    /// Records that look like one person's and are not.
    pub look_alikes: Vec<Pair>,
    pub defects: Vec<Defect>,
}

/// Two patients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    pub kind: String,
    pub left: u32,
    pub right: u32,
}

/// One kind of fault and the rows that have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defect {
    pub defect: String,
    /// The table of the source, and the keys of its rows.
    pub table: String,
    pub ids: Vec<u32>,
    /// Where those rows end, in every table that they are mapped to and in which it shows.
    pub ends: Vec<End>,
}

/// Where rows end. The target's rows are known by their column `legacy_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// The table of the target, without its schema.
    pub target: String,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// The row is in the target and meets the condition, which PostgreSQL and SQLite understand.
    Loaded { shows: String },
    /// The row is in quarantine.
    Quarantined { code: ErrorCode },
    /// The mapping's filter leaves the row out, and the books count it.
    Filtered,
}

impl Truth {
    pub fn read(path: &Path) -> Result<Self> {
        let doing = || format!("reading the truth file {}", path.display());
        let text = std::fs::read_to_string(path)
            .map_err(|error| EngineError::new(ErrorCode::Conn008, doing()).because(error))?;
        serde_json::from_str(&text)
            .map_err(|error| EngineError::new(ErrorCode::Conn008, doing()).because(error))
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        let failed = |error: std::io::Error| {
            EngineError::new(ErrorCode::Conn008, format!("writing {}", path.display()))
                .because(error)
        };
        let mut file = BufWriter::new(File::create(path).map_err(failed)?);
        serde_json::to_writer(&mut file, self).map_err(|error| failed(error.into()))?;
        file.write_all(b"\n").map_err(failed)?;
        file.flush().map_err(failed)
    }

    /// The rows that have a fault; none when it is not known.
    pub fn ids(&self, defect: &str) -> &[u32] {
        self.defects.iter().find(|known| known.defect == defect).map_or(&[], |known| &known.ids)
    }

    /// How many rows of a target have to be in quarantine, for each code.
    pub fn quarantined(&self) -> BTreeMap<(String, ErrorCode), u64> {
        let mut counts = BTreeMap::new();
        for defect in &self.defects {
            for end in &defect.ends {
                if let Outcome::Quarantined { code } = end.outcome {
                    *counts.entry((end.target.clone(), code)).or_default() +=
                        defect.ids.len() as u64;
                }
            }
        }
        counts
    }
}

/// Notes faults while rows are made.
#[derive(Debug, Default)]
pub(super) struct Notes(BTreeMap<Fault, Vec<u32>>);

impl Notes {
    pub(super) fn note(&mut self, fault: Fault, id: u32) {
        self.0.entry(fault).or_default().push(id);
    }

    pub(super) fn note_if(&mut self, is_so: bool, fault: Fault, id: u32) {
        if is_so {
            self.note(fault, id);
        }
    }

    pub(super) fn into_defects(mut self) -> Vec<Defect> {
        FAULTS
            .iter()
            .map(|(fault, table, ends)| {
                let mut ids = self.0.remove(fault).unwrap_or_default();
                ids.sort_unstable();
                Defect {
                    defect: name(*fault),
                    table: (*table).to_owned(),
                    ids,
                    ends: ends
                        .iter()
                        .map(|(target, ending)| End {
                            target: (*target).to_owned(),
                            outcome: ending.outcome(),
                        })
                        .collect(),
                }
            })
            .collect()
    }
}

fn name(fault: Fault) -> String {
    match serde_json::to_value(fault) {
        Ok(serde_json::Value::String(name)) => name,
        _ => unreachable!("a variant without fields is written as its name"),
    }
}
