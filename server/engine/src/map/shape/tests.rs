use shared::assessment::{EnumType, ForeignKey, Index, ReferentialAction};
use shared::plan::Plan;

use super::*;
use crate::map::check::check;
use crate::map::draft::by_names;
use crate::map::probe::Seen;

fn column(name: &str, native_type: &str, data_type: &str) -> Column {
    Column {
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

fn required(column: Column) -> Column {
    Column { nullable: false, ..column }
}

fn table(name: &str, columns: Vec<Column>, primary_key: &[&str]) -> Table {
    Table {
        name: name.parse().unwrap(),
        columns,
        primary_key: primary_key.iter().map(|&name| name.to_owned()).collect(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        estimated_rows: 10,
        estimated_bytes: 0,
        comment: None,
    }
}

fn index(name: &str, columns: &[&str], unique: bool) -> Index {
    Index {
        name: name.to_owned(),
        columns: columns.iter().map(|&c| c.to_owned()).collect(),
        unique,
    }
}

fn reference(name: &str, column: &str, parent: &str, parent_column: &str) -> ForeignKey {
    ForeignKey {
        name: name.to_owned(),
        columns: vec![column.to_owned()],
        references: parent.parse().unwrap(),
        referenced_columns: vec![parent_column.to_owned()],
        on_delete: ReferentialAction::Cascade,
        on_update: ReferentialAction::NoAction,
    }
}

fn catalog(engine: Engine, tables: Vec<Table>) -> Catalog {
    Catalog { engine, server: "a server".to_owned(), tables, enums: Vec::new() }
}

fn nothing(engine: Engine) -> Catalog {
    catalog(engine, Vec::new())
}

fn draft(source: &Catalog, target: &Catalog, probe: &Probe) -> Plan {
    let plan = by_names(source, target, probe);
    let mut complete = plan.clone();
    complete.target = "postgres://db/new".to_owned();
    let problems = check(&complete, source, Some((target, &std::collections::BTreeSet::new())));
    assert_eq!(problems, []);
    plan
}

/// A clinic in MySQL, with what only MySQL has.
fn clinic() -> Catalog {
    let office = Table {
        indexes: vec![index("name", &["name"], true), index("town", &["town"], false)],
        comment: Some("Where people are seen".to_owned()),
        ..table(
            "Office",
            vec![
                Column {
                    identity: true,
                    ..required(column("id", "bigint(20) unsigned", "numeric(20,0)"))
                },
                required(column("name", "varchar(80)", "varchar(80)")),
                Column { comment: Some("the seat's".to_owned()), ..column("town", "text", "text") },
                Column {
                    default: Some("'1'".to_owned()),
                    ..required(column("open", "tinyint(1)", "smallint"))
                },
                column("rating", "tinyint(1)", "smallint"),
            ],
            &["id"],
        )
    };
    let visit = Table {
        indexes: vec![index("name", &["note"], false), index("PRIMARY", &[], false)],
        foreign_keys: vec![
            reference("fk_office", "office_id", "Office", "id"),
            reference("fk_town", "town", "Office", "town"),
        ],
        ..table(
            "visit",
            vec![
                required(column("no", "int(11)", "integer")),
                column("office_id", "bigint(20) unsigned", "numeric(20,0)"),
                column("town", "text", "text"),
                Column {
                    default: Some("'2000-01-01'".to_owned()),
                    ..required(column("day", "date", "date"))
                },
                column("starts", "time", "interval"),
                column("lasts", "time", "interval"),
                column("note", "text", "text"),
                column("scan", "longtext", "text"),
                Column { generated: true, ..column("year", "year(4)", "smallint") },
                column("kind", "enum('first','next')", "text"),
                column("end", "enum('well','ill')", "text"),
            ],
            &["no"],
        )
    };
    let mut clinic = catalog(Engine::Mysql, vec![visit, office]);
    for (name, labels) in [("visit_kind", ["first", "next"]), ("visit_end", ["well", "ill"])] {
        let labels = labels.map(str::to_owned).to_vec();
        clinic.enums.push(EnumType { name: TableName::new(None, name), labels });
    }
    clinic
}

fn seen() -> Probe {
    Probe::default()
        .with("Office", "id", Seen { beyond_bigint: Some(0), ..Seen::default() })
        .with("Office", "open", Seen { neither_zero_nor_one: Some(0), ..Seen::default() })
        .with("Office", "rating", Seen { neither_zero_nor_one: Some(3), ..Seen::default() })
        .with("visit", "office_id", Seen { beyond_bigint: Some(0), ..Seen::default() })
        .with("visit", "day", Seen { zero_dates: 2, ..Seen::default() })
        .with("visit", "starts", Seen { outside_day: Some(0), ..Seen::default() })
        .with("visit", "lasts", Seen { outside_day: Some(1), ..Seen::default() })
        .with("visit", "note", Seen { nul: 4, longest_bytes: Some(9000), ..Seen::default() })
        .with("visit", "scan", Seen { nul: 1, sign: 1, ..Seen::default() })
        .with("visit", "kind", Seen { no_label: Some(0), ..Seen::default() })
        .with("visit", "end", Seen { no_label: Some(1), ..Seen::default() })
}

#[test]
fn what_mysql_has_becomes_what_postgresql_has() {
    let plan = draft(&clinic(), &nothing(Engine::Postgres), &seen());
    insta::assert_snapshot!(plan.to_yaml());
}

#[test]
fn a_sqlite_target_has_no_schemas() {
    let plan = draft(&clinic(), &nothing(Engine::Sqlite), &Probe::default());
    let names: Vec<String> = plan.tables.iter().map(|table| table.target.to_string()).collect();
    assert_eq!(names, ["Office", "visit"]);
    assert_eq!(plan.target_sql.after, "");
}

#[test]
fn a_part_of_a_table_proves_nothing_about_the_rest() {
    let mut probe = seen();
    probe.sampled = vec!["Office".parse().unwrap(), "visit".parse().unwrap()];
    let plan = draft(&clinic(), &nothing(Engine::Postgres), &probe);
    let types: Vec<String> =
        plan.tables[0].columns.iter().map(|c| c.data_type.to_string()).collect();
    assert_eq!(types, ["numeric(20,0)", "varchar(80)", "text", "smallint", "smallint"]);
    assert!(plan.description.unwrap().contains("only its first rows"));
}

#[test]
fn tables_that_are_there_are_filled() {
    let target = catalog(
        Engine::Postgres,
        vec![
            table(
                "public.office",
                vec![
                    required(column("id", "bigint", "bigint")),
                    column("name", "text", "text"),
                    column("open", "boolean", "boolean"),
                    column("rating", "integer", "integer"),
                    Column {
                        default: Some("now()".to_owned()),
                        ..required(column("made_at", "timestamptz", "timestamptz"))
                    },
                ],
                &["id"],
            ),
            table(
                "public.Visit",
                vec![
                    required(column("no", "integer", "integer")),
                    column("office_id", "bigint", "bigint"),
                    column("day", "date", "date"),
                    column("starts", "uuid", "uuid"),
                    column("note", "text", "text"),
                ],
                &["no"],
            ),
        ],
    );
    let plan = draft(&clinic(), &target, &seen());
    insta::assert_snapshot!(plan.to_yaml());
}

/// A PostgreSQL source: two schemas, enums, types of its own and of others.
#[test]
fn postgresql_comes_as_it_is() {
    let mut source = catalog(
        Engine::Postgres,
        vec![
            Table {
                indexes: vec![
                    index("a_name_idx", &["name"], false),
                    index("a_place_idx", &["place"], false),
                ],
                foreign_keys: vec![reference("a_b_fkey", "b_id", "archive.a", "id")],
                ..table(
                    "public.a",
                    vec![
                        required(column("id", "uuid", "uuid")),
                        column("b_id", "integer", "integer"),
                        column("name", "text", "text"),
                        Column {
                            default: Some("'new'".to_owned()),
                            ..column("state", "state", "public.state")
                        },
                        column("states", "state[]", "public.state[]"),
                        column("place", "point", "point"),
                        column("hidden", "hstore", "public.hstore"),
                        column("at", "timestamp with time zone", "timestamptz"),
                    ],
                    &["id"],
                )
            },
            Table {
                indexes: vec![index("a_name_idx", &["name"], false)],
                ..table(
                    "archive.a",
                    vec![
                        required(column("id", "integer", "integer")),
                        column("name", "text", "text"),
                    ],
                    &["id"],
                )
            },
        ],
    );
    source.enums.push(EnumType {
        name: "public.state".parse().unwrap(),
        labels: vec!["new".into(), "old".into()],
    });

    let plan = draft(&source, &nothing(Engine::Postgres), &Probe::default());
    insta::assert_snapshot!(plan.to_yaml());

    // Both tables would be `a`, and SQLite has no enums.
    let plan = draft(&source, &nothing(Engine::Sqlite), &Probe::default());
    let names: Vec<String> = plan.tables.iter().map(|table| table.target.to_string()).collect();
    assert_eq!(names, ["archive_a", "a"]);
    assert!(plan.enums.is_empty());
}

#[test]
fn an_enum_of_the_same_name_and_other_labels_is_another() {
    let mut source = catalog(
        Engine::Postgres,
        vec![table("public.a", vec![column("state", "state", "public.state")], &[])],
    );
    let name: TableName = "public.state".parse().unwrap();
    source.enums.push(EnumType { name: name.clone(), labels: vec!["new".into()] });
    let mut target = nothing(Engine::Postgres);
    target.enums.push(EnumType { name, labels: vec!["old".into(), "new".into()] });

    let plan = draft(&source, &target, &Probe::default());
    assert!(plan.enums.is_empty());
    assert_eq!(plan.tables[0].columns[0].data_type.to_string(), "public.state");

    target.enums[0].labels.pop();
    let plan = draft(&source, &target, &Probe::default());
    assert_eq!(plan.tables[0].columns[0].data_type.to_string(), "public.state_type");
    assert_eq!(plan.enums["public.state_type"], ["new"]);
}
