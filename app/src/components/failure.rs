use leptos::prelude::*;
use shared::run::Failure;

use super::{Icon, Shape};

/// Why something failed, and all that can be done about it.
#[component]
pub fn FailureCard(failure: Failure) -> impl IntoView {
    let explanation = failure.code.explanation();
    view! {
        <section class="card failure" role="alert">
            <Icon shape=Shape::Failed/>
            <div>
                <h3>
                    <code>{failure.code.as_str()}</code>
                    " "
                    {explanation.title}
                </h3>
                <p>{failure.message}</p>
                <p>{explanation.hint}</p>
                <p>{explanation.action}</p>
                <a href=failure.code.docs()>"More about this error"</a>
            </div>
        </section>
    }
}

/// The same in few words, within a card.
#[component]
pub fn FailureNote(failure: Failure) -> impl IntoView {
    view! {
        <div class="alert tone-bad" role="alert">
            <Icon shape=Shape::Failed/>
            <div>
                <p class="alert-title">{failure.code.as_str()}</p>
                <p>{failure.message}</p>
                <a href=failure.code.docs()>"More about this error"</a>
            </div>
        </div>
    }
}
