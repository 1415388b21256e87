//! Values that rows of a file look up in another file of the folder: that file is read once, when
//! the first row asks, and kept for all readers.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use shared::error_code::ErrorCode;

use crate::connect::csv::{CsvFile, CsvFolder, decode, unreadable};
use crate::error::{EngineError, Result};
use crate::extract::LookedUp;

/// What the values of all lookups of a source may weigh together. A larger table belongs into a
/// database, which looks values up by an index.
const MOST_BYTES: usize = 32 << 20;

/// About what a map holds of an entry besides its texts.
const ENTRY_BYTES: usize = 64;

/// Values by their keys, as they stand in the file.
pub(super) type Values = HashMap<Box<str>, Box<str>>;

/// What has been read so far. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Lookups(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    bytes: usize,
    tables: Vec<(LookedUp, Arc<Values>)>,
}

impl Lookups {
    /// The values of a lookup. Whoever comes while they are read waits for them.
    pub(super) fn values(&self, folder: &CsvFolder, wanted: &LookedUp) -> Result<Arc<Values>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |known: &LookedUp| {
            known.table == wanted.table && known.key == wanted.key && known.value == wanted.value
        };
        if let Some((_, values)) = kept.tables.iter().find(|(known, _)| is_same(known)) {
            return Ok(Arc::clone(values));
        }
        let file = folder.file(&wanted.table)?;
        let values = Arc::new(read(file, wanted, &mut kept.bytes)?);
        file.check_unchanged()?;
        kept.tables.push((wanted.clone(), Arc::clone(&values)));
        Ok(values)
    }
}

/// An empty value is none. A line that is no row, and a text that is none, say nothing: whoever asks
/// for them finds nothing.
fn read(file: &CsvFile, wanted: &LookedUp, bytes: &mut usize) -> Result<Values> {
    let doing = || format!("looking values up in {}", wanted.table);
    let place = |name: &str| {
        file.columns.iter().position(|column| column == name).ok_or_else(|| {
            EngineError::new(ErrorCode::Map002, doing())
                .because(format!("its header has no column `{name}`"))
        })
    };
    let (key, value) = (place(&wanted.key)?, place(&wanted.value)?);
    let failed = |error| unreadable(&file.path, error);
    let mut records = file.records(file.rows_from, u64::MAX).map_err(failed)?;
    let mut values = Values::new();
    while let Some(record) = records.next().map_err(failed)? {
        if record.len() != file.columns.len() || record.is_broken {
            continue;
        }
        let text = |place| decode(file.encoding, record.field(place)).filter(|t| !t.is_empty());
        let (Some(key), Some(value)) = (text(key), text(value)) else { continue };
        match values.entry(key.into()) {
            Entry::Vacant(place) => {
                *bytes += place.key().len() + value.len() + ENTRY_BYTES;
                if *bytes > MOST_BYTES {
                    return Err(EngineError::new(ErrorCode::Map006, doing()).because(format!(
                        "values that are looked up in files may weigh {} MiB together",
                        MOST_BYTES >> 20
                    )));
                }
                place.insert(value.into());
            }
            Entry::Occupied(known) if **known.get() == *value => {}
            Entry::Occupied(_) => {
                return Err(EngineError::new(ErrorCode::Map001, doing()).because(format!(
                    "a key of `{}` is there twice, with two values",
                    wanted.key
                )));
            }
        }
    }
    Ok(values)
}
