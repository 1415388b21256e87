//! What a verification found, table by table.

use leptos::prelude::*;
use shared::verification::{Findings, SampleStatement, TableVerification, VerificationState};

use crate::components::{Badge, Icon, NumberCells, NumberHeads, Shape, TableFrame};
use crate::format;
use crate::stores::Tone;

#[component]
pub(super) fn FindingsCard(findings: Findings, state: VerificationState) -> impl IntoView {
    let heading = if state.is_through() { "What was found" } else { "What was found so far" };
    let Findings { tables, references, sequences, notes, .. } = findings;
    let others: Vec<String> = references
        .into_iter()
        .map(|broken| {
            let rows = format::counted(broken.rows, "row refers", "rows refer");
            format!("{}: {rows} to nothing by {}", broken.target, broken.foreign_key)
        })
        .chain(sequences.into_iter().map(|sequence| {
            format!(
                "{}.{}: its sequence is {} behind",
                sequence.target,
                sequence.column,
                format::count(sequence.behind)
            )
        }))
        .collect();
    view! {
        <section class="card" aria-labelledby="findings">
            <h3 id="findings">{heading}</h3>
            <Tables tables/>
            {(!others.is_empty())
                .then(|| {
                    view! {
                        <div class="alert tone-warning">
                            <Icon shape=Shape::Warning/>
                            <ul>
                                {others
                                    .into_iter()
                                    .map(|text| view! { <li>{text}</li> })
                                    .collect_view()}
                            </ul>
                        </div>
                    }
                })}
            {notes
                .into_iter()
                .map(|note| view! { <p class="quiet-text">{note}</p> })
                .collect_view()}
        </section>
    }
}

/// One number of a [`TableVerification`], under its name.
type Figure = (&'static str, fn(&TableVerification) -> u64);

const FIGURES: [Figure; 6] = [
    ("Source rows", |table| table.source_rows),
    ("Target rows", |table| table.target_rows),
    ("Compared", |table| table.compared),
    ("Missing", |table| table.missing),
    ("Extra", |table| table.extra),
    ("Different", |table| table.different),
];

#[component]
fn Tables(tables: Vec<TableVerification>) -> impl IntoView {
    view! {
        <TableFrame label="What was found, by table">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Table"</th>
                        <th scope="col">"Outcome"</th>
                        <NumberHeads names=FIGURES.map(|(name, _)| name)/>
                    </tr>
                </thead>
                <tbody>
                    {tables.into_iter().map(|table| view! { <TableRow table/> }).collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
}

#[component]
fn TableRow(table: TableVerification) -> impl IntoView {
    let numbers = FIGURES.map(|(_, number)| format::count(number(&table)));
    let (tone, icon, text) = if table.is_equal() {
        (Tone::Good, Shape::Done, "equal")
    } else {
        (Tone::Bad, Shape::Warning, "different")
    };
    let more = match &table.sample {
        Some(sample) if table.is_equal() => Some(said_by(sample)),
        _ if table.carried_over => Some("unchanged since it was compared".to_owned()),
        _ => None,
    };
    view! {
        <tr>
            <th scope="row">{table.target.to_string()}</th>
            <td>
                <Badge tone icon text=text.to_owned()/>
                {more.map(|more| view! { <p class="quiet-text">{more}</p> })}
            </td>
            <NumberCells numbers/>
        </tr>
    }
}

/// What a sample lets one say of a table.
fn said_by(sample: &SampleStatement) -> String {
    format!(
        "{} of {} segments; {} sure that at most {} differ",
        format::count(sample.drawn),
        format::count(sample.segments),
        format::percent(sample.confidence),
        format::count(sample.may_differ)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_says_no_more_than_it_knows() {
        let sample =
            SampleStatement { segments: 2000, drawn: 300, confidence: 0.99, may_differ: 20 };
        let said = said_by(&sample);
        assert!(said.contains("300") && said.contains("at most 20"), "{said}");
    }
}
