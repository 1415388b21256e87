use leptos::prelude::*;
use shared::verification::{Progress, Verification, VerificationState};

use super::figures;
use crate::components::ProgressBar;
use crate::format;

/// How far the verification is.
#[component]
pub(super) fn ProgressCard(known: RwSignal<Verification>) -> impl IntoView {
    let fraction =
        Signal::derive(move || known.with(|known| known.progress.as_ref().map(Progress::fraction)));
    let is_short =
        Signal::derive(move || known.with(|known| known.state != VerificationState::Running));
    let text = move || {
        let (compared, differing) = known.with(figures);
        format!(
            "{} compared, {}",
            format::counted(compared, "row", "rows"),
            format::counted(differing, "differs", "differ")
        )
    };
    let held = move || {
        known.with(|known| {
            let held = known.progress.as_ref()?.held.clone()?;
            Some(view! { <p role="status">{format!("Waiting: {held}.")}</p> })
        })
    };
    view! {
        <section class="card" aria-labelledby="verification-progress">
            <h3 id="verification-progress">"Progress"</h3>
            <ProgressBar fraction label="How far the verification is" is_short/>
            <p>{text}</p>
            {held}
        </section>
    }
}
