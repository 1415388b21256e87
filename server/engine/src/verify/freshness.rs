//! Whether a verification still says something: what both sides were when it began, told by marks
//! that change with every change.
//!
//! A mark is what the engine itself counts or stamps. Where it has nothing of the kind there is no
//! mark, and what was found is taken for stale.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use shared::assessment::TableName;
use shared::error_code::ErrorCode;
use shared::plan::Plan;
use sqlx::Row as _;
use tokio::time::sleep;

use crate::connect::mysql::{MysqlServer, ask};
use crate::connect::postgres::PostgresServer;
use crate::connect::{Purpose, Source, classify};
use crate::error::{EngineError, Result};
use crate::ident::literal;

/// By the table's name, as the plan writes it.
pub(super) type SideMarks = BTreeMap<String, Option<String>>;

/// What both sides were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks {
    pub(super) source: SideMarks,
    pub(super) target: SideMarks,
}

impl Marks {
    /// Whether nothing changed between the two in a mapping's tables. No mark is no proof.
    pub(super) fn hold(&self, now: &Self, source: &str, target: &str) -> bool {
        let is_same = |before: &SideMarks, now: &SideMarks, name: &str| match (
            before.get(name).and_then(Option::as_ref),
            now.get(name),
        ) {
            (Some(before), Some(Some(now))) => same(before, now),
            _ => false,
        };
        is_same(&self.source, &now.source, source) && is_same(&self.target, &now.target, target)
    }

    /// The marks with which a verification begins. What a SQLite file is while it is written to
    /// is known when everything is written down.
    pub(super) fn begun(mut self, target: &Source) -> Self {
        if matches!(target, Source::Sqlite(_)) {
            self.target.values_mut().for_each(|mark| *mark = Some(AS_IT_WAS_LEFT.to_owned()));
        }
        self
    }

    /// Whether it is known that a mapping's tables changed between the two.
    pub(super) fn changed(&self, now: &Self, source: &str, target: &str) -> bool {
        let is_other = |before: &SideMarks, now: &SideMarks, name: &str| match (
            before.get(name).and_then(Option::as_ref),
            now.get(name),
        ) {
            (Some(before), Some(Some(now))) => !same(before, now),
            _ => false,
        };
        is_other(&self.source, &now.source, source) || is_other(&self.target, &now.target, target)
    }

    /// Whether nothing changed in any table of a plan.
    pub(super) fn all_hold(&self, now: &Self, plan: &Plan) -> bool {
        plan.tables
            .iter()
            .all(|mapping| self.hold(now, &mapping.source.to_string(), &mapping.target.to_string()))
    }
}

/// The marks of both sides of a plan, now.
pub(super) async fn marks(plan: &Plan, source: &Source, target: &Source) -> Result<Marks> {
    // What a statement reads is not known.
    let sources = plan.tables.iter().filter(|mapping| mapping.query.is_none());
    let sources: Vec<&TableName> = sources.map(|mapping| &mapping.source).collect();
    let targets: Vec<&TableName> = plan.tables.iter().map(|mapping| &mapping.target).collect();
    let target = match target {
        // What is written down of a verification changes the very file.
        Source::Sqlite(file) => all(&targets, kept_beside(file.path()).as_deref()),
        target => {
            if let Source::Postgres(server) = target {
                settle(server).await?;
            }
            of_side(target, &targets).await?
        }
    };
    Ok(Marks { source: of_side(source, &sources).await?, target })
}

/// Remembers, beside a target that is a SQLite file, what the file was once everything was
/// written down.
pub(crate) fn keep_beside(target: &Source) -> Result<()> {
    let Source::Sqlite(file) = target else { return Ok(()) };
    let path = beside(file.path());
    let Some(mark) = of_sqlite(file.path()) else { return Ok(()) };
    std::fs::write(&path, mark).map_err(|error| {
        EngineError::new(ErrorCode::Conn008, format!("writing {}", path.display())).because(error)
    })
}

/// Whether a target that is a SQLite file is what it was when that was remembered.
pub(crate) fn is_as_it_was_left(target: &Source) -> bool {
    matches!(target, Source::Sqlite(file) if kept_beside(file.path()).is_some())
}

async fn of_side(side: &Source, tables: &[&TableName]) -> Result<SideMarks> {
    match side {
        Source::Postgres(server) => of_postgres(server, tables).await,
        Source::Mysql(server) => of_mysql(server, tables).await,
        Source::Sqlite(file) => Ok(all(tables, of_sqlite(file.path()).as_deref())),
        Source::Csv(folder) => {
            let mut marks = SideMarks::new();
            for table in tables {
                let path = folder.file(table)?.path.clone();
                let mark = tokio::task::spawn_blocking(move || of_file(&path)).await;
                marks.insert(table.to_string(), mark.unwrap_or_default());
            }
            Ok(marks)
        }
    }
}

fn all(tables: &[&TableName], mark: Option<&str>) -> SideMarks {
    tables.iter().map(|table| (table.to_string(), mark.map(str::to_owned))).collect()
}

/// Waits for sessions that wrote and are about to end: what a session did is counted when it ends,
/// and would look like a change that came later.
async fn settle(server: &PostgresServer) -> Result<()> {
    const LOOKS: u32 = 40;
    let failed = |error| classify(error, "looking at what changed");
    let mut connection = server.connect(Purpose::Read).await?;
    for _ in 0..LOOKS {
        let writers: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()
                 and application_name like 'transfuse %' and application_name <> $1",
        )
        .persistent(false)
        .bind(VERIFIER)
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
        if writers == 0 {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// The name of the session in which a verification writes down what it found: no table that is
/// compared is written to there.
pub(super) const VERIFIER: &str = "transfuse verification";

/// The counters of the server's own statistics, and what `truncate` and a rewrite change. They
/// are kept through a restart in good order and begin anew after a crash. A standby counts
/// nothing, but knows how far it has come.
async fn of_postgres(server: &PostgresServer, tables: &[&TableName]) -> Result<SideMarks> {
    let failed = |error| classify(error, "looking at what changed");
    let mut connection = server.connect(Purpose::Read).await?;
    let mut marks = SideMarks::new();
    for table in tables {
        let row = sqlx::query(
            "select concat_ws(' ', c.oid, c.relnatts, counted.files, counted.ins, counted.upd,
                 counted.del, database.stats_reset,
                 case when pg_is_in_recovery() then pg_last_wal_replay_lsn()::text end)
             from pg_class as c
             join pg_namespace as n on n.oid = c.relnamespace
             left join pg_stat_database as database on database.datname = current_database(),
             lateral (
                 select string_agg(part.relfilenode::text, ',' order by part.oid) as files,
                     sum(s.n_tup_ins) as ins, sum(s.n_tup_upd) as upd, sum(s.n_tup_del) as del
                 from pg_class as part
                 join pg_stat_all_tables as s on s.relid = part.oid
                 where part.oid = c.oid
                    or c.relkind = 'p' and part.oid in (select relid from pg_partition_tree(c.oid))
             ) as counted
             where c.relname = $2 and c.relkind in ('r', 'p')
               and case when $1::text is null then pg_table_is_visible(c.oid) else n.nspname = $1 end",
        )
        .persistent(false)
        .bind(table.schema.as_deref())
        .bind(&table.name)
        .fetch_optional(&mut connection)
        .await
        .map_err(failed)?;
        let mark = row.map(|row| row.try_get(0)).transpose().map_err(failed)?;
        marks.insert(table.to_string(), mark);
    }
    Ok(marks)
}

/// The time of a table's last change. It has whole seconds, and the server forgets it when it
/// starts anew: then there is none.
async fn of_mysql(server: &MysqlServer, tables: &[&TableName]) -> Result<SideMarks> {
    let failed = |error| classify(error, "looking at what changed");
    let mut connection = server.connect(Purpose::Read).await?;
    // MySQL keeps an old answer for a day unless told otherwise; MariaDB has no such variable.
    let _ =
        ask(&mut connection, "set session information_schema_stats_expiry = 0".to_owned()).await;
    let mut marks = SideMarks::new();
    for table in tables {
        let name = literal(shared::connection::Engine::Mysql, &table.name);
        let rows = ask(
            &mut connection,
            format!(
                "select concat_ws(' ', create_time, update_time), \
                 timestampdiff(second, update_time, now()) \
                 from information_schema.tables \
                 where table_schema = database() and table_name = {name} \
                 and update_time is not null"
            ),
        )
        .await
        .map_err(failed)?;
        let mark = rows.into_iter().next().and_then(|row| {
            let mut cells = row.into_iter().flatten();
            let (mark, age) = (cells.next()?, cells.next()?.parse::<i64>().ok()?);
            // What changes within the same second leaves the same mark.
            (age > 1).then_some(mark)
        });
        marks.insert(table.to_string(), mark);
    }
    Ok(marks)
}

/// The counter of changes in the file's header, which stands still while there is a write-ahead
/// log, and what the file system says of both files.
fn of_sqlite(path: &Path) -> Option<String> {
    let mut header = [0; 28];
    std::fs::File::open(path).ok()?.read_exact(&mut header).ok()?;
    let counter = u32::from_be_bytes(header[24..28].try_into().ok()?);
    let mut mark = format!("{counter} {}", stamp(path)?);
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    // An empty log says as much as none.
    if let Some(log) = stamp(Path::new(&log)).filter(|log| !log.starts_with("0 ")) {
        // Writing to a String does not fail.
        let _ = write!(mark, " {log}");
    }
    Some(mark)
}

fn of_file(path: &Path) -> Option<String> {
    let mut hash = Sha256::new();
    let stamp = stamp(path)?;
    let mut file = std::fs::File::open(path).ok()?;
    let mut block = vec![0; 1 << 16];
    loop {
        match file.read(&mut block).ok()? {
            0 => break,
            read => hash.update(&block[..read]),
        }
    }
    let hash = hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    Some(format!("sha256:{hash} {stamp}"))
}

/// Length and time of the last change.
fn stamp(path: &Path) -> Option<String> {
    let metadata = std::fs::metadata(path).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{} {}", metadata.len(), modified.as_nanos()))
}

/// Whether two marks are of one state. A file that was only touched has the same hash.
fn same(before: &str, now: &str) -> bool {
    let hash = |mark: &str| Some(mark.strip_prefix("sha256:")?.split(' ').next()?.to_owned());
    match (hash(before), hash(now)) {
        (Some(before), Some(now)) => before == now,
        _ => before == now,
    }
}

/// The mark that was kept beside a SQLite file, if the file is still what it was.
fn kept_beside(path: &Path) -> Option<String> {
    let kept = std::fs::read_to_string(beside(path)).ok()?;
    (of_sqlite(path)? == kept).then(|| AS_IT_WAS_LEFT.to_owned())
}

const AS_IT_WAS_LEFT: &str = "as it was left";

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".transfuse-verified");
    PathBuf::from(name)
}
