use leptos::prelude::*;

use crate::components::{CopyButton, Dialog, Icon, Moment, Shape};
use crate::stores::{Failure, Failures};

/// What went wrong since the portal was opened: a button in a corner, and the list behind it.
#[component]
pub(super) fn FailureList() -> impl IntoView {
    let failures = Failures::expect();
    let open = RwSignal::new(false);
    let count = Memo::new(move |_| failures.count());
    let label = move || match count.get() {
        1 => "1 error".to_owned(),
        count => format!("{count} errors"),
    };
    let clear = move |_| {
        failures.clear();
        open.set(false);
    };
    view! {
        <Show when=move || { count.get() > 0 }>
            <button
                type="button"
                class="button danger failures-button"
                aria-haspopup="dialog"
                on:click=move |_| open.set(true)
            >
                <Icon shape=Shape::Warning/>
                {label}
            </button>
        </Show>
        <Dialog name="failures" title=Signal::derive(move || format!("Errors ({})", count.get())) open>
            <ul class="failures">
                {move || {
                    failures
                        .all()
                        .into_iter()
                        .map(|failure| view! { <FailureCard failure/> })
                        .collect_view()
                }}
            </ul>
            <div class="actions">
                <button type="button" class="button" on:click=clear>
                    "Clear all"
                </button>
            </div>
        </Dialog>
    }
}

#[component]
fn FailureCard(failure: Failure) -> impl IntoView {
    let failures = Failures::expect();
    let Failure { id, at, title, details } = failure;
    let dismissed = id.clone();
    view! {
        <li class="failure-item">
            <p class="alert-title">{title}</p>
            <p class="quiet-text">
                <code>{id}</code>
                ", "
                <Moment time=at/>
            </p>
            <div class="actions">
                <CopyButton label="Copy details" text=move |()| details.clone()/>
                <button
                    type="button"
                    class="button"
                    on:click=move |_| failures.dismiss(&dismissed)
                >
                    "Dismiss"
                </button>
            </div>
        </li>
    }
}
