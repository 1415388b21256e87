//! Beginning what cannot be done lightly: after a look, or with a second person's yes.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::approval::{Act, Approval, ApprovalState, NewApproval};
use shared::audit::Reason;
use shared::event::Topic;
use shared::id::ApprovalId;
use shared::page::MAX_LIMIT;

use super::place::Place;
use crate::api::{self, ApiError};
use crate::components::{CheckboxField, Icon, Loaded, Refusal, Shape, TextField};
use crate::stores::Live;

/// What is said of an act.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    /// `rollback-meant`
    pub(super) name: &'static str,
    /// `I looked at what goes`
    pub(super) meant: &'static str,
    /// `Nobody undoes a run alone here`
    pub(super) alone: &'static str,
    /// `Why it has to be undone`
    pub(super) why: &'static str,
    /// `Undo it`
    pub(super) go: &'static str,
    pub(super) shape: Shape,
}

/// Carries an act out, once somebody says that they looked at it, or a second person agreed to it.
#[component]
pub(super) fn Begin<F>(
    act: Act,
    words: Words,
    /// Nobody may do it alone.
    second_person: bool,
    /// Carries it out, with what the second person agreed to.
    carry_out: impl Fn(Option<ApprovalId>) -> F + Send + Sync + 'static,
) -> impl IntoView
where
    F: Future<Output = Result<(), ApiError>> + 'static,
{
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let is_meant = RwSignal::new(false);
    let start = Callback::new(move |approval: Option<ApprovalId>| {
        refusal.set(None);
        is_busy.set(true);
        let carried_out = carry_out(approval);
        spawn_local(async move {
            if let Err(error) = carried_out.await {
                refusal.set(Some(error));
                is_busy.set(false);
            }
        });
    });
    view! {
        <Refusal error=refusal/>
        {if second_person {
            view! { <SecondPerson act words start is_busy/> }.into_any()
        } else {
            view! {
                <div class="actions">
                    <CheckboxField
                        name=words.name
                        label=words.meant
                        value=is_meant
                        disabled=is_busy
                    />
                    <button
                        type="button"
                        class="button danger"
                        disabled=move || is_busy.get() || !is_meant.get()
                        on:click=move |_| start.run(None)
                    >
                        <Icon shape=words.shape/>
                        {words.go}
                    </button>
                </div>
            }
                .into_any()
        }}
    }
}

#[component]
fn SecondPerson(
    act: Act,
    words: Words,
    /// Starts it with what the second person agreed to.
    start: Callback<Option<ApprovalId>>,
    is_busy: RwSignal<bool>,
) -> impl IntoView {
    let act = StoredValue::new(act);
    let live = Live::expect();
    // The answer of the second person appears by itself.
    let requests = LocalResource::new(move || {
        live.version(Topic::Approval);
        of_act(act.get_value())
    });
    let again = Callback::new(move |()| requests.refetch());
    view! {
        <div class="alert tone-info">
            <Icon shape=Shape::Approval/>
            <p>{format!("{}: a second person has to agree.", words.alone)}</p>
        </div>
        <Loaded resource=requests lines=2 steady=true let:request>
            {match request {
                None => view! { <Ask act words again/> }.into_any(),
                Some(approval) => {
                    view! { <Answered approval words start is_busy again/> }.into_any()
                }
            }}
        </Loaded>
    }
}

/// The request for exactly this act that still counts.
async fn of_act(act: Act) -> Result<Option<Approval>, ApiError> {
    let (approved, requested) = futures::try_join!(
        api::approvals::list(Some(ApprovalState::Approved), None, MAX_LIMIT),
        api::approvals::list(Some(ApprovalState::Requested), None, MAX_LIMIT)
    )?;
    let mut found = approved.items.into_iter().chain(requested.items);
    Ok(found.find(|approval| approval.act == act))
}

#[component]
fn Ask(act: StoredValue<Act>, words: Words, again: Callback<()>) -> impl IntoView {
    let reason = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<String>);
    let refusal = RwSignal::new(None::<ApiError>);
    let is_asking = RwSignal::new(false);
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let reason = match Reason::parse(&reason.read_untracked()) {
            Ok(reason) => reason,
            Err(error) => return problem.set(Some(format!("Say why: {error}."))),
        };
        problem.set(None);
        refusal.set(None);
        is_asking.set(true);
        spawn_local(async move {
            let new = NewApproval { act: act.get_value(), reason };
            match api::approvals::request(&new).await {
                Ok(_) => again.run(()),
                Err(error) => {
                    refusal.set(Some(error));
                    is_asking.set(false);
                }
            }
        });
    };
    view! {
        <form class="form" on:submit=submit novalidate>
            <TextField
                name="approval-reason"
                label=words.why
                hint="The second person reads it, and the audit trail keeps it."
                value=reason
                problem
            />
            <Refusal error=refusal/>
            <div class="actions">
                <button type="submit" class="button primary" disabled=is_asking>
                    "Ask for approval"
                </button>
            </div>
        </form>
    }
}

#[component]
fn Answered(
    approval: Approval,
    words: Words,
    start: Callback<Option<ApprovalId>>,
    is_busy: RwSignal<bool>,
    again: Callback<()>,
) -> impl IntoView {
    let is_approved = approval.state == ApprovalState::Approved;
    let id = approval.id.clone();
    let said = match (&approval.answered_by, &approval.answer) {
        (Some(by), Some(answer)) => format!("{} agreed: {answer}", by.name),
        _ => format!("Asked for by {}. Nobody has answered yet.", approval.requested_by.name),
    };
    view! {
        <p role="status">{said}</p>
        <div class="actions">
            <Show
                when=move || is_approved
                fallback=move || {
                    view! {
                        <button type="button" class="button" on:click=move |_| again.run(())>
                            <Icon shape=Shape::Refresh/>
                            "Look for an answer"
                        </button>
                    }
                }
            >
                <button
                    type="button"
                    class="button danger"
                    disabled=is_busy
                    on:click={
                        let id = id.clone();
                        move |_| start.run(Some(id.clone()))
                    }
                >
                    <Icon shape=words.shape/>
                    {words.go}
                </button>
            </Show>
            <a class="button" href=Place::Approvals.address()>
                "All requests"
            </a>
        </div>
    }
}
