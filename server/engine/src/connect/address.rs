//! What a database URL names.

use std::borrow::Cow;
use std::net::IpAddr;
use std::path::PathBuf;

use encoding_rs::Encoding;
use percent_encoding::percent_decode_str;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use url::Url;

use super::csv::{CsvAddress, CsvOptions};
use super::mysql::MysqlServer;
use super::postgres::PostgresServer;
use crate::error::{EngineError, Result};

/// A database URL, understood.
#[derive(Debug, Clone)]
pub enum Address {
    Postgres(PostgresServer),
    Mysql(MysqlServer),
    Sqlite(PathBuf),
    Csv(CsvAddress),
}

impl Address {
    pub fn parse(url: &str) -> Result<Self> {
        let engine = Engine::of_url(url).ok_or_else(|| unreadable("it begins with no scheme"))?;
        Ok(match engine {
            Engine::Postgres => Self::Postgres(PostgresServer::at(&server_url(url)?)?),
            Engine::Mysql => Self::Mysql(MysqlServer::at(&server_url(url)?)?),
            Engine::Sqlite => Self::Sqlite(path(url)?.0),
            Engine::Csv => {
                let (path, parameters) = path(url)?;
                Self::Csv(CsvAddress { path, options: csv_options(parameters)? })
            }
        })
    }
}

/// Where a URL leads, for whoever has to decide whether it may be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Server {
        host: String,
        port: u16,
        database: String,
        /// The server has to prove by its certificate that it is the host: whoever bends the name
        /// gains nothing.
        proves_its_name: bool,
    },
    /// A socket of this machine.
    Socket,
    /// A file or a folder.
    Path(PathBuf),
}

impl Place {
    /// Whether it is this machine, as far as its name tells.
    pub fn is_here(&self) -> bool {
        match self {
            Self::Socket | Self::Path(_) => true,
            Self::Server { host, .. } => {
                let host = host.trim_matches(['[', ']']);
                host == "localhost"
                    || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
            }
        }
    }
}

/// Where a URL leads.
pub fn place(url: &str) -> Result<Place> {
    let server = |place: Option<(&str, u16)>, proves_its_name| match place {
        Some((host, port)) => {
            let database = Url::parse(url).map(|url| database(&url).into_owned());
            let (host, database) = (host.to_owned(), database.unwrap_or_default());
            Place::Server { host, port, database, proves_its_name }
        }
        None => Place::Socket,
    };
    Ok(match Address::parse(url)? {
        Address::Postgres(it) => server(it.host_and_port(), it.proves_its_name()),
        Address::Mysql(it) => server(it.host_and_port(), it.proves_its_name()),
        Address::Sqlite(path) => Place::Path(path),
        Address::Csv(address) => Place::Path(address.path),
    })
}

/// The same URL with an address in place of the host's name, wherever it stands.
pub fn at_address(url: &str, address: IpAddr) -> Result<String> {
    let mut url = server_url(url)?;
    let others: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(key, _)| key != "host" && key != "hostaddr")
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    url.set_query(None);
    if !others.is_empty() {
        url.query_pairs_mut().extend_pairs(others);
    }
    url.set_ip_host(address).map_err(|()| unreadable("its host cannot be replaced"))?;
    Ok(url.into())
}

/// Whether a URL makes the driver read files of this machine, such as keys and certificates.
pub fn names_files(url: &str) -> bool {
    const FILES: &[&str] =
        &["sslrootcert", "ssl-root-cert", "ssl-ca", "sslcert", "ssl-cert", "sslkey", "ssl-key"];
    Url::parse(url).is_ok_and(|url| {
        url.query_pairs().any(|(key, _)| FILES.contains(&key.to_ascii_lowercase().as_str()))
    })
}

/// A URL that cannot be used. The URL itself stays out of it: it may hold a password.
pub(crate) fn unreadable(why: &'static str) -> EngineError {
    EngineError::new(ErrorCode::Conn006, "reading the database URL").because(why)
}

/// `host:port` and the database, fit to show.
pub(crate) fn shown(url: &Url, port: u16) -> String {
    let host = url.host_str().filter(|host| !host.is_empty()).unwrap_or("localhost");
    let host = percent_decode_str(host).decode_utf8_lossy();
    format!("{host}:{}", url.port().unwrap_or(port))
}

/// The database that a URL names; empty when it names none.
pub(crate) fn database(url: &Url) -> Cow<'_, str> {
    percent_decode_str(url.path().trim_start_matches('/')).decode_utf8_lossy()
}

/// Keeps only parameters of the URL that the driver knows: it would log the others with their
/// values.
pub(crate) fn keep_parameters(url: &Url, known: &[&str]) -> Url {
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(key, _)| known.contains(&&**key) || key.starts_with("options["))
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    let mut url = url.clone();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    url
}

fn server_url(text: &str) -> Result<Url> {
    let url = Url::parse(text).map_err(|error| {
        EngineError::new(ErrorCode::Conn006, "reading the database URL").because(error)
    })?;
    if url.cannot_be_a_base() {
        return Err(unreadable("`//` is missing after the scheme"));
    }
    // A `/`, `?` or `#` in a password ends the host's part early, and what follows, with the rest
    // of the password in it, would be taken for the database.
    let tail = [Some(url.path()), url.query(), url.fragment()];
    if tail.iter().flatten().any(|part| part.contains('@')) {
        return Err(unreadable(
            "there is an `@` after the host: percent-encode `/`, `?`, `#` and `@` in the password",
        ));
    }
    if url.fragment().is_some() {
        return Err(unreadable("it contains a `#`: percent-encode it as %23"));
    }
    Ok(url)
}

/// A path, and the parameters after it.
fn path(text: &str) -> Result<(PathBuf, &str)> {
    let (_, rest) = text.split_once(':').ok_or_else(|| unreadable("it names no path"))?;
    let literal = rest.strip_prefix("//").unwrap_or(rest);
    // `%` and `?` may be part of a file's name: a path is first taken as it stands.
    if PathBuf::from(literal).exists() && !literal.is_empty() {
        return Ok((PathBuf::from(literal), ""));
    }
    let (path, parameters) = literal.split_once('?').unwrap_or((literal, ""));
    if path.is_empty() || path.contains('\0') {
        return Err(unreadable("it names no path"));
    }
    let decoded = PathBuf::from(&*percent_decode_str(path).decode_utf8_lossy());
    let path = PathBuf::from(path);
    Ok((if !path.exists() && decoded.exists() { decoded } else { path }, parameters))
}

fn csv_options(parameters: &str) -> Result<CsvOptions> {
    let mut options = CsvOptions::default();
    for (key, value) in url::form_urlencoded::parse(parameters.as_bytes()) {
        match &*key {
            "encoding" => {
                let encoding = Encoding::for_label(value.as_bytes());
                options.encoding =
                    Some(encoding.ok_or_else(|| unreadable("its encoding is not known"))?);
            }
            "delimiter" => match (&*value, value.as_bytes()) {
                ("tab" | "\\t", _) => options.delimiter = Some(b'\t'),
                (_, [byte]) if !matches!(byte, b'"' | b'\n' | b'\r') && byte.is_ascii() => {
                    options.delimiter = Some(*byte);
                }
                _ => return Err(unreadable("its delimiter is not one character")),
            },
            _ => return Err(unreadable("a CSV folder takes only `encoding` and `delimiter`")),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuses(url: &str) {
        let error = Address::parse(url).expect_err("it is refused");
        assert_eq!(error.code(), ErrorCode::Conn006);
        let shown = format!("{error:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn a_url_that_cannot_be_understood_is_refused_without_its_password() {
        refuses("");
        refuses("oracle://ann:s3cret@db/mdw");
        refuses("postgres:ann:s3cret@db/mdw");
        refuses("postgres://ann:s3cret@db:port/mdw");
        refuses("postgres://ann:s3/cret@db/s3cret");
        refuses("postgres://ann:5432/s3cret@db/mdw");
        refuses("mysql://ann:s3cret@db/");
        refuses("mysql://ann:5432?s3cret@db/mdw");
        refuses("mysql://ann:5432#s3cret@db/mdw");
        refuses("sqlite:");
        refuses("csv:/srv/export?encoding=klingon");
    }

    #[test]
    fn a_password_may_hold_any_character() {
        let url = server_url("postgres://ann:a%2Fb%3F%23%40:%25@db:5433/m%20w").expect("is read");

        assert_eq!(shown(&url, 5432), "db:5433");
        assert_eq!(database(&url), "m w");
    }

    #[test]
    fn a_place_is_where_the_driver_would_go() {
        let server = |host: &str, port, proves_its_name| Place::Server {
            host: host.to_owned(),
            port,
            database: "mdw".to_owned(),
            proves_its_name,
        };
        for (url, expected) in [
            ("postgres://ann@db/mdw", server("db", 5432, false)),
            ("postgres://ann@db/mdw?host=other&port=1", server("other", 1, false)),
            ("postgres://db/mdw?sslmode=verify-full", server("db", 5432, true)),
            ("mysql://ann@[::1]/mdw", server("::1", 3306, false)),
            ("mysql://ann@db/mdw?ssl-mode=VERIFY_IDENTITY", server("db", 3306, true)),
            ("postgres:///mdw?host=/run/postgresql", Place::Socket),
            ("sqlite:legacy.db", Place::Path("legacy.db".into())),
        ] {
            assert_eq!(place(url).expect("is read"), expected, "{url}");
        }
    }

    #[test]
    fn an_address_takes_the_place_of_the_name_wherever_it_stands() {
        for (url, expected) in [
            ("postgres://ann:pw@db:5433/mdw", "postgres://ann:pw@192.0.2.7:5433/mdw"),
            (
                "postgres://db/mdw?host=other&sslmode=require",
                "postgres://192.0.2.7/mdw?sslmode=require",
            ),
        ] {
            let pinned = at_address(url, "192.0.2.7".parse().expect("an address"));
            assert_eq!(pinned.expect("is read"), expected);
        }
        let pinned = at_address("mysql://db/mdw", "::1".parse().expect("an address"));
        assert_eq!(pinned.expect("is read"), "mysql://[::1]/mdw");
        assert!(names_files("postgres://db/mdw?sslrootcert=/etc/passwd"));
        assert!(!names_files("postgres://db/mdw?sslmode=require"));
    }

    #[test]
    fn a_path_may_be_written_with_or_without_slashes() {
        for (url, expected) in [
            ("sqlite:legacy.db", "legacy.db"),
            ("sqlite://legacy.db?mode=ro", "legacy.db"),
            ("sqlite:///srv/legacy.db", "/srv/legacy.db"),
            ("csv:/srv/export?delimiter=%3B&encoding=latin1", "/srv/export"),
        ] {
            match Address::parse(url).expect("is read") {
                Address::Sqlite(path) | Address::Csv(CsvAddress { path, .. }) => {
                    assert_eq!(path, PathBuf::from(expected));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
