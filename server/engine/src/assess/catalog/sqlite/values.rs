//! SQLite does not keep values to what their columns declare: what is there decides.

use shared::assessment::{Catalog, Column, Table};
use shared::connection::Engine;
use shared::data_type::DataType;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row};

use crate::connect::classify;
use crate::error::Result;
use crate::ident;

/// Changes proposed types so that they hold the values that are there.
pub(crate) async fn fit_to_values(
    connection: &mut SqliteConnection,
    catalog: &mut Catalog,
) -> Result<()> {
    for table in &mut catalog.tables {
        fit_table(connection, table)
            .await
            .map_err(|error| classify(error, format!("looking at the values of {}", table.name)))?;
    }
    Ok(())
}

/// Asks all columns at once whether any value does not fit, and only then looks closer.
async fn fit_table(
    connection: &mut SqliteConnection,
    table: &mut Table,
) -> Result<(), sqlx::Error> {
    let from = ident::quote_table(Engine::Sqlite, &table.name);
    let mut asked = Vec::new();
    let mut questions = Vec::new();
    for (place, column) in table.columns.iter().enumerate() {
        let name = ident::quote(Engine::Sqlite, &column.name);
        if depends_on_values(column) {
            asked.push((place, Question::Unfit));
            let fit = is_fit(&column.data_type, &name);
            questions.push(format!("count(*) filter (where {name} is not null and not ({fit}))"));
        }
        if column.nullable && table.primary_key.contains(&column.name) {
            asked.push((place, Question::Nulls));
            questions.push(format!("count(*) filter (where {name} is null)"));
        }
    }
    if questions.is_empty() {
        return Ok(());
    }
    let statement = format!("select {} from {from}", questions.join(", "));
    let answers = sqlx::query(AssertSqlSafe(statement)).fetch_one(&mut *connection).await?;
    for (index, (place, question)) in asked.into_iter().enumerate() {
        let count: i64 = answers.try_get(index)?;
        let column = &mut table.columns[place];
        match question {
            Question::Nulls => column.nullable = count > 0,
            Question::Unfit if count == 0 && column.data_type != DataType::Bytea => {}
            Question::Unfit => {
                let found = look_closer(connection, &from, &column.name, count).await?;
                let fitting = found.fitting(&column.data_type);
                if fitting != column.data_type {
                    column.data_type = fitting;
                    column.default_left |= column.default.is_some();
                    column.default = None;
                }
            }
        }
    }
    Ok(())
}

enum Question {
    /// How many values do not fit the declared type.
    Unfit,
    /// How many rows lack this part of their key.
    Nulls,
}

/// How many values of a column there are of each kind.
struct Found {
    all: i64,
    integers: i64,
    reals: i64,
    unfit: i64,
}

async fn look_closer(
    connection: &mut SqliteConnection,
    from: &str,
    column: &str,
    unfit: i64,
) -> Result<Found, sqlx::Error> {
    let name = ident::quote(Engine::Sqlite, column);
    let statement = format!(
        "select count({name}), count(*) filter (where typeof({name}) = 'integer'), \
         count(*) filter (where typeof({name}) = 'real') from {from}"
    );
    let (all, integers, reals) =
        sqlx::query_as(AssertSqlSafe(statement)).fetch_one(connection).await?;
    Ok(Found { all, integers, reals, unfit })
}

impl Found {
    fn fitting(&self, declared: &DataType) -> DataType {
        let are_numbers = self.integers + self.reals == self.all;
        match declared {
            DataType::Bytea if self.all == 0 => DataType::Text,
            _ if self.unfit == 0 => declared.clone(),
            // Some dates that are none are the quarantine's business, a column of them is not.
            DataType::Date | DataType::Time | DataType::Timestamp | DataType::TimestampTz
                if self.integers + self.reals == 0 && self.unfit * 2 < self.all =>
            {
                declared.clone()
            }
            DataType::Numeric(Some(_)) if are_numbers => DataType::Numeric(None),
            _ if self.integers == self.all => DataType::BigInt,
            _ if are_numbers => DataType::Double,
            _ => DataType::Text,
        }
    }
}

fn depends_on_values(column: &Column) -> bool {
    match &column.data_type {
        DataType::Boolean
        | DataType::Varchar(Some(_))
        | DataType::Numeric(Some(_))
        | DataType::Date
        | DataType::Time
        | DataType::Timestamp
        | DataType::TimestampTz
        | DataType::Uuid
        | DataType::Json
        | DataType::Jsonb => true,
        // Without a declared type a column holds anything.
        DataType::Bytea => {
            let native = column.native_type.trim();
            native.is_empty() || native.eq_ignore_ascii_case("any")
        }
        _ => false,
    }
}

/// A condition that is true of values that the type holds.
fn is_fit(data_type: &DataType, name: &str) -> String {
    match data_type {
        DataType::Boolean => {
            format!("typeof({name}) <> 'real' and lower({name}) in ('0', '1', 'true', 'false')")
        }
        DataType::Varchar(Some(length)) => {
            format!("typeof({name}) <> 'blob' and length({name}) <= {length}")
        }
        DataType::Numeric(Some((precision, scale))) => {
            let whole = precision.saturating_sub(u16::try_from(*scale).unwrap_or(0));
            format!(
                "typeof({name}) in ('integer', 'real') and abs({name}) < 1e{whole} \
                 and round({name}, {scale}) = {name}"
            )
        }
        DataType::Date => format!("typeof({name}) = 'text' and {name} glob '{DATE}*'"),
        DataType::Timestamp | DataType::TimestampTz => {
            format!("typeof({name}) = 'text' and {name} glob '{DATE}*'")
        }
        DataType::Time => {
            format!("typeof({name}) = 'text' and {name} glob '[0-2][0-9]:[0-5][0-9]*'")
        }
        DataType::Uuid => format!(
            "typeof({name}) = 'text' and length({name}) in (32, 36, 38) \
             or typeof({name}) = 'blob' and length({name}) = 16"
        ),
        DataType::Json | DataType::Jsonb => {
            format!("typeof({name}) = 'text' and json_valid({name})")
        }
        DataType::Bytea => format!("typeof({name}) = 'blob'"),
        _ => "true".to_owned(),
    }
}

const DATE: &str = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]";
