//! What nobody may do alone: what waits for an answer, and what was answered.

use leptos::{ev, prelude::*, task::spawn_local};
use leptos_meta::Title;
use shared::approval::{Act, Approval, ApprovalState};
use shared::audit::Reason;
use shared::event::Topic;
use shared::page::{DEFAULT_LIMIT, MAX_LIMIT, Page};
use shared::user::Permission;

use super::listed::{Listed, ShowMore};
use super::place::Place;
use crate::api::{self, ApiError};
use crate::components::{
    Badge, EmptyState, Fact, Facts, Icon, Loaded, Moment, Refusal, Shape, TableFrame, TextField,
};
use crate::stores::{Live, Notices, Session, Tone};

#[component]
pub fn Approvals() -> impl IntoView {
    let live = Live::expect();
    let open = LocalResource::new(move || {
        live.version(Topic::Approval);
        api::approvals::list(Some(ApprovalState::Requested), None, MAX_LIMIT)
    });
    let all = LocalResource::new(move || {
        live.version(Topic::Approval);
        api::approvals::list(None, None, DEFAULT_LIMIT)
    });
    let changed = Callback::new(move |()| {
        open.refetch();
        all.refetch();
    });
    view! {
        <Title text="Approvals"/>
        <div class="page-head">
            <div>
                <h2>"Approvals"</h2>
                <p class="quiet-text">
                    "Some steps need a second person. Who asks cannot be who agrees, and an \
                    approval counts once, for exactly what it names."
                </p>
            </div>
        </div>
        <Open open changed/>
        <section class="card" aria-labelledby="approval-history">
            <h3 id="approval-history">"All requests"</h3>
            <Loaded resource=all lines=4 let:page>
                <History first=page/>
            </Loaded>
        </section>
    }
}

#[component]
fn Open(
    open: LocalResource<Result<Page<Approval>, ApiError>>,
    changed: Callback<()>,
) -> impl IntoView {
    let read = Memo::new(move |_| open.get().and_then(Result::ok).map(|page| page.items));
    view! {
        <Show
            when=move || read.with(Option::is_some)
            fallback=move || {
                view! {
                    <Loaded resource=open lines=4 let:_page>
                        ""
                    </Loaded>
                }
            }
        >
            <Show
                when=move || read.with(|read| read.as_ref().is_some_and(|it| !it.is_empty()))
                fallback=|| {
                    view! {
                        <section class="card">
                            <EmptyState
                                icon=Shape::Approval
                                title="Nothing waits for an answer"
                                text="What somebody asks a second person for appears here."
                            />
                        </section>
                    }
                }
            >
                <ul class="approvals" aria-label="Requests that wait for an answer">
                    // By their keys: a card in which somebody writes stays when others come.
                    <For
                        each=move || read.get().unwrap_or_default()
                        key=|approval| approval.id.clone()
                        let:approval
                    >
                        <OpenCard approval changed/>
                    </For>
                </ul>
            </Show>
        </Show>
    }
}

#[component]
fn OpenCard(approval: Approval, changed: Callback<()>) -> impl IntoView {
    let session = Session::expect();
    let is_own = session.user().is_some_and(|user| user.id.as_str() == approval.requested_by.id);
    let may_answer = session.may(Permission::Approve);
    let Approval { summary, reason, requested_by, requested_at, expires_at, .. } = approval.clone();
    let look = place_of(&approval.act);
    view! {
        <li class="card">
            <div class="card-head">
                <h3>{summary}</h3>
                {look.map(|address| view! { <a href=address>"Look at it"</a> })}
            </div>
            <Facts>
                <Fact name="Asked for by">{requested_by.name}</Fact>
                <Fact name="Why">{reason}</Fact>
                <Fact name="When">
                    <Moment time=requested_at/>
                </Fact>
                <Fact name="Counts until">{crate::format::date_and_time(expires_at)}</Fact>
            </Facts>
            {match (is_own, may_answer) {
                (true, _) => view! { <Withdraw approval changed/> }.into_any(),
                (false, true) => view! { <AnswerForm approval changed/> }.into_any(),
                (false, false) => {
                    view! {
                        <p class="quiet-text">"A member or an administrator has to answer."</p>
                    }
                        .into_any()
                }
            }}
        </li>
    }
}

/// Where one can see what is asked for.
fn place_of(act: &Act) -> Option<String> {
    match act {
        Act::RollBack { run_id, .. } => Some(Place::Rollback(run_id.clone()).address()),
        Act::Repair { verification_id, .. } => {
            Some(Place::Verification(verification_id.clone()).address())
        }
        Act::Purge { run_id, .. } => Some(Place::Run(run_id.clone()).address()),
        Act::CutOver { .. } | Act::Restore { .. } => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Approve,
    Refuse,
}

#[component]
fn AnswerForm(approval: Approval, changed: Callback<()>) -> impl IntoView {
    let notices = Notices::expect();
    let reason = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<String>);
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let about = approval.summary.clone();
    let id = StoredValue::new(approval.id);
    let answer = move |verdict: Verdict| {
        let reason = match Reason::parse(&reason.read_untracked()) {
            Ok(reason) => reason,
            Err(error) => return problem.set(Some(format!("Say why: {error}."))),
        };
        problem.set(None);
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            let id = id.get_value();
            let answered = match verdict {
                Verdict::Approve => api::approvals::approve(&id, reason).await,
                Verdict::Refuse => api::approvals::refuse(&id, reason).await,
            };
            match answered {
                Ok(_) => {
                    notices.good(match verdict {
                        Verdict::Approve => "You agreed.",
                        Verdict::Refuse => "You refused.",
                    });
                    changed.run(());
                }
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    view! {
        <form class="form" on:submit=|event: ev::SubmitEvent| event.prevent_default() novalidate>
            <TextField
                name="answer-reason"
                label="Your reason"
                hint="Who asked reads it, and the audit trail keeps it."
                value=reason
                problem
            />
            <Refusal error=refusal/>
            <div class="actions">
                <button
                    type="button"
                    class="button primary"
                    disabled=is_busy
                    on:click=move |_| answer(Verdict::Approve)
                >
                    <Icon shape=Shape::Check/>
                    "Approve"
                    <span class="visually-hidden">{format!(" {about}")}</span>
                </button>
                <button
                    type="button"
                    class="button"
                    disabled=is_busy
                    on:click=move |_| answer(Verdict::Refuse)
                >
                    <Icon shape=Shape::Close/>
                    "Refuse"
                </button>
            </div>
        </form>
    }
}

#[component]
fn Withdraw(approval: Approval, changed: Callback<()>) -> impl IntoView {
    let notices = Notices::expect();
    let is_busy = RwSignal::new(false);
    let id = StoredValue::new(approval.id);
    let withdraw = move |_| {
        is_busy.set(true);
        spawn_local(async move {
            match api::approvals::withdraw(&id.get_value()).await {
                Ok(_) => {
                    notices.good("Your request was taken back.");
                    changed.run(());
                }
                Err(error) => {
                    notices.bad(error.sentence());
                    is_busy.set(false);
                }
            }
        });
    };
    view! {
        <div class="actions">
            <p class="quiet-text">"You asked for it: somebody else has to answer."</p>
            <button type="button" class="button" disabled=is_busy on:click=withdraw>
                "Take it back"
            </button>
        </div>
    }
}

#[component]
fn History(first: Page<Approval>) -> impl IntoView {
    let list = Listed::new(first, |after| async move {
        api::approvals::list(None, after.as_ref(), DEFAULT_LIMIT).await
    });
    view! {
        <TableFrame label="Requests and their answers">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"What"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Asked for"</th>
                        <th scope="col">"Answered"</th>
                        <th scope="col">"Answer"</th>
                    </tr>
                </thead>
                <tbody>
                    {move || {
                        list.items
                            .get()
                            .into_iter()
                            .map(|approval| view! { <HistoryRow approval/> })
                            .collect_view()
                    }}
                </tbody>
            </table>
        </TableFrame>
        <ShowMore list text="Show older requests"/>
    }
}

#[component]
fn HistoryRow(approval: Approval) -> impl IntoView {
    let Approval {
        summary,
        state,
        requested_by,
        requested_at,
        answered_by,
        answered_at,
        answer,
        ..
    } = approval;
    let (tone, text) = match state {
        ApprovalState::Requested => (Tone::Warning, "waits"),
        ApprovalState::Approved => (Tone::Good, "approved"),
        ApprovalState::Refused => (Tone::Bad, "refused"),
        ApprovalState::Withdrawn => (Tone::Neutral, "taken back"),
        ApprovalState::Expired => (Tone::Neutral, "expired"),
        ApprovalState::Used => (Tone::Info, "used"),
    };
    view! {
        <tr>
            <th scope="row">{summary}</th>
            <td>
                <Badge tone text=text.to_owned()/>
            </td>
            <td>
                {requested_by.name} ", " <Moment time=requested_at/>
            </td>
            <td>
                {answered_by.map(|person| format!("{}, ", person.name))}
                {answered_at.map(|time| view! { <Moment time/> })}
            </td>
            <td>{answer}</td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_of_a_run_can_be_looked_at() {
        let run_id = shared::id::RunId::parse("r1").unwrap();
        let purge = Act::Purge { run_id, what: "quarantine".to_owned() };
        assert_eq!(place_of(&purge).as_deref(), Some("/portal/migration/runs/r1"));
        let restore = Act::Restore { backup: "b".to_owned(), into: "modern".to_owned() };
        assert_eq!(place_of(&restore), None);
    }
}
