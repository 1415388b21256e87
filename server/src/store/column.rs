//! Reads columns of a row as what they mean.

use std::error::Error as StdError;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::run::Failure;
use sqlx::Row as _;
use sqlx::any::AnyRow;

type Result<T> = std::result::Result<T, sqlx::Error>;

pub(super) fn text(row: &AnyRow, column: &str) -> Result<String> {
    row.try_get(column)
}

pub(super) fn optional_text(row: &AnyRow, column: &str) -> Result<Option<String>> {
    row.try_get(column)
}

/// A text that means something: an id, the name of a state.
pub(super) fn parsed<T>(row: &AnyRow, column: &str) -> Result<T>
where
    T: FromStr<Err: StdError + Send + Sync + 'static>,
{
    text(row, column)?.parse().map_err(|error| unreadable(column, error))
}

pub(super) fn optional_parsed<T>(row: &AnyRow, column: &str) -> Result<Option<T>>
where
    T: FromStr<Err: StdError + Send + Sync + 'static>,
{
    optional_text(row, column)?
        .map(|text| text.parse().map_err(|error| unreadable(column, error)))
        .transpose()
}

/// A text that one of our own tables of names explains.
pub(super) fn named<T>(
    row: &AnyRow,
    column: &str,
    from_name: impl Fn(&str) -> Option<T>,
) -> Result<T> {
    from_name(&text(row, column)?).ok_or_else(|| unreadable(column, "an unknown name"))
}

pub(super) fn optional_named<T>(
    row: &AnyRow,
    column: &str,
    from_name: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>> {
    optional_text(row, column)?
        .map(|name| from_name(&name).ok_or_else(|| unreadable(column, "an unknown name")))
        .transpose()
}

/// A document that was written as JSON.
pub(super) fn json<T: serde::de::DeserializeOwned>(row: &AnyRow, column: &str) -> Result<T> {
    serde_json::from_str(&text(row, column)?).map_err(|error| unreadable(column, error))
}

pub(super) fn optional_json<T: serde::de::DeserializeOwned>(
    row: &AnyRow,
    column: &str,
) -> Result<Option<T>> {
    optional_text(row, column)?
        .map(|text| serde_json::from_str(&text).map_err(|error| unreadable(column, error)))
        .transpose()
}

pub(super) fn number<T: TryFrom<i64>>(row: &AnyRow, column: &str) -> Result<T> {
    let number: i64 = row.try_get(column)?;
    T::try_from(number).map_err(|_| unreadable(column, "a number out of range"))
}

pub(super) fn real(row: &AnyRow, column: &str) -> Result<f64> {
    row.try_get(column)
}

pub(super) fn optional_number(row: &AnyRow, column: &str) -> Result<Option<i64>> {
    row.try_get(column)
}

pub(super) fn time(row: &AnyRow, column: &str) -> Result<DateTime<Utc>> {
    from_micros(column, row.try_get(column)?)
}

pub(super) fn optional_time(row: &AnyRow, column: &str) -> Result<Option<DateTime<Utc>>> {
    optional_number(row, column)?.map(|micros| from_micros(column, micros)).transpose()
}

/// The columns `id` and `run_id`: what was found, and the run that it is about.
pub(super) fn with_run<T>(row: &AnyRow) -> Result<(T, RunId)>
where
    T: FromStr<Err: StdError + Send + Sync + 'static>,
{
    Ok((parsed(row, "id")?, parsed(row, "run_id")?))
}

/// Why something failed, from the two columns that say so where it did.
pub(super) fn failure(row: &AnyRow) -> Result<Option<Failure>> {
    let Some(code) = optional_named(row, "failure_code", ErrorCode::from_name)? else {
        return Ok(None);
    };
    Ok(Some(Failure { code, message: text(row, "failure_message")? }))
}

pub(super) fn unreadable(
    column: &str,
    why: impl Into<Box<dyn StdError + Send + Sync>>,
) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: why.into() }
}

fn from_micros(column: &str, micros: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| unreadable(column, "not a time"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing;

    #[tokio::test]
    async fn a_column_that_does_not_say_what_it_should_is_an_error_and_no_panic() {
        testing::on_both(async |store| {
            let row = sqlx::query("select 'x' as word, cast(-1 as bigint) as number")
                .fetch_one(store.pool())
                .await
                .unwrap();

            assert!(number::<u32>(&row, "number").is_err());
            assert!(json::<u32>(&row, "word").is_err());
            assert!(named(&row, "word", |_| None::<u32>).is_err());
            assert!(time(&row, "word").is_err());
            assert!(text(&row, "missing").is_err());
        })
        .await;
    }
}
