//! The queue of pairs, one after the other: looked at, decided, and taken back. All of it works with
//! the keyboard alone.

use std::collections::BTreeMap;

use leptos::{ev, prelude::*, task::spawn_local};
use shared::duplicate::Verdict;
use shared::id::{MatchId, MatchingId};
use shared::matching::{DecisionOutcome, MatchItem, MatchOrder, NewDecision, ReviewState};
use shared::page::Cursor;
use shared::user::Permission;
use wasm_bindgen::JsCast as _;

use super::SearchHead;
use super::pair::{Choices, Pair, bits};
use crate::api::{self, ApiError};
use crate::components::{
    Badge, Choice, Dialog, EmptyState, Loaded, Refusal, SelectField, Shape, TextField,
};
use crate::format;
use crate::stores::{Notices, Session, Shortcuts, Tone};

/// Pairs that are fetched at once.
const PAGE: u32 = 50;

#[component]
pub fn Review(id: MatchingId) -> impl IntoView {
    let session = Session::expect();
    let may = session.may(Permission::ReviewDuplicates);
    let reason = RwSignal::new(None::<String>);
    let head = id.clone();
    view! {
        <SearchHead
            id=head
            title="Review"
            about="Pairs that may be one person. What you say of one stands in every later search."
        />
        <Show
            when=move || !may || reason.with(Option::is_some)
            fallback=move || view! { <Reason reason start="Begin the review"/> }
        >
            <Queue id=id.clone() reason=reason.get_untracked() may/>
        </Show>
    }
}

/// Why somebody looks at people's records.
#[component]
pub(super) fn Reason(
    reason: RwSignal<Option<String>>,
    /// What the button says.
    start: &'static str,
) -> impl IntoView {
    let text = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<String>);
    let begin = move |event: ev::SubmitEvent| {
        event.prevent_default();
        match shared::audit::Reason::parse(&text.get_untracked()) {
            Ok(why) => reason.set(Some(why.as_str().to_owned())),
            Err(error) => problem.set(Some(format!("Say why: {error}."))),
        }
    };
    view! {
        <section class="card" aria-labelledby="why">
            <h3 id="why">"Before you look"</h3>
            <p class="quiet-text">
                "The records of people are shown in clear. Each look is in the audit trail, with your \
                name and this reason."
            </p>
            <form on:submit=begin>
                <TextField
                    name="review-reason"
                    label="Reason"
                    value=text
                    problem
                    hint="For example: review of duplicates before go-live. Name no patient."
                />
                <div class="actions">
                    <button type="submit" class="button primary">
                        {start}
                    </button>
                </div>
            </form>
        </section>
    }
}

#[component]
fn Queue(id: MatchingId, reason: Option<String>, may: bool) -> impl IntoView {
    let sort = RwSignal::new("doubt".to_owned());
    let state = RwSignal::new("open".to_owned());
    let wanted = Memo::new(move |_| (order_of(&sort.read()), state_of(&state.read())));
    view! {
        <div class="form-row">
            <SelectField
                name="queue-sort"
                label="Order"
                value=sort
                choices=vec![
                    Choice::new("doubt", "Most doubtful first"),
                    Choice::new("frequency", "Records in many pairs first"),
                    Choice::new("weight", "Most alike first"),
                ]
            />
            <SelectField
                name="queue-state"
                label="Pairs"
                value=state
                choices=vec![
                    Choice::new("open", "Open"),
                    Choice::new("decided", "Decided"),
                    Choice::new("merged", "Merged"),
                    Choice::new("", "All"),
                ]
            />
        </div>
        {move || {
            let (sort, state) = wanted.get();
            view! { <Desk id=id.clone() reason=reason.clone() may sort state/> }
        }}
    }
}

/// The pairs of the queue, and the one that is looked at.
#[component]
fn Desk(
    id: MatchingId,
    #[prop(optional_no_strip)] reason: Option<String>,
    may: bool,
    sort: MatchOrder,
    #[prop(optional_no_strip)] state: Option<ReviewState>,
) -> impl IntoView {
    let items = RwSignal::new(Vec::<MatchItem>::new());
    let next = RwSignal::new(None::<Cursor>);
    let is_complete = RwSignal::new(false);
    let is_loading = RwSignal::new(false);
    let at = RwSignal::new(0_usize);
    let refusal = RwSignal::new(None::<ApiError>);
    let request = StoredValue::new(id);
    let fetch = move || {
        if is_loading.get_untracked() || is_complete.get_untracked() {
            return;
        }
        is_loading.set(true);
        spawn_local(async move {
            let id = request.get_value();
            let after = next.get_untracked();
            let page = api::duplicates::queue(&id, sort, state, after.as_ref(), PAGE).await;
            if items.is_disposed() {
                return;
            }
            match page {
                Ok(page) => {
                    is_complete.set(page.next.is_none());
                    next.set(page.next);
                    items.update(|items| items.extend(page.items));
                }
                Err(error) => refusal.set(Some(error)),
            }
            is_loading.set(false);
        });
    };
    fetch();
    let current = Memo::new(move |_| items.with(|items| items.get(at.get()).cloned()));
    let go = move |step: isize| {
        let last = items.with_untracked(Vec::len).saturating_sub(1);
        let to = at.get_untracked().saturating_add_signed(step).min(last);
        at.set(to);
        if to + 5 > last {
            fetch();
        }
    };
    let current_id = Memo::new(move |_| current.with(|it| it.as_ref().map(|it| it.id.clone())));
    view! {
        <Refusal error=refusal/>
        <p class="quiet-text" role="status" aria-label="Place in the queue">
            {move || {
                let known = items.with(Vec::len) as u64;
                if known == 0 && is_loading.get() {
                    return "Loading the queue".to_owned();
                }
                let more = if is_complete.get() { "" } else { " and more" };
                let place = if known == 0 { 0 } else { at.get() as u64 + 1 };
                format!("Pair {} of {}{more}", format::count(place), format::count(known))
            }}
        </p>
        {move || match current_id.get() {
            Some(id) => {
                view! {
                    <Card id items at reason=reason.clone() may go=Callback::new(go)/>
                }
                    .into_any()
            }
            None if is_loading.get() => ().into_any(),
            None => {
                view! {
                    <EmptyState
                        icon=Shape::Done
                        title="Nothing waits here"
                        text="Every pair of this kind has been looked at."
                    />
                }
                    .into_any()
            }
        }}
    }
}

/// One pair, and what can be said of it.
#[component]
fn Card(
    id: MatchId,
    items: RwSignal<Vec<MatchItem>>,
    at: RwSignal<usize>,
    #[prop(optional_no_strip)] reason: Option<String>,
    may: bool,
    /// Goes so many pairs further.
    go: Callback<isize>,
) -> impl IntoView {
    let notices = Notices::expect();
    let shortcuts = Shortcuts::expect();
    let choices: Choices = RwSignal::new(BTreeMap::new());
    let is_busy = RwSignal::new(false);
    let refusal = RwSignal::new(None::<ApiError>);
    let shows_help = RwSignal::new(false);
    let request = StoredValue::new((id, reason));
    let detail = LocalResource::new(move || {
        let (id, reason) = request.get_value();
        async move {
            match reason {
                Some(reason) => api::duplicates::reveal(&id, &reason).await,
                None => api::duplicates::pair(&id).await,
            }
        }
    });
    let item = Memo::new(move |_| items.with(|items| items.get(at.get()).cloned()));
    let is_merged =
        Memo::new(move |_| item.with(|it| it.as_ref().is_some_and(|it| it.merge.is_some())));
    let is_decided =
        Memo::new(move |_| item.with(|it| it.as_ref().is_some_and(|it| it.decision.is_some())));
    let take = move |outcome: DecisionOutcome| {
        for remark in outcome.remarks {
            notices.good(remark);
        }
        let refused = outcome.merge.and_then(|merge| merge.refusal);
        if let Some(refused) = &refused {
            notices.bad(format!("They were not merged: {}.", refused.reason));
        }
        items.update(|items| {
            if let Some(item) = items.iter_mut().find(|item| item.id == outcome.item.id) {
                *item = outcome.item;
            }
        });
    };
    let decide = move |verdict: Verdict| {
        if !may || is_busy.get_untracked() || is_merged.get_untracked() {
            return;
        }
        is_busy.set(true);
        refusal.set(None);
        spawn_local(async move {
            let choices =
                if verdict == Verdict::Match { choices.get_untracked() } else { BTreeMap::new() };
            let (id, _) = request.get_value();
            let said = api::duplicates::decide(&id, &NewDecision { verdict, choices }).await;
            if is_busy.is_disposed() {
                return;
            }
            is_busy.set(false);
            match said {
                Ok(outcome) => {
                    notices.good(said_of(verdict));
                    take(outcome);
                    go.run(1);
                }
                Err(error) => refusal.set(Some(error)),
            }
        });
    };
    let undo = move || {
        // Whoever pressed a key too soon stands at the next pair already.
        let decided = |item: &&MatchItem| item.decision.is_some();
        let wanted = items.with_untracked(|items| {
            let here = items.get(at.get_untracked()).filter(decided);
            let before = at.get_untracked().checked_sub(1).and_then(|at| items.get(at));
            here.or(before.filter(decided)).map(|item| item.id.clone())
        });
        let Some(id) = wanted.filter(|_| may && !is_busy.get_untracked()) else { return };
        is_busy.set(true);
        refusal.set(None);
        spawn_local(async move {
            let undone = api::duplicates::undo(&id).await;
            if is_busy.is_disposed() {
                return;
            }
            is_busy.set(false);
            match undone {
                Ok(outcome) => {
                    let place = items.with_untracked(|items| {
                        items.iter().position(|it| it.id == outcome.item.id)
                    });
                    take(outcome);
                    notices.good("Taken back.");
                    if let Some(place) = place {
                        at.set(place);
                    }
                    detail.refetch();
                }
                Err(error) => refusal.set(Some(error)),
            }
        });
    };
    let keys = window_event_listener(ev::keydown, move |event| {
        // A key that the portal took, such as the second one of "G, then M", merges nobody.
        let is_taken = event.default_prevented() || !untrack(|| shortcuts.has_single_keys());
        if is_taken || event.ctrl_key() || event.meta_key() || event.alt_key() || is_typing(&event)
        {
            return;
        }
        let Some(key) = Key::of(&event.key()) else { return };
        event.prevent_default();
        match key {
            Key::Merge => decide(Verdict::Match),
            Key::NotTheSame => decide(Verdict::NoMatch),
            Key::Skip => decide(Verdict::Review),
            Key::Undo => undo(),
            Key::Next => go.run(1),
            Key::Previous => go.run(-1),
            Key::Help => shows_help.set(!shows_help.get_untracked()),
        }
    });
    on_cleanup(move || keys.remove());
    let cannot = Signal::derive(move || is_busy.get() || is_merged.get());
    let cannot_undo = Signal::derive(move || is_busy.get() || !is_decided.get());
    view! {
        <section class="card" aria-labelledby="pair">
            <div class="card-head">
                <h3 id="pair">"Are these one person?"</h3>
                {move || item.get().map(|item| view! { <Standing item/> })}
            </div>
            <Refusal error=refusal/>
            <div class="actions" role="group" aria-label="Decision">
                <Show when=move || may>
                    <button
                        type="button"
                        class="button primary"
                        disabled=cannot
                        on:click=move |_| decide(Verdict::Match)
                    >
                        "Merge"
                        <kbd>"m"</kbd>
                    </button>
                    <button
                        type="button"
                        class="button"
                        disabled=cannot
                        on:click=move |_| decide(Verdict::NoMatch)
                    >
                        "Not the same"
                        <kbd>"n"</kbd>
                    </button>
                    <button
                        type="button"
                        class="button"
                        disabled=cannot
                        on:click=move |_| decide(Verdict::Review)
                    >
                        "Skip"
                        <kbd>"s"</kbd>
                    </button>
                    <button
                        type="button"
                        class="button"
                        disabled=cannot_undo
                        on:click=move |_| undo()
                    >
                        "Undo"
                        <kbd>"u"</kbd>
                    </button>
                </Show>
                <button type="button" class="button quiet" on:click=move |_| go.run(-1)>
                    "Previous"
                    <kbd>"k"</kbd>
                </button>
                <button type="button" class="button quiet" on:click=move |_| go.run(1)>
                    "Next"
                    <kbd>"j"</kbd>
                </button>
                <button
                    type="button"
                    class="button quiet"
                    on:click=move |_| shows_help.set(true)
                >
                    "Keys"
                    <kbd>"h"</kbd>
                </button>
            </div>
            <Loaded resource=detail lines=12 let:detail>
                <Pair detail choices can_choose=may && !is_merged.get_untracked()/>
            </Loaded>
        </section>
        <Dialog name="review-keys" title="Keys".to_owned() open=shows_help>
            <dl class="facts">
                {Key::ALL
                    .into_iter()
                    .map(|key| {
                        view! {
                            <div class="fact">
                                <dt>
                                    <kbd>{key.name()}</kbd>
                                </dt>
                                <dd>{key.about()}</dd>
                            </div>
                        }
                    })
                    .collect_view()}
            </dl>
            <p class="quiet-text">
                "Which value survives is chosen in the table: Tab leads to it, the arrow keys change it."
            </p>
        </Dialog>
    }
}

/// How a pair stands, in words.
#[component]
fn Standing(item: MatchItem) -> impl IntoView {
    let (tone, text) = match (&item.merge, &item.decision) {
        (Some(_), _) => (Tone::Good, "Merged".to_owned()),
        (None, Some(decision)) => (Tone::Info, decision.verdict.label().to_owned()),
        (None, None) => (Tone::Neutral, item.verdict.label().to_owned()),
    };
    let by = item.decision.and_then(|decision| decision.decided_by);
    view! {
        <p class="quiet-text">
            <Badge tone text/>
            " "
            {format!("{} bits, {}", bits(item.weight), probability(item.probability))}
            {by.map(|name| format!(", by {name}"))}
        </p>
    }
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Merge,
    NotTheSame,
    Skip,
    Undo,
    Next,
    Previous,
    Help,
}

impl Key {
    const ALL: [Self; 7] = [
        Self::Merge,
        Self::NotTheSame,
        Self::Skip,
        Self::Undo,
        Self::Next,
        Self::Previous,
        Self::Help,
    ];

    fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(key))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Merge => "m",
            Self::NotTheSame => "n",
            Self::Skip => "s",
            Self::Undo => "u",
            Self::Next => "j",
            Self::Previous => "k",
            Self::Help => "h",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::Merge => "They are one person: merge them",
            Self::NotTheSame => "They are not the same person, now and in every later search",
            Self::Skip => "Leave it to somebody else; no search merges them unseen",
            Self::Undo => "Take back what was said of this pair, or of the one before",
            Self::Next => "The next pair",
            Self::Previous => "The pair before",
            Self::Help => "These keys",
        }
    }
}

/// Whether a key belongs to a field, or to a window over the page.
fn is_typing(event: &web_sys::KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|element| {
        let is_field = matches!(element.tag_name().as_str(), "TEXTAREA" | "SELECT")
            || (element.tag_name() == "INPUT"
                && element.get_attribute("type").as_deref() != Some("radio"));
        is_field || element.closest("dialog").is_ok_and(|dialog| dialog.is_some())
    })
}

const fn said_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Match => "They are one person.",
        Verdict::NoMatch => "They are not the same person.",
        Verdict::Review => "Somebody else will look.",
    }
}

/// Certainty that rounds to nothing less than it is.
fn probability(probability: f64) -> String {
    format!("probably one person: {}", format::percent(probability))
}

fn order_of(name: &str) -> MatchOrder {
    match name {
        "frequency" => MatchOrder::Frequency,
        "weight" => MatchOrder::Weight,
        _ => MatchOrder::Doubt,
    }
}

fn state_of(name: &str) -> Option<ReviewState> {
    match name {
        "open" => Some(ReviewState::Open),
        "decided" => Some(ReviewState::Decided),
        "merged" => Some(ReviewState::Merged),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_does_one_thing() {
        for key in Key::ALL {
            assert_eq!(Key::of(key.name()), Some(key));
        }
        assert_eq!(Key::of("M"), Some(Key::Merge));
        assert_eq!(Key::of("Enter"), None);
    }
}
