//! The account under which a server runs: database servers refuse to be root.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::{DirBuilderExt, chown},
    path::Path,
};

use crate::error::Error;

/// Who a server runs as.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Account {
    /// As the caller, who is an ordinary user.
    Own,
    /// As this user and group, because the caller is root.
    Other { user: u32, group: u32 },
}

impl Account {
    /// The first of `names` that this machine knows, when the caller is root.
    pub(crate) fn for_server(names: &[&str]) -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self::Own;
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        names
            .iter()
            .find_map(|name| lookup(&users, name))
            .map_or(Self::Own, |(user, group)| Self::Other { user, group })
    }

    /// The options with which `setpriv` runs a program under this account.
    pub(crate) fn setpriv_options(self) -> Vec<OsString> {
        match self {
            Self::Own => Vec::new(),
            Self::Other { user, group } => vec![
                format!("--reuid={user}").into(),
                format!("--regid={group}").into(),
                "--clear-groups".into(),
            ],
        }
    }

    /// Makes a folder that this account alone can use.
    pub(crate) fn make_folder(self, path: &Path) -> Result<(), Error> {
        fs::DirBuilder::new().mode(0o700).create(path).map_err(Error::file("making", path))?;
        match self {
            Self::Own => Ok(()),
            Self::Other { user, group } => chown(path, Some(user), Some(group))
                .map_err(Error::file("changing the owner of", path)),
        }
    }
}

fn lookup(users: &str, name: &str) -> Option<(u32, u32)> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}
