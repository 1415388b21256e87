//! Making alike what differs: chosen, tried out, and what was done before.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::approval::ActKind;
use shared::assessment::TableName;
use shared::event::Topic;
use shared::id::{RunId, VerificationId};
use shared::user::Permission;
use shared::verification::{MismatchKind, Repair, RepairSelection, RepairState};

use super::mismatches::{kind_choices, table_choices};
use super::repaired::Looked;
use crate::api::{self, ApiError};
use crate::components::{Badge, Icon, Loaded, Moment, Refusal, SelectField, Shape, TableFrame};
use crate::stores::{Live, Session, Tone};

#[component]
pub(super) fn Repairs(
    id: VerificationId,
    run: RunId,
    tables: Vec<TableName>,
    /// Changed when a repair is through.
    repaired: RwSignal<u32>,
) -> impl IntoView {
    let session = Session::expect();
    let live = Live::expect();
    let chosen = RwSignal::new(None::<Repair>);
    let shown = StoredValue::new(id);
    let known = LocalResource::new(move || {
        live.version(Topic::Verification);
        repaired.track();
        let id = shown.get_value();
        async move {
            let (repairs, settings) =
                futures::try_join!(api::verifications::repairs(&id), api::settings::find())?;
            let acts = settings.settings.approvals.second_person;
            Ok::<_, ApiError>((repairs.items, acts.contains(&ActKind::Repair)))
        }
    });
    let needs_second_person =
        move || known.with_untracked(|known| matches!(known, Some(Ok((_, true)))));
    let may = session.may(Permission::RepairTargets);
    let run = StoredValue::new(run);
    view! {
        <section class="card" aria-labelledby="repair">
            <h3 id="repair">"Repair"</h3>
            <p class="quiet-text">
                "Puts in what is missing, corrects what differs, takes out what is extra: each row \
                one action, after both sides were looked at again. What it would do is shown first, \
                and what it did can be taken back."
            </p>
            {if may {
                view! { <RepairForm id=shown.get_value() tables chosen/> }.into_any()
            } else {
                view! {
                    <p>"Repairing is for members and administrators of this installation."</p>
                }
                    .into_any()
            }}
        </section>
        {move || {
            chosen
                .get()
                .map(|repair| {
                    view! {
                        <Looked
                            repair
                            run=run.get_value()
                            chosen
                            second_person=needs_second_person()
                            repaired
                        />
                    }
                })
        }}
        <Loaded resource=known lines=2 let:known>
            <History repairs=known.0 chosen/>
        </Loaded>
    }
}

#[component]
fn RepairForm(
    id: VerificationId,
    tables: Vec<TableName>,
    chosen: RwSignal<Option<Repair>>,
) -> impl IntoView {
    let (table, kind) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let id = StoredValue::new(id);
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let selection = RepairSelection {
            tables: table.get_untracked().parse().into_iter().collect(),
            kinds: MismatchKind::from_name(&kind.get_untracked()).into_iter().collect(),
        };
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            match api::verifications::preview(&id.get_value(), &selection).await {
                Ok(repair) => chosen.set(Some(repair)),
                Err(error) => refusal.set(Some(error)),
            }
            is_busy.set(false);
        });
    };
    view! {
        <form class="form" on:submit=submit novalidate>
            <div class="form-row">
                <SelectField
                    name="repair-table"
                    label="Of which tables"
                    value=table
                    choices=table_choices(&tables)
                />
                <SelectField
                    name="repair-kind"
                    label="Which rows"
                    value=kind
                    choices=kind_choices()
                />
            </div>
            <Refusal error=refusal/>
            <div class="actions">
                <button type="submit" class="button primary" disabled=is_busy>
                    <Icon shape=Shape::Eye/>
                    "Look what a repair would do"
                </button>
            </div>
        </form>
    }
}

/// What was tried out and done before.
#[component]
fn History(repairs: Vec<Repair>, chosen: RwSignal<Option<Repair>>) -> impl IntoView {
    if repairs.is_empty() {
        return ().into_any();
    }
    view! {
        <section class="card" aria-labelledby="repair-history">
            <h3 id="repair-history">"Repairs before"</h3>
            <TableFrame label="Repairs from this verification">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"What"</th>
                            <th scope="col">"State"</th>
                            <th scope="col">"Asked for by"</th>
                            <th scope="col">"Approved by"</th>
                            <th scope="col">"When"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {repairs
                            .into_iter()
                            .map(|repair| view! { <HistoryRow repair chosen/> })
                            .collect_view()}
                    </tbody>
                </table>
            </TableFrame>
        </section>
    }
    .into_any()
}

#[component]
fn HistoryRow(repair: Repair, chosen: RwSignal<Option<Repair>>) -> impl IntoView {
    let whole = repair.clone();
    view! {
        <tr>
            <th scope="row">
                <button
                    type="button"
                    class="link-button"
                    on:click=move |_| chosen.set(Some(whole.clone()))
                >
                    {selected(&repair.selection)}
                </button>
            </th>
            <td>
                <RepairBadge state=repair.state/>
            </td>
            <td>{repair.requested_by}</td>
            <td>{repair.approved_by.unwrap_or_default()}</td>
            <td>
                <Moment time=repair.requested_at/>
            </td>
        </tr>
    }
}

/// `All rows that differ`
pub(super) fn selected(selection: &RepairSelection) -> String {
    let words = selection.in_words();
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[component]
pub(super) fn RepairBadge(state: RepairState) -> impl IntoView {
    let (tone, icon) = match state {
        RepairState::Running => (Tone::Info, Shape::Refresh),
        RepairState::Previewed => (Tone::Neutral, Shape::Eye),
        RepairState::Completed => (Tone::Good, Shape::Done),
        RepairState::Failed => (Tone::Bad, Shape::Failed),
        RepairState::TakenBack => (Tone::Neutral, Shape::Undo),
    };
    view! { <Badge tone icon text=state.label().to_owned()/> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_told_as_a_title() {
        assert_eq!(selected(&RepairSelection::default()), "All rows that differ");
    }
}
