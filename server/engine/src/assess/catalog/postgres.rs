//! PostgreSQL's catalog.

use std::collections::HashMap;

use shared::assessment::{
    Catalog, Column, EnumType, ForeignKey, Index, ReferentialAction, Table, TableName,
};
use shared::connection::Engine;
use shared::data_type::DataType;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Row};

use super::{default, named};
use crate::connect::classify;
use crate::error::Result;

/// What a PostgreSQL database holds, without what belongs to the server, to extensions or to us.
pub async fn of_postgres(connection: &mut PgConnection) -> Result<Catalog> {
    read(connection).await.map_err(|error| classify(error, "reading the catalog of PostgreSQL"))
}

async fn read(connection: &mut PgConnection) -> Result<Catalog, sqlx::Error> {
    let version: String = sqlx::query_scalar("show server_version")
        .persistent(false)
        .fetch_one(&mut *connection)
        .await?;
    let version = version.split_whitespace().next().unwrap_or_default();
    let mut tables: Vec<(i64, Table)> = fetch(connection, TABLES, |row| {
        Ok((
            row.try_get("id")?,
            Table {
                name: TableName::new(
                    Some(row.try_get("schema")?),
                    row.try_get::<String, _>("name")?,
                ),
                columns: Vec::new(),
                primary_key: Vec::new(),
                indexes: Vec::new(),
                foreign_keys: Vec::new(),
                estimated_rows: row.try_get::<i64, _>("rows")?.unsigned_abs(),
                estimated_bytes: row.try_get::<i64, _>("bytes")?.unsigned_abs(),
                comment: row.try_get("comment")?,
            },
        ))
    })
    .await?;
    let places: HashMap<i64, usize> =
        tables.iter().enumerate().map(|(place, (id, _))| (*id, place)).collect();
    let table_of =
        |row: &PgRow| Ok::<_, sqlx::Error>(places.get(&row.try_get("table_id")?).copied());

    for (place, column) in
        fetch(connection, COLUMNS, |row| Ok((table_of(row)?, column(row)?))).await?
    {
        if let Some(place) = place {
            tables[place].1.columns.push(column);
        }
    }
    for (place, is_primary, index) in fetch(connection, INDEXES, |row| {
        // An index on expressions or on some rows is not made again from its columns.
        let columns: Vec<Option<String>> = row.try_get("columns")?;
        let plain: bool = row.try_get("plain")?;
        let columns = columns.into_iter().collect::<Option<Vec<_>>>().filter(|_| plain);
        let index = Index {
            name: row.try_get("name")?,
            columns: columns.unwrap_or_default(),
            unique: row.try_get("is_unique")?,
        };
        Ok((table_of(row)?, row.try_get::<bool, _>("is_primary")?, index))
    })
    .await?
    {
        let Some(place) = place else { continue };
        if is_primary {
            tables[place].1.primary_key = index.columns;
        } else {
            tables[place].1.indexes.push(index);
        }
    }
    for (place, foreign_key) in
        fetch(connection, FOREIGN_KEYS, |row| Ok((table_of(row)?, foreign_key(row)?))).await?
    {
        if let Some(place) = place {
            tables[place].1.foreign_keys.push(foreign_key);
        }
    }
    let enums = fetch(connection, ENUMS, |row| {
        Ok(EnumType {
            name: TableName::new(Some(row.try_get("schema")?), row.try_get::<String, _>("name")?),
            labels: row.try_get("labels")?,
        })
    })
    .await?;
    Ok(Catalog {
        engine: Engine::Postgres,
        server: format!("PostgreSQL {version}"),
        tables: tables.into_iter().map(|(_, table)| table).collect(),
        enums,
    })
}

async fn fetch<T>(
    connection: &mut PgConnection,
    query: &'static str,
    read: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>, sqlx::Error> {
    let rows = sqlx::query(query).persistent(false).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

fn column(row: &PgRow) -> Result<Column, sqlx::Error> {
    let base = BaseType::from_row(row)?;
    let identity: bool = row.try_get("is_identity")?;
    let generated: bool = row.try_get("is_generated")?;
    let expression: Option<String> = row.try_get("expression")?;
    let own = expression.filter(|_| !generated && !identity);
    let default = own.as_deref().and_then(default::of_postgres);
    // `NULL::text` says no more than no default does.
    let says_null = own.as_deref().is_some_and(|own| own.starts_with("NULL::"));
    Ok(Column {
        name: row.try_get("name")?,
        native_type: row.try_get("native_type")?,
        data_type: base.data_type(),
        nullable: row.try_get("nullable")?,
        default_left: own.is_some() && default.is_none() && !says_null,
        default,
        generated,
        identity,
        comment: row.try_get("comment")?,
    })
}

/// A column's type below its domains, and the type of its elements when it is an array.
#[derive(Debug, FromRow)]
struct BaseType {
    base_spelled: String,
    base_kind: String,
    base_schema: String,
    base_name: String,
    is_array: bool,
}

impl BaseType {
    fn data_type(&self) -> DataType {
        let one = self.one();
        if self.is_array { DataType::Array(Box::new(one)) } else { one }
    }

    fn one(&self) -> DataType {
        let system = self.base_schema == "pg_catalog";
        match (self.base_kind.as_str(), self.base_name.as_str()) {
            ("e", name) => DataType::Named(named(&TableName::new(Some(&self.base_schema), name))),
            // A row, and a range made here: the target has no such type.
            ("c" | "p", _) => DataType::Text,
            ("r" | "m", _) if !system => DataType::Text,
            (_, "char" | "name" | "int2vector" | "oidvector") if system => DataType::Text,
            (_, "money") if system => DataType::Numeric(None),
            (_, "oid") if system => DataType::BigInt,
            (_, "interval") if system => DataType::Interval,
            (_, "bpchar") if system && self.base_spelled == "character" => DataType::Text,
            _ => self.base_spelled.parse().unwrap_or(DataType::Text),
        }
    }
}

fn foreign_key(row: &PgRow) -> Result<ForeignKey, sqlx::Error> {
    let action = |letter: &str| match letter {
        "r" => ReferentialAction::Restrict,
        "c" => ReferentialAction::Cascade,
        "n" => ReferentialAction::SetNull,
        "d" => ReferentialAction::SetDefault,
        _ => ReferentialAction::NoAction,
    };
    Ok(ForeignKey {
        name: row.try_get("name")?,
        columns: row.try_get("columns")?,
        references: TableName::new(
            Some(row.try_get("parent_schema")?),
            row.try_get::<String, _>("parent")?,
        ),
        referenced_columns: row.try_get("parent_columns")?,
        on_delete: action(row.try_get("on_delete")?),
        on_update: action(row.try_get("on_update")?),
    })
}

/// A partitioned table is one table; so is each that another inherits from.
const TABLES: &str = "
    select c.oid::bigint as id,
           n.nspname::text as schema,
           c.relname::text as name,
           coalesce(size.rows, 0)::bigint as rows,
           coalesce(size.bytes, 0)::bigint as bytes,
           obj_description(c.oid, 'pg_class') as comment
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    cross join lateral (
        with recursive tree (id) as (
            select c.oid
            union all
            select i.inhrelid from pg_inherits as i join tree on i.inhparent = tree.id
            where c.relkind = 'p'
        )
        select sum(greatest(part.reltuples, 0)) as rows, sum(pg_table_size(part.oid)) as bytes
        from tree
        join pg_class as part on part.oid = tree.id and part.relkind <> 'p'
    ) as size
    where c.relkind in ('r', 'p')
      and not c.relispartition
      and c.relpersistence <> 't'
      and n.nspname not in ('information_schema', 'transfuse')
      and n.nspname !~ '^pg_'
      and not exists (
          select
          from pg_depend as d
          where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
      )
    order by n.nspname, c.relname";

const COLUMNS: &str = "
    -- What domains stand for, through all that stand for others.
    with recursive domains (domain, id, kind, typmod, base) as (
        select oid, oid, typtype, -1, typbasetype from pg_type where typtype = 'd'
        union all
        select domains.domain, t.oid, t.typtype, under.typtypmod, t.typbasetype
        from domains
        join pg_type as under on under.oid = domains.id
        join pg_type as t on t.oid = domains.base
        where domains.kind = 'd'
    )
    select a.attrelid::bigint as table_id,
           a.attname::text as name,
           format_type(a.atttypid, a.atttypmod) as native_type,
           not a.attnotnull as nullable,
           a.attidentity <> '' or coalesce(expression.text like 'nextval(%', false) as is_identity,
           coalesce(to_jsonb(a) ->> 'attgenerated', '') <> '' as is_generated,
           expression.text as expression,
           col_description(a.attrelid, a.attnum) as comment,
           format_type(
               case when is_array then element.oid else base.id end, base.typmod
           ) as base_spelled,
           element.typtype::text as base_kind,
           element_schema.nspname::text as base_schema,
           element.typname::text as base_name,
           is_array
    from pg_attribute as a
    join pg_class as c on c.oid = a.attrelid
    left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    cross join lateral (select pg_get_expr(d.adbin, d.adrelid) as text) as expression
    left join domains on domains.domain = a.atttypid and domains.kind <> 'd'
    cross join lateral (
        select coalesce(domains.id, a.atttypid) as id,
               case when domains.id is null then a.atttypmod else domains.typmod end as typmod
    ) as base
    join pg_type as plain on plain.oid = base.id
    cross join lateral (
        select plain.typcategory = 'A' and plain.typelem <> 0 and plain.typlen = -1
               and plain.typname not in ('int2vector', 'oidvector') as is_array
    ) as shape
    join pg_type as element
      on element.oid = case when is_array then plain.typelem else plain.oid end
    join pg_namespace as element_schema on element_schema.oid = element.typnamespace
    join pg_namespace as n on n.oid = c.relnamespace
    where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p')
      and n.nspname not in ('information_schema', 'transfuse') and n.nspname !~ '^pg_'
    order by a.attrelid, a.attnum";

const INDEXES: &str = "
    select i.indrelid::bigint as table_id,
           c.relname::text as name,
           i.indisunique as is_unique,
           i.indisprimary as is_primary,
           i.indpred is null and i.indexprs is null and m.amname in ('btree', 'hash') as plain,
           array(
               select a.attname::text
               from unnest(i.indkey::smallint[]) with ordinality as k (attnum, place)
               left join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
               where k.place <= coalesce((to_jsonb(i) ->> 'indnkeyatts')::int, i.indnatts)
               order by k.place
           ) as columns
    from pg_index as i
    join pg_class as c on c.oid = i.indexrelid
    join pg_am as m on m.oid = c.relam
    join pg_namespace as n on n.oid = c.relnamespace
    where i.indisvalid
      and n.nspname not in ('information_schema', 'transfuse') and n.nspname !~ '^pg_'
    order by i.indrelid, c.relname";

/// The references of a partitioned table, not the copies that its partitions have.
const FOREIGN_KEYS: &str = "
    select f.conrelid::bigint as table_id,
           f.conname::text as name,
           f.confdeltype::text as on_delete,
           f.confupdtype::text as on_update,
           n.nspname::text as parent_schema,
           p.relname::text as parent,
           array(
               select a.attname::text
               from unnest(f.conkey) with ordinality as k (attnum, place)
               join pg_attribute as a on a.attrelid = f.conrelid and a.attnum = k.attnum
               order by k.place
           ) as columns,
           array(
               select a.attname::text
               from unnest(f.confkey) with ordinality as k (attnum, place)
               join pg_attribute as a on a.attrelid = f.confrelid and a.attnum = k.attnum
               order by k.place
           ) as parent_columns
    from pg_constraint as f
    join pg_class as p on p.oid = f.confrelid
    join pg_namespace as n on n.oid = p.relnamespace
    where f.contype = 'f'
      and coalesce((to_jsonb(f) ->> 'conparentid')::bigint, 0) = 0
    order by f.conrelid, f.conname";

const ENUMS: &str = "
    select n.nspname::text as schema,
           t.typname::text as name,
           array_agg(e.enumlabel::text order by e.enumsortorder) as labels
    from pg_type as t
    join pg_namespace as n on n.oid = t.typnamespace
    join pg_enum as e on e.enumtypid = t.oid
    where n.nspname <> 'information_schema'
      and n.nspname !~ '^pg_'
      and not exists (
          select
          from pg_depend as d
          where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e'
      )
    group by n.nspname, t.typname
    order by n.nspname, t.typname";
