//! The people whom a search found to be there more than once.

use leptos::prelude::*;
use shared::duplicate::{RecordId, Verdict};
use shared::id::MatchingId;
use shared::matching::{ClusterItem, ClusterOrder};
use shared::page::{DEFAULT_LIMIT, Page};

use super::pair::bits;
use super::{Listed, SearchHead, ShowMore};
use crate::api;
use crate::components::{Badge, Choice, EmptyState, Loaded, SelectField, Shape, TableFrame};
use crate::format;
use crate::pages::migration::place::Place;
use crate::stores::Tone;

#[component]
pub fn Clusters(id: MatchingId) -> impl IntoView {
    let sort = RwSignal::new("size".to_owned());
    let wanted = Memo::new(move |_| match sort.read().as_str() {
        "weakest_link" => ClusterOrder::WeakestLink,
        _ => ClusterOrder::Size,
    });
    let head = id.clone();
    view! {
        <SearchHead
            id=head
            title="Clusters"
            about="Records that are one person, as the search proposes it: what holds them together, and \
            from what they were kept apart."
        />
        <div class="form-row">
            <SelectField
                name="cluster-sort"
                label="Order"
                value=sort
                choices=vec![
                    Choice::new("size", "Largest first"),
                    Choice::new("weakest_link", "Weakest link first"),
                ]
            />
        </div>
        {move || view! { <Sorted id=id.clone() sort=wanted.get()/> }}
    }
}

#[component]
fn Sorted(id: MatchingId, sort: ClusterOrder) -> impl IntoView {
    let request = StoredValue::new(id);
    let first = LocalResource::new(move || async move {
        api::duplicates::clusters(&request.get_value(), sort, None, DEFAULT_LIMIT).await
    });
    view! {
        <Loaded resource=first lines=6 let:page>
            <ClusterList id=request.get_value() sort first=page/>
        </Loaded>
    }
}

#[component]
fn ClusterList(id: MatchingId, sort: ClusterOrder, first: Page<ClusterItem>) -> impl IntoView {
    let request = StoredValue::new(id);
    let list = Listed::new(first, move |after| async move {
        api::duplicates::clusters(&request.get_value(), sort, after.as_ref(), DEFAULT_LIMIT).await
    });
    let items = list.items;
    view! {
        {move || {
            let items = items.get();
            if items.is_empty() {
                return view! {
                    <EmptyState
                        icon=Shape::User
                        title="Nobody is there twice"
                        text="The search found no records that are one person."
                    />
                }
                    .into_any();
            }
            view! {
                <TableFrame label="Clusters">
                    <table class="table">
                        <thead>
                            <tr>
                                <th scope="col">"Records"</th>
                                <th scope="col" class="number">
                                    "How many"
                                </th>
                                <th scope="col" class="number">
                                    "Weakest link"
                                </th>
                                <th scope="col">"State"</th>
                            </tr>
                        </thead>
                        <tbody>
                            {items
                                .into_iter()
                                .map(|item| view! { <ClusterRow id=request.get_value() item/> })
                                .collect_view()}
                        </tbody>
                    </table>
                </TableFrame>
            }
                .into_any()
        }}
        <ShowMore list text="Show more clusters"/>
    }
}

#[component]
fn ClusterRow(id: MatchingId, item: ClusterItem) -> impl IntoView {
    let names = item.members.iter().map(RecordId::as_str).collect::<Vec<_>>().join(", ");
    view! {
        <tr>
            <th scope="row">
                <a href=Place::Cluster(id, item.key.clone()).address()>{names}</a>
            </th>
            <td class="number">{format::count(item.members.len() as u64)}</td>
            <td class="number">{bits(item.cohesion)}</td>
            <td>
                <ClusterState item/>
            </td>
        </tr>
    }
}

/// Whether a cluster is one row by now, and whether a machine alone may make it one.
#[component]
pub(super) fn ClusterState(item: ClusterItem) -> impl IntoView {
    let (tone, text) = match (&item.merge, item.decision) {
        (Some(_), _) => (Tone::Good, "Merged"),
        (None, Verdict::Match) => (Tone::Info, "No doubt"),
        (None, _) => (Tone::Warning, "To be looked at"),
    };
    view! { <Badge tone text=text.to_owned()/> }
}
