//! Who did what, when.

mod filter;
mod chain;
mod entries;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;
use shared::user::Permission;

use super::listed::{Listed, ShowMore};
use super::place::Place;
use crate::components::{EmptyState, Shape};
use crate::stores::Session;
use chain::Chain;
use entries::Entries;
use filter::{FilterForm, filter_of};

#[component]
pub fn Audit() -> impl IntoView {
    let session = Session::expect();
    view! {
        <Title text="Audit"/>
        <div class="page-head">
            <div>
                <h2>"Audit"</h2>
                <p class="quiet-text">
                    "Who did what, when. Entries are only ever added, each bound to the one before \
                    it; none of them holds a patient's value."
                </p>
            </div>
        </div>
        <Show
            when=move || session.may(Permission::ReadAudit)
            fallback=|| {
                view! {
                    <section class="card">
                        <EmptyState
                            icon=Shape::Shield
                            title="The audit trail is not for your role"
                            text="Members and administrators of this installation read it."
                        />
                    </section>
                }
            }
        >
            <Trail/>
        </Show>
    }
}

#[component]
fn Trail() -> impl IntoView {
    let query = use_location().query;
    let filter = Memo::new(move |_| {
        let query = query.read();
        filter_of(|name| query.get(name))
    });
    view! {
        <Chain/>
        <section class="card" aria-labelledby="audit-entries">
            <h3 id="audit-entries">"Entries"</h3>
            {move || {
                let filter = filter.get();
                view! {
                    <FilterForm filter=filter.clone()/>
                    <Entries filter/>
                }
            }}
        </section>
    }
}
