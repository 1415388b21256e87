//! Rows of a run that could not be carried over.

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};
use shared::assessment::TableName;
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::page::Cursor;
use shared::quarantine::{QuarantineCount, QuarantineFilter, QuarantineState, QuarantinedRow};

use super::place::{CODE, Place, TABLE, quarantine_of};
use crate::api::{self, ApiError};
use crate::components::{
    Badge, Choice, Dialog, EmptyState, Fact, Facts, Icon, Loaded, Moment, Refusal, SelectField,
    Shape, TableFrame, VirtualList,
};
use crate::format;
use crate::stores::Tone;

/// Rows that are fetched at once.
const PAGE: u32 = 200;

/// The height of a row, in pixels, as the style has it.
const ROW_HEIGHT: u32 = 64;

#[component]
pub fn Quarantine(id: RunId) -> impl IntoView {
    let counts = {
        let id = id.clone();
        LocalResource::new(move || {
            let id = id.clone();
            async move { api::quarantine::counts(&id).await }
        })
    };
    view! {
        <Title text="Quarantine"/>
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=Place::Runs.address()>"Runs"</a>
                    " / "
                    <a href=Place::Run(id.clone()).address()>"Run"</a>
                </p>
                <h2>"Quarantine"</h2>
                <p class="quiet-text">
                    "Rows that could not be carried over: kept whole and sealed, with the reason. \
                    No values are shown here."
                </p>
            </div>
        </div>
        <Loaded resource=counts lines=6 let:counts>
            <QuarantineView id=id.clone() counts/>
        </Loaded>
    }
}

#[component]
fn QuarantineView(id: RunId, counts: Vec<QuarantineCount>) -> impl IntoView {
    if counts.is_empty() {
        return view! {
            <section class="card">
                <EmptyState
                    icon=Shape::Done
                    title="The quarantine is empty"
                    text="Every row that was read could be carried over."
                >
                    <a class="button" href=Place::Run(id).address()>
                        "Back to the run"
                    </a>
                </EmptyState>
            </section>
        }
        .into_any();
    }
    let query = use_location().query;
    let filter = Memo::new(move |_| {
        let query = query.read();
        filter_of(query.get(TABLE).as_deref(), query.get(CODE).as_deref())
    });
    let counts = StoredValue::new(counts);
    let id = StoredValue::new(id);
    view! {
        <Causes id=id.get_value() counts=counts.get_value()/>
        <section class="card" aria-labelledby="quarantined-rows">
            <h3 id="quarantined-rows">"Rows"</h3>
            <Filter id=id.get_value() counts=counts.get_value() filter/>
            {move || {
                let filter = filter.get();
                let total = counts.with_value(|counts| rows_in(counts, &filter));
                view! { <Rows id=id.get_value() filter total/> }
            }}
        </section>
    }
    .into_any()
}

/// What the address asks for. What makes no sense asks for nothing.
fn filter_of(table: Option<&str>, code: Option<&str>) -> QuarantineFilter {
    QuarantineFilter {
        table: table.and_then(|table| table.parse().ok()),
        code: code.and_then(ErrorCode::from_name),
        ..QuarantineFilter::default()
    }
}

fn rows_in(counts: &[QuarantineCount], filter: &QuarantineFilter) -> u64 {
    counts
        .iter()
        .filter(|count| filter.table.as_ref().is_none_or(|table| *table == count.target))
        .filter(|count| filter.code.is_none_or(|code| code == count.code))
        .map(|count| count.rows)
        .sum()
}

/// How many rows there are for which reason: one cause usually explains most of them.
#[component]
fn Causes(id: RunId, counts: Vec<QuarantineCount>) -> impl IntoView {
    let mut counts = counts;
    counts.sort_by_key(|count| std::cmp::Reverse(count.rows));
    let total: u64 = counts.iter().map(|count| count.rows).sum();
    view! {
        <section class="card" aria-labelledby="causes">
            <div class="card-head">
                <h3 id="causes">"By cause"</h3>
                <p class="quiet-text">{format::counted(total, "row", "rows")}</p>
            </div>
            <TableFrame label="Quarantined rows by cause">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Cause"</th>
                            <th scope="col">"Table"</th>
                            <th scope="col">"Column"</th>
                            <th scope="col" class="number">
                                "Rows"
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        {counts
                            .into_iter()
                            .map(|count| {
                                let table = count.target.to_string();
                                let address = quarantine_of(&id, Some(&table), Some(count.code));
                                view! {
                                    <tr>
                                        <th scope="row">
                                            <a href=address>
                                                <code>{count.code.as_str()}</code>
                                                " "
                                                {count.code.explanation().title}
                                            </a>
                                        </th>
                                        <td>{table}</td>
                                        <td>{count.column}</td>
                                        <td class="number">{format::count(count.rows)}</td>
                                    </tr>
                                }
                            })
                            .collect_view()}
                    </tbody>
                </table>
            </TableFrame>
        </section>
    }
}

#[component]
fn Filter(
    id: RunId,
    counts: Vec<QuarantineCount>,
    filter: Memo<QuarantineFilter>,
) -> impl IntoView {
    let tables = choices("All tables", counts.iter().map(|count| count.target.to_string()));
    let codes = choices("All causes", counts.iter().map(|count| count.code.to_string()));
    let current = filter.get_untracked();
    let table = RwSignal::new(current.table.as_ref().map(TableName::to_string).unwrap_or_default());
    let code = RwSignal::new(current.code.map(|code| code.to_string()).unwrap_or_default());
    // The address is where the choice is kept: it can be sent to a colleague.
    let navigate = use_navigate();
    let wanted = Memo::new(move |_| {
        let table = table.get();
        let table = Some(table.as_str()).filter(|table| !table.is_empty());
        quarantine_of(&id, table, code.with(|code| ErrorCode::from_name(code)))
    });
    Effect::new(move |before: Option<String>| {
        let wanted = wanted.get();
        if before.is_some_and(|before| before != wanted) {
            let options = NavigateOptions { replace: true, scroll: false, ..Default::default() };
            navigate(&wanted, options);
        }
        wanted
    });
    // A link among the causes chooses too.
    let follow_address = move |filter: QuarantineFilter| {
        table.set(filter.table.as_ref().map(TableName::to_string).unwrap_or_default());
        code.set(filter.code.map(|code| code.to_string()).unwrap_or_default());
    };
    let following = Effect::watch(
        move || filter.get(),
        move |filter, _, _| follow_address(filter.clone()),
        false,
    );
    on_cleanup(move || following.stop());
    view! {
        <div class="form-row">
            <SelectField name="quarantine-table" label="Table" value=table choices=tables/>
            <SelectField name="quarantine-code" label="Cause" value=code choices=codes/>
        </div>
    }
}

fn choices(all: &str, names: impl Iterator<Item = String>) -> Vec<Choice> {
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.dedup();
    std::iter::once(Choice::new("", all))
        .chain(names.into_iter().map(|name| Choice::new(name.clone(), name)))
        .collect()
}

#[component]
fn Rows(id: RunId, filter: QuarantineFilter, total: u64) -> impl IntoView {
    let rows = RwSignal::new(Vec::<QuarantinedRow>::new());
    let next = RwSignal::new(None::<Cursor>);
    let is_loading = RwSignal::new(false);
    let is_complete = RwSignal::new(false);
    let refusal = RwSignal::new(None::<ApiError>);
    let opened = RwSignal::new(None::<QuarantinedRow>);
    let is_open = RwSignal::new(false);

    let request = StoredValue::new((id, filter));
    let want_more = Callback::new(move |()| {
        if is_loading.get_untracked() || is_complete.get_untracked() {
            return;
        }
        is_loading.set(true);
        refusal.set(None);
        spawn_local(async move {
            let (id, filter) = request.get_value();
            let after = next.get_untracked();
            match api::quarantine::list(&id, &filter, after.as_ref(), PAGE).await {
                // The page may have been left, or narrowed otherwise, in the meantime.
                Ok(_) if rows.is_disposed() => return,
                Ok(page) => {
                    is_complete.set(page.next.is_none());
                    next.set(page.next);
                    rows.update(|rows| rows.extend(page.items));
                }
                Err(error) => refusal.set(Some(error)),
            }
            is_loading.set(false);
        });
    });
    let count = Signal::derive(move || rows.read().len());
    let total = usize::try_from(total).unwrap_or(usize::MAX);
    view! {
        <p class="quiet-text" role="status">
            {move || {
                let (shown, total) = (count.get() as u64, total as u64);
                format!("{} of {} shown", format::count(shown), format::count(total))
            }}
        </p>
        <Refusal error=refusal/>
        <Show when=move || refusal.with(Option::is_some)>
            <button type="button" class="button" on:click=move |_| want_more.run(())>
                "Try again"
            </button>
        </Show>
        <VirtualList
            label="Quarantined rows"
            count
            total=Signal::stored(total)
            row_height=ROW_HEIGHT
            want_more
            let:index
        >
            {rows
                .with_untracked(|rows| rows.get(index).cloned())
                .map(|row| {
                    view! {
                        <RowLine
                            row
                            open=move |row| {
                                opened.set(Some(row));
                                is_open.set(true);
                            }
                        />
                    }
                })}
        </VirtualList>
        <Dialog name="quarantined-row" title="A row in quarantine".to_owned() open=is_open>
            {move || opened.get().map(|row| view! { <RowDetails row/> })}
        </Dialog>
    }
}

#[component]
fn RowLine(
    row: QuarantinedRow,
    /// Called with the row when it is to be looked at.
    #[prop(into)]
    open: Callback<QuarantinedRow>,
) -> impl IntoView {
    let place = match &row.column {
        Some(column) => format!("{}, column {column}", row.target),
        None => row.target.to_string(),
    };
    let (code, reason, state) = (row.code, row.reason.clone(), row.state);
    view! {
        <button type="button" class="quarantined" on:click=move |_| open.run(row.clone())>
            <code class="quarantined-code">{code.as_str()}</code>
            <span class="quarantined-place">{place}</span>
            <span class="quarantined-reason">{reason}</span>
            <StateBadge state/>
        </button>
    }
}

#[component]
fn StateBadge(state: QuarantineState) -> impl IntoView {
    let (tone, text) = match state {
        QuarantineState::New => (Tone::Warning, "new"),
        QuarantineState::Parked => (Tone::Neutral, "waits for its parent"),
        QuarantineState::Triaged => (Tone::Warning, "looked at"),
        QuarantineState::Fixed => (Tone::Info, "fixed"),
        QuarantineState::Mapped => (Tone::Info, "mapped"),
        QuarantineState::Waived => (Tone::Neutral, "waived"),
        QuarantineState::Again => (Tone::Warning, "refused again"),
        QuarantineState::Replayed => (Tone::Good, "replayed"),
    };
    view! { <Badge tone text=text.to_owned()/> }
}

#[component]
fn RowDetails(row: QuarantinedRow) -> impl IntoView {
    let explanation = row.code.explanation();
    view! {
        <Facts>
            <Fact name="Error">
                <code>{row.code.as_str()}</code>
                " "
                {explanation.title}
            </Fact>
            <Fact name="Reason">{row.reason}</Fact>
            <Fact name="From">{row.source.to_string()}</Fact>
            <Fact name="To">{row.target.to_string()}</Fact>
            <Fact name="Column">{row.column.unwrap_or_else(|| "the whole row".to_owned())}</Fact>
            <Fact name="State">
                <StateBadge state=row.state/>
            </Fact>
            <Fact name="Since">
                <Moment time=row.quarantined_at/>
            </Fact>
            <Fact name="Id">
                <code>{row.id.to_string()}</code>
            </Fact>
        </Facts>
        <h3>"What to do"</h3>
        <p>{explanation.cause}</p>
        <p>{explanation.hint}</p>
        <p>{explanation.action}</p>
        <p>
            <a href=row.code.docs()>
                <Icon shape=Shape::Library/>
                " More about this error"
            </a>
        </p>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(table: &str, code: ErrorCode, rows: u64) -> QuarantineCount {
        QuarantineCount { target: table.parse().unwrap(), code, column: None, rows }
    }

    #[test]
    fn a_filter_counts_what_it_lets_through() {
        let counts = [
            count("a", ErrorCode::Data001, 1),
            count("a", ErrorCode::Data008, 2),
            count("b", ErrorCode::Data008, 4),
        ];
        let rows = |table, code| rows_in(&counts, &filter_of(table, code));
        assert_eq!(rows(None, None), 7);
        assert_eq!(rows(Some("a"), None), 3);
        assert_eq!(rows(None, Some("DATA-008")), 6);
        assert_eq!(rows(Some("a"), Some("DATA-008")), 2);
    }

    #[test]
    fn an_address_that_makes_no_sense_narrows_nothing() {
        assert_eq!(filter_of(Some("a.b.c"), Some("DATA-999")), QuarantineFilter::default());
    }

    #[test]
    fn a_choice_is_offered_once() {
        let names = ["b", "a", "b"].map(str::to_owned).into_iter();
        let labels: Vec<_> = choices("All", names).into_iter().map(|choice| choice.label).collect();
        assert_eq!(labels, ["All", "a", "b"]);
    }
}
