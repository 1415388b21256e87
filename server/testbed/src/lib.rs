//! Real PostgreSQL and MariaDB servers for tests: on free ports, in a scratch folder, and gone
//! soon after nobody holds them any more, however their holders ended.
//!
//! ```no_run
//! let database = testbed::postgres().create_database();
//! database.execute("create table person (id bigint primary key, name text)");
//! database.execute("insert into person values (1, 'Ada Example')");
//! assert_eq!(database.query("select name from person"), "Ada Example");
//! ```
//!
//! Every test process finds the same two servers. Where `TRANSFUSE_TEST_POSTGRES` or
//! `TRANSFUSE_TEST_MARIADB` holds the URL of an administrator's connection, that server is used and
//! none is started; `testbed run -- COMMAND` sets both for a whole test run. Otherwise the first
//! process starts a server for all, and it ends itself when it was idle for a minute.
//!
//! All functions panic with what went wrong and what to install: they are for tests.

mod error;
mod account;
mod program;
mod disk;
mod product;
mod postgres;
mod mariadb;
mod client;
mod keeper;
mod server;
mod database;
mod proxy;

use std::sync::OnceLock;

pub use database::Database;
pub use error::Error;
pub use product::{Durability, Product};
pub use proxy::Proxy;
pub use server::Server;

/// The PostgreSQL server that all tests share. Logical decoding is on; nothing is synced to disk.
pub fn postgres() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED
        .get_or_init(|| Server::shared(Product::Postgres).unwrap_or_else(|error| panic!("{error}")))
}

/// The MariaDB (or MySQL) server that all tests share. Row-based binary logging is on; nothing is
/// synced to disk.
pub fn mariadb() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED
        .get_or_init(|| Server::shared(Product::MariaDb).unwrap_or_else(|error| panic!("{error}")))
}

/// A server of the caller's own, which ends when the last handle to it is dropped.
pub fn private(product: Product, durability: Durability) -> Server {
    Server::private(product, durability).unwrap_or_else(|error| panic!("{error}"))
}

/// A PostgreSQL server of the caller's own whose tables have `free_bytes` of disk left to fill.
///
/// Its log (WAL) lies elsewhere, so that a full disk is refused with SQLSTATE 53100 and does not
/// bring the server down. `None` where this process may not mount a file system.
pub fn small_disk(free_bytes: u64) -> Option<Server> {
    Server::small_disk(free_bytes).unwrap_or_else(|error| panic!("{error}"))
}
