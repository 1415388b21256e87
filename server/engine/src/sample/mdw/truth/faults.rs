//! The faults that are planted, and where each has to end.

use serde::Serialize;
use shared::error_code::ErrorCode;

use super::Outcome;

#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    Loaded(&'static str),
    Quarantined(ErrorCode),
    Filtered,
}

impl Ending {
    pub(super) fn outcome(self) -> Outcome {
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
pub(in crate::sample::mdw) enum Fault {
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

pub(super) type Row = (Fault, &'static str, &'static [(&'static str, Ending)]);

pub(super) const FAULTS: &[Row] = &[
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
