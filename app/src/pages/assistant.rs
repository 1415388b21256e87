//! Questions about the migration, and what is known of their answers.

use leptos::{ev, prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::hooks::use_location;
use shared::assistant::{Answer, LONGEST_QUESTION, Passage, Service, Source};

use crate::api::{self, ApiError};
use crate::components::{EmptyState, Icon, Refusal, Shape, TextField};

/// What somebody may begin with.
const EXAMPLES: [&str; 4] = [
    "What should I do next?",
    "Why did the last run stop?",
    "What does DATA-003 mean?",
    "How do I undo a run?",
];

/// The parameter by which other pages ask.
const QUESTION: &str = "question";

/// A question of this visit, and what came of it. Nothing of it is kept.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    number: usize,
    question: String,
    answer: Option<Result<Answer, ApiError>>,
}

#[component]
pub fn Assistant() -> impl IntoView {
    let asked = RwSignal::new(Vec::<Asked>::new());
    let question = RwSignal::new(String::new());
    let is_busy =
        Memo::new(move |_| asked.with(|asked| asked.iter().any(|it| it.answer.is_none())));
    let ask = Callback::new(move |text: String| {
        let text = text.trim().to_owned();
        if text.is_empty() || text.chars().count() > LONGEST_QUESTION || is_busy.get_untracked() {
            return;
        }
        let number = asked.with_untracked(Vec::len);
        asked.update(|asked| {
            asked.push(Asked { number, question: text.clone(), answer: None });
        });
        question.set(String::new());
        spawn_local(async move {
            let answer = api::assistant::ask(text).await;
            if asked.is_disposed() {
                return;
            }
            asked.update(|asked| {
                if let Some(one) = asked.get_mut(number) {
                    one.answer = Some(answer);
                }
            });
        });
    });
    if let Some(text) = use_location().query.read_untracked().get(QUESTION) {
        ask.run(text);
    }
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        ask.run(question.get_untracked());
    };
    view! {
        <Title text="Assistant"/>
        <div class="page-head">
            <div>
                <h2>"Ask about your migration"</h2>
                <p class="quiet-text">
                    "Answers come from the state of the runs, the catalogue of errors and the \
                    manuals. Name no patient: an answer needs none."
                </p>
            </div>
        </div>
        <div class="conversation" role="log" aria-label="Questions and answers">
            <Show
                when=move || asked.with(|asked| !asked.is_empty())
                fallback=move || view! { <Examples ask/> }
            >
                <For
                    each=move || asked.get()
                    key=|one| (one.number, one.answer.is_some())
                    let:one
                >
                    <Exchange one/>
                </For>
            </Show>
        </div>
        <form class="card search" on:submit=submit novalidate>
            <TextField
                name="question"
                label="Your question"
                placeholder="Why did run 12 stop?"
                value=question
            />
            <button type="submit" class="button primary" disabled=is_busy>
                <Icon shape=Shape::Send/>
                {move || if is_busy.get() { "Looking…" } else { "Ask" }}
            </button>
        </form>
    }
}

#[component]
fn Examples(ask: Callback<String>) -> impl IntoView {
    view! {
        <section class="card">
            <p>"You may begin with one of these:"</p>
            <div class="actions">
                {EXAMPLES
                    .into_iter()
                    .map(|text| {
                        view! {
                            <button
                                type="button"
                                class="button"
                                on:click=move |_| ask.run(text.to_owned())
                            >
                                {text}
                            </button>
                        }
                    })
                    .collect_view()}
            </div>
        </section>
    }
}

#[component]
fn Exchange(one: Asked) -> impl IntoView {
    view! {
        <article class="exchange">
            <h3 class="question">{one.question}</h3>
            {match one.answer {
                None => view! { <p class="quiet-text">"Looking…"</p> }.into_any(),
                Some(Err(error)) => view! { <Refusal error=Some(error)/> }.into_any(),
                Some(Ok(answer)) => view! { <Known answer/> }.into_any(),
            }}
        </article>
    }
}

#[component]
fn Known(answer: Answer) -> impl IntoView {
    let Answer { passages, words, service } = answer;
    if passages.is_empty() {
        return view! {
            <EmptyState
                icon=Shape::Assistant
                title="Nothing is known of that"
                text="Ask about a run, an error's code, or a word that the manuals use."
            />
        }
        .into_any();
    }
    view! {
        {words.map(|words| view! { <p class="card words">{words}</p> })}
        {(service == Service::Failed)
            .then(|| {
                view! {
                    <p class="quiet-text">
                        "The service that puts answers into words did not answer; what is known \
                        stands without it."
                    </p>
                }
            })}
        <ul class="passages">
            {passages.into_iter().map(|passage| view! { <PassageCard passage/> }).collect_view()}
        </ul>
    }
    .into_any()
}

#[component]
fn PassageCard(passage: Passage) -> impl IntoView {
    let Passage { source, title, text, address } = passage;
    let (shape, from) = match source {
        Source::Run => (Shape::Play, "How it stands"),
        Source::Step => (Shape::ArrowRight, "What comes next"),
        Source::Code => (Shape::Warning, "Error"),
        Source::Manual => (Shape::Library, "Manual"),
    };
    view! {
        <li class="card passage">
            <p class="quiet-text passage-source">
                <Icon shape/>
                {from}
            </p>
            <p>
                <a href=address>{title}</a>
            </p>
            <p>{text}</p>
        </li>
    }
}
