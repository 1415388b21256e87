//! Rehearsals: what a run would come to, with nothing that stays.

mod one;
mod report;

use leptos::prelude::*;
use leptos_meta::Title;
use shared::event::Topic;
use shared::page::DEFAULT_LIMIT;
use shared::rehearsal::{RehearsalRecord, RehearsalState};

use super::listed::{Listed, ShowMore};
use super::place::Place;
use crate::api;
use crate::browser;
use crate::components::{Badge, EmptyState, Loaded, Moment, Shape, TableFrame};
use crate::format;
use crate::stores::{Live, Tone};

pub use one::RehearsalPage;

#[component]
pub fn Rehearsals() -> impl IntoView {
    let live = Live::expect();
    let first = LocalResource::new(move || {
        live.version(Topic::Run);
        api::rehearsals::list(None, DEFAULT_LIMIT)
    });
    view! {
        <Title text="Rehearsals"/>
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=Place::Runs.address()>"Runs"</a>
                </p>
                <h2>"Rehearsals"</h2>
                <p class="quiet-text">
                    "A rehearsal does all that a run does, and takes it back: the target is as it was."
                </p>
            </div>
        </div>
        <Loaded resource=first lines=6 let:first>
            {
                let list = Listed::new(
                    first,
                    |after| async move {
                        api::rehearsals::list(after.as_ref(), DEFAULT_LIMIT).await
                    },
                );
                view! {
                    {move || view! { <RehearsalTable rehearsals=list.items.get()/> }}
                    <ShowMore list text="Show older rehearsals"/>
                }
            }
        </Loaded>
    }
}

#[component]
fn RehearsalTable(rehearsals: Vec<RehearsalRecord>) -> impl IntoView {
    if rehearsals.is_empty() {
        return view! {
            <EmptyState
                icon=Shape::Eye
                title="Nothing was rehearsed yet"
                text="Rehearse a plan where its runs are started."
            />
        }
        .into_any();
    }
    view! {
        <TableFrame label="Rehearsals">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Plan"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Began"</th>
                        <th scope="col">"Took"</th>
                        <th scope="col">"By"</th>
                    </tr>
                </thead>
                <tbody>
                    {rehearsals
                        .into_iter()
                        .map(|rehearsal| {
                            let ended = rehearsal.ended_at.unwrap_or_else(browser::now);
                            view! {
                                <tr>
                                    <th scope="row">
                                        <a href=Place::Rehearsal(rehearsal.id).address()>
                                            {format!(
                                                "{}, version {}",
                                                rehearsal.plan_name,
                                                rehearsal.plan_version,
                                            )}
                                        </a>
                                    </th>
                                    <td>
                                        <RehearsalBadge state=rehearsal.state/>
                                    </td>
                                    <td>
                                        <Moment time=rehearsal.started_at/>
                                    </td>
                                    <td>{format::span(rehearsal.started_at, ended)}</td>
                                    <td>{rehearsal.started_by}</td>
                                </tr>
                            }
                        })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
    .into_any()
}

#[component]
fn RehearsalBadge(state: RehearsalState) -> impl IntoView {
    let (tone, icon, text) = match state {
        RehearsalState::Running => (Tone::Info, Shape::Refresh, "under way"),
        RehearsalState::Completed => (Tone::Good, Shape::Done, "done and taken back"),
        RehearsalState::Failed => (Tone::Bad, Shape::Failed, "failed"),
    };
    view! { <Badge tone icon text=text.to_owned()/> }
}
