//! Plans: the list, and drafting one.

use leptos::{ev, prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use shared::connection::{Connection, Role};
use shared::draft::NewDraft;
use shared::id::ConnectionId;
use shared::plan::PlanSummary;
use shared::user::Permission;

use super::place::Place;
use crate::api::{self, ApiError};
use crate::components::{
    Choice, Dialog, EmptyState, Icon, Loaded, Moment, Refusal, SelectField, Shape, TableFrame,
    TextField,
};
use crate::format;
use crate::stores::{Notices, Session};

/// The templates that the server has.
const TEMPLATES: [(&str, &str); 1] = [("mdw", "MDW clinical system")];

#[component]
pub fn Plans() -> impl IntoView {
    let session = Session::expect();
    let plans = LocalResource::new(api::plans::list);
    let is_drafting = RwSignal::new(false);
    view! {
        <Title text="Plans"/>
        <div class="page-head">
            <div>
                <h2>"Plans"</h2>
                <p class="quiet-text">
                    "The whole migration as one versioned document: tables, columns, rules, codes."
                </p>
            </div>
            <Show when=move || session.may(Permission::EditPlans)>
                <button
                    type="button"
                    class="button primary"
                    on:click=move |_| is_drafting.set(true)
                >
                    <Icon shape=Shape::Plus/>
                    "Draft a plan"
                </button>
            </Show>
        </div>
        <Loaded resource=plans let:page>
            {if page.items.is_empty() {
                view! {
                    <section class="card">
                        <EmptyState
                            icon=Shape::Plan
                            title="No plans yet"
                            text="A draft reads both databases and proposes a complete plan: a \
                            template where one fits, names and types elsewhere."
                        />
                    </section>
                }
                    .into_any()
            } else {
                view! { <PlanTable plans=page.items/> }.into_any()
            }}
        </Loaded>
        <Dialog name="draft-plan" title="Draft a plan".to_owned() open=is_drafting>
            <DraftPlan/>
        </Dialog>
    }
}

#[component]
fn PlanTable(plans: Vec<PlanSummary>) -> impl IntoView {
    view! {
        <TableFrame label="Plans">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Plan"</th>
                        <th scope="col" class="number">
                            "Version"
                        </th>
                        <th scope="col" class="number">
                            "Tables"
                        </th>
                        <th scope="col">"Saved"</th>
                        <th scope="col">"By"</th>
                    </tr>
                </thead>
                <tbody>
                    {plans
                        .into_iter()
                        .map(|plan| {
                            view! {
                                <tr>
                                    <th scope="row">
                                        <a href=Place::Plan(plan.id).address()>{plan.name}</a>
                                    </th>
                                    <td class="number">{plan.version}</td>
                                    <td class="number">
                                        {format::count(plan.table_count.into())}
                                    </td>
                                    <td>
                                        <Moment time=plan.saved_at/>
                                    </td>
                                    <td>{plan.saved_by}</td>
                                </tr>
                            }
                        })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
}

#[component]
fn DraftPlan() -> impl IntoView {
    let connections = LocalResource::new(api::connections::list);
    view! {
        <Loaded resource=connections let:page>
            <DraftForm connections=page.items/>
        </Loaded>
    }
}

#[component]
fn DraftForm(connections: Vec<Connection>) -> impl IntoView {
    let notices = Notices::expect();
    let navigate = use_navigate();
    let of_role = |role: Role| {
        connections
            .iter()
            .filter(|connection| connection.role == role)
            .map(|connection| {
                let label = format!("{} ({})", connection.name, connection.engine.label());
                Choice::new(connection.id.as_str(), label)
            })
            .collect::<Vec<_>>()
    };
    let (sources, targets) = (of_role(Role::Source), of_role(Role::Target));
    if sources.is_empty() || targets.is_empty() {
        return view! {
            <p>"A draft needs a source and a target."</p>
            <div class="actions">
                <a class="button primary" href=Place::Connections.address()>
                    "Add connections"
                </a>
            </div>
        }
        .into_any();
    }
    let templates = std::iter::once(Choice::new("", "None: match names and types"))
        .chain(TEMPLATES.iter().map(|(name, label)| Choice::new(*name, *label)))
        .collect::<Vec<_>>();
    let name = RwSignal::new(String::new());
    let source = RwSignal::new(sources[0].value.clone());
    let target = RwSignal::new(targets[0].value.clone());
    let template = RwSignal::new(String::new());
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let about = move |field: &'static str| {
        Signal::derive(move || refusal.with(|refusal| refusal.as_ref()?.about(field)))
    };
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let (Ok(source), Ok(target)) = (
            ConnectionId::parse(source.get_untracked()),
            ConnectionId::parse(target.get_untracked()),
        ) else {
            return;
        };
        let given = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let new = NewDraft {
            source,
            target,
            template: given(template.get_untracked()),
            name: given(name.get_untracked()),
        };
        let navigate = navigate.clone();
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            match api::plans::draft(&new).await {
                Ok(plan) => {
                    notices.good(format!(
                        "Drafted {} with {}.",
                        plan.name,
                        format::counted(plan.plan.tables.len() as u64, "table", "tables")
                    ));
                    navigate(&Place::Plan(plan.id).address(), NavigateOptions::default());
                }
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    view! {
        <form class="form" on:submit=submit novalidate>
            <SelectField
                name="draft-source"
                label="From"
                value=source
                choices=sources
                problem=about("source")
            />
            <SelectField
                name="draft-target"
                label="To"
                value=target
                choices=targets
                problem=about("target")
            />
            <SelectField
                name="draft-template"
                label="Template"
                hint="A template knows a legacy system: its tables, its codes, its defects."
                value=template
                choices=templates
                problem=about("template")
            />
            <TextField
                name="draft-name"
                label="Name"
                hint="Left empty, it is made of the connections' names."
                value=name
                problem=about("name")
            />
            <Refusal error=move || refusal.get().filter(|error| error.fields().is_empty())/>
            <div class="actions">
                <button type="submit" class="button primary" disabled=is_busy>
                    {move || if is_busy.get() { "Reading both databases…" } else { "Draft" }}
                </button>
            </div>
        </form>
    }
    .into_any()
}
