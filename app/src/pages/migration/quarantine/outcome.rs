//! What came of something that was done with rows.

use leptos::{prelude::*, task::spawn_local};
use shared::quarantine::{ActionKind, TableWork, WorkOutcome};
use shared::user::Permission;

use super::causes::CountTable;
use super::desk::Desk;
use crate::api::{self, ApiError};
use crate::components::{Icon, NumberCells, NumberHeads, Refusal, Shape, TableFrame};
use crate::format;
use crate::stores::Session;

/// The last thing that was done on this page, until it is dismissed.
#[component]
pub(super) fn LastOutcome(desk: Desk) -> impl IntoView {
    view! {
        <div role="status">
            {move || desk.outcome().map(|outcome| view! { <OutcomeCard desk outcome/> })}
        </div>
    }
}

#[component]
fn OutcomeCard(desk: Desk, outcome: WorkOutcome) -> impl IntoView {
    let session = Session::expect();
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let action = StoredValue::new(outcome.action.id.clone());
    let undo = move |_| {
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            match api::quarantine::undo(&desk.run(), &action.get_value()).await {
                Ok(outcome) => desk.finish(outcome),
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    let can_be_undone = outcome.action.kind != ActionKind::Undo && outcome.done() > 0;
    view! {
        <section class="card" aria-label="What came of it">
            <div class="card-head">
                <p class="outcome">
                    <Icon shape=Shape::Done/>
                    {sentence(&outcome)}
                </p>
                <div class="actions">
                    <Show when=move || can_be_undone && session.may(Permission::WorkQuarantine)>
                        <button type="button" class="button" disabled=is_busy on:click=undo>
                            <Icon shape=Shape::Undo/>
                            "Undo"
                        </button>
                    </Show>
                    <button
                        type="button"
                        class="button icon-only quiet"
                        on:click=move |_| desk.forget_outcome()
                    >
                        <Icon shape=Shape::Close/>
                        <span class="visually-hidden">"Dismiss"</span>
                    </button>
                </div>
            </div>
            <Refusal error=refusal/>
            <OutcomeTables outcome/>
        </section>
    }
}

/// What was done, in one sentence.
fn sentence(outcome: &WorkOutcome) -> String {
    let (done, selected) = (format::count(outcome.done()), outcome.selected());
    let rows = format::counted(selected, "row", "rows");
    match outcome.action.kind {
        ActionKind::Triage => format!("{done} of {rows} marked as looked at."),
        ActionKind::Fix => {
            format!("{done} of {rows} fixed. They wait to be replayed.")
        }
        ActionKind::Waive => format!("{done} of {rows} signed to stay behind."),
        ActionKind::Replay => format!("{done} of {rows} are in the target now."),
        ActionKind::Undo => format!("{done} of {rows} stand again where they stood."),
    }
}

/// The numbers by table, and what was refused again.
#[component]
pub(super) fn OutcomeTables(outcome: WorkOutcome) -> impl IntoView {
    let WorkOutcome { tables, refused, .. } = outcome;
    view! {
        {(!tables.is_empty()).then(|| view! { <WorkTable tables/> })}
        {(!refused.is_empty())
            .then(|| {
                view! {
                    <p>"Refused again, for these reasons:"</p>
                    <CountTable
                        label="Rows that were refused again"
                        counts=refused
                        address=|_| None
                    />
                }
            })}
    }
}

/// One number of a [`TableWork`], under its name.
type Figure = (&'static str, fn(&TableWork) -> i64);

const FIGURES: [Figure; 6] = [
    ("Rows", |table| whole(table.selected)),
    ("Done", |table| whole(table.done)),
    ("Refused again", |table| whole(table.again)),
    ("Wait for a parent", |table| whole(table.parked)),
    ("Left as they were", |table| whole(table.left)),
    ("More in the target", |table| table.arrived),
];

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[component]
fn WorkTable(tables: Vec<TableWork>) -> impl IntoView {
    view! {
        <TableFrame label="What came of it by table">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Table"</th>
                        <NumberHeads names=FIGURES.map(|(name, _)| name)/>
                    </tr>
                </thead>
                <tbody>
                    {tables
                        .into_iter()
                        .map(|table| {
                            let numbers = FIGURES.map(|(_, number)| signed(number(&table)));
                            view! {
                                <tr>
                                    <th scope="row">
                                        {table.target.map(|target| target.to_string())}
                                    </th>
                                    <NumberCells numbers/>
                                </tr>
                            }
                        })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
}

fn signed(number: i64) -> String {
    let sign = if number < 0 { "−" } else { "" };
    format!("{sign}{}", format::count(number.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::signed;

    #[test]
    fn rows_that_left_the_target_are_counted_below_nothing() {
        assert_eq!(signed(-1_200), "−1,200");
        assert_eq!(signed(0), "0");
    }
}
