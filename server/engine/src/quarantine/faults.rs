//! What is wrong with a run's rows, with a few examples of each kind.

use shared::id::RunId;
use shared::quarantine::{QuarantineFilter, Selection};
use shared::rehearsal::RehearsedFault;

use super::Question as _;
use super::kept::{Conditions, Pages};
use super::list::Counts;
use super::show::{decoded, masked};
use crate::clock::SystemClock;
use crate::error::Result;
use crate::load::Session;
use crate::seal::Key;

/// Kinds of faults that are told with examples; one cause usually explains most rows.
const MOST_KINDS: usize = 200;

pub(crate) async fn faults<S: Session>(
    session: &mut S,
    run: &RunId,
    key: &Key,
    examples: u32,
) -> Result<Vec<RehearsedFault>> {
    let quarantine = super::Quarantine { target_url: "", run, key, clock: &SystemClock };
    let counts = Counts { run }.ask(session).await?;
    let mut lanes = None;
    let mut faults = Vec::with_capacity(counts.len());
    for count in counts {
        let filter = QuarantineFilter {
            table: Some(count.target.clone()),
            code: Some(count.code),
            column: count.column.clone(),
            state: None,
        };
        let mut fault = RehearsedFault {
            target: count.target,
            code: count.code,
            column: count.column,
            rows: count.rows,
            reason: String::new(),
            examples: Vec::new(),
        };
        if faults.len() < MOST_KINDS {
            let selection = Selection { filter, ..Selection::default() };
            let mut pages = Pages::new(Conditions::of_run(run), &selection).at_most(examples);
            while let Some(rows) = pages.next(session, key).await? {
                for kept in rows {
                    fault.reason.clone_from(&kept.standing.reason);
                    let (original, current) =
                        decoded(session, quarantine, &mut lanes, kept).await?;
                    fault.examples.push(masked(&original, &current));
                }
            }
        }
        faults.push(fault);
    }
    Ok(faults)
}
