use std::{sync::Arc, time::Duration};

use url::Url;

use crate::{
    client,
    database::Database,
    disk,
    error::Error,
    keeper::{self, Held, Wanted},
    product::{Durability, Place, Product},
};

/// A database server. Clones are handles to the same server; it may end when the last is dropped.
#[derive(Clone, Debug)]
pub struct Server {
    product: Product,
    administrator: Url,
    held: Option<Arc<Held>>,
}

/// A shared server waits this long for the next test before it ends itself.
const IDLE: Duration = Duration::from_mins(1);

impl Server {
    /// The URL of a database on this server, for its administrator.
    pub fn url(&self, database: &str) -> String {
        self.database_url(database).into()
    }

    /// The URL of the administrator's own database.
    pub fn administrator_url(&self) -> &str {
        self.administrator.as_str()
    }

    /// The port on 127.0.0.1, unless the environment names a server elsewhere.
    pub fn port(&self) -> u16 {
        let usual = match self.product {
            Product::Postgres => 5432,
            Product::MariaDb => 3306,
        };
        self.administrator.port().unwrap_or(usual)
    }

    /// An empty database with a name that no other test has, dropped when the value is.
    pub fn create_database(&self) -> Database {
        Database::create(self.clone()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs SQL in the administrator's database: users, settings, other databases.
    #[track_caller]
    pub fn execute(&self, sql: &str) {
        self.query(sql);
    }

    /// The rows of a query in the administrator's database: one a line, a tab between columns,
    /// `NULL` for null.
    #[track_caller]
    pub fn query(&self, sql: &str) -> String {
        self.try_query(sql).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Ends a server that is held by nobody else, and returns when it is gone.
    pub fn end(self) {
        if let Some(held) = self.held.and_then(Arc::into_inner) {
            held.end();
        }
    }

    /// Kills a private server with SIGKILL, and returns when it is gone. What it had committed
    /// is safe if it is [durable](crate::Durability::Durable).
    pub fn kill(&self) {
        self.own().kill().unwrap_or_else(|error| panic!("{error}"));
    }

    /// Starts a server that was killed, with the same files at the same port, and returns when it
    /// answers.
    pub fn start(&self) {
        self.own().start(self.product).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Leaves so many bytes free on the [small disk](crate::small_disk) of a server.
    pub fn leave_free(&self, bytes: u64) {
        disk::shrink(self.own().folder(), bytes).unwrap_or_else(|error| panic!("{error}"));
    }

    fn own(&self) -> &Held {
        self.held.as_deref().expect("a server that the environment names is not ours to kill")
    }

    /// Which product it is.
    pub fn product(&self) -> Product {
        self.product
    }

    pub(crate) fn shared(product: Product) -> Result<Self, Error> {
        if let Some(administrator) = product.named_by_environment()? {
            return Ok(Self { product, administrator, held: None });
        }
        let base = keeper::base()?;
        let wanted = Wanted { product, durability: Durability::Fast, grace: IDLE, base: &base };
        Ok(Self::from_held(product, keeper::share(wanted)?))
    }

    pub(crate) fn private(product: Product, durability: Durability) -> Result<Self, Error> {
        let base = keeper::base()?;
        let wanted = Wanted { product, durability, grace: Duration::ZERO, base: &base };
        Ok(Self::from_held(
            product,
            keeper::start(wanted, None, |folder| Ok(Place::within(folder)))?,
        ))
    }

    pub(crate) fn small_disk(free_bytes: u64) -> Result<Option<Self>, Error> {
        let base = keeper::base()?;
        let wanted = Wanted {
            product: Product::Postgres,
            durability: Durability::Fast,
            grace: Duration::ZERO,
            base: &base,
        };
        let held = match keeper::start(wanted, None, Place::with_data_on_small_disk) {
            Err(Error::CannotMount { .. }) => return Ok(None),
            outcome => outcome?,
        };
        disk::shrink(held.folder(), free_bytes)?;
        Ok(Some(Self::from_held(wanted.product, held)))
    }

    pub(crate) fn try_query(&self, sql: &str) -> Result<String, Error> {
        client::query(self.product, &self.administrator, sql)
    }

    pub(crate) fn database_url(&self, database: &str) -> Url {
        let mut url = self.administrator.clone();
        url.set_path(database);
        url
    }

    fn from_held(product: Product, held: Held) -> Self {
        let administrator = product.administrator_url(held.port());
        Self { product, administrator, held: Some(Arc::new(held)) }
    }
}
