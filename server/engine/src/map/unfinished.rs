//! Tables that a run of ours began to fill: they get their keys at its end.

use std::collections::BTreeSet;

use shared::assessment::TableName;
use sqlx::Row as _;

use crate::connect::sqlite;
use crate::connect::{Address, Purpose, classify};
use crate::error::Result;

/// The tables of a target that runs made which are not through.
pub async fn tables_of_unfinished_runs(target_url: &str) -> Result<BTreeSet<TableName>> {
    let names: Vec<String> = match Address::parse(target_url)? {
        Address::Postgres(server) => {
            let mut connection = server.connect(Purpose::Read).await?;
            // Who may not read the ledger does not see its tables here, and can continue no run.
            let known = sqlx::query(
                "select 1 from information_schema.tables
                 where table_schema = 'transfuse' and table_name in ('runs', 'tables')",
            );
            if known.fetch_all(&mut connection).await.map_err(asking)?.len() < 2 {
                return Ok(BTreeSet::new());
            }
            let rows = sqlx::query(
                "select made.target from transfuse.tables as made
                 join transfuse.runs as run using (run_id)
                 where made.made = 1 and run.state not in ('completed', 'rolled_back')",
            );
            let rows = rows.fetch_all(&mut connection).await.map_err(asking)?;
            rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(asking)?
        }
        Address::Sqlite(path) if path.exists() => {
            let mut connection = sqlite::connect(target_url, Purpose::Read).await?;
            let known = sqlx::query(
                "select 1 from sqlite_master
                 where name in ('_transfuse_runs', '_transfuse_tables')",
            );
            if known.fetch_all(&mut connection).await.map_err(asking)?.len() < 2 {
                return Ok(BTreeSet::new());
            }
            let rows = sqlx::query(
                "select made.target from _transfuse_tables as made
                 join _transfuse_runs as run using (run_id)
                 where made.made = 1 and run.state not in ('completed', 'rolled_back')",
            );
            let rows = rows.fetch_all(&mut connection).await.map_err(asking)?;
            rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(asking)?
        }
        Address::Sqlite(_) | Address::Mysql(_) | Address::Csv(_) => Vec::new(),
    };
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

fn asking(error: sqlx::Error) -> crate::error::EngineError {
    classify(error, "asking which tables a run began to fill")
}
