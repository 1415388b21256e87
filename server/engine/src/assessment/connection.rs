//! The way to both databases: whether it is there, what stands in between, and what it carries.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use shared::assessment::{Catalog, Severity};
use shared::check::Check;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::doctor::{self, Pooler, pooler_of};
use super::notebook::{Found, Notebook, Outcome, words};
use super::{Request, source, wants_any, workers};
use crate::assess::ask::{Asked, text};
use crate::assess::catalog;
use crate::connect::sqlite::SqliteFile;
use crate::connect::{Address, Place, Purpose, Source, mysql, place};
use crate::error::{EngineError, Result};
use crate::map::catalog_of_target;

/// The source, opened.
pub(super) struct SourceSide {
    pub(super) source: Source,
    pub(super) asked: Asked,
    pub(super) catalog: Catalog,
}

/// The target, opened; a file that is not there yet cannot be asked.
pub(super) struct TargetSide {
    pub(super) asked: Option<Asked>,
    pub(super) catalog: Catalog,
}

/// What could be opened.
pub(super) struct Opened {
    pub(super) source: Option<SourceSide>,
    pub(super) target: Option<TargetSide>,
}

/// The two ends, for people.
const SOURCE: &str = "source";
const TARGET: &str = "target";

/// Opens both sides, and looks at the way to them.
pub(super) async fn look(book: &mut Notebook, request: &Request) -> Opened {
    let from = open_source(&request.source_url).await;
    let to = open_target(&request.target_url).await;
    for (check, url, error, end) in [
        (Check::SourceReachable, &request.source_url, from.as_ref().err(), SOURCE),
        (Check::TargetReachable, &request.target_url, to.as_ref().err(), TARGET),
    ] {
        book.note(check, Ok(reached(error)));
        book.note(Check::AddressFamily, addresses(url, error, end).await);
        book.note(Check::PoolerMode, Ok(session(url, end)));
    }
    if from.is_err()
        && let Ok(Address::Sqlite(path)) = Address::parse(&request.source_url)
        && let Ok(file) = SqliteFile::open(path).await
        && let Ok(connection) = file.connect_for_rows()
    {
        // A file that is damaged is why its tables could not be read.
        let whole = source::integrity(&mut Asked::Sqlite(connection)).await;
        book.note(Check::FileIntegrity, whole);
    }
    let mut opened = Opened { source: from.ok(), target: to.ok() };
    if !wants_any(book, shared::check::Group::Connection) {
        return opened;
    }
    let workers = i64::try_from(workers(request)).unwrap_or(i64::MAX);
    if let Some(side) = &mut opened.source {
        one_end(book, request, &mut side.asked, &request.source_url, SOURCE, workers + 2).await;
    }
    if let Some(TargetSide { asked: Some(asked), .. }) = &mut opened.target {
        one_end(book, request, asked, &request.target_url, TARGET, workers + 3).await;
    }
    opened
}

async fn open_source(url: &str) -> Result<SourceSide> {
    let source = Source::open(url).await?;
    let asked = Asked::open(&source).await?;
    let catalog = catalog::of_source(&source).await?;
    Ok(SourceSide { source, asked, catalog })
}

async fn open_target(url: &str) -> Result<TargetSide> {
    let asked = match Address::parse(url)? {
        Address::Postgres(server) => Some(Asked::Postgres(server.connect(Purpose::Read).await?)),
        Address::Sqlite(path) if path.exists() => {
            Some(Asked::Sqlite(SqliteFile::open(path).await?.connect_for_rows()?))
        }
        _ => None,
    };
    Ok(TargetSide { asked, catalog: catalog_of_target(url).await? })
}

fn reached(error: Option<&EngineError>) -> Outcome {
    let found = error.map(|error| {
        Found::blocking(words(error)).mend(error.code().explanation().action.to_owned())
    });
    Outcome::Looked(found.into_iter().collect())
}

async fn addresses(url: &str, error: Option<&EngineError>, end: &str) -> Result<Outcome> {
    let Ok(Place::Server { host, port, .. }) = place(url) else {
        return Ok(Outcome::NotApplicable("no server is reached over a network"));
    };
    let found = timeout(Duration::from_secs(5), lookup_host((host.as_str(), port))).await;
    let Ok(Ok(found)) = found else {
        return Ok(Outcome::NotApplicable("the host's name leads to no address"));
    };
    let found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    let severity = match error.map(EngineError::code) {
        Some(ErrorCode::Conn001) => Severity::Blocking,
        _ => Severity::Warning,
    };
    let wrong = doctor::unreachable_family(&found, doctor::has_ipv6());
    Ok(wrong
        .map(|wrong| Found::new(severity, format!("{end}: {wrong}")))
        .into_iter()
        .collect::<Vec<_>>()
        .into())
}

fn session(url: &str, end: &str) -> Outcome {
    let Ok(Place::Server { host, port, .. }) = place(url) else {
        return Outcome::NotApplicable("no server is reached over a network");
    };
    match pooler_of(&host, port) {
        Some(Pooler::Transaction) => {
            vec![Found::blocking(format!("{end}: {host}:{port} is a pooler in transaction mode"))]
                .into()
        }
        Some(Pooler::Session | Pooler::None) => Outcome::passed(),
        None => Outcome::NotApplicable("the host is none of Supabase's"),
    }
}

/// What the server at one end says of itself. `needed` is how many connections a run takes there.
async fn one_end(
    book: &mut Notebook,
    request: &Request,
    asked: &mut Asked,
    url: &str,
    end: &str,
    needed: i64,
) {
    if !matches!(asked, Asked::Postgres(_) | Asked::Mysql(_)) {
        let why = "a file has no server";
        for check in [
            Check::ServerVersion,
            Check::ChannelEncrypted,
            Check::ClockSkew,
            Check::SessionLimits,
            Check::ConnectionHeadroom,
            Check::Speed,
        ] {
            book.note(check, Ok(Outcome::NotApplicable(why)));
        }
        return;
    }
    let version = version(asked, end).await;
    book.note(Check::ServerVersion, version);
    let encrypted = encrypted(asked, url, end).await;
    book.note(Check::ChannelEncrypted, encrypted);
    let clock = clock(asked, request, end).await;
    book.note(Check::ClockSkew, clock);
    let limits = limits(asked, end).await;
    book.note(Check::SessionLimits, limits);
    let headroom = headroom(asked, end, needed).await;
    book.note(Check::ConnectionHeadroom, headroom);
    let speed = round_trip(asked, end).await;
    book.note(Check::Speed, speed);
}

async fn version(asked: &mut Asked, end: &str) -> Result<Outcome> {
    let old = match asked {
        Asked::Postgres(_) => {
            old_postgres(asked.number("show server_version_num", "asking for the version").await?)
        }
        Asked::Mysql(connection) => {
            let version = mysql::version(connection).await?;
            (!version.has_windows()).then_some(version.shown)
        }
        Asked::Sqlite(_) | Asked::Csv => None,
    };
    let found =
        old.map(|old| Found::warning(format!("{end}: {old} is older than what is known to work")));
    Ok(found.into_iter().collect::<Vec<_>>().into())
}

/// A PostgreSQL that is older than what is known to work, by its number of six digits.
fn old_postgres(number: i64) -> Option<String> {
    const OLDEST: i64 = 13;
    let major = number / 10_000;
    (major < OLDEST).then(|| format!("PostgreSQL {major}"))
}

async fn encrypted(asked: &mut Asked, url: &str, end: &str) -> Result<Outcome> {
    let is_far =
        matches!(place(url), Ok(Place::Server { host, .. }) if doctor::leaves_the_machine(&host));
    if !is_far {
        return Ok(Outcome::NotApplicable("nothing leaves the machine"));
    }
    let doing = "asking whether the connection is encrypted";
    let encrypted = if asked.engine() == Engine::Postgres {
        let sql = "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()";
        asked.cell(sql, doing).await?.is_some_and(|answer| answer == "true")
    } else {
        let answer = asked.ask("show session status like 'Ssl_cipher'", doing).await?;
        answer.first().is_some_and(|row| !text(row, 1).is_empty())
    };
    let found =
        (!encrypted).then(|| Found::warning(format!("{end}: the connection is not encrypted")));
    Ok(Outcome::Looked(found.into_iter().collect()))
}

async fn clock(asked: &mut Asked, request: &Request, end: &str) -> Result<Outcome> {
    const MOST_SECONDS: i64 = 5;
    let sql = match asked.engine() {
        Engine::Postgres => "select extract(epoch from clock_timestamp())::bigint",
        _ => "select unix_timestamp()",
    };
    let there = asked.number(sql, "asking for the time").await?;
    let skew = (there - request.clock.now().timestamp()).abs();
    let found = (skew > MOST_SECONDS)
        .then(|| Found::warning(format!("{end}: its clock is {skew} s away from this machine's")));
    Ok(found.into_iter().collect::<Vec<_>>().into())
}

async fn limits(asked: &mut Asked, end: &str) -> Result<Outcome> {
    if asked.engine() != Engine::Postgres {
        return Ok(Outcome::NotApplicable("the limits of the server are lifted for each session"));
    }
    let sql = "select name, reset_val from pg_settings
               where name in ('statement_timeout', 'transaction_timeout',
                              'idle_in_transaction_session_timeout', 'idle_session_timeout')
                 and reset_val not in ('', '0')
               order by name";
    let rows = asked.ask(sql, "asking for time limits").await?;
    let found = rows.iter().map(|row| {
        let (name, value) = (text(row, 0), text(row, 1));
        // These two are set for every session that is opened here.
        let is_lifted = matches!(name, "statement_timeout" | "idle_in_transaction_session_timeout");
        let severity = if is_lifted { Severity::Info } else { Severity::Warning };
        let lifted = if is_lifted { "; it is lifted for our sessions" } else { "" };
        Found::new(severity, format!("{end}: {name} is {value} ms{lifted}"))
    });
    Ok(found.collect::<Vec<_>>().into())
}

async fn headroom(asked: &mut Asked, end: &str, needed: i64) -> Result<Outcome> {
    let doing = "asking how many connections are free";
    let free = if asked.engine() == Engine::Postgres {
        let sql = "select least(
                    current_setting('max_connections')::int
                        - current_setting('superuser_reserved_connections')::int
                        - (select count(*) from pg_stat_activity
                           where backend_type = 'client backend'),
                    case when limits.most < 0 then null else limits.most
                        - (select count(*) from pg_stat_activity
                           where usename = current_user and datname is not null) end)
                from (select rolconnlimit as most from pg_roles
                      where rolname = current_user) as limits";
        asked.number(sql, doing).await?
    } else {
        let rows = asked.ask("select @@max_connections, @@max_user_connections", doing).await?;
        let number = |column| {
            rows.first().and_then(|row| text(row, column).parse::<i64>().ok()).unwrap_or(0)
        };
        let status = asked.ask("show global status like 'Threads_connected'", doing).await?;
        let used: i64 = status.first().and_then(|row| text(row, 1).parse().ok()).unwrap_or(0);
        match number(1) {
            0 => number(0) - used,
            own => own.min(number(0) - used),
        }
    };
    // The one that asks is given back.
    let free = free + 1;
    let found = (free < needed).then(|| {
        Found::blocking(format!("{end}: a run takes {needed} connections, and {free} are free"))
    });
    Ok(found.into_iter().collect::<Vec<_>>().into())
}

async fn round_trip(asked: &mut Asked, end: &str) -> Result<Outcome> {
    let mut took = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        asked.ask("select 1", "measuring a round trip").await?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    let milliseconds = took[2].as_secs_f64() * 1000.0;
    Ok(vec![Found::info(format!("{end}: a round trip takes {milliseconds:.1} ms"))].into())
}

#[cfg(test)]
mod tests {
    use super::old_postgres;

    #[test]
    fn an_old_server_is_told_by_its_number() {
        assert_eq!(old_postgres(120_022).as_deref(), Some("PostgreSQL 12"));
        assert_eq!(old_postgres(90_603).as_deref(), Some("PostgreSQL 9"));
        assert_eq!(old_postgres(130_000), None);
        assert_eq!(old_postgres(180_001), None);
    }
}
