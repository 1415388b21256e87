//! Databases that nobody here made. Where they are not at hand, these tests have nothing to say.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use engine::map::draft::draft;
use shared::plan::Plan;
use shared::run::{OutcomeStatus, RunOutcome};
use testbed::Database;

use crate::support::run;

/// The folder with real databases, beside the project; none elsewhere.
fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    path.exists().then(|| path.canonicalize().expect("a path that exists"))
}

async fn migrate(source: &str, target: &str) -> (Plan, RunOutcome) {
    let plan = draft(source, target, None).await.unwrap();
    let outcome = run(&plan).await.unwrap();
    assert_eq!(outcome.failure, None);
    assert_eq!(outcome.status, OutcomeStatus::Completed);
    assert!(outcome.books_close);
    (plan, outcome)
}

/// Every row of every table as text, in an order of its own, tables by name.
fn content(database: &Database) -> String {
    let tables = database.query(
        "select table_name from information_schema.tables where table_schema = 'public' order by lower(replace(table_name, '_', ''))",
    );
    let mut content = String::new();
    for table in tables.lines() {
        let rows = database.query(&format!(
            "select count(*), md5(coalesce(string_agg(t::text, '|' order by t::text), ''))
             from public.\"{table}\" t"
        ));
        let _ = writeln!(content, "{} {rows}", table.to_lowercase().replace('_', ""));
    }
    content
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_csv_files_arrives_value_by_value() {
    let Some(folder) = data("synthea") else { return };
    let target = testbed::postgres().create_database();

    let (plan, outcome) = migrate(&format!("csv:{}", folder.display()), target.url()).await;

    assert_eq!(outcome.tables.len(), 18);
    for mapping in &plan.tables {
        let file = folder.join(format!("{}.csv", mapping.source.name));
        compare_csv(&file, mapping, &target);
    }
}

/// Reads the file again, by other means, and compares every field with the target's text of it.
#[track_caller]
fn compare_csv(file: &Path, mapping: &shared::plan::TableMapping, target: &Database) {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let header = reader.headers().unwrap().clone();
    let columns: Vec<String> = header
        .iter()
        .map(|name| {
            let column = mapping
                .columns
                .iter()
                .find(|column| column.source.as_deref() == Some(name))
                .unwrap_or_else(|| panic!("{} of {} is not mapped", name, mapping.source));
            let quoted = format!("\"{}\"", column.target);
            match column.data_type.to_string().as_str() {
                "timestamptz" => format!(
                    "to_char({quoted} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
                ),
                _ => format!("{quoted}::text"),
            }
        })
        .collect();
    let table = &mapping.target;
    let arrived = target.query(&format!(
        "select md5(concat_ws('|', {})) from \"{}\".\"{}\"",
        columns.iter().map(|c| format!("coalesce({c}, '')")).collect::<Vec<_>>().join(", "),
        table.schema.as_deref().unwrap_or("public"),
        table.name
    ));
    let mut arrived: Vec<String> = arrived.lines().map(str::to_owned).collect();
    let expected: Vec<String> =
        reader.records().map(|row| row.unwrap().iter().collect::<Vec<_>>().join("|")).collect();
    let mut expected = hashes(target, &expected);
    arrived.sort_unstable();
    expected.sort_unstable();
    assert_eq!(arrived.len(), expected.len(), "{}", mapping.source);
    let differing = arrived.iter().zip(&expected).filter(|(left, right)| left != right).count();
    assert_eq!(differing, 0, "rows of {} differ", mapping.source);
}

/// The same hash as the target's own, of texts made here.
fn hashes(target: &Database, rows: &[String]) -> Vec<String> {
    let mut hashes = Vec::new();
    for rows in rows.chunks(500) {
        let values: Vec<String> =
            rows.iter().map(|row| format!("('{}')", row.replace('\'', "''"))).collect();
        let found = target.query(&format!("select md5(t) from (values {}) v(t)", values.join(",")));
        hashes.extend(found.lines().map(str::to_owned));
    }
    hashes
}

#[tokio::test(flavor = "multi_thread")]
async fn one_database_from_three_engines_is_the_same_three_times() {
    let Some(folder) = data("chinook") else { return };
    let sqlite = format!("sqlite:{}", folder.join("Chinook_Sqlite.sqlite").display());
    let mysql = testbed::mariadb().create_database();
    // The script's texts have backslashes that are meant as such.
    load_script(
        &mysql,
        &folder.join("Chinook_MySql.sql"),
        "set sql_mode = 'NO_BACKSLASH_ESCAPES';",
    );
    let postgres = testbed::postgres().create_database();
    load_script(&postgres, &folder.join("Chinook_PostgreSql.sql"), "");
    let targets: Vec<Database> = (0..3).map(|_| testbed::postgres().create_database()).collect();

    for (source, target) in [sqlite.as_str(), mysql.url(), postgres.url()].iter().zip(&targets) {
        migrate(source, target.url()).await;
    }

    let [from_sqlite, from_mysql, from_postgres] = [0, 1, 2].map(|index| content(&targets[index]));
    assert_eq!(from_sqlite.lines().count(), 11);
    assert_eq!(from_sqlite, from_mysql);
    assert_eq!(from_sqlite, from_postgres);
    for target in &targets {
        let keys = target.query("select count(*) from pg_constraint where contype = 'f'");
        assert_eq!(keys, "11");
        let indexes = target.query(
            "select count(*) from pg_index i join pg_class c on c.oid = i.indexrelid
             join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = 'public' and not i.indisprimary",
        );
        assert_eq!(
            indexes,
            postgres.query(
                "select count(*) from pg_index i join pg_class c on c.oid = i.indexrelid
             join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = 'public' and not i.indisprimary",
            )
        );
    }
}

/// The scripts make a database of their own name; these make it in the one at hand.
fn load_script(database: &Database, script: &Path, before: &str) {
    let text = std::fs::read_to_string(script).unwrap();
    let own = |line: &&str| {
        let line = line.to_ascii_lowercase();
        !["drop database", "create database", "use ", "\\c "].iter().any(|p| line.starts_with(p))
    };
    let text: Vec<&str> = text.lines().filter(own).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script.sql");
    // PostgreSQL takes N'…' for a text of fixed length and drops blanks at its end.
    let text = without_national_literals(&text.join("\n"));
    std::fs::write(&path, format!("{before}\n{text}")).unwrap();
    database.run_script(&path);
}

/// N'…' as '…', outside texts.
fn without_national_literals(sql: &str) -> String {
    let mut plain = String::with_capacity(sql.len());
    let mut chars = sql.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        let before = plain.chars().next_back();
        let is_prefix = c == 'N'
            && !quoted
            && chars.peek() == Some(&'\'')
            && before.is_some_and(|before| matches!(before, '(' | ' ' | ','));
        if c == '\'' {
            quoted = !quoted;
        }
        if !is_prefix {
            plain.push(c);
        }
    }
    plain
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_to_sqlite_keeps_every_value() {
    let Some(folder) = data("chinook") else { return };
    let source = folder.join("Chinook_Sqlite.sqlite");
    let scratch = tempfile::tempdir().unwrap();
    let target = scratch.path().join("new.db");

    let urls = [&source, &target].map(|path| format!("sqlite:{}", path.display()));
    let (plan, _) = migrate(&urls[0], &urls[1]).await;

    let new = rusqlite::Connection::open(&target).unwrap();
    new.execute("attach ?1 as legacy", [source.to_str().unwrap()]).unwrap();
    for mapping in &plan.tables {
        let columns = |name: &dyn Fn(&shared::plan::ColumnMapping) -> String| {
            mapping.columns.iter().map(name).collect::<Vec<_>>().join(", ")
        };
        let old_columns = columns(&|c| format!("\"{}\"", c.source.as_ref().unwrap()));
        let new_columns = columns(&|c| format!("\"{}\"", c.target));
        let (old_table, new_table) = (&mapping.source.name, &mapping.target.name);
        let sql = format!(
            "select (select count(*) from (select {old_columns} from legacy.\"{old_table}\"
                     except select {new_columns} from main.\"{new_table}\")),
                    (select count(*) from legacy.\"{old_table}\")
                    - (select count(*) from main.\"{new_table}\")"
        );
        let differences: (i64, i64) =
            new.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(differences, (0, 0), "{old_table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hospital_arrives_with_its_zero_bytes_and_its_key_of_zero() {
    let Some(folder) = data("openhospital") else { return };
    let source = testbed::mariadb().create_database();
    load_script(&source, &folder.join("openhospital_demo.mysql.sql"), "set sql_mode = '';");
    let target = testbed::postgres().create_database();

    let (plan, outcome) = migrate(source.url(), target.url()).await;

    assert_eq!(outcome.tables.len(), 64);
    assert_eq!(outcome.tables.iter().map(|table| table.books.read).sum::<u64>(), 6258);
    // The dump was loaded without its keys being checked, and has rows that refer to nothing.
    let orphans = source.query(
        "select (select count(*) from oh_laboratoryrow c where LABR_LAB_ID is not null
                 and not exists (select 1 from oh_laboratory p where p.LAB_ID = c.LABR_LAB_ID)),
                (select count(*) from oh_patient_consensus c where PTC_PAT_ID is not null
                 and not exists (select 1 from oh_patient p where p.PAT_ID = c.PTC_PAT_ID))",
    );
    assert_eq!(orphans, "1\t48");
    assert_eq!(
        target.query(
            "select target, code, count(*) from transfuse.quarantine group by 1, 2 order by 1"
        ),
        "public.oh_laboratoryrow\tDATA-008\t1\npublic.oh_patient_consensus\tDATA-008\t48"
    );
    let patients =
        plan.tables.iter().find(|mapping| mapping.source.name.eq_ignore_ascii_case("oh_patient"));
    let name = &patients.unwrap().target.name;
    let column =
        &patients.unwrap().columns.iter().find(|c| c.target.eq_ignore_ascii_case("pat_ledu"));
    assert!(column.unwrap().signed.is_some(), "the draft signs visibly for what it replaces");
    let column = &column.unwrap().target;
    assert_eq!(
        target.query(&format!("select count(*) from \"{name}\" where \"{column}\" like '%␀%'")),
        "462"
    );
    assert_eq!(zero_keys(&source, "`"), zero_keys(&target, "\""));
}

/// How many rows have the primary key 0, over all tables with one integer key.
fn zero_keys(database: &Database, quote: &str) -> String {
    let schema = if quote == "`" { "database()" } else { "'public'" };
    let tables = database.query(&format!(
        "select k.table_name, min(k.column_name)
         from information_schema.table_constraints c
         join information_schema.key_column_usage k
           on k.constraint_name = c.constraint_name and k.table_schema = c.table_schema
          and k.table_name = c.table_name
         join information_schema.columns i
           on i.table_schema = k.table_schema and i.table_name = k.table_name
          and i.column_name = k.column_name
         where c.constraint_type = 'PRIMARY KEY' and c.table_schema = {schema}
           and i.data_type in ('int', 'integer', 'bigint', 'smallint', 'tinyint', 'numeric')
         group by k.table_name having count(*) = 1 order by lower(k.table_name)"
    ));
    let mut found = String::new();
    for line in tables.lines() {
        let (table, column) = line.split_once('\t').unwrap();
        let count = database.query(&format!(
            "select count(*) from {quote}{table}{quote} where {quote}{column}{quote} = 0"
        ));
        if count != "0" {
            let _ = writeln!(found, "{} {count}", table.to_lowercase());
        }
    }
    found
}
