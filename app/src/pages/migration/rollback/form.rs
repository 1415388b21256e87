//! Saying what is to be undone, and looking at it.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::rollback::{Changed, NewRollback, Rollback, Scope};
use shared::run::{Run, RunState};
use shared::user::Permission;

use crate::api::{self, ApiError};
use crate::components::{CheckboxField, Choice, Icon, Refusal, SelectField, Shape, TextField};
use crate::stores::Session;

#[component]
pub(super) fn RollbackForm(run: Run, chosen: RwSignal<Option<Rollback>>) -> impl IntoView {
    let session = Session::expect();
    if !session.may(Permission::RollBackRuns) {
        return view! {
            <section class="card">
                <p>"Undoing a run is for members and administrators of this installation."</p>
            </section>
        }
        .into_any();
    }
    if matches!(run.state, RunState::Planned | RunState::Running | RunState::RolledBack) {
        return view! { <CannotBeUndone state=run.state/> }.into_any();
    }
    let tables: Vec<_> = run
        .progress
        .iter()
        .flat_map(|progress| &progress.tables)
        .map(|table| table.target.to_string())
        .map(|target| Choice::new(target.clone(), target))
        .collect();
    let wanted = Wanted::new(tables.first().map(|choice| choice.value.clone()));
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let run_id = StoredValue::new(run.id);
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        refusal.set(None);
        let Some(scope) = wanted.scope() else {
            wanted.is_sent.set(true);
            return;
        };
        let changed =
            if wanted.discards.get_untracked() { Changed::Discard } else { Changed::Leave };
        let new = NewRollback { run_id: run_id.get_value(), scope, changed };
        is_busy.set(true);
        spawn_local(async move {
            match api::rollbacks::preview(&new).await {
                Ok(rollback) => chosen.set(Some(rollback)),
                Err(error) => refusal.set(Some(error)),
            }
            is_busy.set(false);
        });
    };
    let scopes = vec![
        Choice::new(WHOLE, "The whole run"),
        Choice::new(TABLE, "One table"),
        Choice::new(CHUNK, "One chunk of a table"),
    ];
    view! {
        <section class="card" aria-labelledby="rollback-what">
            <h3 id="rollback-what">"What is to be undone"</h3>
            <form class="form" on:submit=submit novalidate>
                <div class="form-row">
                    <SelectField
                        name="rollback-scope"
                        label="How much"
                        value=wanted.what
                        choices=scopes
                    />
                    <Show when=move || wanted.what.read().as_str() != WHOLE>
                        <SelectField
                            name="rollback-table"
                            label="Table"
                            value=wanted.table
                            choices=tables.clone()
                        />
                    </Show>
                    <Show when=move || wanted.what.read().as_str() == CHUNK>
                        <TextField
                            name="rollback-chunk"
                            label="Chunk"
                            value=wanted.chunk
                            problem=wanted.chunk_problem()
                        />
                    </Show>
                </div>
                <CheckboxField
                    name="rollback-discard"
                    label="Also undo rows that somebody changed since: what they wrote is lost"
                    value=wanted.discards
                />
                <Refusal error=refusal/>
                <div class="actions">
                    <button type="submit" class="button primary" disabled=is_busy>
                        <Icon shape=Shape::Eye/>
                        {move || if is_busy.get() { "Looking…" } else { "Look what would be undone" }}
                    </button>
                </div>
            </form>
        </section>
    }
    .into_any()
}

#[component]
fn CannotBeUndone(state: RunState) -> impl IntoView {
    let text = match state {
        RunState::RolledBack => "This run was undone.",
        _ => "A run that is under way is stopped before it is undone.",
    };
    view! {
        <section class="card">
            <p>{text}</p>
        </section>
    }
}

const WHOLE: &str = "run";
const TABLE: &str = "table";
const CHUNK: &str = "chunk";

/// What stands in the form.
#[derive(Clone, Copy)]
struct Wanted {
    what: RwSignal<String>,
    table: RwSignal<String>,
    chunk: RwSignal<String>,
    discards: RwSignal<bool>,
    is_sent: RwSignal<bool>,
}

impl Wanted {
    fn new(table: Option<String>) -> Self {
        Self {
            what: RwSignal::new(WHOLE.to_owned()),
            table: RwSignal::new(table.unwrap_or_default()),
            chunk: RwSignal::new(String::new()),
            discards: RwSignal::new(false),
            is_sent: RwSignal::new(false),
        }
    }

    fn scope(self) -> Option<Scope> {
        let chunk = self.chunk.get_untracked();
        scope_of(&self.what.get_untracked(), &self.table.get_untracked(), chunk.trim())
    }

    fn chunk_problem(self) -> Signal<Option<String>> {
        Signal::derive(move || {
            let is_right = self.chunk.read().trim().parse::<u32>().is_ok();
            (self.is_sent.get() && !is_right).then(|| {
                "The number of the chunk, as the quarantine and the log name it.".to_owned()
            })
        })
    }
}

fn scope_of(what: &str, table: &str, chunk: &str) -> Option<Scope> {
    Some(match what {
        WHOLE => Scope::Run,
        TABLE => Scope::Table { target: table.parse().ok()? },
        _ => Scope::Chunk { target: table.parse().ok()?, ordinal: chunk.parse().ok()? },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_everything_needs_a_table_and_perhaps_a_number() {
        assert_eq!(scope_of(WHOLE, "", ""), Some(Scope::Run));
        assert!(matches!(scope_of(TABLE, "public.a", ""), Some(Scope::Table { .. })));
        assert!(matches!(scope_of(CHUNK, "public.a", "3"), Some(Scope::Chunk { ordinal: 3, .. })));
        assert_eq!(scope_of(TABLE, "", ""), None);
        assert_eq!(scope_of(CHUNK, "public.a", "third"), None);
    }
}
