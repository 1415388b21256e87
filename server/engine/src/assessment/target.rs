//! The target: whether it can be written to, and what there would meet the rows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use shared::assessment::{Catalog, Table, TableName};
use shared::check::{Check, Group};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use shared::plan::{Existing, Plan, TableMapping};

use super::connection::{Opened, SourceSide, TargetSide};
use super::notebook::{Found, Notebook, Outcome};
use super::source::is_hidden;
use super::{Request, source, wants_any};
use crate::assess::ask::{Asked, text};
use crate::connect::Address;
use crate::error::{EngineError, Result};
use crate::ident::{literal, quote, quote_table};
use crate::load::ledger;
use crate::map::target_name;

pub(super) async fn look(book: &mut Notebook, request: &Request, opened: &mut Opened) {
    let Opened { source, target } = opened;
    let Some(TargetSide { asked, catalog }) = target else { return };
    if !wants_any(book, Group::Target) {
        return;
    }
    let plan = &request.plan;
    let path = match Address::parse(&request.target_url) {
        Ok(Address::Sqlite(path)) => Some(path),
        _ => None,
    };
    book.note(Check::DiskSpace, disk(source.as_ref(), plan, path.as_deref()));
    if let Some(path) = &path {
        book.note(Check::TargetWritable, Ok(writable_file(path)));
    }
    let Some(asked) = asked else {
        for check in Check::ALL.iter().filter(|check| check.group() == Group::Target) {
            book.note(*check, Ok(Outcome::NotApplicable("the file is not there yet")));
        }
        return;
    };
    let outcome = writable(asked).await;
    book.note(Check::TargetWritable, outcome);
    let outcome = rights(asked, plan, catalog).await;
    book.note(Check::TargetRights, outcome);
    let outcome = encoding(asked).await;
    book.note(Check::TargetEncoding, outcome);
    let outcome = extensions(asked, plan).await;
    book.note(Check::TargetExtensions, outcome);
    let outcome = row_security(asked, plan, catalog).await;
    book.note(Check::TargetRowSecurity, outcome);
    let outcome = exposure(asked, plan, catalog).await;
    book.note(Check::ApiExposure, outcome);
    let outcome = triggers(asked, plan, catalog).await;
    book.note(Check::LoadTriggers, outcome);
    let outcome = rows_there(asked, plan, catalog).await;
    book.note(Check::RowsThere, outcome);
    let outcome = sequences(asked, plan, catalog).await.map(|behind| {
        let found = behind.into_iter().map(|it| {
            let message =
                format!("the sequence of {}.{} is {} behind", it.table, it.column, it.values);
            Found::warning(message).at(&it.table).column(it.column).mend(it.statement)
        });
        found.collect::<Vec<_>>().into()
    });
    book.note(Check::SequencesBehind, outcome);
}

/// Tables of the plan that the target has, each once.
fn there<'c>(plan: &Plan, catalog: &'c Catalog) -> Vec<&'c Table> {
    let mut seen = BTreeSet::new();
    plan.tables
        .iter()
        .filter_map(|mapping| catalog.table(&target_name(catalog.engine, &mapping.target)))
        .filter(|table| seen.insert(&table.name))
        .collect()
}

/// Mappings whose table the run makes.
fn made<'p>(plan: &'p Plan, catalog: &Catalog) -> impl Iterator<Item = &'p TableMapping> {
    plan.tables.iter().filter(|mapping| {
        mapping.create.is_some()
            && catalog.table(&target_name(catalog.engine, &mapping.target)).is_none()
    })
}

fn writable_file(path: &Path) -> Outcome {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let file = if path.exists() { path } else { folder };
    let closed = [file, folder]
        .into_iter()
        .find(|place| rustix::fs::access(*place, rustix::fs::Access::WRITE_OK).is_err());
    let found = closed.map(|place| {
        Found::blocking(format!("{} may not be written to", place.display()))
            .mend("give the user of this process the right to write to the file and its folder")
    });
    Outcome::Looked(found.into_iter().collect())
}

async fn writable(asked: &mut Asked) -> Result<Outcome> {
    if asked.engine() != Engine::Postgres {
        return Ok(Outcome::passed());
    }
    let sql = "select pg_is_in_recovery()::text,
                      (select reset_val from pg_settings
                       where name = 'default_transaction_read_only')";
    let rows = asked.ask(sql, "asking whether the target takes writes").await?;
    let Some(row) = rows.first() else { return Ok(Outcome::passed()) };
    let mut found = Vec::new();
    if text(row, 0) == "true" {
        found.push(Found::blocking("the target is a standby"));
    }
    if text(row, 1) == "on" {
        found.push(Found::blocking("default_transaction_read_only is on"));
    }
    Ok(found.into())
}

async fn rights(asked: &mut Asked, plan: &Plan, catalog: &Catalog) -> Result<Outcome> {
    const OWN: &str = "transfuse";
    if asked.engine() != Engine::Postgres {
        return Ok(Outcome::NotApplicable("a file has no users"));
    }
    let doing = "asking for the user's rights";
    let mut found = Vec::new();
    let user = asked.cell("select current_user::text", doing).await?.unwrap_or_default();
    let role = quote(Engine::Postgres, &user);
    let mut schemas: BTreeSet<String> = made(plan, catalog)
        .map(|mapping| mapping.target.schema.clone().unwrap_or_else(|| "public".to_owned()))
        .collect();
    schemas.insert(OWN.to_owned());
    for schema in schemas {
        let name = literal(Engine::Postgres, &schema);
        let sql = format!(
            "select coalesce(
                 (select has_schema_privilege(oid, 'create') and has_schema_privilege(oid, 'usage')
                  from pg_namespace where nspname = {name}),
                 has_database_privilege(current_database(), 'create'))::text,
                 exists (select from pg_namespace where nspname = {name})::text,
                 current_database()::text"
        );
        let rows = asked.ask(sql, doing).await?;
        let Some(row) = rows.first() else { continue };
        if text(row, 0) == "true" {
            continue;
        }
        let (what, grant) = if text(row, 1) == "true" {
            let schema = quote(Engine::Postgres, &schema);
            (
                format!("in the schema {schema}"),
                format!("grant create, usage on schema {schema} to {role}"),
            )
        } else {
            let database = quote(Engine::Postgres, text(row, 2));
            (
                format!("the schema {schema}"),
                format!("grant create on database {database} to {role}"),
            )
        };
        found.push(Found::blocking(format!("the user may not create {what}")).mend(grant));
    }
    for table in there(plan, catalog) {
        let name = quote_table(Engine::Postgres, &table.name);
        let as_text = literal(Engine::Postgres, &name);
        let sql = format!(
            "select string_agg(upper(right_), ', ') from unnest(array['select', 'insert', 'update',
             'delete']) as right_ where not has_table_privilege(to_regclass({as_text}), right_)"
        );
        if let Some(missing) = asked.cell(sql, doing).await? {
            let message = format!("the user lacks {missing} on {}", table.name);
            let grant = format!("grant {missing} on {name} to {role}");
            found.push(Found::blocking(message).at(&table.name).mend(grant));
        }
    }
    Ok(found.into())
}

async fn encoding(asked: &mut Asked) -> Result<Outcome> {
    if asked.engine() != Engine::Postgres {
        return Ok(Outcome::NotApplicable("every SQLite file holds every character"));
    }
    let encoding = asked.cell("show server_encoding", "asking for the encoding").await?;
    Ok(match encoding.as_deref() {
        Some("UTF8") | None => Outcome::passed(),
        Some(other) => vec![Found::blocking(format!("the target's encoding is {other}"))].into(),
    })
}

/// Types and functions by which an extension is recognised.
const EXTENSIONS: &[(&str, &[&str], &[&str])] = &[
    ("citext", &["citext"], &[]),
    ("hstore", &["hstore"], &[]),
    ("ltree", &["ltree"], &[]),
    ("postgis", &["geometry", "geography"], &["st_"]),
    ("vector", &["vector", "halfvec"], &[]),
    ("uuid-ossp", &[], &["uuid_generate_v"]),
    ("pgcrypto", &[], &["gen_random_bytes(", "crypt(", "digest(", "pgp_sym_"]),
    ("pg_trgm", &[], &["gin_trgm_ops", "gist_trgm_ops", "similarity("]),
    ("unaccent", &[], &["unaccent("]),
    ("btree_gist", &[], &["gist_int", "gist_text"]),
];

/// The extensions that a plan needs, and whether it makes them itself.
fn needed(plan: &Plan) -> Vec<(&'static str, bool)> {
    let mut types: Vec<String> = Vec::new();
    let mut words = String::new();
    let mut add = |data_type: &DataType| {
        let element = match data_type {
            DataType::Array(element) => element,
            other => other,
        };
        if let DataType::Named(name) = element {
            let bare = name.rsplit('.').next().unwrap_or(name);
            let bare = bare.split('(').next().unwrap_or(bare).trim();
            types.push(bare.trim_matches('"').to_ascii_lowercase());
        }
    };
    for mapping in &plan.tables {
        for column in &mapping.columns {
            add(&column.data_type);
            words.push_str(column.default.as_deref().unwrap_or_default());
            words.push(' ');
        }
        for column in mapping.create.iter().flat_map(|shape| &shape.more_columns) {
            add(&column.data_type);
            for text in [&column.default, &column.generated].into_iter().flatten() {
                words.push_str(text);
                words.push(' ');
            }
        }
    }
    let own = format!("{}\n{}", plan.target_sql.before, plan.target_sql.after).to_ascii_lowercase();
    let words = format!("{} {own}", words.to_ascii_lowercase());
    EXTENSIONS
        .iter()
        .filter(|(_, known, calls)| {
            types.iter().any(|name| known.contains(&name.as_str()))
                || calls.iter().any(|call| calls_of(&words, call))
        })
        .map(|(name, ..)| {
            let makes =
                own.lines().any(|line| line.contains("create extension") && line.contains(name));
            (*name, makes)
        })
        .collect()
}

/// Whether a text calls a function: the name is not the end of a longer one.
fn calls_of(words: &str, call: &str) -> bool {
    words
        .match_indices(call)
        .any(|(place, _)| !words[..place].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

async fn extensions(asked: &mut Asked, plan: &Plan) -> Result<Outcome> {
    if asked.engine() != Engine::Postgres {
        return Ok(Outcome::NotApplicable("the target has no extensions"));
    }
    let mut found = Vec::new();
    for (extension, is_made) in needed(plan) {
        let name = literal(Engine::Postgres, extension);
        let sql = format!(
            "select exists (select from pg_extension where extname = {name})::text,
                    exists (select from pg_available_extensions where name = {name})::text"
        );
        let rows = asked.ask(sql, "asking for extensions").await?;
        let Some(row) = rows.first() else { continue };
        let (installed, available) = (text(row, 0) == "true", text(row, 1) == "true");
        if installed || available && is_made {
            continue;
        }
        found.push(if available {
            let create = format!("create extension {}", quote(Engine::Postgres, extension));
            Found::blocking(format!("the extension {extension} is not enabled")).mend(create)
        } else {
            Found::blocking(format!("the server does not have the extension {extension}"))
                .mend("install it on the server, or change the types and functions of the plan")
        });
    }
    Ok(found.into())
}

async fn row_security(asked: &mut Asked, plan: &Plan, catalog: &Catalog) -> Result<Outcome> {
    if asked.engine() != Engine::Postgres {
        return Ok(Outcome::NotApplicable("the target has no row-level security"));
    }
    let mut found = Vec::new();
    for table in there(plan, catalog) {
        if is_hidden(asked, &table.name).await? {
            let message = format!("policies of {} bind the user", table.name);
            found.push(Found::blocking(message).at(&table.name));
        }
    }
    Ok(found.into())
}

/// The role that Supabase's API has for callers with nothing but the public key.
const PUBLIC_ROLE: &str = "anon";

async fn exposure(asked: &mut Asked, plan: &Plan, catalog: &Catalog) -> Result<Outcome> {
    if asked.engine() != Engine::Postgres {
        return Ok(Outcome::NotApplicable("the target is no Supabase project"));
    }
    let sql = format!("select count(*) from pg_roles where rolname = '{PUBLIC_ROLE}'");
    if asked.number(sql, "asking for Supabase's roles").await? == 0 {
        return Ok(Outcome::NotApplicable("the target is no Supabase project"));
    }
    let own = format!("{}\n{}", plan.target_sql.before, plan.target_sql.after).to_ascii_lowercase();
    // Statements that go over many tables name none of them.
    let by_loop = own.contains("enable row level security") && own.contains("execute format");
    let enables = |table: &TableName| {
        by_loop
            || own.split(';').any(|statement| {
                statement.contains("enable row level security")
                    && statement.contains(&table.name.to_ascii_lowercase())
            })
    };
    let statement = |table: &TableName| {
        format!("alter table {} enable row level security", quote_table(Engine::Postgres, table))
    };
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for mapping in made(plan, catalog) {
        let table = target_name(Engine::Postgres, &mapping.target);
        if table.schema.as_deref() == Some("public")
            && !enables(&table)
            && seen.insert(table.clone())
        {
            let message = format!("{table} would be made without row-level security");
            let action = format!("add to target_sql.after: {}", statement(&table));
            found.push(Found::warning(message).at(&table).mend(action));
        }
    }
    for table in there(plan, catalog) {
        let name = literal(Engine::Postgres, &quote_table(Engine::Postgres, &table.name));
        let sql = format!(
            "select count(*) from pg_class where oid = to_regclass({name}) and not relrowsecurity
             and has_table_privilege('{PUBLIC_ROLE}', oid, 'select')"
        );
        if asked.number(sql, "asking who may read").await? > 0 && !enables(&table.name) {
            let message = format!("{} can be read with the public key", table.name);
            found.push(Found::warning(message).at(&table.name).mend(statement(&table.name)));
        }
    }
    Ok(found.into())
}

async fn triggers(asked: &mut Asked, plan: &Plan, catalog: &Catalog) -> Result<Outcome> {
    let engine = asked.engine();
    let mut found = Vec::new();
    for table in there(plan, catalog) {
        let sql = match engine {
            Engine::Postgres => format!(
                "select tgname::text from pg_trigger
                 where tgrelid = to_regclass({}) and not tgisinternal and tgenabled in ('O', 'A')
                   and tgtype & 4 > 0
                 order by tgname",
                literal(engine, &quote_table(engine, &table.name))
            ),
            _ => format!(
                "select name from sqlite_master where type = 'trigger' and tbl_name = {}
                 order by name",
                literal(engine, &table.name.name)
            ),
        };
        for row in asked.ask(sql, "asking for triggers").await? {
            let name = text(&row, 0);
            let found_one = Found::warning(format!(
                "the trigger {name} fires on rows loaded into {}",
                table.name
            ));
            let mend = match engine {
                Engine::Postgres => format!(
                    "alter table {} disable trigger {}",
                    quote_table(engine, &table.name),
                    quote(engine, name)
                ),
                _ => format!("drop trigger {}", quote(engine, name)),
            };
            found.push(found_one.at(&table.name).mend(mend));
        }
    }
    Ok(found.into())
}

async fn rows_there(asked: &mut Asked, plan: &Plan, catalog: &Catalog) -> Result<Outcome> {
    if has_run(asked, plan).await? {
        return Ok(Outcome::NotApplicable("a run of this plan is in the target already"));
    }
    let engine = asked.engine();
    let mut found = Vec::new();
    for mapping in plan.tables.iter().filter(|mapping| mapping.existing == Existing::Refuse) {
        let Some(table) = catalog.table(&target_name(engine, &mapping.target)) else { continue };
        let sql = format!("select 1 from {} limit 1", quote_table(engine, &table.name));
        match asked.ask(sql, "looking for rows that are there").await {
            Ok(rows) if rows.is_empty() => {}
            Ok(_) => {
                let message = format!("{} has rows, and the plan expects none", table.name);
                found.push(Found::blocking(message).at(&table.name));
            }
            // The right to read is another check's matter.
            Err(error) if error.code() == ErrorCode::Conn004 => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found.into())
}

/// Whether the target has a run of just this plan, which would be gone on with.
async fn has_run(asked: &mut Asked, plan: &Plan) -> Result<bool> {
    let engine = asked.engine();
    let runs = ledger::table(engine, "runs");
    let doing = "looking for an earlier run";
    let is_there = match engine {
        Engine::Postgres => format!("select count(to_regclass({}))", literal(engine, &runs)),
        _ => "select count(*) from sqlite_master where name = '_transfuse_runs'".to_owned(),
    };
    if asked.number(is_there, doing).await? == 0 {
        return Ok(false);
    }
    let hash = literal(engine, &ledger::work_hash(plan));
    let sql =
        format!("select count(*) from {runs} where plan_hash = {hash} and state <> 'rolled_back'");
    match asked.number(sql, doing).await {
        Err(error) if error.code() == ErrorCode::Conn004 => Ok(false),
        count => count.map(|count| count > 0),
    }
}

/// Room for data and indexes, by what the source takes.
pub(super) fn bytes_needed(source: &Catalog, plan: &Plan) -> u64 {
    let bytes: u64 = source::tables(plan, source).iter().map(|table| table.estimated_bytes).sum();
    bytes.saturating_mul(13) / 10
}

fn disk(source: Option<&SourceSide>, plan: &Plan, path: Option<&Path>) -> Result<Outcome> {
    let Some(source) = source else { return Ok(Outcome::NotApplicable("the source is not known")) };
    let needed = bytes_needed(&source.catalog, plan);
    let megabytes = |bytes: u64| format!("{} MiB", bytes >> 20);
    let Some(path) = path else {
        let message = format!(
            "the target needs about {} for data and indexes, and as much for a time for the log",
            megabytes(needed)
        );
        return Ok(vec![Found::info(message)].into());
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let room = rustix::fs::statvfs(&folder).map_err(|error| {
        EngineError::new(ErrorCode::Conn008, format!("looking at the disk of {}", folder.display()))
            .because(std::io::Error::from(error))
    })?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    let found = (free < needed.saturating_mul(2)).then(|| {
        Found::warning(format!(
            "the disk has {} free, and data, indexes and log need about {}",
            megabytes(free),
            megabytes(needed.saturating_mul(2))
        ))
    });
    Ok(Outcome::Looked(found.into_iter().collect()))
}

/// A sequence whose next value is taken.
pub(super) struct Behind {
    pub(super) table: TableName,
    pub(super) column: String,
    pub(super) values: i64,
    pub(super) statement: String,
}

/// Sequences of the plan's tables that are behind the values that are there.
pub(super) async fn sequences(
    asked: &mut Asked,
    plan: &Plan,
    catalog: &Catalog,
) -> Result<Vec<Behind>> {
    let engine = asked.engine();
    let mut behind = Vec::new();
    if engine != Engine::Postgres {
        return Ok(behind);
    }
    for table in there(plan, catalog) {
        for column in table.columns.iter().filter(|column| column.identity) {
            let of = quote_table(engine, &table.name);
            let name = quote(engine, &column.name);
            let sql = format!(
                "select pg_get_serial_sequence({}, {})",
                literal(engine, &of),
                literal(engine, &column.name)
            );
            let doing = "looking at a sequence";
            let Some(sequence) = asked.cell(sql, doing).await? else { continue };
            let sql = format!(
                "select (select coalesce(max({name}), 0) from {of})
                      - (select case when is_called then last_value else last_value - 1 end
                         from {sequence})"
            );
            let missing = match asked.number(sql, doing).await {
                Err(error) if error.code() == ErrorCode::Conn004 => continue,
                missing => missing?,
            };
            if missing > 0 {
                behind.push(Behind {
                    table: table.name.clone(),
                    column: column.name.clone(),
                    values: missing,
                    statement: format!(
                        "select setval({}, (select max({name}) from {of}))",
                        literal(engine, &sequence)
                    ),
                });
            }
        }
    }
    Ok(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(default: &str, data_type: &str, before: &str) -> Plan {
        Plan::from_yaml(&format!(
            "format: 1\nname: t\nsource: 'sqlite:a'\ntarget: 'postgres://b/c'\n\
             target_sql: {{before: \"{before}\"}}\n\
             tables:\n- source: a\n  target: a\n  columns:\n  \
             - {{target: id, source: id, type: {data_type}, default: \"{default}\"}}\n"
        ))
        .unwrap()
    }

    #[test]
    fn an_extension_is_told_by_its_types_and_functions() {
        assert_eq!(needed(&plan("now()", "citext", "")), [("citext", false)]);
        assert_eq!(
            needed(&plan("extensions.uuid_generate_v4()", "uuid", "")),
            [("uuid-ossp", false)]
        );
        assert_eq!(needed(&plan("gen_random_uuid()", "uuid", "")), []);
        let made = plan("now()", "citext", "create extension if not exists citext");
        assert_eq!(needed(&made), [("citext", true)]);
        assert_eq!(needed(&plan("my_crypt(1)", "text", "")), []);
    }
}
