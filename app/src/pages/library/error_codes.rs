//! Every error by its code.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use crate::api::error_codes::{self, Explanation};
use crate::components::{EmptyState, Loaded, Shape, TextField};
use crate::routes;

#[component]
pub fn ErrorCodes() -> impl IntoView {
    let codes = LocalResource::new(error_codes::list);
    view! {
        <Title text="Error handling"/>
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=routes::LIBRARY>"Library"</a>
                </p>
                <h2>"Error handling"</h2>
                <p class="quiet-text">
                    "What each code means, what to look at first, and what mends it."
                </p>
            </div>
        </div>
        <Loaded resource=codes lines=8 let:codes>
            <Catalogue codes/>
        </Loaded>
    }
}

#[component]
fn Catalogue(codes: Vec<Explanation>) -> impl IntoView {
    let wanted = RwSignal::new(String::new());
    let hash = use_location().hash;
    let codes = StoredValue::new(codes);
    let found = Memo::new(move |_| {
        let wanted = wanted.get().trim().to_lowercase();
        codes.with_value(|codes| {
            codes.iter().filter(|code| mentions(code, &wanted)).cloned().collect::<Vec<_>>()
        })
    });
    // The browser looked for the anchor before the list was there.
    Effect::new(move || {
        let anchor = hash.get().trim_start_matches('#').to_owned();
        if let Some(element) = document().get_element_by_id(&anchor) {
            element.scroll_into_view();
        }
    });
    view! {
        <div class="search">
            <TextField
                name="search"
                label="Search by code or word"
                kind="search"
                placeholder="DATA-003, password, too long"
                value=wanted
            />
        </div>
        <Show
            when=move || !found.read().is_empty()
            fallback=|| {
                view! {
                    <EmptyState
                        icon=Shape::Info
                        title="No error like that"
                        text="Try a part of the code, such as DATA, or one word of the message."
                    />
                }
            }
        >
            <div class="codes">
                <For each=move || found.get() key=|code| code.code.clone() let:code>
                    <article class="card code" id=code.code.to_lowercase()>
                        <h3>
                            <code>{code.code.clone()}</code>
                            " "
                            {code.title}
                        </h3>
                        <dl class="facts">
                            {["Cause", "Look at", "Mend it"]
                                .into_iter()
                                .zip([code.cause, code.hint, code.action])
                                .map(|(name, text)| {
                                    view! {
                                        <div class="fact">
                                            <dt>{name}</dt>
                                            <dd>{text}</dd>
                                        </div>
                                    }
                                })
                                .collect_view()}
                        </dl>
                    </article>
                </For>
            </div>
        </Show>
    }
}

fn mentions(code: &Explanation, wanted: &str) -> bool {
    [&code.code, &code.title, &code.cause, &code.hint, &code.action]
        .into_iter()
        .any(|text| text.to_lowercase().contains(wanted))
}
