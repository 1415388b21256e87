//! The legacy clinical database MDW: a Django application's tables, thirteen years of use, and
//! every fault that was found in them. Nobody in it exists.
//!
//! The same seed and scale give the same rows on every engine. What is planted is written to a
//! truth file, against which a migration can be checked row by row.

mod ids;
mod volume;
mod time;
mod names;
mod world;
mod offices;
mod people;
mod duplicates;
mod orders;
mod schema;
mod truth;
mod tables;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use shared::connection::Engine;

use super::dice;
use crate::error::Result;

pub use truth::{Defect, End, Outcome, Pair, Truth};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Rows of each table, in the order in which they were filled.
    pub tables: Vec<(String, u64)>,
}

/// Writes the database at this scale (1 is the real system's size, some four million rows) and,
/// if asked, its truth file.
///
/// A database that has one of the tables already is refused and left as it is.
pub async fn generate(
    into_url: &str,
    scale: f64,
    seed: u64,
    truth: Option<&Path>,
) -> Result<Summary> {
    let volume = volume::Volume::at(scale)?;
    let (found, tables) = write::database(into_url, move |rows| {
        let world = world::World::new(seed, volume);
        let defects = tables::make(&world, rows)?;
        let tables = rows.counts();
        let found = Truth {
            seed,
            scale_millionths: volume.millionths,
            tables: tables.iter().cloned().collect::<BTreeMap<_, _>>(),
            duplicates: world.duplicates,
            look_alikes: world.look_alikes,
            defects,
        };
        Ok((found, tables))
    })
    .await?;
    if let Some(path) = truth {
        found.write(path)?;
    }
    Ok(Summary { tables })
}

/// Where the truth about a sample is kept when nobody says otherwise: beside a SQLite file, or
/// under the database's name in the current folder.
pub fn truth_path(into_url: &str) -> PathBuf {
    let path = into_url.split(['?', '#']).next().unwrap_or(into_url);
    let name = match Engine::of_url(path) {
        Some(Engine::Sqlite) => path.trim_start_matches("sqlite:").trim_start_matches("//"),
        _ => path.rsplit('/').next().unwrap_or("mdw"),
    };
    PathBuf::from(format!("{name}.truth.json"))
}

/// The catalog of the legacy tables, as PostgreSQL would give it.
#[cfg(test)]
pub(crate) fn catalog() -> shared::assessment::Catalog {
    schema::catalog()
}

/// A length as the ids count.
fn count(length: usize) -> u32 {
    u32::try_from(length).expect("the scale is bounded")
}

#[cfg(test)]
mod tests {
    use super::truth_path;

    #[test]
    fn the_truth_lies_beside_the_database() {
        for (url, path) in [
            ("sqlite:/tmp/legacy.db", "/tmp/legacy.db.truth.json"),
            ("sqlite://legacy.db", "legacy.db.truth.json"),
            ("postgres://ann:secret@db:5432/mdw?sslmode=require", "mdw.truth.json"),
        ] {
            assert_eq!(truth_path(url).to_str(), Some(path));
        }
    }
}
