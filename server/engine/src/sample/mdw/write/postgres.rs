use shared::connection::Engine;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::sync::mpsc::Receiver;

use super::{Part, failed, next, opening, refuse_if_there};
use crate::error::Result;
use crate::sample::mdw::schema::{TABLES, Table};

/// One transaction holds it all: either the whole sample is there, or nothing.
pub(super) async fn write(url: &str, mut parts: Receiver<Part>) -> Result<()> {
    let mut connection = PgConnection::connect(url).await.map_err(opening(url))?;
    let present: Vec<String> = sqlx::query_scalar(
        "select tablename::text from pg_tables where schemaname = any (current_schemas(false))",
    )
    .fetch_all(&mut connection)
    .await
    .map_err(failed("looking for tables"))?;
    refuse_if_there(&present)?;

    let mut transaction = connection.begin().await.map_err(failed("beginning"))?;
    for table in TABLES {
        execute(&mut transaction, table, table.create(Engine::Postgres)).await?;
    }
    let mut part = next(&mut parts).await?;
    while let Part::Table(table) = part {
        let filling = || failed(format!("filling {}", table.name));
        let statement = format!("copy {} from stdin", table.name);
        let mut copy = transaction.copy_in_raw(&statement).await.map_err(filling())?;
        loop {
            part = next(&mut parts).await?;
            let Part::Rows(rows) = &part else { break };
            copy.send(rows.as_bytes()).await.map_err(filling())?;
        }
        copy.finish().await.map_err(filling())?;
    }
    for table in TABLES {
        for statement in table.finish(Engine::Postgres) {
            execute(&mut transaction, table, statement).await?;
        }
    }
    transaction.commit().await.map_err(failed("committing"))?;
    connection.execute("analyze").await.map_err(failed("counting rows"))?;
    connection.close().await.map_err(failed("closing"))
}

async fn execute(connection: &mut PgConnection, table: &Table, statement: String) -> Result<()> {
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(statement)))
        .await
        .map_err(failed(format!("making {}", table.name)))?;
    Ok(())
}
