//! Connections to PostgreSQL.

use std::fmt;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Executor};
use tokio::time::timeout;
use url::Url;

use super::failure::{classify, classify_connecting};
use super::{Address, Purpose, REACH_TIMEOUT, address};
use crate::error::{EngineError, Result};
use shared::error_code::ErrorCode;

/// The name of sessions that may write, unless they take one of their own, which begins with
/// `transfuse` and a blank as well.
const WRITER: &str = "transfuse writer";

/// A PostgreSQL database, and how to sign in to it.
#[derive(Clone)]
pub struct PostgresServer {
    options: PgConnectOptions,
    shown: String,
}

impl PostgresServer {
    pub(crate) fn at(url: &Url) -> Result<Self> {
        let known = address::keep_parameters(url, PARAMETERS);
        let options = PgConnectOptions::from_str(known.as_str())
            .map_err(|error| classify(error, "reading the database URL"))?;
        // The URL's brackets around an address of IPv6 are no part of it.
        let host = options.get_host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let options = options.host(&host).application_name("transfuse").disable_statement_logging();
        let place = address::shown(url, 5432);
        let database = address::database(url);
        let shown =
            if database.is_empty() { place } else { format!("database `{database}` on {place}") };
        Ok(Self { options, shown })
    }

    pub async fn connect(&self, purpose: Purpose) -> Result<PgConnection> {
        let doing = || format!("connecting to {self}");
        let options = match purpose {
            Purpose::Read => self.options(),
            Purpose::Write => self.options.clone().application_name(WRITER),
        };
        let mut connection = timeout(REACH_TIMEOUT, options.connect())
            .await
            .map_err(|_| no_answer(doing()))?
            .map_err(|error| classify_connecting(error, doing()))?;
        super::at_once::send_at_once();
        connection.execute(SESSION).await.map_err(|error| classify(error, doing()))?;
        if purpose == Purpose::Read {
            connection.execute(READ_ONLY).await.map_err(|error| classify(error, doing()))?;
        }
        Ok(connection)
    }

    /// Host and port; none when it is a socket of this machine.
    pub(crate) fn host_and_port(&self) -> Option<(&str, u16)> {
        let is_socket = self.options.get_socket().is_some();
        (!is_socket).then(|| (self.options.get_host(), self.options.get_port()))
    }

    /// Whether the server has to prove by its certificate that it is the host of the URL.
    pub(crate) fn proves_its_name(&self) -> bool {
        matches!(self.options.get_ssl_mode(), PgSslMode::VerifyFull)
    }

    /// How to connect, for a pool. Connections made so lack the session's settings; run
    /// [`settle`] on each.
    pub fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }
}

/// Host, port and database, without user and password.
impl fmt::Display for PostgresServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresServer({})", self.shown)
    }
}

/// Opens one connection to the database that a `postgres://` URL names.
pub async fn connect(url: &str, purpose: Purpose) -> Result<PgConnection> {
    match Address::parse(url)? {
        Address::Postgres(server) => server.connect(purpose).await,
        _ => Err(address::unreadable("it is not one of postgres://")),
    }
}

/// Gives a connection the settings under which values read and write the same everywhere.
pub async fn settle(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute(SESSION).await.map(|_| ())
}

pub(crate) fn no_answer(doing: String) -> EngineError {
    EngineError::new(ErrorCode::Conn001, doing)
        .because(format!("no answer within {} seconds", REACH_TIMEOUT.as_secs()))
}

const PARAMETERS: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "options",
];

/// Values look the same whatever the server's settings. Notices are for people at a terminal and
/// may quote rows. Row security is to refuse a query rather than to hide rows from it.
const SESSION: &str = "
    set client_min_messages = error;
    set timezone = 'UTC';
    set datestyle = 'ISO, YMD';
    set intervalstyle = 'postgres';
    set bytea_output = 'hex';
    set extra_float_digits = 3;
    set standard_conforming_strings = on;
    set row_security = off;
    set statement_timeout = 0;
    set idle_in_transaction_session_timeout = 0;
";

const READ_ONLY: &str = "set default_transaction_read_only = on";
