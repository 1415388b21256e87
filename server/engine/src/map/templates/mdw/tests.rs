use shared::data_type::DataType;
use shared::plan::{Orphans, Transform};

use super::*;

/// The catalog that the sample's own description gives, for any engine.
fn catalog(schema: Option<&str>) -> Catalog {
    let mut catalog = crate::sample::mdw::catalog();
    for table in &mut catalog.tables {
        table.name.schema = schema.map(str::to_owned);
    }
    catalog
}

#[test]
fn the_template_has_no_problem_with_the_legacy_tables() {
    for (schema, target) in [(Some("public"), "postgres://db/new"), (None, "sqlite:new.db")] {
        let catalog = catalog(schema);
        assert!(fits(&catalog));
        let plan = plan("source", target, &catalog);

        assert_eq!(plan.problems(), []);
        assert_eq!(crate::map::check::check(&plan, &catalog, None), []);
    }
}

#[test]
fn a_source_that_cannot_answer_the_template_does_not_fit() {
    let mut without_table = catalog(None);
    without_table.tables.retain(|table| table.name.name != "dispatch_jaw");
    assert!(!fits(&without_table));

    let mut without_column = catalog(None);
    let table = without_column.tables.iter_mut().find(|table| table.name.name == "dispatch_state");
    table.unwrap().columns.retain(|column| column.name != "on");
    assert!(!fits(&without_column));

    let mut files = catalog(None);
    files.engine = Engine::Csv;
    assert!(!fits(&files));
}

/// A statement answers for its columns itself; this asks it.
#[test]
fn every_column_of_every_legacy_table_is_carried_or_left_behind_with_a_reason() {
    let plan = document();
    for table in catalog(None).tables {
        for column in &table.columns {
            let is_spoken_for =
                plan.tables.iter().filter(|mapping| mapping.source.name == table.name.name).any(
                    |mapping| {
                        let named = mapping.columns.iter().any(|mapped| {
                            mapped.source.as_ref() == Some(&column.name)
                                || mapped.transform.iter().any(|rule| {
                                    matches!(rule, Transform::Concat { columns, .. }
                                    if columns.contains(&column.name))
                                })
                        });
                        named || mapping.left_behind.contains_key(&column.name)
                    },
                );
            assert!(is_spoken_for, "nothing is said of {}.{}", table.name, column.name);
        }
    }
}

#[test]
fn every_table_has_a_key_a_legacy_id_a_comment_and_an_index_for_each_reference() {
    for mapping in document().tables {
        let table = mapping.target.to_string();
        let shape = mapping.create.expect("a shape");
        assert_eq!(shape.primary_key, ["id"], "{table}");
        assert!(shape.comment.is_some(), "{table} has no comment");
        let legacy = shape.indexes.iter().find(|index| index.columns == ["legacy_id"]);
        assert!(legacy.is_some_and(|index| index.unique), "{table} has no unique legacy_id");
        let column = mapping.columns.iter().find(|column| column.target == "legacy_id").unwrap();
        assert_eq!(column.data_type, DataType::BigInt, "{table}");
        for key in &shape.foreign_keys {
            let is_indexed =
                shape.indexes.iter().any(|index| index.columns.starts_with(&key.columns));
            assert!(is_indexed, "no index begins with the columns of {}", key.name);
        }
    }
}

/// What `keep_in` names has to be filled from the same column as the reference, or the key of a
/// vanished parent would be lost.
#[test]
fn a_kept_orphan_keeps_its_legacy_key() {
    for mapping in document().tables {
        let columns: BTreeMap<&str, _> = mapping
            .columns
            .iter()
            .map(|column| (column.target.as_str(), column.source.as_deref()))
            .collect();
        for (key, policy) in &mapping.orphans {
            let Orphans::KeepIn(kept) = policy else { continue };
            assert!(columns[kept.as_str()].is_some(), "{key} keeps nothing");
        }
    }
}

#[test]
fn no_password_and_no_card_number_is_carried() {
    for mapping in document().tables {
        for column in &mapping.columns {
            assert!(!matches!(column.source.as_deref(), Some("password" | "card_bin")));
        }
    }
}

#[test]
fn every_table_is_closed_by_the_policies() {
    for mapping in document().tables {
        let name = format!("'{}'", mapping.target.name);
        assert!(AFTER.contains(&name), "{name} is open");
    }
}

#[test]
fn a_source_in_another_schema_is_named_in_full() {
    let plan = plan("source", "postgres://db/new", &catalog(Some("legacy")));

    let profiles = plan.tables.iter().find(|mapping| mapping.target.name == "profiles").unwrap();
    assert_eq!(profiles.source.to_string(), "legacy.auth_user");
    let sql = &profiles.query.as_ref().unwrap().sql;
    assert!(sql.contains("from \"legacy\".\"auth_user\" u"), "{sql}");
    assert!(sql.contains("join \"legacy\".\"auth_group\" g"), "{sql}");
}

#[test]
fn a_table_that_the_template_does_not_know_is_named() {
    let mut source = catalog(None);
    let mut table = source.tables[0].clone();
    table.name = TableName::new(None, "django_session");
    source.tables.push(table);

    let plan = plan("source", "postgres://db/new", &source);

    assert!(plan.description.unwrap().ends_with("does not know them: django_session."));
}
