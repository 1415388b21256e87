//! Two sliders, and what they would do.

use leptos::prelude::*;
use shared::duplicate::{Estimate, Forecast, ModelSummary, Outcomes, Simulation, forecast};
use shared::id::MatchingId;

use super::SearchHead;
use super::pair::bits;
use crate::api;
use crate::components::{Loaded, TableFrame};
use crate::format;

/// As far as the sliders go, in bits.
const REACH: f64 = 20.0;

#[component]
pub fn ThresholdsPage(id: MatchingId) -> impl IntoView {
    let request = StoredValue::new(id.clone());
    let model =
        LocalResource::new(
            move || async move { api::duplicates::model(&request.get_value()).await },
        );
    view! {
        <SearchHead
            id=id.clone()
            title="Thresholds"
            about="What two thresholds would do with the pairs of this search. Nothing is changed here: \
            the plan's part about duplicates says which thresholds are used."
        />
        <Loaded resource=model lines=8 let:model>
            <Simulator id=id.clone() model/>
        </Loaded>
    }
}

#[component]
fn Simulator(id: MatchingId, model: ModelSummary) -> impl IntoView {
    let defaults = shared::plan::Thresholds::default();
    let automatic = RwSignal::new(defaults.automatic);
    let review = RwSignal::new(defaults.review);
    // Asked of the server when a slider comes to rest.
    let tried = RwSignal::new((defaults.automatic, defaults.review));
    let request = StoredValue::new(id);
    let simulation = LocalResource::new(move || {
        let (automatic, review) = tried.get();
        async move { api::duplicates::simulate(&request.get_value(), automatic, review).await }
    });
    let weights = StoredValue::new(model.weights);
    let counted = Memo::new(move |_| {
        weights.with_value(|bins| forecast(bins, automatic.get(), review.get()))
    });
    let settle = move |()| tried.set((automatic.get_untracked(), review.get_untracked()));
    view! {
        <section class="card" aria-labelledby="two-thresholds">
            <h3 id="two-thresholds">"Two thresholds"</h3>
            <Slider
                name="threshold-automatic"
                label="Merge without a look from"
                value=automatic
                settled=settle
                moved=move |value| review.update(|review| *review = review.min(value))
            />
            <Slider
                name="threshold-review"
                label="Look at from"
                value=review
                settled=settle
                moved=move |value| automatic.update(|automatic| *automatic = automatic.max(value))
            />
            <div aria-live="polite">{move || view! { <Counted forecast=counted.get()/> }}</div>
        </section>
        <section class="card" aria-labelledby="on-decided">
            <h3 id="on-decided">"On the pairs that people decided"</h3>
            <Loaded resource=simulation lines=4 let:simulation>
                <Tried simulation/>
            </Loaded>
        </section>
    }
}

#[component]
fn Slider(
    name: &'static str,
    label: &'static str,
    value: RwSignal<f64>,
    /// Called with the value while the slider moves.
    #[prop(into)]
    moved: Callback<f64>,
    /// Called when it has come to rest.
    #[prop(into)]
    settled: Callback<()>,
) -> impl IntoView {
    let on_input = move |event| {
        if let Ok(new) = event_target_value(&event).parse() {
            value.set(new);
            moved.run(new);
        }
    };
    view! {
        <div class="field">
            <label for=name>{label} " " <output for=name>{move || bits(value.get())} " bits"</output></label>
            <input
                id=name
                name=name
                type="range"
                min=(-REACH).to_string()
                max=REACH.to_string()
                step="0.25"
                prop:value=move || value.get().to_string()
                on:input=on_input
                on:change=move |_| settled.run(())
            />
        </div>
    }
}

/// What would become of all pairs, by the model's own count.
#[component]
fn Counted(forecast: Forecast) -> impl IntoView {
    view! {
        <TableFrame label="What would become of all pairs">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col" class="number">
                            "Merged"
                        </th>
                        <th scope="col" class="number">
                            "Looked at"
                        </th>
                        <th scope="col" class="number">
                            "Left"
                        </th>
                        <th scope="col" class="number">
                            "Merges that are right"
                        </th>
                        <th scope="col" class="number">
                            "Duplicates that are merged"
                        </th>
                        <th scope="col" class="number">
                            "Or looked at"
                        </th>
                    </tr>
                </thead>
                <tbody>
                    <tr>
                        <td class="number">{format::count(forecast.matches)}</td>
                        <td class="number">{format::count(forecast.reviews)}</td>
                        <td class="number">{format::count(forecast.left)}</td>
                        <td class="number">{share(forecast.precision)}</td>
                        <td class="number">{share(forecast.recall)}</td>
                        <td class="number">{share(forecast.recall_with_reviews)}</td>
                    </tr>
                </tbody>
            </table>
        </TableFrame>
        <p class="quiet-text">"By the model's own count of all pairs that were compared."</p>
    }
}

#[component]
fn Tried(simulation: Simulation) -> impl IntoView {
    let trial = simulation.trial;
    let row = |name: &'static str, outcomes: Outcomes| {
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td class="number">{format::count(outcomes.matches)}</td>
                <td class="number">{format::count(outcomes.reviews)}</td>
                <td class="number">{format::count(outcomes.left)}</td>
            </tr>
        }
    };
    view! {
        <TableFrame label="What would have become of decided pairs">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"People said"</th>
                        <th scope="col" class="number">
                            "Merged"
                        </th>
                        <th scope="col" class="number">
                            "Looked at"
                        </th>
                        <th scope="col" class="number">
                            "Left"
                        </th>
                    </tr>
                </thead>
                <tbody>
                    {row("The same person", trial.same)} {row("Not the same", trial.different)}
                </tbody>
            </table>
        </TableFrame>
        <p>
            "Precision: " {estimate(trial.precision)} ". Recall: " {estimate(trial.recall)}
            "; with looks: " {estimate(trial.recall_with_reviews)} "."
        </p>
        <p class="quiet-text">
            "Mostly pairs in doubt were decided, so this says more about the doubtful than about all."
        </p>
    }
}

fn estimate(estimate: Option<Estimate>) -> String {
    match estimate {
        Some(Estimate { value, low, high }) => {
            format!("{} (between {} and {})", share(value), share(low), share(high))
        }
        None => "nobody decided enough to say".to_owned(),
    }
}

/// `0.99954` is `99.95 %`. Only what is complete is 100 %.
fn share(share: f64) -> String {
    let hundredths = (share * 10_000.0).floor().clamp(0.0, 10_000.0);
    format!("{:.2} %", hundredths / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_rounded_up() {
        assert_eq!([0.999_96, 1.0, 0.0].map(share), ["99.99 %", "100.00 %", "0.00 %"]);
        assert_eq!(estimate(None), "nobody decided enough to say");
    }
}
