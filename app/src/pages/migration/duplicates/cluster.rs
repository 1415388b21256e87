//! One cluster: its records, what holds them together, what they were kept apart from, and what
//! survives.

use std::collections::BTreeSet;

use leptos::{ev, prelude::*, task::spawn_local};
use leptos_meta::Title;
use shared::duplicate::{self, Attribute, GoldenRecord, Person, RecordId};
use shared::id::{ClusterKey, MatchingId};
use shared::matching::{ClusterDetail, MatchItem, Merge, NewMerge};
use shared::user::Permission;

use super::clusters::ClusterState;
use super::pair::{ChoiceOf, Choices, bits};
use super::review::Reason;
use crate::api::{self, ApiError};
use crate::components::{Badge, Loaded, Moment, Refusal, TableFrame};
use crate::format;
use crate::pages::migration::place::Place;
use crate::stores::{Notices, Session, Tone};

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
            <Detail detail may merged=move || reason.set(None)/>
        </Loaded>
        <Show when=move || may && reason.with(Option::is_none)>
            <Reason reason start="Show the records"/>
        </Show>
    }
}

#[component]
fn Detail(
    detail: ClusterDetail,
    may: bool,
    /// What was shown is not what is there any more.
    #[prop(into)]
    merged: Callback<()>,
) -> impl IntoView {
    let ClusterDetail { item, matching_id, links, apart, merge, people, golden } = detail;
    let is_open = may && item.merge.is_none() && people.len() > 1;
    let key = item.key.clone();
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
        {golden
            .map(|golden| {
                let merging = is_open.then(|| Merging::of(&people));
                view! {
                    <Records people golden merging/>
                    {merging.map(|merging| view! { <MergeThem key merging merged/> })}
                }
            })}
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

/// What somebody makes of a cluster before it is merged.
#[derive(Clone, Copy)]
struct Merging {
    members: RwSignal<BTreeSet<RecordId>>,
    choices: Choices,
}

impl Merging {
    fn of(people: &[Person]) -> Self {
        let members = people.iter().map(|person| person.id.clone()).collect();
        Self { members: RwSignal::new(members), choices: RwSignal::default() }
    }

    /// What is asked for: a choice of a record that stays out is none.
    fn asked(self) -> NewMerge {
        let members = self.members.get_untracked();
        let mut choices = self.choices.get_untracked();
        choices.retain(|_, from| members.contains(from));
        NewMerge { members: members.into_iter().collect(), choices }
    }
}

/// Makes one row of those who were chosen.
#[component]
fn MergeThem(key: ClusterKey, merging: Merging, merged: Callback<()>) -> impl IntoView {
    let notices = Notices::expect();
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let key = StoredValue::new(key);
    let count = move || merging.members.with(BTreeSet::len);
    let merge = move |_| {
        is_busy.set(true);
        refusal.set(None);
        spawn_local(async move {
            let done = api::duplicates::merge_cluster(&key.get_value(), &merging.asked()).await;
            if is_busy.is_disposed() {
                return;
            }
            is_busy.set(false);
            match done.map(|merge| merge.refusal) {
                Ok(None) => {
                    notices.good("They are one person.");
                    merged.run(());
                }
                Ok(Some(refused)) => {
                    notices.bad(format!("They were not merged: {}.", refused.reason));
                }
                Err(error) => refusal.set(Some(error)),
            }
        });
    };
    view! {
        <section class="card" aria-labelledby="cluster-merge">
            <h3 id="cluster-merge">"Are these one person?"</h3>
            <p class="quiet-text">
                "Whoever merges says that all who are ticked are the same person. It can be taken back."
            </p>
            <Refusal error=refusal/>
            <p class="actions">
                <button
                    type="button"
                    class="button primary"
                    disabled=move || is_busy.get() || count() < 2
                    on:click=merge
                >
                    {move || format!("Merge {}", format::counted(count() as u64, "record", "records"))}
                </button>
            </p>
        </section>
    }
}

/// Whether a record is one of those who become one.
#[component]
fn BelongsTo(id: RecordId, members: RwSignal<BTreeSet<RecordId>>) -> impl IntoView {
    let label = format!("Record {} is one of them", id.as_str());
    let id = StoredValue::new(id);
    let is_in = move || id.with_value(|id| members.with(|members| members.contains(id)));
    let change = move |event: ev::Event| {
        let belongs = event_target_checked(&event);
        members.update(|members| {
            if belongs {
                members.insert(id.get_value());
            } else {
                id.with_value(|id| members.remove(id));
            }
        });
    };
    view! {
        <label class="checkbox">
            <input type="checkbox" aria-label=label prop:checked=is_in on:change=change/>
            "one of them"
        </label>
    }
}

/// The records side by side, with what survives of them.
#[component]
fn Records(
    people: Vec<Person>,
    golden: GoldenRecord,
    #[prop(optional_no_strip)] merging: Option<Merging>,
) -> impl IntoView {
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
                    {format!("{}. Record {}", number_of(&people, person), person.id.as_str())}
                    {survives.then_some(" (its key survives)")}
                    {merging
                        .map(|merging| {
                            view! {
                                <BelongsTo id=person.id.clone() members=merging.members/>
                            }
                        })}
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
            let choice = merging.filter(|_| differs(&people, attribute)).map(|merging| {
                let known = people.iter().filter(|person| person.values.contains_key(&attribute));
                let from = known.map(|it| (it.id.clone(), number_of(&people, it))).collect();
                let survivor = golden.values.get(&attribute).and_then(|it| it.first());
                let survivor = survivor.map(|value| value.from.clone());
                view! { <ChoiceOf attribute from survivor choices=merging.choices/> }
            });
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
                    <td>{survives.join(", ")} {choice}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card" aria-labelledby="cluster-survives">
            <h3 id="cluster-survives">"What survives"</h3>
            <TableFrame label="Records and what survives">
                <table class="table people">
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

/// By what a record is called where its key would be too long.
fn number_of(people: &[Person], one: &Person) -> String {
    let place = people.iter().position(|person| person.id == one.id);
    place.map_or(String::new(), |place| (place + 1).to_string())
}

/// Whether the records do not say the same of something.
fn differs(people: &[Person], attribute: Attribute) -> bool {
    let mut said = people.iter().filter_map(|person| person.values.get(&attribute));
    let first = said.next();
    said.any(|other| Some(other) != first)
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
fn Apart(apart: Vec<duplicate::Refusal>) -> impl IntoView {
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
