//! The rules of one table, tried on a few rows of the source.

use leptos::{prelude::*, task::spawn_local};
use shared::plan::{RulesTrial, TriedCell, TriedFault, TriedOutcome, TriedRow, TriedRules};
use shared::user::Permission;

use super::super::quarantine::masked;
use crate::api::{self, ApiError};
use crate::components::{Badge, Refusal, TableFrame};
use crate::format;
use crate::stores::{PlanDraft, Session, Tone};

/// How many rows are asked for.
const ROWS: u32 = 8;

/// Shows what the rules make of real rows, once somebody asks.
#[component]
pub(super) fn Trial(
    draft: PlanDraft,
    /// The table's place in the plan.
    index: usize,
) -> impl IntoView {
    let session = Session::expect();
    let is_busy = RwSignal::new(false);
    let refusal = RwSignal::new(None::<ApiError>);
    let tried = RwSignal::new(None::<TriedRules>);
    let ask = move |_| {
        let Ok(plan) = draft.plan_untracked() else { return };
        let table = u32::try_from(index).unwrap_or(u32::MAX);
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            let answer = api::plans::try_rules(&RulesTrial { plan, table, rows: ROWS }).await;
            if tried.is_disposed() {
                return;
            }
            match answer {
                Ok(rules) => tried.set(Some(rules)),
                Err(error) => refusal.set(Some(error)),
            }
            is_busy.set(false);
        });
    };
    view! {
        <Show when=move || session.may(Permission::EditPlans)>
            <div class="actions">
                <button type="button" class="button" disabled=is_busy on:click=ask>
                    {move || {
                        if is_busy.get() { "Reading…" } else { "Try the rules on real rows" }
                    }}
                </button>
            </div>
            <Refusal error=refusal/>
            <div aria-live="polite">
                {move || tried.get().map(|rules| view! { <Rows rules/> })}
            </div>
        </Show>
    }
}

#[component]
fn Rows(rules: TriedRules) -> impl IntoView {
    if rules.rows.is_empty() {
        return view! { <p class="quiet-text">"The table has no rows."</p> }.into_any();
    }
    let shown = RwSignal::new(0_usize);
    let label = format!("Before and after in {}", rules.target);
    let sentence = sentence(&rules.rows);
    let numbers = 0..rules.rows.len();
    let rows = StoredValue::new(rules.rows);
    view! {
        <section class="tried">
            <p>{sentence}</p>
            <p class="quiet-text">
                "Letters are shown as x, digits as 9. Keys, and what the target itself checks, \
                 are not tried."
            </p>
            <div class="segments" role="group" aria-label="Row">
                {numbers
                    .map(|number| {
                        view! {
                            <button
                                type="button"
                                class="segment"
                                aria-pressed=move || (shown.get() == number).to_string()
                                on:click=move |_| shown.set(number)
                            >
                                <span class="visually-hidden">"Row "</span>
                                {number + 1}
                            </button>
                        }
                    })
                    .collect_view()}
            </div>
            {move || {
                let row = rows.with_value(|rows| rows.get(shown.get()).cloned());
                row.map(|row| view! { <OneRow label=label.clone() row/> })
            }}
        </section>
    }
    .into_any()
}

/// What became of the rows, counted.
fn sentence(rows: &[TriedRow]) -> String {
    let count = |outcome| rows.iter().filter(|row| row.outcome == outcome).count();
    let all = format::counted(rows.len() as u64, "row", "rows");
    let mut parts = Vec::new();
    for (outcome, what) in [
        (TriedOutcome::Loaded, "would be loaded"),
        (TriedOutcome::Filtered, "filtered"),
        (TriedOutcome::Quarantined, "would go to quarantine"),
    ] {
        let rows = count(outcome);
        if rows > 0 {
            parts.push(format!("{rows} {what}"));
        }
    }
    format!("{all} of the source: {}.", parts.join(", "))
}

#[component]
fn OneRow(label: String, row: TriedRow) -> impl IntoView {
    let (tone, text) = match row.outcome {
        TriedOutcome::Loaded => (Tone::Good, "would be loaded"),
        TriedOutcome::Filtered => (Tone::Info, "filtered"),
        TriedOutcome::Quarantined => (Tone::Bad, "would go to quarantine"),
    };
    view! {
        <p>
            <Badge tone text=text.to_owned()/>
            {row.fault.map(|fault| view! { <Fault fault/> })}
        </p>
        <TableFrame label>
            <table class="table cells">
                <thead>
                    <tr>
                        <th scope="col">"Column"</th>
                        <th scope="col">"From"</th>
                        <th scope="col">"Before"</th>
                        <th scope="col">"After"</th>
                    </tr>
                </thead>
                <tbody>
                    {row.cells.into_iter().map(|cell| view! { <Cell cell/> }).collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
}

#[component]
fn Cell(cell: TriedCell) -> impl IntoView {
    let TriedCell { column, source, before, after, is_changed, fault } = cell;
    let before = source.is_some().then(|| masked(before));
    view! {
        <tr class:changed=is_changed>
            <th scope="row">{column}</th>
            <td>{source.map(|source| view! { <code>{source}</code> })}</td>
            <td>{before}</td>
            <td>
                {match fault {
                    Some(fault) => view! { <Fault fault/> }.into_any(),
                    None => masked(after),
                }}
            </td>
        </tr>
    }
}

#[component]
fn Fault(fault: TriedFault) -> impl IntoView {
    view! {
        <span>
            <a href=fault.code.docs()>
                <code>{fault.code.as_str()}</code>
            </a>
            ": "
            {fault.reason}
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_the_rows_is_said_in_one_sentence() {
        let row = |outcome| TriedRow { outcome, fault: None, cells: Vec::new() };
        let rows =
            [row(TriedOutcome::Loaded), row(TriedOutcome::Quarantined), row(TriedOutcome::Loaded)];
        assert_eq!(
            sentence(&rows),
            "3 rows of the source: 2 would be loaded, 1 would go to quarantine."
        );
        assert_eq!(sentence(&rows[..1]), "1 row of the source: 1 would be loaded.");
    }
}
