//! What the values look like, told by their form, and what changed in them.

use leptos::prelude::*;
use shared::assessment::{ColumnProfile, Drift, DriftSince, Frequent, TableProfile};

use super::Place;
use crate::components::{Moment, TableFrame};
use crate::format;

/// So many forms and values of a column are shown.
const MOST_SHOWN: usize = 3;

#[component]
pub(super) fn Profiles(profiles: Vec<TableProfile>) -> impl IntoView {
    if profiles.is_empty() {
        return ().into_any();
    }
    view! {
        <section class="card" aria-labelledby="profile">
            <h3 id="profile">"Profile"</h3>
            <p class="quiet-text">
                "The source counted, and no row left it. Letters are shown as x and X, digits as 9; \
                what fewer than five rows share is not told."
            </p>
            {profiles
                .into_iter()
                .map(|profile| view! { <OfTable profile/> })
                .collect_view()}
        </section>
    }
    .into_any()
}

#[component]
fn OfTable(profile: TableProfile) -> impl IntoView {
    let name = profile.table.to_string();
    let rows = format::counted(profile.rows, "row", "rows");
    let first = if profile.is_sample { "the first " } else { "" };
    let all = profile.rows;
    view! {
        <details>
            <summary>{format!("{name}: {first}{rows}")}</summary>
            <TableFrame label=format!("Profile of {name}")>
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Column"</th>
                            <th scope="col" class="number">
                                "No value"
                            </th>
                            <th scope="col" class="number">
                                "Different"
                            </th>
                            <th scope="col">"About"</th>
                            <th scope="col">"Length"</th>
                            <th scope="col">"Forms"</th>
                            <th scope="col">"Most frequent, masked"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {profile
                            .columns
                            .into_iter()
                            .map(|column| view! { <ColumnRow column all/> })
                            .collect_view()}
                    </tbody>
                </table>
            </TableFrame>
        </details>
    }
}

#[component]
fn ColumnRow(
    column: ColumnProfile,
    /// The table's rows.
    all: u64,
) -> impl IntoView {
    let text = |number: Option<u64>| number.map(format::count);
    view! {
        <tr>
            <th scope="row">
                <code>{column.name}</code>
            </th>
            <td class="number">{part(column.nulls, all)}</td>
            <td class="number">{format::count(column.distinct)}</td>
            <td>{range(column.least, column.greatest)}</td>
            <td>{range(text(column.shortest), text(column.longest))}</td>
            <td>
                <MostFrequent told=column.formats/>
            </td>
            <td>
                <MostFrequent told=column.values/>
            </td>
        </tr>
    }
}

#[component]
fn MostFrequent(told: Vec<Frequent>) -> impl IntoView {
    view! {
        <ul class="examples">
            {told
                .into_iter()
                .take(MOST_SHOWN)
                .map(|it| {
                    view! {
                        <li>
                            <code>{it.text}</code>
                            {format!(" {}", format::count(it.rows))}
                        </li>
                    }
                })
                .collect_view()}
        </ul>
    }
}

#[component]
pub(super) fn DriftCard(drift: DriftSince) -> impl IntoView {
    let before = Place::Assessment(drift.assessment_id).address();
    let changes = drift.changes;
    let table = if changes.is_empty() {
        view! { <p>"The values look as they did."</p> }.into_any()
    } else {
        view! { <Changes changes/> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="drift">
            <h3 id="drift">"What changed in the source"</h3>
            <p class="quiet-text">
                "Since " <a href=before>"the profile before"</a> ", " <Moment time=drift.at/>
            </p>
            {table}
        </section>
    }
}

#[component]
fn Changes(changes: Vec<Drift>) -> impl IntoView {
    view! {
        <TableFrame label="What changed, by column">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Table"</th>
                        <th scope="col">"Column"</th>
                        <th scope="col">"What"</th>
                        <th scope="col">"Before"</th>
                        <th scope="col">"Now"</th>
                    </tr>
                </thead>
                <tbody>
                    {changes
                        .into_iter()
                        .map(|change| {
                            let gone = || "not there".to_owned();
                            view! {
                                <tr>
                                    <th scope="row">{change.table.to_string()}</th>
                                    <td>{change.column}</td>
                                    <td>{change.kind.label()}</td>
                                    <td>{change.before.unwrap_or_else(gone)}</td>
                                    <td>{change.now.unwrap_or_else(gone)}</td>
                                </tr>
                            }
                        })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
}

fn range(least: Option<String>, greatest: Option<String>) -> Option<String> {
    Some(format!("{} to {}", least?, greatest?))
}

/// A count with its share of a whole: `5 (12 %)`.
fn part(number: u64, all: u64) -> String {
    let share = number.saturating_mul(100).checked_div(all).unwrap_or(0);
    if number == 0 { "0".to_owned() } else { format!("{} ({share} %)", format::count(number)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_told_with_its_share() {
        assert_eq!(part(0, 9), "0");
        assert_eq!(part(1_200, 2_400), "1,200 (50 %)");
        assert_eq!(part(1, 0), "1 (0 %)");
    }
}
