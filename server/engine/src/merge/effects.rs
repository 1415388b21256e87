//! What merges changed, row by row, for whoever has to tell a merge from damage.

use std::collections::HashSet;

use shared::assessment::TableName;

use super::record::{self, MergeState, Step};
use crate::error::Result;
use crate::load::Session;
use crate::load::row_image::Cell;
use crate::map::target_name;
use crate::seal::Key;

/// One row that a merge changed or took out.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Changed {
        table: TableName,
        /// How the row was found.
        locator: Vec<Cell>,
        before: Vec<Cell>,
        after: Vec<Cell>,
    },
    /// The row lives on in another.
    Gone {
        table: TableName,
        row: Vec<Cell>,
        /// A run of ours had put it there.
        is_of_run: bool,
    },
}

/// Who became one with somebody, of the people of a table: those whose row stayed, and those whose
/// row went.
pub async fn members<S: Session>(session: &mut S, people: &TableName) -> Result<HashSet<String>> {
    if !record::is_kept(session).await? {
        return Ok(HashSet::new());
    }
    let engine = session.engine();
    let stands = |merge: &record::Merge| {
        merge.state == MergeState::Applied && target_name(engine, &merge.people) == *people
    };
    let merges = record::list(session, None).await?.into_iter().filter(stands);
    Ok(merges.flat_map(|merge| merge.order.members).map(|id| id.0).collect())
}

/// Hands over what all merges that stand did to a target, in the order in which they did it.
pub async fn effects<S: Session>(
    session: &mut S,
    key: &Key,
    mut take: impl FnMut(Effect) -> Result<()>,
) -> Result<()> {
    if !record::is_kept(session).await? {
        return Ok(());
    }
    let mut merges = record::list(session, None).await?;
    // The list begins with the latest.
    merges.reverse();
    for merge in merges.into_iter().filter(|merge| merge.state == MergeState::Applied) {
        for step in record::steps(session, key, &merge.order.id).await? {
            match step {
                Step::Moved { table, from, to, rows } => {
                    for row in rows {
                        take(Effect::Changed {
                            table: table.clone(),
                            locator: row.key,
                            before: from.clone(),
                            after: to.clone(),
                        })?;
                    }
                }
                Step::Changed { rows } => {
                    for row in rows {
                        take(Effect::Changed {
                            table: row.table,
                            locator: row.locator,
                            before: row.before,
                            after: row.after,
                        })?;
                    }
                }
                Step::Removed { table, row, counts, .. } => {
                    take(Effect::Gone { table, row, is_of_run: counts })?;
                }
            }
        }
    }
    Ok(())
}
