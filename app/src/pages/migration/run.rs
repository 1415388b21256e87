//! One run, as it happens.

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::run::{Books, Failure, Phase, Run, RunState, TableProgress};
use shared::user::Permission;

use super::place::{Place, quarantine_of};
use crate::api::live::{self, Following, News};
use crate::api::{self, ApiError};
use crate::browser;
use crate::components::{
    Badge, Fact, Facts, Icon, Loaded, Moment, ProgressBar, Refusal, RunStateBadge, Shape,
    Sparkline, TableFrame,
};
use crate::format;
use crate::stores::{Link, RunWatch, Session, Tone};

/// Fewer rates than this are no picture.
const RATES_TO_SHOW: usize = 8;

#[component]
pub fn RunPage(id: RunId) -> impl IntoView {
    let watch = RunWatch::new();
    let found = {
        let id = id.clone();
        LocalResource::new(move || {
            let id = id.clone();
            async move { api::runs::find(&id).await.map(|run| watch.report(run)) }
        })
    };
    view! {
        <Title text="Run"/>
        <Loaded resource=found lines=8 let:_found>
            <RunView id=id.clone() watch/>
        </Loaded>
    }
}

#[component]
fn RunView(id: RunId, watch: RunWatch) -> impl IntoView {
    let refusal = RwSignal::new(None::<ApiError>);
    let following = StoredValue::new_local(None::<Following>);
    let follow = {
        let id = id.clone();
        move || following.set_value(follow(&id, watch, refusal))
    };
    if untrack(|| watch.state()).is_some_and(is_under_way) {
        follow();
    } else {
        watch.link_is(Link::Over);
    }
    let restarted = Callback::new(move |run: Run| {
        watch.report(run);
        watch.link_is(Link::Connecting);
        follow();
    });
    let plan = move || watch.run().map(|run| run.plan_name).unwrap_or_default();
    view! {
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=Place::Runs.address()>"Runs"</a>
                </p>
                <h2>"Run of " {plan}</h2>
                <div class="badges">
                    <span role="status" aria-label="State of the run">
                        <StateBadge watch/>
                    </span>
                    <LinkBadge watch/>
                </div>
            </div>
            <Controls id=id.clone() watch refusal restarted/>
        </div>
        <Refusal error=refusal/>
        {move || watch.failure().map(|failure| view! { <FailureCard failure/> })}
        <ProgressCard id=id.clone() watch/>
        <BooksCard id watch/>
        <AboutRun watch/>
    }
}

/// Follows the run, and tells the watch what happens.
fn follow(id: &RunId, watch: RunWatch, refusal: RwSignal<Option<ApiError>>) -> Option<Following> {
    let run = id.clone();
    let tell = move |news| match news {
        News::Connected => watch.link_is(Link::Live),
        News::Lost => watch.link_is(Link::Stale),
        News::Event(event) => {
            let is_last = event.is_last();
            watch.hear(*event);
            if is_last {
                // The stream does not carry when a run ended.
                let id = run.clone();
                spawn_local(async move {
                    if let Ok(run) = api::runs::find(&id).await {
                        watch.report(run);
                    }
                });
            }
        }
        News::Over => watch.link_is(Link::Over),
        News::Refused(error) => {
            watch.link_is(Link::Stale);
            refusal.set(Some(error));
        }
    };
    live::follow(id.clone(), watch.last_event(), tell)
}

const fn is_under_way(state: RunState) -> bool {
    matches!(state, RunState::Planned | RunState::Running)
}

#[component]
fn StateBadge(watch: RunWatch) -> impl IntoView {
    let state = Memo::new(move |_| watch.state());
    move || state.get().map(|state| view! { <RunStateBadge state/> })
}

#[component]
fn LinkBadge(watch: RunWatch) -> impl IntoView {
    move || match watch.link() {
        Link::Over => None,
        Link::Connecting => {
            Some(view! { <Badge tone=Tone::Neutral text="Connecting…".to_owned()/> })
        }
        Link::Live => {
            Some(view! { <Badge tone=Tone::Good icon=Shape::Gauge text="Live".to_owned()/> })
        }
        Link::Stale => Some(view! {
            <Badge
                tone=Tone::Warning
                icon=Shape::Warning
                text="Connection lost: this may be out of date".to_owned()
            />
        }),
    }
}

#[component]
fn Controls(
    id: RunId,
    watch: RunWatch,
    refusal: RwSignal<Option<ApiError>>,
    /// Called with the run when it goes on.
    restarted: Callback<Run>,
) -> impl IntoView {
    let session = Session::expect();
    // From the request until the run stands still, which its events tell.
    let is_pausing = RwSignal::new(false);
    let is_resuming = RwSignal::new(false);
    let state = Memo::new(move |_| watch.state());
    let id = StoredValue::new(id);
    let pause = move |_| {
        refusal.set(None);
        is_pausing.set(true);
        spawn_local(async move {
            if let Err(error) = api::runs::pause(&id.get_value()).await {
                refusal.set(Some(error));
                is_pausing.set(false);
            }
        });
    };
    let resume = move |_| {
        refusal.set(None);
        is_resuming.set(true);
        spawn_local(async move {
            match api::runs::resume(&id.get_value()).await {
                Ok(run) => {
                    is_pausing.set(false);
                    restarted.run(run);
                }
                Err(error) => refusal.set(Some(error)),
            }
            is_resuming.set(false);
        });
    };
    view! {
        <div class="actions">
            <Show when=move || session.may(Permission::ControlRuns)>
                {move || match state.get() {
                    Some(RunState::Running) => {
                        view! {
                            <button type="button" class="button" disabled=is_pausing on:click=pause>
                                <Icon shape=Shape::Pause/>
                                {move || if is_pausing.get() { "Pausing…" } else { "Pause" }}
                            </button>
                        }
                            .into_any()
                    }
                    Some(RunState::Paused | RunState::Failed) => {
                        view! {
                            <button
                                type="button"
                                class="button primary"
                                disabled=is_resuming
                                on:click=resume
                            >
                                <Icon shape=Shape::Play/>
                                {move || if is_resuming.get() { "Resuming…" } else { "Resume" }}
                            </button>
                        }
                            .into_any()
                    }
                    _ => ().into_any(),
                }}
            </Show>
            <a class="button" href=quarantine_of(&id.get_value(), None, None)>
                <Icon shape=Shape::Inbox/>
                "Quarantine"
                <QuarantineCountBadge watch/>
            </a>
        </div>
    }
}

#[component]
fn QuarantineCountBadge(watch: RunWatch) -> impl IntoView {
    let count = Memo::new(move |_| watch.books().quarantined);
    let class = move || if count.get() > 0 { "badge tone-warning" } else { "badge tone-neutral" };
    view! { <span class=class>{move || format::count(count.get())}</span> }
}

#[component]
fn FailureCard(failure: Failure) -> impl IntoView {
    let explanation = failure.code.explanation();
    view! {
        <section class="card failure" role="alert">
            <Icon shape=Shape::Failed/>
            <div>
                <h3>
                    <code>{failure.code.as_str()}</code>
                    " "
                    {explanation.title}
                </h3>
                <p>{failure.message}</p>
                <p>{explanation.hint}</p>
                <p>{explanation.action}</p>
                <a href=failure.code.docs()>"More about this error"</a>
            </div>
        </section>
    }
}

#[component]
fn ProgressCard(id: RunId, watch: RunWatch) -> impl IntoView {
    let state = Memo::new(move |_| watch.state());
    let fraction = Memo::new(move |_| match state.get() {
        Some(RunState::Completed) => Some(1.0),
        // A bar that moves would say that work goes on.
        Some(RunState::Paused | RunState::Failed | RunState::RolledBack) => {
            Some(watch.fraction().unwrap_or(0.0))
        }
        _ => watch.fraction(),
    });
    let phase = move || match (state.get(), watch.phase()) {
        (Some(RunState::Completed), _) => "Everything is copied".to_owned(),
        (Some(RunState::Paused), _) => "Stopped between two chunks".to_owned(),
        (Some(RunState::Failed), _) => "Stopped by a failure".to_owned(),
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
                        <span class="of">{move || format!("of {}", format::count(books.get().read))}</span>
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

#[component]
fn BooksCard(id: RunId, watch: RunWatch) -> impl IntoView {
    let indexes = Memo::new(move |_| watch.table_indexes());
    let total = Memo::new(move |_| watch.books());
    let id = StoredValue::new(id);
    view! {
        <section class="card" aria-labelledby="books">
            <div class="card-head">
                <h3 id="books">"Books"</h3>
                <BooksVerdict watch/>
            </div>
            <TableFrame label="Books by table">
                <table class="table books">
                    <thead>
                        <tr>
                            <th scope="col">"Table"</th>
                            <th scope="col">"Progress"</th>
                            <th scope="col" class="number">
                                "Read"
                            </th>
                            <th scope="col" class="number">
                                "Loaded"
                            </th>
                            <th scope="col" class="number">
                                "Merged"
                            </th>
                            <th scope="col" class="number">
                                "Filtered"
                            </th>
                            <th scope="col" class="number">
                                "Quarantined"
                            </th>
                            <th scope="col">"Books"</th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || indexes.get() key=|index| *index let:index>
                            <TableRow id=id.get_value() watch index/>
                        </For>
                    </tbody>
                    <tfoot>
                        <tr>
                            <th scope="row">"All tables"</th>
                            <td></td>
                            {COLUMNS
                                .into_iter()
                                .map(|number| {
                                    view! {
                                        <td class="number">
                                            {move || total.with(|books| format::count(number(books)))}
                                        </td>
                                    }
                                })
                                .collect_view()}
                            <td></td>
                        </tr>
                    </tfoot>
                </table>
            </TableFrame>
        </section>
    }
}

/// One number of the books.
type Column = fn(&Books) -> u64;

/// The books' columns, as the head of the table has them.
const COLUMNS: [Column; 5] = [
    |books| books.read,
    |books| books.loaded,
    |books| books.merged,
    |books| books.filtered,
    |books| books.quarantined,
];

/// Whether every row is accounted for. Nothing is said of books that are still open.
#[component]
fn BooksVerdict(watch: RunWatch) -> impl IntoView {
    let verdict =
        Memo::new(move |_| (watch.state(), watch.books_close(), watch.books(), watch.failure()));
    move || {
        let (state, close, books, failure) = verdict.get();
        let refused = failure.is_some_and(|failure| failure.code == ErrorCode::Load005);
        let sum = format!(
            "{} read = {} loaded + {} merged + {} filtered + {} quarantined",
            format::count(books.read),
            format::count(books.loaded),
            format::count(books.merged),
            format::count(books.filtered),
            format::count(books.quarantined)
        );
        let so_far = format!(
            "{} of {} rows are accounted for.",
            format::count(books.accounted()),
            format::count(books.read)
        );
        match state {
            Some(RunState::Completed) if close => view! {
                <p class="verdict good">
                    <Icon shape=Shape::Done/>
                    <span>
                        <strong>"The books close."</strong>
                        " "
                        {sum}
                    </span>
                </p>
            }
            .into_any(),
            Some(state) if refused || state == RunState::Completed => view! {
                <p class="verdict bad">
                    <Icon shape=Shape::Warning/>
                    <span>
                        <strong>"The books do not close."</strong>
                        " "
                        {so_far}
                    </span>
                </p>
            }
            .into_any(),
            Some(RunState::Paused | RunState::Failed) => {
                view! { <p class="verdict quiet-text">"The books are open. " {so_far}</p> }
                    .into_any()
            }
            _ => view! {
                <p class="verdict quiet-text">"The books are open while the run goes on."</p>
            }
            .into_any(),
        }
    }
}

#[component]
fn TableRow(id: RunId, watch: RunWatch, index: u32) -> impl IntoView {
    // Only rows whose table changed are touched.
    let table = Memo::new(move |_| watch.table(index));
    let read = move |get: fn(&TableProgress) -> String| {
        table.with(|table| table.as_ref().map(get).unwrap_or_default())
    };
    let (source, target) = table
        .get_untracked()
        .map(|table| (table.source.to_string(), table.target.to_string()))
        .unwrap_or_default();
    let fraction =
        Signal::derive(move || table.with(|table| table.as_ref().and_then(shown_fraction)));
    let quarantine = quarantine_of(&id, Some(&target), None);
    let quarantined =
        Memo::new(move |_| table.with(|table| table.as_ref().map_or(0, |it| it.books.quarantined)));
    view! {
        <tr>
            <th scope="row">
                <span class="table-target">{target.clone()}</span>
                <span class="quiet-text">{format!("from {source}")}</span>
            </th>
            <td class="table-progress">
                <ProgressBar fraction label=format!("Progress of {target}")/>
                <span class="quiet-text">{move || read(progress_in_words)}</span>
            </td>
            {COLUMNS
                .into_iter()
                .take(4)
                .map(|number| {
                    view! {
                        <td class="number">
                            {move || {
                                table
                                    .with(|table| {
                                        table.as_ref().map(|table| format::count(number(&table.books)))
                                    })
                            }}
                        </td>
                    }
                })
                .collect_view()}
            <td class="number">
                {move || match quarantined.get() {
                    0 => "0".into_any(),
                    count => {
                        view! {
                            <a href=quarantine.clone()>
                                {format::count(count)} <span class="visually-hidden">" rows of this table"</span>
                            </a>
                        }
                            .into_any()
                    }
                }}
            </td>
            <td>
                {move || {
                    table
                        .with(|table| table.as_ref().map(|table| (table.phase, table.books.close())))
                        .map(|(phase, close)| match (phase, close) {
                            (Phase::Done, true) => {
                                view! { <Badge tone=Tone::Good icon=Shape::Check text="close".to_owned()/> }
                                    .into_any()
                            }
                            (Phase::Done, false) => {
                                view! {
                                    <Badge
                                        tone=Tone::Bad
                                        icon=Shape::Warning
                                        text="do not close".to_owned()
                                    />
                                }
                                    .into_any()
                            }
                            _ => view! { <span class="quiet-text">"open"</span> }.into_any(),
                        })
                }}
            </td>
        </tr>
    }
}

/// A table that waits for its turn has no moving bar.
fn shown_fraction(table: &TableProgress) -> Option<f64> {
    match table.phase {
        Phase::Planning | Phase::Preparing => Some(0.0),
        _ => table.fraction(),
    }
}

fn progress_in_words(table: &TableProgress) -> String {
    match (table.phase, table.chunks_total) {
        (Phase::Copying, total) if total > 0 => {
            format!("{} of {}", table.chunks_done, format::counted(total.into(), "chunk", "chunks"))
        }
        (Phase::Planning, _) => "Waiting".to_owned(),
        (phase, _) => phase.label().to_owned(),
    }
}

#[component]
fn AboutRun(watch: RunWatch) -> impl IntoView {
    let about = Memo::new(move |_| watch.run().map(|run| Run { progress: None, ..run }));
    view! {
        <section class="card" aria-labelledby="about-run">
            <h3 id="about-run">"About this run"</h3>
            {move || {
                about
                    .get()
                    .map(|run| {
                        let took = run
                            .started_at
                            .map(|from| {
                                format::span(from, run.ended_at.unwrap_or_else(browser::now))
                            });
                        view! {
                            <Facts>
                                <Fact name="Plan">
                                    <a href=Place::Plan(run.plan_id).address()>
                                        {format!("{}, version {}", run.plan_name, run.plan_version)}
                                    </a>
                                </Fact>
                                <Fact name="Started by">{run.started_by}</Fact>
                                <Fact name="Began">
                                    {run.started_at.map(|time| view! { <Moment time/> })}
                                </Fact>
                                <Fact name="Ended">
                                    {run.ended_at.map(|time| view! { <Moment time/> })}
                                    {run.ended_at.and(took).map(|took| format!(", after {took}"))}
                                </Fact>
                                <Fact name="Id">
                                    <code>{run.id.to_string()}</code>
                                </Fact>
                            </Facts>
                        }
                    })
            }}
        </section>
    }
}
