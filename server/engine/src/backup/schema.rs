//! The statements that make tables of PostgreSQL where they are missing, from its catalogs.
//!
//! Columns, keys, indexes, checks, defaults, sequences, enum types and comments, and whether rows
//! are closed to all without a policy. Triggers, policies, rights and functions are not made: they
//! belong to the database, not to its rows.

use shared::assessment::TableName;
use shared::backup::{ForeignKeyMade, Made, Schema, SequencePosition, TableMade};
use shared::error_code::ErrorCode;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::connect::classify;
use crate::error::{EngineError, Result};

/// Everything that the tables need. Names are written with their schemas.
pub(super) async fn read(connection: &mut PgConnection, tables: &[TableName]) -> Result<Schema> {
    let mut schema = Schema::default();
    let names: Vec<String> = tables.iter().filter_map(|table| table.schema.clone()).collect();
    for row in rows(connection, SCHEMAS, &names).await? {
        let [name, sql] = texts(&row)?;
        schema.schemas.push(Made { name, sql });
    }
    for table in tables {
        let name = quoted(table);
        for row in rows(connection, TYPES, std::slice::from_ref(&name)).await? {
            let [name, sql] = texts(&row)?;
            if !schema.types.iter().any(|known| known.name == name) {
                schema.types.push(Made { name, sql });
            }
        }
        let one = async |connection: &mut PgConnection, sql: &str| -> Result<Vec<String>> {
            let rows = rows(connection, sql, std::slice::from_ref(&name)).await?;
            rows.iter().map(|row| texts::<1>(row).map(|[sql]| sql)).collect()
        };
        let mut before = one(connection, SEQUENCES).await?;
        before.extend(one(connection, TABLE).await?);
        before.extend(one(connection, OWNED).await?);
        let mut after = one(connection, CONSTRAINTS).await?;
        after.extend(one(connection, INDEXES).await?);
        after.extend(one(connection, REST).await?);
        let mut foreign_keys = Vec::new();
        for row in rows(connection, FOREIGN_KEYS, std::slice::from_ref(&name)).await? {
            let [name, schema, table, sql] = texts(&row)?;
            let references = TableName::new(Some(&schema), table);
            foreign_keys.push(ForeignKeyMade { name, references, sql });
        }
        schema.tables.push(TableMade { name: table.clone(), before, after, foreign_keys });
    }
    Ok(schema)
}

/// Where the sequences of tables stand.
pub(super) async fn sequences(
    connection: &mut PgConnection,
    tables: &[TableName],
) -> Result<Vec<SequencePosition>> {
    let names: Vec<String> = tables.iter().map(quoted).collect();
    let mut positions = Vec::new();
    for row in rows(connection, OWNED_SEQUENCES, &names).await? {
        let [name] = texts(&row)?;
        let sql = format!("select last_value, is_called from {name}");
        let row = sqlx::query(AssertSqlSafe(sql))
            .persistent(false)
            .fetch_one(&mut *connection)
            .await
            .map_err(|error| classify(error, format!("reading the sequence {name}")))?;
        let fault = |error| classify(error, "reading a sequence");
        positions.push(SequencePosition {
            name,
            last_value: row.try_get(0).map_err(fault)?,
            is_called: row.try_get(1).map_err(fault)?,
        });
    }
    Ok(positions)
}

pub(super) fn quoted(table: &TableName) -> String {
    crate::ident::quote_table(shared::connection::Engine::Postgres, table)
}

async fn rows(
    connection: &mut PgConnection,
    sql: &str,
    names: &[String],
) -> Result<Vec<sqlx::postgres::PgRow>> {
    sqlx::query(AssertSqlSafe(sql.to_owned()))
        .bind(names)
        .persistent(false)
        .fetch_all(connection)
        .await
        .map_err(|error| classify(error, "reading the catalog of PostgreSQL"))
}

fn texts<const N: usize>(row: &sqlx::postgres::PgRow) -> Result<[String; N]> {
    let mut texts = Vec::with_capacity(N);
    for column in 0..N {
        texts.push(row.try_get::<String, _>(column).map_err(|error| {
            EngineError::new(ErrorCode::Sys001, "reading the catalog of PostgreSQL").because(error)
        })?);
    }
    Ok(texts.try_into().unwrap_or_else(|_| unreachable!("as many as were asked for")))
}

const SCHEMAS: &str = "
    select nspname::text, format('create schema if not exists %I', nspname)
    from pg_namespace where nspname = any ($1) and nspname <> 'public' order by nspname";

const TYPES: &str = "
    select distinct t.oid::regtype::text, format('create type %s as enum (%s)', t.oid::regtype, (
        select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder)
        from pg_enum where enumtypid = t.oid))
    from pg_attribute as a
    join pg_type as c on c.oid = a.atttypid
    join pg_type as t on t.oid = case when c.typelem <> 0 and c.typlen = -1 then c.typelem else c.oid end
    where a.attrelid = any (select unnest($1::text[])::regclass) and a.attnum > 0
      and not a.attisdropped and t.typtype = 'e'";

/// Sequences that a default draws from have to be there before their table.
const SEQUENCES: &str = "
    select format('create sequence if not exists %s as %s increment %s minvalue %s maxvalue %s start %s cache %s%s',
                  s.oid::regclass, format_type(q.seqtypid, null), q.seqincrement, q.seqmin, q.seqmax,
                  q.seqstart, q.seqcache, case when q.seqcycle then ' cycle' else '' end)
    from pg_depend as d
    join pg_class as s on s.oid = d.objid and s.relkind = 'S'
    join pg_sequence as q on q.seqrelid = s.oid
    where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
      and d.refobjid = any (select unnest($1::text[])::regclass) and d.deptype = 'a'
    order by s.oid";

const OWNED: &str = "
    select format('alter sequence %s owned by %s.%I', s.oid::regclass, d.refobjid::regclass, a.attname)
    from pg_depend as d
    join pg_class as s on s.oid = d.objid and s.relkind = 'S'
    join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
    where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
      and d.refobjid = any (select unnest($1::text[])::regclass) and d.deptype = 'a'
    order by s.oid";

const TABLE: &str = "
    select format('create table %s (%s)', a.attrelid::regclass, string_agg(
        format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
        || case when a.attcollation <> t.typcollation and a.attcollation <> 0
                then format(' collate %s', a.attcollation::regcollation) else '' end
        || case a.attidentity when 'a' then ' generated always as identity'
                              when 'd' then ' generated by default as identity' else '' end
        || case when a.attgenerated = 's'
                then format(' generated always as (%s) stored', pg_get_expr(f.adbin, f.adrelid))
                when f.adbin is not null then format(' default %s', pg_get_expr(f.adbin, f.adrelid))
                else '' end
        || case when a.attnotnull then ' not null' else '' end,
        ', ' order by a.attnum))
    from pg_attribute as a
    join pg_type as t on t.oid = a.atttypid
    left join pg_attrdef as f on f.adrelid = a.attrelid and f.adnum = a.attnum
    where a.attrelid = any (select unnest($1::text[])::regclass) and a.attnum > 0
      and not a.attisdropped
    group by a.attrelid";

const CONSTRAINTS: &str = "
    select format('alter table %s add constraint %I %s', conrelid::regclass, conname,
                  pg_get_constraintdef(oid))
    from pg_constraint
    where conrelid = any (select unnest($1::text[])::regclass) and contype in ('p', 'u', 'c', 'x')
    order by contype <> 'p', oid";

const INDEXES: &str = "
    select pg_get_indexdef(i.indexrelid)
    from pg_index as i
    where i.indrelid = any (select unnest($1::text[])::regclass)
      and not exists (select from pg_constraint as c where c.conindid = i.indexrelid
                      and c.contype in ('p', 'u', 'x'))
    order by i.indexrelid";

const REST: &str = "
    select format('comment on table %s is %L', oid::regclass, obj_description(oid, 'pg_class'))
    from pg_class
    where oid = any (select unnest($1::text[])::regclass)
      and obj_description(oid, 'pg_class') is not null
    union all
    select format('comment on column %s.%I is %L', attrelid::regclass, attname,
                  col_description(attrelid, attnum))
    from pg_attribute
    where attrelid = any (select unnest($1::text[])::regclass) and attnum > 0
      and col_description(attrelid, attnum) is not null
    union all
    select format('alter table %s enable row level security', oid::regclass)
    from pg_class
    where oid = any (select unnest($1::text[])::regclass) and relrowsecurity";

const FOREIGN_KEYS: &str = "
    select conname::text, n.nspname::text, r.relname::text,
           format('alter table %s add constraint %I %s', conrelid::regclass, conname,
                  pg_get_constraintdef(c.oid))
    from pg_constraint as c
    join pg_class as r on r.oid = c.confrelid
    join pg_namespace as n on n.oid = r.relnamespace
    where conrelid = any (select unnest($1::text[])::regclass) and contype = 'f'
      and conparentid = 0
    order by c.oid";

const OWNED_SEQUENCES: &str = "
    select s.oid::regclass::text
    from pg_depend as d
    join pg_class as s on s.oid = d.objid and s.relkind = 'S'
    where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
      and d.refobjid = any (select unnest($1::text[])::regclass) and d.deptype in ('a', 'i')
    order by s.oid";
