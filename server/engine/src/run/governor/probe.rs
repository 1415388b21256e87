//! Asks a source what its users would ask, to see how long it takes.

use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::connect::{Purpose, Source, classify};
use crate::error::Result;

/// A connection of its own: those that read are busy.
pub(super) enum Probe {
    Postgres {
        connection: PgConnection,
        statement: String,
    },
    Mysql {
        connection: MySqlConnection,
        statement: String,
    },
    /// A file is read by its own process: nobody waits behind the run.
    File,
}

impl Probe {
    pub(super) async fn open(source: &Source, statement: Option<&str>) -> Result<Self> {
        let statement = statement.unwrap_or("select 1").to_owned();
        Ok(match source {
            Source::Postgres(server) => {
                Self::Postgres { connection: server.connect(Purpose::Read).await?, statement }
            }
            Source::Mysql(server) => {
                Self::Mysql { connection: server.connect(Purpose::Read).await?, statement }
            }
            Source::Sqlite(_) | Source::Csv(_) => Self::File,
        })
    }

    /// Comes when the source has answered.
    pub(super) async fn ask(&mut self) -> Result<()> {
        let answered = match self {
            Self::Postgres { connection, statement } => {
                let statement = sqlx::raw_sql(AssertSqlSafe(statement.clone()));
                connection.execute(statement).await.map(drop)
            }
            Self::Mysql { connection, statement } => {
                let statement = sqlx::raw_sql(AssertSqlSafe(statement.clone()));
                connection.execute(statement).await.map(drop)
            }
            Self::File => Ok(()),
        };
        answered.map_err(|error| classify(error, "asking the source how it is"))
    }
}
