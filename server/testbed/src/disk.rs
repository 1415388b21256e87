//! A small disk of its own for a server, to be filled up.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{error::Error, program};

/// A file system in memory, unmounted with this value unless it was handed over.
#[derive(Debug)]
pub(crate) struct Disk {
    path: PathBuf,
}

/// Enough to initialise a server; the size that is wanted is set when it runs.
const SIZE_AT_FIRST: u64 = 1 << 30;

impl Disk {
    /// Mounts it at `folder/disk`, where the server's keeper unmounts it.
    pub(crate) fn mount(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("disk");
        fs::create_dir(&path).map_err(Error::file("making", &path))?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o"]).arg(format!("mode=755,size={SIZE_AT_FIRST}"));
        program::run("mounting a small disk", mount.arg("transfuse-testbed").arg(&path))
            .map_err(|cause| Error::CannotMount { cause: Box::new(cause) })?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the unmounting to the server's keeper.
    pub(crate) fn hand_over(mut self) {
        self.path.clear();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // A mount that stays costs no more than its few files in memory.
            let _ = Command::new("umount").arg(&self.path).status();
        }
    }
}

/// Shrinks the disk below a server's `folder` until only `free_bytes` are left on it.
pub(crate) fn shrink(folder: &Path, free_bytes: u64) -> Result<(), Error> {
    let path = folder.join("disk");
    let usage = rustix::fs::statvfs(&path)
        .map_err(|error| Error::file("measuring", &path)(error.into()))?;
    let used_bytes = (usage.f_blocks - usage.f_bfree) * usage.f_frsize;
    let mut remount = Command::new("mount");
    remount.arg("-o").arg(format!("remount,size={}", used_bytes + free_bytes));
    program::run("shrinking the small disk", remount.arg(&path))?;
    Ok(())
}
