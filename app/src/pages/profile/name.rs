//! How one is called.

use leptos::{ev, prelude::*, task::spawn_local};

use crate::api::{self, ApiError};
use crate::components::{Refusal, TextField};
use crate::stores::{Notices, Session};

#[component]
pub(super) fn NameForm() -> impl IntoView {
    let session = Session::expect();
    let notices = Notices::expect();
    let name = untrack(|| session.user()).map(|user| user.name).unwrap_or_default();
    let name = RwSignal::new(name);
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            match api::profile::rename(name.get_untracked().trim()).await {
                Ok(user) => {
                    notices.good("Your name was changed.");
                    session.begin(user);
                }
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    let problem = Signal::derive(move || refusal.with(|refusal| refusal.as_ref()?.about("name")));
    view! {
        <form class="form-row" on:submit=submit novalidate>
            <TextField name="own-name" label="Name" autocomplete="name" value=name problem/>
            <button type="submit" class="button" disabled=is_busy>
                "Change the name"
            </button>
        </form>
        <Refusal error=move || refusal.get().filter(|error| error.fields().is_empty())/>
    }
}
