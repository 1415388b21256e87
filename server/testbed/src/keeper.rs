//! Starting a server and holding it.
//!
//! A small script runs beside every server and ends it when nobody holds it any more (`keep.sh`):
//! a test process may be killed at any time and can be trusted with nothing.

use std::{
    env, fs,
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    client,
    error::Error,
    product::{Durability, Place, Product},
};

/// A running server, for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Held {
    port: u16,
    folder: PathBuf,
    _in_use: File,
}

/// What to start.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) product: Product,
    pub(crate) durability: Durability,
    /// How long the server outlives its last holder.
    pub(crate) grace: Duration,
    /// Where the server's folder is made.
    pub(crate) base: &'a Path,
}

/// The folder below which this user's servers keep theirs.
pub(crate) fn base() -> Result<PathBuf, Error> {
    let user = rustix::process::geteuid();
    let base = env::temp_dir().join(format!("transfuse-testbed-{}", user.as_raw()));
    match fs::DirBuilder::new().mode(0o755).create(&base) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Error::file("making", &base)(error))
        }
        _ => match fs::symlink_metadata(&base) {
            Ok(found) if found.is_dir() && found.uid() == user.as_raw() => Ok(base),
            Ok(_) => Err(Error::file("using", &base)(std::io::ErrorKind::PermissionDenied.into())),
            Err(error) => Err(Error::file("reading", &base)(error)),
        },
    }
}

/// The one server of this product below `wanted.base`, started if it does not run yet.
pub(crate) fn share(wanted: Wanted<'_>) -> Result<Held, Error> {
    let link = wanted.base.join(wanted.product.name());
    // Whoever comes second waits here until the server of the first answers.
    let _turn = lock_file(&link.with_extension("lock"), File::lock)?;

    if let Some(running) = join(&link) {
        return Ok(running);
    }
    let held = start(wanted, Some(&link), |folder| Ok(Place::within(folder)))?;
    let _ = fs::remove_file(&link);
    symlink(&held.folder, &link).map_err(Error::file("making", &link))?;
    Ok(held)
}

/// Starts a server whose files lie where `lay_out` puts them in its new folder.
pub(crate) fn start(
    wanted: Wanted<'_>,
    link: Option<&Path>,
    lay_out: impl Fn(&Path) -> Result<Place, Error>,
) -> Result<Held, Error> {
    sweep(wanted.base);
    // Between our look for a free port and the server's use of it another process can take it.
    for _ in 0..3 {
        match start_once(wanted, link, &lay_out) {
            Err(Error::NoAnswer { log }) if log.contains("ddress already in use") => {}
            outcome => return outcome,
        }
    }
    start_once(wanted, link, &lay_out)
}

impl Held {
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Kills the server, as a power cut would; what it had committed is on its disk.
    pub(crate) fn kill(&self) -> Result<(), Error> {
        let path = self.folder.join("server");
        let text = fs::read_to_string(&path).map_err(Error::file("reading", &path))?;
        let server = text.trim().parse().ok().and_then(rustix::process::Pid::from_raw);
        let server = server
            .ok_or_else(|| Error::file("reading", &path)(std::io::ErrorKind::InvalidData.into()))?;
        // One that is gone already is as dead as it is to be.
        let _ = rustix::process::kill_process(server, rustix::process::Signal::KILL);
        let limit = Instant::now() + Duration::from_secs(20);
        while !self.folder.join("ended").exists() && Instant::now() < limit {
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Starts a server that was killed, on the same port and files.
    pub(crate) fn start(&self, product: Product) -> Result<(), Error> {
        let wish = self.folder.join("start");
        fs::write(&wish, "").map_err(Error::file("writing", &wish))?;
        let limit = Instant::now() + Duration::from_mins(1);
        let url = product.administrator_url(self.port);
        while client::query(product, &url, "select 1;").is_err() {
            if Instant::now() > limit {
                return Err(Error::NoAnswer { log: self.end_of_log() });
            }
            thread::sleep(Duration::from_millis(50));
        }
        fs::remove_file(&wish).map_err(Error::file("removing", &wish))
    }

    /// Lets go of a server that nobody else holds, and returns when it is gone.
    pub(crate) fn end(self) {
        let folder = self.folder.clone();
        drop(self);
        let limit = Instant::now() + Duration::from_secs(20);
        while folder.exists() && Instant::now() < limit {
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn wait_until_answering(&self, product: Product) -> Result<(), Error> {
        let limit = Instant::now() + Duration::from_secs(90);
        let url = product.administrator_url(self.port);
        loop {
            if client::query(product, &url, "select 1;").is_ok() {
                return Ok(());
            }
            if self.folder.join("ended").exists() || Instant::now() > limit {
                return Err(Error::NoAnswer { log: self.end_of_log() });
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn end_of_log(&self) -> String {
        let log = fs::read(self.folder.join("server.log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

/// Holds the server that `link` leads to, if it still answers.
fn join(link: &Path) -> Option<Held> {
    let folder = fs::read_link(link).ok()?;
    let in_use = lock_file(&folder.join("in-use"), File::lock_shared).ok()?;
    let port = fs::read_to_string(folder.join("port")).ok()?.parse().ok()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
    Some(Held { port, folder, _in_use: in_use })
}

/// Removes what servers left below `base` whose starter or keeper was killed. Their processes are
/// gone: the kernel ended them.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let folder = entry.path();
        if is_abandoned(&folder).unwrap_or(false) {
            let _ = Command::new("umount").arg(folder.join("disk")).output();
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

/// Whether the server of this folder was never started, or is kept by nobody any more.
fn is_abandoned(folder: &Path) -> std::io::Result<bool> {
    const LONGER_THAN_ANY_START: Duration = Duration::from_mins(10);

    let found = fs::symlink_metadata(folder)?;
    let age = found.modified()?.elapsed().unwrap_or_default();
    if !found.is_dir() || age < LONGER_THAN_ANY_START {
        return Ok(false);
    }
    let keeper = fs::read_to_string(folder.join("keeper")).unwrap_or_default();
    Ok(keeper.is_empty() || !Path::new("/proc").join(keeper.trim()).exists())
}

fn start_once(
    wanted: Wanted<'_>,
    link: Option<&Path>,
    lay_out: impl Fn(&Path) -> Result<Place, Error>,
) -> Result<Held, Error> {
    let folder = make_folder(wanted)?;
    let place = lay_out(folder.path())?;
    let account = wanted.product.account();
    wanted.product.initialise(account, &place)?;

    let port = free_port()?;
    let port_path = folder.path().join("port");
    fs::write(&port_path, port.to_string()).map_err(Error::file("writing", &port_path))?;
    let in_use = lock_file(&folder.path().join("in-use"), File::lock_shared)?;
    let unshared = folder.path().join("unshared");
    let script = folder.path().join("keep.sh");
    fs::write(&script, include_str!("keep.sh")).map_err(Error::file("writing", &script))?;
    Command::new("setsid")
        .arg("sh")
        .arg(&script)
        .arg(folder.path())
        .arg(link.unwrap_or(&unshared))
        .arg((wanted.grace.as_millis() / 500).to_string())
        .arg(wanted.product.ending_signal())
        .args(account.setpriv_options())
        .arg("--")
        .args(wanted.product.command_line(&place, port, wanted.durability)?)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(Error::system("starting a server"))?;

    // From here on the script removes the folder.
    if let Some(disk) = place.disk {
        disk.hand_over();
    }
    let held = Held { port, folder: folder.keep(), _in_use: in_use };
    held.wait_until_answering(wanted.product)?;
    Ok(held)
}

/// A folder that the server's account can enter.
fn make_folder(wanted: Wanted<'_>) -> Result<TempDir, Error> {
    tempfile::Builder::new()
        .prefix(&format!("{}-", wanted.product.name()))
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in(wanted.base)
        .map_err(Error::file("making a folder in", wanted.base))
}

fn free_port() -> Result<u16, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(Error::system("looking for a free port"))
}

fn lock_file(path: &Path, lock: impl FnOnce(&File) -> std::io::Result<()>) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::file("making", path))?;
    lock(&file).map_err(Error::file("locking", path))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_a_killed_starter_left_is_removed_and_a_kept_server_is_not() {
        let base = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::now() - Duration::from_hours(1);
        let folder = |name: &str, keeper: &str| {
            let path = base.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::write(path.join("keeper"), keeper).unwrap();
            File::open(&path).unwrap().set_modified(long_ago).unwrap();
            path
        };
        let never_started = folder("postgres-a", "");
        let kept = folder("postgres-b", &std::process::id().to_string());
        let keeper_killed = folder("postgres-c", "999999999");

        sweep(base.path());

        assert!(!never_started.exists());
        assert!(kept.exists());
        assert!(!keeper_killed.exists());
    }

    #[test]
    fn a_shared_server_is_joined_and_ends_when_it_was_idle() {
        let base = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .unwrap();
        let wanted = Wanted {
            product: Product::Postgres,
            durability: Durability::Fast,
            grace: Duration::from_secs(1),
            base: base.path(),
        };

        let first = share(wanted).unwrap();
        let second = share(wanted).unwrap();
        assert_eq!(first.folder(), second.folder());
        drop(first);
        thread::sleep(Duration::from_secs(3));
        assert!(second.folder().exists(), "it ended though somebody held it");
        let third = share(wanted).unwrap();
        assert_eq!(second.folder(), third.folder());
        drop(second);
        third.end();

        let fourth = share(wanted).unwrap();
        assert_eq!(fs::read_link(base.path().join("postgres")).unwrap(), fourth.folder());
        fourth.end();
        assert!(!base.path().join("postgres").exists());
    }
}
