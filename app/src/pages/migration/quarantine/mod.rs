//! Rows of a run that could not be carried over, and the work on them.

mod desk;
mod rule;
mod causes;
mod filter;
mod rows;
mod row;
mod tasks;
mod fix;
mod outcome;
mod actions;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::quarantine::{QuarantineCount, QuarantineFilter, QuarantineState};

use super::place::{CODE, COLUMN, Place, STATE, TABLE, quarantine_where};
use crate::api;
use crate::components::{Badge, EmptyState, Loaded, Shape};
use crate::stores::Tone;
use actions::Actions;
use causes::Causes;
use desk::Desk;
use filter::Filter;
use outcome::LastOutcome;
use rows::Rows;

pub(super) use row::{MaskedCells, masked};

#[component]
pub fn Quarantine(id: RunId) -> impl IntoView {
    let counts = {
        let id = id.clone();
        LocalResource::new(move || {
            let id = id.clone();
            async move { api::quarantine::counts(&id).await }
        })
    };
    let actions = {
        let id = id.clone();
        LocalResource::new(move || {
            let id = id.clone();
            async move { api::quarantine::actions(&id).await }
        })
    };
    let desk = Desk::new(id.clone(), move || {
        counts.refetch();
        actions.refetch();
    });
    Effect::new(move || {
        counts.track();
        desk.announce();
    });
    view! {
        <Title text="Quarantine"/>
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=Place::Runs.address()>"Runs"</a>
                    " / "
                    <a href=Place::Run(id).address()>"Run"</a>
                </p>
                <h2>"Quarantine"</h2>
                <p class="quiet-text">
                    "Rows that could not be carried over: kept whole and sealed, with the reason. \
                    Repair them by a rule, carry them over, or sign that they stay behind; each \
                    step can be taken back."
                </p>
            </div>
        </div>
        <LastOutcome desk/>
        <Loaded resource=counts lines=6 let:counts>
            <QuarantineView desk counts/>
        </Loaded>
        <section class="card" aria-labelledby="quarantine-actions">
            <h3 id="quarantine-actions">"What was done"</h3>
            <Loaded resource=actions let:actions>
                <Actions desk actions/>
            </Loaded>
        </section>
    }
}

#[component]
fn QuarantineView(desk: Desk, counts: Vec<QuarantineCount>) -> impl IntoView {
    let query = use_location().query;
    let filter = Memo::new(move |_| {
        let query = query.read();
        let asked = |name| query.get(name);
        filter_of(
            asked(TABLE).as_deref(),
            asked(CODE).as_deref(),
            asked(COLUMN).as_deref(),
            asked(STATE).as_deref(),
        )
    });
    // Rows that were replayed are no longer counted, but can be asked for.
    if counts.is_empty() && filter.with_untracked(|filter| filter.state.is_none()) {
        return view! {
            <section class="card">
                <EmptyState
                    icon=Shape::Done
                    title="The quarantine is empty"
                    text="Every row that was read could be carried over."
                >
                    <a class="button" href=Place::Run(desk.run()).address()>
                        "Back to the run"
                    </a>
                </EmptyState>
            </section>
        }
        .into_any();
    }
    let counts = StoredValue::new(counts);
    view! {
        <Causes id=desk.run() counts=counts.get_value()/>
        <section class="card" aria-labelledby="quarantined-rows">
            <h3 id="quarantined-rows">"Rows"</h3>
            <Filter id=desk.run() counts=counts.get_value() filter/>
            {move || {
                let filter = filter.get();
                let counted = counts.with_value(|counts| rows_in(counts, &filter));
                view! { <Rows desk filter counted/> }
            }}
        </section>
    }
    .into_any()
}

/// What the address asks for. What makes no sense asks for nothing.
fn filter_of(
    table: Option<&str>,
    code: Option<&str>,
    column: Option<&str>,
    state: Option<&str>,
) -> QuarantineFilter {
    QuarantineFilter {
        table: table.and_then(|table| table.parse().ok()),
        code: code.and_then(ErrorCode::from_name),
        column: column.filter(|column| !column.is_empty()).map(str::to_owned),
        state: state.and_then(QuarantineState::from_name),
    }
}

/// How many rows a filter leaves; none where it asks for a state, which is not counted by.
fn rows_in(counts: &[QuarantineCount], filter: &QuarantineFilter) -> Option<u64> {
    if filter.state.is_some() {
        return None;
    }
    let rows = counts
        .iter()
        .filter(|count| filter.table.as_ref().is_none_or(|table| *table == count.target))
        .filter(|count| filter.code.is_none_or(|code| code == count.code))
        .filter(|count| filter.column.is_none() || filter.column == count.column)
        .map(|count| count.rows)
        .sum();
    Some(rows)
}

const fn state_label(state: QuarantineState) -> &'static str {
    match state {
        QuarantineState::New => "new",
        QuarantineState::Parked => "waits for its parent",
        QuarantineState::Triaged => "looked at",
        QuarantineState::Fixed => "fixed",
        QuarantineState::Mapped => "mapped",
        QuarantineState::Waived => "waived",
        QuarantineState::Again => "refused again",
        QuarantineState::Replayed => "replayed",
    }
}

#[component]
fn StateBadge(state: QuarantineState) -> impl IntoView {
    let tone = match state {
        QuarantineState::New | QuarantineState::Triaged | QuarantineState::Again => Tone::Warning,
        QuarantineState::Parked | QuarantineState::Waived => Tone::Neutral,
        QuarantineState::Fixed | QuarantineState::Mapped => Tone::Info,
        QuarantineState::Replayed => Tone::Good,
    };
    view! { <Badge tone text=state_label(state).to_owned()/> }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(table: &str, code: ErrorCode, column: Option<&str>, rows: u64) -> QuarantineCount {
        let column = column.map(str::to_owned);
        QuarantineCount { target: table.parse().unwrap(), code, column, rows }
    }

    fn asked(table: &str, code: &str, column: &str, state: &str) -> QuarantineFilter {
        filter_of(Some(table), Some(code), Some(column), Some(state))
    }

    #[test]
    fn a_filter_counts_what_it_lets_through() {
        let counts = [
            count("a", ErrorCode::Data001, None, 1),
            count("a", ErrorCode::Data008, Some("parent"), 2),
            count("b", ErrorCode::Data008, Some("owner"), 4),
        ];
        let rows = |table, code, column| rows_in(&counts, &asked(table, code, column, ""));
        assert_eq!(rows("", "", ""), Some(7));
        assert_eq!(rows("a", "", ""), Some(3));
        assert_eq!(rows("", "DATA-008", ""), Some(6));
        assert_eq!(rows("a", "DATA-008", ""), Some(2));
        assert_eq!(rows("", "", "owner"), Some(4));
    }

    #[test]
    fn rows_are_not_counted_by_their_state() {
        let counts = [count("a", ErrorCode::Data001, None, 1)];
        assert_eq!(rows_in(&counts, &asked("", "", "", "fixed")), None);
    }

    #[test]
    fn an_address_that_makes_no_sense_narrows_nothing() {
        assert_eq!(asked("a.b.c", "DATA-999", "", "lost"), QuarantineFilter::default());
    }
}
