//! What a rehearsal found.

use leptos::prelude::*;
use shared::rehearsal::{Forecast, Loss, Rehearsal, RehearsedFault};
use shared::run::{Books, OutcomeStatus, RunOutcome};

use super::super::quarantine::MaskedCells;
use crate::components::{Icon, NumberCells, NumberHeads, Shape, TableFrame};
use crate::format;

#[component]
pub(super) fn Report(report: Rehearsal) -> impl IntoView {
    let Rehearsal { outcome, quarantine, losses, forecast } = report;
    view! {
        <Verdict outcome=outcome.clone() forecast/>
        <TablesCard outcome/>
        <FaultsCard faults=quarantine/>
        <LossesCard losses/>
    }
}

/// In a sentence: what the run would come to, and how long it would take.
#[component]
fn Verdict(outcome: RunOutcome, forecast: Forecast) -> impl IntoView {
    let books: Books = outcome.tables.iter().map(|table| table.books).sum();
    let (class, shape, verdict) = match outcome.status {
        OutcomeStatus::Completed if outcome.books_close => {
            ("verdict good", Shape::Done, "The run would complete, and its books would close.")
        }
        OutcomeStatus::Paused => ("verdict", Shape::Pause, "The rehearsal was stopped."),
        _ => ("verdict bad", Shape::Failed, "The run would stop."),
    };
    let sum = format::books(&books);
    let workers = format::counted(u64::from(forecast.workers), "worker", "workers");
    let time = format!(
        "It would take about {} with {workers}: {} of copying by one, and {} besides.",
        format::duration(forecast.seconds),
        format::duration(forecast.copy_seconds),
        format::duration(forecast.other_seconds)
    );
    view! {
        <section class="card" aria-labelledby="rehearsed-verdict">
            <h3 id="rehearsed-verdict">"What the run would come to"</h3>
            <p class=class>
                <Icon shape/>
                <span>
                    <strong>{verdict}</strong>
                    " "
                    {sum}
                </span>
            </p>
            {outcome
                .failure
                .map(|failure| {
                    view! {
                        <p>
                            <a href=failure.code.docs()>{failure.code.as_str()}</a>
                            " "
                            {failure.message}
                        </p>
                    }
                })}
            <p>{time}</p>
        </section>
    }
}

const COLUMNS: [&str; 5] = ["Read", "Loaded", "Merged", "Filtered", "Quarantined"];

#[component]
fn TablesCard(outcome: RunOutcome) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="rehearsed-tables">
            <h3 id="rehearsed-tables">"Books"</h3>
            <TableFrame label="Rehearsed books by table">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Table"</th>
                            <NumberHeads names=COLUMNS/>
                        </tr>
                    </thead>
                    <tbody>
                        {outcome
                            .tables
                            .into_iter()
                            .map(|table| {
                                let Books { read, loaded, merged, filtered, quarantined } = table.books;
                                let numbers = [read, loaded, merged, filtered, quarantined];
                                view! {
                                    <tr>
                                        <th scope="row">{table.target.to_string()}</th>
                                        <NumberCells numbers=numbers.map(format::count)/>
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
fn FaultsCard(faults: Vec<RehearsedFault>) -> impl IntoView {
    if faults.is_empty() {
        return view! {
            <section class="card" aria-labelledby="rehearsed-faults">
                <h3 id="rehearsed-faults">"Quarantine"</h3>
                <p>"No row would go to quarantine."</p>
            </section>
        }
        .into_any();
    }
    view! {
        <section class="card" aria-labelledby="rehearsed-faults">
            <h3 id="rehearsed-faults">"Quarantine"</h3>
            <p class="quiet-text">"In examples letters are shown as x, digits as 9."</p>
            <TableFrame label="Rows that would go to quarantine, by cause">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Cause"</th>
                            <th scope="col">"Table"</th>
                            <th scope="col">"Column"</th>
                            <th scope="col" class="number">
                                "Rows"
                            </th>
                            <th scope="col">"For example"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {faults.into_iter().map(|fault| view! { <FaultRow fault/> }).collect_view()}
                    </tbody>
                </table>
            </TableFrame>
        </section>
    }
    .into_any()
}

#[component]
fn FaultRow(fault: RehearsedFault) -> impl IntoView {
    let label = format!("Example of {} in {}", fault.code, fault.target);
    let example = fault.examples.into_iter().next();
    view! {
        <tr>
            <th scope="row">
                <a href=fault.code.docs()>{fault.code.as_str()}</a>
                " "
                {fault.reason}
            </th>
            <td>{fault.target.to_string()}</td>
            <td>{fault.column}</td>
            <td class="number">{format::count(fault.rows)}</td>
            <td>
                {example
                    .map(|cells| {
                        view! {
                            <details>
                                <summary>"A row, masked"</summary>
                                <MaskedCells label cells/>
                            </details>
                        }
                    })}
            </td>
        </tr>
    }
}

#[component]
fn LossesCard(losses: Vec<Loss>) -> impl IntoView {
    (!losses.is_empty()).then(|| {
        view! {
            <section class="card" aria-labelledby="rehearsed-losses">
                <h3 id="rehearsed-losses">"Rules that lose information"</h3>
                <TableFrame label="Losses and their signatures">
                    <table class="table">
                        <thead>
                            <tr>
                                <th scope="col">"Column"</th>
                                <th scope="col">"Rule"</th>
                                <th scope="col">"Signed by"</th>
                                <th scope="col">"Why"</th>
                                <th scope="col">"Kept in"</th>
                            </tr>
                        </thead>
                        <tbody>
                            {losses
                                .into_iter()
                                .map(|loss| {
                                    view! {
                                        <tr>
                                            <th scope="row">
                                                {format!("{}.{}", loss.target, loss.column)}
                                            </th>
                                            <td>{loss.rule}</td>
                                            <td>{loss.signed_by}</td>
                                            <td>{loss.reason}</td>
                                            <td>{loss.kept_in}</td>
                                        </tr>
                                    }
                                })
                                .collect_view()}
                        </tbody>
                    </table>
                </TableFrame>
            </section>
        }
    })
}
