//! A code of an authenticator beside the password.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::user::{Enrolment, SecondFactor};

use crate::api::{self, ApiError};
use crate::components::{
    Badge, CopyButton, Icon, Loaded, PasswordField, Refusal, Shape, TextField,
};
use crate::format;
use crate::stores::{Notices, Tone};

#[component]
pub(super) fn SecondFactorCard() -> impl IntoView {
    let state = LocalResource::new(api::profile::second_factor);
    let codes = RwSignal::new(None::<Vec<String>>);
    let changed = Callback::new(move |new_codes: Option<Vec<String>>| {
        codes.set(new_codes);
        state.refetch();
    });
    view! {
        <section class="card" aria-labelledby="second-factor">
            <h3 id="second-factor">"Second factor"</h3>
            <div role="status">{move || codes.get().map(|codes| view! { <Codes codes/> })}</div>
            <Loaded resource=state lines=2 let:state>
                {if state.enabled {
                    view! { <Enabled state changed/> }.into_any()
                } else {
                    view! { <SetUp changed/> }.into_any()
                }}
            </Loaded>
        </section>
    }
}

/// Codes for when the authenticator is lost.
#[component]
fn Codes(codes: Vec<String>) -> impl IntoView {
    let copied = codes.join("\n");
    view! {
        <div class="alert tone-warning">
            <Icon shape=Shape::Key/>
            <div>
                <p class="alert-title">"Keep these recovery codes"</p>
                <p>"Each is good for one sign-in without the authenticator. They are shown this once."</p>
                <ul class="recovery-codes">
                    {codes
                        .into_iter()
                        .map(|code| {
                            view! {
                                <li>
                                    <code>{code}</code>
                                </li>
                            }
                        })
                        .collect_view()}
                </ul>
                <CopyButton label="Copy the codes" text=move |()| copied.clone()/>
            </div>
        </div>
    }
}

#[component]
fn Enabled(state: SecondFactor, changed: Callback<Option<Vec<String>>>) -> impl IntoView {
    let notices = Notices::expect();
    let left = state.recovery_codes_left;
    let removed = Callback::new(move |()| {
        notices.good("The second factor was taken away.");
        changed.run(None);
    });
    view! {
        <p>
            <Badge tone=Tone::Good icon=Shape::Shield text="on".to_owned()/>
            " "
            <span class="quiet-text">
                {format!(
                    "{} left",
                    format::counted(left.into(), "recovery code", "recovery codes"),
                )}
            </span>
        </p>
        <Prove
            name="remove-factor-password"
            label="Take it away"
            act=move |password| {
                spawn_proof(api::profile::remove_second_factor(password), move |()| {
                    removed.run(());
                })
            }
        />
    }
}

#[component]
fn SetUp(changed: Callback<Option<Vec<String>>>) -> impl IntoView {
    let enrolment = RwSignal::new(None::<Enrolment>);
    view! {
        <p class="quiet-text">
            "Signing in then takes a code of an authenticator as well: a password alone is no \
            longer enough."
        </p>
        {move || match enrolment.get() {
            None => {
                view! {
                    <Prove
                        name="enrol-password"
                        label="Set it up"
                        act=move |password| {
                            spawn_proof(api::profile::enrol(password), move |new| {
                                enrolment.set(Some(new));
                            })
                        }
                    />
                }
                    .into_any()
            }
            Some(enrolment) => view! { <Confirm enrolment changed/> }.into_any(),
        }}
    }
}

/// What comes of proving who one is: nothing yet, or why it was not taken.
type Proof = RwSignal<Option<Result<(), ApiError>>>;

fn spawn_proof<T: 'static>(
    request: impl Future<Output = Result<T, ApiError>> + 'static,
    done: impl FnOnce(T) + 'static,
) -> Proof {
    let proof = RwSignal::new(None);
    spawn_local(async move {
        let answer = match request.await {
            Ok(value) => {
                done(value);
                Ok(())
            }
            Err(error) => Err(error),
        };
        if !proof.is_disposed() {
            proof.set(Some(answer));
        }
    });
    proof
}

/// The password once more, and the button that it is for.
#[component]
fn Prove(
    name: &'static str,
    label: &'static str,
    /// Begins what it is for.
    #[prop(into)]
    act: Callback<String, Proof>,
) -> impl IntoView {
    let password = RwSignal::new(String::new());
    let proof = RwSignal::new(None::<Proof>);
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        proof.set(Some(act.run(password.get_untracked())));
    };
    let is_busy = move || proof.get().is_some_and(|proof| proof.with(Option::is_none));
    let refusal = move || proof.get().and_then(|proof| proof.get()).and_then(Result::err);
    view! {
        <form class="form" on:submit=submit novalidate>
            <PasswordField name label="Your password" value=password/>
            <Refusal error=refusal/>
            <div class="actions">
                <button type="submit" class="button" disabled=is_busy>
                    {label}
                </button>
            </div>
        </form>
    }
}

#[component]
fn Confirm(enrolment: Enrolment, changed: Callback<Option<Vec<String>>>) -> impl IntoView {
    let code = RwSignal::new(String::new());
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            let code = code.read_untracked().trim().to_owned();
            match api::profile::confirm_second_factor(code).await {
                Ok(codes) => changed.run(Some(codes.codes)),
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    let Enrolment { secret, qr_svg, .. } = enrolment;
    view! {
        <ol class="enrolment">
            <li>
                <p>"Point the authenticator's camera at this picture, or type the secret in."</p>
                // Made by the server, of nothing that came from outside.
                <div
                    class="qr-code"
                    role="img"
                    aria-label="The secret as a QR code"
                    inner_html=qr_svg
                ></div>
                <p>
                    "Secret: " <code>{secret}</code>
                </p>
            </li>
            <li>
                <form class="form" on:submit=submit novalidate>
                    <TextField
                        name="enrol-code"
                        label="The code that it shows now"
                        autocomplete="one-time-code"
                        value=code
                    />
                    <Refusal error=refusal/>
                    <div class="actions">
                        <button type="submit" class="button primary" disabled=is_busy>
                            "Turn it on"
                        </button>
                    </div>
                </form>
            </li>
        </ol>
    }
}
