//! Everything that a PostgreSQL database has besides rows, as far as statements may change it.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::load::Session;

/// Something in a catalog: which catalog, and its number there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) catalog: String,
    pub(super) number: String,
}

impl Entry {
    pub(super) fn is_table(&self, number: &str) -> bool {
        self.catalog == "pg_class" && self.number == number
    }
}

/// What the catalog says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// The table that it goes with.
    pub(super) table: Option<String>,
    /// Changes with anything of it that is not told otherwise here.
    pub(super) fingerprint: String,
    /// Who may do what with it.
    pub(super) rights: Option<String>,
    /// What it takes to make it again: a function's definition, a comment's text.
    pub(super) definition: Option<String>,
}

pub(super) type Picture = BTreeMap<Entry, Said>;

/// Looks at the whole database, without what belongs to the server, to extensions and to us.
pub(super) async fn look<S: Session>(session: &mut S) -> Result<Picture> {
    let sql = query();
    let rows = session.fetch(&sql, &[]).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let [catalog, number, table, fingerprint, rights, definition] =
                <[_; 6]>::try_from(row).ok()?;
            let entry = Entry { catalog: catalog?, number: number? };
            let fingerprint = fingerprint.unwrap_or_default();
            Some((entry, Said { table, fingerprint, rights, definition }))
        })
        .collect())
}

/// A catalog that is looked at.
struct Catalog {
    name: &'static str,
    /// The number of the table, or the type, that an entry goes with.
    table: &'static str,
    rights: &'static str,
    definition: &'static str,
    /// The number of the schema that it is in.
    schema: &'static str,
    /// Columns that change by themselves, or are told otherwise.
    without: &'static str,
    only: &'static str,
    /// The kinds of dependency on something that tells of it already.
    told_by: &'static str,
}

impl Catalog {
    const fn named(name: &'static str) -> Self {
        Self {
            name,
            table: "null",
            rights: "null",
            definition: "null",
            schema: "0",
            without: "",
            only: "true",
            told_by: "'e', 'i'",
        }
    }
}

const CATALOGS: &[Catalog] = &[
    Catalog {
        rights: "c.nspacl",
        schema: "c.oid",
        without: "nspacl",
        ..Catalog::named("pg_namespace")
    },
    Catalog {
        // An index goes with its table; a sequence with the column that owns it.
        table: "coalesce(
                    (select indrelid from pg_index where indexrelid = c.oid),
                    (select refobjid from pg_depend
                     where classid = 'pg_class'::regclass and objid = c.oid
                       and refclassid = 'pg_class'::regclass and deptype in ('a', 'i')
                       and refobjsubid > 0 limit 1),
                    c.oid)",
        rights: "c.relacl",
        schema: "c.relnamespace",
        without: "relacl,relpages,reltuples,relallvisible,relallfrozen,relfrozenxid,relminmxid,\
                  relhasindex,relchecks,relhasrules,relhastriggers,relfilenode,reltoastrelid,\
                  relrowsecurity,relforcerowsecurity,relnatts",
        ..Catalog::named("pg_class")
    },
    Catalog {
        rights: "c.proacl",
        definition: "case when c.prokind in ('f', 'p') then pg_get_functiondef(c.oid) end",
        schema: "c.pronamespace",
        without: "proacl",
        ..Catalog::named("pg_proc")
    },
    Catalog {
        rights: "c.typacl",
        schema: "c.typnamespace",
        without: "typacl",
        ..Catalog::named("pg_type")
    },
    Catalog {
        table: "nullif(c.conrelid, 0)",
        schema: "c.connamespace",
        ..Catalog::named("pg_constraint")
    },
    Catalog { table: "c.tgrelid", only: "not c.tgisinternal", ..Catalog::named("pg_trigger") },
    Catalog { table: "c.polrelid", ..Catalog::named("pg_policy") },
    // What a view shows is told by its rule alone.
    Catalog { table: "c.ev_class", told_by: "'e'", ..Catalog::named("pg_rewrite") },
    Catalog { table: "c.adrelid", ..Catalog::named("pg_attrdef") },
    Catalog { schema: "c.oprnamespace", ..Catalog::named("pg_operator") },
    Catalog { schema: "c.opcnamespace", ..Catalog::named("pg_opclass") },
    Catalog { schema: "c.opfnamespace", ..Catalog::named("pg_opfamily") },
    Catalog { schema: "c.collnamespace", ..Catalog::named("pg_collation") },
    Catalog { schema: "c.connamespace", ..Catalog::named("pg_conversion") },
    Catalog { schema: "c.cfgnamespace", ..Catalog::named("pg_ts_config") },
    Catalog { schema: "c.dictnamespace", ..Catalog::named("pg_ts_dict") },
    Catalog { schema: "c.stxnamespace", ..Catalog::named("pg_statistic_ext") },
    Catalog { rights: "c.lanacl", without: "lanacl", ..Catalog::named("pg_language") },
    Catalog { rights: "c.fdwacl", without: "fdwacl", ..Catalog::named("pg_foreign_data_wrapper") },
    Catalog { rights: "c.srvacl", without: "srvacl", ..Catalog::named("pg_foreign_server") },
    Catalog::named("pg_extension"),
    Catalog::named("pg_cast"),
    Catalog::named("pg_publication"),
    Catalog::named("pg_event_trigger"),
    Catalog::named("pg_default_acl"),
    Catalog { table: "c.enumtypid", ..Catalog::named("pg_enum") },
];

/// What has no number of its own, or belongs to the whole server.
const OTHERS: &str = "
    select 'column', c.attrelid || '.' || c.attnum, c.attrelid::text,
           md5(concat_ws(' ', c.attname, c.atttypid, c.atttypmod, c.attnotnull, c.attidentity,
                         c.attgenerated, c.attisdropped, c.attcollation)),
           c.attacl::text, format('%s.%I', c.attrelid::regclass, c.attname)
    from pg_attribute as c join pg_class as r on r.oid = c.attrelid
    where c.attnum > 0 and r.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
      and r.oid >= 16384 and not (r.relnamespace = any (hidden.schemas))
    union all
    select 'row security', c.oid::text, c.oid::text,
           c.relrowsecurity::text || c.relforcerowsecurity::text, null, null
    from pg_class as c
    where c.relkind in ('r', 'p') and c.oid >= 16384
      and not (c.relnamespace = any (hidden.schemas))
    union all
    select 'comment', concat_ws('.', c.classoid, c.objoid, c.objsubid),
           case when c.classoid = 'pg_class'::regclass then c.objoid::text end,
           md5(c.description), null, c.description
    from pg_description as c
    where c.objoid >= 16384 or c.classoid = 'pg_namespace'::regclass
    union all
    select 'role', c.rolname::text, null,
           md5(concat_ws(' ', c.rolsuper, c.rolinherit, c.rolcreaterole, c.rolcreatedb,
                         c.rolcanlogin, c.rolreplication, c.rolbypassrls, c.rolconnlimit)),
           null, null
    from pg_roles as c
    union all
    select 'membership', c.roleid || '.' || c.member, null, '', null,
           format('%I from %I', c.roleid::regrole::text, c.member::regrole::text)
    from pg_auth_members as c
    union all
    select 'setting', concat_ws('.', c.setdatabase, c.setrole), null, md5(c.setconfig::text),
           null, null
    from pg_db_role_setting as c
    union all
    select 'database', c.oid::text, null, '', c.datacl::text, null
    from pg_database as c where c.datname = current_database()";

fn query() -> String {
    let each = CATALOGS.iter().map(|catalog| {
        format!(
            "select '{name}', c.oid::text, ({table})::text,
                    md5((to_jsonb(c) - '{{{without}}}'::text[])::text), ({rights})::text,
                    {definition}
             from {name} as c
             where (c.oid >= 16384 or '{name}' = 'pg_namespace') and {only}
               and not (({schema})::oid = any (hidden.schemas))
               and not (coalesce(({table})::oid, 0) = any (hidden.tables))
               and not exists (
                   select from pg_depend as d
                   where d.classid = '{name}'::regclass and d.objid = c.oid
                     and d.objsubid = 0 and d.deptype in ({told_by})
               )",
            name = catalog.name,
            table = catalog.table,
            without = catalog.without,
            rights = catalog.rights,
            definition = catalog.definition,
            only = catalog.only,
            schema = catalog.schema,
            told_by = catalog.told_by,
        )
    });
    let all: Vec<String> = each.chain([OTHERS.to_owned()]).collect();
    format!(
        "select said.* from (
             select array_agg(n.oid) as schemas, (
                 select coalesce(array_agg(r.oid), '{{}}') from pg_class as r
                 where r.relnamespace = any (array_agg(n.oid))
             ) as tables
             from pg_namespace as n
             where n.nspname in ('transfuse', 'information_schema')
                or n.nspname ~ '^pg_'
         ) as hidden, lateral ({}) as said (catalog, number, belongs, print, rights, definition)",
        all.join(" union all ")
    )
}
