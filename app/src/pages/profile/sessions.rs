//! Where one is signed in.

use leptos::{prelude::*, task::spawn_local};
use shared::user::Session as SignedIn;

use crate::components::{Badge, Icon, Loaded, Moment, Shape, TableFrame};
use crate::stores::{Notices, Tone};
use crate::{api, browser, routes};

#[component]
pub(super) fn Sessions() -> impl IntoView {
    let notices = Notices::expect();
    let sessions = LocalResource::new(api::profile::sessions);
    let changed = Callback::new(move |()| sessions.refetch());
    let is_busy = RwSignal::new(false);
    let leave = move |_| {
        is_busy.set(true);
        spawn_local(async move {
            match api::profile::sign_out_everywhere().await {
                Ok(()) => browser::reload_at(routes::LANDING),
                Err(error) => {
                    notices.bad(error.sentence());
                    is_busy.set(false);
                }
            }
        });
    };
    view! {
        <section class="card" aria-labelledby="sessions">
            <div class="card-head">
                <h3 id="sessions">"Where you are signed in"</h3>
                <button type="button" class="button" disabled=is_busy on:click=leave>
                    <Icon shape=Shape::SignOut/>
                    "Sign out everywhere"
                </button>
            </div>
            <p class="quiet-text">"What a session started goes on when it ends."</p>
            <Loaded resource=sessions lines=3 let:page>
                <SessionTable sessions=page.items changed/>
            </Loaded>
        </section>
    }
}

#[component]
fn SessionTable(sessions: Vec<SignedIn>, changed: Callback<()>) -> impl IntoView {
    view! {
        <TableFrame label="Your sessions">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Device"</th>
                        <th scope="col">"From"</th>
                        <th scope="col">"Signed in"</th>
                        <th scope="col">"Last used"</th>
                        <th scope="col">
                            <span class="visually-hidden">"End"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>
                    {sessions
                        .into_iter()
                        .map(|session| view! { <SessionRow session changed/> })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
}

#[component]
fn SessionRow(session: SignedIn, changed: Callback<()>) -> impl IntoView {
    let notices = Notices::expect();
    let is_busy = RwSignal::new(false);
    let is_current = session.current;
    let id = StoredValue::new(session.id);
    let device = session.device.unwrap_or_else(|| "unknown".to_owned());
    let about = device.clone();
    let end = move |_| {
        is_busy.set(true);
        spawn_local(async move {
            match api::profile::end_session(&id.get_value()).await {
                Ok(()) => changed.run(()),
                Err(error) => {
                    notices.bad(error.sentence());
                    is_busy.set(false);
                }
            }
        });
    };
    view! {
        <tr>
            <th scope="row">
                {device}
                {is_current
                    .then(|| view! { " " <Badge tone=Tone::Good text="this one".to_owned()/> })}
            </th>
            <td>{session.address}</td>
            <td>
                <Moment time=session.created_at/>
            </td>
            <td>
                <Moment time=session.last_active_at/>
            </td>
            <td>
                <Show when=move || !is_current>
                    <button type="button" class="button" disabled=is_busy on:click=end>
                        "End"
                        <span class="visually-hidden">{format!(" the session of {about}")}</span>
                    </button>
                </Show>
            </td>
        </tr>
    }
}
