//! Tries a connection step by step, and says at the first that fails what to do about it.

use std::error::Error as _;
use std::future::Future;
use std::time::Instant;

use shared::connection::{ConnectionTest, Engine, Role, TestStep};
use shared::error_code::ErrorCode;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::csv::{CsvAddress, CsvFolder};
use super::mysql::{MysqlServer, ask, version};
use super::postgres::{PostgresServer, no_answer};
use super::sqlite::{SqliteFile, quiet};
use super::{Address, Purpose, REACH_TIMEOUT, classify};
use crate::error::{EngineError, Result};

/// Reaches the database, signs in, opens it, and looks at the rights that the role needs.
/// Nothing is written.
pub async fn probe(url: &str, role: Role) -> ConnectionTest {
    let mut steps = Steps::default();
    let passed = run(&mut steps, url, role).await.is_some();
    ConnectionTest { passed, server: steps.server, steps: steps.done }
}

/// Each step is noted; the first that fails ends the probe.
async fn run(steps: &mut Steps, url: &str, role: Role) -> Option<()> {
    let address =
        steps.attempt("read the URL", async { understood(url, role) }, |_| "understood".to_owned());
    match address.await? {
        Address::Postgres(server) => of_postgres(steps, &server, role).await,
        Address::Mysql(server) => of_mysql(steps, &server).await,
        Address::Sqlite(path) => match role {
            Role::Source => of_sqlite_source(steps, path).await,
            Role::Target => of_sqlite_target(steps, &path).await,
        },
        Address::Csv(address) => of_csv(steps, address).await,
    }
}

fn understood(url: &str, role: Role) -> Result<Address> {
    let address = Address::parse(url)?;
    let engine = Engine::of_url(url);
    if role == Role::Target && !engine.is_some_and(Engine::can_be_target) {
        return Err(EngineError::new(ErrorCode::Conn006, "reading the database URL")
            .because("a database of this kind can be read but not written to"));
    }
    Ok(address)
}

async fn of_postgres(steps: &mut Steps, server: &PostgresServer, role: Role) -> Option<()> {
    steps
        .attempt("reach the server", reach(server.host_and_port()), |()| {
            "something answers there".to_owned()
        })
        .await?;
    let purpose = if role == Role::Source { Purpose::Read } else { Purpose::Write };
    let mut connection = steps
        .attempt("sign in and open the database", server.connect(purpose), |_| {
            format!("signed in to {server}")
        })
        .await?;
    steps.server = steps
        .attempt("ask for the version", postgres_version(&mut connection), Clone::clone)
        .await
        .map(Some)?;
    match role {
        Role::Source => {
            steps
                .attempt("check the right to read", postgres_source(&mut connection), |tables| {
                    readable(*tables)
                })
                .await?;
        }
        Role::Target => {
            steps
                .attempt("check the right to create", postgres_target(&mut connection), |()| {
                    "the user may create schemas, and tables in `public`".to_owned()
                })
                .await?;
        }
    }
    Some(())
}

async fn postgres_version(connection: &mut PgConnection) -> Result<String> {
    let doing = "asking for the server's version";
    let text: String = sqlx::query_scalar("show server_version")
        .persistent(false)
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| classify(error, doing))?;
    Ok(format!("PostgreSQL {}", text.split_whitespace().next().unwrap_or_default()))
}

async fn postgres_source(connection: &mut PgConnection) -> Result<u64> {
    let doing = "looking for tables that may be read";
    let (all, closed): (i64, Vec<String>) = sqlx::query_as(POSTGRES_READABLE)
        .persistent(false)
        .fetch_one(connection)
        .await
        .map_err(|error| classify(error, doing))?;
    if closed.is_empty() {
        return Ok(all.unsigned_abs());
    }
    let named = closed.iter().take(MOST_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match closed.len().saturating_sub(MOST_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Err(EngineError::new(ErrorCode::Conn004, doing)
        .because(format!("SELECT is missing on {named}{more}")))
}

async fn postgres_target(connection: &mut PgConnection) -> Result<()> {
    let doing = "looking for the right to create";
    let (database, schema, user): (bool, bool, String) = sqlx::query_as(POSTGRES_CREATABLE)
        .persistent(false)
        .fetch_one(connection)
        .await
        .map_err(|error| classify(error, doing))?;
    let missing = match (database, schema) {
        (true, true) => return Ok(()),
        (false, _) => "CREATE on the database",
        (true, false) => "CREATE on the schema `public`",
    };
    Err(EngineError::new(ErrorCode::Conn004, doing)
        .because(format!("the user `{user}` lacks {missing}")))
}

async fn of_mysql(steps: &mut Steps, server: &MysqlServer) -> Option<()> {
    steps
        .attempt("reach the server", reach(server.host_and_port()), |()| {
            "something answers there".to_owned()
        })
        .await?;
    let mut connection = steps
        .attempt("sign in and open the database", server.connect(Purpose::Read), |_| {
            format!("signed in to {server}")
        })
        .await?;
    let version = steps
        .attempt("ask for the version", version(&mut connection), |version| version.shown.clone())
        .await?;
    steps.server = Some(version.shown);
    let tables = async {
        let statement = "select count(*) from information_schema.tables \
                         where table_schema = database() and table_type = 'BASE TABLE'";
        let doing = "looking for tables that may be read";
        let rows = ask(&mut connection, statement.to_owned())
            .await
            .map_err(|error| classify(error, doing))?;
        let tables = rows.into_iter().flatten().flatten().next().unwrap_or_default();
        match tables.parse() {
            // MySQL shows only what the user has a right to.
            Ok(0) => Err(EngineError::new(ErrorCode::Conn004, doing)
                .because("the user sees no table: the database is empty, or SELECT is missing")),
            tables => Ok(tables.unwrap_or(0)),
        }
    };
    steps.attempt("check the right to read", tables, |tables| readable(*tables)).await?;
    Some(())
}

async fn of_sqlite_source(steps: &mut Steps, path: std::path::PathBuf) -> Option<()> {
    let file = steps
        .attempt("open the file", SqliteFile::open(path), |file| {
            if file.is_immutable() {
                "opened, on the assumption that nobody changes it".to_owned()
            } else {
                "opened, read-only".to_owned()
            }
        })
        .await?;
    let tables = async {
        let mut connection = file.connect().await?;
        sqlite_tables(&mut connection).await
    };
    let (server, _) =
        steps.attempt("read its tables", tables, |(_, tables)| readable(*tables)).await?;
    steps.server = Some(server);
    Some(())
}

async fn of_sqlite_target(steps: &mut Steps, path: &std::path::Path) -> Option<()> {
    if path.exists() {
        let opened = async {
            let options = quiet(path).create_if_missing(false);
            let mut connection = sqlx::ConnectOptions::connect(&options)
                .await
                .map_err(|error| classify(error, format!("opening {}", path.display())))?;
            sqlite_tables(&mut connection).await
        };
        let (server, _) =
            steps.attempt("open the file", opened, |_| "opened, for writing".to_owned()).await?;
        steps.server = Some(server);
        return Some(());
    }
    let folder = async {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| std::path::Path::new("."));
        rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)
            .map_err(|error| {
                EngineError::new(
                    ErrorCode::Conn008,
                    format!("looking at the folder {}", folder.display()),
                )
                .because(std::io::Error::from(error))
            })
    };
    steps
        .attempt("find the folder", folder, |()| {
            "there is no such file yet; it will be made".to_owned()
        })
        .await
}

async fn sqlite_tables(connection: &mut SqliteConnection) -> Result<(String, u64)> {
    let (version, tables): (String, i64) =
        sqlx::query_as("select sqlite_version(), count(*) from sqlite_master where type = 'table'")
            .fetch_one(connection)
            .await
            .map_err(|error| classify(error, "reading the tables of a SQLite file"))?;
    Ok((format!("SQLite {version}"), tables.unsigned_abs()))
}

async fn of_csv(steps: &mut Steps, address: CsvAddress) -> Option<()> {
    let folder = steps
        .attempt("open the folder", CsvFolder::open(address), |folder| {
            readable(folder.files().len() as u64)
        })
        .await?;
    steps.server = Some(format!("{} files", folder.files().len()));
    Some(())
}

/// Whether anything listens there, whatever it is.
async fn reach(place: Option<(&str, u16)>) -> Result<()> {
    let Some((host, port)) = place else { return Ok(()) };
    let doing = || format!("reaching {host}:{port}");
    match timeout(REACH_TIMEOUT, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(EngineError::new(ErrorCode::Conn001, doing()).because(error)),
        Err(_) => Err(no_answer(doing())),
    }
}

fn readable(tables: u64) -> String {
    match tables {
        1 => "1 table can be read".to_owned(),
        _ => format!("{tables} tables can be read"),
    }
}

#[derive(Default)]
struct Steps {
    done: Vec<TestStep>,
    server: Option<String>,
}

impl Steps {
    async fn attempt<T>(
        &mut self,
        step: &str,
        attempt: impl Future<Output = Result<T>>,
        found: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let began = Instant::now();
        let outcome = attempt.await;
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let detail = match &outcome {
            Ok(value) => found(value),
            Err(error) => what_to_do(error),
        };
        let passed = outcome.is_ok();
        self.done.push(TestStep { step: step.to_owned(), passed, detail, milliseconds });
        outcome.ok()
    }
}

/// What is wrong, why, and what mends it.
fn what_to_do(error: &EngineError) -> String {
    let explanation = error.code().explanation();
    let cause = error.source().map(|cause| format!(" ({cause})")).unwrap_or_default();
    format!("{}{cause}. {} {}", explanation.title, explanation.hint, explanation.action)
}

/// How many tables an answer names.
const MOST_NAMES: usize = 5;

const POSTGRES_READABLE: &str = "
    select count(*),
           coalesce(
               array_agg(format('%I.%I', n.nspname, c.relname) order by n.nspname, c.relname)
                   filter (where not has_schema_privilege(n.oid, 'usage')
                              or not has_table_privilege(c.oid, 'select')),
               '{}')
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p')
      and not c.relispartition
      and n.nspname not in ('information_schema', 'transfuse')
      and n.nspname !~ '^pg_'";

const POSTGRES_CREATABLE: &str = "
    select has_database_privilege(current_database(), 'create'),
           coalesce(
               (select has_schema_privilege(oid, 'create')
                from pg_namespace where nspname = 'public'), true),
           current_user::text";
