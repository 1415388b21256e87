//! How the weight of a pair comes about: a table, with a bar for each step.

use leptos::prelude::*;
use shared::duplicate::PairExplanation;

use super::pair::bits;
use crate::components::TableFrame;
use crate::format;

#[component]
pub(super) fn Waterfall(explanation: PairExplanation) -> impl IntoView {
    let steps = steps(&explanation);
    let (low, high) = range(&steps);
    let alternatives = explanation.alternatives;
    let others = [
        ("one person", alternatives.same_person),
        ("members of one household", alternatives.household_member),
        ("twins", alternatives.twin),
        ("relatives of one name", alternatives.namesake),
        ("strangers", alternatives.stranger),
    ];
    view! {
        <TableFrame label="How the weight comes about">
            <table class="table waterfall">
                <thead>
                    <tr>
                        <th scope="col">"Field"</th>
                        <th scope="col">"Agreement"</th>
                        <th scope="col" class="number">
                            "Bits"
                        </th>
                        <th scope="col" aria-hidden="true" class="waterfall-chart"></th>
                    </tr>
                </thead>
                <tbody>
                    {steps
                        .into_iter()
                        .map(|step| {
                            let from = step.from.min(step.to);
                            let left = 100.0 * (from - low) / (high - low);
                            let width = 100.0 * (step.to - step.from).abs() / (high - low);
                            let class = if step.to >= step.from { "for" } else { "against" };
                            let style = format!("left: {left:.2}%; width: {width:.2}%");
                            view! {
                                <tr>
                                    <th scope="row">{step.name}</th>
                                    <td>{step.about}</td>
                                    <td class="number">{bits(step.to - step.from)}</td>
                                    <td aria-hidden="true" class="waterfall-chart">
                                        <span class=format!("waterfall-bar {class}") style=style></span>
                                    </td>
                                </tr>
                            }
                        })
                        .collect_view()}
                </tbody>
                <tfoot>
                    <tr>
                        <th scope="row">"Weight"</th>
                        <td></td>
                        <td class="number">{bits(explanation.pair.weight)}</td>
                        <td aria-hidden="true" class="waterfall-chart"></td>
                    </tr>
                </tfoot>
            </table>
        </TableFrame>
        <p class="quiet-text">
            "The two are "
            {others
                .into_iter()
                .filter(|(_, odds)| *odds >= 0.005)
                .map(|(what, odds)| format!("{what}: {}", format::percent(odds)))
                .collect::<Vec<_>>()
                .join(", ")} "."
        </p>
    }
}

#[derive(Debug, PartialEq)]
struct Step {
    name: &'static str,
    about: &'static str,
    from: f64,
    to: f64,
}

/// From the prior to the weight.
fn steps(explanation: &PairExplanation) -> Vec<Step> {
    let mut at = explanation.prior;
    let mut steps =
        vec![Step { name: "Before any field", about: "how rare matches are", from: 0.0, to: at }];
    for factor in &explanation.factors {
        let to = at + factor.weight;
        steps.push(Step {
            name: factor.field.label(),
            about: factor.agreement.label(),
            from: at,
            to,
        });
        at = to;
    }
    steps
}

fn range(steps: &[Step]) -> (f64, f64) {
    let ends = || steps.iter().flat_map(|step| [step.from, step.to]);
    let (low, high) = (ends().fold(0.0, f64::min), ends().fold(0.0, f64::max));
    if high - low < 1.0 { (low, low + 1.0) } else { (low, high) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lead_from_the_prior_to_the_weight() {
        let json = serde_json::json!({
            "pair": {"left_id": "1", "right_id": "2", "weight": -3.0, "probability": 0.1,
                "decision": "review"},
            "prior": -20.0,
            "factors": [
                {"field": "surname", "agreement": "exact", "weight": 12.0, "against_stranger": 12.0,
                    "against_household": 0.0, "against_twin": 0.0, "against_namesake": 0.0,
                    "rarity": 1.0},
                {"field": "birth_date", "agreement": "exact", "weight": 5.0, "against_stranger": 5.0,
                    "against_household": 0.0, "against_twin": 0.0, "against_namesake": 0.0,
                    "rarity": 0.0},
            ],
            "alternatives": {"same_person": 0.1, "household_member": 0.9, "twin": 0.0,
                "namesake": 0.0, "stranger": 0.0},
        });
        let explanation: PairExplanation = serde_json::from_value(json).unwrap();

        let steps = steps(&explanation);

        let ends: Vec<_> = steps.iter().map(|step| (step.from, step.to)).collect();
        assert_eq!(ends, [(0.0, -20.0), (-20.0, -8.0), (-8.0, -3.0)]);
        assert_eq!(range(&steps), (-20.0, 0.0));
    }
}
