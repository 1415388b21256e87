//! What was found, by its weight, each with what to do; and what was looked at.

use leptos::prelude::*;
use shared::assessment::{Finding, SchemaItem, SchemaState, Severity, SeverityFindings};
use shared::check::{CheckResult, CheckState};

use crate::components::{Badge, Icon, Shape, TableFrame};
use crate::format;
use crate::routes;
use crate::stores::Tone;

/// How much a weight is worth looking at.
const fn look_of(severity: Severity) -> (Tone, Shape, &'static str) {
    match severity {
        Severity::Blocking => (Tone::Bad, Shape::Failed, "findings-blocking"),
        Severity::Warning => (Tone::Warning, Shape::Warning, "findings-warning"),
        Severity::Info => (Tone::Info, Shape::Info, "findings-info"),
    }
}

#[component]
pub(super) fn Findings(groups: Vec<SeverityFindings>) -> impl IntoView {
    if groups.is_empty() {
        return view! {
            <section class="card">
                <p class="all-well">
                    <Icon shape=Shape::Done/>
                    "Nothing was found."
                </p>
            </section>
        }
        .into_any();
    }
    groups.into_iter().map(|group| view! { <OfOneWeight group/> }).collect_view().into_any()
}

#[component]
fn OfOneWeight(group: SeverityFindings) -> impl IntoView {
    let (tone, icon, id) = look_of(group.severity);
    let number = group.findings.len() as u64;
    view! {
        <section class="card" aria-labelledby=id>
            <div class="card-head">
                <h3 id=id>{group.severity.label()}</h3>
                <Badge tone icon text=format::counted(number, "finding", "findings")/>
            </div>
            <ul class="findings">
                {group
                    .findings
                    .into_iter()
                    .map(|finding| view! { <FindingItem finding tone/> })
                    .collect_view()}
            </ul>
        </section>
    }
}

#[component]
fn FindingItem(finding: Finding, tone: Tone) -> impl IntoView {
    let place = place_of(&finding);
    let title = finding.check.description().title;
    view! {
        <li class=format!("finding {}", tone.class())>
            <p class="finding-title">
                {finding.message}
                {place.map(|place| view! { <span class="quiet-text">" in " <code>{place}</code></span> })}
            </p>
            <p>
                <strong>"What to do: "</strong>
                {finding.action}
            </p>
            <p class="quiet-text">
                {format!("{title}. ")}
                <a href=manual_of(finding.check.as_str())>{finding.check.as_str()}</a>
            </p>
        </li>
    }
}

fn place_of(finding: &Finding) -> Option<String> {
    let table = finding.table.as_ref()?;
    Some(match &finding.column {
        Some(column) => format!("{table}.{column}"),
        None => table.to_string(),
    })
}

/// What the manual says of a check.
fn manual_of(check: &str) -> String {
    format!("{}/checks#{check}", routes::LIBRARY)
}

/// What the target lacks or has otherwise, with what mends it.
#[component]
pub(super) fn Schema(items: Vec<SchemaItem>) -> impl IntoView {
    let present = items.iter().filter(|item| item.state == SchemaState::Present).count() as u64;
    let made = items.iter().filter(|item| item.state == SchemaState::ToBeMade).count() as u64;
    let differ: Vec<_> = items
        .into_iter()
        .filter(|item| matches!(item.state, SchemaState::Changed | SchemaState::Missing))
        .collect();
    if present + made == 0 && differ.is_empty() {
        return ().into_any();
    }
    let sum = format!(
        "{} of the source {} in the target, and the run makes {}.",
        format::counted(present, "thing", "things"),
        if present == 1 { "is" } else { "are" },
        format::count(made),
    );
    let table = (!differ.is_empty()).then(|| {
        view! {
            <TableFrame label="What differs in the schema">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"What"</th>
                            <th scope="col">"Of"</th>
                            <th scope="col">"State"</th>
                            <th scope="col">"What differs"</th>
                            <th scope="col">"What mends it"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {differ
                            .into_iter()
                            .map(|item| view! { <SchemaRow item/> })
                            .collect_view()}
                    </tbody>
                </table>
            </TableFrame>
        }
    });
    view! {
        <section class="card" aria-labelledby="schema">
            <h3 id="schema">"Schema"</h3>
            <p class="quiet-text">{sum}</p>
            {table}
        </section>
    }
    .into_any()
}

#[component]
fn SchemaRow(item: SchemaItem) -> impl IntoView {
    let (tone, text) = match item.state {
        SchemaState::Missing => (Tone::Bad, "missing"),
        SchemaState::Changed => (Tone::Warning, "changed"),
        SchemaState::ToBeMade => (Tone::Info, "to be made"),
        SchemaState::Present => (Tone::Good, "present"),
    };
    view! {
        <tr>
            <th scope="row">{format!("{} {}", item.kind.label(), item.name)}</th>
            <td>
                <code>{item.table.to_string()}</code>
            </td>
            <td>
                <Badge tone text=text.to_owned()/>
            </td>
            <td>{item.detail}</td>
            <td>
                {item
                    .statement
                    .map(|statement| view! { <code class="statement">{statement}</code> })}
            </td>
        </tr>
    }
}

#[component]
pub(super) fn Checks(checks: Vec<CheckResult>) -> impl IntoView {
    let number = checks.len() as u64;
    view! {
        <section class="card" aria-labelledby="checks">
            <h3 id="checks">"Checks"</h3>
            <details>
                <summary>{format::counted(number, "check", "checks")}</summary>
                <TableFrame label="Each check">
                    <table class="table">
                        <thead>
                            <tr>
                                <th scope="col">"Check"</th>
                                <th scope="col">"Group"</th>
                                <th scope="col">"State"</th>
                                <th scope="col">"What was looked at"</th>
                            </tr>
                        </thead>
                        <tbody>
                            {checks
                                .into_iter()
                                .map(|check| view! { <CheckRow check/> })
                                .collect_view()}
                        </tbody>
                    </table>
                </TableFrame>
            </details>
        </section>
    }
}

#[component]
fn CheckRow(check: CheckResult) -> impl IntoView {
    let (tone, text) = match check.state {
        CheckState::Passed => (Tone::Good, "passed"),
        CheckState::Found => (Tone::Warning, "found something"),
        CheckState::NotApplicable => (Tone::Neutral, "does not apply"),
        CheckState::Failed => (Tone::Bad, "could not be made"),
    };
    let key = check.check.as_str();
    view! {
        <tr>
            <th scope="row">
                <a href=manual_of(key)>{key}</a>
            </th>
            <td>{check.group.label()}</td>
            <td>
                <Badge tone text=text.to_owned()/>
            </td>
            <td>{check.note}</td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use shared::assessment::TableName;
    use shared::check::Check;

    use super::*;

    #[test]
    fn a_finding_says_where() {
        let at = |table: Option<&str>, column: Option<&str>| {
            place_of(&Finding {
                check: Check::RowsThere,
                severity: Severity::Blocking,
                table: table.map(|name| TableName::new(None, name)),
                column: column.map(str::to_owned),
                message: String::new(),
                action: String::new(),
            })
        };
        assert_eq!(at(Some("person"), Some("born")).as_deref(), Some("person.born"));
        assert_eq!(at(Some("person"), None).as_deref(), Some("person"));
        assert_eq!(at(None, None), None);
    }
}
