//! What a table asks of each row by itself, asked of all rows of a piece at once.
//!
//! COPY ends at the first row that breaks a condition, and takes back what came in with it: where many
//! rows break one, the same rows go to the server again and again. `COPY … WHERE` looks at every row
//! and keeps only those that it is told to keep.

use std::collections::BTreeSet;

use shared::assessment::TableName;
use shared::connection::Engine;
use shared::error_code::ErrorCode;

use super::{Fault, NO_NULL, broken_constraint};
use crate::ident;
use crate::load::LoadTable;

/// The conditions of one table, in the order in which the target looks at them.
#[derive(Debug)]
pub(super) struct Conditions(Vec<Condition>);

/// What is known of the conditions of a table.
#[derive(Debug, Default)]
pub(super) enum Known {
    #[default]
    Nothing,
    Them(Conditions),
    /// They cannot be asked of rows that are not in the table.
    Unusable,
}

#[derive(Debug)]
struct Condition {
    /// An expression that is true for the rows that break it.
    broken: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Of this column.
    NotNull(String),
    /// Of this name.
    Check(String),
}

/// Asks for a kind, a name, an expression and the columns in it. Nothing comes of a table of which it
/// cannot be said beforehand what its conditions are asked of: triggers may change a row first, and
/// partitions have conditions of their own. Functions that may look at tables are left to COPY too:
/// what they say depends on the rows that are in by then.
pub(super) fn question(table: &TableName) -> String {
    let table = ident::quote_table(Engine::Postgres, table);
    let table = ident::literal(Engine::Postgres, &table);
    format!(
        "with plain as (
           select oid from pg_class
           where oid = {table}::regclass and relkind = 'r' and not exists (
             select from pg_trigger
             where tgrelid = pg_class.oid and not tgisinternal and tgenabled <> 'D'
               and tgtype::integer & 7 = 7))
         select kind, name::text, expression, columns from (
           select 'not null' as kind, attnum::integer as place, attname as name,
                  null as expression, json_build_array(attname)::text as columns
           from pg_attribute join plain on attrelid = plain.oid
           where attnum > 0 and attnotnull and not attisdropped
           union all
           select 'check', 0, conname, pg_get_expr(conbin, conrelid),
                  (select json_agg(attname)::text from pg_attribute
                   where attrelid = conrelid and attnum = any (conkey))
           from pg_constraint join plain on conrelid = plain.oid
           where contype = 'c'
             and not exists (
               select from pg_depend join pg_proc on pg_proc.oid = refobjid
               where classid = 'pg_constraint'::regclass and objid = pg_constraint.oid
                 and refclassid = 'pg_proc'::regclass and provolatile <> 'i')
             and coalesce((to_jsonb(pg_constraint) ->> 'conenforced')::boolean, true)) as all_of_them
         order by kind = 'check', place, name"
    )
}

impl Conditions {
    /// Those of the answer whose columns are all loaded.
    pub(super) fn of(table: &LoadTable, answer: Vec<Vec<Option<String>>>) -> Known {
        let loaded: BTreeSet<&str> =
            table.columns.iter().map(|column| column.name.as_str()).collect();
        let conditions: Vec<Condition> = answer
            .into_iter()
            .filter_map(|row| {
                let mut cells = row.into_iter();
                let mut next = || cells.next().flatten();
                let (kind, name, expression, columns) = (next()?, next()?, next(), next()?);
                let columns: Vec<String> = serde_json::from_str(&columns).ok()?;
                columns.iter().all(|column| loaded.contains(column.as_str())).then_some(())?;
                Some(match (kind.as_str(), expression) {
                    ("not null", _) => Condition {
                        broken: format!("{} is null", ident::quote(Engine::Postgres, &name)),
                        kind: Kind::NotNull(name),
                    },
                    (_, expression) => Condition {
                        // Not `not`: see `is_of_the_question`.
                        broken: format!("({}) is false", expression?),
                        kind: Kind::Check(name),
                    },
                })
            })
            .collect();
        if conditions.is_empty() { Known::Unusable } else { Known::Them(Self(conditions)) }
    }

    /// True for a row that breaks one of them.
    pub(super) fn any_broken(&self) -> String {
        let all: Vec<&str> = self.0.iter().map(|condition| condition.broken.as_str()).collect();
        all.join(" or ")
    }

    /// Which is the first that a row breaks, for [`Self::fault`].
    pub(super) fn first_broken(&self) -> String {
        let cases = self.0.iter().enumerate();
        let cases: Vec<String> = cases
            .map(|(place, condition)| format!("when {} then {place}", condition.broken))
            .collect();
        format!("case {} end", cases.join(" "))
    }

    /// What the target would have said of the row.
    pub(super) fn fault(&self, place: usize) -> Option<Fault> {
        let (code, column, reason) = match &self.0.get(place)?.kind {
            Kind::NotNull(column) => (ErrorCode::Data004, Some(column.clone()), NO_NULL.to_owned()),
            Kind::Check(name) => (ErrorCode::Data010, None, broken_constraint(name)),
        };
        Some(Fault { line: None, code, column, reason })
    }
}
