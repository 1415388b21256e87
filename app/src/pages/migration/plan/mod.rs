//! One plan: read it table by table, or edit it as text.

mod rules;
mod tables;
mod trial;
mod codes;
mod editor;
mod versions;

use leptos::prelude::*;
use leptos_meta::Title;
use shared::id::PlanId;
use shared::plan::SavedPlan;
use shared::user::Permission;

use super::place::Place;
use super::start_run::StartRun;
use crate::api;
use crate::components::{Fact, Facts, Icon, Loaded, Moment, Shape};
use crate::format;
use crate::stores::{PlanDraft, Session};
use codes::Codes;
use editor::Editor;
use tables::Tables;
use versions::Versions;

#[component]
pub fn PlanPage(id: PlanId) -> impl IntoView {
    let plan = LocalResource::new(move || {
        let id = id.clone();
        async move { api::plans::find(&id).await }
    });
    view! {
        <Title text="Plan"/>
        <Loaded resource=plan lines=8 let:saved>
            <PlanView saved/>
        </Loaded>
    }
}

/// How a plan is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Tables,
    Codes,
    Text,
    Versions,
}

#[component]
fn PlanView(saved: SavedPlan) -> impl IntoView {
    let look = RwSignal::new(Look::Tables);
    let draft = PlanDraft::new(&saved.plan);
    let saved = RwSignal::new(saved);
    // What is written in the text is shown as soon as it is a plan.
    let written = move || draft.plan().unwrap_or_else(|_| saved.get().plan);
    let looks = [
        (Look::Tables, "Tables", Shape::Table),
        (Look::Codes, "Codes", Shape::Books),
        (Look::Text, "YAML", Shape::Text),
        (Look::Versions, "Versions", Shape::History),
    ];
    view! {
        <PlanHead saved/>
        <div class="segments" role="group" aria-label="View">
            {looks
                .into_iter()
                .map(|(kind, label, shape)| {
                    view! {
                        <button
                            type="button"
                            class="segment"
                            aria-pressed=move || (look.get() == kind).to_string()
                            on:click=move |_| look.set(kind)
                        >
                            <Icon shape/>
                            {label}
                        </button>
                    }
                })
                .collect_view()}
        </div>
        <Show when=move || draft.is_changed() && look.get() != Look::Text>
            <p class="quiet-text">"What was changed in the text is not saved yet."</p>
        </Show>
        {move || match look.get() {
            Look::Tables => view! { <Tables draft plan=written()/> }.into_any(),
            Look::Codes => view! { <Codes plan=written()/> }.into_any(),
            Look::Text => view! { <Editor draft saved/> }.into_any(),
            Look::Versions => view! { <Versions saved=saved.get()/> }.into_any(),
        }}
    }
}

#[component]
fn PlanHead(saved: RwSignal<SavedPlan>) -> impl IntoView {
    let session = Session::expect();
    let id = Signal::derive(move || Some(saved.with(|saved| saved.id.clone())));
    view! {
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=Place::Plans.address()>"Plans"</a>
                </p>
                <h2>{move || saved.with(|saved| saved.name.clone())}</h2>
                {move || {
                    let description = saved.with(|saved| saved.plan.description.clone());
                    description.map(|text| view! { <p>{text}</p> })
                }}
            </div>
        </div>
        {move || {
            let SavedPlan { version, hash, saved_at, saved_by, plan, .. } = saved.get();
            view! {
                <section class="card">
                    <Facts>
                        <Fact name="From">{plan.source}</Fact>
                        <Fact name="To">{plan.target}</Fact>
                        <Fact name="Version">
                            {version} ", " <code title=hash.clone()>{short(&hash)}</code>
                        </Fact>
                        <Fact name="Saved">
                            <Moment time=saved_at/>
                            {format!(" by {saved_by}")}
                        </Fact>
                        <Fact name="Tables">{format::count(plan.tables.len() as u64)}</Fact>
                        <Fact name="Chunks">
                            {format!(
                                "{} rows, {} at once",
                                format::count(plan.options.chunk_rows),
                                plan.options.workers,
                            )}
                        </Fact>
                    </Facts>
                    <Show when=move || session.may(Permission::ControlRuns)>
                        <StartRun plan=id/>
                    </Show>
                </section>
            }
        }}
    }
}

fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}
