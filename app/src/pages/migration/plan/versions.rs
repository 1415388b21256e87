//! Two versions of the plan, held against each other.

use leptos::prelude::*;
use shared::id::PlanId;
use shared::plan::{ChangeKind, DiffLine, DiffSide, PlanChange, PlanDiff, PlanSummary, SavedPlan};

use crate::api;
use crate::components::{Badge, Choice, Loaded, SelectField, TableFrame};
use crate::format;
use crate::stores::Tone;

#[component]
pub(super) fn Versions(saved: SavedPlan) -> impl IntoView {
    let SavedPlan { id, version, .. } = saved;
    if version < 2 {
        return view! {
            <p class="quiet-text">
                "This is the first version: there is none to compare it with."
            </p>
        }
        .into_any();
    }
    let versions = LocalResource::new({
        let id = id.clone();
        move || {
            let id = id.clone();
            async move { api::plans::versions(&id).await }
        }
    });
    view! {
        <Loaded resource=versions let:page>
            <Comparison id=id.clone() versions=page.items/>
        </Loaded>
    }
    .into_any()
}

#[component]
fn Comparison(
    id: PlanId,
    /// The latest first.
    versions: Vec<PlanSummary>,
) -> impl IntoView {
    let number = |place: usize| versions.get(place).map_or(1, |version| version.version);
    let from = RwSignal::new(number(1).to_string());
    let to = RwSignal::new(number(0).to_string());
    let choices: Vec<Choice> = versions
        .iter()
        .map(|version| {
            let saved = format::date_and_time(version.saved_at);
            let label = format!("{}, saved {saved} by {}", version.version, version.saved_by);
            Choice::new(version.version.to_string(), label)
        })
        .collect();
    let choices = Signal::stored(choices);
    let diff = LocalResource::new(move || {
        let id = id.clone();
        let chosen = |version: String| version.parse().unwrap_or(1);
        let (from, to) = (chosen(from.get()), chosen(to.get()));
        async move { api::plans::diff(&id, from, to).await }
    });
    view! {
        <div class="search">
            <SelectField name="diff-from" label="Compare version" value=from choices/>
            <SelectField name="diff-to" label="With version" value=to choices/>
        </div>
        <Loaded resource=diff let:diff>
            <Differences diff/>
        </Loaded>
    }
}

#[component]
fn Differences(diff: PlanDiff) -> impl IntoView {
    let PlanDiff { from, to, changes, lines } = diff;
    let count = format::counted(changes.len() as u64, "change", "changes");
    view! {
        <section class="card">
            <h3>{format!("What version {to} does otherwise than version {from}")}</h3>
            <p role="status">
                {if changes.is_empty() { "They do the same.".to_owned() } else { count }}
            </p>
            {(!changes.is_empty()).then(|| view! { <Changes changes/> })}
        </section>
        {(!lines.is_empty()).then(|| view! { <Lines lines/> })}
    }
}

#[component]
fn Changes(changes: Vec<PlanChange>) -> impl IntoView {
    view! {
        <TableFrame label="Changes">
            <table class="table cells">
                <thead>
                    <tr>
                        <th scope="col">"Where"</th>
                        <th scope="col">"What"</th>
                        <th scope="col">"Was"</th>
                        <th scope="col">"Is"</th>
                    </tr>
                </thead>
                <tbody>
                    {changes.into_iter().map(|change| view! { <Change change/> }).collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
}

#[component]
fn Change(change: PlanChange) -> impl IntoView {
    let PlanChange { kind, place, values } = change;
    let (tone, text) = match kind {
        ChangeKind::Added => (Tone::Good, "added"),
        ChangeKind::Removed => (Tone::Bad, "removed"),
        ChangeKind::Changed => (Tone::Info, "changed"),
    };
    let (old, new) = values.map(|values| (values.old, values.new)).unzip();
    view! {
        <tr>
            <th scope="row">{place.join(" › ")}</th>
            <td>
                <Badge tone text=text.to_owned()/>
            </td>
            <td>{old.map(|text| view! { <code>{text}</code> })}</td>
            <td>{new.map(|text| view! { <code>{text}</code> })}</td>
        </tr>
    }
}

/// The lines of the document, each stretch with a few around it.
#[component]
fn Lines(lines: Vec<Vec<DiffLine>>) -> impl IntoView {
    view! {
        <section class="card">
            <h3>"In the plan as YAML"</h3>
            <TableFrame label="Lines that differ">
                <table class="diff">
                    <thead class="visually-hidden">
                        <tr>
                            <th scope="col">"Line"</th>
                            <th scope="col">"Side"</th>
                            <th scope="col">"Text"</th>
                        </tr>
                    </thead>
                    {lines
                        .into_iter()
                        .map(|stretch| {
                            view! { <tbody>{stretch.into_iter().map(line).collect_view()}</tbody> }
                        })
                        .collect_view()}
                </table>
            </TableFrame>
        </section>
    }
}

fn line(line: DiffLine) -> impl IntoView {
    let DiffLine { side, number, text } = line;
    let (class, sign, meaning) = match side {
        None => ("", "", ""),
        Some(DiffSide::Old) => ("diff-old", "−", "only before"),
        Some(DiffSide::New) => ("diff-new", "+", "only after"),
    };
    view! {
        <tr class=class>
            <td class="number">{number}</td>
            <td>
                <span aria-hidden="true">{sign}</span>
                <span class="visually-hidden">{meaning}</span>
            </td>
            <td>
                <code>{text}</code>
            </td>
        </tr>
    }
}
