//! What is wrong with the sample on purpose, and where each of its faults has to end.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use shared::error_code::ErrorCode;

use crate::error::{EngineError, Result};

/// Everything that was planted. It is what a migration by the template is measured against.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    pub seed: u64,
    /// The scale in millionths.
    pub scale_millionths: u64,
    /// Rows of each table.
    pub tables: BTreeMap<String, u64>,
    /// Records of one person, by the ids of `dispatch_patient`; every pair of a person is here.
    pub duplicates: Vec<Pair>,
    /// Records that look like one person's and are not.
    pub look_alikes: Vec<Pair>,
    pub defects: Vec<Defect>,
}

/// Two patients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    pub kind: String,
    pub left: u32,
    pub right: u32,
}

/// One kind of fault and the rows that have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defect {
    pub defect: String,
    /// The table of the source, and the keys of its rows.
    pub table: String,
    pub ids: Vec<u32>,
    /// Where those rows end, in every table that they are mapped to and in which it shows.
    pub ends: Vec<End>,
}

/// Where rows end. The target's rows are known by their column `legacy_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// The table of the target, without its schema.
    pub target: String,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// The row is in the target and meets the condition, which PostgreSQL and SQLite understand.
    Loaded { shows: String },
    /// The row is in quarantine.
    Quarantined { code: ErrorCode },
    /// The mapping's filter leaves the row out, and the books count it.
    Filtered,
}

impl Truth {
    pub fn read(path: &Path) -> Result<Self> {
        let doing = || format!("reading the truth file {}", path.display());
        let text = std::fs::read_to_string(path)
            .map_err(|error| EngineError::new(ErrorCode::Conn008, doing()).because(error))?;
        serde_json::from_str(&text)
            .map_err(|error| EngineError::new(ErrorCode::Conn008, doing()).because(error))
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        let failed = |error: std::io::Error| {
            EngineError::new(ErrorCode::Conn008, format!("writing {}", path.display()))
                .because(error)
        };
        let mut file = BufWriter::new(File::create(path).map_err(failed)?);
        serde_json::to_writer(&mut file, self).map_err(|error| failed(error.into()))?;
        file.write_all(b"\n").map_err(failed)?;
        file.flush().map_err(failed)
    }

    /// The rows that have a fault; none when it is not known.
    pub fn ids(&self, defect: &str) -> &[u32] {
        self.defects.iter().find(|known| known.defect == defect).map_or(&[], |known| &known.ids)
    }

    /// How many rows of a target have to be in quarantine, for each code.
    pub fn quarantined(&self) -> BTreeMap<(String, ErrorCode), u64> {
        let mut counts = BTreeMap::new();
        for defect in &self.defects {
            for end in &defect.ends {
                if let Outcome::Quarantined { code } = end.outcome {
                    *counts.entry((end.target.clone(), code)).or_default() +=
                        defect.ids.len() as u64;
                }
            }
        }
        counts
    }
}

/// Notes faults while rows are made.
#[derive(Debug, Default)]
pub(super) struct Notes(BTreeMap<Fault, Vec<u32>>);

impl Notes {
    pub(super) fn note(&mut self, fault: Fault, id: u32) {
        self.0.entry(fault).or_default().push(id);
    }

    pub(super) fn note_if(&mut self, is_so: bool, fault: Fault, id: u32) {
        if is_so {
            self.note(fault, id);
        }
    }

    pub(super) fn into_defects(mut self) -> Vec<Defect> {
        FAULTS
            .iter()
            .map(|(fault, table, ends)| {
                let mut ids = self.0.remove(fault).unwrap_or_default();
                ids.sort_unstable();
                Defect {
                    defect: name(*fault),
                    table: (*table).to_owned(),
                    ids,
                    ends: ends
                        .iter()
                        .map(|(target, ending)| End {
                            target: (*target).to_owned(),
                            outcome: ending.outcome(),
                        })
                        .collect(),
                }
            })
            .collect()
    }
}

fn name(fault: Fault) -> String {
    match serde_json::to_value(fault) {
        Ok(serde_json::Value::String(name)) => name,
        _ => unreachable!("a variant without fields is written as its name"),
    }
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    Loaded(&'static str),
    Quarantined(ErrorCode),
    Filtered,
}

impl Ending {
    fn outcome(self) -> Outcome {
        match self {
            Self::Loaded(shows) => Outcome::Loaded { shows: shows.to_owned() },
            Self::Quarantined(code) => Outcome::Quarantined { code },
            Self::Filtered => Outcome::Filtered,
        }
    }
}

/// The faults of this system, by what is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fault {
    BlankEmail,
    SharedEmail,
    InvalidEmail,
    EmptyName,
    NullWordName,
    DoubleSpaceName,
    SeveralGroups,
    NeverLoggedIn,
    PatientAndDoctor,
    InactiveDoctor,
    TestAccount,
    DoctorWithoutPatients,
    DoctorNameTwice,
    TaxRatePercent,
    OfficeNotValid,
    OfficeWithoutCountry,
    OfficeNameMixedCase,
    TestTest,
    MissingBirthdate,
    FutureBirthdate,
    MissingSex,
    UnknownSexCode,
    PatientWithoutDoctor,
    PatientWithoutOffice,
    PatientWithoutSuffix,
    PatientWithoutTime,
    FutureSubmission,
    PatientWithoutMainCourse,
    SparsePatientId,
    BrokenCustomization,
    DiscountOnOfferWithoutDoctor,
    UnreferencedJaw,
    ZeroPriceOrder,
    OrderWithoutDoctor,
    DeletedOrder,
    OrderWithoutStates,
    StateWithoutOrder,
    EmptyProjectName,
    ProjectWithoutCreator,
    SparseProjectId,
    PlanWithoutOrder,
    PlanOfVanishedOrder,
    FileWithoutOrder,
    FileOfVanishedOrder,
    FileOfDeletedOrder,
    FileOnSeveralOrders,
    DoubleExtension,
    NameWithoutExtension,
    RecordOfUnknownType,
    RecordOfVanishedTarget,
    RecordTargetsByType,
    WorkflowInText,
    CommentOfVanishedPlan,
    CommentOnPlanWithoutOrder,
    TaskOfVanishedOrder,
    TaskOfDeletedOrder,
    PaymentOfVanishedOrder,
    PaymentTaxPercent,
    FreePayment,
    JsonSingleQuotes,
    JsonInnerQuotes,
    JsonNull,
    JsonEmpty,
    JsonLoneSurrogate,
    JsonBrokenEscape,
    JsonCircular,
    NotificationOfVanishedItem,
    ActionInAnotherZone,
    CardNumberStart,
}

use Ending::{Filtered, Loaded, Quarantined};

type Row = (Fault, &'static str, &'static [(&'static str, Ending)]);

const FAULTS: &[Row] = &[
    (Fault::BlankEmail, "auth_user", &[("profiles", Loaded("email is null"))]),
    (Fault::SharedEmail, "auth_user", &[("profiles", Loaded("email is not null"))]),
    (
        Fault::InvalidEmail,
        "auth_user",
        &[("profiles", Loaded("email is null and legacy_email <> ''"))],
    ),
    (
        Fault::EmptyName,
        "auth_user",
        &[(
            "profiles",
            Loaded("first_name is null and last_name is null and name_issue = 'empty'"),
        )],
    ),
    (
        Fault::NullWordName,
        "auth_user",
        &[("profiles", Loaded("last_name is null and name_issue = 'null_word'"))],
    ),
    (
        Fault::DoubleSpaceName,
        "auth_user",
        &[("profiles", Loaded("name_issue = 'spaces' and last_name not like '%  %'"))],
    ),
    (
        Fault::SeveralGroups,
        "auth_user",
        &[(
            "profiles",
            Loaded("(select count(*) from profile_groups g where g.profile_id = profiles.id) > 1"),
        )],
    ),
    (Fault::NeverLoggedIn, "auth_user", &[("profiles", Loaded("last_login_at is null"))]),
    (
        Fault::PatientAndDoctor,
        "auth_user",
        &[
            ("profiles", Loaded("profile_type = 'doctor'")),
            (
                "doctors",
                Loaded("exists (select 1 from patients p where p.profile_id = doctors.profile_id)"),
            ),
        ],
    ),
    (Fault::InactiveDoctor, "auth_user", &[("doctors", Loaded("not is_active"))]),
    (Fault::TestAccount, "auth_user", &[("doctors", Loaded("is_test_account"))]),
    (
        Fault::DoctorWithoutPatients,
        "auth_user",
        &[(
            "doctors",
            Loaded("not exists (select 1 from patients p where p.doctor_id = doctors.id)"),
        )],
    ),
    (Fault::DoctorNameTwice, "auth_user", &[("doctors", Loaded("profile_id is not null"))]),
    (
        Fault::TaxRatePercent,
        "dispatch_office",
        &[("offices", Loaded("tax_rate > 0 and tax_rate < 1"))],
    ),
    (Fault::OfficeNotValid, "dispatch_office", &[("offices", Loaded("not is_active"))]),
    (Fault::OfficeWithoutCountry, "dispatch_office", &[("offices", Loaded("country is null"))]),
    (Fault::OfficeNameMixedCase, "dispatch_office", &[("offices", Loaded("name <> lower(name)"))]),
    (Fault::TestTest, "dispatch_patient", &[("patients", Loaded("profile_id is not null"))]),
    (Fault::MissingBirthdate, "dispatch_patient", &[("patients", Loaded("date_of_birth is null"))]),
    (
        Fault::FutureBirthdate,
        "dispatch_patient",
        &[("patients", Loaded("date_of_birth > '2030-01-01'"))],
    ),
    (
        Fault::MissingSex,
        "dispatch_patient",
        &[("patients", Loaded("sex = 'unknown' and legacy_sex is null"))],
    ),
    (
        Fault::UnknownSexCode,
        "dispatch_patient",
        &[("patients", Loaded("sex = 'unknown' and legacy_sex = '9'"))],
    ),
    (
        Fault::PatientWithoutDoctor,
        "dispatch_patient",
        &[("patients", Loaded("doctor_id is null")), ("patient_care", Filtered)],
    ),
    (
        Fault::PatientWithoutOffice,
        "dispatch_patient",
        &[("patients", Loaded("office_id is null")), ("patient_care", Filtered)],
    ),
    (Fault::PatientWithoutSuffix, "dispatch_patient", &[("patients", Loaded("suffix is null"))]),
    (Fault::PatientWithoutTime, "dispatch_patient", &[("patients", Loaded("enrolled_at is null"))]),
    (
        Fault::FutureSubmission,
        "dispatch_patient",
        &[("patients", Loaded("enrolled_at > '2030-01-01'"))],
    ),
    (Fault::PatientWithoutMainCourse, "dispatch_patient", &[("cases", Filtered)]),
    (Fault::SparsePatientId, "dispatch_patient", &[("patients", Loaded("legacy_id > 4000"))]),
    (
        Fault::BrokenCustomization,
        "dispatch_product",
        &[("products", Loaded("customization is not null"))],
    ),
    (
        Fault::DiscountOnOfferWithoutDoctor,
        "dispatch_discount",
        &[("discounts", Loaded("offer_id is not null"))],
    ),
    (
        Fault::UnreferencedJaw,
        "dispatch_jaw",
        &[("jaws", Loaded("order_id is null and jaw_type = 'unknown'"))],
    ),
    (Fault::ZeroPriceOrder, "dispatch_instruction", &[("orders", Loaded("price = 0"))]),
    (Fault::OrderWithoutDoctor, "dispatch_instruction", &[("orders", Loaded("doctor_id is null"))]),
    (Fault::DeletedOrder, "dispatch_instruction", &[("orders", Loaded("is_deleted"))]),
    (
        Fault::OrderWithoutStates,
        "dispatch_instruction",
        &[(
            "orders",
            Loaded("not exists (select 1 from order_state_history h where h.order_id = orders.id)"),
        )],
    ),
    (
        Fault::StateWithoutOrder,
        "dispatch_state",
        &[("order_state_history", Quarantined(ErrorCode::Data004))],
    ),
    (Fault::EmptyProjectName, "dispatch_project", &[("projects", Loaded("name is null"))]),
    (
        Fault::ProjectWithoutCreator,
        "dispatch_project",
        &[("projects", Loaded("creator_id is null"))],
    ),
    (Fault::SparseProjectId, "dispatch_project", &[("projects", Loaded("legacy_id > 400"))]),
    (
        Fault::PlanWithoutOrder,
        "dispatch_plan",
        &[("treatment_plans", Loaded("order_id is null and legacy_instruction_id is null"))],
    ),
    (
        Fault::PlanOfVanishedOrder,
        "dispatch_plan",
        &[("treatment_plans", Loaded("order_id is null and legacy_instruction_id is not null"))],
    ),
    (
        Fault::FileWithoutOrder,
        "dispatch_file",
        &[("files", Loaded("legacy_instruction_id is null")), ("order_files", Filtered)],
    ),
    (
        Fault::FileOfVanishedOrder,
        "dispatch_file",
        &[("files", Loaded("legacy_instruction_id is not null")), ("order_files", Filtered)],
    ),
    (
        Fault::FileOfDeletedOrder,
        "dispatch_file",
        &[(
            "order_files",
            Loaded("(select o.is_deleted from orders o where o.id = order_files.order_id)"),
        )],
    ),
    (
        Fault::FileOnSeveralOrders,
        "dispatch_file",
        &[(
            "files",
            Loaded("(select count(*) from files other where other.file_uid = files.file_uid) > 1"),
        )],
    ),
    (
        Fault::DoubleExtension,
        "dispatch_file",
        &[("files", Loaded("original_name <> legacy_name and original_name not like '%.%.%'"))],
    ),
    (
        Fault::NameWithoutExtension,
        "dispatch_file",
        &[("files", Loaded("original_name = legacy_name || '.' || extension"))],
    ),
    (
        Fault::RecordOfUnknownType,
        "dispatch_record",
        &[("messages", Loaded("message_type = 'general' and legacy_type is null"))],
    ),
    (
        Fault::RecordOfVanishedTarget,
        "dispatch_record",
        &[("messages", Loaded("entity_unresolved and legacy_target_id is not null"))],
    ),
    (
        Fault::RecordTargetsByType,
        "dispatch_record",
        &[(
            "messages",
            Loaded("(patient_id is null) <> (recipient_id is null and treatment_plan_id is null)"),
        )],
    ),
    (
        Fault::WorkflowInText,
        "dispatch_record",
        &[("messages", Loaded("lower(body) like '%status changed%'"))],
    ),
    (
        Fault::CommentOfVanishedPlan,
        "dispatch_comment",
        &[("comments", Loaded("treatment_plan_id is null and legacy_plan_id is not null"))],
    ),
    (
        Fault::CommentOnPlanWithoutOrder,
        "dispatch_comment",
        &[(
            "comments",
            Loaded(
                "exists (select 1 from treatment_plans p \
                 where p.id = comments.treatment_plan_id and p.order_id is null)",
            ),
        )],
    ),
    (Fault::TaskOfVanishedOrder, "dispatch_task", &[("tasks", Quarantined(ErrorCode::Data008))]),
    (
        Fault::TaskOfDeletedOrder,
        "dispatch_task",
        &[("tasks", Loaded("(select o.is_deleted from orders o where o.id = tasks.order_id)"))],
    ),
    (
        Fault::PaymentOfVanishedOrder,
        "dispatch_payment",
        &[("payments", Loaded("order_id is null and legacy_instruction_id is not null"))],
    ),
    (
        Fault::PaymentTaxPercent,
        "dispatch_payment",
        &[("payments", Loaded("tax_rate > 0 and tax_rate < 1"))],
    ),
    (Fault::FreePayment, "dispatch_payment", &[("payments", Loaded("total_amount = 0"))]),
    (
        Fault::JsonSingleQuotes,
        "dispatch_notification",
        &[("notifications", Loaded("template_context is not null"))],
    ),
    (
        Fault::JsonInnerQuotes,
        "dispatch_notification",
        &[("notifications", Quarantined(ErrorCode::Data012))],
    ),
    (
        Fault::JsonNull,
        "dispatch_notification",
        &[("notifications", Loaded("template_context is null"))],
    ),
    (
        Fault::JsonEmpty,
        "dispatch_notification",
        &[("notifications", Loaded("template_context is null"))],
    ),
    (
        Fault::JsonLoneSurrogate,
        "dispatch_notification",
        &[("notifications", Loaded("template_context is not null"))],
    ),
    (
        Fault::JsonBrokenEscape,
        "dispatch_notification",
        &[("notifications", Quarantined(ErrorCode::Data012))],
    ),
    (
        Fault::JsonCircular,
        "dispatch_notification",
        &[("notifications", Quarantined(ErrorCode::Data012))],
    ),
    (
        Fault::NotificationOfVanishedItem,
        "dispatch_notification",
        &[(
            "notifications",
            Loaded(
                "patient_id is null and order_id is null and treatment_plan_id is null \
                 and subject_profile_id is null and legacy_item_id is not null",
            ),
        )],
    ),
    (Fault::ActionInAnotherZone, "dispatch_action", &[("action_log", Loaded("data is not null"))]),
    (
        Fault::CardNumberStart,
        "dispatch_operation",
        &[("payment_operations", Loaded("length(card_last_four) = 4"))],
    ),
];
