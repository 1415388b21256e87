//! Signing in.

use futures::FutureExt;
use leptos::{ev, prelude::*, task::spawn_local};
use leptos_meta::Title;
use shared::user::SignIn as Credentials;
use wasm_bindgen::JsCast;

use super::portal;
use crate::api::{self, ApiError};
use crate::browser;
use crate::components::{CheckboxField, Icon, Logo, PasswordField, Shape, TextField};
use crate::routes;
use crate::stores::Session;

const REMEMBERED_EMAIL: &str = "transfuse.email";

// The names of the fields.
const EMAIL: &str = "email";
const PASSWORD: &str = "password";
const CODE: &str = "code";

#[component]
pub fn SignIn() -> impl IntoView {
    let session = Session::expect();
    view! {
        <Title text="Sign in"/>
        <main class="sign-in" id="main">
            <div class="card sign-in-card">
                <a href=routes::LANDING aria-label="Transfuse, front page">
                    <Logo/>
                </a>
                <h1>"Welcome Back"</h1>
                <p class="quiet-text">"Sign in to access your migration portal"</p>
                <Show when=move || session.has_expired()>
                    <div class="alert tone-warning" role="status">
                        <Icon shape=Shape::Clock/>
                        <p>"Your session has expired. Please sign in again."</p>
                    </div>
                </Show>
                <SignInForm/>
            </div>
        </main>
    }
}

#[component]
fn SignInForm() -> impl IntoView {
    let entry = Entry::new(browser::remembered(REMEMBERED_EMAIL));
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        match entry.submit() {
            Ok(credentials) => entry.send(credentials),
            Err(field) => focus(field),
        }
    };
    view! {
        <div role="alert">
            {move || {
                entry
                    .refusal
                    .get()
                    .map(|text| {
                        view! {
                            <div class="alert tone-bad">
                                <Icon shape=Shape::Warning/>
                                <p>{text}</p>
                            </div>
                        }
                    })
            }}
        </div>
        <form on:submit=submit novalidate>
            <TextField
                name=EMAIL
                label="E-mail"
                kind="email"
                autocomplete="email"
                placeholder="Enter your email"
                value=entry.email
                problem=Signal::derive(move || entry.email_problem())
                disabled=entry.is_busy
            />
            <PasswordField
                name=PASSWORD
                label="Password"
                placeholder="Enter your password"
                value=entry.password
                problem=Signal::derive(move || entry.password_problem())
                disabled=entry.is_busy
            />
            <Show when=move || entry.wants_code.get()>
                <TextField
                    name=CODE
                    label="Code"
                    hint="What your authenticator shows, or a recovery code."
                    autocomplete="one-time-code"
                    value=entry.code
                    disabled=entry.is_busy
                />
            </Show>
            <Help is_remembered=entry.is_remembered is_busy=entry.is_busy/>
            <button type="submit" class="button primary pill wide" disabled=entry.is_busy>
                {move || if entry.is_busy.get() { "Signing in…" } else { "Sign In" }}
            </button>
        </form>
    }
}

#[component]
fn Help(is_remembered: RwSignal<bool>, is_busy: RwSignal<bool>) -> impl IntoView {
    let is_wanted = RwSignal::new(false);
    view! {
        <div class="sign-in-row">
            <CheckboxField
                name="remember"
                label="Remember me"
                value=is_remembered
                disabled=is_busy
            />
            <button
                type="button"
                class="link-button"
                aria-expanded=move || is_wanted.get().to_string()
                on:click=move |_| is_wanted.update(|is_wanted| *is_wanted = !*is_wanted)
            >
                "Forgot password?"
            </button>
        </div>
        <Show when=move || is_wanted.get()>
            <p class="quiet-text">
                "An administrator of this installation can give you a link by which you set \
                another one."
            </p>
        </Show>
    }
}

/// What is in the form.
#[derive(Clone, Copy)]
struct Entry {
    session: Session,
    email: RwSignal<String>,
    password: RwSignal<String>,
    /// The account has a second factor.
    wants_code: RwSignal<bool>,
    code: RwSignal<String>,
    is_remembered: RwSignal<bool>,
    /// What was in the fields when the form was sent last: editing a field clears its problem.
    sent: RwSignal<Option<Credentials>>,
    is_busy: RwSignal<bool>,
    refusal: RwSignal<Option<&'static str>>,
}

impl Entry {
    fn new(remembered: Option<String>) -> Self {
        Self {
            session: Session::expect(),
            is_remembered: RwSignal::new(remembered.is_some()),
            email: RwSignal::new(remembered.unwrap_or_default()),
            password: RwSignal::new(String::new()),
            wants_code: RwSignal::new(false),
            code: RwSignal::new(String::new()),
            sent: RwSignal::new(None),
            is_busy: RwSignal::new(false),
            refusal: RwSignal::new(None),
        }
    }

    fn email_problem(self) -> Option<String> {
        let sent = self.sent.get()?.email;
        (sent == self.email.get()).then(|| email_problem(&sent)).flatten()
    }

    fn password_problem(self) -> Option<String> {
        let sent = self.sent.get()?.password;
        (sent == self.password.get()).then(|| password_problem(&sent)).flatten()
    }

    /// What is to be sent, or the first field that keeps it from being sent.
    fn submit(self) -> Result<Credentials, &'static str> {
        let entered = Credentials {
            email: self.email.get_untracked(),
            password: self.password.get_untracked(),
            code: Some(self.code.get_untracked()).filter(|code| !code.trim().is_empty()),
        };
        self.refusal.set(None);
        self.sent.set(Some(entered.clone()));
        if email_problem(&entered.email).is_some() {
            return Err(EMAIL);
        }
        if password_problem(&entered.password).is_some() {
            return Err(PASSWORD);
        }
        Ok(Credentials { email: tidy_email(&entered.email), ..entered })
    }

    fn send(self, credentials: Credentials) {
        if self.is_remembered.get_untracked() {
            browser::remember(REMEMBERED_EMAIL, &credentials.email);
        } else {
            browser::forget(REMEMBERED_EMAIL);
        }
        self.is_busy.set(true);
        // What comes next is fetched meanwhile; should that fail, it is tried again then.
        spawn_local(portal::load().map(drop));
        spawn_local(async move {
            match api::session::sign_in(&credentials).await {
                // The guard of this page leads on to where somebody wanted to go.
                Ok(user) => self.session.begin(user),
                Err(error) => {
                    // The password was right: what is asked for next is no refusal yet.
                    let wants_code = error.code() == Some(CODE_REQUIRED);
                    self.wants_code.update(|wanted| *wanted |= wants_code);
                    self.refusal.set((!wants_code).then(|| explained(&error)));
                    self.is_busy.set(false);
                    if wants_code {
                        focus_soon(CODE);
                    }
                }
            }
        });
    }
}

/// Focuses a field that is about to appear.
fn focus_soon(field: &'static str) {
    request_animation_frame(move || focus(field));
}

fn focus(field: &str) {
    let element = document().get_element_by_id(field);
    if let Some(element) =
        element.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok())
    {
        let _ = element.focus();
    }
}

fn tidy_email(email: &str) -> String {
    email.trim().to_lowercase()
}

fn email_problem(email: &str) -> Option<String> {
    let email = email.trim();
    if email.is_empty() {
        return Some("Email is required".to_owned());
    }
    let is_valid = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.contains('@')
            && domain.split('.').count() > 1
            && domain.split('.').all(|label| !label.is_empty())
            && !email.contains(char::is_whitespace)
    });
    (!is_valid).then(|| "Please enter a valid email address".to_owned())
}

fn password_problem(password: &str) -> Option<String> {
    match password.chars().count() {
        0 => Some("Password is required".to_owned()),
        1..6 => Some("Password must be at least 6 characters".to_owned()),
        _ => None,
    }
}

/// How the server says that the account asks for a code as well.
const CODE_REQUIRED: &str = "code_required";

/// Why somebody was not let in, as they may know it.
fn explained(error: &ApiError) -> &'static str {
    match error.status() {
        Some(401) if error.code() == Some("wrong_code") => {
            "The code is wrong or was used before. Wait for the next one, or use a recovery code."
        }
        Some(400 | 401 | 403 | 422) => {
            "Invalid email or password. Please check your credentials and try again."
        }
        Some(429) => "Too many attempts. Please wait a few minutes and try again.",
        None if *error == ApiError::Unreachable => {
            "Network error. Please check your connection and try again."
        }
        _ => "An unexpected error occurred. Please try again.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_one_is_told_before_it_is_sent() {
        assert_eq!(email_problem("  ").as_deref(), Some("Email is required"));
        for email in ["ida", "ida@", "@example.org", "ida@example", "i da@example.org", "a@b@c.d"] {
            let expected = Some("Please enter a valid email address");
            assert_eq!(email_problem(email).as_deref(), expected, "{email}");
        }
        assert_eq!(email_problem(" Ida@Example.org "), None);
        assert_eq!(tidy_email(" Ida@Example.org "), "ida@example.org");
    }

    #[test]
    fn a_short_password_is_told_before_it_is_sent() {
        assert_eq!(password_problem("").as_deref(), Some("Password is required"));
        let expected = Some("Password must be at least 6 characters");
        assert_eq!(password_problem("äöüäö").as_deref(), expected);
        assert_eq!(password_problem("äöüäöü"), None);
    }

    #[test]
    fn who_is_not_let_in_is_not_told_which_half_was_wrong() {
        let wrong = "Invalid email or password. Please check your credentials and try again.";
        assert_eq!(explained(&ApiError::of_answer(401, "")), wrong);
        assert!(explained(&ApiError::of_answer(429, "")).starts_with("Too many attempts"));
        assert!(explained(&ApiError::Unreachable).starts_with("Network error"));
        assert!(explained(&ApiError::of_answer(500, "")).starts_with("An unexpected error"));
    }
}
