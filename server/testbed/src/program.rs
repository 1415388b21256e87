//! The programs of the database packages: where they are, and running them to their end.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{account::Account, error::Error};

/// The first of `names` found in `folders` or on the `PATH`.
pub(crate) fn find(
    names: &[&'static str],
    package: &'static str,
    folders: &[PathBuf],
) -> Result<PathBuf, Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers where the PATH of an ordinary user does not lead.
    let places = folders.iter().cloned().chain(env::split_paths(&path)).chain(["/usr/sbin".into()]);
    let places: Vec<PathBuf> = places.collect();
    names
        .iter()
        .flat_map(|name| places.iter().map(move |place| place.join(name)))
        .find(|candidate| candidate.is_file())
        .ok_or(Error::NotInstalled { program: names[0], package })
}

/// A command that runs under `account`, in `folder`, and neither reads nor writes the terminal.
pub(crate) fn command_as(account: Account, folder: &Path, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(account.setpriv_options()).arg("--").arg(program);
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// Runs a command to its end and returns what it wrote.
pub(crate) fn run(doing: &str, command: &mut Command) -> Result<String, Error> {
    let output = command.output().map_err(Error::system(doing))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let output_text = [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes));
    Err(Error::Program {
        doing: doing.to_owned(),
        status: output.status,
        output: output_text.join("\n").trim().to_owned(),
    })
}

/// `--name=value`, whatever bytes the value has.
pub(crate) fn option(name: &str, value: impl Into<OsString>) -> OsString {
    let mut option = OsString::from(format!("--{name}="));
    option.push(value.into());
    option
}
