use std::{ffi::OsString, fs, path::PathBuf, process::Command};

use url::Url;

use crate::{
    account::Account,
    error::Error,
    product::{ADMINISTRATOR, Durability, Place},
    program::{self, option},
};

pub(crate) fn initialise(account: Account, place: &Place) -> Result<(), Error> {
    let password = place.folder.join("password");
    fs::write(&password, ADMINISTRATOR).map_err(Error::file("writing", &password))?;
    account.make_folder(&place.data)?;

    let mut command = program::command_as(account, &place.folder, &server_program("initdb")?);
    command
        .args(["--username", ADMINISTRATOR, "--auth", "scram-sha-256", "--encoding", "UTF8"])
        .args(["--locale", "C.UTF-8", "--no-sync", "--wal-segsize", "1", "--pwfile"])
        .arg(&password)
        .arg("--pgdata")
        .arg(&place.data);
    if let Some(folder) = &place.write_ahead_log {
        account.make_folder(folder)?;
        command.arg("--waldir").arg(folder);
    }
    program::run("initialising PostgreSQL", &mut command)?;
    Ok(())
}

pub(crate) fn command_line(
    place: &Place,
    port: u16,
    durability: Durability,
) -> Result<Vec<OsString>, Error> {
    let mut settings = vec![
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        "unix_socket_directories=".to_owned(),
        "max_connections=300".to_owned(),
        "wal_level=logical".to_owned(),
        "max_replication_slots=50".to_owned(),
        "max_wal_senders=50".to_owned(),
        "max_wal_size=512MB".to_owned(),
        "timezone=UTC".to_owned(),
        "lc_messages=C".to_owned(),
    ];
    if durability == Durability::Fast {
        settings.extend(
            ["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned),
        );
    }
    let mut command = vec![server_program("postgres")?.into(), "-D".into(), (&place.data).into()];
    for setting in settings {
        command.extend(["-c".into(), setting.into()]);
    }
    Ok(command)
}

pub(crate) fn client(url: &Url) -> Result<Command, Error> {
    let mut command = Command::new(server_program("psql")?);
    command
        .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--field-separator=\t"])
        .args(["--pset=null=NULL", "--set=ON_ERROR_STOP=1", "--file=-"])
        .arg(option("dbname", url.as_str()))
        .env("PGCONNECT_TIMEOUT", "10")
        .env("PGCLIENTENCODING", "UTF8")
        .env("PGOPTIONS", "--client-min-messages=warning");
    Ok(command)
}

/// A program of the newest PostgreSQL on this machine.
fn server_program(name: &'static str) -> Result<PathBuf, Error> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        // The client alone has a folder too.
        .filter(|(_, folder)| folder.join("initdb").is_file())
        .collect();
    versions.sort_by(|left, right| right.cmp(left));
    let folders: Vec<PathBuf> = versions.into_iter().map(|(_, folder)| folder).collect();
    program::find(&[name], "postgresql", &folders)
}
