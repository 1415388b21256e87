//! What a fix would do, without doing it: by the rules and types of the plan. Writes nothing.

use std::collections::BTreeMap;

use shared::error_code::ErrorCode;
use shared::plan::Plan;
use shared::quarantine::{
    FixPreview, PreviewExample, PreviewRequest, QuarantineCount, QuarantineState, QuarantinedCell,
};

use super::fix::{Mended, Mender};
use super::kept::{Conditions, Kept, Pages};
use super::lane::Lanes;
use super::show::masked;
use super::work::no_such_run;
use super::{Quarantine, Question, parsed};
use crate::error::Result;
use crate::load::{Session, blueprint};

/// Nobody looks at more.
const MOST_EXAMPLES: u32 = 200;

pub(super) struct Preview<'a> {
    pub quarantine: Quarantine<'a>,
    pub request: &'a PreviewRequest,
    pub rules: Option<&'a Plan>,
}

impl Question for Preview<'_> {
    type Answer = FixPreview;

    async fn ask<S: Session>(self, session: &mut S) -> Result<FixPreview> {
        let Quarantine { run, key, .. } = self.quarantine;
        let mender = self.request.fix.as_ref().map(Mender::new).transpose()?;
        let blueprint = blueprint::find(session, run.as_str())
            .await?
            .ok_or_else(|| no_such_run(run.as_str()))?;
        let mut lanes = Lanes::new(blueprint, self.rules, session.catalog().await?, key);
        let mut answer = FixPreview::default();
        let mut refused: BTreeMap<(String, ErrorCode, Option<String>), u64> = BTreeMap::new();
        let wanted = self.request.examples.min(MOST_EXAMPLES) as usize;

        let mut conditions = Conditions::of_run(run);
        let states: Vec<String> = QuarantineState::ALL
            .into_iter()
            .filter(|state| state.allows(QuarantineState::Replayed))
            .map(|state| format!("'{state}'"))
            .collect();
        conditions.plain(format!("q.state in ({})", states.join(", ")));
        let mut pages = Pages::new(conditions, &self.request.selection);
        while let Some(rows) = pages.next(session, key).await? {
            for mut kept in rows {
                let lane = lanes.get(kept.table_index)?;
                answer.selected += 1;
                let before = lane.decoded(&kept.current);
                let outcome = mender.as_ref().map(|mender| mender.mend(&before, &lane.mapping));
                let is_changed = matches!(outcome, Some(Mended::Changed(_)));
                if let Some(Mended::Changed(cells)) = outcome {
                    answer.changed += 1;
                    kept.current = cells;
                }
                let fault = lane.turn(&kept).err();
                match &fault {
                    None => answer.passes += 1,
                    Some(fault) => {
                        let column = Some(fault.column.clone()).filter(|name| !name.is_empty());
                        *refused.entry((kept.target.clone(), fault.code, column)).or_default() += 1;
                    }
                }
                if (is_changed || mender.is_none()) && answer.examples.len() < wanted {
                    let after = lane.decoded(&kept.current);
                    let cells: Vec<QuarantinedCell> = masked(&before, &after)
                        .into_iter()
                        .filter(|cell| cell.is_changed || mender.is_none())
                        .collect();
                    answer.examples.push(example(&kept, cells, fault)?);
                }
            }
        }
        answer.refused = refused
            .into_iter()
            .map(|((target, code, column), rows)| {
                Ok(QuarantineCount { target: parsed(Some(target))?, code, column, rows })
            })
            .collect::<Result<_>>()?;
        answer.refused.sort_by_key(|count| std::cmp::Reverse(count.rows));
        Ok(answer)
    }
}

fn example(
    kept: &Kept,
    cells: Vec<QuarantinedCell>,
    fault: Option<crate::transform::BadValue>,
) -> Result<PreviewExample> {
    Ok(PreviewExample {
        id: parsed(Some(kept.id.clone()))?,
        target: parsed(Some(kept.target.clone()))?,
        cells,
        code: fault.as_ref().map(|fault| fault.code),
        column: fault.as_ref().map(|f| f.column.clone()).filter(|name| !name.is_empty()),
        reason: fault.map(|fault| fault.reason),
    })
}
