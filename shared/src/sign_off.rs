//! People of a run, drawn at random, whom somebody compares by eye before the run is believed.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::assessment::TableName;
use crate::id::{RunId, SignOffId};
use crate::problem::FieldProblem;
use crate::run::Failure;

/// Where a sign-off stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SignOffState {
    /// People are being drawn.
    Drawing,
    /// The sample stands, and people of it are judged.
    Open,
    /// Everybody was judged, and somebody signed for it.
    Signed,
    /// Nobody could be drawn.
    Failed,
}

impl SignOffState {
    pub const ALL: [Self; 4] = [Self::Drawing, Self::Open, Self::Signed, Self::Failed];

    pub const fn allows(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Drawing, Self::Open | Self::Failed) | (Self::Open, Self::Signed)
        )
    }

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drawing => "drawing",
            Self::Open => "open",
            Self::Signed => "signed",
            Self::Failed => "failed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Drawing => "Being drawn",
            Self::Open => "Open",
            Self::Signed => "Signed",
            Self::Failed => "Failed",
        }
    }
}

/// By what people who were carried over are told apart into strata.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StrataBy {
    /// By how many rows of other tables refer to them.
    #[default]
    Records,
    /// By how old they were when the run began.
    Age,
}

impl StrataBy {
    pub const ALL: [Self; 2] = [Self::Records, Self::Age];

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Age => "age",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.as_str() == name)
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Records => "How many rows of other tables they have",
            Self::Age => "Age when the run began",
        }
    }
}

/// People of one kind, of whom some are drawn. Everybody belongs to exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stratum {
    /// In quarantine, or nowhere.
    NotCarried,
    /// Became one with somebody else.
    Merged,
    /// No row of another table refers to them.
    NoRecords,
    /// One to nine rows do.
    FewRecords,
    /// Ten to ninety-nine.
    ManyRecords,
    /// A hundred and more.
    MostRecords,
    Under18,
    From18,
    From40,
    From65,
    From80,
    /// Without a birth date, or with one that nobody alive can have.
    UnknownAge,
}

/// Nobody has become older.
const OLDEST: u32 = 125;

impl Stratum {
    pub const ALL: [Self; 12] = [
        Self::NotCarried,
        Self::Merged,
        Self::NoRecords,
        Self::FewRecords,
        Self::ManyRecords,
        Self::MostRecords,
        Self::Under18,
        Self::From18,
        Self::From40,
        Self::From65,
        Self::From80,
        Self::UnknownAge,
    ];

    /// By how many rows of other tables refer to somebody.
    pub const fn of_records(records: u64) -> Self {
        match records {
            0 => Self::NoRecords,
            1..=9 => Self::FewRecords,
            10..=99 => Self::ManyRecords,
            _ => Self::MostRecords,
        }
    }

    /// By how old somebody is on a day.
    pub fn of_age(born: Option<NaiveDate>, on: NaiveDate) -> Self {
        match born.and_then(|born| on.years_since(born)) {
            Some(0..18) => Self::Under18,
            Some(18..40) => Self::From18,
            Some(40..65) => Self::From40,
            Some(65..80) => Self::From65,
            Some(80..=OLDEST) => Self::From80,
            Some(_) | None => Self::UnknownAge,
        }
    }

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotCarried => "not_carried",
            Self::Merged => "merged",
            Self::NoRecords => "no_records",
            Self::FewRecords => "few_records",
            Self::ManyRecords => "many_records",
            Self::MostRecords => "most_records",
            Self::Under18 => "under18",
            Self::From18 => "from18",
            Self::From40 => "from40",
            Self::From65 => "from65",
            Self::From80 => "from80",
            Self::UnknownAge => "unknown_age",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stratum| stratum.as_str() == name)
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotCarried => "Not carried over",
            Self::Merged => "Merged with somebody",
            Self::NoRecords => "No rows of other tables",
            Self::FewRecords => "1 to 9 rows of other tables",
            Self::ManyRecords => "10 to 99 rows of other tables",
            Self::MostRecords => "100 rows of other tables and more",
            Self::Under18 => "Under 18 years",
            Self::From18 => "18 to 39 years",
            Self::From40 => "40 to 64 years",
            Self::From65 => "65 to 79 years",
            Self::From80 => "80 years and more",
            Self::UnknownAge => "Without an age that can be",
        }
    }
}

/// What starts a sign-off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewSignOff {
    pub run_id: RunId,
    /// How many people are drawn, where there are so many.
    #[serde(default = "usual_size")]
    pub size: u32,
    /// The same seed draws the same people of the same data.
    #[serde(default = "usual_seed")]
    pub seed: u64,
    /// The table of the target in which each row is a person; else the one that the plan names
    /// under `duplicates`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableName>,
    #[serde(default)]
    pub strata: StrataBy,
    /// The column of that table with the birth date, for strata by age; else the one that the plan
    /// names under `duplicates`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born: Option<String>,
}

const fn usual_size() -> u32 {
    NewSignOff::USUAL_SIZE
}

const fn usual_seed() -> u64 {
    NewSignOff::USUAL_SEED
}

impl NewSignOff {
    pub const USUAL_SIZE: u32 = 30;
    pub const USUAL_SEED: u64 = 1;
    /// More than anybody compares by eye.
    pub const MOST: u32 = 500;

    /// What is wrong with it, field by field.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let wrong =
            |field: &str, message: String| FieldProblem { field: field.to_owned(), message };
        let mut problems = Vec::new();
        if !(1..=Self::MOST).contains(&self.size) {
            problems.push(wrong("size", format!("A number from 1 to {}.", Self::MOST)));
        }
        // What every reader of JSON takes for the same number, and every store keeps.
        if self.seed >= 1 << 53 {
            problems.push(wrong("seed", "A number below 2^53.".to_owned()));
        }
        problems
    }
}

/// What somebody says of one person's rows on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    Accepted,
    Rejected,
}

impl Judgement {
    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Accepted, Self::Rejected].into_iter().find(|said| said.as_str() == name)
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Rejected => "Rejected",
        }
    }
}

/// A judgement, with what is to be said for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewJudgement {
    pub judgement: Judgement,
    /// One line. It is kept sealed: it may speak of the person.
    #[cfg_attr(feature = "openapi", schema(min_length = 3, max_length = 500))]
    pub reason: String,
}

/// What may be said of the reason stays out of logs.
impl fmt::Debug for NewJudgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewJudgement").field("judgement", &self.judgement).finish_non_exhaustive()
    }
}

/// From where to where something lies, with a stated confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShareInterval {
    pub low: f64,
    pub high: f64,
}

/// What was drawn of a stratum, and what was said of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StratumResult {
    pub stratum: Stratum,
    /// How many people are in it.
    pub people: u64,
    /// The number of people was counted, and not told from a part of them.
    pub is_counted: bool,
    pub drawn: u32,
    pub accepted: u32,
    pub rejected: u32,
    /// Where the share of those lies who would be accepted, by the exact interval of Clopper and
    /// Pearson; none before somebody was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<ShareInterval>,
}

/// What the judgements say of all people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Acceptance {
    pub drawn: u32,
    pub accepted: u32,
    pub rejected: u32,
    /// How sure the intervals are.
    pub confidence: f64,
    /// Each stratum by how many people it has; none before somebody of every stratum was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Where that share lies: the strata's exact intervals together, each at a confidence at which
    /// all of them hold at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<ShareInterval>,
    pub strata: Vec<StratumResult>,
}

/// A sign-off as the portal shows it. No value of a person is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignOff {
    pub id: SignOffId,
    pub run_id: RunId,
    /// How the run's plan was called.
    pub plan_name: String,
    /// The table of the target in which each row is a person.
    pub table: TableName,
    pub size: u32,
    pub seed: u64,
    pub strata: StrataBy,
    pub state: SignOffState,
    pub requested_by: String,
    pub requested_at: DateTime<Utc>,
    pub signed_by: Option<String>,
    pub signed_at: Option<DateTime<Utc>>,
    pub failure: Option<Failure>,
    pub acceptance: Acceptance,
}

/// Somebody of a sample, without a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SampledPerson {
    /// Counts from 1 within the sample.
    pub number: u32,
    pub stratum: Stratum,
    pub judgement: Option<Judgement>,
    pub judged_by: Option<String>,
    pub judged_at: Option<DateTime<Utc>>,
}

/// Somebody's rows on both sides, in clear. Somebody asked for it and the audit trail says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevealedPerson {
    pub person: SampledPerson,
    /// What was said for the judgement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The person's own table first, then those that refer to it.
    pub tables: Vec<SideBySide>,
}

/// The rows of one table that belong to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SideBySide {
    pub source: TableName,
    pub target: TableName,
    pub columns: Vec<ColumnPair>,
    pub rows: Vec<RowPair>,
    /// There are more rows than are shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_more: bool,
}

/// A column of the target and the one that it is filled from; one of them may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ColumnPair {
    pub source: Option<String>,
    pub target: Option<String>,
}

/// One row on both sides, its cells in the order of the columns.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RowPair {
    pub state: PairState,
    /// As the source has it; none where it has no such row.
    pub source: Option<Vec<Option<String>>>,
    /// As the target has it; none where it has no such row.
    pub target: Option<Vec<Option<String>>>,
    /// Places of the columns in which the target has something else than the plan's rules make of
    /// the source's row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<u32>,
}

impl fmt::Debug for RowPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowPair")
            .field("state", &self.state)
            .field("differs", &self.differs)
            .finish_non_exhaustive()
    }
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PairState {
    /// The target has what the rules make of the source's row.
    Same,
    Different,
    /// The target should have it, and has not.
    Missing,
    /// Only the target has it: somebody put it there, or it came from a person merged with this one.
    Extra,
    Quarantined,
    /// The rules cannot turn it, and it lies in no quarantine.
    Nowhere,
    /// The plan's filter leaves it out.
    Filtered,
    /// It lives on in another row, with which it was merged.
    Merged,
}

impl PairState {
    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Same => "Same",
            Self::Different => "Different",
            Self::Missing => "Missing in the target",
            Self::Extra => "Only in the target",
            Self::Quarantined => "In quarantine",
            Self::Nowhere => "Nowhere",
            Self::Filtered => "Left out by the plan",
            Self::Merged => "Merged into another row",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SignOffState as State;
    use super::{NewSignOff, RowPair, SignOffState, Stratum};

    #[test]
    fn a_sample_has_somebody_in_it_and_not_too_many() {
        let fields = |text: &str| {
            let new: NewSignOff = serde_json::from_str(text).unwrap();
            new.problems().into_iter().map(|problem| problem.field).collect::<Vec<_>>()
        };
        assert_eq!(fields(r#"{"run_id": "r1"}"#), Vec::<String>::new());
        assert_eq!(fields(r#"{"run_id": "r1", "size": 0}"#), ["size"]);
        assert_eq!(fields(r#"{"run_id": "r1", "size": 501}"#), ["size"]);
        assert_eq!(fields(r#"{"run_id": "r1", "seed": 9007199254740992}"#), ["seed"]);
    }

    #[test]
    fn what_was_signed_stays_signed() {
        assert!(State::Open.allows(State::Signed) && State::Drawing.allows(State::Open));
        assert!(SignOffState::ALL.iter().all(|next| !State::Signed.allows(*next)));
    }

    #[test]
    fn everybody_is_in_one_stratum_of_rows() {
        let by_rows = [0, 1, 9, 10, 99, 100].map(Stratum::of_records);
        assert_eq!(by_rows, {
            use Stratum::{FewRecords, ManyRecords, MostRecords, NoRecords};
            [NoRecords, FewRecords, FewRecords, ManyRecords, ManyRecords, MostRecords]
        });
    }

    #[test]
    fn everybody_is_in_one_stratum_of_ages() {
        let day = |text: &str| text.parse().unwrap();
        let of = |born: &str| Stratum::of_age(Some(day(born)), day("2020-03-01"));
        assert_eq!(of("2020-03-01"), Stratum::Under18);
        assert_eq!([of("2002-03-02"), of("2002-03-01")], [Stratum::Under18, Stratum::From18]);
        assert_eq!([of("1980-03-01"), of("1955-03-01")], [Stratum::From40, Stratum::From65]);
        assert_eq!([of("1940-03-01"), of("1895-03-01")], [Stratum::From80; 2]);
        // Tomorrow, and before anybody who is alive.
        assert_eq!([of("2020-03-02"), of("1894-03-01")], [Stratum::UnknownAge; 2]);
        assert_eq!(Stratum::of_age(None, day("2020-03-01")), Stratum::UnknownAge);
        for stratum in Stratum::ALL {
            assert_eq!(Stratum::from_name(stratum.as_str()), Some(stratum));
            assert_eq!(serde_json::to_value(stratum).unwrap(), stratum.as_str());
        }
    }

    #[test]
    fn what_a_row_holds_is_not_written_by_accident() {
        let row = RowPair {
            state: super::PairState::Same,
            source: Some(vec![Some("Zoë".to_owned())]),
            target: Some(vec![Some("Zoë".to_owned())]),
            differs: Vec::new(),
        };
        assert!(!format!("{row:?}").contains("Zoë"));
    }
}
