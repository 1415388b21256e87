//! What undoing would do, or did, and the button that does it.

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};
use shared::approval::Act;
use shared::id::ApprovalId;
use shared::rollback::{
    Fate, ObjectRollback, Obstacle, Rollback, RollbackOutcome, RollbackState, TableRollback,
};
use shared::user::Permission;

use super::super::second_person::{Begin, Words};
use super::{RollbackBadge, RunStateBadge, changed_in_words, scope_in_words};
use crate::api;
use crate::components::{FailureNote, Icon, NumberCells, NumberHeads, Shape, TableFrame};
use crate::format;
use crate::stores::Session;

/// How long to wait between two looks at a rollback that is under way.
const BETWEEN_LOOKS: u32 = 1_500;

#[component]
pub(super) fn Looked(
    rollback: Rollback,
    chosen: RwSignal<Option<Rollback>>,
    /// Nobody may undo a run alone.
    second_person: bool,
    /// Called when the run is no longer what it was.
    changed: Callback<()>,
) -> impl IntoView {
    let session = Session::expect();
    let state = rollback.state;
    if state == RollbackState::Running {
        watch(&rollback, chosen, changed);
    }
    let has_obstacles = rollback.outcome.as_ref().is_some_and(|it| !it.obstacles.is_empty());
    let can_start = matches!(state, RollbackState::Previewed | RollbackState::Failed)
        && !has_obstacles
        && session.may(Permission::RollBackRuns);
    let whole = rollback.clone();
    view! {
        <section class="card" aria-labelledby="looked">
            <div class="card-head">
                <div>
                    <h3 id="looked">{scope_in_words(&rollback.scope)}</h3>
                    <p class="badges" role="status">
                        <RollbackBadge state/>
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
            <p class="quiet-text">{changed_in_words(rollback.changed)}</p>
            {rollback.failure.map(|failure| view! { <FailureNote failure/> })}
            {rollback.outcome.map(|outcome| view! { <Outcome outcome/> })}
            {can_start.then(|| view! { <Start rollback=whole chosen second_person/> })}
        </section>
    }
}

/// Looks again until the rollback stands still.
fn watch(rollback: &Rollback, chosen: RwSignal<Option<Rollback>>, changed: Callback<()>) {
    let id = rollback.id.clone();
    spawn_local(async move {
        loop {
            TimeoutFuture::new(BETWEEN_LOOKS).await;
            let is_shown = chosen
                .try_with_untracked(|chosen| chosen.as_ref().is_some_and(|it| it.id == id))
                .unwrap_or_default();
            if !is_shown {
                return;
            }
            // What could not be read now is read with the next look.
            if let Ok(now) = api::rollbacks::find(&id).await
                && now.state != RollbackState::Running
            {
                if !chosen.is_disposed() {
                    chosen.set(Some(now));
                    changed.run(());
                }
                return;
            }
        }
    });
}

const WORDS: Words = Words {
    name: "rollback-meant",
    meant: "I looked at what goes",
    alone: "Nobody undoes a run alone here",
    why: "Why it has to be undone",
    go: "Undo it",
    shape: Shape::Undo,
};

#[component]
fn Start(
    rollback: Rollback,
    chosen: RwSignal<Option<Rollback>>,
    second_person: bool,
) -> impl IntoView {
    let Rollback { id, run_id, scope, changed, .. } = rollback;
    let carry_out = move |approval: Option<ApprovalId>| {
        let id = id.clone();
        async move {
            chosen.set(Some(api::rollbacks::start(&id, approval.as_ref()).await?));
            Ok(())
        }
    };
    view! {
        <Begin act=Act::RollBack { run_id, scope, changed } words=WORDS second_person carry_out/>
    }
}

#[component]
fn Outcome(outcome: RollbackOutcome) -> impl IntoView {
    let left = outcome.rows_left();
    let RollbackOutcome { run_state, tables, objects, obstacles, dry_run, .. } = outcome;
    view! {
        {(!obstacles.is_empty()).then(|| view! { <Obstacles obstacles/> })}
        <Tables tables/>
        {(!objects.is_empty()).then(|| view! { <Objects objects/> })}
        <p>
            {if dry_run { "The run would then be: " } else { "The run is now: " }}
            <RunStateBadge state=run_state/>
        </p>
        {(left > 0)
            .then(|| {
                let rows = format::counted(left, "row of the run stays", "rows of the run stay");
                view! {
                    <p class="quiet-text">
                        {format!("{rows}: somebody changed them since.")}
                    </p>
                }
            })}
    }
}

/// What keeps the run from being undone.
#[component]
fn Obstacles(obstacles: Vec<Obstacle>) -> impl IntoView {
    view! {
        <div class="alert tone-warning">
            <Icon shape=Shape::Warning/>
            <div>
                <p class="alert-title">
                    "Something of others stands on it. Nothing is undone while it is there."
                </p>
                <ul>
                    {obstacles
                        .into_iter()
                        .map(|obstacle| {
                            let holder = obstacle
                                .table
                                .map(|table| format!(" of {table}"))
                                .unwrap_or_default();
                            let rows = format::counted(obstacle.rows, "row refers", "rows refer");
                            view! {
                                <li>
                                    {format!(
                                        "{}{holder}: {rows} to {}",
                                        obstacle.name,
                                        obstacle.target,
                                    )}
                                </li>
                            }
                        })
                        .collect_view()}
                </ul>
            </div>
        </div>
    }
}

/// One number of a [`TableRollback`], under its name.
type Figure = (&'static str, fn(&TableRollback) -> u64);

const FIGURES: [Figure; 7] = [
    ("Removed", |table| table.removed),
    ("Restored", |table| table.restored),
    ("Changed since", |table| table.changed_since),
    ("Of these undone", |table| table.discarded),
    ("Gone since", |table| table.gone_since),
    ("Of others, stay", |table| table.others),
    ("Leave quarantine", |table| table.quarantined),
];

#[component]
fn Tables(tables: Vec<TableRollback>) -> impl IntoView {
    view! {
        <TableFrame label="What is undone, by table">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Table"</th>
                        <th scope="col" class="number">
                            "Chunks"
                        </th>
                        <NumberHeads names=FIGURES.map(|(name, _)| name)/>
                    </tr>
                </thead>
                <tbody>
                    {tables
                        .into_iter()
                        .map(|table| {
                            let numbers = FIGURES.map(|(_, number)| format::count(number(&table)));
                            let fate = table.dropped.then_some("goes as a whole");
                            view! {
                                <tr>
                                    <th scope="row">
                                        {table.target.to_string()} " "
                                        <span class="quiet-text">{fate}</span>
                                    </th>
                                    <td class="number">{format::count(table.chunks.into())}</td>
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

/// What the run made besides rows.
#[component]
fn Objects(objects: Vec<ObjectRollback>) -> impl IntoView {
    let left = objects.iter().filter(|object| object.fate == Fate::Left).count() as u64;
    let summary = format!(
        "{} made by the run: {} undone, {} left",
        format::counted(objects.len() as u64, "object", "objects"),
        format::count(objects.len() as u64 - left),
        format::count(left),
    );
    view! {
        <details class="objects">
            <summary>{summary}</summary>
            <ul>
                {objects
                    .into_iter()
                    .map(|object| {
                        let fate = match (object.fate, object.reason) {
                            (Fate::Undone, _) => "goes".to_owned(),
                            (Fate::Left, Some(reason)) => format!("stays: {reason}"),
                            (Fate::Left, None) => "stays".to_owned(),
                        };
                        view! {
                            <li>
                                {object.kind} " " <code>{object.name}</code> " "
                                <span class="quiet-text">{fate}</span>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
        </details>
    }
}
