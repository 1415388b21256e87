//! The report of one run, on screen and on paper, with what proves it.

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use shared::evidence::{Evidence, ForecastEvidence, Report, RunEvidence, VerificationEvidence};
use shared::id::RunId;
use shared::run::Books;
use shared::verification::{TableRepair, VerificationState};

use super::sheet::{Cell, Part, Sheet, cells};
use crate::api;
use crate::browser;
use crate::components::{
    Badge, CopyButton, Fact, Facts, Icon, Loaded, RunStateBadge, Shape, TableFrame,
};
use crate::format;
use crate::routes;
use crate::stores::{Notices, Tone};

#[component]
pub fn ReportPage(run: RunId) -> impl IntoView {
    let report = {
        let run = run.clone();
        LocalResource::new(move || {
            let run = run.clone();
            async move { api::reports::find(&run).await }
        })
    };
    let run = StoredValue::new(run);
    view! {
        <Title text="Report"/>
        <Loaded resource=report lines=10 let:report>
            <ReportView run=run.get_value() report/>
        </Loaded>
    }
}

#[component]
fn ReportView(run: RunId, report: Report) -> impl IntoView {
    let Report { evidence, manifest, signature } = report;
    let files = manifest.files.iter().map(|file| file.name.clone()).collect();
    view! {
        <div class="report">
            <Head run evidence=evidence.clone() files/>
            <BooksPart evidence=evidence.clone()/>
            {evidence.forecast.clone().map(|forecast| view! { <ForecastPart forecast/> })}
            <QuarantineParts evidence=evidence.clone()/>
            <Decisions evidence=evidence.clone()/>
            <Verifications verifications=evidence.verifications.clone()/>
            <Repairs evidence=evidence.clone()/>
            <SignOffs evidence=evidence.clone()/>
            <People evidence/>
            <Proof hash=manifest.hash public_key=manifest.public_key signature files=manifest.files/>
        </div>
    }
}

/// What the run was, and what can be done with its report.
#[component]
fn Head(run: RunId, evidence: Evidence, files: Vec<String>) -> impl IntoView {
    let RunEvidence {
        id, plan_name, plan_hash, state, started_at, ended_at, source_position, ..
    } = evidence.run;
    let page_of_run = format!("{}/runs/{run}", routes::MIGRATION);
    view! {
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=routes::REPORTS>"Reports"</a>
                    " / "
                    {plan_name.clone()}
                </p>
                <h2>{format!("Report of {plan_name}")}</h2>
                <p class="quiet-text">
                    "What is known of the run, for whoever has to vouch for it. No patient's value \
                    is in it."
                </p>
            </div>
            <RunStateBadge state/>
        </div>
        <Downloads run files/>
        <section class="card" aria-labelledby="report-run">
            <h3 id="report-run">"The run"</h3>
            <Facts>
                <Fact name="Run">
                    <a href=page_of_run>
                        <code>{id.to_string()}</code>
                    </a>
                </Fact>
                <Fact name="Began">{format::date_and_time(started_at)}</Fact>
                <Fact name="Ended">{ended_at.map(format::date_and_time)}</Fact>
                <Fact name="Took">{ended_at.map(|ended| format::span(started_at, ended))}</Fact>
                <Fact name="Plan's fingerprint">
                    <code>{plan_hash}</code>
                </Fact>
                <Fact name="State of the source">{source_position}</Fact>
            </Facts>
        </section>
    }
}

#[component]
fn Downloads(run: RunId, files: Vec<String>) -> impl IntoView {
    let notices = Notices::expect();
    let is_busy = RwSignal::new(false);
    let run = StoredValue::new(run);
    let save = move |name: String| {
        is_busy.set(true);
        spawn_local(async move {
            if let Err(error) = api::reports::save(&run.get_value(), &name).await {
                notices.bad(error.sentence());
            }
            is_busy.set(false);
        });
    };
    let proofs = ["manifest.json", "manifest.sig"].map(str::to_owned);
    view! {
        <div class="work-bar" role="group" aria-label="Print and download">
            <button type="button" class="button" on:click=move |_| browser::print()>
                <Icon shape=Shape::Reports/>
                "Print"
            </button>
            <div class="actions">
                {files
                    .into_iter()
                    .chain(proofs)
                    .map(|name| {
                        let label = name.clone();
                        view! {
                            <button
                                type="button"
                                class="button"
                                disabled=is_busy
                                on:click=move |_| save(name.clone())
                            >
                                <Icon shape=Shape::Download/>
                                {label}
                            </button>
                        }
                    })
                    .collect_view()}
            </div>
        </div>
    }
}

#[component]
fn BooksPart(evidence: Evidence) -> impl IntoView {
    let verdict = if evidence.books_close {
        view! { <Badge tone=Tone::Good icon=Shape::Done text="The books close.".to_owned()/> }
            .into_any()
    } else {
        view! {
            <Badge tone=Tone::Bad icon=Shape::Failed text="The books do not close.".to_owned()/>
        }
        .into_any()
    };
    let row = |name: String, books: Books, bytes: u64, seconds: f64| {
        cells![
            name,
            books.read,
            books.loaded,
            books.merged,
            books.filtered,
            books.quarantined,
            Cell::Number(format::bytes(bytes)),
            Cell::Number(format::duration(seconds)),
        ]
    };
    let tables = &evidence.tables;
    let mut rows: Vec<_> = tables
        .iter()
        .map(|table| row(table.target.to_string(), table.books, table.bytes, table.seconds))
        .collect();
    rows.push(row(
        "All tables".to_owned(),
        tables.iter().map(|table| table.books).sum(),
        tables.iter().map(|table| table.bytes).sum(),
        tables.iter().map(|table| table.seconds).sum(),
    ));
    let head = vec![
        ("Table", false),
        ("Read", true),
        ("Loaded", true),
        ("Merged", true),
        ("Filtered", true),
        ("Quarantined", true),
        ("Size", true),
        ("Work of all workers", true),
    ];
    view! {
        <section class="card" aria-labelledby="report-books">
            <div class="card-head">
                <h3 id="report-books">"Books"</h3>
                {verdict}
            </div>
            <Sheet label="Books by table" head rows/>
        </section>
    }
}

/// What the last assessment before the run foretold, beside what came.
#[component]
fn ForecastPart(forecast: ForecastEvidence) -> impl IntoView {
    let rows = forecast.tables.iter().map(|table| {
        let target = table.target.to_string();
        let pairs = [
            (table.loaded_foretold, table.loaded),
            (table.filtered_foretold, table.filtered),
            (table.quarantined_foretold, table.quarantined),
        ];
        std::iter::once(Cell::from(target))
            .chain(pairs.into_iter().flat_map(|(foretold, came)| cells![foretold, came]))
            .collect()
    });
    let faults = forecast.quarantine.iter().map(|fault| {
        let (target, code) = (fault.target.to_string(), fault.code.as_str());
        cells![code, target, fault.column.clone(), fault.foretold, fault.came]
    });
    let (rows, faults): (Vec<Vec<Cell>>, Vec<Vec<Cell>>) = (rows.collect(), faults.collect());
    let looked = if forecast.is_complete { "Every row" } else { "A sample of the rows" };
    let head = vec![
        ("Table", false),
        ("Loaded, foretold", true),
        ("Loaded", true),
        ("Filtered, foretold", true),
        ("Filtered", true),
        ("Quarantined, foretold", true),
        ("Quarantined", true),
    ];
    let head_of_faults = vec![
        ("Code", false),
        ("Table", false),
        ("Column", false),
        ("Foretold", true),
        ("Came", true),
    ];
    let faults = (!faults.is_empty()).then(|| {
        view! { <Sheet label="Quarantine, foretold and come" head=head_of_faults rows=faults/> }
    });
    view! {
        <section class="card" aria-labelledby="report-forecast">
            <h3 id="report-forecast">"What was foretold, and what came"</h3>
            <Facts>
                <Fact name="Assessed">{format::date_and_time(forecast.assessed_at)}</Fact>
                <Fact name="Looked at">{looked}</Fact>
                <Fact name="Copying was to take">{format::duration(forecast.copy_seconds)}</Fact>
                <Fact name="The run was to take">
                    {forecast.run_seconds_foretold.map(format::duration)}
                </Fact>
                <Fact name="The run took">{forecast.run_seconds.map(format::duration)}</Fact>
            </Facts>
            <Sheet label="Rows, foretold and come" head rows/>
            {faults}
        </section>
    }
}

#[component]
fn QuarantineParts(evidence: Evidence) -> impl IntoView {
    let rows = evidence.quarantine.iter().map(|it| {
        let (code, title) = (it.code.as_str(), it.code.explanation().title);
        let (target, state) = (it.target.to_string(), it.state.as_str());
        cells![code, title, target, it.column.clone(), state, it.rows]
    });
    let work = evidence.quarantine_work.iter().map(|it| {
        let undone = if it.was_undone { "taken back" } else { "" };
        cells![it.kind.clone(), it.by.clone(), format::date_and_time(it.at), undone, it.rows]
    });
    view! {
        <Part
            id="report-quarantine"
            title="Quarantine, and what became of it"
            head=vec![
                ("Code", false),
                ("What it means", false),
                ("Table", false),
                ("Column", false),
                ("State", false),
                ("Rows", true),
            ]
            rows=rows.collect()
            nothing="No row was quarantined."
        />
        <Part
            id="report-work"
            title="Work on the quarantine"
            head=vec![
                ("What", false),
                ("By", false),
                ("When", false),
                ("Since", false),
                ("Rows", true),
            ]
            rows=work.collect()
            nothing="Nothing was done to quarantined rows."
        />
    }
}

#[component]
fn Decisions(evidence: Evidence) -> impl IntoView {
    let losses = evidence.losses.iter().map(|it| {
        let (target, column) = (it.target.to_string(), it.column.clone());
        cells![target, column, it.rule.clone(), it.signed_by.clone(), it.reason.clone()]
    });
    let merges = evidence.merges.iter().map(|it| {
        cells![it.people.to_string(), it.state.clone(), it.decided_by.clone(), it.merges]
    });
    view! {
        <Part
            id="report-losses"
            title="Rules that lose information"
            head=vec![
                ("Table", false),
                ("Column", false),
                ("Rule", false),
                ("Signed by", false),
                ("Why", false),
            ]
            rows=losses.collect()
            nothing="No rule of the plan loses information."
        />
        <Part
            id="report-merges"
            title="Decisions on duplicates"
            head=vec![
                ("People", false),
                ("State", false),
                ("Decided by", false),
                ("Merges", true),
            ]
            rows=merges.collect()
            nothing="Nobody was merged."
        />
    }
}

#[component]
fn Verifications(verifications: Vec<VerificationEvidence>) -> impl IntoView {
    let rows: Vec<_> = verifications.iter().flat_map(rows_of).collect();
    let verdicts = verifications.iter().map(|it| {
        let is_equal = it.state == VerificationState::Equal;
        let (tone, icon) =
            if is_equal { (Tone::Good, Shape::Done) } else { (Tone::Bad, Shape::Warning) };
        let when = format::date_and_time(it.started_at);
        let text = it.state.label().to_owned();
        view! { <li>{when} " " <Badge tone icon text/></li> }
    });
    let verdicts: Vec<_> = verdicts.collect();
    let never = verifications
        .is_empty()
        .then(|| view! { <p class="quiet-text">"The run was never verified."</p> });
    let head = vec![
        ("Table", false),
        ("Mode", false),
        ("Source rows", true),
        ("Target rows", true),
        ("Compared", true),
        ("Missing", true),
        ("Extra", true),
        ("Different", true),
    ];
    let sheet = (!rows.is_empty()).then(|| view! { <Sheet label="Verified tables" head rows/> });
    view! {
        <section class="card" aria-labelledby="report-verification">
            <h3 id="report-verification">"Verification"</h3>
            {never}
            <ul class="notes">{verdicts}</ul>
            {sheet}
        </section>
    }
}

fn rows_of(verification: &VerificationEvidence) -> Vec<Vec<Cell>> {
    let mode = verification.mode.as_str();
    let tables = verification.findings.iter().flat_map(|findings| &findings.tables);
    let rows = tables.map(|table| {
        cells![
            table.target.to_string(),
            mode,
            table.source_rows,
            table.target_rows,
            table.compared,
            table.missing,
            table.extra,
            table.different,
        ]
    });
    rows.collect()
}

/// What was done to make both sides alike.
#[component]
fn Repairs(evidence: Evidence) -> impl IntoView {
    let rows = evidence.repairs.iter().map(|it| {
        let sum = |count: fn(&TableRepair) -> u64| it.tables.iter().map(count).sum::<u64>();
        cells![
            it.selection.clone(),
            it.state.label(),
            it.requested_by.clone(),
            it.approved_by.clone(),
            sum(|table| table.inserted),
            sum(|table| table.updated),
            sum(|table| table.deleted),
            sum(|table| table.refused),
            it.found.map(|found| found.label().to_owned()),
        ]
    });
    view! {
        <Part
            id="report-repairs"
            title="Repairs"
            head=vec![
                ("Of what", false),
                ("State", false),
                ("Asked by", false),
                ("Approved by", false),
                ("Put in", true),
                ("Corrected", true),
                ("Taken out", true),
                ("Refused", true),
                ("Verified again", false),
            ]
            rows=rows.collect()
            nothing="Nothing was repaired."
        />
    }
}

/// Who was looked at by eye, and who signed for it.
#[component]
fn SignOffs(evidence: Evidence) -> impl IntoView {
    let rows = evidence.sign_offs.iter().map(|it| {
        let found = &it.acceptance;
        cells![
            it.table.to_string(),
            u64::from(found.drawn),
            it.seed,
            u64::from(found.accepted),
            u64::from(found.rejected),
            found.interval.map(|range| {
                format!("{} to {}", format::percent(range.low), format::percent(range.high))
            }),
            it.signed_by.clone(),
            it.signed_at.map(format::date_and_time),
        ]
    });
    view! {
        <Part
            id="report-sign-offs"
            title="Sign-off"
            head=vec![
                ("People of", false),
                ("Drawn", true),
                ("Seed", true),
                ("Accepted", true),
                ("Rejected", true),
                ("Accepted of all, 95 %", false),
                ("Signed by", false),
                ("Signed", false),
            ]
            rows=rows.collect()
            nothing="Nobody was drawn to be looked at."
        />
    }
}

/// Who agreed, and who did what.
#[component]
fn People(evidence: Evidence) -> impl IntoView {
    let approvals = evidence.approvals.iter().map(|it| {
        let (asked, answered) = (it.requested_at, it.answered_at);
        cells![
            it.act.clone(),
            it.state.as_str(),
            it.requested_by.clone(),
            format::date_and_time(asked),
            it.answered_by.clone(),
            answered.map(format::date_and_time),
        ]
    });
    let deeds = evidence.deeds.iter().map(|it| {
        let when = format::date_and_time(it.at);
        cells![it.action.label(), it.by.clone(), when, it.outcome.as_str(), it.number]
    });
    view! {
        <Part
            id="report-approvals"
            title="Approvals by a second person"
            head=vec![
                ("Act", false),
                ("State", false),
                ("Asked by", false),
                ("Asked", false),
                ("Answered by", false),
                ("Answered", false),
            ]
            rows=approvals.collect()
            nothing="None was asked for."
        />
        <Part
            id="report-deeds"
            title="Audit trail"
            head=vec![
                ("What", false),
                ("Who", false),
                ("When", false),
                ("Outcome", false),
                ("Entry", true),
            ]
            rows=deeds.collect()
            nothing="The trail has no entry about this run."
        />
    }
}

/// By what others tell that nothing was changed.
#[component]
fn Proof(
    hash: String,
    public_key: String,
    signature: String,
    files: Vec<shared::evidence::PackFile>,
) -> impl IntoView {
    let copied = hash.clone();
    view! {
        <section class="card" aria-labelledby="report-proof">
            <div class="card-head">
                <h3 id="report-proof">"Hash and signature"</h3>
                <CopyButton label="Copy the hash" text=move |()| copied.clone()/>
            </div>
            <p class="quiet-text">
                "The same run in the same state gives the same hash. "
                <code>"transfuse report verify FOLDER"</code>
                " holds downloaded files against the signature."
            </p>
            <Facts>
                <Fact name="Hash of the pack">
                    <code>{hash}</code>
                </Fact>
                <Fact name="Signature (Ed25519)">
                    <code>{signature}</code>
                </Fact>
                <Fact name="Public key">
                    <code>{public_key}</code>
                </Fact>
            </Facts>
            <TableFrame label="Files of the pack">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"File"</th>
                            <th scope="col" class="number">
                                "Size"
                            </th>
                            <th scope="col">"SHA-256"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {files
                            .into_iter()
                            .map(|file| {
                                view! {
                                    <tr>
                                        <th scope="row">{file.name}</th>
                                        <td class="number">{format::bytes(file.bytes)}</td>
                                        <td>
                                            <code>{file.sha256}</code>
                                        </td>
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
