//! What the rules found.

use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_location;
use shared::alert::{Alert, AlertState};
use shared::event::Topic;
use shared::page::{DEFAULT_LIMIT, Page};
use shared::user::Permission;

use super::{Listed, Place, SeverityBadge, ShowMore};
use crate::api;
use crate::api::with_query;
use crate::components::{Badge, EmptyState, Loaded, Moment, Shape, TableFrame};
use crate::stores::{Live, Notices, Session, Tone};

/// The parameter by which the list is narrowed.
const STATE: &str = "state";

#[component]
pub(super) fn Found() -> impl IntoView {
    let query = use_location().query;
    // What nobody has seen yet is what matters, unless the address asks for more.
    let state = Memo::new(move |_| match query.read().get(STATE).as_deref() {
        Some("all") => None,
        Some(name) => AlertState::from_name(name).or(Some(AlertState::Raised)),
        None => Some(AlertState::Raised),
    });
    view! {
        <section class="card" aria-labelledby="alerts-found">
            <div class="card-head">
                <h3 id="alerts-found">"What was found"</h3>
                <nav class="segments" aria-label="Alerts by state">
                    {LOOKS
                        .into_iter()
                        .map(|(name, label, wanted)| {
                            let address = with_query(
                                &Place::Alerts.address(),
                                [(STATE, (wanted != Some(AlertState::Raised)).then_some(name))],
                            );
                            view! {
                                <a
                                    class="segment"
                                    href=address
                                    aria-current=move || (state.get() == wanted).then_some("true")
                                >
                                    {label}
                                </a>
                            }
                        })
                        .collect_view()}
                </nav>
            </div>
            {move || view! { <AlertsIn state=state.get()/> }}
        </section>
    }
}

const LOOKS: [(&str, &str, Option<AlertState>); 4] = [
    ("raised", "Open", Some(AlertState::Raised)),
    ("acknowledged", "Seen", Some(AlertState::Acknowledged)),
    ("cleared", "Over", Some(AlertState::Cleared)),
    ("all", "All", None),
];

#[component]
fn AlertsIn(#[prop(optional_no_strip)] state: Option<AlertState>) -> impl IntoView {
    let live = Live::expect();
    let first = LocalResource::new(move || {
        live.version(Topic::Alert);
        api::alerts::list(state, None, DEFAULT_LIMIT)
    });
    let changed = Callback::new(move |()| first.refetch());
    view! {
        <Loaded resource=first lines=4 let:page>
            <AlertList state page changed/>
        </Loaded>
    }
}

#[component]
fn AlertList(
    #[prop(optional_no_strip)] state: Option<AlertState>,
    page: Page<Alert>,
    changed: Callback<()>,
) -> impl IntoView {
    let list = Listed::new(page, move |after| async move {
        api::alerts::list(state, after.as_ref(), DEFAULT_LIMIT).await
    });
    if list.items.with_untracked(Vec::is_empty) {
        let text = match state {
            Some(AlertState::Raised) => "No alert waits for somebody.",
            _ => "No alert like that.",
        };
        return view! { <EmptyState icon=Shape::Bell title="All quiet" text/> }.into_any();
    }
    view! {
        <TableFrame label="Alerts">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"What"</th>
                        <th scope="col">"How bad"</th>
                        <th scope="col">"Since"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">
                            <span class="visually-hidden">"Acknowledge"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>
                    {move || {
                        list.items
                            .get()
                            .into_iter()
                            .map(|alert| view! { <AlertRow alert changed/> })
                            .collect_view()
                    }}
                </tbody>
            </table>
        </TableFrame>
        <ShowMore list text="Show older alerts"/>
    }
    .into_any()
}

#[component]
fn AlertRow(alert: Alert, changed: Callback<()>) -> impl IntoView {
    let session = Session::expect();
    let notices = Notices::expect();
    let is_busy = RwSignal::new(false);
    let id = StoredValue::new(alert.id);
    let acknowledge = move |_| {
        is_busy.set(true);
        spawn_local(async move {
            match api::alerts::acknowledge(&id.get_value()).await {
                Ok(_) => changed.run(()),
                Err(error) => {
                    notices.bad(error.sentence());
                    is_busy.set(false);
                }
            }
        });
    };
    let is_open = alert.state == AlertState::Raised;
    let (tone, word) = match alert.state {
        AlertState::Raised => (Tone::Warning, "open"),
        AlertState::Acknowledged => (Tone::Info, "seen"),
        AlertState::Cleared => (Tone::Neutral, "over"),
    };
    let message = alert.message.clone();
    let times = (alert.times > 1).then(|| format!("raised {} times", alert.times));
    view! {
        <tr>
            <th scope="row">
                {match alert.run_id {
                    Some(run) => {
                        view! { <a href=Place::Run(run).address()>{alert.message}</a> }.into_any()
                    }
                    None => alert.message.into_any(),
                }}
                " "
                <span class="quiet-text">{times}</span>
            </th>
            <td>
                <SeverityBadge severity=alert.severity/>
            </td>
            <td>
                <Moment time=alert.raised_at/>
            </td>
            <td>
                <Badge tone text=word.to_owned()/>
                " "
                <span class="quiet-text">{alert.acknowledged_by}</span>
            </td>
            <td>
                <Show when=move || is_open && session.may(Permission::HandleAlerts)>
                    <button type="button" class="button" disabled=is_busy on:click=acknowledge>
                        "Acknowledge"
                        <span class="visually-hidden">{format!(" {message}")}</span>
                    </button>
                </Show>
            </td>
        </tr>
    }
}
