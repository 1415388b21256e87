//! The entries, one of them in full, and the export.

use leptos::{prelude::*, task::spawn_local};
use shared::audit::{AuditFilter, Entry, ExportFormat, Outcome};
use shared::page::{DEFAULT_LIMIT, Page};

use super::filter::address_of;
use super::{Listed, ShowMore};
use crate::api;
use crate::components::{
    Badge, Dialog, EmptyState, Fact, Facts, Icon, Loaded, Moment, Shape, TableFrame,
};
use crate::format;
use crate::stores::{Notices, Tone};

#[component]
pub(super) fn Entries(filter: AuditFilter) -> impl IntoView {
    let filter = StoredValue::new(filter);
    let first = LocalResource::new(move || {
        let filter = filter.get_value();
        async move { api::audit::list(&filter, None, DEFAULT_LIMIT).await }
    });
    view! {
        <Export filter/>
        <Loaded resource=first lines=8 let:page>
            <EntryList filter page/>
        </Loaded>
    }
}

#[component]
fn Export(filter: StoredValue<AuditFilter>) -> impl IntoView {
    let notices = Notices::expect();
    let is_busy = RwSignal::new(false);
    let export = move |format| {
        is_busy.set(true);
        spawn_local(async move {
            if let Err(error) = api::audit::export(&filter.get_value(), format).await {
                notices.bad(error.sentence());
            }
            is_busy.set(false);
        });
    };
    let formats = [
        (ExportFormat::Csv, "CSV"),
        (ExportFormat::Json, "JSON"),
        (ExportFormat::Fhir, "FHIR AuditEvent"),
    ];
    view! {
        <div class="work-bar" role="group" aria-label="Export">
            <p class="work-on">"Export what is shown, from the oldest entry on"</p>
            <div class="actions">
                {formats
                    .into_iter()
                    .map(|(format, label)| {
                        view! {
                            <button
                                type="button"
                                class="button"
                                disabled=is_busy
                                on:click=move |_| export(format)
                            >
                                <Icon shape=Shape::Download/>
                                {label}
                            </button>
                        }
                    })
                    .collect_view()}
            </div>
        </div>
    }
}

#[component]
fn EntryList(filter: StoredValue<AuditFilter>, page: Page<Entry>) -> impl IntoView {
    let list = Listed::new(page, move |after| async move {
        api::audit::list(&filter.get_value(), after.as_ref(), DEFAULT_LIMIT).await
    });
    let opened = RwSignal::new(None::<Entry>);
    let open = RwSignal::new(false);
    let show = Callback::new(move |entry| {
        opened.set(Some(entry));
        open.set(true);
    });
    if list.items.with_untracked(Vec::is_empty) {
        return view! {
            <EmptyState
                icon=Shape::History
                title="No entry like that"
                text="Nothing that was done fits what you ask for."
            />
        }
        .into_any();
    }
    view! {
        <TableFrame label="Audit entries">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col" class="number">
                            "No."
                        </th>
                        <th scope="col">"What"</th>
                        <th scope="col">"Who"</th>
                        <th scope="col">"To what"</th>
                        <th scope="col">"When"</th>
                        <th scope="col">"Outcome"</th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || list.items.get() key=|entry| entry.number let:entry>
                        <EntryRow entry show/>
                    </For>
                </tbody>
            </table>
        </TableFrame>
        <ShowMore list text="Show older entries"/>
        <Dialog name="audit-entry" title="An entry of the trail".to_owned() open>
            {move || opened.get().map(|entry| view! { <EntryDetails entry/> })}
        </Dialog>
    }
    .into_any()
}

#[component]
fn EntryRow(entry: Entry, show: Callback<Entry>) -> impl IntoView {
    let whole = entry.clone();
    view! {
        <tr>
            <td class="number">{format::count(entry.number)}</td>
            <th scope="row">
                <button
                    type="button"
                    class="link-button"
                    on:click=move |_| show.run(whole.clone())
                >
                    {entry.action.label()}
                </button>
            </th>
            <td>{entry.actor_name}</td>
            <td>
                <code>{entry.subject}</code>
            </td>
            <td>
                <Moment time=entry.at/>
            </td>
            <td>
                <OutcomeBadge outcome=entry.outcome/>
            </td>
        </tr>
    }
}

#[component]
fn OutcomeBadge(outcome: Outcome) -> impl IntoView {
    let (tone, text) = match outcome {
        Outcome::Success => (Tone::Good, "success"),
        Outcome::Refused => (Tone::Warning, "refused"),
        Outcome::Failed => (Tone::Bad, "failed"),
    };
    view! { <Badge tone text=text.to_owned()/> }
}

#[component]
fn EntryDetails(entry: Entry) -> impl IntoView {
    let by_actor = AuditFilter { actor: Some(entry.actor.clone()), ..AuditFilter::default() };
    let by_object = AuditFilter { object: Some(entry.subject.clone()), ..AuditFilter::default() };
    view! {
        <Facts>
            <Fact name="What">{entry.action.label()}</Fact>
            <Fact name="Outcome">
                <OutcomeBadge outcome=entry.outcome/>
            </Fact>
            <Fact name="When">{format::date_and_time(entry.at)}</Fact>
            <Fact name="Who">
                {entry.actor_name} {entry.role.map(|role| format!(", {}", role.label()))}
            </Fact>
            <Fact name="From the address">{entry.address}</Fact>
            <Fact name="To what">
                <code>{entry.subject}</code>
            </Fact>
            <Fact name="Reason">{entry.reason}</Fact>
            <Fact name="Detail">{entry.detail}</Fact>
            <Fact name="Number">{format::count(entry.number)}</Fact>
            <Fact name="Hash">
                <code>{entry.hash}</code>
            </Fact>
        </Facts>
        <div class="actions">
            <a class="button" href=address_of(&by_actor)>
                "All of this person"
            </a>
            <a class="button" href=address_of(&by_object)>
                "All done to it"
            </a>
        </div>
    }
}
