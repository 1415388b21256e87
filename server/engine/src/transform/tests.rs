use shared::assessment::{Column as CatalogColumn, Table, TableName};

use super::*;
use crate::extract::Form::{Raw, Text, Typed};
use crate::extract::ReadColumn;
use crate::value::{Batch, Flaw};

const PLAN: &str = "
format: 1
name: clinic
source: sqlite:legacy.db
target: postgres://db/new
enums:
  public.sex: [male, female]
code_tables:
  sex: {entries: {'1': male, '2': female}}
tables:
- source: people
  key: [id]
  target: public.patients
  filter: deleted = 0
  columns:
  - {target: id, source: id, type: uuid, nullable: false, transform: [{rule: uuid_v5, entity: patient}]}
  - {target: legacy_id, source: id, type: bigint, nullable: false}
  - {target: sex, source: sex, type: public.sex, transform: [{rule: code_table, table: sex}]}
  - target: born
    source: born
    type: date
    transform: [{rule: zero_date_to_null}]
    keep_raw_in: born_raw
  - {target: name, type: text, transform: [{rule: concat, columns: [first, last], separator: ' '}]}
";

fn plan() -> Plan {
    Plan::from_yaml(PLAN).unwrap()
}

fn column(name: &str, native_type: &str, data_type: &str) -> CatalogColumn {
    CatalogColumn {
        name: name.to_owned(),
        native_type: native_type.to_owned(),
        data_type: data_type.parse().unwrap(),
        nullable: true,
        default: None,
        default_left: false,
        generated: false,
        identity: false,
        comment: None,
    }
}

fn table(name: &str, columns: Vec<CatalogColumn>) -> Table {
    Table {
        name: TableName::new(None, name),
        columns,
        primary_key: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        estimated_rows: 0,
        estimated_bytes: 0,
        comment: None,
    }
}

fn people() -> Table {
    table(
        "people",
        vec![
            column("id", "INTEGER", "bigint"),
            column("sex", "INTEGER", "bigint"),
            column("born", "DATE", "date"),
            column("first", "TEXT", "text"),
            column("last", "TEXT", "text"),
        ],
    )
}

fn read(plan: &Plan) -> TableRead {
    let people = people();
    let source = End { engine: Engine::Sqlite, table: Some(&people) };
    read_for(plan, &plan.tables[0], source, End { engine: Engine::Postgres, table: None })
}

fn compile(plan: &Plan, read: &TableRead) -> Result<RowTransform> {
    RowTransform::compile(plan, &plan.tables[0], read, Engine::Postgres, b"key")
}

fn batch(rows: &[[Value<'_>; 6]]) -> Batch {
    let mut batch = Batch::new(6);
    for value in rows.iter().flatten() {
        batch.push(value);
    }
    batch
}

fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

#[test]
fn a_column_is_read_once_however_often_it_is_used() {
    let read = read(&plan());
    let names: Vec<&str> = read.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "sex", "born", "first", "last"]);
    assert_eq!(read.filter.as_deref(), Some("deleted = 0"));
}

#[test]
fn a_row_becomes_the_targets_row() {
    let plan = plan();
    let transform = compile(&plan, &read(&plan)).unwrap();
    let names: Vec<&str> = transform.outputs().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "legacy_id", "sex", "born", "name", "born_raw"]);

    let zeros = Value::Invalid(Flaw::ZeroDate, b"0000-00-00"[..].into());
    let rows = [
        [Value::Int(7), Value::Int(2), zeros, text("Ann"), text("Doe"), Value::Bool(true)],
        [Value::Int(8), Value::Null, Value::Date(0), Value::Null, text("Roe"), Value::Bool(true)],
        [Value::Null, Value::Null, Value::Null, Value::Null, Value::Null, Value::Bool(false)],
        [Value::Null, Value::Null, Value::Null, Value::Null, Value::Null, Value::Null],
    ];
    let batch = batch(&rows);
    let mut out = Vec::new();

    assert_eq!(transform.apply(&batch.row(0), &mut out), Ok(Verdict::Load));
    let id = uuid::Uuid::new_v5(&namespace("patient"), b"7").into_bytes();
    let expected = [
        Value::Uuid(id),
        Value::Int(7),
        text("female"),
        Value::Null,
        text("Ann Doe"),
        text("0000-00-00"),
    ];
    assert_eq!(out, expected);

    assert_eq!(transform.apply(&batch.row(1), &mut out), Ok(Verdict::Load));
    assert_eq!(out[2..], [Value::Null, Value::Date(0), text("Roe"), text("2000-01-01")]);

    for filtered in [2, 3] {
        assert_eq!(transform.apply(&batch.row(filtered), &mut out), Ok(Verdict::Filtered));
    }
}

#[test]
fn a_bad_value_names_its_column_and_not_itself() {
    let plan = plan();
    let transform = compile(&plan, &read(&plan)).unwrap();
    let keep = Value::Bool(true);
    let rows = [
        [Value::Null, Value::Null, Value::Null, Value::Null, Value::Null, keep.clone()],
        [Value::Int(1), Value::Int(4711), Value::Null, Value::Null, Value::Null, keep],
    ];
    let batch = batch(&rows);
    let mut out = Vec::new();

    let missing = transform.apply(&batch.row(0), &mut out).unwrap_err();
    assert_eq!((missing.code, missing.column.as_str()), (ErrorCode::Data004, "id"));
    let unknown = transform.apply(&batch.row(1), &mut out).unwrap_err();
    assert_eq!((unknown.code, unknown.column.as_str()), (ErrorCode::Data011, "sex"));
    assert!(!unknown.reason.contains("4711"));
}

#[track_caller]
fn check_never_compiles(from: &str, to: &str, why: &str) {
    let document = PLAN.replace(from, to);
    assert_ne!(document, PLAN);
    let plan = Plan::from_yaml(&document).unwrap();
    let error = compile(&plan, &read(&plan)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Map006);
    assert!(error.to_string().contains(why), "{error}");
}

#[test]
fn a_rule_that_can_never_work_is_refused_before_a_row_is_read() {
    check_never_compiles(
        "rule: zero_date_to_null",
        "rule: parse_date, format: '%Q'",
        "patients.born: `%Q`",
    );
    check_never_compiles("rule: uuid_v5, entity: patient", "rule: percent_to_fraction", "no value");
    check_never_compiles("'2': female", "'2': woman", "`woman`");
}

#[test]
fn values_pass_undecoded_only_between_twins() {
    let plan = Plan::from_yaml(
        "{format: 1, name: x, source: 'postgres://a/b', target: 'postgres://c/d', tables: [{source: t, \
         target: public.t, columns: [{target: a, source: a, type: integer}, \
         {target: b, source: b, type: bigint}, {target: c, source: c, type: 'text[]'}, \
         {target: d, source: d, type: mood}, {target: e, source: e, type: timestamp}, \
         {target: f, source: f, type: text, transform: [{rule: trim}]}]}]}",
    )
    .unwrap();
    let there = table(
        "t",
        vec![
            column("a", "integer", "integer"),
            column("b", "integer", "integer"),
            column("c", "text[]", "text[]"),
            column("d", "mood", "mood"),
            column("e", "timestamp without time zone", "timestamp"),
            column("f", "text", "text"),
        ],
    );
    let forms = |source: Engine, target: Engine, existing: Option<&Table>| -> Vec<Form> {
        let source = End { engine: source, table: Some(&there) };
        let read =
            read_for(&plan, &plan.tables[0], source, End { engine: target, table: existing });
        read.columns.iter().map(|column: &ReadColumn| column.form).collect()
    };

    let postgres = Engine::Postgres;
    assert_eq!(forms(postgres, postgres, None), [Raw, Typed, Raw, Text, Raw, Typed]);
    assert_eq!(forms(postgres, Engine::Sqlite, None), [Typed, Typed, Text, Text, Typed, Typed]);
    assert_eq!(forms(Engine::Mysql, postgres, None), [Typed, Typed, Text, Text, Typed, Typed]);
}

#[test]
fn a_time_passes_undecoded_into_a_column_that_keeps_its_decimals() {
    let plan = Plan::from_yaml(
        "{format: 1, name: x, source: 'postgres://a/b', target: 'postgres://c/d', tables: [{source: t, \
         target: public.t, columns: [{target: a, source: a, type: timestamp}]}]}",
    )
    .unwrap();
    let form = |source: &str, target: &str| {
        let [source, target] = [source, target].map(|native_type| {
            let native_type = format!("timestamp{native_type} without time zone");
            table("t", vec![column("a", &native_type, "timestamp")])
        });
        let [source, target] =
            [&source, &target].map(|table| End { engine: Engine::Postgres, table: Some(table) });
        read_for(&plan, &plan.tables[0], source, target).columns[0].form
    };

    for (source, target) in [("", ""), ("(6)", ""), ("", "(6)"), ("(0)", ""), ("(3)", "(3)")] {
        assert_eq!(form(source, target), Raw, "{source} into {target}");
    }
    for (source, target) in [("", "(0)"), ("(6)", "(3)"), ("(1)", "(0)")] {
        assert_eq!(form(source, target), Typed, "{source} into {target}");
    }
}

#[test]
fn what_a_query_yields_is_read_as_text() {
    let plan = Plan::from_yaml(
        "{format: 1, name: x, source: 'mysql://a/b', target: 'postgres://c/d', tables: [{source: t, \
         query: {sql: select 1, mysql: select 2}, target: public.t, columns: [\
         {target: a, source: a, type: integer}, {target: b, source: b, type: bytea}]}]}",
    )
    .unwrap();
    let read = read_for(
        &plan,
        &plan.tables[0],
        End { engine: Engine::Mysql, table: None },
        End { engine: Engine::Postgres, table: None },
    );
    assert_eq!(read.query.as_deref(), Some("select 2"));
    assert_eq!(read.columns[0].form, Form::Text);
    assert_eq!((read.columns[1].form, &read.columns[1].data_type), (Form::Typed, &DataType::Bytea));
}

#[test]
fn what_the_source_looks_up_is_read_once_for_each_key() {
    let document = PLAN.replace(
        "code_tables:\n",
        "lookups:\n  wards: {from: {table: {name: ward, key: code, value: title}}}\ncode_tables:\n",
    );
    let document = document
        + "  - {target: ward, source: sex, type: text, transform: [{rule: lookup, from: wards}, {rule: trim}]}\n"
        + "  - {target: ward2, source: sex, type: text, transform: [{rule: lookup, from: wards, otherwise: keep}]}\n";
    let plan = Plan::from_yaml(&document).unwrap();
    let read = read(&plan);
    let transform = compile(&plan, &read).unwrap();

    let names: Vec<&str> = read.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "sex", "born", "first", "last", "lookup wards of sex"]);
    let mut batch = Batch::new(7);
    for found in [text(" Red "), Value::Null] {
        for value in [Value::Int(7), Value::Int(2), Value::Null, text("A"), text("B"), found] {
            batch.push(&value);
        }
        batch.push(&Value::Bool(true));
    }
    let mut out = Vec::new();
    assert_eq!(transform.apply(&batch.row(0), &mut out), Ok(Verdict::Load));
    assert_eq!(out[5..7], [text("Red"), text(" Red ")]);
    let fault = transform.apply(&batch.row(1), &mut out).unwrap_err();
    assert_eq!((fault.code, fault.column.as_str()), (ErrorCode::Data011, "ward"));
}
