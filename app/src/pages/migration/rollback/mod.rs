//! Undoing what a run did: looked at first, then carried out.

mod form;
mod preview;

use leptos::prelude::*;
use leptos_meta::Title;
use shared::id::RunId;
use shared::rollback::{Changed, Rollback, RollbackState, Scope};
use shared::run::Run;
use shared::settings::SettingsState;

use super::place::Place;
use crate::api::{self, ApiError};
use crate::components::{Badge, Loaded, Moment, RunStateBadge, Shape, TableFrame};
use crate::format;
use crate::stores::Tone;
use form::RollbackForm;
use preview::Looked;

#[component]
pub fn RollbackPage(id: RunId) -> impl IntoView {
    let known = {
        let id = id.clone();
        LocalResource::new(move || load(id.clone()))
    };
    let chosen = RwSignal::new(None::<Rollback>);
    let changed = Callback::new(move |()| known.refetch());
    view! {
        <Title text="Rollback"/>
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=Place::Runs.address()>"Runs"</a>
                    " / "
                    <a href=Place::Run(id).address()>"Run"</a>
                </p>
                <h2>"Rollback"</h2>
                <p class="quiet-text">
                    "Undoes a run, a table of it or a chunk. What would be undone is shown first; \
                    rows of others stay."
                </p>
            </div>
        </div>
        {move || {
            chosen
                .get()
                .map(|rollback| {
                    let second_person = known
                        .get_untracked()
                        .and_then(Result::ok)
                        .is_some_and(|known| known.needs_second_person());
                    view! { <Looked rollback chosen second_person changed/> }
                })
        }}
        <Loaded resource=known lines=6 let:known>
            <RollbackForm run=known.run.clone() chosen/>
            <History rollbacks=known.rollbacks chosen/>
        </Loaded>
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Known {
    run: Run,
    rollbacks: Vec<Rollback>,
    settings: SettingsState,
}

impl Known {
    fn needs_second_person(&self) -> bool {
        use shared::approval::ActKind;
        self.settings.settings.approvals.second_person.contains(&ActKind::RollBack)
    }
}

async fn load(id: RunId) -> Result<Known, ApiError> {
    let (run, rollbacks, settings) = futures::try_join!(
        api::runs::find(&id),
        api::rollbacks::of_run(&id),
        api::settings::find()
    )?;
    Ok(Known { run, rollbacks: rollbacks.items, settings })
}

/// What was looked at and undone before.
#[component]
fn History(rollbacks: Vec<Rollback>, chosen: RwSignal<Option<Rollback>>) -> impl IntoView {
    if rollbacks.is_empty() {
        return ().into_any();
    }
    view! {
        <section class="card" aria-labelledby="rollback-history">
            <h3 id="rollback-history">"Before"</h3>
            <TableFrame label="Rollbacks of this run">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"What"</th>
                            <th scope="col">"State"</th>
                            <th scope="col">"Asked for by"</th>
                            <th scope="col">"When"</th>
                            <th scope="col">"Took"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {rollbacks
                            .into_iter()
                            .map(|rollback| view! { <HistoryRow rollback chosen/> })
                            .collect_view()}
                    </tbody>
                </table>
            </TableFrame>
        </section>
    }
    .into_any()
}

#[component]
fn HistoryRow(rollback: Rollback, chosen: RwSignal<Option<Rollback>>) -> impl IntoView {
    let took = rollback.ended_at.map(|ended| format::span(rollback.requested_at, ended));
    let what = scope_in_words(&rollback.scope);
    let whole = rollback.clone();
    view! {
        <tr>
            <th scope="row">
                <button
                    type="button"
                    class="link-button"
                    on:click=move |_| chosen.set(Some(whole.clone()))
                >
                    {what}
                </button>
            </th>
            <td>
                <RollbackBadge state=rollback.state/>
            </td>
            <td>{rollback.requested_by}</td>
            <td>
                <Moment time=rollback.requested_at/>
            </td>
            <td>{took}</td>
        </tr>
    }
}

#[component]
fn RollbackBadge(state: RollbackState) -> impl IntoView {
    let (tone, icon, text) = match state {
        RollbackState::Previewed => (Tone::Neutral, Shape::Eye, "looked at"),
        RollbackState::Running => (Tone::Info, Shape::Refresh, "under way"),
        RollbackState::Completed => (Tone::Good, Shape::Done, "undone"),
        RollbackState::Failed => (Tone::Bad, Shape::Failed, "failed"),
    };
    view! { <Badge tone icon text=text.to_owned()/> }
}

fn scope_in_words(scope: &Scope) -> String {
    match scope {
        Scope::Run => "The whole run".to_owned(),
        Scope::Table { target } => format!("The table {target}"),
        Scope::Chunk { target, ordinal } => format!("Chunk {ordinal} of {target}"),
    }
}

const fn changed_in_words(changed: Changed) -> &'static str {
    match changed {
        Changed::Leave => "Rows that somebody changed since stay as they are.",
        Changed::Discard => "Rows that somebody changed since are undone too.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_says_how_much_goes() {
        let target = || "public.people".parse().unwrap();
        assert_eq!(scope_in_words(&Scope::Run), "The whole run");
        assert_eq!(scope_in_words(&Scope::Table { target: target() }), "The table public.people");
        assert_eq!(
            scope_in_words(&Scope::Chunk { target: target(), ordinal: 3 }),
            "Chunk 3 of public.people"
        );
    }
}
