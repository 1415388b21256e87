//! One plan: read it table by table, or edit it as text.

use leptos::{ev, prelude::*, task::spawn_local};
use leptos_meta::Title;
use shared::id::PlanId;
use shared::plan::{CodeTable, ColumnMapping, Plan, PlanProblem, SavedPlan, TableMapping};
use shared::user::Permission;

use super::place::Place;
use super::rules::{in_words, orphans_in_words, otherwise_in_words};
use super::start_run::StartRun;
use crate::api::{self, ApiError};
use crate::components::{
    Badge, Fact, Facts, Icon, Loaded, Moment, Refusal, Shape, TableFrame, TextField,
};
use crate::format;
use crate::stores::{Notices, PlanDraft, Session, Tone};

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
}

#[component]
fn PlanView(saved: SavedPlan) -> impl IntoView {
    let look = RwSignal::new(Look::Tables);
    let draft = PlanDraft::new(&saved.plan);
    let saved = RwSignal::new(saved);
    let looks = [
        (Look::Tables, "Tables", Shape::Table),
        (Look::Codes, "Codes", Shape::Books),
        (Look::Text, "YAML", Shape::Text),
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
        {move || match look.get() {
            Look::Tables => view! { <Tables plan=saved.with(|saved| saved.plan.clone())/> }.into_any(),
            Look::Codes => view! { <Codes plan=saved.with(|saved| saved.plan.clone())/> }.into_any(),
            Look::Text => view! { <Editor draft saved/> }.into_any(),
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
                {move || saved.with(|saved| saved.plan.description.clone()).map(|text| view! { <p>{text}</p> })}
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

#[component]
fn Tables(plan: Plan) -> impl IntoView {
    let wanted = RwSignal::new(String::new());
    let tables = StoredValue::new(plan.tables);
    let found = Memo::new(move |_| {
        let wanted = wanted.get().trim().to_lowercase();
        tables.with_value(|tables| {
            (0..tables.len()).filter(|index| mentions(&tables[*index], &wanted)).collect::<Vec<_>>()
        })
    });
    view! {
        <div class="search">
            <TextField name="table-search" label="Search tables and columns" kind="search" value=wanted/>
            <p class="quiet-text" role="status">
                {move || format::counted(found.read().len() as u64, "table", "tables")}
            </p>
        </div>
        <div class="mappings">
            <For each=move || found.get() key=|index| *index let:index>
                {tables.with_value(|tables| tables.get(index).cloned()).map(|table| view! { <Mapping table/> })}
            </For>
        </div>
    }
}

fn mentions(table: &TableMapping, wanted: &str) -> bool {
    let names = [table.source.to_string(), table.target.to_string()];
    let columns = table
        .columns
        .iter()
        .flat_map(|column| std::iter::once(&column.target).chain(column.source.as_ref()));
    names.iter().chain(columns).any(|name| name.to_lowercase().contains(wanted))
}

#[component]
fn Mapping(table: TableMapping) -> impl IntoView {
    // What is folded is not made: a plan has a thousand columns and more.
    let is_open = RwSignal::new(false);
    let summary = format!(
        "{}{}",
        format::counted(table.columns.len() as u64, "column", "columns"),
        if table.create.is_some() { ", created" } else { "" },
    );
    let names = (table.source.to_string(), table.target.to_string());
    let left_behind = table.left_behind.len();
    let is_filtered = table.filter.is_some();
    let table = StoredValue::new(table);
    view! {
        <details
            class="card mapping"
            on:toggle=move |_| is_open.update(|is_open| *is_open = !*is_open)
        >
            <summary>
                <span class="mapping-names">
                    <code>{names.0}</code>
                    <Icon shape=Shape::ArrowRight/>
                    <span class="visually-hidden">" to "</span>
                    <code>{names.1}</code>
                </span>
                <span class="quiet-text">{summary}</span>
                {is_filtered
                    .then(|| view! { <Badge tone=Tone::Info text="filtered".to_owned()/> })}
                {(left_behind > 0)
                    .then(|| {
                        let text = format!("{left_behind} left behind");
                        view! { <Badge tone=Tone::Warning text/> }
                    })}
            </summary>
            <Show when=move || is_open.get()>
                <MappingBody table=table.get_value()/>
            </Show>
        </details>
    }
}

#[component]
fn MappingBody(table: TableMapping) -> impl IntoView {
    let label = format!("Columns of {}", table.target);
    let mut notes = Vec::new();
    if !table.key.is_empty() {
        notes.push(("Key", table.key.join(", ")));
    }
    if let Some(query) = &table.query {
        notes.push(("Read by", query.sql.clone()));
    }
    if let Some(filter) = &table.filter {
        notes.push(("Only rows where", filter.clone()));
    }
    notes.extend(
        table
            .left_behind
            .iter()
            .map(|(column, reason)| ("Left behind", format!("{column}: {reason}"))),
    );
    if let Some(shape) = &table.create {
        if !shape.primary_key.is_empty() {
            notes.push(("Primary key", shape.primary_key.join(", ")));
        }
        notes.extend(shape.foreign_keys.iter().map(|key| {
            let orphans = table.orphans.get(&key.name).cloned().unwrap_or_default();
            let text = format!(
                "{} → {}; {}",
                key.columns.join(", "),
                key.references,
                orphans_in_words(&orphans)
            );
            ("References", text)
        }));
        notes.extend(shape.indexes.iter().map(|index| {
            let unique = if index.unique { ", unique" } else { "" };
            ("Index", format!("{}{unique}", index.columns.join(", ")))
        }));
    }
    view! {
        <TableFrame label>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Column"</th>
                        <th scope="col">"Type"</th>
                        <th scope="col">"From"</th>
                        <th scope="col">"Rules"</th>
                    </tr>
                </thead>
                <tbody>
                    {table.columns.into_iter().map(|column| view! { <ColumnRow column/> }).collect_view()}
                </tbody>
            </table>
        </TableFrame>
        <Facts>
            {notes
                .into_iter()
                .map(|(name, text)| view! { <Fact name>{text}</Fact> })
                .collect_view()}
        </Facts>
    }
}

#[component]
fn ColumnRow(column: ColumnMapping) -> impl IntoView {
    let nullable = if column.nullable { "" } else { ", not null" };
    let mut rules: Vec<String> = column.transform.iter().map(in_words).collect();
    if let Some(raw) = &column.keep_raw_in {
        rules.push(format!("as read in {raw}"));
    }
    if let Some(default) = &column.default {
        rules.push(format!("default {default}"));
    }
    if column.identity {
        rules.push("identity".to_owned());
    }
    view! {
        <tr>
            <th scope="row">
                <code>{column.target}</code>
            </th>
            <td>
                <code>{column.data_type.to_string()}</code>
                {nullable}
            </td>
            <td>{column.source.map(|source| view! { <code>{source}</code> })}</td>
            <td>
                {if rules.is_empty() { "as it is".to_owned() } else { rules.join("; ") }}
                {column
                    .signed
                    .map(|signed| {
                        view! {
                            <p class="quiet-text">
                                {format!("Loss signed by {}: {}", signed.by, signed.reason)}
                            </p>
                        }
                    })}
            </td>
        </tr>
    }
}

#[component]
fn Codes(plan: Plan) -> impl IntoView {
    if plan.code_tables.is_empty() && plan.enums.is_empty() {
        return view! { <p class="quiet-text">"The plan has no code tables."</p> }.into_any();
    }
    view! {
        <div class="card-grid">
            {plan
                .code_tables
                .into_iter()
                .map(|(name, table)| view! { <CodeTableCard name table/> })
                .collect_view()}
            {plan
                .enums
                .into_iter()
                .map(|(name, labels)| {
                    view! {
                        <section class="card">
                            <h3>
                                <code>{name}</code>
                            </h3>
                            <p class="quiet-text">"A type of the target: one of"</p>
                            <p>{labels.join(", ")}</p>
                        </section>
                    }
                })
                .collect_view()}
        </div>
    }
    .into_any()
}

#[component]
fn CodeTableCard(name: String, table: CodeTable) -> impl IntoView {
    let label = format!("Codes of {name}");
    view! {
        <section class="card">
            <h3>
                <code>{name}</code>
            </h3>
            {table.description.map(|text| view! { <p class="quiet-text">{text}</p> })}
            <TableFrame label>
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Code"</th>
                            <th scope="col">"Means"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {table
                            .entries
                            .into_iter()
                            .map(|(code, meaning)| {
                                view! {
                                    <tr>
                                        <th scope="row">
                                            <code>{code}</code>
                                        </th>
                                        <td>{meaning}</td>
                                    </tr>
                                }
                            })
                            .collect_view()}
                    </tbody>
                </table>
            </TableFrame>
            <p class="quiet-text">{otherwise_in_words(&table.otherwise)}</p>
        </section>
    }
}

#[component]
fn Editor(draft: PlanDraft, saved: RwSignal<SavedPlan>) -> impl IntoView {
    let session = Session::expect();
    let notices = Notices::expect();
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let may_edit = move || session.may(Permission::EditPlans);
    // What was found when the text, as it was then, was held against the databases.
    let checked = RwSignal::new(None::<Vec<PlanProblem>>);
    let check = move |_| {
        let Ok(plan) = draft.plan() else { return };
        refusal.set(None);
        checked.set(None);
        is_busy.set(true);
        spawn_local(async move {
            match api::plans::check(&plan).await {
                Ok(check) => checked.set(Some(check.problems)),
                Err(error) => refusal.set(Some(error)),
            }
            is_busy.set(false);
        });
    };
    let save = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let Ok(plan) = draft.plan() else { return };
        let before = saved.get_untracked();
        refusal.set(None);
        checked.set(None);
        is_busy.set(true);
        spawn_local(async move {
            match api::plans::save(&before, &plan).await {
                Ok(new) => {
                    draft.saved_as(&new.plan);
                    notices.good(format!("Saved as version {}.", new.version));
                    saved.set(new);
                }
                Err(error) => refusal.set(Some(error)),
            }
            is_busy.set(false);
        });
    };
    view! {
        <form class="card editor" on:submit=save>
            <label for="plan-yaml">"The plan as YAML"</label>
            <p class="field-hint" id="plan-yaml-hint">
                "The same document that the command line reads. Comments are not kept."
            </p>
            <textarea
                class="input editor-text"
                id="plan-yaml"
                spellcheck="false"
                autocapitalize="off"
                aria-describedby="plan-yaml-hint plan-yaml-problems"
                aria-invalid=move || draft.unreadable().is_some().then_some("true")
                readonly=move || !may_edit()
                prop:value=move || draft.text()
                on:input=move |event| {
                    refusal.set(None);
                    checked.set(None);
                    draft.edit(event_target_value(&event));
                }
            ></textarea>
            <div id="plan-yaml-problems" aria-live="polite">
                {move || {
                    draft
                        .unreadable()
                        .map(|text| {
                            view! {
                                <div class="alert tone-bad">
                                    <Icon shape=Shape::Warning/>
                                    <p>{text}</p>
                                </div>
                            }
                        })
                }}
                <Problems problems=move || described(draft.problems())/>
                {move || {
                    checked
                        .get()
                        .map(|problems| {
                            if problems.is_empty() {
                                view! {
                                    <p class="all-well">
                                        <Icon shape=Shape::Done/>
                                        "Both databases have what the plan names."
                                    </p>
                                }
                                    .into_any()
                            } else {
                                view! { <Problems problems=described(problems)/> }.into_any()
                            }
                        })
                }}
            </div>
            <Refusal error=refusal/>
            <Problems problems=move || {
                refusal
                    .with(|refusal| {
                        refusal
                            .as_ref()
                            .map(ApiError::fields)
                            .unwrap_or_default()
                            .iter()
                            .map(|problem| (problem.field.clone(), problem.message.clone()))
                            .collect::<Vec<_>>()
                    })
            }/>
            <Show when=may_edit>
                <div class="actions">
                    <button
                        type="submit"
                        class="button primary"
                        disabled=move || {
                            is_busy.get() || !draft.is_changed() || draft.unreadable().is_some()
                        }
                    >
                        {move || if is_busy.get() { "Saving…" } else { "Save a new version" }}
                    </button>
                    <button
                        type="button"
                        class="button"
                        disabled=move || is_busy.get() || draft.unreadable().is_some()
                        on:click=check
                    >
                        "Check against the databases"
                    </button>
                    <button
                        type="button"
                        class="button"
                        disabled=move || !draft.is_changed()
                        on:click=move |_| {
                            refusal.set(None);
                            draft.discard();
                        }
                    >
                        "Discard changes"
                    </button>
                </div>
            </Show>
        </form>
    }
}

fn described(problems: Vec<PlanProblem>) -> Vec<(String, String)> {
    problems
        .into_iter()
        .map(|problem| (problem.at, format!("{}: {}", problem.code, problem.message)))
        .collect()
}

/// Places in the document, and what is wrong there.
#[component]
fn Problems(#[prop(into)] problems: Signal<Vec<(String, String)>>) -> impl IntoView {
    view! {
        <Show when=move || !problems.read().is_empty()>
            <ul class="plan-problems">
                {move || {
                    problems
                        .get()
                        .into_iter()
                        .map(|(at, message)| {
                            view! {
                                <li>
                                    <code>{at}</code>
                                    " "
                                    {message}
                                </li>
                            }
                        })
                        .collect_view()
                }}
            </ul>
        </Show>
    }
}
