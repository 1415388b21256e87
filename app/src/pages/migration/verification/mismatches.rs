//! The rows that are not the same on both sides: located, without their values.

use leptos::prelude::*;
use shared::assessment::TableName;
use shared::id::VerificationId;
use shared::page::{DEFAULT_LIMIT, Page};
use shared::user::Permission;
use shared::verification::{Mismatch, MismatchFilter, MismatchKind, MismatchState, RepairAction};

use super::super::listed::{Listed, ShowMore};
use super::key::KeyDialog;
use crate::api;
use crate::components::{Badge, Choice, Loaded, SelectField, Shape, TableFrame};
use crate::stores::{Session, Tone};

#[component]
pub(super) fn Mismatches(
    id: VerificationId,
    /// Those that have any.
    tables: Vec<TableName>,
    /// Changes when a repair is through.
    repaired: RwSignal<u32>,
) -> impl IntoView {
    let (table, kind) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let filter = Memo::new(move |_| MismatchFilter {
        table: table.with(|table| table.parse().ok()),
        kind: kind.with(|kind| MismatchKind::from_name(kind)),
    });
    let shown = StoredValue::new(id);
    let found = LocalResource::new(move || {
        repaired.track();
        let (id, filter) = (shown.get_value(), filter.get());
        async move { api::verifications::mismatches(&id, &filter, None, DEFAULT_LIMIT).await }
    });
    view! {
        <section class="card" aria-labelledby="mismatches">
            <h3 id="mismatches">"Rows that differ"</h3>
            <p class="quiet-text">
                "Each by a digest of its key. No value is shown; whoever may and has a reason sees the key."
            </p>
            <div class="form-row">
                <SelectField
                    name="mismatch-table"
                    label="Table"
                    value=table
                    choices=table_choices(&tables)
                />
                <SelectField name="mismatch-kind" label="Kind" value=kind choices=kind_choices()/>
            </div>
            <Loaded resource=found lines=4 let:first>
                <MismatchList id=shown.get_value() filter=filter.get_untracked() first/>
            </Loaded>
        </section>
    }
}

/// All tables, or one of them.
pub(super) fn table_choices(tables: &[TableName]) -> Vec<Choice> {
    let names = tables.iter().map(ToString::to_string);
    std::iter::once(Choice::new("", "All tables"))
        .chain(names.map(|name| Choice::new(name.clone(), name)))
        .collect()
}

/// All kinds, or one of them.
pub(super) fn kind_choices() -> Vec<Choice> {
    let kinds = [MismatchKind::Missing, MismatchKind::Extra, MismatchKind::Different];
    std::iter::once(Choice::new("", "All kinds"))
        .chain(kinds.map(|kind| Choice::new(kind.as_str(), kind_in_words(kind))))
        .collect()
}

const fn kind_in_words(kind: MismatchKind) -> &'static str {
    match kind {
        MismatchKind::Missing => "Missing in the target",
        MismatchKind::Extra => "Extra in the target",
        MismatchKind::Different => "Different",
    }
}

const fn action_in_words(kind: MismatchKind) -> &'static str {
    match RepairAction::of(kind) {
        RepairAction::Insert => "put it in",
        RepairAction::Update => "correct these columns",
        RepairAction::Delete => "take it out",
    }
}

#[component]
fn MismatchList(
    id: VerificationId,
    filter: MismatchFilter,
    first: Page<Mismatch>,
) -> impl IntoView {
    let session = Session::expect();
    let may_see = session.may(Permission::ReadUnmasked);
    if first.items.is_empty() {
        return view! { <p>"No row is like this."</p> }.into_any();
    }
    let shown = StoredValue::new(id.clone());
    let list = Listed::new(first, move |after| {
        let (id, filter) = (id.clone(), filter.clone());
        async move { api::verifications::mismatches(&id, &filter, after.as_ref(), DEFAULT_LIMIT).await }
    });
    let (looked_at, is_looking) = (RwSignal::new(String::new()), RwSignal::new(false));
    let look = Callback::new(move |digest| {
        looked_at.set(digest);
        is_looking.set(true);
    });
    view! {
        <TableFrame label="Rows that are not the same">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Row"</th>
                        <th scope="col">"Table"</th>
                        <th scope="col">"What is wrong"</th>
                        <th scope="col">"Columns"</th>
                        <th scope="col">"A repair would"</th>
                        <th scope="col">"State"</th>
                    </tr>
                </thead>
                <tbody>
                    <For
                        each=move || list.items.get()
                        key=|row| (row.key_digest.clone(), row.kind, row.target.to_string())
                        let:row
                    >
                        <MismatchRow row may_see look/>
                    </For>
                </tbody>
            </table>
        </TableFrame>
        <ShowMore list text="Show more rows"/>
        <KeyDialog id=shown.get_value() digest=looked_at open=is_looking/>
    }
    .into_any()
}

#[component]
fn MismatchRow(
    row: Mismatch,
    may_see: bool,
    /// Asks for the key of the row with this digest.
    look: Callback<String>,
) -> impl IntoView {
    let digest = row.key_digest.clone();
    let short: String = digest.chars().take(12).collect();
    let (tone, icon, text) = match (row.state, row.refused) {
        (MismatchState::Open, Some(code)) => {
            (Tone::Bad, Shape::Failed, format!("refused, {}", code.as_str()))
        }
        (MismatchState::Open, None) => (Tone::Warning, Shape::Warning, "open".to_owned()),
        (MismatchState::Repaired, _) => (Tone::Good, Shape::Done, "repaired".to_owned()),
        (MismatchState::Gone, _) => (Tone::Good, Shape::Done, "alike by now".to_owned()),
    };
    view! {
        <tr>
            <th scope="row">
                {if may_see {
                    view! {
                        <button
                            type="button"
                            class="link-button"
                            title="See its key"
                            aria-haspopup="dialog"
                            on:click=move |_| look.run(digest.clone())
                        >
                            <code>{short}</code>
                        </button>
                    }
                        .into_any()
                } else {
                    view! { <code>{short}</code> }.into_any()
                }}
            </th>
            <td>{row.target.to_string()}</td>
            <td>{kind_in_words(row.kind)}</td>
            <td>{row.columns.join(", ")}</td>
            <td>{action_in_words(row.kind)}</td>
            <td>
                <Badge tone icon text/>
            </td>
        </tr>
    }
}
