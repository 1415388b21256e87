//! The same person found more than once: who was compared, how alike they are, what was decided,
//! and what survives.
//!
//! Types that hold a person's values print none of them with `{:?}`.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A record's own key in the table or file it came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct RecordId(pub String);

impl RecordId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for RecordId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One person that was found, as long as the person exists: it survives merges and re-runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct ClusterId(pub String);

impl ClusterId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! names {
    ($kind:ident { $($variant:ident => $name:literal, $label:literal;)+ }) => {
        impl $kind {
            /// All of them, in the order in which they are shown.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// As documents, files and stores write it.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// What people read.
            pub const fn label(self) -> &'static str {
                match self { $( Self::$variant => $label, )+ }
            }

            /// The one that is written so.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|one| one.as_str() == name)
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

/// What a column says about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Attribute {
    /// The record's own key. It is no evidence.
    RecordId,
    /// The system that the record came from.
    Source,
    /// When the record was last changed.
    UpdatedAt,
    FullName,
    GivenName,
    MiddleName,
    Surname,
    /// A second surname, where a culture has two.
    SecondSurname,
    /// A name from before a marriage, or another former one.
    PreviousSurname,
    /// Jr, Sr, III.
    Suffix,
    BirthDate,
    BirthYear,
    BirthMonth,
    BirthDay,
    Sex,
    /// A number that one person has for life: social security, national health.
    Identifier,
    /// A number that a person has for a time: passport, insurance policy, record number.
    OtherIdentifier,
    Phone,
    Email,
    HouseNumber,
    Street,
    /// What stands on a second address line: flat, building, district.
    Unit,
    City,
    Postcode,
    State,
}

names!(Attribute {
    RecordId => "record_id", "Record";
    Source => "source", "Source";
    UpdatedAt => "updated_at", "Last changed";
    FullName => "full_name", "Full name";
    GivenName => "given_name", "Given name";
    MiddleName => "middle_name", "Middle name";
    Surname => "surname", "Surname";
    SecondSurname => "second_surname", "Second surname";
    PreviousSurname => "previous_surname", "Previous surname";
    Suffix => "suffix", "Suffix";
    BirthDate => "birth_date", "Date of birth";
    BirthYear => "birth_year", "Year of birth";
    BirthMonth => "birth_month", "Month of birth";
    BirthDay => "birth_day", "Day of birth";
    Sex => "sex", "Sex";
    Identifier => "identifier", "Identifier";
    OtherIdentifier => "other_identifier", "Other identifier";
    Phone => "phone", "Phone";
    Email => "email", "E-mail";
    HouseNumber => "house_number", "House number";
    Street => "street", "Street";
    Unit => "unit", "Second address line";
    City => "city", "City";
    Postcode => "postcode", "Postcode";
    State => "state", "State";
});

impl Attribute {
    /// Whether two people can be told apart by it, alone or with others.
    pub const fn tells_people_apart(self) -> bool {
        !matches!(self, Self::RecordId | Self::Source | Self::UpdatedAt | Self::Sex | Self::Suffix)
    }
}

/// What is compared between two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Field {
    GivenName,
    MiddleName,
    Surname,
    Suffix,
    BirthDate,
    Sex,
    Identifier,
    OtherIdentifier,
    Phone,
    Email,
    Address,
    Unit,
    City,
    Postcode,
    State,
    /// Postcode, city and state of two different addresses, together: who moves changes them all.
    Area,
}

names!(Field {
    GivenName => "given_name", "Given name";
    MiddleName => "middle_name", "Middle name";
    Surname => "surname", "Surname";
    Suffix => "suffix", "Suffix";
    BirthDate => "birth_date", "Date of birth";
    Sex => "sex", "Sex";
    Identifier => "identifier", "Identifier";
    OtherIdentifier => "other_identifier", "Other identifier";
    Phone => "phone", "Phone";
    Email => "email", "E-mail";
    Address => "address", "Address";
    Unit => "unit", "Second address line";
    City => "city", "City";
    Postcode => "postcode", "Postcode";
    State => "state", "State";
    Area => "area", "Area";
});

/// How far two values of a field agree. Which of these a field can have is fixed per field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    /// One side, or both, says nothing: no evidence.
    Missing,
    Exact,
    /// A known short or other form of the same name.
    Nickname,
    /// Very similar spelling.
    Near,
    /// Similar spelling.
    Close,
    /// Somewhat similar spelling, or the same sound.
    Loose,
    /// One is the initial of the other.
    Initial,
    /// Two values changed places: given name and surname, day and month, street and second line.
    Swapped,
    /// One shares a part with the other: half of a double name, a former name, two parts of a
    /// date, the local part of an e-mail address, the house number, the city of an area.
    Part,
    /// A smaller part: the year of a date, the state of an area.
    SmallPart,
    /// One character was changed, lost, added, or changed places with its neighbour.
    OneEdit,
    TwoEdits,
    Different,
}

names!(Agreement {
    Missing => "missing", "not known on both sides";
    Exact => "exact", "the same";
    Nickname => "nickname", "another form of the same name";
    Near => "near", "almost the same";
    Close => "close", "similar";
    Loose => "loose", "somewhat similar";
    Initial => "initial", "same initial";
    Swapped => "swapped", "changed places";
    Part => "part", "the same in part";
    SmallPart => "small_part", "the same in a small part";
    OneEdit => "one_edit", "one character off";
    TwoEdits => "two_edits", "two characters off";
    Different => "different", "different";
});

/// What is to be done with a pair, or was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The same person.
    Match,
    /// Somebody has to look.
    Review,
    /// Not the same person.
    NoMatch,
}

names!(Verdict {
    Match => "match", "Same person";
    Review => "review", "To be reviewed";
    NoMatch => "no_match", "Not the same person";
});

/// Why a pair with a sufficient weight is still not merged without somebody's look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Veto {
    /// Both have an identifier, and these are not the same.
    IdentifierConflict,
    /// Jr and Sr, II and III.
    SuffixConflict,
    /// Of one surname, but with two given names or sexes: twins, brothers, sisters.
    PossibleSiblings,
    /// Of one name and place, but born a generation apart.
    PossibleParentAndChild,
    /// A newborn without a name of its own.
    Newborn,
    /// They share an identifier, and neither the given name nor the date of birth.
    SharedIdentifier,
    /// They agree in a name and a date, and in nothing that could tell namesakes apart.
    ThinEvidence,
}

names!(Veto {
    IdentifierConflict => "identifier_conflict", "Different identifiers";
    SuffixConflict => "suffix_conflict", "Different suffixes";
    PossibleSiblings => "possible_siblings", "Possible twins or siblings";
    PossibleParentAndChild => "possible_parent_and_child", "Possible parent and child";
    Newborn => "newborn", "Newborn without a name";
    SharedIdentifier => "shared_identifier", "One identifier, two people";
    ThinEvidence => "thin_evidence", "Too little to go by";
});

impl Veto {
    /// Whether it says that these are two people. The others say that too little is known, which
    /// more records of a person can make up for.
    pub const fn is_contradiction(self) -> bool {
        !matches!(self, Self::Newborn | Self::ThinEvidence)
    }
}

/// Why a record was not compared with anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Exclusion {
    /// Nobody's record: `Test Test`, `Dummy Patient`.
    TestRecord,
    /// Somebody whose name is not known: `John Doe`, `Unknown`.
    Anonymous,
    /// It has nothing by which a person could be told.
    Empty,
}

names!(Exclusion {
    TestRecord => "test_record", "Test record";
    Anonymous => "anonymous", "Unknown person";
    Empty => "empty", "Nothing to compare";
});

/// A record of a person, with its values as they were read.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Person {
    pub id: RecordId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateTime<Utc>>,
    /// What is known. Phones and e-mail addresses may be several.
    pub values: BTreeMap<Attribute, Vec<String>>,
}

impl Person {
    /// The first value of an attribute, if there is one.
    pub fn value(&self, attribute: Attribute) -> Option<&str> {
        self.values.get(&attribute)?.first().map(String::as_str)
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Two records that were compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pair {
    pub left_id: RecordId,
    pub right_id: RecordId,
    /// log2 of the odds that both are one person.
    pub weight: f64,
    /// The same, from 0 to 1.
    pub probability: f64,
    pub decision: Verdict,
    /// Why it is not merged although its weight would do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vetoes: Vec<Veto>,
}

/// A pair with all that its decision rests on.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PairExplanation {
    pub pair: Pair,
    /// Where the weight starts before any field is looked at: how rare matches are.
    pub prior: f64,
    /// One per field, in the order in which they are shown; with `prior` they sum to the weight.
    pub factors: Vec<Factor>,
    /// The odds of each explanation of the pair; they sum to 1.
    pub alternatives: Alternatives,
}

impl fmt::Debug for PairExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairExplanation").field("pair", &self.pair).finish_non_exhaustive()
    }
}

/// How probable each explanation of a pair is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alternatives {
    pub same_person: f64,
    pub household_member: f64,
    pub twin: f64,
    /// Parent and child, or other relatives, of one name.
    pub namesake: f64,
    pub stranger: f64,
}

/// What one field adds to a pair's weight, and why.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Factor {
    pub field: Field,
    pub agreement: Agreement,
    /// As compared: folded, without punctuation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<String>,
    /// The step of the waterfall, in bits.
    pub weight: f64,
    /// Evidence for one person against two strangers, in bits, rarity included.
    pub against_stranger: f64,
    /// Evidence for one person against two members of one household, in bits.
    pub against_household: f64,
    /// Evidence for one person against twins, in bits.
    pub against_twin: f64,
    /// Evidence for one person against parent and child of one name, in bits.
    pub against_namesake: f64,
    /// The part of `against_stranger` that comes from the value being rare (or common), in bits.
    pub rarity: f64,
}

impl fmt::Debug for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Factor")
            .field("field", &self.field)
            .field("agreement", &self.agreement)
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}

/// The records of one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cluster {
    pub id: ClusterId,
    /// In the order of their ids.
    pub members: Vec<RecordId>,
    /// The weakest mean weight at which two parts of it were joined.
    pub cohesion: f64,
    /// Whether a machine alone may merge it.
    pub decision: Verdict,
}

/// Two records that would have joined, and what kept their clusters apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Refusal {
    pub left_id: RecordId,
    pub right_id: RecordId,
    pub weight: f64,
    pub reason: RefusalReason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// Somebody said that two of them are not the same person.
    Decided,
    /// Two members contradict each other.
    Vetoed,
    /// One link is strong, the others speak against it.
    WeakChain,
    /// The cluster would be larger than the policy believes of one person.
    TooLarge,
}

names!(RefusalReason {
    Decided => "decided", "Decided before";
    Vetoed => "vetoed", "Contradiction";
    WeakChain => "weak_chain", "Chain of weak links";
    TooLarge => "too_large", "Too many records";
});

/// What somebody, or the policy, said of two records. It outlives re-training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Decision {
    pub left_id: RecordId,
    pub right_id: RecordId,
    pub verdict: Verdict,
    /// Nobody when the policy decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<DateTime<Utc>>,
}

/// How many pairs have about one weight.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WeightBin {
    /// The least weight of the bin; the next bin's is the end.
    pub from: f64,
    pub pairs: u64,
    /// How many of them are expected to be one person, by their own probabilities.
    pub expected_matches: f64,
    /// How many are expected to be two members of a household.
    #[serde(default)]
    pub expected_households: f64,
    /// How many are expected to be twins.
    #[serde(default)]
    pub expected_twins: f64,
    /// How many are expected to be parent and child, or other relatives, of one name.
    #[serde(default)]
    pub expected_namesakes: f64,
    /// How many of them a contradiction keeps from being merged unseen.
    pub vetoed: u64,
}

impl WeightBin {
    /// How many of them are expected to be strangers: all that nothing else explains.
    pub fn expected_strangers(&self) -> f64 {
        let explained = self.expected_matches
            + self.expected_households
            + self.expected_twins
            + self.expected_namesakes;
        (count(self.pairs) - explained).max(0.0)
    }
}

/// Where a model's tables come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ModelOrigin {
    /// Learned from the records themselves.
    Learned,
    /// The tables that come with the program.
    Shipped,
    /// Written by somebody, in a policy.
    HandMade,
}

names!(ModelOrigin {
    Learned => "learned", "Learned from these records";
    Shipped => "shipped", "The tables that come with Transfuse";
    HandMade => "hand_made", "Written in the policy";
});

/// A model as people look at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelSummary {
    /// Tells which model decided; another model has another.
    pub fingerprint: String,
    pub origin: ModelOrigin,
    /// How many records it was fitted to.
    pub records: u64,
    /// How many pairs of one person there are per record, by its own count.
    pub matches_per_record: f64,
    pub levels: Vec<LevelChances>,
    pub passes: Vec<PassSummary>,
    pub weights: Vec<WeightBin>,
    /// What is worth knowing of it, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// How probable an agreement is, by who the two records are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LevelChances {
    pub field: Field,
    pub agreement: Agreement,
    pub same_person: f64,
    pub household_member: f64,
    pub twin: f64,
    pub namesake: f64,
    pub stranger: f64,
    /// How many pairs of one person the first of them rests on, where it was learned. Of few, it is
    /// mostly the shipped one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observations: Option<f64>,
}

/// What one rule of blocking found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PassSummary {
    /// What two records must share, joined by `+`.
    pub pass: String,
    /// Records that have all of it.
    pub records: u64,
    /// Records in its largest block, before it was divided.
    pub largest_block: u64,
    /// Pairs that share it.
    pub pairs: u64,
    /// Pairs that no earlier pass had.
    pub new_pairs: u64,
    /// Pairs that were separated because a block was too large, and not compared in this pass.
    pub separated_pairs: u64,
    /// Matches that no other pass found.
    pub only_here: u64,
}

/// What two thresholds would do, by the model's own count and by what people decided so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Simulation {
    pub automatic: f64,
    pub review: f64,
    pub forecast: Forecast,
    pub trial: Trial,
}

/// What two thresholds would do with all pairs that were compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Forecast {
    pub matches: u64,
    pub reviews: u64,
    pub left: u64,
    /// Of the matches, how many are expected to be right.
    pub precision: f64,
    /// Of all pairs of one person that were compared, how many would be matches.
    pub recall: f64,
    /// The same for matches and reviews together.
    pub recall_with_reviews: f64,
}

/// A pair that somebody decided, with what two thresholds go by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecidedPair {
    pub weight: f64,
    /// Whether something keeps it from being merged unseen whatever it weighs.
    pub is_vetoed: bool,
    pub verdict: Verdict,
}

/// What two thresholds would have done with the pairs that people decided. These are mostly pairs
/// that were in doubt, so it says more about the doubtful than about all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Trial {
    /// Of the pairs that somebody called the same person.
    pub same: Outcomes,
    /// Of the pairs that somebody called two people.
    pub different: Outcomes,
    /// Of the decided pairs that would be matches, how many are right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Estimate>,
    /// Of the decided pairs that are one person, how many would be matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<Estimate>,
    /// The same for matches and reviews together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall_with_reviews: Option<Estimate>,
}

/// How many pairs would be matches, be reviewed, and be left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Outcomes {
    pub matches: u64,
    pub reviews: u64,
    pub left: u64,
}

/// A share that was counted, and between which bounds the true one lies in 95 of 100 cases.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

impl Estimate {
    /// So many of so many; nothing can be said of none. The bounds are Wilson's.
    pub fn of(part: u64, whole: u64) -> Option<Self> {
        const Z: f64 = 1.96;
        if whole == 0 {
            return None;
        }
        let (part, whole) = (count(part), count(whole));
        let value = part / whole;
        let spread = 1.0 + Z * Z / whole;
        let middle = (value + Z * Z / (2.0 * whole)) / spread;
        let variance = value.mul_add(1.0 - value, Z * Z / (4.0 * whole)) / whole;
        let reach = Z * variance.sqrt() / spread;
        Some(Self { value, low: (middle - reach).max(0.0), high: (middle + reach).min(1.0) })
    }
}

/// What two thresholds, in bits, would do. Exact where they fall between bins.
pub fn simulate(
    bins: &[WeightBin],
    decided: &[DecidedPair],
    automatic: f64,
    review: f64,
) -> Simulation {
    Simulation {
        automatic,
        review,
        forecast: forecast(bins, automatic, review),
        trial: trial(decided, automatic, review),
    }
}

/// What two thresholds would do with pairs of these weights. Exact where they fall between bins.
pub fn forecast(bins: &[WeightBin], automatic: f64, review: f64) -> Forecast {
    let (mut matches, mut reviews, mut left) = (0, 0, 0);
    let (mut right, mut looked, mut missed) = (0.0, 0.0, 0.0);
    for bin in bins {
        let share = bin.expected_matches / count(bin.pairs.max(1));
        if bin.from >= automatic {
            matches += bin.pairs - bin.vetoed;
            reviews += bin.vetoed;
            right += share * count(bin.pairs - bin.vetoed);
            looked += share * count(bin.vetoed);
        } else if bin.from >= review {
            reviews += bin.pairs;
            looked += bin.expected_matches;
        } else {
            left += bin.pairs;
            missed += bin.expected_matches;
        }
    }
    let all = right + looked + missed;
    let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 1.0 };
    Forecast {
        matches,
        reviews,
        left,
        precision: ratio(right, count(matches)),
        recall: ratio(right, all),
        recall_with_reviews: ratio(right + looked, all),
    }
}

/// What two thresholds would have done with pairs that people decided. Pairs that somebody looked
/// at without deciding take no part.
pub fn trial(decided: &[DecidedPair], automatic: f64, review: f64) -> Trial {
    let (mut same, mut different) = (Outcomes::default(), Outcomes::default());
    for pair in decided {
        let side = match pair.verdict {
            Verdict::Match => &mut same,
            Verdict::NoMatch => &mut different,
            Verdict::Review => continue,
        };
        if pair.weight >= automatic && !pair.is_vetoed {
            side.matches += 1;
        } else if pair.weight >= review {
            side.reviews += 1;
        } else {
            side.left += 1;
        }
    }
    let all = same.matches + same.reviews + same.left;
    Trial {
        precision: Estimate::of(same.matches, same.matches + different.matches),
        recall: Estimate::of(same.matches, all),
        recall_with_reviews: Estimate::of(same.matches + same.reviews, all),
        same,
        different,
    }
}

/// The lowest weight from which matches are expected to be wrong in at most `wrong` of one case,
/// by the model's own count. None when no weight is good enough.
pub fn automatic_for(bins: &[WeightBin], wrong: f64) -> Option<f64> {
    let (mut matches, mut right, mut lowest) = (0, 0.0, None);
    for bin in bins.iter().rev() {
        let share = bin.expected_matches / count(bin.pairs.max(1));
        matches += bin.pairs - bin.vetoed;
        right += share * count(bin.pairs - bin.vetoed);
        if count(matches) - right <= wrong * count(matches) && matches > 0 {
            lowest = Some(bin.from);
        }
    }
    lowest
}

#[expect(clippy::cast_precision_loss, reason = "no file has 2^53 pairs")]
const fn count(pairs: u64) -> f64 {
    pairs as f64
}

/// How the surviving value of an attribute is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SurvivalRule {
    /// Of the record that was changed last.
    Newest,
    Oldest,
    /// Of the record that knows most.
    MostComplete,
    /// Of the source that the policy names first.
    MostTrusted,
    Longest,
    MostFrequent,
    /// Chosen by a person.
    Manual,
}

names!(SurvivalRule {
    Newest => "newest", "Newest";
    Oldest => "oldest", "Oldest";
    MostComplete => "most_complete", "Most complete record";
    MostTrusted => "most_trusted", "Most trusted source";
    Longest => "longest", "Longest";
    MostFrequent => "most_frequent", "Most frequent";
    Manual => "manual", "Chosen by a person";
});

/// What survives of a cluster, each value with where it came from.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GoldenRecord {
    /// The record whose key survives; the others point to it.
    pub survivor: RecordId,
    pub members: Vec<RecordId>,
    pub values: BTreeMap<Attribute, Vec<GoldenValue>>,
    /// Attributes in which members contradict each other so that somebody should look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<Attribute>,
}

impl fmt::Debug for GoldenRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoldenRecord")
            .field("survivor", &self.survivor)
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

/// A surviving value and its provenance.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GoldenValue {
    pub value: String,
    /// The record it was taken from.
    pub from: RecordId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    pub rule: SurvivalRule,
}

impl fmt::Debug for GoldenValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoldenValue")
            .field("from", &self.from)
            .field("rule", &self.rule)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_a_persons_values_prints_none_of_them() {
        let person = Person {
            id: RecordId::from("7"),
            values: BTreeMap::from([(Attribute::Surname, vec!["Quillfeather".to_owned()])]),
            ..Person::default()
        };
        let golden = GoldenRecord {
            survivor: person.id.clone(),
            members: vec![person.id.clone()],
            values: BTreeMap::from([(
                Attribute::Surname,
                vec![GoldenValue {
                    value: "Quillfeather".to_owned(),
                    from: person.id.clone(),
                    source: None,
                    rule: SurvivalRule::Newest,
                }],
            )]),
            contradictions: Vec::new(),
        };
        let factor = Factor {
            field: Field::Surname,
            agreement: Agreement::Exact,
            left: Some("quillfeather".to_owned()),
            right: Some("quillfeather".to_owned()),
            weight: 9.0,
            against_stranger: 9.0,
            against_household: 1.0,
            against_twin: 0.0,
            against_namesake: 0.0,
            rarity: 2.0,
        };

        let printed = format!("{person:?}{golden:?}{:?}{factor:?}", golden.values);

        assert!(!printed.to_lowercase().contains("quillfeather"), "{printed}");
    }

    #[test]
    fn thresholds_divide_the_pairs_and_a_veto_makes_a_review() {
        let bins = [bin(-10.0, 80, 0.0, 0), bin(0.0, 10, 5.0, 1), bin(8.0, 10, 10.0, 2)];

        let forecast = forecast(&bins, 7.3, -3.0);

        assert_eq!((forecast.matches, forecast.reviews, forecast.left), (8, 12, 80));
        assert!((forecast.precision - 1.0).abs() < 1e-12);
        assert!((forecast.recall - 8.0 / 15.0).abs() < 1e-12);
        assert!((forecast.recall_with_reviews - 1.0).abs() < 1e-12);
    }

    #[test]
    fn thresholds_are_tried_on_what_people_decided() {
        let decided = [
            (9.0, false, Verdict::Match),
            (9.0, true, Verdict::Match),
            (8.0, false, Verdict::NoMatch),
            (1.0, false, Verdict::Match),
            (0.0, false, Verdict::NoMatch),
            (0.0, false, Verdict::Review),
            (-5.0, false, Verdict::Match),
        ]
        .map(|(weight, is_vetoed, verdict)| DecidedPair { weight, is_vetoed, verdict });

        let trial = simulate(&[], &decided, 7.3, -3.0).trial;

        assert_eq!(trial.same, Outcomes { matches: 1, reviews: 2, left: 1 });
        assert_eq!(trial.different, Outcomes { matches: 1, reviews: 1, left: 0 });
        let value = |estimate: Option<Estimate>| estimate.unwrap().value;
        assert!((value(trial.precision) - 0.5).abs() < 1e-12);
        assert!((value(trial.recall) - 0.25).abs() < 1e-12);
        assert!((value(trial.recall_with_reviews) - 0.75).abs() < 1e-12);
        assert_eq!(super::trial(&[], 7.3, -3.0).precision, None);
    }

    #[test]
    fn an_estimate_lies_between_its_bounds_and_more_pairs_narrow_them() {
        let few = Estimate::of(9, 10).unwrap();
        let many = Estimate::of(900, 1_000).unwrap();
        assert!(few.low < many.low && many.low < 0.9 && 0.9 < many.high && many.high < few.high);
        // As the tables have it.
        assert!((few.low - 0.5958).abs() < 1e-3 && (few.high - 0.9821).abs() < 1e-3, "{few:?}");
        assert!((Estimate::of(10, 10).unwrap().high - 1.0).abs() < 1e-12);
        assert_eq!(Estimate::of(0, 0), None);
    }

    #[test]
    fn the_lowest_threshold_that_is_good_enough_is_found() {
        let bins = [bin(0.0, 100, 50.0, 0), bin(4.0, 100, 99.0, 0), bin(8.0, 100, 100.0, 50)];
        assert_eq!(automatic_for(&bins, 0.000_1), Some(8.0));
        assert_eq!(automatic_for(&bins, 0.01), Some(4.0));
        assert_eq!(automatic_for(&bins, 0.5), Some(0.0));
        assert_eq!(automatic_for(&bins[..1], 0.01), None);
    }

    fn bin(from: f64, pairs: u64, expected_matches: f64, vetoed: u64) -> WeightBin {
        WeightBin {
            from,
            pairs,
            expected_matches,
            expected_households: 0.0,
            expected_twins: 0.0,
            expected_namesakes: 0.0,
            vetoed,
        }
    }

    #[test]
    fn every_name_is_the_one_that_json_uses() {
        for attribute in Attribute::ALL {
            assert_eq!(serde_json::to_value(attribute).unwrap(), attribute.as_str());
            assert_eq!(Attribute::from_name(attribute.as_str()), Some(attribute));
        }
        for field in Field::ALL {
            assert_eq!(serde_json::to_value(field).unwrap(), field.as_str());
        }
        for agreement in Agreement::ALL {
            assert_eq!(serde_json::to_value(agreement).unwrap(), agreement.as_str());
        }
        for verdict in Verdict::ALL {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.as_str());
        }
        for veto in Veto::ALL {
            assert_eq!(serde_json::to_value(veto).unwrap(), veto.as_str());
        }
    }
}
