//! Databases to read and to write: add, test, remove.

mod card;
mod add;

use leptos::prelude::*;
use leptos_meta::Title;
use shared::user::Permission;

use crate::api;
use crate::components::{Dialog, EmptyState, Icon, Loaded, Shape};
use crate::stores::Session;
use add::AddConnection;
use card::ConnectionCard;

#[component]
pub fn Connections() -> impl IntoView {
    let session = Session::expect();
    let connections = LocalResource::new(api::connections::list);
    let is_adding = RwSignal::new(false);
    let may_manage = move || session.may(Permission::ManageConnections);
    let changed = Callback::new(move |()| connections.refetch());
    view! {
        <Title text="Connections"/>
        <div class="page-head">
            <div>
                <h2>"Connections"</h2>
                <p class="quiet-text">
                    "Databases to read and to write. Passwords go in and never come out again."
                </p>
            </div>
            <Show when=may_manage>
                <button
                    type="button"
                    class="button primary"
                    on:click=move |_| is_adding.set(true)
                >
                    <Icon shape=Shape::Plus/>
                    "Add a connection"
                </button>
            </Show>
        </div>
        <Loaded resource=connections let:page>
            {if page.items.is_empty() {
                view! {
                    <section class="card">
                        <EmptyState
                            icon=Shape::Plug
                            title="No connections yet"
                            text="Add the legacy database as a source and the new one as a target."
                        />
                    </section>
                }
                    .into_any()
            } else {
                view! {
                    <ul class="connection-list">
                        {page
                            .items
                            .into_iter()
                            .map(|connection| view! { <ConnectionCard connection changed/> })
                            .collect_view()}
                    </ul>
                }
                    .into_any()
            }}
        </Loaded>
        <Dialog name="add-connection" title="Add a connection".to_owned() open=is_adding>
            <AddConnection
                added=move |()| {
                    is_adding.set(false);
                    connections.refetch();
                }
            />
        </Dialog>
    }
}
