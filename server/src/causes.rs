//! Why something failed, in words that are fit for a log and for a terminal.

use std::error::Error;

/// The causes of an error, without the error itself.
///
/// A database quotes the value that it refuses. Where it may have done so, its words are left out
/// and its code stays.
pub fn of(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(words(cause));
        // Beneath lies what the database said, word for word.
        let is_refusal = matches!(cause.downcast_ref(), Some(sqlx::Error::Database(_)));
        next = if is_refusal { None } else { cause.source() };
    }
    causes
}

/// The same in one line.
pub fn line(error: &(dyn Error + 'static)) -> String {
    of(error).join(": ")
}

/// What one error says by itself, if it may be repeated.
pub fn words(cause: &(dyn Error + 'static)) -> String {
    let Some(sqlx::Error::Database(refusal)) = cause.downcast_ref() else {
        return cause.to_string();
    };
    let code = refusal.code().unwrap_or_default();
    if speaks_of_the_server(&code) {
        refusal.message().to_owned()
    } else {
        format!("the database refused with SQLSTATE {code}")
    }
}

/// Whether messages of this SQLSTATE tell of connections, rights, names, disk and memory, and
/// never of what is in a row.
fn speaks_of_the_server(code: &str) -> bool {
    ["08", "28", "3D", "3F", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class))
        || matches!(code, "42501" | "42P01" | "42703" | "42P06" | "42P07")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing;

    #[derive(Debug, thiserror::Error)]
    #[error("copying into person")]
    struct Copying(#[source] sqlx::Error);

    #[tokio::test]
    async fn a_refused_value_is_not_repeated() {
        let database = testbed::postgres().create_database();
        let address = crate::store::Address::parse(database.url()).unwrap();
        let store = crate::store::Store::open(&address).await.unwrap();

        let value = sqlx::query("select cast('secret' || $1 as bigint)")
            .bind("ive")
            .execute(store.pool())
            .await
            .unwrap_err();
        assert_eq!(line(&Copying(value)), "the database refused with SQLSTATE 22P02");

        let name = sqlx::query("select 1 from nowhere").execute(store.pool()).await.unwrap_err();
        assert_eq!(line(&Copying(name)), "relation \"nowhere\" does not exist");
    }

    #[tokio::test]
    async fn other_causes_are_told() {
        testing::on_both(async |store| {
            store.close().await;
            let closed = store.ping().await.unwrap_err();
            assert!(line(&closed).contains("closed"), "{}", line(&closed));
        })
        .await;
    }
}
