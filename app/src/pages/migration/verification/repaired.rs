//! What a repair would do, or did, and the buttons that do it and take it back.

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};
use shared::approval::Act;
use shared::id::{ApprovalId, RunId};
use shared::user::Permission;
use shared::verification::{Repair, RepairOutcome, RepairState, TableRepair};

use super::super::second_person::{Begin, Words};
use super::Place;
use super::repair::{RepairBadge, selected};
use crate::api::{self, ApiError};
use crate::components::{FailureNote, Icon, NumberCells, NumberHeads, Refusal, Shape, TableFrame};
use crate::format;
use crate::stores::Session;

/// How long to wait between two looks at a repair that is under way.
const BETWEEN_LOOKS: u32 = 1_000;

#[component]
pub(super) fn Looked(
    repair: Repair,
    run: RunId,
    chosen: RwSignal<Option<Repair>>,
    /// Nobody may repair alone.
    second_person: bool,
    /// Changed when rows are no longer what they were.
    repaired: RwSignal<u32>,
) -> impl IntoView {
    let session = Session::expect();
    let state = repair.state;
    let is_waiting = state == RepairState::Running
        || (state == RepairState::Completed && repair.verified_by.is_none());
    if is_waiting {
        watch(&repair, chosen, repaired);
    }
    let may = session.may(Permission::RepairTargets);
    let is_known = repair.outcome.is_some();
    let can_start =
        may && is_known && matches!(state, RepairState::Previewed | RepairState::Failed);
    let can_take_back = may && state == RepairState::Completed;
    let whole = repair.clone();
    let id = repair.id.clone();
    view! {
        <section class="card" aria-labelledby="looked">
            <div class="card-head">
                <div>
                    <h3 id="looked">{selected(&repair.selection)}</h3>
                    <p class="badges" role="status">
                        <RepairBadge state/>
                    </p>
                </div>
                <button
                    type="button"
                    class="button icon-only quiet"
                    on:click=move |_| chosen.set(None)
                >
                    <Icon shape=Shape::Close/>
                    <span class="visually-hidden">"Close"</span>
                </button>
            </div>
            {repair.failure.map(|failure| view! { <FailureNote failure/> })}
            {repair.outcome.map(|outcome| view! { <Outcome outcome/> })}
            {repair
                .taken_back
                .map(|taken| {
                    view! {
                        <p>
                            {format!(
                                "{} as before; {} changed since and left.",
                                format::counted(taken.restored, "row is", "rows are"),
                                format::count(taken.changed_since),
                            )}
                        </p>
                    }
                })}
            {repair
                .verified_by
                .map(|verification| {
                    view! {
                        <p>
                            "What it changed is verified again: "
                            <a href=Place::Verification(
                                verification,
                            )
                                .address()>"the verification afterwards"</a> "."
                        </p>
                    }
                })}
            {can_start.then(|| view! { <Start repair=whole run chosen second_person/> })}
            {can_take_back.then(|| view! { <TakeBack id chosen repaired/> })}
        </section>
    }
}

/// Looks again until the repair stands still, and until it is known what verified it.
fn watch(repair: &Repair, chosen: RwSignal<Option<Repair>>, repaired: RwSignal<u32>) {
    let before = repair.clone();
    // A verification that could not be begun is not waited for without an end.
    let looks = if before.state == RepairState::Running { u32::MAX } else { 10 };
    spawn_local(async move {
        for _ in 0..looks {
            TimeoutFuture::new(BETWEEN_LOOKS).await;
            let is_shown = chosen
                .try_with_untracked(|chosen| chosen.as_ref() == Some(&before))
                .unwrap_or_default();
            if !is_shown {
                return;
            }
            // What could not be read now is read with the next look.
            if let Ok(now) = api::verifications::find_repair(&before.id).await
                && now != before
            {
                if !chosen.is_disposed() {
                    let ended = before.state == RepairState::Running;
                    chosen.set(Some(now));
                    if ended {
                        repaired.update(|times| *times += 1);
                    }
                }
                return;
            }
        }
    });
}

const WORDS: Words = Words {
    name: "repair-meant",
    meant: "I looked at what it does",
    alone: "Nobody repairs alone here",
    why: "Why it has to be repaired",
    go: "Repair it",
    shape: Shape::Wrench,
};

#[component]
fn Start(
    repair: Repair,
    run: RunId,
    chosen: RwSignal<Option<Repair>>,
    second_person: bool,
) -> impl IntoView {
    let act = Act::Repair {
        run_id: run,
        verification_id: repair.verification_id,
        repair_id: repair.id.clone(),
        selection: repair.selection,
    };
    let carry_out = move |approval: Option<ApprovalId>| {
        let id = repair.id.clone();
        async move {
            chosen.set(Some(api::verifications::start_repair(&id, approval.as_ref()).await?));
            Ok(())
        }
    };
    view! { <Begin act words=WORDS second_person carry_out/> }
}

#[component]
fn TakeBack(
    id: shared::id::RepairId,
    chosen: RwSignal<Option<Repair>>,
    repaired: RwSignal<u32>,
) -> impl IntoView {
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let id = StoredValue::new(id);
    let take_back = move |_| {
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            match api::verifications::take_back(&id.get_value()).await {
                Ok(repair) => {
                    chosen.set(Some(repair));
                    repaired.update(|times| *times += 1);
                }
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    view! {
        <Refusal error=refusal/>
        <div class="actions">
            <button type="button" class="button" disabled=is_busy on:click=take_back>
                <Icon shape=Shape::Undo/>
                "Take it back"
            </button>
        </div>
    }
}

#[component]
fn Outcome(outcome: RepairOutcome) -> impl IntoView {
    let rows = outcome.actions();
    let summary = if outcome.done {
        format!("{} written.", format::counted(rows, "row was", "rows were"))
    } else {
        format!("{} written.", format::counted(rows, "row would be", "rows would be"))
    };
    let RepairOutcome { tables, sequences, .. } = outcome;
    view! {
        <p>{summary}</p>
        <Tables tables/>
        {sequences
            .into_iter()
            .map(|sequence| {
                view! {
                    <p>
                        {format!(
                            "The sequence of {}.{} goes on after the largest value.",
                            sequence.target,
                            sequence.column,
                        )}
                    </p>
                }
            })
            .collect_view()}
    }
}

/// One number of a [`TableRepair`], under its name.
type Figure = (&'static str, fn(&TableRepair) -> u64);

const FIGURES: [Figure; 6] = [
    ("Put in", |table| table.inserted),
    ("Corrected", |table| table.updated),
    ("Taken out", |table| table.deleted),
    ("Alike already", |table| table.gone),
    ("Refused", |table| table.refused),
    ("Not found", |table| table.not_found),
];

#[component]
fn Tables(tables: Vec<TableRepair>) -> impl IntoView {
    view! {
        <TableFrame label="What is repaired, by table">
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
                            let numbers = FIGURES.map(|(_, number)| format::count(number(&table)));
                            view! {
                                <tr>
                                    <th scope="row">{table.target.to_string()}</th>
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
