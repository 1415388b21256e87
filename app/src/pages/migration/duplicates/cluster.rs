//! One cluster: its records, what holds them together, what they were kept apart from, and what
//! survives.

use leptos::prelude::*;
use leptos_meta::Title;
use shared::duplicate::{Attribute, GoldenRecord, Person, RecordId, Refusal};
use shared::id::{ClusterKey, MatchingId};
use shared::matching::{ClusterDetail, MatchItem, Merge};
use shared::user::Permission;

use super::clusters::ClusterState;
use super::pair::bits;
use super::review::Reason;
use crate::api;
use crate::components::{Badge, Loaded, Moment, TableFrame};
use crate::format;
use crate::pages::migration::place::Place;
use crate::stores::{Session, Tone};

#[component]
pub fn ClusterPage(id: MatchingId, key: ClusterKey) -> impl IntoView {
    let may = Session::expect().may(Permission::ReviewDuplicates);
    let reason = RwSignal::new(None::<String>);
    let key = StoredValue::new(key);
    let found = LocalResource::new(move || {
        let (key, why) = (key.get_value(), reason.get());
        async move {
            match why {
                Some(why) => api::duplicates::reveal_cluster(&key, &why).await,
                None => api::duplicates::cluster(&key).await,
            }
        }
    });
    view! {
        <Title text="Cluster"/>
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=Place::Duplicates.address()>"Duplicates"</a>
                    " / "
                    <a href=Place::Clusters(id).address()>"Clusters"</a>
                    " / "
                    "Cluster"
                </p>
                <h2>"Cluster"</h2>
            </div>
        </div>
        <Loaded resource=found lines=8 let:detail>
            <Detail detail/>
        </Loaded>
        <Show when=move || may && reason.with(Option::is_none)>
            <Reason reason start="Show the records"/>
        </Show>
    }
}

#[component]
fn Detail(detail: ClusterDetail) -> impl IntoView {
    let ClusterDetail { item, matching_id, links, apart, merge, people, golden } = detail;
    let members = item.members.iter().map(RecordId::as_str).collect::<Vec<_>>().join(", ");
    view! {
        <section class="card" aria-labelledby="cluster-records">
            <h3 id="cluster-records">
                {format::counted(item.members.len() as u64, "record", "records")}
            </h3>
            <p>{members}</p>
            <p class="actions">
                <ClusterState item=item.clone()/>
            </p>
            <p class="quiet-text">
                {format!("Its weakest link has {} bits.", bits(item.cohesion))}
            </p>
            {merge.map(|merge| view! { <MergedBy merge matching_id/> })}
        </section>
        {golden.map(|golden| view! { <Records people golden/> })}
        <Links links/>
        <Apart apart/>
    }
}

#[component]
fn MergedBy(merge: Merge, matching_id: MatchingId) -> impl IntoView {
    let survivor = merge.survivor.map(|id| format!("Record {} stayed. ", id.0));
    let by = merge.decided_by.unwrap_or_else(|| "the policy".to_owned());
    view! {
        <p>
            {survivor} {format!("Merged by {by}, ")} <Moment time=merge.decided_at/> ". "
            <a href=Place::Merges(matching_id).address()>"See the merges"</a> "."
        </p>
    }
}

/// The records side by side, with what survives of them.
#[component]
fn Records(people: Vec<Person>, golden: GoldenRecord) -> impl IntoView {
    let known: Vec<Attribute> = Attribute::ALL
        .iter()
        .copied()
        .filter(|attribute| people.iter().any(|person| person.values.contains_key(attribute)))
        .collect();
    let heads: Vec<_> = people
        .iter()
        .map(|person| {
            let survives = person.id == golden.survivor;
            view! {
                <th scope="col">
                    {format!("Record {}", person.id.as_str())}
                    {survives.then_some(" (its key survives)")}
                </th>
            }
        })
        .collect();
    let rows = known
        .into_iter()
        .map(|attribute| {
            let cells = people
                .iter()
                .map(|person| {
                    let values = person.values.get(&attribute).map(|values| values.join(", "));
                    view! { <td>{values.unwrap_or_default()}</td> }
                })
                .collect_view();
            let survives: Vec<&str> = golden
                .values
                .get(&attribute)
                .into_iter()
                .flatten()
                .map(|value| value.value.as_str())
                .collect();
            let contradicts = golden.contradictions.contains(&attribute);
            view! {
                <tr>
                    <th scope="row">
                        {attribute.label()}
                        {contradicts
                            .then(|| {
                                view! {
                                    " "
                                    <Badge tone=Tone::Warning text="contradiction".to_owned()/>
                                }
                            })}
                    </th>
                    {cells}
                    <td>{survives.join(", ")}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card" aria-labelledby="cluster-survives">
            <h3 id="cluster-survives">"What survives"</h3>
            <TableFrame label="Records and what survives">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Field"</th>
                            {heads}
                            <th scope="col">"Survives"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableFrame>
        </section>
    }
}

#[component]
fn Links(links: Vec<MatchItem>) -> impl IntoView {
    let rows = links
        .into_iter()
        .map(|link| {
            let vetoes = link
                .vetoes
                .iter()
                .map(|veto| view! { <Badge tone=Tone::Warning text=veto.label().to_owned()/> " " })
                .collect_view();
            let said = link.decision.map(|said| said.verdict.label());
            view! {
                <tr>
                    <th scope="row">{format!("{} and {}", link.left_id.0, link.right_id.0)}</th>
                    <td class="number">{bits(link.weight)}</td>
                    <td>{link.verdict.label()}</td>
                    <td>{vetoes}</td>
                    <td>{said}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card" aria-labelledby="cluster-links">
            <h3 id="cluster-links">"What holds it together"</h3>
            <TableFrame label="Links">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Records"</th>
                            <th scope="col" class="number">
                                "Bits"
                            </th>
                            <th scope="col">"Computed"</th>
                            <th scope="col">"Contradictions"</th>
                            <th scope="col">"Said"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableFrame>
        </section>
    }
}

#[component]
fn Apart(apart: Vec<Refusal>) -> impl IntoView {
    if apart.is_empty() {
        return ().into_any();
    }
    let rows = apart
        .into_iter()
        .map(|refusal| {
            view! {
                <tr>
                    <th scope="row">
                        {format!("{} and {}", refusal.left_id.0, refusal.right_id.0)}
                    </th>
                    <td class="number">{bits(refusal.weight)}</td>
                    <td>{refusal.reason.label()}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card" aria-labelledby="cluster-apart">
            <h3 id="cluster-apart">"What it was kept apart from"</h3>
            <p class="quiet-text">
                "Pairs with a record outside that would have joined it, and what spoke against it."
            </p>
            <TableFrame label="Kept apart">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Records"</th>
                            <th scope="col" class="number">
                                "Bits"
                            </th>
                            <th scope="col">"Kept apart by"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableFrame>
        </section>
    }
    .into_any()
}
