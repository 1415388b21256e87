//! What the rules found, the rules, and who is told.

mod condition;
mod found;
mod rules;
mod targets;

use leptos::prelude::*;
use leptos_meta::Title;
use shared::assessment::Severity;

use super::listed::{Listed, ShowMore};
use super::place::Place;
use crate::components::{Badge, Choice, Shape};
use crate::stores::Tone;
use found::Found;
use rules::Rules;
use targets::Targets;

#[component]
pub fn Alerts() -> impl IntoView {
    view! {
        <Title text="Alerts"/>
        <div class="page-head">
            <div>
                <h2>"Alerts"</h2>
                <p class="quiet-text">
                    "Rules watch the migration. What they find is shown here and sent to whoever is \
                    to know. An alert that somebody saw is not raised again while its cause lasts."
                </p>
            </div>
        </div>
        <Found/>
        <Rules/>
        <Targets/>
    }
}

#[component]
fn SeverityBadge(severity: Severity) -> impl IntoView {
    let (tone, icon) = match severity {
        Severity::Info => (Tone::Info, Shape::Info),
        Severity::Warning => (Tone::Warning, Shape::Warning),
        Severity::Blocking => (Tone::Bad, Shape::Failed),
    };
    view! { <Badge tone icon text=severity_label(severity).to_owned()/> }
}

const SEVERITIES: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Blocking];

const fn severity_label(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Blocking => "blocking",
    }
}

fn severity_choices() -> Vec<Choice> {
    SEVERITIES
        .into_iter()
        .map(|severity| Choice::new(severity_label(severity), severity_label(severity)))
        .collect()
}

fn severity_of(name: &str) -> Severity {
    SEVERITIES
        .into_iter()
        .find(|severity| severity_label(*severity) == name)
        .unwrap_or(Severity::Warning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_severity_is_found_by_its_name() {
        for severity in SEVERITIES {
            assert_eq!(severity_of(severity_label(severity)), severity);
        }
    }
}
