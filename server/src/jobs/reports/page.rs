//! The files of a pack: a page for people, which prints well, and tables and documents for
//! programs.

use std::fmt::{Display, Write as _};

use chrono::{DateTime, Utc};
use shared::clinical::{ClinicalOutcome, Measure};
use shared::evidence::{Evidence, ForecastEvidence, VerificationEvidence};
use shared::plan::Plan;
use shared::run::Books;

use super::pack::{File, json};

/// Everything but the manifest.
pub(super) fn files(evidence: &Evidence, plan: Option<&Plan>) -> Vec<File> {
    const CSV: &str = "text/csv; charset=utf-8";
    let mut files = vec![
        File { name: "evidence.json", media_type: "application/json", bytes: json(evidence) },
        File { name: "report.html", media_type: "text/html; charset=utf-8", bytes: html(evidence) },
        File { name: "tables.csv", media_type: CSV, bytes: tables(evidence).csv() },
        File { name: "quarantine.csv", media_type: CSV, bytes: quarantine(evidence).csv() },
        File { name: "verifications.csv", media_type: CSV, bytes: verified(evidence).csv() },
        File { name: "deeds.csv", media_type: CSV, bytes: deeds(evidence).csv() },
    ];
    if !evidence.repairs.is_empty() {
        let bytes = repairs(evidence).csv();
        files.push(File { name: "repairs.csv", media_type: CSV, bytes });
    }
    if !evidence.sign_offs.is_empty() {
        let bytes = sign_offs(evidence).csv();
        files.push(File { name: "sign_offs.csv", media_type: CSV, bytes });
    }
    if let Some(forecast) = &evidence.forecast {
        let bytes = foretold(forecast).csv();
        files.push(File { name: "forecast.csv", media_type: CSV, bytes });
    }
    if !evidence.checks.is_empty() {
        let bytes = clinical(&evidence.checks).csv();
        files.push(File { name: "checks.csv", media_type: CSV, bytes });
    }
    if let Some(plan) = plan {
        let bytes = plan.to_yaml().into_bytes();
        files.push(File { name: "plan.yaml", media_type: "application/yaml", bytes });
    }
    files
}

/// Rows under a head, for either form.
struct Sheet {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    fn csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let head = self.head.iter().map(|name| name.replace(' ', "_"));
        let rows = self.rows.iter().map(|row| row.iter().map(|cell| harmless(cell)));
        // Writing to memory does not fail.
        let _ = writer.write_record(head);
        for row in rows {
            let _ = writer.write_record(row);
        }
        writer.into_inner().unwrap_or_default()
    }

    fn html(&self, page: &mut String, nothing: &str) {
        if self.rows.is_empty() {
            let _ = writeln!(page, "<p>{nothing}</p>");
            return;
        }
        page.push_str("<table>\n<thead><tr>");
        for name in &self.head {
            let _ = write!(page, "<th scope=\"col\">{}</th>", escaped(name));
        }
        page.push_str("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            page.push_str("<tr>");
            for cell in row {
                let is_number = !cell.is_empty() && cell.chars().all(|c| c.is_ascii_digit());
                let class = if is_number { " class=\"n\"" } else { "" };
                let _ = write!(page, "<td{class}>{}</td>", escaped(cell));
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody>\n</table>\n");
    }
}

/// A spreadsheet would take such a cell for a formula.
fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t']) { format!("'{cell}") } else { cell.to_owned() }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn or_none(text: Option<impl Display>) -> String {
    text.map(|text| text.to_string()).unwrap_or_default()
}

fn tables(evidence: &Evidence) -> Sheet {
    let row = |name: String, from: String, books: Books, chunks: u64, bytes: u64, seconds: f64| {
        vec![
            name,
            from,
            books.read.to_string(),
            books.loaded.to_string(),
            books.merged.to_string(),
            books.filtered.to_string(),
            books.quarantined.to_string(),
            if books.close() { "yes" } else { "NO" }.to_owned(),
            chunks.to_string(),
            bytes.to_string(),
            format!("{seconds:.3}"),
        ]
    };
    let tables = &evidence.tables;
    let mut rows: Vec<_> = tables
        .iter()
        .map(|it| {
            let (target, source) = (it.target.to_string(), it.source.to_string());
            row(target, source, it.books, it.chunks, it.bytes, it.seconds)
        })
        .collect();
    rows.push(row(
        "all".to_owned(),
        String::new(),
        tables.iter().map(|it| it.books).sum(),
        tables.iter().map(|it| it.chunks).sum(),
        tables.iter().map(|it| it.bytes).sum(),
        tables.iter().map(|it| it.seconds).sum(),
    ));
    let head = vec![
        "table",
        "source",
        "read",
        "loaded",
        "merged",
        "filtered",
        "quarantined",
        "closes",
        "chunks",
        "bytes",
        "seconds",
    ];
    Sheet { head, rows }
}

fn foretold(forecast: &ForecastEvidence) -> Sheet {
    let rows = forecast.tables.iter().map(|it| {
        let mut row = vec![it.target.to_string()];
        row.extend(
            [
                it.looked_at,
                it.read,
                it.loaded_foretold,
                it.loaded,
                it.filtered_foretold,
                it.filtered,
                it.quarantined_foretold,
                it.quarantined,
            ]
            .map(|number| number.to_string()),
        );
        row
    });
    let head = vec![
        "table",
        "looked at",
        "read",
        "loaded, foretold",
        "loaded",
        "filtered, foretold",
        "filtered",
        "quarantined, foretold",
        "quarantined",
    ];
    Sheet { head, rows: rows.collect() }
}

fn foretold_faults(forecast: &ForecastEvidence) -> Sheet {
    let rows = forecast.quarantine.iter().map(|it| {
        vec![
            it.target.to_string(),
            it.code.to_string(),
            or_none(it.column.as_ref()),
            it.foretold.to_string(),
            it.came.to_string(),
        ]
    });
    Sheet { head: vec!["table", "code", "column", "foretold", "came"], rows: rows.collect() }
}

fn forecast_html(page: &mut String, forecast: &ForecastEvidence) {
    let looked = if forecast.is_complete {
        "It looked at every row."
    } else {
        "It looked at a sample of the rows."
    };
    let whole = forecast
        .run_seconds_foretold
        .map(|seconds| format!(", the run {seconds:.1} s"))
        .unwrap_or_default();
    let took =
        forecast.run_seconds.map(|took| format!(" The run took {took:.1} s.")).unwrap_or_default();
    let _ = writeln!(
        page,
        "<h2>What was foretold, and what came</h2>\n<p>Assessment {}, {}. {looked} Copying was to \
         take {:.1} s{whole}.{took}</p>",
        escaped(forecast.assessment_id.as_str()),
        time(forecast.assessed_at),
        forecast.copy_seconds,
    );
    foretold(forecast).html(page, "");
    foretold_faults(forecast).html(page, "No row was to be quarantined, and none was.");
}

fn quarantine(evidence: &Evidence) -> Sheet {
    let rows = evidence.quarantine.iter().map(|it| {
        vec![
            it.target.to_string(),
            it.code.to_string(),
            or_none(it.column.as_ref()),
            it.code.explanation().title.to_owned(),
            it.state.as_str().to_owned(),
            it.rows.to_string(),
        ]
    });
    Sheet {
        head: vec!["table", "code", "column", "what it means", "state", "rows"],
        rows: rows.collect(),
    }
}

fn work(evidence: &Evidence) -> Sheet {
    let rows = evidence.quarantine_work.iter().map(|it| {
        let undone = if it.was_undone { "undone" } else { "" };
        vec![time(it.at), it.kind.clone(), it.by.clone(), it.rows.to_string(), undone.to_owned()]
    });
    Sheet { head: vec!["when", "what", "by", "rows", "since"], rows: rows.collect() }
}

fn losses(evidence: &Evidence) -> Sheet {
    let rows = evidence.losses.iter().map(|it| {
        vec![
            it.target.to_string(),
            it.column.clone(),
            it.rule.clone(),
            or_none(it.signed_by.as_ref()),
            or_none(it.reason.as_ref()),
            or_none(it.kept_in.as_ref()),
        ]
    });
    let head = vec!["table", "column", "rule", "signed by", "why", "kept in"];
    Sheet { head, rows: rows.collect() }
}

fn merges(evidence: &Evidence) -> Sheet {
    let rows = evidence.merges.iter().map(|it| {
        vec![it.people.to_string(), it.state.clone(), it.decided_by.clone(), it.merges.to_string()]
    });
    Sheet { head: vec!["people", "state", "decided by", "merges"], rows: rows.collect() }
}

fn verified(evidence: &Evidence) -> Sheet {
    let rows = evidence.verifications.iter().flat_map(|it| {
        let tables = it.findings.iter().flat_map(|findings| &findings.tables);
        tables.map(move |table| {
            vec![
                it.id.to_string(),
                it.mode.as_str().to_owned(),
                table.target.to_string(),
                table.source_rows.to_string(),
                table.target_rows.to_string(),
                table.compared.to_string(),
                table.missing.to_string(),
                table.extra.to_string(),
                table.different.to_string(),
            ]
        })
    });
    let head = vec![
        "verification",
        "mode",
        "table",
        "source rows",
        "target rows",
        "compared",
        "missing",
        "extra",
        "different",
    ];
    Sheet { head, rows: rows.collect() }
}

fn mismatches(verification: &VerificationEvidence) -> Sheet {
    let rows = verification.mismatches.iter().map(|it| {
        vec![
            it.target.to_string(),
            it.kind.as_str().to_owned(),
            it.state.as_str().to_owned(),
            it.rows.to_string(),
        ]
    });
    Sheet { head: vec!["table", "kind", "became", "rows"], rows: rows.collect() }
}

fn clinical<'o>(outcomes: impl IntoIterator<Item = &'o ClinicalOutcome>) -> Sheet {
    let rows = outcomes.into_iter().flat_map(|outcome| {
        outcome.checks.iter().map(move |it| {
            let counts = |measure: &Measure| match measure {
                Measure::Counted { violated, denominator } => {
                    [violated.to_string(), denominator.to_string()]
                }
                Measure::NotApplicable { .. } | Measure::Error { .. } => Default::default(),
            };
            let [violated, of] = counts(&it.target);
            let [before, _] = counts(&it.source);
            vec![
                time(outcome.judged_at),
                it.key.clone(),
                it.title.clone(),
                it.table.to_string(),
                it.severity.label().to_owned(),
                it.status.label().to_owned(),
                violated,
                of,
                it.threshold.text(),
                before,
                or_none(it.target.note()),
            ]
        })
    });
    let head = vec![
        "judged at",
        "check",
        "what has to be so",
        "table",
        "weight",
        "status",
        "violated",
        "of",
        "allowed",
        "violated in the source",
        "note",
    ];
    Sheet { head, rows: rows.collect() }
}

/// The last judgement; all of them are in the tables.
fn clinical_html(page: &mut String, outcomes: &[ClinicalOutcome]) {
    let Some(last) = outcomes.last() else { return };
    page.push_str("<h2>Clinical checks</h2>\n");
    let (class, said) = if last.passed {
        ("", "No blocking check failed.")
    } else {
        (" class=\"bad\"", "A blocking check failed, or could not be made.")
    };
    let counted = time(last.measured_at);
    let judged = time(last.judged_at);
    let _ = writeln!(page, "<p{class}>{said} Counted {counted}, judged {judged}.</p>");
    for it in &last.left_out {
        let _ = writeln!(page, "<p>Not made: {}: {}</p>", escaped(&it.key), escaped(&it.reason));
    }
    clinical([last]).html(page, "The plan has no checks.");
}

fn repairs(evidence: &Evidence) -> Sheet {
    let rows = evidence.repairs.iter().flat_map(|it| {
        it.tables.iter().map(move |table| {
            let done = [table.inserted, table.updated, table.deleted, table.gone];
            let left = [table.refused, table.not_found];
            let mut row = vec![
                it.id.to_string(),
                it.verification_id.to_string(),
                it.state.as_str().to_owned(),
                table.target.to_string(),
            ];
            row.extend(done.iter().chain(&left).map(u64::to_string));
            row
        })
    });
    let head = vec![
        "repair",
        "verification",
        "state",
        "table",
        "put in",
        "corrected",
        "taken out",
        "alike already",
        "refused",
        "not found",
    ];
    Sheet { head, rows: rows.collect() }
}

fn repairs_html(page: &mut String, evidence: &Evidence) {
    page.push_str("<h2>Repairs</h2>\n");
    for repair in &evidence.repairs {
        let _ = write!(
            page,
            "<p>{} of {}: {}, asked for by {}, {}",
            escaped(repair.id.as_str()),
            escaped(&repair.selection),
            repair.state.label().to_lowercase(),
            escaped(&repair.requested_by),
            time(repair.requested_at)
        );
        if let Some(by) = &repair.approved_by {
            let _ = write!(page, "; approved by {}", escaped(by));
        }
        if let (Some(by), Some(found)) = (&repair.verified_by, repair.found) {
            let found = found.label().to_lowercase();
            let _ = write!(page, "; verified again by {}: {found}", escaped(by.as_str()));
        }
        if let Some(taken) = repair.taken_back {
            let _ = write!(
                page,
                "; taken back: {} rows as before, {} changed since",
                taken.restored, taken.changed_since
            );
        }
        page.push_str(".</p>\n");
    }
    repairs(evidence).html(page, "Nothing was repaired.");
}

fn sign_offs(evidence: &Evidence) -> Sheet {
    let rows = evidence.sign_offs.iter().flat_map(|it| {
        it.acceptance.strata.iter().map(move |stratum| {
            let share = stratum.share.map_or(String::new(), |it| interval(it.low, it.high));
            vec![
                it.id.to_string(),
                it.table.to_string(),
                stratum.stratum.label().to_owned(),
                stratum.people.to_string(),
                stratum.drawn.to_string(),
                stratum.accepted.to_string(),
                stratum.rejected.to_string(),
                share,
            ]
        })
    });
    let head = vec![
        "sign-off",
        "people",
        "kind",
        "of them",
        "drawn",
        "accepted",
        "rejected",
        "share accepted, 95 %",
    ];
    Sheet { head, rows: rows.collect() }
}

fn interval(low: f64, high: f64) -> String {
    format!("{:.2} to {:.2} %", low * 100.0, high * 100.0)
}

fn sign_offs_html(page: &mut String, evidence: &Evidence) {
    page.push_str("<h2>Sign-off</h2>\n");
    for sign_off in &evidence.sign_offs {
        let found = &sign_off.acceptance;
        let _ = write!(
            page,
            "<p>{}: {} people of {} drawn with the seed {}, {} accepted, {} rejected",
            escaped(sign_off.id.as_str()),
            found.drawn,
            escaped(&sign_off.table.to_string()),
            sign_off.seed,
            found.accepted,
            found.rejected
        );
        if let (Some(share), Some(range)) = (found.share, found.interval) {
            let share = share * 100.0;
            let range = interval(range.low, range.high);
            let _ = write!(page, "; {share:.2} % of all people would be accepted ({range})");
        }
        match (&sign_off.signed_by, sign_off.signed_at) {
            (Some(by), Some(at)) => {
                let _ = writeln!(page, ". Signed by {}, {}.</p>", escaped(by), time(at));
            }
            _ => page.push_str(". <span class=\"bad\">Not signed.</span></p>\n"),
        }
    }
    sign_offs(evidence).html(page, "Nobody was drawn to be looked at.");
}

fn approvals(evidence: &Evidence) -> Sheet {
    let rows = evidence.approvals.iter().map(|it| {
        vec![
            it.act.clone(),
            it.state.as_str().to_owned(),
            it.requested_by.clone(),
            time(it.requested_at),
            or_none(it.answered_by.as_ref()),
            or_none(it.answered_at.map(time)),
        ]
    });
    let head = vec!["act", "state", "asked by", "asked at", "answered by", "answered at"];
    Sheet { head, rows: rows.collect() }
}

fn deeds(evidence: &Evidence) -> Sheet {
    let rows = evidence.deeds.iter().map(|it| {
        vec![
            it.number.to_string(),
            time(it.at),
            it.by.clone(),
            it.action.as_str().to_owned(),
            it.outcome.as_str().to_owned(),
            it.hash.clone(),
        ]
    });
    Sheet { head: vec!["entry", "when", "by", "deed", "outcome", "hash"], rows: rows.collect() }
}

const STYLE: &str = "
body { font: 11pt/1.45 system-ui, sans-serif; color: #14202b; background: #fff; margin: 2rem auto;
  max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 1px solid #9fb1c1; }
table { border-collapse: collapse; width: 100%; font-size: .85em; }
th, td { text-align: left; padding: .2rem .5rem; border-bottom: 1px solid #d5dee6;
  vertical-align: top; overflow-wrap: anywhere; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; }
dt { color: #46586a; } dd { margin: 0; overflow-wrap: anywhere; }
.bad { color: #a01414; font-weight: 600; }
@page { size: A4; margin: 15mm; }
@media print { body { margin: 0; max-width: none; font-size: 9pt; }
  h2 { break-after: avoid; } tr { break-inside: avoid; } thead { display: table-header-group; } }
";

fn html(evidence: &Evidence) -> Vec<u8> {
    let run = &evidence.run;
    let mut page = String::new();
    // Writing to a String does not fail.
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Migration {}: {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>Migration report: {}</h1>\n",
        escaped(run.id.as_str()),
        escaped(&run.plan_name),
        escaped(&run.plan_name),
    );
    let books = if evidence.books_close {
        "The books of every table close.".to_owned()
    } else {
        "<span class=\"bad\">The books do not close.</span>".to_owned()
    };
    let _ = writeln!(page, "<p>{books}</p>\n<dl>");
    for (name, value) in [
        ("Run", run.id.to_string()),
        ("State", run.state.label().to_owned()),
        ("Began", time(run.started_at)),
        ("Ended", or_none(run.ended_at.map(time))),
        ("Plan's fingerprint", run.plan_hash.clone()),
        ("State of the source", or_none(run.source_position.as_ref())),
    ] {
        let _ = writeln!(page, "<dt>{name}</dt><dd>{}</dd>", escaped(&value));
    }
    page.push_str("</dl>\n<h2>Books</h2>\n");
    tables(evidence).html(&mut page, "");
    if let Some(forecast) = &evidence.forecast {
        forecast_html(&mut page, forecast);
    }
    for (title, sheet, nothing) in [
        ("Quarantine, and what became of it", quarantine(evidence), "No row was quarantined."),
        ("Work on the quarantine", work(evidence), "Nothing was done to quarantined rows."),
        ("Rules that lose information", losses(evidence), "No rule of the plan loses information."),
        ("Decisions on duplicates", merges(evidence), "Nobody was merged."),
    ] {
        let _ = writeln!(page, "<h2>{title}</h2>");
        sheet.html(&mut page, nothing);
    }
    page.push_str("<h2>Verification</h2>\n");
    if evidence.verifications.is_empty() {
        page.push_str("<p class=\"bad\">The run was never verified.</p>\n");
    }
    for verification in &evidence.verifications {
        verification_html(&mut page, verification);
    }
    if !evidence.verifications.is_empty() {
        verified(evidence).html(&mut page, "No verification came to its end.");
    }
    clinical_html(&mut page, &evidence.checks);
    repairs_html(&mut page, evidence);
    sign_offs_html(&mut page, evidence);
    for (title, sheet, nothing) in [
        ("Approvals by a second person", approvals(evidence), "None was asked for."),
        ("Audit trail", deeds(evidence), "The trail has no entry about this run."),
    ] {
        let _ = writeln!(page, "<h2>{title}</h2>");
        sheet.html(&mut page, nothing);
    }
    page.push_str(
        "<h2>How this can be checked</h2>\n<p>manifest.json names the SHA-256 of every file, and \
         manifest.sig is an Ed25519 signature over it. <code>transfuse report verify FOLDER</code> \
         holds all of them against each other. No value of a patient's record is in this pack.</p>\n\
         </body>\n</html>\n",
    );
    page.into_bytes()
}

fn verification_html(page: &mut String, verification: &VerificationEvidence) {
    let is_bad = verification.state != shared::verification::VerificationState::Equal;
    let class = if is_bad { " class=\"bad\"" } else { "" };
    let _ = writeln!(
        page,
        "<p{class}>{} ({}), {}: {}</p>",
        escaped(verification.id.as_str()),
        verification.mode.as_str(),
        time(verification.started_at),
        verification.state.label()
    );
    let findings = verification.findings.iter();
    for note in findings.flat_map(|findings| &findings.notes) {
        let _ = writeln!(page, "<p>Note: {}</p>", escaped(note));
    }
    if !verification.mismatches.is_empty() {
        mismatches(verification).html(page, "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_neither_markup_nor_a_formula() {
        let sheet = Sheet {
            head: vec!["a name"],
            rows: vec![vec!["<script>".to_owned()], vec!["=1+1".to_owned()]],
        };
        let mut page = String::new();
        sheet.html(&mut page, "");
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"), "{page}");
        assert_eq!(sheet.csv(), b"a_name\n<script>\n'=1+1\n");
    }
}
