//! The policies of the template `mdw`, on a real PostgreSQL: who sees which row of every table,
//! and who may change what.
//!
//! Two clinics, A and B, stand side by side. Every table has a row of each, and a table of
//! expectations says who sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::clock::SystemClock;
use engine::map::draft::draft;
use engine::run::{Request, Start, Stop, migrate};
use engine::sample::mdw;
use engine::seal::Key;
use testbed::{Database, Durability, Product};

/// Everybody who asks. Doctor C works with doctor A in the same office.
const PEOPLE: &[(&str, &str)] = &[
    ("doctor_a", "doctor"),
    ("doctor_b", "doctor"),
    ("doctor_c", "doctor"),
    ("patient_a", "patient"),
    ("patient_b", "patient"),
    ("technician", "technician"),
    ("admin", "admin"),
    ("master", "master"),
];

/// Those who are not staff.
const ORDINARY: &[&str] =
    &["doctor_a", "doctor_b", "doctor_c", "patient_a", "patient_b", "technician"];

/// Who sees the row of clinic A in each table, beside admin and master, who see all.
const SEE_A: &[(&str, &[&str])] = &[
    ("profiles", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("profile_groups", &["patient_a"]),
    ("user_settings", &["patient_a"]),
    ("offices", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("doctors", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("doctor_settings", &["doctor_a"]),
    ("doctor_offices", &["doctor_a", "doctor_c", "technician"]),
    ("doctor_notes", &["technician"]),
    ("patients", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("patient_care", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("patient_events", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("orders", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("cases", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("order_cases", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("jaws", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("order_state_history", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("projects", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("treatment_plans", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("brackets", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("files", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("order_files", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("messages", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("message_attachments", &["doctor_a", "doctor_c", "patient_a", "technician"]),
    ("comments", &["doctor_a", "doctor_c", "technician"]),
    ("tasks", &["doctor_a", "doctor_c", "technician"]),
    ("read_receipts", &["doctor_a"]),
    ("notifications", &["doctor_a"]),
    ("action_log", &["doctor_a"]),
    ("offers", &["doctor_a"]),
    ("discounts", &["doctor_a"]),
    ("purchases", &["doctor_a"]),
    ("draft_orders", &["doctor_a"]),
    ("payments", &["doctor_a", "doctor_c"]),
    ("payment_items", &["doctor_a", "doctor_c"]),
    ("payment_operations", &["doctor_a", "doctor_c"]),
    ("agent_instances", &["technician"]),
];

/// Tables that belong to no clinic, and who sees them beside admin and master.
const SEE_SHARED: &[(&str, &[&str])] = &[
    ("groups", ORDINARY),
    ("entity_types", ORDINARY),
    ("permissions", ORDINARY),
    ("roles", ORDINARY),
    ("role_permissions", ORDINARY),
    ("order_types", ORDINARY),
    ("products", ORDINARY),
    ("categories", ORDINARY),
    ("templates", ORDINARY),
    ("template_predecessors", ORDINARY),
    ("technicians", &["technician"]),
    ("computational_agents", &["technician"]),
];

/// What everybody refers to. A row is known by the MD5 of its label.
const SHARED: &str = "
insert into groups (id, name) values (:groups, 'Visitors');
insert into entity_types (id, application, model) values (:entity_types, 'x', 'y');
insert into permissions (id, name, entity_type_id, codename)
  values (:permissions, 'Can', :entity_types, 'can');
insert into roles (id, name) values (:roles, 'Role');
insert into role_permissions (id, role_id, permission_id)
  values (:role_permissions, :roles, :permissions);
insert into products (id, name) values (:products, 'Braces');
insert into categories (id, name) values (:categories, 'Stage');
insert into templates (id, task_name, is_predefined) values (:templates, 'Scan', true);
insert into template_predecessors (id, from_template_id, to_template_id)
  values (:template_predecessors, :templates, :templates);
insert into technicians (id, profile_id, employee_number) values (:technicians, :technician, 't');
insert into computational_agents (id, name) values (:computational_agents, 'agent');
insert into doctors (id, profile_id) values (:doctor_c_as_doctor, :doctor_c);
";

/// The rows of a clinic; `_$` stands for its letter.
const CLINIC: &str = "
insert into offices (id, name) values (:offices_$, 'Office');
insert into doctors (id, profile_id) values (:doctors_$, :doctor_$);
insert into doctor_settings (id, doctor_id, credit) values (:doctor_settings_$, :doctors_$, 10);
insert into doctor_offices (id, doctor_id, office_id)
  values (:doctor_offices_$, :doctors_$, :offices_$);
insert into doctor_notes (id, doctor_id, author_id, body)
  values (:doctor_notes_$, :doctors_$, :technician, 'note');
insert into profile_groups (id, profile_id, group_id)
  values (:profile_groups_$, :patient_$, :groups);
insert into user_settings (id, profile_id) values (:user_settings_$, :patient_$);
insert into patients (id, profile_id, doctor_id, office_id)
  values (:patients_$, :patient_$, :doctors_$, :offices_$);
insert into patient_care (id, patient_id, doctor_id, office_id)
  values (:patient_care_$, :patients_$, :doctors_$, :offices_$);
insert into patient_events (id, patient_id, title) values (:patient_events_$, :patients_$, 'x');
insert into orders (id, order_number, patient_id, doctor_id, office_id, order_type_id, price)
  select :orders_$, 'order_$', :patients_$, :doctors_$, :offices_$, id, 100
  from order_types where key = 'main';
insert into cases (id, case_number, patient_id, main_order_id)
  values (:cases_$, 'case_$', :patients_$, :orders_$);
insert into order_cases (id, order_id, case_id, role)
  values (:order_cases_$, :orders_$, :cases_$, 'primary');
insert into jaws (id, order_id, jaw_type) values (:jaws_$, :orders_$, 'upper');
insert into order_state_history (id, order_id, state, is_entered)
  values (:order_state_history_$, :orders_$, 'treatment_active', true);
insert into projects (id, file_uid, order_id, project_type)
  values (:projects_$, gen_random_uuid(), :orders_$, 'simulation');
insert into treatment_plans (id, order_id, project_id)
  values (:treatment_plans_$, :orders_$, :projects_$);
insert into brackets (id, project_id) values (:brackets_$, :projects_$);
insert into agent_instances (id, project_id, agent_id)
  values (:agent_instances_$, :projects_$, :computational_agents);
insert into messages (id, patient_id, sender_id, body)
  values (:messages_$, :patients_$, :doctor_$, 'hello');
insert into messages (id, order_id, sender_id, body, is_public)
  values (:whispers_$, :orders_$, :doctor_$, 'between us', false);
insert into files (id, file_uid, original_name, file_type)
  values (:files_$, gen_random_uuid(), 'scan.stl', 'scan');
insert into order_files (id, order_id, file_id, category)
  values (:order_files_$, :orders_$, :files_$, 'scan');
insert into files (id, file_uid, original_name, file_type)
  values (:enclosures_$, gen_random_uuid(), 'photo.jpg', 'image');
insert into message_attachments (id, message_id, file_id)
  values (:message_attachments_$, :messages_$, :enclosures_$);
insert into comments (id, treatment_plan_id, author_id, body)
  values (:comments_$, :treatment_plans_$, :doctor_$, 'why?');
insert into read_receipts (id, profile_id, patient_id)
  values (:read_receipts_$, :doctor_$, :patients_$);
insert into notifications (id, recipient_id, patient_id)
  values (:notifications_$, :doctor_$, :patients_$);
insert into tasks (id, order_id) values (:tasks_$, :orders_$);
insert into action_log (id, profile_id, order_id) values (:action_log_$, :doctor_$, :orders_$);
insert into offers (id, doctor_id, product_id) values (:offers_$, :doctors_$, :products);
insert into discounts (id, percent, offer_id) values (:discounts_$, 5, :offers_$);
insert into purchases (id, doctor_id) values (:purchases_$, :doctors_$);
insert into draft_orders (id, doctor_id) values (:draft_orders_$, :doctors_$);
insert into payments (id, order_id, doctor_id, office_id, total_amount)
  values (:payments_$, :orders_$, :doctors_$, :offices_$, 100);
insert into payment_items (id, payment_id) values (:payment_items_$, :payments_$);
insert into payment_operations (id, payment_id, operation_type)
  values (:payment_operations_$, :payments_$, 'payment');
";

/// A target that the template filled, with two clinics more.
struct Clinics {
    database: Database,
}

impl Clinics {
    async fn new() -> Self {
        let database = testbed::postgres().create_database();
        // As Supabase has it: what is new in `public` is everybody's, and a service sees all.
        database.execute(
            "do $$ begin
               if not exists (select from pg_roles where rolname = 'service_role') then
                 create role service_role nologin bypassrls;
               end if;
             exception when duplicate_object or unique_violation then null; end $$;
             do $$ begin create role anon nologin;
             exception when duplicate_object or unique_violation then null; end $$;
             do $$ begin create role authenticated nologin;
             exception when duplicate_object or unique_violation then null; end $$;
             alter default privileges in schema public
               grant all on tables to anon, authenticated, service_role;",
        );
        migrate_sample(database.url()).await;
        for (name, kind) in PEOPLE {
            database.execute(&with_ids(&format!(
                "insert into profiles (id, auth_user_id, username, profile_type)
                 values (:{name}, :{name}_signed_in, '{name}', '{kind}')"
            )));
        }
        database.execute(&with_ids(SHARED));
        for letter in ["a", "b"] {
            database.execute(&with_ids(&CLINIC.replace('$', letter)));
        }
        database.execute(&with_ids(
            "insert into doctor_offices (doctor_id, office_id)
             values (:doctor_c_as_doctor, :offices_a)",
        ));
        Self { database }
    }

    /// What somebody gets, in a transaction that is taken back.
    fn try_as(&self, who: &str, sql: &str) -> Result<String, String> {
        let claims =
            format!("{{\"sub\": \"{}\", \"role\": \"authenticated\"}}", id(&signed_in(who)));
        self.try_with("authenticated", &claims, sql)
    }

    fn try_with(&self, role: &str, claims: &str, sql: &str) -> Result<String, String> {
        let script = format!(
            "begin; set local role {role};
             set local request.jwt.claims = '{claims}';
             {};
             rollback;",
            with_ids(sql)
        );
        self.database.try_query(&script).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn as_(&self, who: &str, sql: &str) -> String {
        self.try_as(who, sql).unwrap_or_else(|error| panic!("{who}: {sql}: {error}"))
    }

    #[track_caller]
    fn check_refused(&self, who: &str, sql: &str) {
        let refused = self.try_as(who, sql).expect_err(&format!("{who} may do this: {sql}"));
        let is_by_policy =
            refused.contains("row-level security") || refused.contains("may be changed");
        assert!(is_by_policy, "{who}: {sql}: {refused}");
    }

    /// The statement is understood, and there is no row that it may change.
    #[track_caller]
    fn check_changes_nothing(&self, who: &str, sql: &str) {
        let counted = format!("with changed as ({sql} returning 1) select count(*) from changed");
        assert_eq!(self.as_(who, &counted), "0", "{who}: {sql}");
    }

    #[track_caller]
    fn check_changes_one(&self, who: &str, sql: &str) {
        let counted = format!("with changed as ({sql} returning 1) select count(*) from changed");
        assert_eq!(self.as_(who, &counted), "1", "{who}: {sql}");
    }

    fn tables(&self) -> BTreeSet<String> {
        let tables =
            self.database.query("select tablename from pg_tables where schemaname = 'public'");
        tables.lines().map(str::to_owned).collect()
    }
}

async fn migrate_sample(target: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let source = format!("sqlite:{}", folder.path().join("legacy.db").display());
    mdw::generate(&source, 1e-6, 1, None).await.expect("a sample");
    run(&source, target, "run-1", Start::Continue).await;
}

async fn run(source: &str, target: &str, run_id: &str, start: Start) {
    let plan = draft(source, target, Some("mdw")).await.expect("a plan");
    let outcome = migrate(Request {
        plan,
        source_url: source.to_owned(),
        target_url: target.to_owned(),
        run_id: run_id.parse().expect("an id"),
        workers: None,
        start,
        key: Key::new([7; 32]),
        progress: tokio::sync::watch::channel(None).0,
        stop: Stop::default(),
        clock: Arc::new(SystemClock),
        matcher: None,
    })
    .await
    .expect("a run");
    assert_eq!(outcome.failure, None);
    assert!(outcome.books_close);
}

/// The user of the token, who is not the profile.
fn signed_in(who: &str) -> String {
    format!("{who}_signed_in")
}

fn id(label: &str) -> String {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, label.as_bytes()).to_string()
}

/// Puts the id of a label in the place of `:label`; `::` stays.
fn with_ids(sql: &str) -> String {
    let mut out = String::new();
    let mut rest = sql;
    while let Some(at) = rest.find(':') {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        let tail = &tail[1..];
        let end = tail.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(tail.len());
        if end == 0 {
            let is_cast = tail.starts_with(':');
            out.push_str(if is_cast { "::" } else { ":" });
            rest = if is_cast { &tail[1..] } else { tail };
        } else {
            out.extend(["'", &id(&tail[..end]), "'"]);
            rest = &tail[end..];
        }
    }
    out + rest
}

/// The condition that finds a labelled row. Types of orders are one for each key, and all there.
fn is(table: &str, label: &str) -> String {
    match table {
        "order_types" => "key = 'main'".to_owned(),
        _ => format!("id = :{label}"),
    }
}

/// Labels of the rows that somebody sees, of all rows that the two clinics and what they share have.
fn seen(clinics: &Clinics, who: &str) -> BTreeSet<String> {
    let clinic = SEE_A.iter().flat_map(|(table, _)| {
        ["a", "b"].map(|letter| {
            // The profile of a clinic is its patient's.
            let label = match *table {
                "profiles" => format!("patient_{letter}"),
                table => format!("{table}_{letter}"),
            };
            (*table, label)
        })
    });
    let shared = SEE_SHARED.iter().map(|(table, _)| (*table, (*table).to_owned()));
    let more = ["a", "b"].into_iter().flat_map(|letter| {
        [("messages", format!("whispers_{letter}")), ("files", format!("enclosures_{letter}"))]
    });
    let questions: Vec<String> = clinic
        .chain(shared)
        .chain(more)
        .map(|(table, label)| format!("select '{label}' from {table} where {}", is(table, &label)))
        .collect();
    clinics.as_(who, &questions.join(" union all ")).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_just_the_rows_of_every_table_that_are_theirs_to_see() {
    let clinics = Clinics::new().await;
    let tested: BTreeSet<String> =
        SEE_A.iter().chain(SEE_SHARED).map(|(table, _)| (*table).to_owned()).collect();
    assert_eq!(clinics.tables(), tested, "every table has its expectation");

    for (who, _) in PEOPLE {
        let is_staff = !ORDINARY.contains(who);
        let mut expected = BTreeSet::new();
        // What holds for clinic A holds for clinic B with the letters changed.
        for (letter, me) in [("a", (*who).to_owned()), ("b", mirrored(who))] {
            for (table, people) in SEE_A {
                if is_staff || people.contains(&me.as_str()) {
                    expected.insert(match *table {
                        "profiles" => format!("patient_{letter}"),
                        table => format!("{table}_{letter}"),
                    });
                }
            }
            let care = ["doctor_a", "doctor_c", "technician"];
            if is_staff || care.contains(&me.as_str()) {
                expected.insert(format!("whispers_{letter}"));
            }
            if is_staff || care.contains(&me.as_str()) || me == "patient_a" {
                expected.insert(format!("enclosures_{letter}"));
            }
        }
        for (table, people) in SEE_SHARED {
            if is_staff || people.contains(who) {
                expected.insert((*table).to_owned());
            }
        }
        assert_eq!(seen(&clinics, who), expected, "{who}");
    }
    // The colleague works in A only, and the mirror has no other in B.
    assert!(seen(&clinics, "doctor_c").contains("patients_a"));
}

/// Who somebody is when the clinics change places. Nobody is the colleague in B.
fn mirrored(who: &str) -> String {
    match who {
        "doctor_c" => "nobody".to_owned(),
        _ => match who.strip_suffix("_a") {
            Some(kind) => format!("{kind}_b"),
            None => match who.strip_suffix("_b") {
                Some(kind) => format!("{kind}_a"),
                None => who.to_owned(),
            },
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_and_services_see_all_rows_and_strangers_none() {
    let clinics = Clinics::new().await;
    let counts: Vec<String> = clinics
        .tables()
        .into_iter()
        .map(|table| format!("select '{table}', count(*) from {table}"))
        .collect();
    let all = counts.join(" union all ");
    let of_owner = clinics.database.query(&all);

    assert_eq!(clinics.as_("admin", &all), of_owner);
    assert_eq!(clinics.as_("master", &all), of_owner);
    assert_eq!(clinics.try_with("service_role", "", &all).unwrap(), of_owner);

    let sees_nothing = |answer: String| answer.lines().all(|line| line.ends_with("\t0"));
    // A token of nobody who has a profile, and none at all.
    assert!(sees_nothing(clinics.as_("stranger", &all)));
    assert!(sees_nothing(clinics.try_with("authenticated", "", &all).unwrap()));
    clinics
        .database
        .execute(&with_ids("update profiles set is_active = false where id = :doctor_a"));
    assert!(sees_nothing(clinics.as_("doctor_a", &all)), "who was deactivated is a stranger");
    for table in clinics.tables() {
        let refused = clinics.try_with("anon", "", &format!("select 1 from {table}")).unwrap_err();
        assert!(refused.contains("permission denied"), "{table}: {refused}");
    }
    for table in ["runs", "ledger", "quarantine"] {
        let sql = format!("select 1 from transfuse.{table}");
        let refused = clinics.try_as("admin", &sql).unwrap_err();
        assert!(refused.contains("permission denied"), "{table}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_staff_deletes_or_rewrites_a_row_of_any_table() {
    let clinics = Clinics::new().await;
    for table in clinics.tables() {
        for who in ORDINARY {
            clinics.check_changes_nothing(who, &format!("delete from {table}"));
            let rewrite = format!(
                "with changed as (update {table} set legacy_id = -1 returning 1)
                 select count(*) from changed"
            );
            match clinics.try_as(who, &rewrite) {
                Ok(count) => assert_eq!(count, "0", "{who} rewrote {table}"),
                Err(refused) => assert!(refused.contains("may be changed"), "{who}: {refused}"),
            }
        }
    }
    clinics.check_changes_one("admin", "delete from patient_events where id = :patient_events_a");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_staff_adds_a_row_like_that_of_another_clinic_to_any_table() {
    let clinics = Clinics::new().await;
    let mut rows: BTreeMap<&str, String> = BTreeMap::new();
    for (table, _) in SEE_A {
        let label = if *table == "profiles" { "patient_b".into() } else { format!("{table}_b") };
        rows.insert(table, label);
    }
    for (table, _) in SEE_SHARED {
        rows.insert(table, (*table).to_owned());
    }
    for (table, label) in rows {
        let row = clinics.database.query(&with_ids(&format!(
            "select to_jsonb(t) || jsonb_build_object('id', gen_random_uuid()) from {table} t
             where {}",
            is(table, &label)
        )));
        for who in ["doctor_a", "doctor_c", "patient_a"] {
            let insert = format!(
                "insert into {table} select * from jsonb_populate_record(null::{table}, $row${row}$row$)"
            );
            clinics.check_refused(who, &insert);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_changes_only_what_is_said_of_himself() {
    let clinics = Clinics::new().await;
    let me = "patient_a";
    clinics.check_changes_one(me, "update profiles set first_name = 'Ada' where id = :patient_a");
    clinics.check_changes_one(me, "update user_settings set wants_email = false");
    clinics.check_changes_one(
        me,
        "insert into messages (patient_id, sender_id, body) values (:patients_a, :patient_a, 'hi')",
    );

    clinics.check_refused(me, "update profiles set profile_type = 'admin' where id = :patient_a");
    clinics.check_refused(me, "update profiles set auth_user_id = null where id = :patient_a");
    clinics.check_changes_nothing(me, "update profiles set email = 'x' where id = :doctor_a");
    clinics.check_changes_nothing(me, "update patients set sex = 'other'");
    clinics.check_changes_nothing(me, "update orders set notes = 'x'");
    clinics.check_changes_nothing(me, "update messages set body = 'x' where id = :messages_a");
    clinics.check_refused(
        me,
        "insert into messages (patient_id, sender_id, body) values (:patients_a, :doctor_a, 'hi')",
    );
    clinics.check_refused(
        me,
        "insert into messages (patient_id, sender_id, body) values (:patients_b, :patient_a, 'hi')",
    );
    clinics.check_refused(
        me,
        "insert into messages (recipient_id, sender_id, body) values (:doctor_b, :patient_a, 'hi')",
    );
    clinics.check_refused(
        me,
        "insert into comments (treatment_plan_id, author_id, body)
         values (:treatment_plans_a, :patient_a, 'hi')",
    );
    clinics.check_refused(
        me,
        "insert into orders (patient_id, order_type_id) select :patients_a, id from order_types limit 1",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_orders_for_his_patients_in_his_name_and_at_no_price_of_his_own() {
    let clinics = Clinics::new().await;
    let me = "doctor_a";
    let order = |patient: &str, doctor: &str, office: &str, price: &str| {
        format!(
            "insert into orders (patient_id, doctor_id, office_id, price, order_type_id)
             select :{patient}, :{doctor}, :{office}, {price}, id from order_types
             where key = 'refinement'"
        )
    };
    clinics.check_changes_one(me, &order("patients_a", "doctors_a", "offices_a", "null"));
    clinics.check_refused(me, &order("patients_b", "doctors_a", "offices_a", "null"));
    clinics.check_refused(me, &order("patients_a", "doctors_b", "offices_a", "null"));
    clinics.check_refused(me, &order("patients_a", "doctors_a", "offices_b", "null"));
    clinics.check_refused(me, &order("patients_a", "doctors_a", "offices_a", "0"));

    clinics.check_changes_one(me, "update orders set notes = 'urgent' where id = :orders_a");
    clinics.check_refused(me, "update orders set price = 0 where id = :orders_a");
    clinics.check_refused(me, "update orders set is_deleted = true where id = :orders_a");
    clinics.check_refused(me, "update orders set patient_id = :patients_b where id = :orders_a");
    clinics.check_changes_nothing(me, "update orders set notes = 'x' where id = :orders_b");

    clinics.check_changes_one(me, "update patients set sex = 'female' where id = :patients_a");
    clinics.check_refused(me, "update patients set doctor_id = :doctors_b where id = :patients_a");
    clinics.check_changes_nothing(me, "update patients set sex = 'female' where id = :patients_b");
    clinics.check_changes_one(
        me,
        "insert into patient_events (patient_id, title) values (:patients_a, 'Check')",
    );
    clinics.check_refused(
        me,
        "insert into patient_events (patient_id, title) values (:patients_b, 'Check')",
    );
    clinics.check_changes_one(
        me,
        "insert into comments (treatment_plan_id, author_id, body)
         values (:treatment_plans_a, :doctor_a, 'fine')",
    );
    clinics.check_changes_one(me, "update notifications set is_read = true");
    clinics.check_refused(me, "update notifications set recipient_id = :doctor_b");

    // No way into the other clinic, and none to the money.
    clinics.check_refused(
        me,
        "insert into doctor_offices (doctor_id, office_id) values (:doctors_a, :offices_b)",
    );
    clinics.check_refused(
        me,
        "insert into patient_care (patient_id, doctor_id, office_id)
         values (:patients_b, :doctors_a, :offices_a)",
    );
    clinics.check_changes_nothing(me, "update doctor_settings set credit = 1000");
    clinics.check_changes_nothing(me, "update payments set is_paid = true");
    clinics.check_changes_nothing(me, "update offers set price_both = 0");
    clinics.check_refused(me, "insert into discounts (percent, offer_id) values (100, :offers_a)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_technician_does_the_work_and_touches_nothing_else() {
    let clinics = Clinics::new().await;
    let me = "technician";
    clinics.check_changes_one(me, "update tasks set status = 'completed' where id = :tasks_b");
    clinics
        .check_changes_one(me, "update orders set status = 'in_production' where id = :orders_b");
    clinics.check_changes_one(
        me,
        "insert into files (file_uid, file_type) values (gen_random_uuid(), 'model')",
    );

    clinics.check_refused(me, "update tasks set order_id = :orders_a where id = :tasks_b");
    clinics.check_refused(me, "update orders set price = 1 where id = :orders_b");
    clinics.check_changes_nothing(me, "update patients set sex = 'other'");
    clinics.check_changes_nothing(me, "update offices set tax_rate = 0");
    assert_eq!(clinics.as_(me, "select count(*) from payments"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_closed_and_every_function_that_reads_past_policies_is_pinned() {
    let clinics = Clinics::new().await;

    assert_eq!(clinics.database.query(OPEN_TABLES), "");
    let unpinned = clinics.database.query(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace
         and (proconfig is null or not proconfig @> array['search_path=\"\"'])",
    );
    assert_eq!(unpinned, "");
}

const OPEN_TABLES: &str = "
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname in ('public', 'transfuse') and not c.relrowsecurity";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_begins_afresh_closes_the_tables_again() {
    let folder = tempfile::tempdir().unwrap();
    let source = format!("sqlite:{}", folder.path().join("legacy.db").display());
    mdw::generate(&source, 1e-6, 1, None).await.unwrap();
    let target = testbed::postgres().create_database();
    let policies = "select count(*) from pg_policies where schemaname = 'public'";
    run(&source, target.url(), "run-1", Start::Continue).await;
    let before = target.query(policies);

    run(&source, target.url(), "run-2", Start::Fresh).await;

    assert_eq!(target.query(policies), before);
    assert_eq!(target.query(OPEN_TABLES), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loader_who_may_not_make_roles_leaves_the_tables_closed_all_the_same() {
    let server = testbed::private(Product::Postgres, Durability::Fast);
    let database = server.create_database();
    server.execute("create role loader login password 'loader'; create role reader nologin");
    server.execute(&format!("alter database {} owner to loader", database.name()));

    migrate_sample(&database.url_as("loader", "loader")).await;

    let roles = "select count(*) from pg_roles where rolname in ('anon', 'authenticated')";
    assert_eq!(database.query(roles), "0");
    database.execute(&with_ids(
        "grant select on profiles to reader;
         insert into profiles (id, auth_user_id, username, profile_type)
         values (:one, :one_signed_in, 'one', 'patient')",
    ));
    let asked = format!(
        "set role reader; set request.jwt.claim.sub = '{}'; select username from profiles",
        id("one_signed_in")
    );
    assert_eq!(database.query(&asked), "one");
    assert_eq!(database.query("set role reader; select count(*) from profiles"), "0");
}
