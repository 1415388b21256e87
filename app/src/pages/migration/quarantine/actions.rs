//! All that was done with the rows, and taking it back.

use leptos::{prelude::*, task::spawn_local};
use shared::quarantine::{ActionKind, QuarantineAction};
use shared::user::Permission;

use super::desk::Desk;
use crate::api::{self, ApiError};
use crate::components::{Badge, Dialog, Icon, Moment, Refusal, Shape, TableFrame};
use crate::format;
use crate::stores::{Session, Tone};

#[component]
pub(super) fn Actions(desk: Desk, actions: Vec<QuarantineAction>) -> impl IntoView {
    let wanted = RwSignal::new(None::<QuarantineAction>);
    let open = RwSignal::new(false);
    if actions.is_empty() {
        return view! { <p class="quiet-text">"Nothing has been done with these rows yet."</p> }
            .into_any();
    }
    let undo = Callback::new(move |action| {
        wanted.set(Some(action));
        open.set(true);
    });
    view! {
        <TableFrame label="Actions on these rows">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"What"</th>
                        <th scope="col" class="number">
                            "Rows"
                        </th>
                        <th scope="col">"By"</th>
                        <th scope="col">"When"</th>
                        <th scope="col">"Reason"</th>
                        <th scope="col">
                            <span class="visually-hidden">"Undo"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>
                    {actions
                        .into_iter()
                        .map(|action| view! { <ActionRow action undo/> })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
        <Dialog name="undo-action" title="Take it back?".to_owned() open>
            {move || wanted.get().map(|action| view! { <UndoForm desk action open/> })}
        </Dialog>
    }
    .into_any()
}

#[component]
fn ActionRow(action: QuarantineAction, undo: Callback<QuarantineAction>) -> impl IntoView {
    let session = Session::expect();
    let is_open = action.kind != ActionKind::Undo && action.undone_by.is_none();
    let what = action.what.clone();
    let whole = StoredValue::new(action.clone());
    view! {
        <tr>
            <th scope="row">
                {what.clone()}
                {action
                    .undone_by
                    .is_some()
                    .then(|| view! { " " <Badge tone=Tone::Neutral text="undone".to_owned()/> })}
            </th>
            <td class="number">{format::count(action.rows)}</td>
            <td>{action.by}</td>
            <td>
                <Moment time=action.at/>
            </td>
            <td>{action.note}</td>
            <td>
                <Show when=move || is_open && session.may(Permission::WorkQuarantine)>
                    <button
                        type="button"
                        class="button quiet"
                        on:click=move |_| undo.run(whole.get_value())
                    >
                        <Icon shape=Shape::Undo/>
                        "Undo"
                        <span class="visually-hidden">{format!(" {what}")}</span>
                    </button>
                </Show>
            </td>
        </tr>
    }
}

#[component]
fn UndoForm(desk: Desk, action: QuarantineAction, open: RwSignal<bool>) -> impl IntoView {
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let id = StoredValue::new(action.id);
    let undo = move |_| {
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            match api::quarantine::undo(&desk.run(), &id.get_value()).await {
                Ok(outcome) => {
                    open.set(false);
                    desk.finish(outcome);
                }
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    view! {
        <p>
            {format!(
                "{}: {}. Rows stand again where they stood, and what a replay brought into the \
                target goes out again. Rows that somebody changed there since stay.",
                action.what,
                format::counted(action.rows, "row", "rows"),
            )}
        </p>
        <Refusal error=refusal/>
        <div class="actions">
            <button type="button" class="button primary" disabled=is_busy on:click=undo>
                "Take it back"
            </button>
            <button type="button" class="button" on:click=move |_| open.set(false)>
                "Leave it"
            </button>
        </div>
    }
}
