//! One manual.

use leptos::{ev, html, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::{use_location, use_navigate};
use shared::manual::{Manual, Section};
use wasm_bindgen::JsCast;

use crate::api;
use crate::components::Loaded;
use crate::routes;

#[component]
pub fn ManualPage(
    /// As the address names it.
    name: String,
) -> impl IntoView {
    let manual = LocalResource::new(move || {
        let name = name.clone();
        async move { api::manuals::find(&name).await }
    });
    view! {
        <Title text="Library"/>
        <Loaded resource=manual lines=12 let:manual>
            <Text manual/>
        </Loaded>
    }
}

#[component]
fn Text(manual: Manual) -> impl IntoView {
    let Manual { title, html, sections, .. } = manual;
    let hash = use_location().hash;
    let text = NodeRef::<html::Div>::new();
    // The browser looked for the anchor before the text was there.
    Effect::new(move || {
        let anchor = hash.get().trim_start_matches('#').to_owned();
        text.track();
        if let Some(element) = document().get_element_by_id(&anchor) {
            element.scroll_into_view();
        }
    });
    let navigate = use_navigate();
    // Links in the text stay within the portal, as those around it do.
    let follow = move |event: ev::MouseEvent| {
        let is_plain = event.button() == 0 && !event.ctrl_key() && !event.meta_key();
        let link = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
            .and_then(|element| element.closest("a[href^='/portal/']").ok().flatten());
        if let Some(address) = link.and_then(|link| link.get_attribute("href"))
            && is_plain
        {
            event.prevent_default();
            navigate(&address, leptos_router::NavigateOptions::default());
        }
    };
    view! {
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=routes::LIBRARY>"Library"</a>
                </p>
                <h2>{title}</h2>
            </div>
        </div>
        <div class="manual">
            <Contents sections/>
            // Rendered by the server, which lets elements of text through and nothing else.
            <div class="card prose" node_ref=text inner_html=html on:click=follow></div>
        </div>
    }
}

/// The parts of the manual.
#[component]
fn Contents(sections: Vec<Section>) -> impl IntoView {
    let parts: Vec<_> = sections.into_iter().filter(|section| section.level <= 3).collect();
    if parts.len() < 2 {
        return ().into_any();
    }
    view! {
        <nav class="contents" aria-label="Contents">
            <ul>
                {parts
                    .into_iter()
                    .map(|Section { anchor, title, level }| {
                        view! {
                            <li class:inner=level == 3>
                                <a href=format!("#{anchor}")>{title}</a>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
        </nav>
    }
    .into_any()
}
