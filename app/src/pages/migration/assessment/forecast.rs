//! What a run would come to: by table, and what would stay behind by code.

use leptos::prelude::*;
use shared::assessment::{Foretold, TableForetold};
use shared::quarantine::QuarantinedCell;
use shared::rehearsal::RehearsedFault;

use crate::components::{Fact, Facts, TableFrame};
use crate::format;

#[component]
pub(super) fn ForecastCard(forecast: Foretold) -> impl IntoView {
    let looked = if forecast.is_complete {
        "The plan's rules were run over every row."
    } else {
        "The plan's rules were run over a sample: the numbers are those of the sample."
    };
    let speed = forecast
        .write_bytes_per_second
        .map(|speed| format!("{} a second", format::bytes(whole(speed))));
    let run_seconds = forecast.run_seconds();
    let quarantined = format::counted(forecast.quarantined(), "row", "rows");
    let faults = forecast.quarantine;
    let no_fault = faults
        .is_empty()
        .then(|| view! { <p class="quiet-text">"No row would be quarantined."</p> });
    let faults = (!faults.is_empty()).then(|| view! { <Faults faults/> });
    view! {
        <section class="card" aria-labelledby="forecast">
            <h3 id="forecast">"Forecast"</h3>
            <p class="quiet-text">{looked}</p>
            <Facts>
                <Fact name="The run would take about">
                    {format::duration(run_seconds)}
                </Fact>
                <Fact name="Of which copying">{format::duration(forecast.copy_seconds)}</Fact>
                <Fact name="And of that reading">{format::duration(forecast.read_seconds)}</Fact>
                <Fact name="Keys and indexes">
                    {forecast.index_seconds.map(format::duration)}
                </Fact>
                <Fact name="A verification">
                    {forecast.verify_seconds.map(format::duration)}
                </Fact>
                <Fact name="The target takes">{speed}</Fact>
                <Fact name="Room that the target needs">{format::bytes(forecast.disk_bytes)}</Fact>
                <Fact name="Would be quarantined">{quarantined}</Fact>
            </Facts>
            <ul class="notes">
                {forecast
                    .notes
                    .into_iter()
                    .map(|note| view! { <li>{note}</li> })
                    .collect_view()}
            </ul>
            <Tables tables=forecast.tables/>
            {no_fault}
            {faults}
        </section>
    }
}

#[component]
fn Tables(tables: Vec<TableForetold>) -> impl IntoView {
    view! {
        <TableFrame label="Forecast by table">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Table"</th>
                        <th scope="col" class="number">
                            "Rows"
                        </th>
                        <th scope="col" class="number">
                            "Looked at"
                        </th>
                        <th scope="col" class="number">
                            "Loaded"
                        </th>
                        <th scope="col" class="number">
                            "Filtered"
                        </th>
                        <th scope="col" class="number">
                            "Quarantined"
                        </th>
                    </tr>
                </thead>
                <tbody>
                    {tables
                        .into_iter()
                        .map(|table| {
                            let numbers = [
                                table.rows,
                                table.looked_at,
                                table.loaded,
                                table.filtered,
                                table.quarantined,
                            ];
                            view! {
                                <tr>
                                    <th scope="row">{table.target.to_string()}</th>
                                    {numbers
                                        .map(|number| {
                                            view! { <td class="number">{format::count(number)}</td> }
                                        })
                                        .collect_view()}
                                </tr>
                            }
                        })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
}

#[component]
fn Faults(faults: Vec<RehearsedFault>) -> impl IntoView {
    view! {
        <h4>"What would stay behind"</h4>
        <TableFrame label="What would be quarantined">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Code"</th>
                        <th scope="col">"Table"</th>
                        <th scope="col">"Column"</th>
                        <th scope="col" class="number">
                            "Rows"
                        </th>
                        <th scope="col">"What to do"</th>
                        <th scope="col">"Examples, masked"</th>
                    </tr>
                </thead>
                <tbody>
                    {faults.into_iter().map(|fault| view! { <FaultRow fault/> }).collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
}

#[component]
fn FaultRow(fault: RehearsedFault) -> impl IntoView {
    let explanation = fault.code.explanation();
    let column = fault.column.clone();
    let examples = fault.examples.iter().filter_map(|row| example(row, column.as_deref()));
    let examples: Vec<_> = examples.map(|text| view! { <li><code>{text}</code></li> }).collect();
    view! {
        <tr>
            <th scope="row">
                <a href=fault.code.docs()>{fault.code.as_str()}</a>
                {format!(" {}", explanation.title)}
            </th>
            <td>{fault.target.to_string()}</td>
            <td>{fault.column}</td>
            <td class="number">{format::count(fault.rows)}</td>
            <td>{explanation.action}</td>
            <td>
                <ul class="examples">{examples}</ul>
            </td>
        </tr>
    }
}

/// What shows why a row stays behind: the cell of its column, or else its first one.
fn example(row: &[QuarantinedCell], column: Option<&str>) -> Option<String> {
    let of_column = row.iter().find(|cell| Some(cell.column.as_str()) == column);
    let cell = of_column.or(row.first())?;
    Some(format!("{}: {}", cell.column, cell.original.as_deref().unwrap_or("null")))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a speed is never negative and far below the limit"
)]
fn whole(number: f64) -> u64 {
    number.max(0.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(column: &str, original: Option<&str>) -> QuarantinedCell {
        QuarantinedCell {
            column: column.to_owned(),
            original: original.map(str::to_owned),
            current: None,
            is_changed: false,
        }
    }

    #[test]
    fn an_example_shows_the_cell_that_is_at_fault() {
        let row = [cell("id", Some("9")), cell("born", None)];
        assert_eq!(example(&row, Some("born")).as_deref(), Some("born: null"));
        assert_eq!(example(&row, None).as_deref(), Some("id: 9"));
        assert_eq!(example(&[], Some("born")), None);
    }
}
