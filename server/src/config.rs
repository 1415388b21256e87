//! Settings, read and validated once.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use engine::EngineError;
use shared::error_code::ErrorCode;

use crate::auth::key::{self, InstallationKey, KeyError};
use crate::jobs::crew::{QueueError, Queues};
use crate::store::{Address, Store, StoreError};

/// Where an installation keeps what is its own.
#[derive(Debug, Clone)]
pub struct Installation {
    data: PathBuf,
    store: Option<String>,
}

impl Installation {
    /// `data` is the data folder; `store` the URL of a control store elsewhere.
    pub const fn new(data: PathBuf, store: Option<String>) -> Self {
        Self { data, store }
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Makes the data folder where it is missing, for its owner only.
    pub fn prepare(&self) -> Result<(), SettingError> {
        let unusable = |source| SettingError::Data { path: self.data.clone(), source };
        let mut folder = fs::DirBuilder::new();
        folder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(&self.data).map_err(unusable)?;
        if self.data.is_dir() { Ok(()) } else { Err(unusable(io::ErrorKind::NotADirectory.into())) }
    }

    /// Keeps other servers away from the data folder for as long as the lock is held.
    pub fn lock(&self) -> Result<File, SettingError> {
        let path = self.data.join("lock");
        let unusable = |source| SettingError::Data { path: path.clone(), source };
        let lock = File::create(&path).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(SettingError::Locked { path: self.data.clone() }),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    /// The installation's key, made at first use.
    pub fn key(&self) -> Result<InstallationKey, SettingError> {
        self.prepare()?;
        let from_environment = std::env::var(key::VARIABLE).ok();
        Ok(InstallationKey::load(&self.data, from_environment.as_deref())?)
    }

    /// Opens the control store, made at first use.
    pub async fn open_store(&self) -> Result<Store, SettingError> {
        self.prepare()?;
        Ok(Store::open(&self.store_address()?).await?)
    }

    /// The queues beside the control store, through which several processes share a run.
    pub async fn open_queues(&self) -> Result<Queues, SettingError> {
        Ok(Queues::open(&self.store_address()?, &self.data).await?)
    }

    /// Whether the store was named, and others may share it.
    pub const fn is_shared(&self) -> bool {
        self.store.is_some()
    }

    pub fn store_address(&self) -> Result<Address, SettingError> {
        Ok(match &self.store {
            Some(url) => Address::parse(url)?,
            None => Address::file(&self.data.join("control.db"))?,
        })
    }

    /// The files of the data folder that are nobody's source or target.
    pub fn own_files(&self) -> Vec<PathBuf> {
        let names = ["control.db", "jobs.db", "key", "lock", "installation", "demo-password"];
        let mut files: Vec<_> = names.map(|name| self.data.join(name)).into();
        let elsewhere = self.store.as_deref().and_then(|url| url.strip_prefix("sqlite:"));
        if let Some(path) = elsewhere {
            let path = path.trim_start_matches("//").split('?').next().unwrap_or_default();
            files.push(PathBuf::from(path));
        }
        files
    }

    /// The URL of a control store that is a server's database.
    pub fn store_url(&self) -> Option<String> {
        self.store.clone().filter(|url| !url.starts_with("sqlite:"))
    }

    /// A name of this installation that stays the same when it restarts.
    pub fn name(&self) -> Result<String, SettingError> {
        let path = self.data.join("installation");
        let unusable = |source| SettingError::Data { path: path.clone(), source };
        match fs::read_to_string(&path) {
            Ok(name) if !name.trim().is_empty() => Ok(name.trim().to_owned()),
            Ok(_) => self.write_name(&path).map_err(unusable),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.write_name(&path).map_err(unusable)
            }
            Err(error) => Err(unusable(error)),
        }
    }

    #[expect(clippy::unused_self, reason = "reads as a part of the installation's name")]
    fn write_name(&self, path: &Path) -> io::Result<String> {
        let name = crate::auth::hex(&rand::random::<[u8; 8]>());
        fs::write(path, &name)?;
        Ok(name)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    #[error("preparing {}", .path.display())]
    Data { path: PathBuf, source: io::Error },
    #[error("another transfuse serves from {}", .path.display())]
    Locked { path: PathBuf },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl SettingError {
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Data { .. } | Self::Locked { .. } | Self::Key(KeyError::File { .. }) => {
                ErrorCode::Sys003
            }
            Self::Key(_) => ErrorCode::Sys005,
            Self::Store(_) | Self::Queue(_) => ErrorCode::Sys007,
        }
    }
}

impl From<SettingError> for EngineError {
    fn from(error: SettingError) -> Self {
        Self::new(error.code(), "preparing the installation").because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_servers_do_not_share_a_data_folder() {
        let data = tempfile::tempdir().unwrap();
        let installation = Installation::new(data.path().to_owned(), None);
        let held = installation.lock().unwrap();

        assert_eq!(installation.lock().unwrap_err().code(), ErrorCode::Sys003);

        drop(held);
        installation.lock().unwrap();
    }

    #[test]
    fn an_installation_keeps_its_name() {
        let data = tempfile::tempdir().unwrap();
        let installation = Installation::new(data.path().to_owned(), None);

        assert_eq!(installation.name().unwrap(), installation.name().unwrap());
    }

    #[test]
    fn a_data_folder_that_is_a_file_is_refused() {
        let data = tempfile::NamedTempFile::new().unwrap();
        let installation = Installation::new(data.path().to_owned(), None);

        assert_eq!(installation.prepare().unwrap_err().code(), ErrorCode::Sys003);
    }
}
