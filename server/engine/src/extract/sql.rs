//! The statements that planning and reading send, put together in the source's own SQL.

use shared::connection::Engine;

use super::{ChunkRange, ReadColumn, TableRead};
use crate::ident;

/// Where rows come from: the table, or the statement that stands in its place.
pub(super) fn from(engine: Engine, read: &TableRead, only: &str) -> String {
    match &read.query {
        Some(query) => {
            // A comment at the statement's end must not swallow what follows.
            format!("({}\n) as transfuse_rows", query.trim().trim_end_matches(';'))
        }
        None => format!("{only}{}", ident::quote_table(engine, &read.table)),
    }
}

/// What a column is read from: its name, or the statement that looks its value up.
pub(super) fn column(engine: Engine, column: &ReadColumn) -> String {
    let Some(lookup) = &column.lookup else { return ident::quote(engine, &column.name) };
    // The names of the inner table are hidden, so that the row's column is the one that is meant.
    format!(
        "(select transfuse_found from (select {} as transfuse_key, {} as transfuse_found from {}) \
         as transfuse_lookup where transfuse_key = {})",
        ident::quote(engine, &lookup.key),
        ident::quote(engine, &lookup.value),
        ident::quote_table(engine, &lookup.table),
        ident::quote(engine, &lookup.by)
    )
}

/// The columns of the key, quoted; for a table without one, those that stand in.
pub(super) fn key(engine: Engine, names: &[String]) -> Vec<String> {
    names.iter().map(|name| ident::quote(engine, name)).collect()
}

/// About how many bytes a row has.
pub(super) fn row_bytes(engine: Engine, read: &TableRead) -> String {
    let columns = read.columns.iter().filter(|column| column.lookup.is_none());
    let parts: Vec<_> = columns
        .map(|column| {
            let name = ident::quote(engine, &column.name);
            match engine {
                Engine::Postgres => format!("coalesce(pg_column_size({name}), 0)"),
                _ => format!("coalesce(length({name}), 0)"),
            }
        })
        .collect();
    if parts.is_empty() { "0".to_owned() } else { parts.join(" + ") }
}

/// ` where …` for rows whose key comes after the one and not after the other.
pub(super) fn between(
    engine: Engine,
    key: &[String],
    after: Option<&[String]>,
    to: Option<&[String]>,
) -> String {
    let mut conditions = Vec::new();
    if let Some(after) = after {
        conditions.push(beyond(engine, key, after));
    }
    if let Some(to) = to {
        conditions.push(up_to(engine, key, to));
    }
    if conditions.is_empty() {
        String::new()
    } else {
        format!(" where {}", conditions.join(" and "))
    }
}

/// ` where …` and ` order by …` for a range of keys; none for other kinds of ranges.
pub(super) fn range(engine: Engine, key: &[String], range: &ChunkRange) -> Option<String> {
    let ChunkRange::Keys { after, to } = range else { return None };
    let condition = between(engine, key, after.as_deref(), to.as_deref());
    Some(format!("{condition} order by {}", key.join(", ")))
}

/// Whether the row passes the plan's filter, as the last column of what is read.
pub(super) fn filter(read: &TableRead) -> Option<String> {
    read.filter.as_ref().map(|filter| format!("(({filter}\n) is true)"))
}

fn beyond(engine: Engine, key: &[String], bounds: &[String]) -> String {
    match (engine, key, bounds) {
        (_, [key], [bound]) => format!("{key} > {bound}"),
        (Engine::Mysql, ..) => cascade(key, bounds, '>', ""),
        _ => format!("({}) > ({})", key.join(", "), bounds.join(", ")),
    }
}

fn up_to(engine: Engine, key: &[String], bounds: &[String]) -> String {
    match (engine, key, bounds) {
        (_, [key], [bound]) => format!("{key} <= {bound}"),
        (Engine::Mysql, ..) => cascade(key, bounds, '<', "="),
        _ => format!("({}) <= ({})", key.join(", "), bounds.join(", ")),
    }
}

/// MySQL finds a range in its index only when the comparison of rows is written out.
fn cascade(key: &[String], bounds: &[String], operator: char, last: &str) -> String {
    let Some(((first, rest), (bound, bounds))) = key.split_first().zip(bounds.split_first()) else {
        return "true".to_owned();
    };
    if rest.is_empty() {
        return format!("{first} {operator}{last} {bound}");
    }
    let inner = cascade(rest, bounds, operator, last);
    format!(
        "({first} {operator}= {bound} and ({first} {operator} {bound} or ({first} = {bound} and {inner})))"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn a_range_of_composite_keys_is_one_comparison_of_rows() {
        let (key, low, high) = (owned(&["a", "b"]), owned(&["1", "2"]), owned(&["3", "4"]));

        assert_eq!(
            between(Engine::Postgres, &key, Some(&low), Some(&high)),
            " where (a, b) > (1, 2) and (a, b) <= (3, 4)"
        );
        assert_eq!(
            between(Engine::Mysql, &key, Some(&low), None),
            " where (a >= 1 and (a > 1 or (a = 1 and b > 2)))"
        );
        assert_eq!(
            between(Engine::Mysql, &key, None, Some(&high)),
            " where (a <= 3 and (a < 3 or (a = 3 and b <= 4)))"
        );
    }
}
