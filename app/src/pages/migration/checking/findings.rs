//! What the checks found, by their weight and how they ended, each with what to do.

use std::collections::BTreeSet;

use leptos::prelude::*;
use shared::assessment::Severity;
use shared::clinical::{CheckOutcome, CheckStatus, ClinicalOutcome, Measure};

use super::manual;
use super::one::Changes;
use super::threshold::ThresholdFields;
use crate::components::{Badge, Shape};
use crate::format;
use crate::stores::Tone;

/// How an end looks.
pub(super) const fn look_of(status: CheckStatus) -> (Tone, Shape) {
    match status {
        CheckStatus::Pass => (Tone::Good, Shape::Done),
        CheckStatus::PassWithFailures => (Tone::Warning, Shape::Check),
        CheckStatus::Fail => (Tone::Bad, Shape::Failed),
        CheckStatus::Error => (Tone::Bad, Shape::Warning),
        CheckStatus::NotApplicable => (Tone::Neutral, Shape::Info),
    }
}

/// The heaviest first. Nothing moves while thresholds are changed: places are those of what was kept.
#[component]
pub(super) fn Findings(
    checks: Vec<CheckOutcome>,
    /// The same checks under the thresholds that somebody has in mind.
    judged: Memo<ClinicalOutcome>,
    changes: Changes,
    may_judge: bool,
) -> impl IntoView {
    // The check whose threshold is being changed.
    let at = RwSignal::new(None::<String>);
    let of_weight = |severity| {
        let (worth, rest) = parted(&checks, severity);
        let number = worth.len() + rest.len();
        (number > 0).then(|| {
            let id = heading_of(severity);
            let items = move |checks: Vec<CheckOutcome>| {
                checks
                    .into_iter()
                    .map(|check| view! { <FindingItem check judged changes at may_judge/> })
                    .collect_view()
            };
            let summary = format!("{} without anything to do", rest.len());
            view! {
                <section class="card" aria-labelledby=id>
                    <div class="card-head">
                        <h3 id=id>{severity.label()}</h3>
                        <span class="quiet-text">
                            {format::counted(number as u64, "check", "checks")}
                        </span>
                    </div>
                    {(!worth.is_empty())
                        .then(|| view! { <ul class="findings">{items(worth)}</ul> })}
                    {(!rest.is_empty())
                        .then(|| {
                            view! {
                                <details>
                                    <summary>{summary}</summary>
                                    <ul class="findings">{items(rest)}</ul>
                                </details>
                            }
                        })}
                </section>
            }
        })
    };
    let mut severities = Severity::ALL;
    severities.reverse();
    severities.map(of_weight).collect_view()
}

const fn heading_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocking => "checks-blocking",
        Severity::Warning => "checks-warning",
        Severity::Info => "checks-info",
    }
}

/// Those of a weight about which there is something to do, the worst first; and the others.
fn parted(checks: &[CheckOutcome], severity: Severity) -> (Vec<CheckOutcome>, Vec<CheckOutcome>) {
    let of = |statuses: &[CheckStatus]| {
        let found = statuses.iter().flat_map(|status| {
            checks.iter().filter(|it| it.severity == severity && it.status == *status)
        });
        found.cloned().collect()
    };
    let is_quiet =
        |status: &CheckStatus| matches!(status, CheckStatus::Pass | CheckStatus::NotApplicable);
    let (quiet, worth): (Vec<_>, Vec<_>) = CheckStatus::ALL.into_iter().partition(is_quiet);
    (of(&worth), of(&quiet))
}

#[component]
fn FindingItem(
    check: CheckOutcome,
    judged: Memo<ClinicalOutcome>,
    changes: Changes,
    at: RwSignal<Option<String>>,
    may_judge: bool,
) -> impl IntoView {
    let key = StoredValue::new(check.key.clone());
    let was = check.threshold;
    let kept = StoredValue::new(check.clone());
    let now = Memo::new(move |_| {
        let found = judged.with(|judged| {
            judged.checks.iter().find(|it| key.with_value(|key| it.key == *key)).cloned()
        });
        found.unwrap_or_else(|| kept.get_value())
    });
    let is_open = move || at.with(|at| key.with_value(|key| at.as_ref() == Some(key)));
    let place = place_of(&check);
    let (counted, before) = (counted_in_words(&check), source_in_words(&check));
    let anchor = format!("{}#{}", manual(), check.template);
    let toggle = move |_| at.set((!is_open()).then(|| key.get_value()));
    view! {
        <li class=move || format!("finding {}", look_of(now.get().status).0.class())>
            <p class="finding-title">
                {check.title} <span class="quiet-text">" in " <code>{place}</code></span>
            </p>
            <div class="badges">
                {move || {
                    let status = now.get().status;
                    let (tone, icon) = look_of(status);
                    view! { <Badge tone icon text=status.label().to_owned()/> }
                }}
            </div>
            <p>{counted} " " {move || format!("Allowed: {}.", now.get().threshold.text())}</p>
            {before.map(|before| view! { <p class="quiet-text">{before}</p> })}
            {move || {
                now.get()
                    .action()
                    .map(|action| {
                        view! {
                            <p>
                                <strong>"What to do: "</strong>
                                {action}
                            </p>
                        }
                    })
            }}
            <p class="quiet-text">
                <a href=anchor>{check.key}</a>
                {check.set.map(|set| format!(", of the set {set}"))}
            </p>
            {(!check.sql.is_empty())
                .then(|| {
                    view! {
                        <details>
                            <summary>"How it was counted"</summary>
                            <code class="statement">{check.sql}</code>
                        </details>
                    }
                })}
            <Show when=move || may_judge && kept.with_value(|check| check.target.violated().is_some())>
                <div class="actions">
                    <button
                        type="button"
                        class="link-button"
                        aria-expanded=move || is_open().to_string()
                        on:click=toggle
                    >
                        {move || if is_open() { "Close" } else { "Change the threshold" }}
                    </button>
                </div>
            </Show>
            <Show when=is_open>
                <ThresholdFields key was changes/>
            </Show>
        </li>
    }
}

fn place_of(check: &CheckOutcome) -> String {
    if check.columns.is_empty() {
        check.table.to_string()
    } else {
        format!("{}: {}", check.table, check.columns.join(", "))
    }
}

/// `12 of 3,400: rows with null; of all rows.`, or why there is no number.
fn counted_in_words(check: &CheckOutcome) -> String {
    match (&check.target, check.description()) {
        (Measure::Counted { violated, denominator }, Some(about)) => {
            let (violated, all) = (format::count(*violated), format::count(*denominator));
            // The names of parameters are marked as in the manual.
            format!("{violated} of {all}: {}; of {}.", about.violated, about.denominator)
                .replace('`', "")
        }
        (Measure::Counted { violated, denominator }, None) => {
            format!("{} of {}.", format::count(*violated), format::count(*denominator))
        }
        (measure, _) => sentence(measure.note().unwrap_or_default()),
    }
}

/// What the source said to the same question. Where both sides are held against each other, the number
/// above says it.
fn source_in_words(check: &CheckOutcome) -> Option<String> {
    let asks_both: BTreeSet<&str> = BTreeSet::from(["kept", "kept_apart"]);
    match &check.source {
        _ if asks_both.contains(check.template.as_str()) => None,
        Measure::Counted { violated, denominator } => {
            let (violated, all) = (format::count(*violated), format::count(*denominator));
            Some(format!("In the source: {violated} of {all}."))
        }
        Measure::NotApplicable { why } => Some(format!("The source cannot tell: {why}.")),
        Measure::Error { message, .. } => Some(format!("The source did not tell: {message}.")),
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
