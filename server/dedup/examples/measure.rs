//! Measures the matcher where the truth is known.
//!
//! `measure people.csv truth.csv [ignored attribute,…]` prints what was found, how right it is and
//! how long each step took; `truth.csv` has a record's id and who it is. With `TABLES` set the
//! model is printed, with `PASSES` what each pass found, with `WRONG=n` the n worst mistakes.
//! `measure generate usual|singles|clean RECORDS SEED people.csv truth.csv` writes invented people.

#[path = "../tests/matcher/support/population.rs"]
mod population;

use std::error::Error;
use std::io::{self, Write};
use std::time::Instant;

use dedup::evaluate::{self, CurvePoint, Truth};
use dedup::find::{self, Scored};
use dedup::people::Builder;
use dedup::policy::Policy;
use dedup::score::Scorer;
use dedup::{Columns, Findings, People};
use population::{Kind, Population};
use shared::duplicate::{Attribute, Verdict};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match texts.as_slice() {
        ["generate", kind, records, seed, people, truth] => {
            let kind = match *kind {
                "singles" => Kind::Singles,
                "clean" => Kind::Clean,
                _ => Kind::Usual,
            };
            let population = population::generate_kind(records.parse()?, seed.parse()?, kind);
            write(&population, people, truth)
        }
        [people, truth] => measure(people, truth, &[]),
        [people, truth, ignored] => {
            let ignored: Vec<Attribute> =
                ignored.split(',').filter_map(Attribute::from_name).collect();
            measure(people, truth, &ignored)
        }
        _ => Err("measure people.csv truth.csv [ignored] | measure generate KIND RECORDS SEED people.csv truth.csv".into()),
    }
}

fn write(population: &Population, people: &str, truth: &str) -> Outcome<()> {
    let mut writer = csv::Writer::from_path(people)?;
    writer.write_record(&population.header)?;
    for row in &population.rows {
        writer.write_record(row)?;
    }
    writer.flush()?;
    let mut writer = csv::Writer::from_path(truth)?;
    writer.write_record(["record_id", "entity_id"])?;
    for (record, entity) in &population.truth {
        writer.write_record([record, entity])?;
    }
    writer.flush()?;
    Ok(())
}

fn measure(people: &str, truth: &str, ignored: &[Attribute]) -> Outcome<()> {
    let mut out = io::stdout().lock();
    let policy = Policy { ignore: ignored.to_vec(), ..Policy::default() };
    let started = Instant::now();
    let people = read(people, &policy)?;
    let (read_in, read_cpu) = (started.elapsed(), cpu_seconds());
    let started = Instant::now();
    let findings = find::find(&people, &policy, None, &[])?;
    writeln!(
        out,
        "records {} compared {} | read {read_in:.1?}, {read_cpu:.2} CPU s | find {:.1?}, {:.2} CPU s | peak {} MB",
        people.len(),
        findings.compared,
        started.elapsed(),
        cpu_seconds() - read_cpu,
        peak_megabytes()
    )?;
    let mut reader = csv::Reader::from_path(truth)?;
    let entries: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>()?;
    let truth = Truth::new(&people, entries.iter().map(|entry| (&entry[0], &entry[1])));
    if let Some(training) = &findings.training {
        writeln!(
            out,
            "model {:?} | expected same {:.0} household {:.0} twin {:.0} namesake {:.0} | true {}",
            findings.model.origin,
            training.expected_matches,
            training.expected_household_pairs,
            training.expected_twin_pairs,
            training.expected_namesake_pairs,
            truth.true_pairs()
        )?;
        for finding in training.findings.iter().filter(|finding| finding.is_fatal()) {
            writeln!(out, "  {finding:?}")?;
        }
    }
    print_quality(&mut out, &people, &findings, &truth)?;
    if std::env::var_os("PASSES").is_some() {
        for (pass, only) in findings.passes.iter().zip(findings.found_only_by(&people)) {
            writeln!(
                out,
                "  {:44} records {:8} pairs {:9} new {:8} only {only:6} separated {}",
                pass.pass, pass.records, pass.pairs, pass.new_pairs, pass.separated_pairs
            )?;
        }
    }
    if std::env::var_os("TABLES").is_some() {
        print_tables(&mut out, &findings)?;
    }
    if let Ok(count) = std::env::var("WRONG") {
        print_wrong(&mut out, &people, &findings, &truth, count.parse()?)?;
    }
    Ok(())
}

fn read(path: &str, policy: &Policy) -> Outcome<People> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path)?;
    let headers: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    let columns = Columns::recognise(&headers, &policy.named_columns())?.without(&policy.ignore)?;
    let mut builder = Builder::excluding(columns, &policy.exclude);
    let mut batch = Vec::with_capacity(10_000);
    for record in reader.records() {
        batch.push(record?);
        if batch.len() == batch.capacity() {
            builder.extend(&batch, |row, at| row.get(at).unwrap_or_default());
            batch.clear();
        }
    }
    builder.extend(&batch, |row, at| row.get(at).unwrap_or_default());
    Ok(builder.finish(None)?)
}

fn print_quality(
    out: &mut impl Write,
    people: &People,
    findings: &Findings,
    truth: &Truth,
) -> Outcome<()> {
    let weighed = || findings.pairs.iter().map(|pair| (pair.left, pair.right, pair.weight));
    let curve = truth.curve(weighed());
    let mut point = |name: &str, point: Option<&CurvePoint>| match point {
        Some(CurvePoint { weight, quality, .. }) => writeln!(
            out,
            "{name:14} weight {weight:6.2} F1 {:.4} P {:.4} R {:.4} wrong {} missed {}",
            quality.f1, quality.precision, quality.recall, quality.found_wrong, quality.missed
        ),
        None => Ok(()),
    };
    point("pairs best", evaluate::best(&curve))?;
    point("pairs p>=.95", evaluate::at_weight(&curve, 4.248))?;
    point("pairs P>=.999", evaluate::at_precision(&curve, 0.999))?;
    let matches = findings.pairs.iter().filter(|pair| pair.verdict == Verdict::Match);
    let quality = truth.of_pairs(matches.map(|pair| (pair.left, pair.right)));
    writeln!(
        out,
        "matches        F1 {:.4} P {:.4} R {:.4} wrong {} | reviews {}",
        quality.f1,
        quality.precision,
        quality.recall,
        quality.found_wrong,
        findings.count(Verdict::Review)
    )?;
    for (name, partition) in [("proposed", &findings.proposed), ("automatic", &findings.automatic)]
    {
        let quality = truth.of_clusters(&partition.numbers(people.len()));
        writeln!(
            out,
            "{name:14} F1 {:.4} P {:.4} R {:.4} exact F1 {:.4} over-merged {} split {}",
            quality.pairwise.f1,
            quality.pairwise.precision,
            quality.pairwise.recall,
            quality.exact.f1,
            quality.over_merged,
            quality.split
        )?;
    }
    for band in truth.calibration(weighed()) {
        writeln!(
            out,
            "  {:.4} to {:.4}: {:7} pairs, stated {:.4}, observed {:.4}",
            band.from, band.to, band.pairs, band.stated, band.observed
        )?;
    }
    Ok(())
}

fn print_tables(out: &mut impl Write, findings: &Findings) -> Outcome<()> {
    for (field, levels) in &findings.model.fields {
        for (level, chances) in levels {
            writeln!(
                out,
                "{:16} {:10} same {:.4} household {:.4} twin {:.4} namesake {:.4} stranger {:.2e}",
                field.as_str(),
                level.as_str(),
                chances.same,
                chances.household,
                chances.twin,
                chances.namesake,
                chances.stranger
            )?;
        }
    }
    Ok(())
}

fn print_wrong(
    out: &mut impl Write,
    people: &People,
    findings: &Findings,
    truth: &Truth,
    count: usize,
) -> Outcome<()> {
    let scorer = Scorer::new(&findings.model, people);
    let link = 2.0;
    let is_wrong =
        |pair: &&Scored| truth.is_match(pair.left, pair.right) == Some(pair.weight < link);
    let mut wrong: Vec<&Scored> = findings.pairs.iter().filter(is_wrong).collect();
    wrong.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    for pair in wrong.into_iter().take(count) {
        let explained = find::explain(people, &scorer, pair);
        writeln!(
            out,
            "{} {} {:.1} is one: {:?} {:?} {:?}",
            explained.pair.left_id,
            explained.pair.right_id,
            pair.weight,
            truth.is_match(pair.left, pair.right),
            explained.alternatives,
            pair.vetoes
        )?;
        for factor in explained.factors {
            writeln!(
                out,
                "     {:14} {:10} {:+.1} (s {:+.1} h {:+.1}) {:?} {:?}",
                factor.field.as_str(),
                factor.agreement.as_str(),
                factor.weight,
                factor.against_stranger,
                factor.against_household,
                factor.left,
                factor.right
            )?;
        }
    }
    Ok(())
}

/// What all threads of the process took, as the system counts it.
fn cpu_seconds() -> f64 {
    let status = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = status.rsplit(')').next().unwrap_or_default();
    let ticks = |field: usize| {
        after_name.split_whitespace().nth(field).and_then(|text| text.parse::<u32>().ok())
    };
    f64::from(ticks(11).unwrap_or_default() + ticks(12).unwrap_or_default()) / 100.0
}

/// What the process took at most, as the system counts it.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}
