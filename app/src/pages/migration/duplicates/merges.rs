//! People who were made one, and how that is taken back.

use leptos::{prelude::*, task::spawn_local};
use shared::duplicate::RecordId;
use shared::id::{MatchingId, MergeId};
use shared::matching::{Merge, MergeState};
use shared::page::{DEFAULT_LIMIT, Page};
use shared::user::Permission;

use super::{Listed, SearchHead, ShowMore};
use crate::api::{self, ApiError};
use crate::components::{Badge, Dialog, EmptyState, Loaded, Moment, Refusal, Shape, TableFrame};
use crate::format;
use crate::stores::{Notices, Session, Tone};

#[component]
pub fn Merges(id: MatchingId) -> impl IntoView {
    let request = StoredValue::new(id.clone());
    let first = LocalResource::new(move || async move {
        api::duplicates::merges(&request.get_value(), None, DEFAULT_LIMIT).await
    });
    view! {
        <SearchHead
            id=id.clone()
            title="Merges"
            about="People who were made one row, by somebody or by the policy. Each merge can be taken back."
        />
        <Loaded resource=first lines=6 let:page>
            <MergeList id=id.clone() first=page/>
        </Loaded>
    }
}

#[component]
fn MergeList(id: MatchingId, first: Page<Merge>) -> impl IntoView {
    let session = Session::expect();
    let notices = Notices::expect();
    let request = StoredValue::new(id);
    let list = Listed::new(first, move |after| async move {
        api::duplicates::merges(&request.get_value(), after.as_ref(), DEFAULT_LIMIT).await
    });
    let (merges, is_busy) = (list.items, list.is_busy);
    let refusal = RwSignal::new(None::<ApiError>);
    let asked = RwSignal::new(None::<MergeId>);
    let is_open = RwSignal::new(false);
    let take_back = move |_| {
        let Some(id) = asked.get_untracked() else { return };
        is_busy.set(true);
        refusal.set(None);
        spawn_local(async move {
            match api::duplicates::unmerge(&id).await {
                Ok(unmerged) => {
                    is_open.set(false);
                    notices.good("The merge was taken back.");
                    for remark in unmerged.remarks {
                        notices.bad(remark);
                    }
                    merges.update(|merges| {
                        if let Some(merge) = merges.iter_mut().find(|merge| merge.id == id) {
                            *merge = unmerged.merge;
                        }
                    });
                }
                Err(error) => refusal.set(Some(error)),
            }
            is_busy.set(false);
        });
    };
    let ask = Callback::new(move |id: MergeId| {
        refusal.set(None);
        asked.set(Some(id));
        is_open.set(true);
    });
    let may = session.may(Permission::ReviewDuplicates);
    view! {
        {move || {
            let merges = merges.get();
            if merges.is_empty() {
                return view! {
                    <EmptyState
                        icon=Shape::User
                        title="Nobody was merged yet"
                        text="What is merged in the review, or by the policy, stands here."
                    />
                }
                    .into_any();
            }
            view! {
                <TableFrame label="Merges">
                    <table class="table">
                        <thead>
                            <tr>
                                <th scope="col">"Records"</th>
                                <th scope="col">"State"</th>
                                <th scope="col">"Decided by"</th>
                                <th scope="col">"When"</th>
                                <th scope="col" class="number">
                                    "Rows that went"
                                </th>
                                <th scope="col" class="number">
                                    "Rows changed"
                                </th>
                                <th scope="col">
                                    <span class="visually-hidden">"What can be done"</span>
                                </th>
                            </tr>
                        </thead>
                        <tbody>
                            {merges
                                .into_iter()
                                .map(|merge| view! { <MergeRow merge may ask/> })
                                .collect_view()}
                        </tbody>
                    </table>
                </TableFrame>
            }
                .into_any()
        }}
        <ShowMore list text="Show older merges"/>
        <Dialog name="take-back" title="Take the merge back?".to_owned() open=is_open>
            <p>
                "Rows and references are what they were. What somebody changed since stays as it is now, \
                and is named. No search merges these people again before somebody looked."
            </p>
            <Refusal error=refusal/>
            <div class="actions">
                <button type="button" class="button danger" disabled=is_busy on:click=take_back>
                    "Take it back"
                </button>
                <button type="button" class="button" on:click=move |_| is_open.set(false)>
                    "Leave it"
                </button>
            </div>
        </Dialog>
    }
}

#[component]
fn MergeRow(
    merge: Merge,
    may: bool,
    /// Called when it is to be taken back.
    ask: Callback<MergeId>,
) -> impl IntoView {
    let tone = match merge.state {
        MergeState::Applied => Tone::Good,
        MergeState::Refused => Tone::Warning,
        MergeState::Decided | MergeState::TakenBack => Tone::Neutral,
    };
    let members = merge.members.iter().map(RecordId::as_str).collect::<Vec<_>>().join(", ");
    let (removed, moved) = (merge.removed.values().sum(), merge.moved.values().sum());
    let id = merge.id.clone();
    let can = may && merge.state == MergeState::Applied;
    view! {
        <tr>
            <th scope="row">{members}</th>
            <td>
                <Badge tone text=merge.state.label().to_owned()/>
                {merge.refusal.map(|refusal| view! { " " {refusal.reason} })}
            </td>
            <td>{merge.decided_by.unwrap_or_else(|| "the policy".to_owned())}</td>
            <td>
                <Moment time=merge.decided_at/>
            </td>
            <td class="number">{format::count(removed)}</td>
            <td class="number">{format::count(moved)}</td>
            <td>
                {can
                    .then(|| {
                        view! {
                            <button
                                type="button"
                                class="button"
                                on:click=move |_| ask.run(id.clone())
                            >
                                "Take back"
                            </button>
                        }
                    })}
            </td>
        </tr>
    }
}
