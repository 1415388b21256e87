use shared::connection::Engine;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use tokio::sync::mpsc::Receiver;

use super::{Part, failed, next, opening, refuse_if_there};
use crate::error::Result;
use crate::sample::mdw::schema::TABLES;

/// One transaction holds it all: either the whole sample is there, or nothing.
pub(super) async fn write(url: &str, mut parts: Receiver<Part>) -> Result<()> {
    let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(false)
        .synchronous(SqliteSynchronous::Off)
        .connect()
        .await
        .map_err(opening(url))?;
    let present: Vec<String> =
        sqlx::query_scalar("select name from sqlite_master where type = 'table'")
            .fetch_all(&mut connection)
            .await
            .map_err(opening(url))?;
    refuse_if_there(&present)?;

    let mut transaction = connection.begin().await.map_err(failed("beginning"))?;
    for table in TABLES {
        execute(&mut transaction, table.name, table.create(Engine::Sqlite)).await?;
    }
    let mut filling = "";
    loop {
        match next(&mut parts).await? {
            Part::Done => break,
            Part::Table(table) => filling = table.name,
            Part::Rows(rows) => execute(&mut transaction, filling, rows).await?,
        }
    }
    for table in TABLES {
        for statement in table.finish(Engine::Sqlite) {
            execute(&mut transaction, table.name, statement).await?;
        }
    }
    transaction.commit().await.map_err(failed("committing"))?;
    connection.execute("analyze").await.map_err(failed("counting rows"))?;
    connection.close().await.map_err(failed("closing"))
}

async fn execute(connection: &mut SqliteConnection, table: &str, statement: String) -> Result<()> {
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(statement)))
        .await
        .map_err(failed(format!("writing {table}")))?;
    Ok(())
}
