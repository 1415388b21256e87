//! One row: what is wrong with it, the form of its values, what was done with it.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::quarantine::{
    QuarantineStep, QuarantinedCell, QuarantinedDetail, QuarantinedRow, RevealedCell, RevealedRow,
};
use shared::user::Permission;

use super::desk::Desk;
use super::tasks::Task;
use super::{StateBadge, state_label};
use crate::api::{self, ApiError};
use crate::components::{Fact, Facts, Icon, Loaded, Moment, Refusal, Shape, TableFrame, TextField};
use crate::stores::Session;

#[component]
pub(super) fn RowDetails(
    desk: Desk,
    row: QuarantinedRow,
    /// Called with what is to be done with this row.
    #[prop(into)]
    act: Callback<Task>,
) -> impl IntoView {
    let session = Session::expect();
    let explanation = row.code.explanation();
    let id = row.id.clone();
    let detail = LocalResource::new(move || {
        let (run, id) = (desk.run(), id.clone());
        async move { api::quarantine::find(&run, &id).await }
    });
    let is_inside = row.state.is_inside();
    let whole = row.clone();
    let code = row.code;
    view! {
        <Facts>
            <Fact name="Error">
                <code>{code.as_str()}</code>
                " "
                {explanation.title}
            </Fact>
            <Fact name="Reason">{row.reason}</Fact>
            <Fact name="From">{row.source.to_string()}</Fact>
            <Fact name="To">{row.target.to_string()}</Fact>
            <Fact name="Column">
                {row.column.unwrap_or_else(|| "the whole row".to_owned())}
            </Fact>
            <Fact name="State">
                <StateBadge state=row.state/>
            </Fact>
            <Fact name="Since">
                <Moment time=row.quarantined_at/>
            </Fact>
            <Fact name="Id">
                <code>{row.id.to_string()}</code>
            </Fact>
        </Facts>
        <h3>"What to do"</h3>
        <p>{explanation.cause}</p>
        <p>{explanation.hint}</p>
        <p>{explanation.action}</p>
        <p>
            <a href=code.docs()>
                <Icon shape=Shape::Library/>
                " More about this error"
            </a>
        </p>
        <Show when=move || is_inside && session.may(Permission::WorkQuarantine)>
            <div class="actions">
                {Task::ALL
                    .into_iter()
                    .map(|task| {
                        view! {
                            <button type="button" class="button" on:click=move |_| act.run(task)>
                                {task.label()}
                                <span class="visually-hidden">" this row"</span>
                            </button>
                        }
                    })
                    .collect_view()}
            </div>
        </Show>
        <Loaded resource=detail let:detail>
            <Detail detail/>
        </Loaded>
        <Show when=move || session.may(Permission::ReadUnmasked)>
            <Reveal desk row=whole.clone()/>
        </Show>
    }
}

#[component]
fn Detail(detail: QuarantinedDetail) -> impl IntoView {
    let QuarantinedDetail { cells, steps, .. } = detail;
    view! {
        <h3>"The form of its values"</h3>
        <p class="quiet-text">"Letters are shown as x, digits as 9."</p>
        <MaskedCells label="Masked values" cells/>
        {(!steps.is_empty())
            .then(|| {
                view! {
                    <h3>"What was done with it"</h3>
                    <ol class="row-steps">
                        {steps.into_iter().map(|step| view! { <Step step/> }).collect_view()}
                    </ol>
                }
            })}
    }
}

/// Values without what they say: what was read, and what is to be replayed.
#[component]
pub(in crate::pages::migration) fn MaskedCells(
    #[prop(into)] label: String,
    cells: Vec<QuarantinedCell>,
) -> impl IntoView {
    let cells = cells
        .into_iter()
        .map(|cell| (cell.column, cell.original, cell.current, cell.is_changed))
        .collect();
    view! { <Cells label cells/> }
}

/// Column, value as read, value as it is to be replayed, whether a fix changed it.
type Cell = (String, Option<String>, Option<String>, bool);

#[component]
fn Cells(#[prop(into)] label: String, cells: Vec<Cell>) -> impl IntoView {
    view! {
        <TableFrame label>
            <table class="table cells">
                <thead>
                    <tr>
                        <th scope="col">"Column"</th>
                        <th scope="col">"As it was read"</th>
                        <th scope="col">"As it is replayed"</th>
                    </tr>
                </thead>
                <tbody>
                    {cells
                        .into_iter()
                        .map(|(column, original, current, is_changed)| {
                            view! {
                                <tr class:changed=is_changed>
                                    <th scope="row">{column}</th>
                                    <td>{masked(original)}</td>
                                    <td>
                                        {if is_changed {
                                            masked(current)
                                        } else {
                                            view! { <span class="quiet-text">"the same"</span> }
                                                .into_any()
                                        }}
                                    </td>
                                </tr>
                            }
                        })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
}

/// A masked value, or the word for what is not there.
pub(in crate::pages::migration) fn masked(text: Option<String>) -> AnyView {
    match text {
        None => view! { <span class="quiet-text">"null"</span> }.into_any(),
        Some(text) if text.is_empty() => {
            view! { <span class="quiet-text">"empty"</span> }.into_any()
        }
        Some(text) => view! { <code>{text}</code> }.into_any(),
    }
}

#[component]
fn Step(step: QuarantineStep) -> impl IntoView {
    view! {
        <li>
            <p>
                {step.what}
                {step.note.map(|note| format!(": {note}"))}
            </p>
            <p class="quiet-text">
                {format!("{} → {}, ", state_label(step.from), state_label(step.to))}
                <Moment time=step.at/>
                {format!(", by {}", step.by)}
            </p>
        </li>
    }
}

/// The values themselves, for who has a reason to see them.
#[component]
fn Reveal(desk: Desk, row: QuarantinedRow) -> impl IntoView {
    let reason = RwSignal::new(String::new());
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    // Gone with the dialog.
    let revealed = RwSignal::new(None::<RevealedRow>);
    let id = StoredValue::new(row.id);
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            let reason = reason.get_untracked();
            let answer = api::quarantine::reveal(&desk.run(), &id.get_value(), &reason).await;
            if revealed.is_disposed() {
                return;
            }
            match answer {
                Ok(row) => revealed.set(Some(row)),
                Err(error) => refusal.set(Some(error)),
            }
            is_busy.set(false);
        });
    };
    let problem = move || refusal.with(|refusal| refusal.as_ref()?.about("reason"));
    view! {
        <section class="reveal" aria-labelledby="reveal">
            <h3 id="reveal">"Its values"</h3>
            {move || match revealed.get() {
                Some(row) => {
                    let cells = row
                        .cells
                        .into_iter()
                        .map(|RevealedCell { column, original, current }| {
                            let is_changed = original != current;
                            (column, original, current, is_changed)
                        })
                        .collect();
                    view! { <Cells label="Values" cells/> }.into_any()
                }
                None => {
                    view! {
                        <form class="form" on:submit=submit novalidate>
                            <TextField
                                name="reveal-reason"
                                label="Why you have to see them"
                                hint="The audit trail keeps who looked and why. Name no patient."
                                value=reason
                                problem=Signal::derive(problem)
                            />
                            <Refusal error=move || {
                                refusal.get().filter(|error| error.fields().is_empty())
                            }/>
                            <div class="actions">
                                <button type="submit" class="button" disabled=is_busy>
                                    <Icon shape=Shape::Eye/>
                                    "Show the values"
                                </button>
                            </div>
                        </form>
                    }
                        .into_any()
                }
            }}
        </section>
    }
}
