//! The clinical checks of one run: what they found, and the same numbers under other thresholds.

use std::collections::BTreeMap;

use gloo_timers::future::TimeoutFuture;
use leptos::{ev, prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use shared::clinical::{
    CheckStatus, Checking, CheckingItem, CheckingState, ClinicalOutcome, OtherThresholds, Threshold,
};
use shared::id::CheckingId;
use shared::user::Permission;

use super::findings::{Findings, look_of};
use super::{Place, StateBadge, manual};
use crate::api::{self, ApiError};
use crate::components::{
    Badge, Fact, Facts, FailureCard, Icon, Loaded, Moment, Refusal, Shape, TextField,
};
use crate::format;
use crate::stores::Session;

/// How long to wait between two looks while checks are being made.
const BETWEEN_LOOKS: u32 = 1_000;

/// What somebody would allow instead, by the checks' keys.
pub(super) type Changes = RwSignal<BTreeMap<String, Threshold>>;

#[component]
pub fn CheckingPage(id: CheckingId) -> impl IntoView {
    let found = LocalResource::new(move || {
        let id = id.clone();
        async move { api::checkings::find(&id).await }
    });
    view! {
        <Title text="Clinical checks"/>
        <Loaded resource=found lines=8 let:first>
            <CheckingView first/>
        </Loaded>
    }
}

#[component]
fn CheckingView(first: Checking) -> impl IntoView {
    let Checking { item, outcome } = first;
    let (id, run, plan) = (item.id.clone(), item.run_id.clone(), item.plan_name.clone());
    let (known, outcome) = (RwSignal::new(item), RwSignal::new(outcome));
    spawn_local(async move {
        while let Some(CheckingState::Running) = known.try_with_untracked(|known| known.state) {
            TimeoutFuture::new(BETWEEN_LOOKS).await;
            // What could not be read now is read with the next look.
            if let Ok(now) = api::checkings::find(&id).await
                && !known.is_disposed()
            {
                outcome.set(now.outcome);
                known.set(now.item);
            }
        }
    });
    view! {
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=Place::Checkings.address()>"Clinical checks"</a>
                    " / "
                    <a href=Place::Run(run).address()>"Run"</a>
                </p>
                <h2>"Clinical checks of " {plan}</h2>
                <div class="badges">
                    <span role="status" aria-label="State of the checks">
                        {move || {
                            let CheckingItem { state, counts, .. } = known.get();
                            view! { <StateBadge state passed=counts.map(|counts| counts.passed)/> }
                        }}
                    </span>
                </div>
            </div>
        </div>
        {move || known.get().failure.map(|failure| view! { <FailureCard failure/> })}
        {move || {
            outcome
                .get()
                .map(|outcome| {
                    let id = known.with_untracked(|known| known.id.clone());
                    view! { <OutcomeView id outcome/> }
                })
        }}
        {move || view! { <About item=known.get()/> }}
    }
}

#[component]
fn OutcomeView(id: CheckingId, outcome: ClinicalOutcome) -> impl IntoView {
    let session = Session::expect();
    let changes: Changes = RwSignal::new(BTreeMap::new());
    let kept = StoredValue::new(outcome.clone());
    let judged = Memo::new(move |_| {
        kept.with_value(|kept| changes.with(|changes| kept.clone().under(changes, kept.judged_at)))
    });
    let may_judge = session.may(Permission::SignOff);
    view! {
        <section class="card" aria-labelledby="what-they-came-to">
            <h3 id="what-they-came-to">"What they came to"</h3>
            {move || view! { <Verdict outcome=judged.get()/> }}
            <Show when=move || changes.with(|changes| !changes.is_empty())>
                <JudgeAgain id=id.clone() kept changes/>
            </Show>
        </section>
        <Findings checks=outcome.checks judged changes may_judge/>
        <LeftOut outcome=kept.get_value()/>
    }
}

/// Whether the data may be used, and how many checks ended how.
#[component]
fn Verdict(outcome: ClinicalOutcome) -> impl IntoView {
    let said = if outcome.passed {
        "No blocking check failed."
    } else {
        "A blocking check failed, or could not be made: the data should not be used as it is."
    };
    let badges = CheckStatus::ALL.map(|status| {
        let (tone, icon) = look_of(status);
        let text = format!("{}: {}", status.label(), outcome.count(status));
        view! { <Badge tone icon text/> }
    });
    view! {
        <p role="status" aria-label="Verdict">
            {said}
        </p>
        <div class="badges">{badges.collect_view()}</div>
        <p class="quiet-text">
            "Counted " <Moment time=outcome.measured_at/> ". "
            <a href=manual()>"What each check counts"</a>
        </p>
    }
}

/// Keeping what the numbers come to under other thresholds.
#[component]
fn JudgeAgain(
    id: CheckingId,
    kept: StoredValue<ClinicalOutcome>,
    changes: Changes,
) -> impl IntoView {
    let reason = RwSignal::new(String::new());
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let navigate = use_navigate();
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        refusal.set(None);
        is_busy.set(true);
        let (id, navigate) = (id.clone(), navigate.clone());
        let other =
            OtherThresholds { thresholds: changes.get_untracked(), reason: reason.get_untracked() };
        spawn_local(async move {
            match api::checkings::judge(&id, &other).await {
                Ok(again) => {
                    let place = Place::Checking(again.item.id).address();
                    navigate(&place, NavigateOptions::default());
                }
                Err(error) if !refusal.is_disposed() => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
                Err(_) => {}
            }
        });
    };
    let changed = move || {
        kept.with_value(|kept| changes.with(|changes| changed_in_words(kept, changes)))
            .into_iter()
            .map(|text| view! { <li>{text}</li> })
            .collect_view()
    };
    let problem = move || refusal.with(|refusal| refusal.as_ref()?.about("reason"));
    view! {
        <form class="form" aria-label="Other thresholds" on:submit=submit novalidate>
            <ul class="notes">{changed}</ul>
            <TextField
                name="threshold-reason"
                label="Why so much is allowed"
                hint="The audit trail keeps it. Name no patient."
                value=reason
                problem=Signal::derive(problem)
            />
            <Refusal error=move || refusal.get().filter(|error| error.about("reason").is_none())/>
            <div class="actions">
                <button type="submit" class="button primary" disabled=is_busy>
                    <Icon shape=Shape::Gauge/>
                    {move || if is_busy.get() { "Judging…" } else { "Judge again" }}
                </button>
                <button type="button" class="button" on:click=move |_| changes.set(BTreeMap::new())>
                    "As it was"
                </button>
            </div>
        </form>
    }
}

/// `weight-plausible: 0 so far, 0.5 % now`.
fn changed_in_words(kept: &ClinicalOutcome, changes: &BTreeMap<String, Threshold>) -> Vec<String> {
    let lines = kept.checks.iter().filter_map(|check| {
        let now = changes.get(&check.key)?.text();
        Some(format!("{}: {} so far, {now} now", check.key, check.threshold.text()))
    });
    lines.collect()
}

/// Checks of sets that the plan does not have made.
#[component]
fn LeftOut(outcome: ClinicalOutcome) -> impl IntoView {
    let left_out = outcome.left_out;
    (!left_out.is_empty()).then(|| {
        let lines = left_out.into_iter().map(|it| {
            view! {
                <li>
                    <code>{it.key}</code>
                    ": "
                    {it.reason}
                </li>
            }
        });
        view! {
            <section class="card" aria-labelledby="left-out">
                <h3 id="left-out">"Not made"</h3>
                <ul class="notes">{lines.collect_view()}</ul>
            </section>
        }
    })
}

#[component]
fn About(item: CheckingItem) -> impl IntoView {
    let took = item.ended_at.map(|ended| format::span(item.started_at, ended));
    let by = if item.numbers_of.is_some() { "Judged by" } else { "Started by" };
    view! {
        <section class="card" aria-labelledby="about-checks">
            <h3 id="about-checks">"About these checks"</h3>
            <Facts>
                <Fact name=by>{item.started_by}</Fact>
                <Fact name="Began">
                    <Moment time=item.started_at/>
                </Fact>
                <Fact name="Ended">
                    {item.ended_at.map(|time| view! { <Moment time/> })}
                    {took.map(|took| format!(", after {took}"))}
                </Fact>
                {item
                    .numbers_of
                    .map(|first| {
                        view! {
                            <Fact name="Numbers">
                                <a href=Place::Checking(first).address()>"as they were counted"</a>
                            </Fact>
                        }
                    })}
                <Fact name="Id">
                    <code>{item.id.to_string()}</code>
                </Fact>
            </Facts>
        </section>
    }
}
