//! One verification: how far it is, what it found, whether that still holds.

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use shared::assessment::TableName;
use shared::event::Topic;
use shared::id::VerificationId;
use shared::user::Permission;
use shared::verification::{Freshness, Mode, Verification, VerificationState};

use super::mismatches::Mismatches;
use super::progress::ProgressCard;
use super::repair::Repairs;
use super::tables::FindingsCard;
use super::{Place, StateBadge};
use crate::api::{self, ApiError};
use crate::components::{Badge, Fact, Facts, FailureCard, Icon, Loaded, Moment, Refusal, Shape};
use crate::format;
use crate::stores::{Live, Session, Tone};

/// How long to wait between two looks at a verification that is under way.
const BETWEEN_LOOKS: u32 = 1_500;

#[component]
pub fn VerificationPage(id: VerificationId) -> impl IntoView {
    let found = LocalResource::new(move || {
        let id = id.clone();
        async move { api::verifications::find(&id).await }
    });
    view! {
        <Title text="Verification"/>
        <Loaded resource=found lines=8 let:first>
            <VerificationView first/>
        </Loaded>
    }
}

#[component]
fn VerificationView(first: Verification) -> impl IntoView {
    let id = first.id.clone();
    let run = first.run_id.clone();
    let (plan, mode) = (first.plan_name.clone(), first.mode);
    let known = RwSignal::new(first);
    watch(known);
    let state = Memo::new(move |_| known.with(|known| known.state));
    let failure = Memo::new(move |_| known.with(|known| known.failure.clone()));
    let findings = Memo::new(move |_| known.with(|known| known.findings.clone()));
    let refusal = RwSignal::new(None::<ApiError>);
    let shown = StoredValue::new(id.clone());
    view! {
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=Place::Verifications.address()>"Verification"</a>
                    " / "
                    <a href=Place::Run(run).address()>"Run"</a>
                </p>
                <h2>"Verification of " {plan}</h2>
                <div class="badges">
                    <span role="status" aria-label="State of the verification">
                        <StateBadge state/>
                    </span>
                    {move || {
                        state
                            .get()
                            .is_through()
                            .then(|| view! { <FreshnessBadge id=shown.get_value()/> })
                    }}
                </div>
            </div>
            <Controls id known state refusal/>
        </div>
        <Refusal error=refusal/>
        {move || failure.get().map(|failure| view! { <FailureCard failure/> })}
        <Show when=move || !state.get().is_through()>
            <ProgressCard known/>
        </Show>
        {move || {
            findings
                .get()
                .map(|findings| {
                    view! { <FindingsCard findings state=state.get_untracked()/> }
                })
        }}
        {move || {
            (state.get() == VerificationState::Different)
                .then(|| view! { <WhatDiffers known mode/> })
        }}
        <About known/>
    }
}

/// The rows that differ, and what makes them alike.
#[component]
fn WhatDiffers(known: RwSignal<Verification>, mode: Mode) -> impl IntoView {
    let verification = known.get_untracked();
    let tables: Vec<_> = verification
        .findings
        .iter()
        .flat_map(|findings| &findings.tables)
        .filter(|table| !table.is_equal())
        .map(|table| table.target.clone())
        .collect();
    // What a repair did to rows is shown when it is through.
    let repaired = RwSignal::new(0_u32);
    let id = verification.id.clone();
    view! {
        <Mismatches id=id.clone() tables=tables.clone() repaired/>
        {(mode != Mode::Sample)
            .then(|| view! { <Repairs id run=verification.run_id tables repaired/> })}
    }
}

/// Looks again while the verification is under way, and when something happened to it.
fn watch(known: RwSignal<Verification>) {
    let live = Live::expect();
    let look = move || {
        let id = known.with_untracked(|known| known.id.clone());
        spawn_local(async move {
            // What could not be read now is read with the next look.
            if let Ok(now) = api::verifications::find(&id).await
                && !known.is_disposed()
            {
                known.set(now);
            }
        });
    };
    Effect::new(move |before: Option<u64>| {
        let version = live.version(Topic::Verification);
        if before.is_some_and(|before| before != version) {
            look();
        }
        version
    });
    spawn_local(async move {
        loop {
            TimeoutFuture::new(BETWEEN_LOOKS).await;
            match known.try_with_untracked(|known| known.state) {
                None => return,
                Some(VerificationState::Running) => look(),
                Some(_) => {}
            }
        }
    });
}

#[component]
fn Controls(
    id: VerificationId,
    known: RwSignal<Verification>,
    state: Memo<VerificationState>,
    refusal: RwSignal<Option<ApiError>>,
) -> impl IntoView {
    let session = Session::expect();
    // From the request until the verification stands still.
    let is_pausing = RwSignal::new(false);
    let is_resuming = RwSignal::new(false);
    let id = StoredValue::new(id);
    let pause = move |_| {
        refusal.set(None);
        is_pausing.set(true);
        spawn_local(async move {
            if let Err(error) = api::verifications::pause(&id.get_value()).await {
                refusal.set(Some(error));
                is_pausing.set(false);
            }
        });
    };
    let resume = move |_| {
        refusal.set(None);
        is_resuming.set(true);
        spawn_local(async move {
            match api::verifications::resume(&id.get_value()).await {
                Ok(resumed) => {
                    is_pausing.set(false);
                    known.set(resumed);
                }
                Err(error) => refusal.set(Some(error)),
            }
            is_resuming.set(false);
        });
    };
    view! {
        <div class="actions">
            <Show when=move || session.may(Permission::ControlRuns)>
                {move || match state.get() {
                    VerificationState::Running => {
                        view! {
                            <button
                                type="button"
                                class="button"
                                disabled=is_pausing
                                on:click=pause
                            >
                                <Icon shape=Shape::Pause/>
                                {move || if is_pausing.get() { "Pausing…" } else { "Pause" }}
                            </button>
                        }
                            .into_any()
                    }
                    VerificationState::Paused | VerificationState::Failed => {
                        view! {
                            <button
                                type="button"
                                class="button primary"
                                disabled=is_resuming
                                on:click=resume
                            >
                                <Icon shape=Shape::Play/>
                                {move || if is_resuming.get() { "Resuming…" } else { "Resume" }}
                            </button>
                        }
                            .into_any()
                    }
                    VerificationState::Equal | VerificationState::Different => ().into_any(),
                }}
            </Show>
        </div>
    }
}

/// Whether what was found still holds, as both databases tell.
#[component]
fn FreshnessBadge(id: VerificationId) -> impl IntoView {
    let freshness = LocalResource::new(move || {
        let id = id.clone();
        async move { api::verifications::freshness(&id).await }
    });
    move || {
        let badge = match freshness.get() {
            None => (Tone::Neutral, Shape::Clock, "Asking whether it still holds…".to_owned()),
            Some(Err(_)) => {
                let text = "The databases do not say whether it still holds".to_owned();
                (Tone::Warning, Shape::Warning, text)
            }
            Some(Ok(now)) if now.freshness == Freshness::Fresh => {
                (Tone::Good, Shape::Check, "Fresh: neither side changed since".to_owned())
            }
            Some(Ok(now)) => (Tone::Warning, Shape::Clock, changed_in_words(&now.stale_tables)),
        };
        let (tone, icon, text) = badge;
        view! { <Badge tone icon text/> }
    }
}

/// The first of the tables by name: a badge is one line.
fn changed_in_words(tables: &[TableName]) -> String {
    const NAMED: usize = 2;
    let named: Vec<_> = tables.iter().take(NAMED).map(ToString::to_string).collect();
    let named = named.join(", ");
    match tables.len().saturating_sub(NAMED) {
        0 => format!("Stale: {named} changed since"),
        1 => format!("Stale: {named} and one more changed since"),
        more => format!("Stale: {named} and {more} more changed since"),
    }
}

#[component]
fn About(known: RwSignal<Verification>) -> impl IntoView {
    let about = Memo::new(move |_| {
        known.with(|known| Verification { progress: None, findings: None, ..known.clone() })
    });
    view! {
        <section class="card" aria-labelledby="about-verification">
            <h3 id="about-verification">"About this verification"</h3>
            {move || {
                let about = about.get();
                let took = about.ended_at.map(|ended| format::span(about.started_at, ended));
                view! {
                    <Facts>
                        <Fact name="How much">{about.mode.label()}</Fact>
                        <Fact name="Started by">{about.started_by}</Fact>
                        <Fact name="Began">
                            <Moment time=about.started_at/>
                        </Fact>
                        <Fact name="Ended">
                            {about.ended_at.map(|time| view! { <Moment time/> })}
                            {took.map(|took| format!(", after {took}"))}
                        </Fact>
                        <Fact name="Id">
                            <code>{about.id.to_string()}</code>
                        </Fact>
                    </Facts>
                }
            }}
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::changed_in_words;

    #[test]
    fn a_badge_names_two_tables_and_counts_the_others() {
        let tables = |names: &[&str]| {
            names.iter().map(|name| name.parse().expect("a name")).collect::<Vec<_>>()
        };
        let words = |names: &[&str]| changed_in_words(&tables(names));
        assert_eq!(words(&["a.x"]), "Stale: a.x changed since");
        assert_eq!(words(&["a.x", "a.y", "a.z"]), "Stale: a.x, a.y and one more changed since");
        assert_eq!(
            words(&["a.x", "a.y", "a.z", "a.w"]),
            "Stale: a.x, a.y and 2 more changed since"
        );
    }
}
