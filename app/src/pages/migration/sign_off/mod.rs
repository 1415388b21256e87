//! Signing runs off: the list, and drawing people.

mod one;
mod person;
mod sides;

use leptos::prelude::*;
use shared::page::{DEFAULT_LIMIT, Page};
use shared::run::Run;
use shared::sign_off::{NewSignOff, SignOff, SignOffState, StrataBy};

pub(super) use one::SignOffPage;

use super::completed_run::{NoRunYet, WithRun, WithRunsPage};
use super::listed::{Listed, ShowMore};
use super::place::Place;
use crate::api;
use crate::components::{
    Badge, Choice, EmptyState, Icon, Moment, Refusal, SelectField, Shape, TableFrame, TextField,
};
use crate::format;
use crate::routes;
use crate::stores::Tone;

#[component]
pub fn SignOffs() -> impl IntoView {
    view! {
        <WithRunsPage
            title="Sign-off"
            text="Draws people of every kind, shows what both databases have of each, and keeps what \
                  clinicians say of them."
            manual=(manual(), "How it is done")
            list=|| api::sign_offs::list(None, None, DEFAULT_LIMIT)
            form=|runs| view! { <StartCard runs/> }.into_any()
            shown=|first| view! { <SignOffList first/> }.into_any()
        />
    }
}

/// Where the manual tells how people are drawn.
fn manual() -> String {
    format!("{}/validation", routes::LIBRARY)
}

/// Draws people of one of the runs.
#[component]
fn StartCard(runs: Vec<Run>) -> impl IntoView {
    let Some(form) = WithRun::among(runs) else {
        return view! { <NoRunYet text="There is somebody to look at once a run has completed."/> }
            .into_any();
    };
    let size = RwSignal::new("30".to_owned());
    let seed = RwSignal::new("1".to_owned());
    let table = RwSignal::new(String::new());
    let strata = RwSignal::new(StrataBy::default().as_str().to_owned());
    let born = RwSignal::new(String::new());
    let is_by_age = move || strata.with(|strata| strata == StrataBy::Age.as_str());
    let start = form.sender(move |run_id| {
        let new = NewSignOff {
            run_id,
            size: number(&size.get_untracked()).unwrap_or(0),
            seed: number(&seed.get_untracked()).unwrap_or(u64::MAX),
            table: table.get_untracked().trim().parse().ok(),
            strata: StrataBy::from_name(&strata.get_untracked()).unwrap_or_default(),
            born: Some(born.get_untracked().trim().to_owned()).filter(|born| !born.is_empty()),
        };
        async move { api::sign_offs::start(&new).await.map(|begun| Place::SignOff(begun.id)) }
    });
    let kinds = StrataBy::ALL.map(|by| Choice::new(by.as_str(), by.label())).to_vec();
    let WithRun { choices, run, refusal, is_busy } = form.clone();
    view! {
        <section class="card" aria-labelledby="draw-people">
            <h3 id="draw-people">"Draw people of a run"</h3>
            <div class="form-row">
                <SelectField name="sign-off-run" label="Run" value=run choices/>
                <TextField
                    name="sign-off-size"
                    label="How many people"
                    value=size
                    problem=form.about("size")
                />
                <TextField
                    name="sign-off-seed"
                    label="Seed"
                    hint="The same seed draws the same people again."
                    value=seed
                    problem=form.about("seed")
                />
                <TextField
                    name="sign-off-table"
                    label="Table of people"
                    hint="Left empty, it is the one that the plan names for duplicates."
                    value=table
                    problem=form.about("table")
                />
                <SelectField
                    name="sign-off-strata"
                    label="Kinds of people by"
                    value=strata
                    choices=kinds
                    hint="Those who were not carried over, or merged, are kinds of their own."
                />
                <Show when=is_by_age>
                    <TextField
                        name="sign-off-born"
                        label="Column of the birth date"
                        hint="Left empty, it is the one that the plan names for duplicates."
                        value=born
                    />
                </Show>
            </div>
            <Refusal error=move || refusal.get().filter(|error| error.fields().is_empty())/>
            <div class="actions">
                <button type="button" class="button primary" disabled=is_busy on:click=move |_| start()>
                    <Icon shape=Shape::User/>
                    {move || if is_busy.get() { "Drawing…" } else { "Draw them" }}
                </button>
            </div>
        </section>
    }
    .into_any()
}

/// A number as somebody typed it. What is none is one that the server refuses.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.trim().parse().ok()
}

#[component]
fn SignOffList(first: Page<SignOff>) -> impl IntoView {
    let list = Listed::new(first, |after| async move {
        api::sign_offs::list(None, after.as_ref(), DEFAULT_LIMIT).await
    });
    view! {
        {move || view! { <SignOffTable sign_offs=list.items.get()/> }}
        <ShowMore list text="Show older sign-offs"/>
    }
}

#[component]
fn SignOffTable(sign_offs: Vec<SignOff>) -> impl IntoView {
    if sign_offs.is_empty() {
        return view! {
            <EmptyState
                icon=Shape::Eye
                title="Nobody has been drawn yet"
                text="A sign-off shows people of a run on both sides, and who vouches for them."
            />
        }
        .into_any();
    }
    view! {
        <TableFrame label="Sign-offs">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Plan"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="number">
                            "Drawn"
                        </th>
                        <th scope="col" class="number">
                            "Accepted"
                        </th>
                        <th scope="col" class="number">
                            "Rejected"
                        </th>
                        <th scope="col">"Drawn at"</th>
                        <th scope="col">"Signed by"</th>
                    </tr>
                </thead>
                <tbody>
                    {sign_offs
                        .into_iter()
                        .map(|sign_off| view! { <SignOffRow sign_off/> })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
    .into_any()
}

#[component]
fn SignOffRow(sign_off: SignOff) -> impl IntoView {
    let found = sign_off.acceptance;
    view! {
        <tr>
            <th scope="row">
                <a href=Place::SignOff(sign_off.id).address()>{sign_off.plan_name}</a>
            </th>
            <td>
                <StateBadge state=sign_off.state/>
            </td>
            <td class="number">{format::count(found.drawn.into())}</td>
            <td class="number">{format::count(found.accepted.into())}</td>
            <td class="number">{format::count(found.rejected.into())}</td>
            <td>
                <Moment time=sign_off.requested_at/>
            </td>
            <td>{sign_off.signed_by}</td>
        </tr>
    }
}

#[component]
fn StateBadge(#[prop(into)] state: Signal<SignOffState>) -> impl IntoView {
    move || {
        let state = state.get();
        let (tone, icon) = match state {
            SignOffState::Drawing => (Tone::Info, Shape::Refresh),
            SignOffState::Open => (Tone::Warning, Shape::Clock),
            SignOffState::Signed => (Tone::Good, Shape::Done),
            SignOffState::Failed => (Tone::Bad, Shape::Failed),
        };
        view! { <Badge tone icon text=state.label().to_owned()/> }
    }
}

#[cfg(test)]
mod tests {
    use shared::id::RunId;

    use super::*;

    #[test]
    fn what_is_no_number_is_refused_by_the_server() {
        assert_eq!(number::<u32>(" 30 "), Some(30));
        for nonsense in ["", "many", "-1"] {
            let new = NewSignOff {
                run_id: RunId::parse("r1").unwrap(),
                size: number(nonsense).unwrap_or(0),
                seed: number(nonsense).unwrap_or(u64::MAX),
                table: None,
                strata: StrataBy::Records,
                born: None,
            };
            assert_eq!(new.problems().len(), 2, "{nonsense}");
        }
    }
}
