//! How far a run has come.

use leptos::prelude::*;
use shared::id::RunId;
use shared::run::RunState;

use super::quarantine_of;
use crate::components::{ProgressBar, Sparkline};
use crate::format;
use crate::stores::RunWatch;

/// Fewer rates than this are no picture.
const RATES_TO_SHOW: usize = 8;

#[component]
pub(super) fn ProgressCard(id: RunId, watch: RunWatch) -> impl IntoView {
    let state = Memo::new(move |_| watch.state());
    let fraction = Memo::new(move |_| match state.get() {
        Some(RunState::Completed) => Some(1.0),
        // A bar that moves would say that work goes on.
        Some(
            RunState::Paused | RunState::Failed | RunState::RollingBack | RunState::RolledBack,
        ) => Some(watch.fraction().unwrap_or(0.0)),
        _ => watch.fraction(),
    });
    let phase = move || match (state.get(), watch.phase()) {
        (Some(RunState::Completed), _) => "Everything is copied".to_owned(),
        (Some(RunState::Paused), _) => "Stopped between two chunks".to_owned(),
        (Some(RunState::Failed), _) => "Stopped by a failure".to_owned(),
        (Some(RunState::RollingBack), _) => "Being undone".to_owned(),
        (Some(RunState::RolledBack), _) => "Undone".to_owned(),
        (_, None) => "Waiting to begin".to_owned(),
        (_, Some(phase)) => phase.label().to_owned(),
    };
    let books = Memo::new(move |_| watch.books());
    let tables = move || {
        let (done, all) = watch.tables_done();
        format!("{done} of {}", format::counted(all as u64, "table", "tables"))
    };
    let is_running = move || state.get() == Some(RunState::Running);
    let is_short = Signal::derive(move || state.get() == Some(RunState::Failed));
    view! {
        <section class="card run-progress" aria-label="Progress">
            <div class="run-progress-head">
                <p class="run-phase">{phase}</p>
                <p class="run-percent">{move || fraction.get().map(format::percent)}</p>
            </div>
            <ProgressBar fraction label="The whole run" is_short/>
            <dl class="run-figures">
                <div class="run-figure">
                    <dt>"Rows"</dt>
                    <dd>
                        {move || format::count(books.get().accounted())}
                        <span class="of">
                            {move || format!("of {}", format::count(books.get().read))}
                        </span>
                    </dd>
                </div>
                <div class="run-figure">
                    <dt>"Rows per second"</dt>
                    <dd>
                        {move || {
                            if is_running() {
                                format::rate(watch.rows_per_second())
                            } else {
                                average(watch)
                            }
                        }}
                        <span class="of">
                            {move || if is_running() { "now" } else { "on average" }}
                        </span>
                    </dd>
                </div>
                <div class="run-figure">
                    <dt>{move || if is_running() { "Time left" } else { "Took" }}</dt>
                    <dd>
                        {move || {
                            let seconds = if is_running() {
                                watch.eta_seconds()
                            } else {
                                watch.elapsed_seconds()
                            };
                            seconds.map_or_else(|| "–".to_owned(), format::duration)
                        }}
                        <span class="of">
                            {move || {
                                is_running()
                                    .then(|| watch.elapsed_seconds())
                                    .flatten()
                                    .map(|seconds| format!("{} so far", format::duration(seconds)))
                            }}
                        </span>
                    </dd>
                </div>
                <div class="run-figure">
                    <dt>"Quarantined"</dt>
                    <dd>
                        <a href=quarantine_of(&id, None, None)>
                            {move || format::count(books.get().quarantined)}
                        </a>
                    </dd>
                </div>
                <div class="run-figure">
                    <dt>"Tables done"</dt>
                    <dd>{tables}</dd>
                </div>
                <div class="run-figure">
                    <dt>"Written"</dt>
                    <dd>{move || format::bytes(watch.bytes())}</dd>
                </div>
            </dl>
            <Show when=move || { watch.rates().len() >= RATES_TO_SHOW }>
                <Sparkline values=Signal::derive(move || watch.rates())/>
            </Show>
        </section>
    }
}

/// Rows a second over the whole run.
fn average(watch: RunWatch) -> String {
    match watch.elapsed_seconds() {
        #[expect(clippy::cast_precision_loss, reason = "shown without digits")]
        Some(seconds) if seconds > 0.0 => format::rate(watch.books().accounted() as f64 / seconds),
        _ => "–".to_owned(),
    }
}
