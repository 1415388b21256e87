//! Every type of every source, from a real database into PostgreSQL, value by value.
//!
//! A column is made of the type, filled with the literals, and carried over by a drafted plan.
//! What the target then says of its own type and values is compared, so that no step between can
//! be wrong unseen.

use std::fmt::Write as _;

use engine::map::draft::draft;
use shared::plan::Plan;
use shared::run::{OutcomeStatus, RunOutcome};
use shared::verification::VerificationState;
use testbed::Database;

use crate::support::{books, compare, compared, run, sqlite};

/// A type of a source, literals of it, and what has to arrive. `NULL` stands for null.
struct Case {
    source_type: &'static str,
    literals: &'static [&'static str],
    target_type: &'static str,
    values: &'static [&'static str],
}

macro_rules! types {
    ($check:ident: $($name:ident: $source_type:literal [$($literal:literal),+ $(,)?]
        => $target_type:literal [$($value:literal),+ $(,)?];)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$check(&super::Case {
                    source_type: $source_type,
                    literals: &[$($literal),+],
                    target_type: $target_type,
                    values: &[$($value),+],
                }).await;
            }
        )+
    };
}

async fn from_postgres(case: &Case) {
    let source = testbed::postgres().create_database();
    source.execute("create type mood as enum ('sad', 'so so', 'glad')");
    source.execute("create domain positive as integer check (value > 0)");
    fill(&source, case, "\"order\"");
    arrives(source.url(), case).await;
}

async fn from_mysql(case: &Case) {
    let source = testbed::mariadb().create_database();
    fill(&source, case, "`order`");
    arrives(source.url(), case).await;
}

async fn from_sqlite(case: &Case) {
    let folder = tempfile::tempdir().unwrap();
    let mut sql =
        format!("create table t (\"order\" integer primary key, v {});", case.source_type);
    for (id, literal) in case.literals.iter().enumerate() {
        let _ = write!(sql, "insert into t values ({id}, {literal});");
    }
    arrives(&sqlite(&folder, "legacy.db", &sql), case).await;
}

async fn from_csv(case: &Case) {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> =
        case.literals.iter().enumerate().map(|(id, field)| format!("{id},{field}")).collect();
    std::fs::write(folder.path().join("t.csv"), format!("order,v\n{}\n", rows.join("\n"))).unwrap();
    arrives(&format!("csv:{}", folder.path().display()), case).await;
}

fn fill(source: &Database, case: &Case, key: &str) {
    source.execute(&format!("create table t ({key} integer primary key, v {})", case.source_type));
    for (id, literal) in case.literals.iter().enumerate() {
        source.execute(&format!("insert into t values ({id}, {literal})"));
    }
}

async fn arrives(source: &str, case: &Case) {
    let target = testbed::postgres().create_database();
    let plan = draft(source, target.url(), None).await.unwrap();

    let outcome = run(&plan).await.unwrap();

    let quarantine = "select column_name || ' ' || code || ' ' || reason from transfuse.quarantine";
    assert_eq!(target.query(quarantine), "");
    assert_eq!(outcome.failure, None);
    assert_eq!(outcome.status, OutcomeStatus::Completed);
    let found = target.query(
        "select format_type(atttypid, atttypmod) from pg_attribute
         where attrelid = 't'::regclass and attname = 'v'",
    );
    assert_eq!(found, case.target_type);
    // One row at a time: a text may hold what separates rows.
    for (id, expected) in case.values.iter().enumerate() {
        let found = target.query(&format!("select v::text from t where \"order\" = {id}"));
        assert_eq!(found, *expected, "{}", case.literals[id]);
    }
    assert_eq!(case.literals.len(), case.values.len(), "the case itself is wrong");
    is_found_equal(&plan, case, &outcome).await;
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", folder.path().join("modern.db").display());
    let plan = draft(source, &file, None).await.unwrap();
    let outcome = run(&plan).await.unwrap();
    assert_eq!(outcome.failure, None);
    is_found_equal(&plan, case, &outcome).await;
}

/// What arrived is equal to the source for the verification too, by sums and row by row.
async fn is_found_equal(plan: &Plan, case: &Case, loaded: &RunOutcome) {
    let [_, loaded, ..] = books(loaded, "t");
    let outcome = compare(plan).await.unwrap();
    let what = format!("{:?} to {}", case.literals, plan.target);
    assert_eq!(compared(&outcome, "t"), [loaded, 0, 0, 0], "{what}");
    assert_eq!(outcome.status, VerificationState::Equal, "{what}");
}

mod postgres {
    types! { from_postgres:
        smallint: "smallint" ["-32768", "32767", "null"] => "smallint" ["-32768", "32767", "NULL"];
        integer: "integer" ["-2147483648", "2147483647"] => "integer" ["-2147483648", "2147483647"];
        bigint: "bigint" ["-9223372036854775808", "9223372036854775807"]
            => "bigint" ["-9223372036854775808", "9223372036854775807"];
        numeric: "numeric" ["0.10", "-123456789012345678901234567890.123456789", "'NaN'", "1e-30"]
            => "numeric" ["0.10", "-123456789012345678901234567890.123456789", "NaN", "0.000000000000000000000000000001"];
        numeric_with_scale: "numeric(7,3)" ["9999.999", "-0.001"] => "numeric(7,3)" ["9999.999", "-0.001"];
        real: "real" ["0.1", "'-Infinity'", "3.4e38"] => "real" ["0.1", "-Infinity", "3.4e+38"];
        double: "double precision" ["0.1", "1e-300", "'NaN'"] => "double precision" ["0.1", "1e-300", "NaN"];
        money: "money" ["12.34", "-1.00"] => "numeric" ["12.34", "-1.00"];
        boolean: "boolean" ["true", "false", "null"] => "boolean" ["true", "false", "NULL"];
        text: "text" ["''", "'日本 ไทย é'", "E'tab\\there'"] => "text" ["", "日本 ไทย é", "tab\there"];
        varchar: "varchar(5)" ["'abcde'", "'a  '"] => "character varying(5)" ["abcde", "a  "];
        char: "char(3)" ["'ab'"] => "character(3)" ["ab"];
        bytea: "bytea" ["'\\x00ff'", "''"] => "bytea" ["\\x00ff", "\\x"];
        date: "date" ["'2024-02-29'", "'0001-01-01'", "'infinity'", "'4713-01-01 BC'"]
            => "date" ["2024-02-29", "0001-01-01", "infinity", "4713-01-01 BC"];
        time: "time" ["'23:59:59.999999'", "'24:00'"] => "time without time zone" ["23:59:59.999999", "24:00:00"];
        timetz: "timetz" ["'10:00+05:30'", "'00:00-12'"] => "time with time zone" ["10:00:00+05:30", "00:00:00-12"];
        timestamp: "timestamp" ["'1999-12-31 23:59:59.5'", "'-infinity'"]
            => "timestamp without time zone" ["1999-12-31 23:59:59.5", "-infinity"];
        timestamptz: "timestamptz" ["'2024-03-10 02:30+00'", "'2024-03-10 02:30+09'"]
            => "timestamp with time zone" ["2024-03-10 02:30:00+00", "2024-03-09 17:30:00+00"];
        interval: "interval" ["'1 year 2 mons -3 days 04:05:06.7'"]
            => "interval" ["1 year 2 mons -3 days +04:05:06.7"];
        uuid: "uuid" ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"] => "uuid" ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"];
        json: "json" ["'{\"a\": [1,  2]}'"] => "json" ["{\"a\": [1,  2]}"];
        jsonb: "jsonb" ["'{\"b\": 1, \"a\": null}'"] => "jsonb" ["{\"a\": null, \"b\": 1}"];
        bit: "bit(5)" ["B'10101'"] => "bit(5)" ["10101"];
        varbit: "varbit" ["B'101'", "B''"] => "bit varying" ["101", ""];
        an_enum: "mood" ["'so so'", "'glad'"] => "mood" ["so so", "glad"];
        a_domain: "positive" ["7"] => "integer" ["7"];
        array_of_text: "text[]" ["array['a,b', null, '\"']"] => "text[]" ["{\"a,b\",NULL,\"\\\"\"}"];
        array_of_integers: "integer[]" ["'{{1,2},{3,4}}'"] => "integer[]" ["{{1,2},{3,4}}"];
        inet: "inet" ["'10.0.0.1/8'"] => "inet" ["10.0.0.1/8"];
        a_generated_column: "integer generated always as (\"order\" * 2) stored" ["default", "default"]
            => "integer" ["0", "2"];
    }
}

mod mysql {
    types! { from_mysql:
        tinyint: "tinyint" ["-128", "127", "null"] => "smallint" ["-128", "127", "NULL"];
        tinyint_unsigned: "tinyint unsigned" ["255"] => "smallint" ["255"];
        a_code_in_one_digit: "tinyint(1)" ["0", "1", "2"] => "smallint" ["0", "1", "2"];
        yes_and_no_in_one_digit: "tinyint(1)" ["0", "1", "null"] => "boolean" ["false", "true", "NULL"];
        smallint_unsigned: "smallint unsigned" ["65535"] => "integer" ["65535"];
        mediumint: "mediumint" ["-8388608"] => "integer" ["-8388608"];
        int: "int" ["-2147483648", "2147483647"] => "integer" ["-2147483648", "2147483647"];
        int_unsigned: "int unsigned" ["4294967295"] => "bigint" ["4294967295"];
        bigint: "bigint" ["-9223372036854775808"] => "bigint" ["-9223372036854775808"];
        bigint_unsigned: "bigint unsigned" ["18446744073709551615"] => "numeric(20,0)" ["18446744073709551615"];
        decimal: "decimal(30,10)" ["-12345678901234567890.1234567890"]
            => "numeric(30,10)" ["-12345678901234567890.1234567890"];
        float: "float" ["0.1", "16777216", "3.402823e38"] => "real" ["0.1", "1.6777216e+07", "3.402823e+38"];
        double: "double" ["0.1", "1e-300"] => "double precision" ["0.1", "1e-300"];
        bit_one: "bit(1)" ["b'1'", "b'0'"] => "boolean" ["true", "false"];
        bits: "bit(12)" ["b'101010101010'"] => "bit(12)" ["101010101010"];
        date: "date" ["'2024-02-29'", "'9999-12-31'"] => "date" ["2024-02-29", "9999-12-31"];
        datetime: "datetime(6)" ["'1999-12-31 23:59:59.999999'"]
            => "timestamp without time zone" ["1999-12-31 23:59:59.999999"];
        timestamp: "timestamp null" ["'2024-01-01 00:00:00'", "null"]
            => "timestamp with time zone" ["2024-01-01 00:00:00+00", "NULL"];
        time_of_day: "time" ["'23:59:59'"] => "time without time zone" ["23:59:59"];
        time_beyond_a_day: "time" ["'838:59:59'", "'-12:00:01'"] => "interval" ["838:59:59", "-12:00:01"];
        year: "year" ["1901", "2155"] => "smallint" ["1901", "2155"];
        char: "char(5)" ["'ab'"] => "character varying(5)" ["ab"];
        varchar: "varchar(20)" ["'日本 ไทย é 🦷'", "''"] => "character varying(20)" ["日本 ไทย é 🦷", ""];
        latin1: "varchar(20) character set latin1" ["'café'"] => "character varying(20)" ["café"];
        text: "longtext" ["'a\\\\b\\'c'"] => "text" ["a\\b'c"];
        binary: "varbinary(10)" ["x'00ff10'"] => "bytea" ["\\x00ff10"];
        blob: "blob" ["x''", "x'00'"] => "bytea" ["\\x", "\\x00"];
        an_enum: "enum('so so', 'glad')" ["'glad'", "'so so'"] => "t_v" ["glad", "so so"];
        a_set: "set('a','b','c')" ["'c,a'", "''"] => "text" ["a,c", ""];
        json: "json" ["'{\"a\": 1}'"] => "json" ["{\"a\": 1}"];
        uuid: "uuid" ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"] => "uuid" ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"];
        a_zero_byte_in_text: "varchar(10)" ["'a\\0b'"] => "character varying(10)" ["a␀b"];
        a_generated_column: "int as (`order` * 2) stored" ["default", "default"] => "integer" ["0", "2"];
    }
}

mod sqlite {
    types! { from_sqlite:
        integer: "integer" ["-9223372036854775808", "9223372036854775807", "null"]
            => "bigint" ["-9223372036854775808", "9223372036854775807", "NULL"];
        real: "real" ["0.1", "1e300"] => "double precision" ["0.1", "1e+300"];
        text: "text" ["'日本'", "''"] => "text" ["日本", ""];
        varchar: "nvarchar(160)" ["'abc'"] => "character varying(160)" ["abc"];
        numeric: "numeric(10,2)" ["0.99", "12"] => "numeric(10,2)" ["0.99", "12.00"];
        boolean: "boolean" ["0", "1"] => "boolean" ["false", "true"];
        date: "date" ["'2024-02-29'"] => "date" ["2024-02-29"];
        datetime: "datetime" ["'2009-01-01 00:00:00'", "'2009-01-01T10:00:00.5'"]
            => "timestamp without time zone" ["2009-01-01 00:00:00", "2009-01-01 10:00:00.5"];
        blob: "blob" ["x'00ff'"] => "bytea" ["\\x00ff"];
        words_in_a_column_of_numbers: "integer" ["1", "'two'"] => "text" ["1", "two"];
        no_type_at_all: "" ["1", "'x'"] => "text" ["1", "x"];
        a_zero_byte_in_text: "text" ["'a' || char(0) || 'b'"] => "text" ["a␀b"];
    }
}

mod csv {
    types! { from_csv:
        whole_numbers: "" ["-1", "9223372036854775807", ""] => "bigint" ["-1", "9223372036854775807", "NULL"];
        numbers_with_leading_zeros: "" ["02703", "1"] => "text" ["02703", "1"];
        decimals: "" ["77.49", "0.00", "-12345678901234567890.12"] => "numeric" ["77.49", "0.00", "-12345678901234567890.12"];
        dates: "" ["2024-02-29", ""] => "date" ["2024-02-29", "NULL"];
        points_in_time: "" ["2023-01-27T16:17:47Z"] => "timestamp with time zone" ["2023-01-27 16:17:47+00"];
        local_times: "" ["2023-01-27 16:17:47"] => "timestamp without time zone" ["2023-01-27 16:17:47"];
        uuids: "" ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"] => "uuid" ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"];
        yes_and_no: "" ["true", "false"] => "boolean" ["true", "false"];
        quoted_fields: "" ["\"a,\"\"b\"\"\"", "x"] => "text" ["a,\"b\"", "x"];
        words: "" ["日本", "é"] => "text" ["日本", "é"];
    }
}
