use leptos::prelude::*;

/// How far something has come.
#[component]
pub fn ProgressBar(
    /// From 0 to 1. Until it is known, the bar shows that work goes on.
    #[prop(into)]
    fraction: Signal<Option<f64>>,
    /// What it is the progress of.
    #[prop(into)]
    label: String,
    /// Whether the work came to its end with something left over.
    #[prop(optional, into)]
    is_short: Signal<bool>,
) -> impl IntoView {
    view! {
        <progress
            class="progress"
            class:short=is_short
            max="1"
            value=move || fraction.get().map(|fraction| fraction.to_string())
            aria-label=label
        ></progress>
    }
}
