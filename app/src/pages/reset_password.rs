//! Setting a password by the link that an administrator gave.

use leptos::{ev, prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use crate::api::{self, ApiError};
use crate::components::{Icon, Logo, PasswordField, Refusal, Shape};
use crate::routes;

/// The least that a password has, as `shared::password` says. The rest of what it knows would
/// make the first load larger for everybody; the server says it.
const MIN_LENGTH: usize = 12;

#[component]
pub fn ResetPassword() -> impl IntoView {
    let is_done = RwSignal::new(false);
    view! {
        <Title text="Set a password"/>
        <main class="sign-in" id="main">
            <div class="card sign-in-card">
                <a href=routes::LANDING aria-label="Transfuse, front page">
                    <Logo/>
                </a>
                <h1>"Set a password"</h1>
                <Show when=move || is_done.get() fallback=move || view! { <ResetForm is_done/> }>
                    <div class="alert tone-good" role="status">
                        <Icon shape=Shape::Done/>
                        <p>"Your password is set. All your sessions ended."</p>
                    </div>
                    <a class="button primary pill wide" href=routes::SIGN_IN>
                        "Sign In"
                    </a>
                </Show>
            </div>
        </main>
    }
}

#[component]
fn ResetForm(is_done: RwSignal<bool>) -> impl IntoView {
    // What stands after the `#` goes to no server, until it is sent on purpose.
    let hash = use_location().hash;
    let password = RwSignal::new(String::new());
    let is_sent = RwSignal::new(false);
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let is_short = move || password.read().chars().count() < MIN_LENGTH;
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        is_sent.set(true);
        refusal.set(None);
        if untrack(is_short) {
            return;
        }
        let token = hash.read_untracked().trim_start_matches('#').to_owned();
        is_busy.set(true);
        spawn_local(async move {
            match api::session::reset_password(token, password.get_untracked()).await {
                Ok(()) => is_done.set(true),
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    let problem = Signal::derive(move || {
        let refused = refusal.with(|refusal| refusal.as_ref()?.about("password"));
        let is_short = is_sent.get() && is_short();
        refused.or_else(|| is_short.then(|| "A password has at least 12 characters.".to_owned()))
    });
    view! {
        <Refusal error=move || refusal.get().filter(|error| error.fields().is_empty())/>
        <form on:submit=submit novalidate>
            <PasswordField
                name="password"
                label="Another password"
                autocomplete="new-password"
                value=password
                problem
                disabled=is_busy
            />
            <button type="submit" class="button primary pill wide" disabled=is_busy>
                "Set the password"
            </button>
        </form>
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_password_is_as_long_as_the_server_wants_it() {
        assert_eq!(super::MIN_LENGTH, shared::password::MIN_LENGTH);
    }
}
