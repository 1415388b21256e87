//! Somebody of a sample: both sides for a reason, and what is said of them.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::id::SignOffId;
use shared::sign_off::{Judgement, RevealedPerson, SampledPerson, SignOffState};
use shared::user::Permission;

use super::sides::Sides;
use crate::api::{self, ApiError};
use crate::components::{Icon, Refusal, Shape, TextField};
use crate::stores::Session;

#[component]
pub(super) fn PersonPanel(
    id: StoredValue<SignOffId>,
    number: u32,
    /// Why people are looked at; kept from one to the next.
    reason: RwSignal<String>,
    state: Memo<SignOffState>,
    /// What was said.
    said: Callback<SampledPerson>,
) -> impl IntoView {
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    // Gone with the panel.
    let revealed = RwSignal::new(None::<RevealedPerson>);
    let look = move || {
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            let asked = reason.get_untracked();
            let answer = api::sign_offs::reveal(&id.get_value(), number, &asked).await;
            if revealed.is_disposed() {
                return;
            }
            match answer {
                Ok(person) => revealed.set(Some(person)),
                Err(error) => refusal.set(Some(error)),
            }
            is_busy.set(false);
        });
    };
    if !reason.get_untracked().is_empty() {
        look();
    }
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        look();
    };
    let problem = move || refusal.with(|refusal| refusal.as_ref()?.about("reason"));
    view! {
        <section class="card" aria-labelledby="looked-at">
            <h3 id="looked-at">{format!("Person {number}")}</h3>
            <Refusal error=move || refusal.get().filter(|error| error.fields().is_empty())/>
            {move || match revealed.get() {
                Some(person) => {
                    view! {
                        <Sides tables=person.tables.clone()/>
                        <Judge id number person state said/>
                    }
                        .into_any()
                }
                None => {
                    view! {
                        <form class="form" on:submit=submit novalidate>
                            <TextField
                                name="look-reason"
                                label="Why you look at these people"
                                hint="The audit trail keeps who looked and why. Name no patient."
                                value=reason
                                problem=Signal::derive(problem)
                            />
                            <div class="actions">
                                <button type="submit" class="button primary" disabled=is_busy>
                                    <Icon shape=Shape::Eye/>
                                    {move || {
                                        if is_busy.get() { "Reading both sides…" } else { "Show both sides" }
                                    }}
                                </button>
                            </div>
                        </form>
                    }
                        .into_any()
                }
            }}
        </section>
    }
}

#[component]
fn Judge(
    id: StoredValue<SignOffId>,
    number: u32,
    person: RevealedPerson,
    state: Memo<SignOffState>,
    said: Callback<SampledPerson>,
) -> impl IntoView {
    let session = Session::expect();
    let why = RwSignal::new(person.reason.clone().unwrap_or_default());
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let judge = move |judgement: Judgement| {
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            let asked = why.get_untracked();
            let answer = api::sign_offs::judge(&id.get_value(), number, judgement, &asked).await;
            if is_busy.is_disposed() {
                return;
            }
            match answer {
                Ok(person) => said.run(person),
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    let problem = move || refusal.with(|refusal| refusal.as_ref()?.about("reason"));
    view! {
        <Show when=move || {
            state.get() == SignOffState::Open && session.may(Permission::SignOff)
        }>
            <div class="form">
                <TextField
                    name="judgement-reason"
                    label="Why you accept or reject it"
                    hint="Kept sealed, and shown to those who look at this person."
                    value=why
                    problem=Signal::derive(problem)
                />
                <Refusal error=move || {
                    refusal.get().filter(|error| error.fields().is_empty())
                }/>
                <div class="actions">
                    <button
                        type="button"
                        class="button primary"
                        disabled=is_busy
                        on:click=move |_| judge(Judgement::Accepted)
                    >
                        <Icon shape=Shape::Check/>
                        "Accept"
                    </button>
                    <button
                        type="button"
                        class="button danger"
                        disabled=is_busy
                        on:click=move |_| judge(Judgement::Rejected)
                    >
                        <Icon shape=Shape::Close/>
                        "Reject"
                    </button>
                </div>
            </div>
        </Show>
    }
}
