//! Everything that a target holds beside the engine's own tables, as one text.

use std::fmt::Write as _;

use rusqlite::types::Value;

/// Rows, columns, constraints, indexes, types, functions, policies, triggers, comments, rights and
/// the positions of sequences.
pub(crate) fn of_postgres(database: &testbed::Database) -> String {
    // No rights at all are written as none, or as those that everything has at first.
    let rights = |text: &str| {
        let mut text = text.to_owned();
        while let Some((before, rest)) = text.split_once("rights(") {
            let (arguments, after) = rest.split_once(')').expect("a bracket");
            let [acl, kind, owner] =
                <[&str; 3]>::try_from(arguments.split(", ").collect::<Vec<_>>()).expect("three");
            text = format!(
                "{before}(select string_agg(right_of::text, '' order by right_of::text)
                  from aclexplode(coalesce({acl}, acldefault({kind}, {owner}))) right_of){after}"
            );
        }
        text
    };
    let schema = database.query(&rights(
        "select string_agg(line, E'\\n' order by line collate \"C\") from (
             select 'schema ' || nspname || rights(nspacl, 'n', nspowner) as line
             from pg_namespace where nspname !~ '^(pg_|information_schema|transfuse)'
             union all
             select concat_ws(' ', relkind, oid::regclass, rights(relacl, 'r', relowner), relrowsecurity,
                              obj_description(oid, 'pg_class'))
             from pg_class where relnamespace::regnamespace::text !~ '^(pg_|information_schema|transfuse)'
             union all
             select concat_ws(' ', 'column', attrelid::regclass, attname,
                              format_type(atttypid, atttypmod), attnotnull, attidentity,
                              pg_get_expr(adbin, adrelid))
             from pg_attribute
             join pg_class on pg_class.oid = attrelid
             left join pg_attrdef on adrelid = attrelid and adnum = attnum
             where relnamespace::regnamespace::text !~ '^(pg_|information_schema|transfuse)'
               and attnum > 0 and not attisdropped
             union all
             select concat_ws(' ', 'constraint', conrelid::regclass, conname,
                              pg_get_constraintdef(oid))
             from pg_constraint where connamespace::regnamespace::text !~ '^(pg_|information_schema|transfuse)'
             union all
             select 'type ' || oid::regtype || coalesce((
                 select string_agg(enumlabel, ',' order by enumsortorder) from pg_enum
                 where enumtypid = pg_type.oid), '')
             from pg_type where typnamespace::regnamespace::text !~ '^(pg_|information_schema|transfuse)'
             union all
             select concat_ws(' ', 'function', oid::regprocedure, md5(prosrc), rights(proacl, 'f', proowner))
             from pg_proc where pronamespace::regnamespace::text !~ '^(pg_|information_schema|transfuse)'
             union all
             select concat_ws(' ', 'policy', polrelid::regclass, polname)
             from pg_policy where polrelid::regclass::text !~ '^transfuse'
             union all
             select concat_ws(' ', 'trigger', tgrelid::regclass, tgname, tgenabled)
             from pg_trigger where not tgisinternal
             union all
             select concat_ws(' ', 'sequence', schemaname, sequencename, last_value)
             from pg_sequences where schemaname <> 'transfuse'
         ) as lines",
    ));
    let tables = database.query(
        "select oid::regclass from pg_class
         where relkind = 'r' and relnamespace::regnamespace::text !~ '^(pg_|information_schema|transfuse)'
         order by 1",
    );
    let mut picture = schema;
    for table in tables.lines().filter(|table| !table.is_empty() && *table != "NULL") {
        let rows = database.query(&format!(
            "select string_agg(t::text, E'\\n' order by t::text collate \"C\") from {table} t"
        ));
        write!(picture, "\n{table}\n{rows}").unwrap();
    }
    picture
}

/// The same of a SQLite file.
pub(crate) fn of_sqlite(path: &std::path::Path) -> String {
    let connection = rusqlite::Connection::open(path).expect("a file");
    let sql = "select name, type, coalesce(sql, '') from sqlite_master
               where name not like '\\_transfuse\\_%' escape '\\'
                 and tbl_name not like '\\_transfuse\\_%' escape '\\'
                 and name not like 'sqlite\\_stat%' escape '\\'
               order by name";
    let mut statement = connection.prepare(sql).expect("a statement");
    let objects: Vec<(String, String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .expect("rows")
        .map(|row| row.expect("a row"))
        .collect();
    let mut picture = String::new();
    for (name, kind, sql) in objects {
        writeln!(picture, "{kind} {name} {sql}").unwrap();
        if kind == "table" {
            let mut statement =
                connection.prepare(&format!("select * from \"{name}\"")).expect("a statement");
            let columns = statement.column_count();
            let mut rows: Vec<String> = statement
                .query_map([], |row| {
                    (0..columns)
                        .map(|column| row.get::<_, Value>(column).map(|value| format!("{value:?}")))
                        .collect::<Result<Vec<_>, _>>()
                        .map(|cells| cells.join(","))
                })
                .expect("rows")
                .map(|row| row.expect("a row"))
                .collect();
            rows.sort();
            picture.push_str(&rows.join("\n"));
            picture.push('\n');
        }
    }
    picture
}
