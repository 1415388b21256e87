//! A check as one statement: violated and denominator, in each engine's SQL.

use chrono::{Days, NaiveDate};
use shared::assessment::TableName;
use shared::clinical::{Bound, Join, Test};
use shared::connection::Engine;

use super::form;
use crate::ident::{literal, quote};

/// Where the tables of a check are, and how they are asked.
pub(super) struct Asking<'a> {
    pub(super) engine: Engine,
    /// What stands behind `from` for a table.
    pub(super) from: &'a dyn Fn(&TableName) -> String,
    pub(super) today: NaiveDate,
}

impl Asking<'_> {
    /// The statement of a check, which answers with one row of two numbers. None for what the
    /// catalog knows.
    pub(super) fn statement(&self, table: &TableName, asked: &Test) -> Option<String> {
        let from = format!("{} t", (self.from)(table));
        let col = |name: &str| self.column("t", name);
        Some(match asked {
            Test::TablePresent {} | Test::ColumnPresent { .. } => return None,
            Test::Required { column } => counted(&from, "1 = 1", &self.is_null("t", column)),
            Test::Filled { column } => counted(&from, "1 = 1", &self.is_blank("t", column)),
            Test::Form { column, form } => {
                let text = self.text("t", column);
                let holds = form::holds(self.engine, &text, *form);
                counted(&from, &self.is_there("t", column), &format!("not {holds}"))
            }
            Test::OneOf { column, values } => {
                let listed = self.list(values);
                let text = self.text("t", column);
                counted(&from, &self.is_there("t", column), &format!("{text} not in ({listed})"))
            }
            Test::Unique { columns } => {
                let names: Vec<String> = columns.iter().map(|name| col(name)).collect();
                format!(
                    "select coalesce(sum(n - 1), 0), coalesce(sum(n), 0)
                     from (select count(*) as n from {from} where {} group by {}) g",
                    self.all_there("t", columns),
                    names.join(", ")
                )
            }
            Test::Reference { columns, to, to_columns } => {
                let there = self.there_in(to, columns, to_columns);
                counted(&from, &self.all_there("t", columns), &format!("not {there}"))
            }
            Test::HasRecord { columns, other, other_columns } => {
                let there = self.there_in(other, columns, other_columns);
                counted(&from, &self.all_there("t", columns), &format!("not {there}"))
            }
            Test::Together { columns } => {
                let filled: Vec<String> = columns
                    .iter()
                    .map(|name| format!("not ({})", self.is_blank("t", name)))
                    .collect();
                let (any, all) = (filled.join(" or "), filled.join(" and "));
                counted(&from, &format!("({any})"), &format!("not ({all})"))
            }
            Test::Mapped { column, raw, unmapped } => {
                let about = raw.as_ref().map_or_else(
                    || "1 = 1".to_owned(),
                    |raw| format!("not ({})", self.is_blank("t", raw)),
                );
                counted(&from, &about, &self.is_unmapped(column, unmapped))
            }
            Test::MappedValues { column, raw, unmapped } => format!(
                "select coalesce(sum(bad), 0), count(*)
                 from (select max(case when {} then 1 else 0 end) as bad
                       from {from} where not ({}) group by {}) g",
                self.is_unmapped(column, unmapped),
                self.is_blank("t", raw),
                col(raw)
            ),
            // The other side's number is held against it.
            Test::Kept { column } => {
                counted(&from, &format!("not ({})", self.is_blank("t", column)), "1 = 0")
            }
            Test::KeptApart { column } => format!(
                "select 0, count(distinct {}) from {from} where not ({})",
                col(column),
                self.is_blank("t", column)
            ),
            Test::Range { .. }
            | Test::InOrder { .. }
            | Test::Within { .. }
            | Test::NoOverlap { .. }
            | Test::Implies { .. } => return self.plausibility(from, asked),
        })
    }

    /// What can be true, of the rows of a table.
    fn plausibility(&self, from: String, asked: &Test) -> Option<String> {
        let col = |name: &str| self.column("t", name);
        Some(match asked {
            Test::Range { column, min, max } => {
                let low = min
                    .iter()
                    .map(|min| format!("{} < {}", self.measured(column, min), self.lowest(min)));
                let high = max
                    .iter()
                    .map(|max| format!("{} {}", self.measured(column, max), self.beyond(max)));
                let outside: Vec<String> = low.chain(high).collect();
                counted(&from, &self.is_there("t", column), &outside.join(" or "))
            }
            Test::InOrder { first, then } => {
                let both = self.all_there("t", [first, then]);
                counted(&from, &both, &format!("{} > {}", col(first), col(then)))
            }
            Test::Within { column, at, not_before, not_after, days } => {
                let on = self.day("t", column);
                let bounds: Vec<&String> = not_before.iter().chain(not_after).collect();
                let known: Vec<String> =
                    bounds.iter().map(|name| self.is_there("p", name)).collect();
                let early = not_before.iter().map(|name| {
                    format!("{on} < {}", self.moved(&self.day("p", name), -i32::from(*days)))
                });
                let late = not_after.iter().map(|name| {
                    format!("{on} > {}", self.moved(&self.day("p", name), i32::from(*days)))
                });
                let outside: Vec<String> = early.chain(late).collect();
                let about = format!("{} and ({})", self.is_there("t", column), known.join(" or "));
                counted(&self.joined(&from, at), &about, &outside.join(" or "))
            }
            Test::NoOverlap { columns, start, end } => {
                let names: Vec<String> = columns.iter().map(|name| col(name)).collect();
                let (start, end) = (col(start), col(end));
                // An end that is open lies after everything.
                format!(
                    "select coalesce(sum(case when last_end > start_at then 1 else 0 end), 0), count(*)
                     from (select {start} as start_at,
                                  max(coalesce({end}, '9999-12-31')) over (
                                      partition by {} order by {start}, {end}
                                      rows between unbounded preceding and 1 preceding) as last_end
                           from {from} where {start} is not null) g",
                    names.join(", ")
                )
            }
            Test::Implies { column, values, prefixes, then, allowed, at } => {
                let (from, side) = match at {
                    Some(at) => (self.joined(&from, at), "p"),
                    None => (from, "t"),
                };
                let code = self.text("t", column);
                let listed =
                    (!values.is_empty()).then(|| format!("{code} in ({})", self.list(values)));
                let begins = prefixes.iter().map(|prefix| {
                    let length = prefix.chars().count();
                    let begin = self.literal(prefix);
                    format!("substr({code}, 1, {length}) = {begin}")
                });
                let which: Vec<String> = listed.into_iter().chain(begins).collect();
                let about = format!("({}) and {}", which.join(" or "), self.is_there(side, then));
                let other = self.text(side, then);
                counted(&from, &about, &format!("{other} not in ({})", self.list(allowed)))
            }
            _ => return None,
        })
    }

    fn column(&self, side: &str, name: &str) -> String {
        format!("{side}.{}", quote(self.engine, name))
    }

    /// The value as a text, in which letters are told apart by their case.
    fn text(&self, side: &str, name: &str) -> String {
        let column = self.column(side, name);
        match self.engine {
            Engine::Mysql => {
                format!("convert(cast({column} as char) using utf8mb4) collate utf8mb4_bin")
            }
            Engine::Postgres | Engine::Sqlite | Engine::Csv => format!("cast({column} as text)"),
        }
    }

    fn literal(&self, text: &str) -> String {
        literal(self.engine, text)
    }

    fn list(&self, values: &[String]) -> String {
        values.iter().map(|value| self.literal(value)).collect::<Vec<_>>().join(", ")
    }

    fn is_null(&self, side: &str, name: &str) -> String {
        format!("{} is null", self.column(side, name))
    }

    fn is_there(&self, side: &str, name: &str) -> String {
        format!("{} is not null", self.column(side, name))
    }

    fn all_there<'c>(&self, side: &str, names: impl IntoIterator<Item = &'c String>) -> String {
        let names = names.into_iter().map(|name| self.is_there(side, name));
        names.collect::<Vec<_>>().join(" and ")
    }

    /// Null, or a text of nothing but blanks.
    fn is_blank(&self, side: &str, name: &str) -> String {
        format!("{} or trim({}) = ''", self.is_null(side, name), self.text(side, name))
    }

    fn is_unmapped(&self, column: &str, unmapped: &[String]) -> String {
        let null = self.is_null("t", column);
        if unmapped.is_empty() {
            return null;
        }
        format!("{null} or {} in ({})", self.text("t", column), self.list(unmapped))
    }

    /// Whether the other table has a row for this one.
    fn there_in(&self, other: &TableName, columns: &[String], others: &[String]) -> String {
        let same = self.same(columns, others);
        format!("exists (select 1 from {} p where {same})", (self.from)(other))
    }

    fn joined(&self, from: &str, at: &Join) -> String {
        let other = (self.from)(&at.table);
        format!("{from} join {other} p on {}", self.same(&at.columns, &at.to_columns))
    }

    fn same(&self, columns: &[String], others: &[String]) -> String {
        let pairs = columns.iter().zip(others);
        let pairs = pairs
            .map(|(own, other)| format!("{} = {}", self.column("t", own), self.column("p", other)));
        pairs.collect::<Vec<_>>().join(" and ")
    }

    /// The value as a bound is held against it. SQLite keeps exact numbers as texts.
    fn measured(&self, column: &str, bound: &Bound) -> String {
        let name = self.column("t", column);
        match (self.engine, bound) {
            (Engine::Sqlite, Bound::Number(_)) => format!("cast({name} as real)"),
            _ => name,
        }
    }

    fn lowest(&self, bound: &Bound) -> String {
        match (bound, bound.day(self.today)) {
            (Bound::Number(number), _) => number.to_string(),
            (Bound::Text(_), Some(day)) => self.literal(&day.to_string()),
            (Bound::Text(text), None) => self.literal(text),
        }
    }

    /// A day is over when the next begins, whatever the hour.
    fn beyond(&self, bound: &Bound) -> String {
        match (bound, bound.day(self.today)) {
            (Bound::Text(_), Some(day)) => {
                let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
                format!(">= {}", self.literal(&next.to_string()))
            }
            _ => format!("> {}", self.lowest(bound)),
        }
    }

    fn day(&self, side: &str, name: &str) -> String {
        let column = self.column(side, name);
        match self.engine {
            Engine::Postgres => format!("cast({column} as date)"),
            Engine::Mysql | Engine::Sqlite | Engine::Csv => format!("date({column})"),
        }
    }

    fn moved(&self, day: &str, days: i32) -> String {
        match self.engine {
            _ if days == 0 => day.to_owned(),
            Engine::Postgres => format!("({day} + ({days}))"),
            Engine::Mysql => format!("date_add({day}, interval {days} day)"),
            Engine::Sqlite | Engine::Csv => format!("date({day}, '{days} days')"),
        }
    }
}

fn counted(from: &str, about: &str, violates: &str) -> String {
    format!(
        "select coalesce(sum(case when {violates} then 1 else 0 end), 0), count(*)
         from {from} where {about}"
    )
}
