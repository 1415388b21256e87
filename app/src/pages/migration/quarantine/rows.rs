//! The list of rows, from which some can be chosen.

use leptos::{prelude::*, task::spawn_local};
use shared::page::Cursor;
use shared::quarantine::{QuarantineFilter, QuarantinedRow};
use shared::user::Permission;

use super::StateBadge;
use super::desk::{Chosen, Desk};
use super::row::RowDetails;
use super::tasks::{Asked, TaskDialog, Tasks};
use crate::api::{self, ApiError};
use crate::components::{Dialog, Refusal, VirtualList};
use crate::format;
use crate::stores::Session;

/// Rows that are fetched at once.
const PAGE: u32 = 200;

/// The height of a row, in pixels, as the style has it.
const ROW_HEIGHT: u32 = 64;

#[component]
pub(super) fn Rows(
    desk: Desk,
    filter: QuarantineFilter,
    /// How many rows the filter leaves, where that is known.
    #[prop(optional_no_strip)]
    counted: Option<u64>,
) -> impl IntoView {
    let list = List::new(desk, filter.clone(), counted);
    let picked = RwSignal::new(Vec::<QuarantinedRow>::new());
    let asked = Asked::new();
    let chosen = Signal::derive(move || {
        picked.with(|picked| if picked.is_empty() { list.all() } else { Chosen::these(picked) })
    });
    view! {
        <Tasks desk chosen asked picked filter/>
        <p class="quiet-text" role="status">
            {move || list.in_words()}
        </p>
        <Refusal error=list.refusal/>
        <Show when=move || list.refusal.with(Option::is_some)>
            <button type="button" class="button" on:click=move |_| list.want_more()>
                "Try again"
            </button>
        </Show>
        <Lines desk list picked/>
        <TaskDialog name="quarantine-work" desk chosen asked/>
    }
}

/// Rows as far as they have been fetched.
#[derive(Clone, Copy)]
struct List {
    desk: Desk,
    filter: StoredValue<QuarantineFilter>,
    counted: Option<u64>,
    rows: RwSignal<Vec<QuarantinedRow>>,
    next: RwSignal<Option<Cursor>>,
    is_loading: RwSignal<bool>,
    is_complete: RwSignal<bool>,
    refusal: RwSignal<Option<ApiError>>,
}

impl List {
    fn new(desk: Desk, filter: QuarantineFilter, counted: Option<u64>) -> Self {
        Self {
            desk,
            filter: StoredValue::new(filter),
            counted,
            rows: RwSignal::new(Vec::new()),
            next: RwSignal::new(None),
            is_loading: RwSignal::new(false),
            is_complete: RwSignal::new(false),
            refusal: RwSignal::new(None),
        }
    }

    fn want_more(self) {
        if self.is_loading.get_untracked() || self.is_complete.get_untracked() {
            return;
        }
        self.is_loading.set(true);
        self.refusal.set(None);
        spawn_local(async move {
            let (run, filter) = (self.desk.run(), self.filter.get_value());
            let after = self.next.get_untracked();
            let page = api::quarantine::list(&run, &filter, after.as_ref(), PAGE).await;
            // The page may have been left, or narrowed otherwise, in the meantime.
            if self.rows.is_disposed() {
                return;
            }
            match page {
                Ok(page) => {
                    self.is_complete.set(page.next.is_none());
                    self.next.set(page.next);
                    self.rows.update(|rows| rows.extend(page.items));
                }
                Err(error) => self.refusal.set(Some(error)),
            }
            self.is_loading.set(false);
        });
    }

    /// How many rows there are by now.
    fn count(self) -> usize {
        self.rows.read().len()
    }

    /// How many there will be. They are carried over while the list is read: what was counted is
    /// where it begins, not its end.
    fn total(self) -> usize {
        let counted = usize::try_from(self.counted.unwrap_or_default()).unwrap_or(usize::MAX);
        if self.is_complete.get() { self.count() } else { counted.max(self.count() + 1) }
    }

    fn in_words(self) -> String {
        let shown = format::count(self.count() as u64);
        if self.is_complete.get() || self.counted.is_some() {
            format!("{shown} of {} shown", format::count(self.total() as u64))
        } else {
            format!("{shown} shown, more to come")
        }
    }

    /// All of them, the ones that were not fetched too.
    fn all(self) -> Chosen {
        let first = self.rows.with(|rows| rows.first().cloned());
        Chosen::all(self.filter.get_value(), self.counted, first)
    }

    fn row(self, index: usize) -> Option<QuarantinedRow> {
        self.rows.with_untracked(|rows| rows.get(index).cloned())
    }
}

/// The lines, and one of them in full.
#[component]
fn Lines(desk: Desk, list: List, picked: RwSignal<Vec<QuarantinedRow>>) -> impl IntoView {
    let session = Session::expect();
    let may_work = Memo::new(move |_| session.may(Permission::WorkQuarantine));
    let opened = RwSignal::new(None::<QuarantinedRow>);
    let is_open = RwSignal::new(false);
    let asked = Asked::new();
    let open = Callback::new(move |row| {
        opened.set(Some(row));
        is_open.set(true);
    });
    let act = Callback::new(move |task| {
        is_open.set(false);
        asked.ask(task);
    });
    let one = Signal::derive(move || {
        opened.with(|row| {
            row.as_ref().map_or_else(|| list.all(), |row| Chosen::these(std::slice::from_ref(row)))
        })
    });
    view! {
        <VirtualList
            label="Quarantined rows"
            count=Signal::derive(move || list.count())
            total=Signal::derive(move || list.total())
            row_height=ROW_HEIGHT
            want_more=move |()| list.want_more()
            let:index
        >
            {list
                .row(index)
                .map(|row| {
                    view! {
                        <RowLine row picked=may_work.get_untracked().then_some(picked) open/>
                    }
                })}
        </VirtualList>
        <Dialog name="quarantined-row" title="A row in quarantine".to_owned() open=is_open>
            {move || opened.get().map(|row| view! { <RowDetails desk row act/> })}
        </Dialog>
        <TaskDialog name="quarantine-work-on-one" desk chosen=one asked/>
    }
}

#[component]
fn RowLine(
    row: QuarantinedRow,
    /// The rows that are chosen, for who may do something with them.
    #[prop(optional_no_strip)]
    picked: Option<RwSignal<Vec<QuarantinedRow>>>,
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
        <div class="quarantined-line">
            {picked.map(|picked| view! { <Pick row=row.clone() picked/> })}
            <button type="button" class="quarantined" on:click=move |_| open.run(row.clone())>
                <code class="quarantined-code">{code.as_str()}</code>
                <span class="quarantined-place">{place}</span>
                <span class="quarantined-reason">{reason}</span>
                <StateBadge state/>
            </button>
        </div>
    }
}

#[component]
fn Pick(row: QuarantinedRow, picked: RwSignal<Vec<QuarantinedRow>>) -> impl IntoView {
    let id = row.id.clone();
    let is_picked = Memo::new(move |_| picked.with(|picked| picked.iter().any(|row| row.id == id)));
    let label = format!("Choose {} {}", row.code.as_str(), row.id);
    let change = move |event| {
        let is_wanted = event_target_checked(&event);
        picked.update(|picked| {
            picked.retain(|other| other.id != row.id);
            if is_wanted {
                picked.push(row.clone());
            }
        });
    };
    view! {
        <input
            type="checkbox"
            class="pick"
            aria-label=label
            prop:checked=is_picked
            on:change=change
        />
    }
}
