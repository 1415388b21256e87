//! Changing one's own password.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::password;
use shared::user::PasswordChange;

use crate::api::{self, ApiError};
use crate::components::{PasswordField, Refusal};
use crate::stores::{Notices, Session};

#[component]
pub(super) fn PasswordForm() -> impl IntoView {
    let session = Session::expect();
    let notices = Notices::expect();
    let current = RwSignal::new(String::new());
    let new = RwSignal::new(String::new());
    let is_sent = RwSignal::new(false);
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let weakness = Memo::new(move |_| {
        let email = session.user().map(|user| user.email).unwrap_or_default();
        password::weakness(&new.read(), &email)
    });
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        is_sent.set(true);
        refusal.set(None);
        if weakness.get_untracked().is_some() {
            return;
        }
        let change = PasswordChange { current: current.get_untracked(), new: new.get_untracked() };
        is_busy.set(true);
        spawn_local(async move {
            match api::profile::change_password(&change).await {
                Ok(()) => {
                    notices.good("Your password was changed. All your other sessions ended.");
                    current.set(String::new());
                    new.set(String::new());
                    is_sent.set(false);
                }
                Err(error) => refusal.set(Some(error)),
            }
            is_busy.set(false);
        });
    };
    let problem = Signal::derive(move || {
        let is_worth_saying = is_sent.get() || new.read().chars().count() >= password::MIN_LENGTH;
        weakness.get().filter(|_| is_worth_saying).map(|it| it.message().to_owned())
    });
    view! {
        <section class="card" aria-labelledby="password">
            <h3 id="password">"Password"</h3>
            <form class="form" on:submit=submit novalidate>
                <PasswordField name="current-password" label="The password now" value=current/>
                <PasswordField
                    name="new-password"
                    label="Another password"
                    autocomplete="new-password"
                    value=new
                    problem
                />
                <Refusal error=refusal/>
                <div class="actions">
                    <button type="submit" class="button primary" disabled=is_busy>
                        "Change the password"
                    </button>
                </div>
            </form>
        </section>
    }
}
