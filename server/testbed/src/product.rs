use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use url::Url;

use crate::{account::Account, disk::Disk, error::Error, mariadb, postgres};

/// Which database server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// PostgreSQL.
    Postgres,
    /// MariaDB, or MySQL where that is what the machine has.
    MariaDb,
}

/// What a crash of the machine may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Everything: nothing is synced to disk, so tests are quick.
    Fast,
    /// Nothing that was committed: the server's own defaults.
    Durable,
}

/// Where a server keeps its files.
#[derive(Debug)]
pub(crate) struct Place {
    /// The folder that goes when the server ends.
    pub(crate) folder: PathBuf,
    /// The server's data; below `folder`.
    pub(crate) data: PathBuf,
    /// Where PostgreSQL writes its log ahead, when not in `data`.
    pub(crate) write_ahead_log: Option<PathBuf>,
    /// The disk under `data`, until a keeper takes care of it.
    pub(crate) disk: Option<Disk>,
}

/// The user that every server has, its password, and nothing worth guarding behind it.
pub(crate) const ADMINISTRATOR: &str = "transfuse";

impl Product {
    /// The environment variable that names a server to use instead of an own one.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Postgres => "TRANSFUSE_TEST_POSTGRES",
            Self::MariaDb => "TRANSFUSE_TEST_MARIADB",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
        }
    }

    /// The server that the environment names, as an administrator's connection.
    pub(crate) fn named_by_environment(self) -> Result<Option<Url>, Error> {
        let Ok(text) = env::var(self.setting()) else { return Ok(None) };
        match Url::parse(&text) {
            Ok(url) if url.host_str().is_some() => Ok(Some(url)),
            _ => Err(Error::Setting { name: self.setting() }),
        }
    }

    /// The administrator's connection to a server of ours.
    pub(crate) fn administrator_url(self, port: u16) -> Url {
        let (scheme, database) = match self {
            Self::Postgres => ("postgres", "postgres"),
            Self::MariaDb => ("mysql", "mysql"),
        };
        Url::parse(&format!(
            "{scheme}://{ADMINISTRATOR}:{ADMINISTRATOR}@127.0.0.1:{port}/{database}"
        ))
        .expect("an address made of constants and a number is valid")
    }

    pub(crate) fn account(self) -> Account {
        match self {
            Self::Postgres => Account::for_server(&["postgres", "nobody"]),
            Self::MariaDb => Account::for_server(&["mysql", "nobody"]),
        }
    }

    /// Writes an empty data folder.
    pub(crate) fn initialise(self, account: Account, place: &Place) -> Result<(), Error> {
        match self {
            Self::Postgres => postgres::initialise(account, place),
            Self::MariaDb => mariadb::initialise(account, place),
        }
    }

    /// The command that runs the server in the foreground.
    pub(crate) fn command_line(
        self,
        place: &Place,
        port: u16,
        durability: Durability,
    ) -> Result<Vec<OsString>, Error> {
        match self {
            Self::Postgres => postgres::command_line(place, port, durability),
            Self::MariaDb => mariadb::command_line(place, port, durability),
        }
    }

    /// The signal that ends the server at once; its files are not needed any more.
    pub(crate) const fn ending_signal(self) -> &'static str {
        match self {
            // KILL would leave its shared memory behind.
            Self::Postgres => "QUIT",
            Self::MariaDb => "KILL",
        }
    }

    /// The command-line client, connected to `url` and reading SQL from its input.
    pub(crate) fn client(self, url: &Url) -> Result<Command, Error> {
        match self {
            Self::Postgres => postgres::client(url),
            Self::MariaDb => mariadb::client(url),
        }
    }
}

impl Place {
    /// Everything in the server's folder.
    pub(crate) fn within(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            data: folder.join("data"),
            write_ahead_log: None,
            disk: None,
        }
    }

    /// The data on a small disk of its own, the log ahead in the server's folder.
    pub(crate) fn with_data_on_small_disk(folder: &Path) -> Result<Self, Error> {
        let disk = Disk::mount(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            data: disk.path().join("data"),
            write_ahead_log: Some(folder.join("wal")),
            disk: Some(disk),
        })
    }
}
