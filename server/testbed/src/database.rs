use std::{
    path::Path,
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use url::Url;

use crate::{client, error::Error, product::Product, server::Server};

/// A database of one test's own, dropped with this value.
#[derive(Debug)]
pub struct Database {
    server: Server,
    name: String,
    url: Url,
}

impl Database {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL, for the administrator.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Its URL, for another user.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        self.address_as(user, password).into()
    }

    /// The server it is on.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Runs SQL, any number of statements.
    #[track_caller]
    pub fn execute(&self, sql: &str) {
        self.query(sql);
    }

    /// The rows of a query: one a line, a tab between columns, `NULL` for null.
    #[track_caller]
    pub fn query(&self, sql: &str) -> String {
        self.try_query(sql).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, where the server may refuse.
    pub fn try_query(&self, sql: &str) -> Result<String, Error> {
        client::query(self.server.product(), &self.url, sql)
    }

    /// The rows that another user gets, or why the server refuses them.
    pub fn try_query_as(&self, user: &str, password: &str, sql: &str) -> Result<String, Error> {
        client::query(self.server.product(), &self.address_as(user, password), sql)
    }

    /// Runs a file of SQL, such as a dump.
    #[track_caller]
    pub fn run_script(&self, script: impl AsRef<Path>) {
        client::run_script(self.server.product(), &self.url, script.as_ref())
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// The product's own command-line client, connected to this database, for SQL on its input.
    pub fn client(&self) -> Command {
        self.server.product().client(&self.url).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn create(server: Server) -> Result<Self, Error> {
        let name = unused_name();
        let create = match server.product() {
            Product::Postgres => format!("create database {name};"),
            Product::MariaDb => format!("create database {name} character set utf8mb4;"),
        };
        server.try_query(&create)?;
        let url = server.database_url(&name);
        Ok(Self { server, name, url })
    }

    fn address_as(&self, user: &str, password: &str) -> Url {
        let mut url = self.url.clone();
        url.set_username(user)
            .and_then(|()| url.set_password(Some(password)))
            .expect("the URL of a database has a host, so it takes a user and a password");
        url
    }

    fn drop_though_in_use(&self) -> Result<(), Error> {
        let name = &self.name;
        match self.server.product() {
            Product::Postgres => {
                self.server.try_query(&format!("drop database if exists {name} with (force);"))?;
            }
            Product::MariaDb => {
                let connections = self.server.try_query(&format!(
                    "select concat('kill ', id, ';') from information_schema.processlist \
                     where db = '{name}';"
                ))?;
                for kill in connections.lines() {
                    // The connection may have ended in the meantime.
                    let _ = self.server.try_query(kill);
                }
                self.server.try_query(&format!(
                    "set lock_wait_timeout = 10; drop database if exists {name};"
                ))?;
            }
        }
        Ok(())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // What stays behind goes with the server; the test's own outcome matters more.
        if let Err(error) = self.drop_though_in_use() {
            eprintln!("{} was not dropped: {error}", self.name);
        }
    }
}

/// Unique among the processes of this machine, and in a server that outlives them.
fn unused_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_micros());
    format!("test_{}_{count}_{started}", process::id())
}
