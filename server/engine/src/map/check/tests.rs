use shared::assessment::{EnumType, Index};

use super::*;

const PLAN: &str = "
format: 1
name: clinic
source: mysql://db/legacy
target: postgres://db/new
enums: {sex: [male, female]}
code_tables:
  sex: {entries: {'1': male, '2': female}}
tables:
- source: office
  key: [id]
  target: public.offices
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: name, source: name, type: text}
  create: {primary_key: [id]}
- source: patient
  key: [id]
  target: patients
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: office_id, source: office_id, type: bigint}
  - {target: sex, source: sex, type: sex, transform: [{rule: code_table, table: sex}]}
  - {target: seen_at, source: seen, type: timestamptz, transform: [{rule: assume_zone, zone: UTC}]}
  left_behind: {fax: nobody has one}
  create:
    primary_key: [id]
    foreign_keys:
    - {name: patients_office_fkey, columns: [office_id], references: offices, referenced_columns: [id]}
";

fn column(name: &str, data_type: &str) -> Column {
    Column {
        name: name.to_owned(),
        native_type: data_type.to_owned(),
        data_type: data_type.parse().unwrap(),
        nullable: true,
        default: None,
        default_left: false,
        generated: false,
        identity: false,
        comment: None,
    }
}

fn table(name: &str, columns: Vec<Column>) -> Table {
    Table {
        name: name.parse().unwrap(),
        columns,
        primary_key: vec!["id".to_owned()],
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        estimated_rows: 0,
        estimated_bytes: 0,
        comment: None,
    }
}

fn catalog(engine: Engine, tables: Vec<Table>) -> Catalog {
    Catalog { engine, server: String::new(), tables, enums: Vec::new() }
}

fn source() -> Catalog {
    let office = table("office", vec![column("id", "integer"), column("name", "varchar(50)")]);
    let patient = table(
        "patient",
        vec![
            column("id", "integer"),
            column("office_id", "integer"),
            column("sex", "smallint"),
            column("seen", "timestamp"),
            column("fax", "text"),
        ],
    );
    catalog(Engine::Mysql, vec![office, patient])
}

/// What is wrong with the plan after one change of its text.
#[track_caller]
fn problems(change: (&str, &str), target: &Catalog) -> Vec<(ErrorCode, String, String)> {
    let (from, to) = change;
    assert!(PLAN.contains(from), "{from}");
    let plan = Plan::from_yaml(&PLAN.replacen(from, to, 1)).unwrap();
    check(&plan, &source(), Some((target, &BTreeSet::new())))
        .into_iter()
        .map(|problem| (problem.code, problem.at, problem.message))
        .collect()
}

#[track_caller]
fn check_one(change: (&str, &str), code: ErrorCode, at: &str, says: &str) {
    check_one_against(change, &catalog(Engine::Postgres, Vec::new()), code, at, says);
}

#[track_caller]
fn check_one_against(
    change: (&str, &str),
    target: &Catalog,
    code: ErrorCode,
    at: &str,
    says: &str,
) {
    let found = problems(change, target);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0, found[0].1.as_str()), (code, at), "{found:?}");
    assert!(found[0].2.contains(says), "{}", found[0].2);
}

#[test]
fn a_plan_that_fits_has_no_problems() {
    assert_eq!(problems(("", ""), &catalog(Engine::Postgres, Vec::new())), []);
    let plan = Plan::from_yaml(PLAN).unwrap();
    assert_eq!(check(&plan, &source(), None), []);
}

#[test]
fn a_misspelt_name_is_told_with_the_closest_one() {
    check_one(
        ("source: office\n", "source: ofice\n"),
        ErrorCode::Map002,
        "tables[0]",
        "the closest is office",
    );
    check_one(("key: [id]", "key: [idd]"), ErrorCode::Map002, "tables[0].key", "closest is id");
    check_one(
        ("references: offices", "references: offises"),
        ErrorCode::Map002,
        "tables[1].create.foreign_keys[0]",
        "the closest is public.offices",
    );
    check_one(
        ("referenced_columns: [id]", "referenced_columns: [ids]"),
        ErrorCode::Map002,
        "tables[1].create.foreign_keys[0]",
        "the closest is id",
    );
    let found = problems(("source: sex,", "source: secs,"), &catalog(Engine::Postgres, Vec::new()));
    assert_eq!(found[0].1, "tables[1]");
    assert_eq!(found[0].2, "nothing is said about the column sex of patient");
    assert_eq!(found[1].1, "tables[1].columns[2]");
    assert_eq!(found[1].2, "patient has no column secs; the closest is sex");
}

#[test]
fn a_column_of_which_nothing_is_said_is_forgotten() {
    check_one(("fax: nobody has one", ""), ErrorCode::Map005, "tables[1]", "fax of patient");
}

#[test]
fn a_query_answers_for_its_columns_itself() {
    let change = (
        "source: office\n",
        "source: office\n  query: {sql: 'select 1 as id, 2 as name, 3 as more'}\n",
    );
    assert_eq!(problems(change, &catalog(Engine::Postgres, Vec::new())), []);
}

#[test]
fn a_rule_has_to_go_with_both_types() {
    check_one(
        (", transform: [{rule: assume_zone, zone: UTC}]", ""),
        ErrorCode::Map006,
        "tables[1].columns[3]",
        "assume_zone",
    );
    check_one(
        (", type: text}", ", type: text, transform: [{rule: percent_to_fraction}, {rule: trim}]}"),
        ErrorCode::Map006,
        "tables[0].columns[1]",
        "the rule trim does not work on numeric",
    );
}

#[test]
fn a_rule_is_given_what_makes_sense() {
    check_one(("zone: UTC", "zone: Mars/Base"), ErrorCode::Map006, "tables[1].columns[3]", "Mars");
    check_one(
        (", type: text}", ", type: date, transform: [{rule: parse_date, format: '%Q'}]}"),
        ErrorCode::Map006,
        "tables[0].columns[1]",
        "%Q",
    );
}

#[test]
fn a_code_has_to_mean_a_label() {
    check_one(("'2': female", "'2': woman"), ErrorCode::Map006, "tables[1].columns[2]", "`woman`");
    let mut target = catalog(Engine::Postgres, Vec::new());
    target.enums.push(EnumType {
        name: TableName::new(Some("public"), "sex"),
        labels: vec!["male".into()],
    });
    check_one_against(("", ""), &target, ErrorCode::Map006, "tables[1].columns[2]", "`female`");
}

#[test]
fn a_key_references_what_is_unique() {
    check_one(
        ("referenced_columns: [id]", "referenced_columns: [name]"),
        ErrorCode::Map001,
        "tables[1].create.foreign_keys[0]",
        "unique",
    );
    let mut target = catalog(
        Engine::Postgres,
        vec![table("public.offices", vec![column("id", "bigint"), column("name", "text")])],
    );
    assert_eq!(problems(("", ""), &target), []);
    target.tables[0].primary_key.clear();
    let not_made = ("  create: {primary_key: [id]}\n", "");
    check_one_against(
        not_made,
        &target,
        ErrorCode::Map001,
        "tables[1].create.foreign_keys[0]",
        "unique",
    );
    target.tables[0].indexes.push(Index {
        name: "i".into(),
        columns: vec!["id".into()],
        unique: true,
    });
    assert_eq!(problems(not_made, &target), []);
}

#[test]
fn a_table_of_somebody_else_does_not_get_the_keys_that_the_plan_would_make() {
    let mut target = catalog(
        Engine::Postgres,
        vec![table("public.offices", vec![column("id", "bigint"), column("name", "text")])],
    );
    target.tables[0].primary_key.clear();
    check_one_against(
        ("", ""),
        &target,
        ErrorCode::Map001,
        "tables[1].create.foreign_keys[0]",
        "unique",
    );
    let update =
        ("create: {primary_key: [id]}\n", "create: {primary_key: [id]}\n  existing: update\n");
    let found: Vec<_> = problems(update, &target).into_iter().map(|(_, at, _)| at).collect();
    assert_eq!(found, ["tables[0].existing", "tables[1].create.foreign_keys[0]"]);
    // One that a run made and that it has not filled yet does get them.
    let plan = Plan::from_yaml(PLAN).unwrap();
    let unfinished = BTreeSet::from([TableName::new(Some("public"), "offices")]);
    assert_eq!(check(&plan, &source(), Some((&target, &unfinished))), []);
}

#[test]
fn a_table_that_is_there_already_is_asked() {
    let offices =
        |columns: Vec<Column>| catalog(Engine::Postgres, vec![table("public.offices", columns)]);
    let mut required = column("code", "text");
    required.nullable = false;
    check_one_against(
        ("", ""),
        &offices(vec![column("id", "bigint"), column("name", "text"), required.clone()]),
        ErrorCode::Map001,
        "tables[0]",
        "public.offices.code",
    );
    required.default = Some("'x'".to_owned());
    let fine = offices(vec![column("id", "bigint"), column("name", "text"), required]);
    assert_eq!(problems(("", ""), &fine), []);
    check_one_against(
        ("", ""),
        &offices(vec![column("id", "bigint"), column("names", "text")]),
        ErrorCode::Map002,
        "tables[0].columns[1]",
        "public.offices has no column name; the closest is names",
    );
    check_one_against(
        ("", ""),
        &offices(vec![column("id", "uuid"), column("name", "text")]),
        ErrorCode::Map006,
        "tables[0].columns[0]",
        "no value",
    );
}

#[test]
fn a_table_that_nobody_makes_is_missed() {
    check_one(
        ("  create: {primary_key: [id]}\n", ""),
        ErrorCode::Map002,
        "tables[0]",
        "the plan does not make it",
    );
}

#[test]
fn a_table_that_the_plan_made_before_is_no_surprise() {
    let mut made_at = column("made_at", "timestamptz");
    made_at.nullable = false;
    let columns = vec![column("id", "bigint"), column("name", "text"), made_at];
    let target = catalog(Engine::Postgres, vec![table("public.offices", columns)]);
    let shape = "create:\n    primary_key: [id]\n    more_columns: \
        [{name: made_at, type: timestamptz, nullable: false, default: our_clock()}]\n";
    assert_eq!(problems(("create: {primary_key: [id]}\n", shape), &target), []);
}

#[test]
fn a_duplicates_section_leads_where_it_says() {
    let section = "duplicates:
  table: patients
  columns: {surname: office_id.name, given_name: seen_at}
  together: [office_id]
tables:
- source: office";
    let with = |old: &str, new: &str| {
        let document = PLAN.replace("tables:\n- source: office", &section.replace(old, new));
        let plan = Plan::from_yaml(&document).unwrap();
        let mut checked = Checked {
            plan: &plan,
            source: &source(),
            target: None,
            unfinished: None,
            problems: Vec::new(),
        };
        checked.duplicates(plan.duplicates.as_ref().unwrap());
        checked.problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>()
    };

    assert!(with("", "").is_empty());
    assert_eq!(
        with("office_id.name", "office_id.nmae"),
        ["public.offices has no column nmae; the closest is name"]
    );
    assert_eq!(
        with("office_id.name", "sex.name"),
        ["no foreign key of public.patients is made of the column sex alone"]
    );
    assert_eq!(
        with("together: [office_id]", "together: [sex]"),
        ["no foreign key of public.patients is made of the column sex alone"]
    );
}

const LOOKUP: &str = "code_tables:\n";

fn with_lookup(table: &str, key: &str) -> (String, String) {
    let lookups = format!(
        "lookups: {{names: {{from: {{table: {{name: {table}, key: {key}, value: name}}}}}}}}\ncode_tables:\n"
    );
    let rule =
        "{target: office, source: office_id, type: text, transform: [{rule: lookup, from: names}]}";
    (lookups, rule.to_owned())
}

#[track_caller]
fn check_lookup(table: &str, key: &str, expected: &[(ErrorCode, &str, &str)]) {
    let (lookups, rule) = with_lookup(table, key);
    let document = PLAN.replacen(LOOKUP, &lookups, 1).replace(
        "  left_behind: {fax: nobody has one}",
        &format!("  - {rule}\n  left_behind: {{fax: nobody has one}}"),
    );
    let plan = Plan::from_yaml(&document).unwrap();
    let found = check(&plan, &source(), None);
    let shown: Vec<_> = found.iter().map(|p| (p.code, p.at.as_str(), p.message.as_str())).collect();
    assert_eq!(shown, expected);
}

#[test]
fn what_the_source_looks_up_has_to_be_there_and_to_be_one_row() {
    check_lookup("office", "id", &[]);
    check_lookup(
        "offise",
        "id",
        &[(
            ErrorCode::Map002,
            "lookups.names",
            "the source has no table offise; the closest is office",
        )],
    );
    check_lookup(
        "office",
        "name",
        &[
            (ErrorCode::Map001, "lookups.names", "office.name is not unique"),
            (
                ErrorCode::Map006,
                "tables[1].columns[4]",
                "office_id is integer and office.name is varchar(50)",
            ),
        ],
    );
}

#[test]
fn a_lookup_that_stands_in_the_plan_is_read() {
    let change = (
        LOOKUP,
        "lookups: {units: {from: {csv: {text: 'a,b', key: a, value: c}}}}\ncode_tables:\n",
    );
    check_one(change, ErrorCode::Map006, "lookups.units", "no column `c`");
}

#[test]
fn an_expression_is_read_before_a_row_is() {
    check_one(
        (
            ", type: text}",
            ", type: text, signed: {by: x, reason: y}, transform: [{rule: expression, cel: 'value +'}]}",
        ),
        ErrorCode::Map006,
        "tables[0].columns[1]",
        "cannot be read at",
    );
}
