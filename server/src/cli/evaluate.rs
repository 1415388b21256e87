use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use dedup::evaluate::{CurvePoint, Evaluation, Judged, Quality, Records, Truth, evaluate};
use dedup::score::{probability, weight_of};
use shared::error_code::ErrorCode;

use super::CommandError;
use super::match_people::input::{Listing, truth};
use super::output::{Json, count, give, table};

#[derive(Debug, Args)]
pub(super) struct Evaluate {
    /// Who each record really is: `record_id,entity_id`
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    /// Pairs: `left_id,right_id`, a `weight` in bits or a `probability`, and perhaps a `decision`
    #[arg(long, value_name = "FILE")]
    pairs: Option<PathBuf>,
    /// Clusters: `cluster_id,record_id`; a record that is not named stands alone
    #[arg(long, value_name = "FILE")]
    clusters: Option<PathBuf>,
    #[command(flatten)]
    json: Json,
}

impl Evaluate {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let (records, truth) = Truth::alone(truth(&self.truth)?).map_err(|error| {
            CommandError::new(ErrorCode::Match002, format!("reading {}", self.truth.display()))
                .because(&error)
        })?;
        let judged = match &self.pairs {
            Some(path) => pairs(path, &records)?,
            None => Vec::new(),
        };
        let clusters = self.clusters.as_deref().map(|path| clusters(path, &records)).transpose()?;
        let evaluation = evaluate(&truth, &judged, clusters.as_deref());
        self.json.write(&evaluation)?;
        if !self.json.is_stdout() {
            give(told(&evaluation))?;
        }
        Ok(())
    }
}

/// Pairs of records that the truth knows. Where no decision is written down, a pair is a match
/// that is more likely one than not.
fn pairs(path: &std::path::Path, records: &Records) -> Result<Vec<Judged>, CommandError> {
    let mut file = Listing::open(path)?;
    let left = file.column(&["left_id", "unique_id_l"])?;
    let right = file.column(&["right_id", "unique_id_r"])?;
    let weight = file.find(&["weight", "match_weight"]);
    let stated = file.find(&["probability", "match_probability"]);
    let decision = file.find(&["decision"]);
    if weight.is_none() && stated.is_none() {
        file.column(&["weight", "probability"])?;
    }
    let mut judged = Vec::new();
    file.each(|row| {
        let number = |at: Option<usize>| at.map(|at| row[at].trim().parse::<f64>()).transpose();
        let weight = number(weight).map_err(|_| "its weight is no number")?;
        let stated = number(stated).map_err(|_| "its probability is no number")?;
        let weight = weight.or_else(|| stated.map(weight_of)).unwrap_or_default();
        if let (Some(left), Some(right)) = (records.index(&row[left]), records.index(&row[right])) {
            let is_match = match decision {
                Some(at) => row[at].trim() == "match",
                None => probability(weight) > 0.5,
            };
            judged.push(Judged { left, right, weight, is_match });
        }
        Ok(())
    })?;
    Ok(judged)
}

fn clusters(path: &std::path::Path, records: &Records) -> Result<Vec<u32>, CommandError> {
    let mut file = Listing::open(path)?;
    let record = file.column(&["record_id", "rec_id", "id", "unique_id"])?;
    let cluster = file.column(&["cluster_id", "entity_id", "person_id", "cluster"])?;
    let mut names: HashMap<String, u32> = HashMap::new();
    let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
    // Numbers of clusters come after those of records that stand alone.
    let mut numbers: Vec<u32> = (0..count).collect();
    file.each(|row| {
        if let Some(index) = records.index(&row[record]) {
            let next = count.saturating_add(u32::try_from(names.len()).unwrap_or(u32::MAX));
            numbers[index as usize] = *names.entry(row[cluster].to_owned()).or_insert(next);
        }
        Ok(())
    })?;
    Ok(numbers)
}

/// An evaluation in words.
pub(super) fn told(evaluation: &Evaluation) -> String {
    let mut rows = Vec::new();
    let mut line = |name: &str, weight: Option<f64>, quality: &Quality| {
        rows.push([
            name.to_owned(),
            weight.map_or_else(String::new, |weight| format!("{weight:.2}")),
            format!("{:.4}", quality.precision),
            format!("{:.4}", quality.recall),
            format!("{:.4}", quality.f1),
            count(quality.found_wrong),
            count(quality.missed),
        ]);
    };
    line("pairs decided a match", None, &evaluation.matches);
    let points = [
        ("pairs of 0.95 and more", &evaluation.sure),
        ("pairs, 999 of 1,000 right", &evaluation.precise),
        ("pairs, best F1", &evaluation.best),
    ];
    for (name, point) in points {
        if let Some(CurvePoint { weight, quality, .. }) = point {
            line(name, Some(*weight), quality);
        }
    }
    if let Some(clusters) = &evaluation.clusters {
        line("clusters, by pairs", None, &clusters.pairwise);
        line("clusters, exact", None, &clusters.exact);
    }
    let mut text = format!(
        "{} records, {} pairs of one person\n{}",
        count(evaluation.records),
        count(evaluation.true_pairs),
        table(["", "from bits", "precision", "recall", "F1", "wrong", "missed"], &rows)
    );
    if let Some(clusters) = &evaluation.clusters {
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "\nclusters of several people: {}; people in several clusters: {}; B-cubed precision \
             {:.4}, recall {:.4}",
            count(clusters.over_merged),
            count(clusters.split),
            clusters.b_cubed_precision,
            clusters.b_cubed_recall
        );
    }
    if !evaluation.calibration.is_empty() {
        let bands: Vec<_> = evaluation
            .calibration
            .iter()
            .map(|band| {
                [
                    format!("{:.4} to {:.4}", band.from, band.to),
                    count(band.pairs),
                    format!("{:.4}", band.stated),
                    format!("{:.4}", band.observed),
                ]
            })
            .collect();
        let _ =
            write!(text, "\n\n{}", table(["probability", "pairs", "stated", "observed"], &bands));
    }
    if !evaluation.curve.is_empty() {
        let points: Vec<_> = evaluation.curve.iter().map(point).collect();
        let head = ["from bits", "probability", "precision", "recall", "F1"];
        let _ = write!(text, "\n\n{}", table(head, &points));
    }
    text
}

fn point(point: &CurvePoint) -> [String; 5] {
    [
        format!("{:.2}", point.weight),
        format!("{:.6}", point.probability),
        format!("{:.4}", point.quality.precision),
        format!("{:.4}", point.quality.recall),
        format!("{:.4}", point.quality.f1),
    ]
}
