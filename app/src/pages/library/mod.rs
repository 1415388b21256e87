//! The manuals: the list, looking for words in all of them, and one to read.

mod error_codes;
mod manual;

use leptos::{ev, prelude::*};
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};
use shared::manual::{ManualHit, ManualSummary};
use shared::route;

use crate::api::{self, with_query};
use crate::components::{EmptyState, Icon, Loaded, Shape, TextField};
use crate::routes;
pub use error_codes::ErrorCodes;
pub use manual::ManualPage;

/// The parameter of the address that says what is looked for.
const WORDS: &str = "words";

#[component]
pub fn Library() -> impl IntoView {
    let query = use_location().query;
    let words = Memo::new(move |_| query.read().get(WORDS).unwrap_or_default().trim().to_owned());
    view! {
        <Title text="Library"/>
        <div class="page-head">
            <div>
                <h2>"Manuals"</h2>
                <p class="quiet-text">
                    "How a migration is prepared, run, repaired and taken back; every error and \
                    what mends it."
                </p>
            </div>
        </div>
        {move || view! { <SearchForm words=words.get()/> }}
        {move || match words.get() {
            words if words.is_empty() => view! { <Manuals/> }.into_any(),
            words => view! { <Hits words/> }.into_any(),
        }}
    }
}

#[component]
fn SearchForm(words: String) -> impl IntoView {
    let is_searched = !words.is_empty();
    let words = RwSignal::new(words);
    let navigate = use_navigate();
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let words = words.get_untracked();
        let wanted = Some(words.trim()).filter(|words| !words.is_empty());
        let options = NavigateOptions { scroll: false, ..Default::default() };
        navigate(&with_query(routes::LIBRARY, [(WORDS, wanted)]), options);
    };
    view! {
        <form class="search" role="search" on:submit=submit>
            <TextField
                name="library-search"
                label="Search the manuals"
                kind="search"
                placeholder="quarantine, second person, restore"
                value=words
            />
            <button type="submit" class="button primary">
                <Icon shape=Shape::Search/>
                "Search"
            </button>
            {is_searched
                .then(|| {
                    view! {
                        <a class="button" href=routes::LIBRARY>
                            "All manuals"
                        </a>
                    }
                })}
        </form>
    }
}

#[component]
fn Manuals() -> impl IntoView {
    let manuals = LocalResource::new(api::manuals::list);
    view! {
        <Loaded resource=manuals lines=6 let:manuals>
            <ul class="card-grid">
                {manuals
                    .into_iter()
                    .map(|ManualSummary { name, title, about }| {
                        view! {
                            <li>
                                <a
                                    class="card document"
                                    href=format!("{}/{name}", routes::LIBRARY)
                                >
                                    <span class="feature-icon">
                                        <Icon shape=Shape::Library/>
                                    </span>
                                    <h3>{title}</h3>
                                    <p>{about}</p>
                                </a>
                            </li>
                        }
                    })
                    .collect_view()}
                <li>
                    <a class="card document" href=route::DOCS rel="external">
                        <span class="feature-icon">
                            <Icon shape=Shape::Text/>
                        </span>
                        <h3>"The API, endpoint by endpoint"</h3>
                        <p>"Generated from the code that answers it."</p>
                    </a>
                </li>
            </ul>
        </Loaded>
    }
}

#[component]
fn Hits(words: String) -> impl IntoView {
    let words = StoredValue::new(words);
    let hits = LocalResource::new(move || {
        let words = words.get_value();
        async move { api::manuals::search(&words).await }
    });
    view! {
        <Loaded resource=hits lines=6 let:hits>
            <p class="quiet-text" role="status">
                {match hits.len() {
                    1 => "1 place".to_owned(),
                    count => format!("{count} places"),
                }}
            </p>
            {if hits.is_empty() {
                view! {
                    <EmptyState
                        icon=Shape::Search
                        title="Nothing has all of these words"
                        text="Try fewer words, or a part of one."
                    />
                }
                    .into_any()
            } else {
                view! {
                    <ul class="hits">
                        {hits.into_iter().map(|hit| view! { <Hit hit/> }).collect_view()}
                    </ul>
                }
                    .into_any()
            }}
        </Loaded>
    }
}

#[component]
fn Hit(hit: ManualHit) -> impl IntoView {
    let ManualHit { title, section, address, excerpt, .. } = hit;
    let name = if section.is_empty() { title } else { format!("{title}: {section}") };
    view! {
        <li class="card hit">
            <h3>
                <a href=address>{name}</a>
            </h3>
            <p>{excerpt}</p>
        </li>
    }
}
