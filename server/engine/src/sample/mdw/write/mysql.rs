use shared::connection::Engine;
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::sync::mpsc::Receiver;

use super::{Part, failed, next, opening, refuse_if_there};
use crate::error::Result;
use crate::sample::mdw::schema::TABLES;

/// Rows between two commits, in buffers: large enough for speed, small enough for the undo log.
const BUFFERS_PER_COMMIT: usize = 64;

/// Tables cannot be made within a transaction here, so a failure takes back what was made.
pub(super) async fn write(url: &str, parts: Receiver<Part>) -> Result<()> {
    let mut connection = MySqlConnection::connect(url).await.map_err(opening(url))?;
    let present: Vec<String> = sqlx::query_scalar(
        "select cast(table_name as char) from information_schema.tables \
         where table_schema = database()",
    )
    .fetch_all(&mut connection)
    .await
    .map_err(failed("looking for tables"))?;
    refuse_if_there(&present)?;

    let written = fill(&mut connection, parts).await;
    if written.is_err() {
        for table in TABLES.iter().rev() {
            let drop = format!("drop table if exists {}", table.name);
            if execute(&mut connection, table.name, drop).await.is_err() {
                // The first failure is the one to report.
                break;
            }
        }
    }
    written?;
    connection.close().await.map_err(failed("closing"))
}

async fn fill(connection: &mut MySqlConnection, mut parts: Receiver<Part>) -> Result<()> {
    execute(
        connection,
        "the session",
        "set session sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES', time_zone = '+00:00', \
         foreign_key_checks = 0, unique_checks = 0"
            .to_owned(),
    )
    .await?;
    for table in TABLES {
        execute(connection, table.name, table.create(Engine::Mysql)).await?;
    }
    execute(connection, "the session", "set session autocommit = 0".to_owned()).await?;
    let mut filling = "";
    let mut buffers = 0;
    loop {
        match next(&mut parts).await? {
            Part::Done => break,
            Part::Table(table) => filling = table.name,
            Part::Rows(rows) => {
                execute(connection, filling, rows).await?;
                buffers += 1;
                if buffers % BUFFERS_PER_COMMIT == 0 {
                    execute(connection, filling, "commit".to_owned()).await?;
                }
            }
        }
    }
    execute(connection, filling, "commit".to_owned()).await?;
    for table in TABLES {
        for statement in table.finish(Engine::Mysql) {
            execute(connection, table.name, statement).await?;
        }
    }
    let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    execute(connection, "statistics", format!("analyze table {}", names.join(", "))).await
}

async fn execute(connection: &mut MySqlConnection, table: &str, statement: String) -> Result<()> {
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(statement)))
        .await
        .map_err(failed(format!("writing {table}")))?;
    Ok(())
}
