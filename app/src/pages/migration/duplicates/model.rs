//! What the model of a search knows.

use leptos::prelude::*;
use shared::duplicate::{LevelChances, ModelSummary, PassSummary, WeightBin};
use shared::id::MatchingId;

use super::SearchHead;
use super::pair::bits;
use crate::api;
use crate::components::{Fact, Facts, Loaded, TableFrame};
use crate::format;

#[component]
pub fn ModelPage(id: MatchingId) -> impl IntoView {
    let request = StoredValue::new(id.clone());
    let model =
        LocalResource::new(
            move || async move { api::duplicates::model(&request.get_value()).await },
        );
    view! {
        <SearchHead
            id
            title="Model"
            about="How much each agreement weighs, how pairs were found, and how the weights are spread."
        />
        <Loaded resource=model lines=12 let:model>
            <ModelView model/>
        </Loaded>
    }
}

#[component]
fn ModelView(model: ModelSummary) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="model-facts">
            <h3 id="model-facts">"The model"</h3>
            <Facts>
                <Fact name="From">{model.origin.label()}</Fact>
                <Fact name="Fitted to">
                    {format::counted(model.records, "record", "records")}
                </Fact>
                <Fact name="Pairs of one person">
                    {format!("{:.3} for each record", model.matches_per_record)}
                </Fact>
                <Fact name="Fingerprint">
                    <code>{model.fingerprint}</code>
                </Fact>
            </Facts>
            {model.notes.into_iter().map(|note| view! { <p>{note}</p> }).collect_view()}
        </section>
        <Weights weights=model.weights/>
        <Levels levels=model.levels/>
        <Passes passes=model.passes/>
    }
}

/// How many pairs weigh how much: a chart, and the same as a table.
#[component]
fn Weights(weights: Vec<WeightBin>) -> impl IntoView {
    let bars = bars(&weights);
    let shown = weights.clone();
    view! {
        <section class="card" aria-labelledby="weights">
            <h3 id="weights">"Weights of all pairs"</h3>
            <svg
                class="weights-chart"
                viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                preserveAspectRatio="none"
                role="img"
                aria-label="Pairs by weight, on a logarithmic scale; the table below has the numbers"
            >
                {bars
                    .into_iter()
                    .map(|bar| {
                        view! {
                            <rect
                                class=if bar.is_match { "bar-match" } else { "bar-other" }
                                x=format!("{:.2}", bar.x)
                                y=format!("{:.2}", HEIGHT - bar.height)
                                width=format!("{:.2}", bar.width)
                                height=format!("{:.2}", bar.height)
                            ></rect>
                        }
                    })
                    .collect_view()}
            </svg>
            <p class="quiet-text">
                "From light on the left to heavy on the right; tall bars are many pairs, each step of \
                height ten times as many. Where most are one person, bars are dark."
            </p>
            <details>
                <summary>"The numbers"</summary>
                <TableFrame label="Pairs by weight">
                    <table class="table">
                        <thead>
                            <tr>
                                <th scope="col" class="number">
                                    "From (bits)"
                                </th>
                                <th scope="col" class="number">
                                    "Pairs"
                                </th>
                                <th scope="col" class="number">
                                    "One person"
                                </th>
                                <th scope="col" class="number">
                                    "Household"
                                </th>
                                <th scope="col" class="number">
                                    "Twins"
                                </th>
                                <th scope="col" class="number">
                                    "Namesakes"
                                </th>
                                <th scope="col" class="number">
                                    "Held back"
                                </th>
                            </tr>
                        </thead>
                        <tbody>
                            {shown
                                .into_iter()
                                .map(|bin| {
                                    view! {
                                        <tr>
                                            <td class="number">{bits(bin.from)}</td>
                                            <td class="number">{format::count(bin.pairs)}</td>
                                            <td class="number">{some(bin.expected_matches)}</td>
                                            <td class="number">{some(bin.expected_households)}</td>
                                            <td class="number">{some(bin.expected_twins)}</td>
                                            <td class="number">{some(bin.expected_namesakes)}</td>
                                            <td class="number">{format::count(bin.vetoed)}</td>
                                        </tr>
                                    }
                                })
                                .collect_view()}
                        </tbody>
                    </table>
                </TableFrame>
            </details>
        </section>
    }
}

/// The m and u of each agreement, and what lies between.
#[component]
fn Levels(levels: Vec<LevelChances>) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="levels">
            <h3 id="levels">"Agreements"</h3>
            <p class="quiet-text">
                "How often two records agree so: m, when they are one person, and u, when they are \
                strangers. Bits are what it weighs against strangers."
            </p>
            <TableFrame label="Chances of each agreement">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Field"</th>
                            <th scope="col">"Agreement"</th>
                            <th scope="col" class="number">
                                "m, one person"
                            </th>
                            <th scope="col" class="number">
                                "Household"
                            </th>
                            <th scope="col" class="number">
                                "Twins"
                            </th>
                            <th scope="col" class="number">
                                "Namesakes"
                            </th>
                            <th scope="col" class="number">
                                "u, strangers"
                            </th>
                            <th scope="col" class="number">
                                "Bits"
                            </th>
                            <th scope="col" class="number">
                                "Seen"
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        {levels
                            .into_iter()
                            .map(|level| {
                                let weight = (level.same_person / level.stranger).log2();
                                let seen = level.observations.map(some).unwrap_or_default();
                                view! {
                                    <tr>
                                        <th scope="row">{level.field.label()}</th>
                                        <td>{level.agreement.label()}</td>
                                        <td class="number">{chance(level.same_person)}</td>
                                        <td class="number">{chance(level.household_member)}</td>
                                        <td class="number">{chance(level.twin)}</td>
                                        <td class="number">{chance(level.namesake)}</td>
                                        <td class="number">{chance(level.stranger)}</td>
                                        <td class="number">{bits(weight)}</td>
                                        <td class="number">{seen}</td>
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
fn Passes(passes: Vec<PassSummary>) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="passes">
            <h3 id="passes">"Passes"</h3>
            <p class="quiet-text">
                "Two records are compared when they share everything that one of these names."
            </p>
            <TableFrame label="What each pass found">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"What they share"</th>
                            <th scope="col" class="number">
                                "Records"
                            </th>
                            <th scope="col" class="number">
                                "Largest block"
                            </th>
                            <th scope="col" class="number">
                                "Pairs"
                            </th>
                            <th scope="col" class="number">
                                "New"
                            </th>
                            <th scope="col" class="number">
                                "Separated"
                            </th>
                            <th scope="col" class="number">
                                "Matches found only here"
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        {passes
                            .into_iter()
                            .map(|pass| {
                                view! {
                                    <tr>
                                        <th scope="row">{pass.pass.replace('_', " ").replace('+', ", ")}</th>
                                        <td class="number">{format::count(pass.records)}</td>
                                        <td class="number">{format::count(pass.largest_block)}</td>
                                        <td class="number">{format::count(pass.pairs)}</td>
                                        <td class="number">{format::count(pass.new_pairs)}</td>
                                        <td class="number">{format::count(pass.separated_pairs)}</td>
                                        <td class="number">{format::count(pass.only_here)}</td>
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

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 160.0;

#[derive(Debug, PartialEq)]
struct Bar {
    x: f64,
    width: f64,
    height: f64,
    is_match: bool,
}

/// One bar for each weight, as tall as the logarithm of its pairs.
fn bars(weights: &[WeightBin]) -> Vec<Bar> {
    let (Some(first), Some(last)) = (weights.first(), weights.last()) else { return Vec::new() };
    let span = (last.from - first.from + 0.25).max(0.25);
    let size = |pairs: u64| (float(pairs) + 1.0).log10();
    let tallest = weights.iter().map(|bin| size(bin.pairs)).fold(0.1, f64::max);
    weights
        .iter()
        .map(|bin| Bar {
            x: WIDTH * (bin.from - first.from) / span,
            width: WIDTH * 0.25 / span,
            height: HEIGHT * size(bin.pairs) / tallest,
            is_match: bin.expected_matches * 2.0 > float(bin.pairs),
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "a chart has no use for more digits")]
const fn float(number: u64) -> f64 {
    number as f64
}

/// A sum of chances.
fn some(number: f64) -> String {
    if number == 0.0 { "0".to_owned() } else { format!("{number:.1}") }
}

/// As many digits as tell rare things apart.
fn chance(chance: f64) -> String {
    if chance >= 0.001 { format!("{chance:.3}") } else { format!("{chance:.1e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_by_weight_and_the_tallest_reaches_the_top() {
        let bin = |from: f64, pairs: u64, expected_matches: f64| WeightBin {
            from,
            pairs,
            expected_matches,
            expected_households: 0.0,
            expected_twins: 0.0,
            expected_namesakes: 0.0,
            vetoed: 0,
        };
        let bars = bars(&[bin(-1.0, 999, 1.0), bin(0.75, 9, 9.0)]);

        assert_eq!((bars[0].x, bars[1].x), (0.0, WIDTH * 1.75 / 2.0));
        assert!((bars[0].height - HEIGHT).abs() < 1e-9);
        assert!((bars[1].height - HEIGHT / 3.0).abs() < 1e-9);
        assert_eq!(bars.iter().map(|bar| bar.is_match).collect::<Vec<_>>(), [false, true]);
        assert_eq!([0.5, 0.000_012].map(chance), ["0.500", "1.2e-5"]);
    }
}
