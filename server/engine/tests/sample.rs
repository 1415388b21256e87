//! The sample legacy database: the same on every engine, of the right proportions, and wrong in
//! just the ways that its truth file says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use engine::clock::SystemClock;
use engine::map::draft::draft;
use engine::run::{Request, Start, Stop, migrate};
use engine::sample::mdw::{self, Outcome, Truth};
use engine::seal::Key;
use shared::run::{OutcomeStatus, RunOutcome};
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

/// A SQLite sample and what is true of it.
struct Sample {
    folder: tempfile::TempDir,
    truth: Truth,
}

impl Sample {
    async fn new(scale: f64, seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let truth = folder.path().join("truth.json");
        let url = url_of(folder.path());
        mdw::generate(&url, scale, seed, Some(&truth)).await.expect("a sample");
        let truth = Truth::read(&truth).expect("its truth");
        Self { folder, truth }
    }

    async fn connect(&self) -> SqliteConnection {
        SqliteConnection::connect(&url_of(self.folder.path())).await.expect("the sample")
    }

    async fn numbers(&self, sql: &str) -> Vec<u32> {
        let mut connection = self.connect().await;
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut connection)
            .await
            .expect("an answer")
    }

    /// The share of rows for which a condition holds.
    async fn share(&self, table: &str, condition: &str) -> f64 {
        let sql = format!("select avg(case when {condition} then 1.0 else 0.0 end) from {table}");
        let mut connection = self.connect().await;
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.expect("an answer")
    }
}

fn url_of(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("legacy.db").display())
}

#[tokio::test]
async fn the_same_seed_gives_the_same_rows_on_every_engine() {
    let sample = Sample::new(0.003, 5).await;
    let postgres = testbed::postgres().create_database();
    let mariadb = testbed::mariadb().create_database();
    mdw::generate(postgres.url(), 0.003, 5, None).await.unwrap();
    mdw::generate(mariadb.url(), 0.003, 5, None).await.unwrap();

    let columns = postgres.query(
        "select table_name, column_name, data_type from information_schema.columns \
         where table_schema = 'public' order by table_name, ordinal_position",
    );
    let mut tables: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for line in columns.lines() {
        let parts: Vec<&str> = line.split('\t').collect();
        tables.entry(parts[0]).or_default().push((parts[1], parts[2]));
    }
    assert_eq!(tables.len(), 42);
    let mut connection = sample.connect().await;
    for (table, columns) in tables {
        let list = |form: fn(&str, &str) -> String| {
            let list: Vec<String> = columns.iter().map(|(name, kind)| form(name, kind)).collect();
            format!("select {} from {table} order by id", list.join(", "))
        };
        let in_postgres = postgres.query(&list(as_postgres_writes));
        let in_mariadb = mariadb.query(&list(as_mariadb_writes));
        let rows = sqlx::query(AssertSqlSafe(list(as_sqlite_writes)))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let in_sqlite: Vec<String> = rows
            .iter()
            .map(|row| {
                let cells: Vec<String> = (0..row.len())
                    .map(|at| row.get::<Option<String>, _>(at).unwrap_or_else(|| "NULL".into()))
                    .collect();
                cells.join("\t")
            })
            .collect();

        assert!(in_postgres == in_mariadb, "{table} differs between PostgreSQL and MariaDB");
        assert!(
            in_postgres == in_sqlite.join("\n"),
            "{table} differs between PostgreSQL and SQLite"
        );
        assert_eq!(sample.truth.tables[table], rows.len() as u64);
    }
}

fn as_postgres_writes(name: &str, kind: &str) -> String {
    match kind {
        "character varying" | "text" | "uuid" => {
            format!("encode(convert_to(\"{name}\"::text, 'UTF8'), 'hex')")
        }
        "boolean" => format!("\"{name}\"::int"),
        "numeric" => format!("round(\"{name}\" * 10000)::bigint"),
        "timestamp with time zone" => {
            format!("to_char(\"{name}\" at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.US')")
        }
        _ => format!("\"{name}\""),
    }
}

fn as_mariadb_writes(name: &str, kind: &str) -> String {
    match kind {
        "character varying" | "text" | "uuid" => format!("lower(hex(`{name}`))"),
        "numeric" => format!("cast(round(`{name}` * 10000) as signed)"),
        "timestamp with time zone" => format!("date_format(`{name}`, '%Y-%m-%d %H:%i:%s.%f')"),
        _ => format!("`{name}`"),
    }
}

fn as_sqlite_writes(name: &str, kind: &str) -> String {
    match kind {
        "character varying" | "text" | "uuid" => {
            format!("case when \"{name}\" is null then null else lower(hex(\"{name}\")) end")
        }
        "numeric" => format!("cast(cast(round(\"{name}\" * 10000) as integer) as text)"),
        "timestamp with time zone" => format!("substr(\"{name}\", 1, 26)"),
        _ => format!("cast(\"{name}\" as text)"),
    }
}

#[tokio::test]
async fn another_seed_gives_another_database() {
    let one = Sample::new(0.001, 1).await;
    let other = Sample::new(0.001, 2).await;

    let names = "select length(group_concat(last_name)) from auth_user";
    assert_ne!(one.numbers(names).await, other.numbers(names).await);
}

#[tokio::test]
async fn a_database_that_has_the_tables_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = testbed::postgres().create_database();
    let mariadb = testbed::mariadb().create_database();
    let sqlite = url_of(folder.path());
    for url in [postgres.url(), mariadb.url(), &sqlite] {
        mdw::generate(url, 0.001, 1, None).await.unwrap();
        let truth = folder.path().join("again.json");

        let refused = mdw::generate(url, 0.001, 2, Some(&truth)).await.unwrap_err();

        assert_eq!(refused.code().as_str(), "LOAD-010");
        assert!(refused.to_string().contains("auth_user"), "{refused}");
        assert!(!truth.exists());
    }
    assert_eq!(postgres.query("select count(*) > 0 from auth_user"), "t");
    assert_eq!(mariadb.query("select count(*) > 0 from auth_user"), "1");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_its_password() {
    let refused =
        mdw::generate("postgres://ann:s3cret@127.0.0.1:1/mdw", 0.001, 1, None).await.unwrap_err();

    assert_eq!(refused.code().as_str(), "CONN-001");
    assert!(refused.to_string().contains("127.0.0.1:1/mdw"));
    assert!(!refused.to_string().contains("s3cret"));
}

#[tokio::test]
async fn the_proportions_are_those_of_the_real_system() {
    let sample = Sample::new(0.05, 3).await;
    let rows = |table: &str| u32::try_from(sample.truth.tables[table]).unwrap();
    let near = |what: &str, found: f64, expected: f64, tolerance: f64| {
        let off = (found - expected).abs() / expected;
        assert!(off <= tolerance, "{what}: {found} is not near {expected}");
    };

    for (table, full) in [
        ("auth_user", 9_886),
        ("dispatch_patient", 8_527),
        ("dispatch_office", 898),
        ("dispatch_office_doctors", 472),
        ("dispatch_instruction", 25_259),
        ("dispatch_jaw", 43_458),
        ("dispatch_project", 72_155),
        ("dispatch_plan", 209_241),
        ("dispatch_file", 327_771),
        ("dispatch_task", 953_224),
        ("dispatch_record", 70_742),
        ("dispatch_comment", 15_097),
        ("dispatch_notification", 2_191_123),
        ("dispatch_payment", 17_297),
        ("dispatch_operation", 3_720),
        ("dispatch_purchase", 3_701),
        ("dispatch_doctorsetting", 1_181),
    ] {
        near(table, f64::from(rows(table)), f64::from(full) * 0.05, 0.12);
    }
    assert_eq!(rows("dispatch_order"), 0);
    for (table, condition, share, tolerance) in [
        ("auth_user", "email = ''", 0.87, 0.03),
        ("auth_user", "last_login is null", 0.30, 0.15),
        ("auth_user", "last_name glob '*[^ -~]*'", 0.15, 0.40),
        ("dispatch_instruction", "status = 4", 0.831, 0.05),
        ("dispatch_instruction", "status = 1", 0.145, 0.20),
        ("dispatch_instruction", "cbct", 0.40, 0.10),
        ("dispatch_instruction", "comprehensive", 0.46, 0.10),
        ("dispatch_instruction", "accept_extraction", 0.176, 0.20),
        ("dispatch_instruction", "deleted", 0.0142, 0.10),
        ("dispatch_office", "valid is not true", 0.41, 0.40),
        (
            "dispatch_comment",
            "plan_id not in (select p.id from dispatch_plan p \
             join dispatch_instruction i on i.id = p.instruction_id)",
            0.64,
            0.08,
        ),
        (
            "dispatch_file",
            "instruction_id is null or instruction_id not in \
             (select id from dispatch_instruction)",
            0.5,
            0.04,
        ),
        (
            "dispatch_task",
            "instruction_id not in (select id from dispatch_instruction)",
            0.008,
            0.15,
        ),
        ("dispatch_instruction", "id in (select instruction_id from dispatch_state)", 0.40, 0.10),
    ] {
        near(condition, sample.share(table, condition).await, share, tolerance);
    }
    let price =
        sample.numbers("select cast(avg(price) as integer) from dispatch_instruction").await;
    near("mean price", f64::from(price[0]), 564.63, 0.05);
    let prices =
        sample.numbers("select cast(max(price) as integer) from dispatch_instruction").await;
    assert!(prices[0] <= 997);
    let last = sample.numbers("select max(id) from dispatch_patient").await;
    assert!(last[0] > 50 * rows("dispatch_patient"), "ids are sparse");
}

/// How each fault is found. The keys of the rows found have to be those of the truth file.
const FOUND_BY: &[(&str, &str)] = &[
    ("blank_email", "select id from auth_user where email = ''"),
    (
        "shared_email",
        "select id from auth_user where email like '%_@_%' and email in \
         (select email from auth_user group by email having count(*) > 1)",
    ),
    ("invalid_email", "select id from auth_user where email <> '' and email not like '%_@_%'"),
    ("empty_name", "select id from auth_user where trim(first_name) = '' and trim(last_name) = ''"),
    ("null_word_name", "select id from auth_user where lower(last_name) = 'null'"),
    ("double_space_name", "select id from auth_user where trim(last_name) like '%  %'"),
    ("several_groups", "select user_id from auth_user_groups group by user_id having count(*) > 1"),
    ("never_logged_in", "select id from auth_user where last_login is null"),
    (
        "patient_and_doctor",
        "select distinct user_id from dispatch_patient where user_id in \
         (select user_id from auth_user_groups where group_id = 2)",
    ),
    (
        "inactive_doctor",
        "select u.id from auth_user u join auth_user_groups g on g.user_id = u.id \
         where g.group_id = 2 and not u.is_active",
    ),
    ("test_account", "select id from auth_user where email like '%.mdw.example'"),
    (
        "doctor_without_patients",
        "select user_id from auth_user_groups where group_id = 2 and user_id not in \
         (select doctor_id from dispatch_patient where doctor_id is not null)",
    ),
    (
        "doctor_name_twice",
        "with doctor as (select u.id, first_name || '/' || last_name as name from auth_user u \
         join auth_user_groups g on g.user_id = u.id and g.group_id = 2) \
         select id from doctor where name in \
         (select name from doctor group by name having count(*) > 1)",
    ),
    ("tax_rate_percent", "select id from dispatch_office where tax_rate > 1"),
    ("office_not_valid", "select id from dispatch_office where valid is not true"),
    ("office_without_country", "select id from dispatch_office where country is null"),
    ("office_name_mixed_case", "select id from dispatch_office where name <> lower(name)"),
    (
        "test_test",
        "select p.id from dispatch_patient p join auth_user u on u.id = p.user_id \
         where u.first_name = 'Test' and u.last_name = 'Test'",
    ),
    ("missing_birthdate", "select id from dispatch_patient where birthdate is null"),
    ("future_birthdate", "select id from dispatch_patient where birthdate > '2030-01-01'"),
    ("missing_sex", "select id from dispatch_patient where sex is null"),
    ("unknown_sex_code", "select id from dispatch_patient where sex not in (1, 2)"),
    ("patient_without_doctor", "select id from dispatch_patient where doctor_id is null"),
    ("patient_without_office", "select id from dispatch_patient where office_id is null"),
    ("patient_without_suffix", "select id from dispatch_patient where suffix is null"),
    ("patient_without_time", "select id from dispatch_patient where submitted_at is null"),
    ("future_submission", "select id from dispatch_patient where submitted_at > '2030-01-01'"),
    (
        "patient_without_main_course",
        "select id from dispatch_patient where id not in \
         (select patient_id from dispatch_instruction where course_id = 1)",
    ),
    ("sparse_patient_id", "select max(id) from dispatch_patient"),
    ("broken_customization", "select id from dispatch_product where not json_valid(customization)"),
    (
        "discount_on_offer_without_doctor",
        "select d.id from dispatch_discount d join dispatch_offer o on o.id = d.offer_id \
         where o.doctor_id is null",
    ),
    (
        "unreferenced_jaw",
        "select id from dispatch_jaw where id not in (select upper_jaw_id from \
         dispatch_instruction where upper_jaw_id is not null) and id not in (select lower_jaw_id \
         from dispatch_instruction where lower_jaw_id is not null)",
    ),
    ("zero_price_order", "select id from dispatch_instruction where price = 0"),
    (
        "order_without_doctor",
        "select i.id from dispatch_instruction i join dispatch_patient p on p.id = i.patient_id \
         where p.doctor_id is null",
    ),
    ("deleted_order", "select id from dispatch_instruction where deleted"),
    (
        "order_without_states",
        "select id from dispatch_instruction where id not in \
         (select instruction_id from dispatch_state where instruction_id is not null)",
    ),
    ("state_without_order", "select id from dispatch_state where instruction_id is null"),
    ("empty_project_name", "select id from dispatch_project where name = ''"),
    ("project_without_creator", "select id from dispatch_project where creator_id is null"),
    ("sparse_project_id", "select max(id) from dispatch_project"),
    ("plan_without_order", "select id from dispatch_plan where instruction_id is null"),
    (
        "plan_of_vanished_order",
        "select id from dispatch_plan where instruction_id not in \
         (select id from dispatch_instruction)",
    ),
    ("file_without_order", "select id from dispatch_file where instruction_id is null"),
    (
        "file_of_vanished_order",
        "select id from dispatch_file where instruction_id not in \
         (select id from dispatch_instruction)",
    ),
    (
        "file_of_deleted_order",
        "select f.id from dispatch_file f join dispatch_instruction i on i.id = f.instruction_id \
         where i.deleted",
    ),
    (
        "file_on_several_orders",
        "select id from dispatch_file where uid in \
         (select uid from dispatch_file group by uid having count(*) > 1)",
    ),
    ("double_extension", "select id from dispatch_file where name like '%.' || ext || '.' || ext"),
    ("name_without_extension", "select id from dispatch_file where name not like '%.%'"),
    ("record_of_unknown_type", "select id from dispatch_record where type is null"),
    (
        "record_of_vanished_target",
        "select id from dispatch_record where \
         (target_type_id = 11 and target_id not in (select id from dispatch_patient)) or \
         (target_type_id = 12 and target_id not in (select id from dispatch_plan)) or \
         (target_type_id = 13 and target_id not in (select id from dispatch_instruction)) or \
         (target_type_id = 58 and target_id not in (select id from auth_user))",
    ),
    (
        "record_targets_by_type",
        "select id from dispatch_record where \
         (target_type_id = 11 and target_id in (select id from dispatch_patient)) or \
         (target_type_id = 12 and target_id in (select id from dispatch_plan)) or \
         (target_type_id = 58 and target_id in (select id from auth_user))",
    ),
    (
        "workflow_in_text",
        "select id from dispatch_record where lower(text) like '%status changed%'",
    ),
    (
        "comment_of_vanished_plan",
        "select id from dispatch_comment where plan_id not in (select id from dispatch_plan)",
    ),
    (
        "comment_on_plan_without_order",
        "select c.id from dispatch_comment c join dispatch_plan p on p.id = c.plan_id \
         where p.instruction_id is null or p.instruction_id not in \
         (select id from dispatch_instruction)",
    ),
    (
        "task_of_vanished_order",
        "select id from dispatch_task where instruction_id not in \
         (select id from dispatch_instruction)",
    ),
    (
        "task_of_deleted_order",
        "select t.id from dispatch_task t join dispatch_instruction i on i.id = t.instruction_id \
         where i.deleted",
    ),
    (
        "payment_of_vanished_order",
        "select id from dispatch_payment where instruction_id not in \
         (select id from dispatch_instruction)",
    ),
    ("payment_tax_percent", "select id from dispatch_payment where tax_rate > 1"),
    ("free_payment", "select id from dispatch_payment where free"),
    (
        "json_single_quotes",
        "select id from dispatch_notification where template_context like '{''%'",
    ),
    (
        "json_inner_quotes",
        "select id from dispatch_notification where template_context like '%\"Nan\"%'",
    ),
    ("json_null", "select id from dispatch_notification where template_context is null"),
    ("json_empty", "select id from dispatch_notification where template_context = ''"),
    (
        "json_lone_surrogate",
        "select id from dispatch_notification where template_context like '%\\ud83d %'",
    ),
    (
        "json_broken_escape",
        "select id from dispatch_notification where template_context like '%\\u30xg%'",
    ),
    (
        "json_circular",
        "select id from dispatch_notification where template_context like '%<Circular%'",
    ),
    (
        "notification_of_vanished_item",
        "select id from dispatch_notification where item_type_id = 13 and item_id not in \
         (select id from dispatch_instruction)",
    ),
    ("action_in_another_zone", "select id from dispatch_action where data not like '%:00Z\"%'"),
    ("card_number_start", "select id from dispatch_operation where card_bin is not null"),
];

#[tokio::test]
async fn every_fault_is_found_in_just_the_rows_that_the_truth_file_names() {
    // The smallest sample has them all, and so has a larger one.
    for (scale, seed) in [(0.001, 11), (0.02, 12)] {
        let sample = Sample::new(scale, seed).await;
        let known: BTreeSet<&str> =
            sample.truth.defects.iter().map(|defect| defect.defect.as_str()).collect();
        let tested: BTreeSet<&str> = FOUND_BY.iter().map(|(defect, _)| *defect).collect();
        assert_eq!(known, tested);
        for (defect, sql) in FOUND_BY {
            let mut found = sample.numbers(sql).await;
            found.sort_unstable();

            assert!(!found.is_empty(), "{defect} is not in the sample of scale {scale}");
            assert_eq!(found, sample.truth.ids(defect), "{defect}");
        }
    }
}

#[tokio::test]
async fn broken_contexts_are_as_many_as_were_found_in_the_real_system() {
    let sample = Sample::new(1e-6, 1).await;
    // The counts of full scale are taken from the real system; the least sample has one of each.
    for defect in ["json_single_quotes", "json_inner_quotes", "json_null", "json_empty"] {
        assert_eq!(sample.truth.ids(defect).len(), 1, "{defect}");
    }
}

/// Given name, family name, date of birth, office.
type Person = (String, String, Option<String>, Option<u32>);

#[tokio::test]
async fn planted_duplicates_are_of_every_kind_and_are_what_their_kind_says() {
    let sample = Sample::new(0.02, 9).await;
    let mut connection = sample.connect().await;
    let people = sqlx::query(
        "select p.id, u.first_name, u.last_name, p.birthdate, p.office_id from dispatch_patient p \
         join auth_user u on u.id = p.user_id",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let people: BTreeMap<u32, Person> = people
        .iter()
        .map(|row| (row.get(0), (row.get(1), row.get(2), row.get(3), row.get(4))))
        .collect();

    let mut kinds = BTreeSet::new();
    for pair in &sample.truth.duplicates {
        kinds.insert(pair.kind.as_str());
        let (left, right) = (&people[&pair.left], &people[&pair.right]);
        let same_name = (&left.0, &left.1) == (&right.0, &right.1);
        let same_birth = left.2 == right.2;
        let holds = match pair.kind.as_str() {
            "exact_copy" => same_name && same_birth && left.3 == right.3,
            "typo" | "diacritics" | "romanisation" => !same_name && same_birth,
            "nickname" => left.0 != right.0 && left.1 == right.1 && same_birth,
            "swapped_names" => (&left.0, &left.1) == (&right.1, &right.0) && same_birth,
            "day_month_swapped" | "year_off_by_one" => {
                same_name && !same_birth && left.2.is_some() && right.2.is_some()
            }
            "missing_birthdate" => same_name && left.2.is_none() != right.2.is_none(),
            "different_office" => same_name && same_birth && left.3 != right.3,
            other => panic!("{other} is not a kind of duplicate"),
        };
        assert!(holds, "{} does not hold for {} and {}", pair.kind, pair.left, pair.right);
    }
    assert_eq!(kinds.len(), 10);
    let negatives: BTreeSet<&str> =
        sample.truth.look_alikes.iter().map(|pair| pair.kind.as_str()).collect();
    assert_eq!(negatives, BTreeSet::from(["father_and_son", "test_test", "twins"]));
}

/// Drafts a plan by the template that fits and runs it.
async fn run(source: &str, target: &str) -> RunOutcome {
    let plan = draft(source, target, None).await.expect("a plan");
    assert_eq!(plan.name, "mdw");
    assert_eq!(engine::map::check::against(&plan, source, target).await.expect("a check"), []);
    migrate(Request {
        plan,
        source_url: source.to_owned(),
        target_url: target.to_owned(),
        run_id: "run-1".parse().expect("an id"),
        workers: None,
        start: Start::Continue,
        key: Key::new([7; 32]),
        progress: tokio::sync::watch::channel(None).0,
        stop: Stop::default(),
        clock: std::sync::Arc::new(SystemClock),
        matcher: None,
    })
    .await
    .expect("a run")
}

/// Holds a run against the truth. `ask` gives the rows of a query of the target, one a line, with
/// a tab between their two columns.
async fn check_ends(
    truth: &Truth,
    outcome: &RunOutcome,
    target: &str,
    ask: impl AsyncFnOnce(String) -> String,
) {
    assert_eq!(outcome.failure, None);
    assert_eq!(outcome.status, OutcomeStatus::Completed);
    assert!(outcome.books_close);
    for (table, rows) in &truth.tables {
        let mut mappings = outcome.tables.iter().filter(|done| done.source.name == *table);
        assert!(mappings.any(|done| done.books.read == *rows), "{table} was not read whole");
    }
    let mut questions = Vec::new();
    let mut answers = Vec::new();
    for defect in &truth.defects {
        let ids: Vec<String> = defect.ids.iter().map(ToString::to_string).collect();
        for end in &defect.ends {
            let (condition, expected) = match &end.outcome {
                Outcome::Loaded { shows } => (shows.as_str(), ids.len()),
                Outcome::Quarantined { .. } | Outcome::Filtered => ("true", 0),
            };
            let (name, table) = (&defect.defect, &end.target);
            questions.push(format!(
                "select '{name} in {table}', count(*) from {table}
                 where legacy_id in ({}) and ({condition})",
                ids.join(", ")
            ));
            answers.push(format!("{name} in {table}\t{expected}"));
        }
    }
    let found = ask(questions.join(" union all ")).await;
    assert_eq!(found.lines().collect::<Vec<_>>(), answers);
    let run_id = "run-1".parse().expect("an id");
    let counts = engine::quarantine::counts(target, &run_id).await.expect("counts");
    let found: BTreeMap<_, _> =
        counts.into_iter().map(|c| ((c.target.name, c.code), c.rows)).collect();
    assert_eq!(found, truth.quarantined(), "no row is in quarantine without a planted reason");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_ends_where_the_truth_file_says_from_every_engine_and_to_both() {
    let sample = Sample::new(0.001, 21).await;
    let sqlite = url_of(sample.folder.path());
    let postgres = testbed::postgres().create_database();
    let mariadb = testbed::mariadb().create_database();
    for url in [postgres.url(), mariadb.url()] {
        mdw::generate(url, 0.001, 21, None).await.unwrap();
    }
    let mut contents = Vec::new();
    for source in [postgres.url(), mariadb.url(), &sqlite] {
        let target = testbed::postgres().create_database();
        let outcome = run(source, target.url()).await;

        check_ends(&sample.truth, &outcome, target.url(), async |sql| target.query(&sql)).await;
        contents.push(content(&target, &outcome));
    }
    assert_eq!(contents[0], contents[1], "PostgreSQL and MariaDB give one target");
    assert_eq!(contents[0], contents[2], "PostgreSQL and SQLite give one target");

    let new = sample.folder.path().join("new.db");
    let target = format!("sqlite:{}", new.display());
    let outcome = run(&sqlite, &target).await;

    check_ends(&sample.truth, &outcome, &target, async |sql| {
        let mut connection = SqliteConnection::connect(&target).await.unwrap();
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        let lines: Vec<String> = rows
            .iter()
            .map(|row| format!("{}\t{}", row.get::<String, _>(0), row.get::<i64, _>(1)))
            .collect();
        lines.join("\n")
    })
    .await;
}

/// A digest of every table that the run filled.
fn content(target: &testbed::Database, outcome: &RunOutcome) -> String {
    let digests: Vec<String> = outcome
        .tables
        .iter()
        .map(|table| {
            let name = &table.target.name;
            format!("select '{name}', md5(string_agg(t::text, '|' order by id)) from {name} t")
        })
        .collect();
    target.query(&digests.join(" union all "))
}

/// Faults of the sample, and the shipped checks that find them.
const CHECKED_BY: &[(&str, &str)] = &[
    ("mdw-patient-birth-date-filled", "missing_birthdate"),
    ("mdw-patient-birth-date-plausible", "future_birthdate"),
    ("mdw-patient-sex-mapped", "unknown_sex_code"),
    ("mdw-patient-doctor", "patient_without_doctor"),
    ("mdw-patient-office", "patient_without_office"),
    ("mdw-patient-enrolled-plausible", "future_submission"),
    ("mdw-order-states", "order_without_states"),
    ("mdw-doctor-patients", "doctor_without_patients"),
    ("mdw-order-price", "zero_price_order"),
    ("mdw-plan-order", "plan_of_vanished_order"),
    ("mdw-payment-order", "payment_of_vanished_order"),
    ("mdw-comment-plan", "comment_of_vanished_plan"),
    ("mdw-jaw-known", "unreferenced_jaw"),
];

#[tokio::test]
async fn the_shipped_checks_find_the_faults_that_were_planted_on_both_targets() {
    let sample = Sample::new(0.01, 1).await;
    let source = url_of(sample.folder.path());
    let postgres = testbed::postgres().create_database();
    let file = format!("sqlite:{}", sample.folder.path().join("new.db").display());
    for target in [postgres.url(), &file] {
        run(&source, target).await;
        let plan = draft(&source, target, None).await.unwrap();
        let request = engine::clinical::Request {
            plan,
            source_url: source.clone(),
            target_url: target.to_owned(),
            key: Key::new([7; 32]),
            clock: std::sync::Arc::new(SystemClock),
        };
        let outcome = engine::clinical::make(&request).await.unwrap();

        for (key, defect) in CHECKED_BY {
            let check = outcome.checks.iter().find(|check| check.key == *key).expect(key);
            let planted = sample.truth.ids(defect).len() as u64;
            assert!(planted > 0, "{defect}");
            assert_eq!(check.target.violated(), Some(planted), "{key}: {:?}", check.target);
        }
        let birth = outcome.checks.iter().find(|it| it.key == "mdw-patient-birth-date-plausible");
        assert!(birth.unwrap().was_so_in_the_source());
        let bad: Vec<_> = outcome.checks.iter().filter(|check| check.blocks()).collect();
        assert!(outcome.passed, "{bad:#?}");
        let errors = outcome.count(shared::clinical::CheckStatus::Error);
        assert_eq!(errors, 0);
    }
}
