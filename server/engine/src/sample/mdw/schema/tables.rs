//! Table by table, as the legacy framework made them.

use super::{Column, Kind, Table};

/// All tables, parents before children.
pub(in crate::sample::mdw) static TABLES: &[Table] = &[
    Table {
        name: "auth_user",
        columns: &[
            ID,
            varchar("password", 128).required(),
            time("last_login"),
            flag("is_superuser").required(),
            varchar("username", 150).required(),
            varchar("first_name", 150).required().default(""),
            varchar("last_name", 150).required().default(""),
            varchar("email", 254).required().default(""),
            flag("is_staff").required(),
            flag("is_active").required(),
            time("date_joined").required(),
        ],
        unique: &[&["username"]],
    },
    Table {
        name: "auth_group",
        columns: &[ID, varchar("name", 150).required()],
        unique: &[&["name"]],
    },
    Table {
        name: "auth_user_groups",
        columns: &[
            ID,
            int("user_id").required().to("auth_user"),
            int("group_id").required().to("auth_group"),
        ],
        unique: &[&["user_id", "group_id"]],
    },
    Table {
        name: "django_content_type",
        columns: &[ID, varchar("app_label", 100).required(), varchar("model", 100).required()],
        unique: &[&["app_label", "model"]],
    },
    Table {
        name: "auth_permission",
        columns: &[
            ID,
            varchar("name", 255).required(),
            int("content_type_id").required().to("django_content_type"),
            varchar("codename", 100).required(),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_usersetting",
        columns: &[
            ID,
            int("user_id").required().to("auth_user"),
            flag("emails").required(),
            flag("require_2fa"),
        ],
        unique: &[&["user_id"]],
    },
    Table {
        name: "dispatch_doctorsetting",
        columns: &[
            ID,
            int("user_id").required().to("auth_user"),
            text("clinical_preferences"),
            varchar("sq_customer_id", 64),
            flag("promised_payment"),
            money("credit"),
            date("tier_finish"),
            varchar("tier_type", 32),
            int("installment_payments"),
            time("baa_agreed_at"),
            time("eula_agreed_at"),
            flag("company_account"),
        ],
        unique: &[&["user_id"]],
    },
    Table {
        name: "dispatch_office",
        columns: &[
            ID,
            varchar("name", 255),
            varchar("address", 255),
            varchar("apt", 64),
            varchar("city", 128),
            varchar("state", 64),
            varchar("zip", 32),
            varchar("country", 64),
            varchar("phone", 64),
            percent("tax_rate").required().default("0"),
            flag("valid"),
            varchar("sq_customer_id", 64),
            flag("emails").required().default("true"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_office_doctors",
        columns: &[
            ID,
            int("office_id").required().to("dispatch_office"),
            int("user_id").required().to("auth_user"),
        ],
        unique: &[&["office_id", "user_id"]],
    },
    Table {
        name: "dispatch_patient",
        columns: &[
            ID,
            int("user_id").required().to("auth_user"),
            int("doctor_id").to("auth_user"),
            int("office_id").to("dispatch_office"),
            date("birthdate"),
            int("sex"),
            int("status").required().default("0"),
            flag("archived").required().default("false"),
            flag("suspended").required().default("false"),
            text("schemes"),
            varchar("suffix", 10),
            time("submitted_at"),
            time("updated_at"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_course",
        columns: &[ID, varchar("name", 64).required(), int("type"), text("customization")],
        unique: &[],
    },
    Table {
        name: "dispatch_product",
        columns: &[
            ID,
            varchar("name", 128),
            text("description"),
            int("type"),
            int("course_id").to("dispatch_course"),
            flag("free").required().default("false"),
            flag("deleted").required().default("false"),
            flag("substitute").required().default("false"),
            text("customization"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_offer",
        columns: &[
            ID,
            money("price_both"),
            money("price_upper"),
            money("price_lower"),
            int("doctor_id").to("auth_user"),
            int("product_id").required().to("dispatch_product"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_discount",
        columns: &[
            ID,
            int("percent").required(),
            varchar("reason", 255),
            int("count"),
            int("used").required().default("0"),
            date("start"),
            date("finish"),
            flag("total").required().default("false"),
            int("offer_id").required().to("dispatch_offer"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_jaw",
        columns: &[
            ID,
            int("product_id").to("dispatch_product"),
            varchar("bond_teeth", 16).required().default("0000000000000000"),
            varchar("extract_teeth", 16).required().default("0000000000000000"),
            text("reason"),
            flag("labial").required().default("false"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_instruction",
        columns: &[
            ID,
            int("patient_id").required().to("dispatch_patient"),
            int("course_id").required().to("dispatch_course"),
            int("order").required().default("0"),
            int("model"),
            int("scanner"),
            text("scanner_notes"),
            int("upper_jaw_id").to("dispatch_jaw"),
            int("lower_jaw_id").to("dispatch_jaw"),
            text("notes"),
            text("exports").default("{}"),
            text("conditions"),
            text("complaint"),
            text("objective"),
            money("price"),
            int("status").required().default("0"),
            flag("cbct"),
            flag("accept_extraction"),
            flag("comprehensive"),
            flag("deleted").required().default("false"),
            varchar("suffix", 10),
            time("submitted_at"),
            time("updated_at"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_state",
        columns: &[
            ID,
            int("status").required(),
            flag("on").required(),
            time("changed_at").required(),
            int("actor_id").to("auth_user"),
            int("instruction_id").to("dispatch_instruction"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_project",
        columns: &[
            ID,
            uuid("uid").required(),
            varchar("name", 255).required().default(""),
            column("size", Kind::BigInt).required().default("0"),
            int("type").required(),
            int("status").required().default("0"),
            int("creator_id").to("auth_user"),
            time("created_at").required(),
            flag("public").required().default("false"),
        ],
        unique: &[&["uid"]],
    },
    Table {
        name: "dispatch_plan",
        columns: &[
            ID,
            // No key: rows whose order is gone are a fact of this system, here and below.
            int("instruction_id"),
            int("project_id").to("dispatch_project"),
            text("notes"),
            int("number"),
            varchar("name", 100),
            flag("original").required().default("false"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_bracket",
        columns: &[ID, varchar("name", 255), int("project_id").to("dispatch_project")],
        unique: &[],
    },
    Table {
        name: "dispatch_category",
        columns: &[ID, varchar("name", 128).required(), int("parent_id").to("dispatch_category")],
        unique: &[],
    },
    Table {
        name: "dispatch_template",
        columns: &[
            ID,
            varchar("task_name", 128).required(),
            varchar("action_name", 128),
            varchar("text_name", 128),
            int("function"),
            int("status"),
            int("duration"),
            int("category_id").to("dispatch_category"),
            int("course_id").to("dispatch_course"),
            flag("predefined").required(),
            flag("read_only").required().default("false"),
            varchar("extensions", 255),
            varchar("alerts", 255),
            flag("separate").required().default("false"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_template_predecessors",
        columns: &[
            ID,
            int("from_template_id").required().to("dispatch_template"),
            int("to_template_id").required().to("dispatch_template"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_record",
        columns: &[
            ID,
            int("target_id").required(),
            int("target_type_id").required().to("django_content_type"),
            int("type"),
            text("text"),
            int("author_id").to("auth_user"),
            int("group_id").to("auth_group"),
            flag("public").required().default("true"),
            time("created_at").required(),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_file",
        columns: &[
            ID,
            uuid("uid").required(),
            time("created_at").required(),
            varchar("name", 255),
            varchar("ext", 32),
            column("size", Kind::BigInt).required().default("0"),
            int("type").required(),
            int("status").required().default("0"),
            text("description"),
            text("parameters"),
            int("instruction_id"),
            int("record_id"),
            int("product_id"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_record_attachments",
        columns: &[
            ID,
            int("record_id").required().to("dispatch_record"),
            int("file_id").required().to("dispatch_file"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_task",
        columns: &[
            ID,
            flag("checked").required().default("false"),
            int("file_id"),
            int("template_id").to("dispatch_template"),
            time("done_at"),
            text("text"),
            int("plan_id"),
            int("instruction_id"),
            int("actor_id").to("auth_user"),
            int("jaw"),
            int("order_id"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_comment",
        columns: &[
            ID,
            time("created_at").required(),
            text("text"),
            int("author_id").to("auth_user"),
            int("plan_id"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_note",
        columns: &[
            ID,
            text("text"),
            int("author_id").to("auth_user"),
            int("doctor_id").to("auth_user"),
            time("created_at").required(),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_notification",
        columns: &[
            ID,
            time("created_at").required(),
            varchar("sender", 254),
            varchar("template_name", 128),
            text("template_context"),
            flag("read").required().default("false"),
            int("item_id"),
            int("item_type_id").to("django_content_type"),
            int("recipient_id").required().to("auth_user"),
            flag("sent"),
            flag("send").required().default("true"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_payment",
        columns: &[
            ID,
            time("made_at"),
            flag("free").required().default("false"),
            percent("tax_rate"),
            money("tax_value"),
            money("paid_price"),
            money("used_credit"),
            money("custom_price"),
            money("subtotal_price"),
            money("total_price"),
            money("additional_price"),
            int("instruction_id"),
            int("doctor_id").to("auth_user"),
            int("office_id").to("dispatch_office"),
            int("order_id"),
            flag("canceled").required().default("false"),
            flag("paid").required().default("false"),
            text("installments"),
            varchar("netsuite", 64),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_operation",
        columns: &[
            ID,
            int("type"),
            time("made_at"),
            money("price"),
            int("payment_id").to("dispatch_payment"),
            varchar("sq_order_id", 64),
            varchar("sq_payment_id", 64),
            varchar("sq_refund_id", 64),
            varchar("card_brand", 32),
            varchar("card_bin", 8),
            varchar("card_last", 4),
            flag("office_card"),
            int("attempts").required().default("0"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_role",
        columns: &[
            ID,
            varchar("name", 64),
            varchar("abbrev", 16),
            int("type"),
            int("order"),
            int("user_id").to("auth_user"),
            int("group_id").to("auth_group"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_role_permissions",
        columns: &[
            ID,
            int("role_id").required().to("dispatch_role"),
            int("permission_id").required().to("auth_permission"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_event",
        columns: &[
            ID,
            int("patient_id").to("dispatch_patient"),
            varchar("title", 255),
            date("date"),
            flag("completed"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_reading",
        columns: &[
            ID,
            int("user_id").to("auth_user"),
            int("target_id"),
            int("target_type_id"),
            time("read_at"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_action",
        columns: &[
            ID,
            varchar("action", 50),
            time("date"),
            int("item_id"),
            text("data"),
            int("owner_id"),
            int("item_type_id"),
            int("owner_type_id"),
            int("user_id"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_agent",
        columns: &[
            ID,
            varchar("name", 64),
            varchar("address", 64),
            int("port"),
            int("cpu"),
            int("memory"),
            int("memory_used"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_instance",
        columns: &[
            ID,
            int("project_id").to("dispatch_project"),
            int("agent_id").to("dispatch_agent"),
            int("opener_id").to("auth_user"),
            int("port"),
            int("queue"),
            time("run_at"),
        ],
        unique: &[],
    },
    // The legacy system has this table and never wrote to it.
    Table {
        name: "dispatch_order",
        columns: &[ID, int("doctor_id"), int("course_id"), int("status"), money("custom_price")],
        unique: &[],
    },
    Table {
        name: "dispatch_purchase",
        columns: &[
            ID,
            int("product_id").to("dispatch_product"),
            int("doctor_id").to("auth_user"),
            int("quantity"),
            int("used"),
            money("price"),
            time("made_at"),
        ],
        unique: &[],
    },
    Table {
        name: "dispatch_ware",
        columns: &[
            ID,
            int("payment_id").to("dispatch_payment"),
            int("product_id"),
            int("purchase_id"),
            varchar("name", 255),
            int("quantity"),
            flag("free"),
            money("base_price"),
            int("discount_percent"),
            money("discount_price"),
            varchar("discount_reason", 255),
            money("total_price"),
        ],
        unique: &[],
    },
];

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, required: false, default: None, references: None }
}

const fn int(name: &'static str) -> Column {
    column(name, Kind::Int)
}

const fn text(name: &'static str) -> Column {
    column(name, Kind::Text)
}

const fn varchar(name: &'static str, length: u16) -> Column {
    column(name, Kind::Varchar(length))
}

const fn money(name: &'static str) -> Column {
    column(name, Kind::Numeric(10, 2))
}

const fn percent(name: &'static str) -> Column {
    column(name, Kind::Numeric(10, 4))
}

const fn flag(name: &'static str) -> Column {
    column(name, Kind::Bool)
}

const fn date(name: &'static str) -> Column {
    column(name, Kind::Date)
}

const fn time(name: &'static str) -> Column {
    column(name, Kind::TimestampTz)
}

const fn uuid(name: &'static str) -> Column {
    column(name, Kind::Uuid)
}

const ID: Column = column("id", Kind::Serial);
