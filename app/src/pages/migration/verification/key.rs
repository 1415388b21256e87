//! The key of a row that differs, for who has a reason to see it.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::id::VerificationId;
use shared::verification::RevealedKey;

use crate::api::{self, ApiError};
use crate::components::{Dialog, Fact, Facts, Icon, Refusal, Shape, TextField};

#[component]
pub(super) fn KeyDialog(
    id: VerificationId,
    /// The row that was last asked about.
    digest: RwSignal<String>,
    open: RwSignal<bool>,
) -> impl IntoView {
    let id = StoredValue::new(id);
    view! {
        <Dialog name="mismatch-key" title="The key of this row".to_owned() open>
            <Reveal id=id.get_value() digest=digest.get_untracked()/>
        </Dialog>
    }
}

#[component]
fn Reveal(id: VerificationId, digest: String) -> impl IntoView {
    let reason = RwSignal::new(String::new());
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    // Gone with the dialog.
    let revealed = RwSignal::new(None::<RevealedKey>);
    let row = StoredValue::new((id, digest));
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            let (id, digest) = row.get_value();
            let answer = api::verifications::reveal(&id, &digest, &reason.get_untracked()).await;
            if revealed.is_disposed() {
                return;
            }
            match answer {
                Ok(key) => revealed.set(Some(key)),
                Err(error) => refusal.set(Some(error)),
            }
            is_busy.set(false);
        });
    };
    let problem = move || refusal.with(|refusal| refusal.as_ref()?.about("reason"));
    move || match revealed.get() {
        Some(key) => view! {
            <Facts>
                {key
                    .columns
                    .into_iter()
                    .map(|column| view! { <Fact name=column.name>{column.value}</Fact> })
                    .collect_view()}
            </Facts>
        }
        .into_any(),
        None => view! {
            <form class="form" on:submit=submit novalidate>
                <TextField
                    name="key-reason"
                    label="Why you have to see it"
                    hint="The audit trail keeps who looked and why. Name no patient."
                    value=reason
                    problem=Signal::derive(problem)
                />
                <Refusal error=move || {
                    refusal.get().filter(|error| error.fields().is_empty())
                }/>
                <div class="actions">
                    <button type="submit" class="button" disabled=is_busy>
                        <Icon shape=Shape::Eye/>
                        "Show the key"
                    </button>
                </div>
            </form>
        }
        .into_any(),
    }
}
