use std::{ffi::OsString, fs, path::PathBuf, process::Command};

use url::Url;

use crate::{
    account::Account,
    error::Error,
    product::{ADMINISTRATOR, Durability, Place},
    program::{self, option},
};

pub(crate) fn initialise(account: Account, place: &Place) -> Result<(), Error> {
    let users = first_statements(place);
    fs::write(
        &users,
        format!(
            "create user {ADMINISTRATOR}@'%' identified by '{ADMINISTRATOR}';\n\
             grant all on *.* to {ADMINISTRATOR}@'%' with grant option;\n"
        ),
    )
    .map_err(Error::file("writing", &users))?;
    account.make_folder(&place.data)?;
    account.make_folder(&scratch(place))?;

    let mut command = if let Ok(install) = find(&["mariadb-install-db"]) {
        let mut command = program::command_as(account, &place.folder, &install);
        command.args(["--no-defaults", "--skip-test-db"]);
        command.arg("--auth-root-authentication-method=normal");
        command
    } else {
        let mut command = program::command_as(account, &place.folder, &server_program()?);
        command.args(["--no-defaults", "--initialize-insecure"]);
        command
    };
    command.args([option("datadir", &place.data), option("tmpdir", scratch(place))]);
    program::run("initialising MariaDB", &mut command)?;
    Ok(())
}

pub(crate) fn command_line(
    place: &Place,
    port: u16,
    durability: Durability,
) -> Result<Vec<OsString>, Error> {
    let mut command: Vec<OsString> = vec![server_program()?.into(), "--no-defaults".into()];
    command.extend([
        option("datadir", &place.data),
        option("port", port.to_string()),
        option("init-file", first_statements(place)),
        option("tmpdir", scratch(place)),
    ]);
    command.extend(
        [
            "--bind-address=127.0.0.1",
            // Relative to the data: the whole path may be longer than a socket's name can be.
            "--socket=server.sock",
            "--skip-name-resolve",
            "--max-connections=300",
            "--max-allowed-packet=64M",
            "--character-set-server=utf8mb4",
            "--default-time-zone=+00:00",
            "--local-infile=1",
            "--performance-schema=OFF",
            "--server-id=1",
            "--log-bin=binlog",
            "--binlog-format=ROW",
            "--binlog-row-image=FULL",
            "--log-bin-trust-function-creators=1",
        ]
        .map(OsString::from),
    );
    match durability {
        Durability::Fast => command.extend(
            ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--sync-binlog=0"]
                .map(OsString::from),
        ),
        Durability::Durable => command.push("--sync-binlog=1".into()),
    }
    Ok(command)
}

pub(crate) fn client(url: &Url) -> Result<Command, Error> {
    let mut command = Command::new(find(&["mariadb", "mysql"])?);
    command
        .args(["--no-defaults", "--batch", "--raw", "--skip-column-names", "--binary-mode"])
        .args(["--default-character-set=utf8mb4", "--connect-timeout=10", "--protocol=tcp"])
        .arg(option("host", url.host_str().unwrap_or("127.0.0.1")))
        .arg(option("port", url.port().unwrap_or(3306).to_string()))
        .arg(option("user", url.username()))
        .arg(option("database", url.path().trim_start_matches('/')))
        .env("MYSQL_PWD", url.password().unwrap_or_default());
    Ok(command)
}

/// Its own, because a server that starts removes the temporary tables of all that share it.
fn scratch(place: &Place) -> PathBuf {
    place.folder.join("tmp")
}

/// SQL that the server runs when it starts for the first time.
fn first_statements(place: &Place) -> PathBuf {
    place.folder.join("users.sql")
}

fn server_program() -> Result<PathBuf, Error> {
    find(&["mariadbd", "mysqld"])
}

fn find(names: &[&'static str]) -> Result<PathBuf, Error> {
    program::find(names, "mariadb-server", &[])
}
