//! From two pictures of a database to the statements that lead back from the second to the first.

use std::collections::{BTreeMap, BTreeSet};

use shared::assessment::TableName;
use shared::connection::Engine;

use super::catalog::{Entry, Picture, Said};
use crate::error::Result;
use crate::ident::{literal, quote};
use crate::load::ledger::Object;
use crate::load::{Param, Session};

/// What statements changed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// What is undone by a statement, in the order in which it was made.
    pub(super) made: Vec<Object>,
    /// What is not, in words.
    pub(super) unknown: Vec<String>,
}

pub(super) async fn changes<S: Session>(
    session: &mut S,
    before: &Picture,
    after: &Picture,
    made: &BTreeMap<String, TableName>,
    known: &[Object],
) -> Result<Changes> {
    let mut changes = Changes::default();
    let mut entries: Vec<(&Entry, &Said)> = after.iter().collect();
    entries.sort_by_key(|(entry, _)| age(entry));
    let new: BTreeSet<&String> = after
        .keys()
        .filter(|entry| matches!(entry.catalog.as_str(), "pg_class" | "pg_type"))
        .filter(|entry| !before.contains_key(entry))
        .map(|entry| &entry.number)
        .collect();
    for (entry, said) in entries {
        // What goes with a table of the run goes with it.
        if is_made(said, made) {
            continue;
        }
        match before.get(entry) {
            Some(earlier) if earlier == said => {}
            Some(earlier) => changed(session, entry, earlier, said, known, &mut changes).await?,
            None => {
                let table = said.table.as_ref().filter(|table| **table != entry.number);
                if table.is_some_and(|table| new.contains(table)) {
                    continue;
                }
                added(session, entry, said, &mut changes).await?;
            }
        }
    }
    for (entry, said) in before {
        if after.contains_key(entry) || is_made(said, made) {
            continue;
        }
        match (entry.catalog.as_str(), &said.definition) {
            ("comment", Some(text)) => comment(session, entry, Some(text), &mut changes).await?,
            _ => changes.unknown.push(format!("{}, which is gone", in_words(entry))),
        }
    }
    Ok(changes)
}

/// Whether it goes with a table of the run.
fn is_made(said: &Said, made: &BTreeMap<String, TableName>) -> bool {
    said.table.as_ref().is_some_and(|table| made.contains_key(table))
}

/// Sorts what was made first to the front: it is undone last. Roles are needed by everything, and
/// numbers are given out in order.
fn age(entry: &Entry) -> (u8, u64) {
    match (entry.catalog.as_str(), entry.number.parse()) {
        ("role", _) => (0, 0),
        (_, Ok(number)) => (1, number),
        (_, Err(_)) => (2, 0),
    }
}

async fn added<S: Session>(
    session: &mut S,
    entry: &Entry,
    said: &Said,
    changes: &mut Changes,
) -> Result<()> {
    let number = &entry.number;
    let found = match entry.catalog.as_str() {
        "role" => Some((
            "role".to_owned(),
            number.clone(),
            format!("drop role if exists {}", quote(Engine::Postgres, number)),
        )),
        "membership" => {
            let what = said.definition.clone().unwrap_or_default();
            Some(("membership".to_owned(), what.clone(), format!("revoke {what}")))
        }
        "comment" => return comment(session, entry, None, changes).await,
        "row security" | "database" => None,
        "column" => {
            let sql = "select format('%s.%I', attrelid::regclass, attname),
                              format('alter table %s drop column if exists %I', attrelid::regclass, attname)
                       from pg_attribute
                       where attrelid::text || '.' || attnum = $1 and not attisdropped";
            pair(session, sql, number).await?.map(|(name, undo)| ("column".to_owned(), name, undo))
        }
        "pg_constraint" => {
            let sql = "select format('%I on %s', conname, of),
                              format('alter %s %s drop constraint if exists %I', what, of, conname)
                       from (
                           select conname,
                                  case when conrelid = 0 then 'domain' else 'table' end as what,
                                  case when conrelid = 0 then contypid::regtype::text
                                       else conrelid::regclass::text end as of
                           from pg_constraint where oid = $1::text::oid
                       ) as named";
            pair(session, sql, number)
                .await?
                .map(|(name, undo)| ("constraint".to_owned(), name, undo))
        }
        "pg_attrdef" => {
            let sql = "select format('%s.%I', adrelid::regclass, attname),
                              format('alter table %s alter column %I drop default', adrelid::regclass, attname)
                       from pg_attrdef
                       join pg_attribute on attrelid = adrelid and attnum = adnum
                       where pg_attrdef.oid = $1::text::oid";
            pair(session, sql, number).await?.map(|(name, undo)| ("default".to_owned(), name, undo))
        }
        // A label of a type that was there stays there for good.
        "pg_enum" | "pg_default_acl" | "setting" => {
            changes.unknown.push(in_words(entry));
            None
        }
        catalog => {
            let sql = format!(
                "select type, identity from pg_identify_object('{catalog}'::regclass, $1::text::oid, 0)"
            );
            pair(session, &sql, number).await?.map(|(kind, name)| {
                let what = match kind.as_str() {
                    "composite type" => "type",
                    "statistics object" => "statistics",
                    kind => kind,
                };
                let undo = format!("drop {what} if exists {name}");
                (kind, name, undo)
            })
        }
    };
    if let Some((kind, name, undo)) = found {
        changes.made.push(Object { kind, name, undo });
    }
    Ok(())
}

async fn changed<S: Session>(
    session: &mut S,
    entry: &Entry,
    earlier: &Said,
    said: &Said,
    known: &[Object],
    changes: &mut Changes,
) -> Result<()> {
    let name = identity(session, entry).await?;
    if let Some((kind, name)) = &name
        && known.iter().any(|object| object.kind == *kind && object.name == *name)
    {
        return Ok(());
    }
    if earlier.rights != said.rights {
        rights(session, entry, earlier, changes).await?;
    }
    if earlier.fingerprint == said.fingerprint {
        return Ok(());
    }
    let (kind, name) = name.unwrap_or_else(|| (entry.catalog.clone(), entry.number.clone()));
    match (entry.catalog.as_str(), &earlier.definition) {
        ("comment", Some(text)) => comment(session, entry, Some(text), changes).await?,
        ("pg_proc", Some(definition)) => changes.made.push(Object {
            kind: format!("earlier {kind}"),
            name,
            undo: definition.clone(),
        }),
        ("row security", _) => {
            // Both words one after the other: `truefalse`.
            let enabled = earlier.fingerprint.starts_with("true");
            let forced = earlier.fingerprint.ends_with("true");
            let undo = format!(
                "alter table {name} {} row level security; alter table {name} {} row level security",
                if enabled { "enable" } else { "disable" },
                if forced { "force" } else { "no force" }
            );
            changes.made.push(Object { kind: "row security".to_owned(), name, undo });
        }
        // A column that was dropped has no name any more.
        ("column", Some(name)) => changes.unknown.push(format!("the column {name}")),
        _ => changes.unknown.push(format!("the {kind} {name}")),
    }
    Ok(())
}

/// Kind and name of something that is there, as the target calls it.
async fn identity<S: Session>(session: &mut S, entry: &Entry) -> Result<Option<(String, String)>> {
    let number = &entry.number;
    match entry.catalog.as_str() {
        "column" => {
            let sql = "select 'column', format('%s.%I', attrelid::regclass, attname)
                       from pg_attribute where attrelid::text || '.' || attnum = $1";
            pair(session, sql, number).await
        }
        "row security" => {
            let sql = "select 'table', $1::text::oid::regclass::text";
            pair(session, sql, number).await
        }
        catalog if catalog.starts_with("pg_") => {
            let sql = format!(
                "select type, identity from pg_identify_object('{catalog}'::regclass, $1::text::oid, 0)"
            );
            pair(session, &sql, number).await
        }
        _ => Ok(None),
    }
}

/// Gives a comment its earlier text, or none.
async fn comment<S: Session>(
    session: &mut S,
    entry: &Entry,
    text: Option<&str>,
    changes: &mut Changes,
) -> Result<()> {
    let sql = "select type, identity
               from pg_identify_object(split_part($1, '.', 1)::oid, split_part($1, '.', 2)::oid,
                                       split_part($1, '.', 3)::integer)";
    let Some((kind, name)) = pair(session, sql, &entry.number).await? else { return Ok(()) };
    let what = match kind.as_str() {
        "table column" | "view column" | "materialized view column" | "composite type column" => {
            "column"
        }
        "table constraint" => "constraint",
        "statistics object" => "statistics",
        "composite type" => "type",
        kind => kind,
    };
    let text = text.map_or_else(|| "null".to_owned(), |text| literal(Engine::Postgres, text));
    changes.made.push(Object {
        kind: "comment".to_owned(),
        name: format!("{kind} {name}"),
        undo: format!("comment on {what} {name} is {text}"),
    });
    Ok(())
}

/// Gives rights back that were taken, and takes those that were given.
async fn rights<S: Session>(
    session: &mut S,
    entry: &Entry,
    earlier: &Said,
    changes: &mut Changes,
) -> Result<()> {
    let number = &entry.number;
    // What it is called in `grant`, its letter in `acldefault`, its owner and what it is now.
    let of = match entry.catalog.as_str() {
        "pg_class" => {
            "select case when relkind = 'S' then 'sequence' else 'table' end,
                              oid::regclass::text, case when relkind = 'S' then 's' else 'r' end,
                              relowner::text, relacl::text, ''
                       from pg_class where oid = $1::text::oid"
        }
        "pg_namespace" => {
            "select 'schema', quote_ident(nspname), 'n', nspowner::text, nspacl::text, ''
                           from pg_namespace where oid = $1::text::oid"
        }
        "pg_proc" => {
            "select case when prokind = 'p' then 'procedure' else 'function' end,
                             oid::regprocedure::text, 'f', proowner::text, proacl::text, ''
                      from pg_proc where oid = $1::text::oid"
        }
        "pg_type" => {
            "select 'type', oid::regtype::text, 'T', typowner::text, typacl::text, ''
                      from pg_type where oid = $1::text::oid"
        }
        "pg_language" => {
            "select 'language', quote_ident(lanname), 'l', lanowner::text, lanacl::text, ''
                          from pg_language where oid = $1::text::oid"
        }
        "database" => {
            "select 'database', quote_ident(datname), 'd', datdba::text, datacl::text, ''
                       from pg_database where oid = $1::text::oid"
        }
        "column" => {
            "select 'table', attrelid::regclass::text, 'c', relowner::text, attacl::text,
                            format(' (%I)', attname)
                     from pg_attribute join pg_class on pg_class.oid = attrelid
                     where attrelid::text || '.' || attnum = $1"
        }
        _ => {
            changes.unknown.push(format!("rights on {}", in_words(entry)));
            return Ok(());
        }
    };
    let row = session.fetch(of, &[Param::Text(number)]).await?.into_iter().next();
    let Some([Some(what), Some(name), Some(letter), Some(owner), now, Some(column)]) =
        row.and_then(|row| <[_; 6]>::try_from(row).ok())
    else {
        return Ok(());
    };
    let sql = "
        with earlier as (
            select grantee, privilege_type, is_grantable
            from aclexplode(coalesce($1::text::aclitem[], acldefault($3::text::\"char\", $4::text::oid)))
        ), now as (
            select grantee, privilege_type, is_grantable
            from aclexplode(coalesce($2::text::aclitem[], acldefault($3::text::\"char\", $4::text::oid)))
        ), differ as (
            select 'revoke' as verb, grantee, privilege_type, is_grantable
            from (select * from now except select * from earlier) as given
            union all
            select 'grant', grantee, privilege_type, is_grantable
            from (select * from earlier except select * from now) as taken
        )
        select verb, privilege_type, is_grantable::text,
               case when grantee = 0 then 'public' else grantee::regrole::text end
        from differ order by verb desc, grantee, privilege_type";
    let params = [
        Param::OptionalText(earlier.rights.as_deref()),
        Param::OptionalText(now.as_deref()),
        Param::Text(&letter),
        Param::Text(&owner),
    ];
    for row in session.fetch(sql, &params).await? {
        let [Some(verb), Some(right), Some(grantable), Some(role)] = row.as_slice() else {
            continue;
        };
        let right = format!("{}{column}", right.to_lowercase());
        let undo = if verb == "grant" {
            let option = if grantable == "true" { " with grant option" } else { "" };
            format!("grant {right} on {what} {name} to {role}{option}")
        } else {
            format!("revoke {right} on {what} {name} from {role}")
        };
        let name = format!("{right} on {what} {name} for {role}");
        changes.made.push(Object { kind: format!("{verb} of rights"), name, undo });
    }
    Ok(())
}

async fn pair<S: Session>(
    session: &mut S,
    sql: &str,
    number: &str,
) -> Result<Option<(String, String)>> {
    let row = session.fetch(sql, &[Param::Text(number)]).await?.into_iter().next();
    Ok(row.and_then(|row| {
        let mut cells = row.into_iter().flatten();
        Some((cells.next()?, cells.next()?))
    }))
}

fn in_words(entry: &Entry) -> String {
    let what = entry.catalog.trim_start_matches("pg_").replace('_', " ");
    format!("the {what} {}", entry.number)
}
