//! A database to read or write; its secret goes in and never comes out.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::ConnectionId;

/// What kind of database a URL names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    Sqlite,
    /// A folder of CSV or TSV files, one a table.
    Csv,
}

impl Engine {
    /// The engine that a URL names by its scheme.
    pub fn of_url(url: &str) -> Option<Self> {
        match url.split_once(':')?.0 {
            "postgres" | "postgresql" => Some(Self::Postgres),
            "mysql" | "mariadb" => Some(Self::Mysql),
            "sqlite" => Some(Self::Sqlite),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }

    /// What people call it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL / MariaDB",
            Self::Sqlite => "SQLite",
            Self::Csv => "CSV folder",
        }
    }

    /// Whether rows can be written to it.
    pub const fn can_be_target(self) -> bool {
        matches!(self, Self::Postgres | Self::Sqlite)
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Read, and never written to.
    Source,
    Target,
}

/// A connection as it may be shown: its URL without the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Connection {
    pub id: ConnectionId,
    pub name: String,
    pub role: Role,
    pub engine: Engine,
    /// The URL, its password replaced by `***`.
    pub url: String,
    pub created_at: DateTime<Utc>,
    pub tested: Option<TestedAt>,
}

/// The last test of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestedAt {
    pub at: DateTime<Utc>,
    pub passed: bool,
}

/// A connection as it is made or changed. The URL carries the secret, inwards only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewConnection {
    pub name: String,
    pub role: Role,
    pub url: String,
}

impl std::fmt::Debug for NewConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewConnection")
            .field("name", &self.name)
            .field("role", &self.role)
            .field("url", &without_secret(&self.url))
            .finish()
    }
}

impl NewConnection {
    /// What is wrong with it, field by field; empty when it can be used.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.name.trim().is_empty() {
            problems.push(("name", "Give the connection a name.".to_owned()));
        }
        match Engine::of_url(&self.url) {
            None => problems.push((
                "url",
                "Start with postgres://, mysql://, sqlite: or csv: and name the database."
                    .to_owned(),
            )),
            Some(engine) if self.role == Role::Target && !engine.can_be_target() => {
                problems
                    .push(("url", format!("{} can be read but not written to.", engine.label())));
            }
            Some(_) => {}
        }
        problems
    }
}

/// One step of a connection test, in the order in which it was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestStep {
    /// What was tried, as a short phrase: "reach the server".
    pub step: String,
    pub passed: bool,
    /// What was found, or what is wrong and what to do about it.
    pub detail: String,
    pub milliseconds: u64,
}

/// The outcome of testing a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConnectionTest {
    pub passed: bool,
    /// The server's own name and version, once it could be asked.
    pub server: Option<String>,
    pub steps: Vec<TestStep>,
}

/// The URL with its password replaced by `***`, fit to show and to log.
///
/// A password with characters that should have been percent-encoded is hidden whole, at the price
/// of hiding more than the password.
pub fn without_secret(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let login = rest.rsplit_once('@').and_then(|(login, host)| {
        let user = login.find([':', '/', '?']).unwrap_or(login.len());
        (!login[user..].starts_with(['/', '?'])).then(|| (&login[..user], login.len() > user, host))
    });
    match login {
        Some((user, true, host)) => format!("{scheme}://{user}:***@{}", without_query(host)),
        Some((user, false, host)) => format!("{scheme}://{user}@{}", without_query(host)),
        None => format!("{scheme}://{}", without_query(rest)),
    }
}

fn without_query(place: &str) -> String {
    match place.split_once('?') {
        Some((place, query)) => format!("{place}?{}", query_without_secrets(query)),
        None => place.to_owned(),
    }
}

fn query_without_secrets(query: &str) -> String {
    query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((key, _)) if key.to_ascii_lowercase().contains("pass") => format!("{key}=***"),
            _ => pair.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, shown: &str) {
        assert_eq!(without_secret(url), shown);
    }

    #[test]
    fn a_shown_url_has_no_password() {
        check("postgres://ann:s3cret@db:5432/mdw", "postgres://ann:***@db:5432/mdw");
        check("postgres://ann:a@b:c@db/mdw?x=1", "postgres://ann:***@db/mdw?x=1");
        check("mysql://ann@db/mdw?password=s3cret", "mysql://ann@db/mdw?password=***");
        check("postgres://ann:a/b?c@db/mdw", "postgres://ann:***@db/mdw");
        check("mysql://db/mdw?password=a@b", "mysql://db/mdw?password=***");
        check("postgres://db/mdw", "postgres://db/mdw");
        check("sqlite:legacy.db", "sqlite:legacy.db");
    }

    #[test]
    fn a_csv_folder_cannot_be_a_target() {
        let new = NewConnection { name: "x".into(), role: Role::Target, url: "csv:folder".into() };
        assert_eq!(new.problems()[0].0, "url");
    }
}
