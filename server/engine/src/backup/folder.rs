//! The folder that a backup is: sealed files, and a manifest that proves them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use shared::backup::{BackupFile, FORMAT, Manifest};
use shared::error_code::ErrorCode;

use super::hex;
use super::sealed::{Opener, Sealer};
use crate::error::{EngineError, Result};
use crate::seal::{self, Key};

const MANIFEST: &str = "manifest.json";

/// zstd's own default: fast, and a few times smaller for most tables.
const LEVEL: i32 = 3;

/// A backup on its way. Without its manifest it is none.
pub struct NewFolder {
    path: PathBuf,
    key: Key,
    files: Vec<BackupFile>,
}

/// Takes the bytes of one file.
pub(super) type FileWriter = zstd::Encoder<'static, Sealer<BufWriter<File>>>;

impl NewFolder {
    /// Makes the folder, for its owner only. One that has something in it is left alone.
    pub fn create(path: &Path, key: &Key) -> Result<Self> {
        let fault = |error: io::Error| unusable(path, error);
        if path.exists() && fs::read_dir(path).map_err(fault)?.next().is_some() {
            return Err(unusable(path, io::Error::other("there is something in it already")));
        }
        let mut folder = fs::DirBuilder::new();
        folder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(path).map_err(fault)?;
        Ok(Self { path: path.to_owned(), key: key.clone(), files: Vec::new() })
    }

    /// A path in the folder for something that goes again.
    pub(super) fn scratch(&self, name: &str) -> PathBuf {
        self.path.join(format!(".{name}.scratch"))
    }

    pub(super) fn begin(&self, name: &str) -> Result<FileWriter> {
        let path = self.path.join(name);
        let begun = own_file(&path).and_then(|file| {
            let sealer = Sealer::new(BufWriter::with_capacity(1 << 20, file), name, &self.key)?;
            zstd::Encoder::new(sealer, LEVEL)
        });
        begun.map_err(|error| unusable(&path, error))
    }

    pub(super) fn end(&mut self, name: &str, writer: FileWriter) -> Result<()> {
        let path = self.path.join(name);
        let ended = writer.finish().and_then(Sealer::finish).and_then(|(file, bytes, sha256)| {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            Ok(BackupFile { name: name.to_owned(), bytes, sha256 })
        });
        self.files.push(ended.map_err(|error| unusable(&path, error))?);
        Ok(())
    }

    /// Seals a file that is there.
    pub(super) fn add(&mut self, name: &str, path: &Path) -> Result<()> {
        let mut writer = self.begin(name)?;
        File::open(path)
            .and_then(|mut file| io::copy(&mut file, &mut writer))
            .map_err(|error| unusable(path, error))?;
        self.end(name, writer)
    }

    /// Writes the manifest, last of all.
    pub fn finish(self, mut manifest: Manifest) -> Result<Manifest> {
        manifest.files = self.files;
        manifest.mac = mac(&self.key, &manifest);
        let path = self.path.join(MANIFEST);
        let text = serde_json::to_vec_pretty(&manifest).expect("a manifest is JSON");
        let scratch = self.path.join(".manifest.scratch");
        let written = own_file(&scratch).and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&scratch, &path)?;
            File::open(&self.path)?.sync_all()
        });
        written.map_err(|error| unusable(&path, error))?;
        Ok(manifest)
    }
}

/// A backup whose manifest was found to be the installation's own.
pub struct Folder {
    path: PathBuf,
    key: Key,
    manifest: Manifest,
}

/// Gives the bytes of one file.
pub(super) type FileReader = zstd::Decoder<'static, BufReader<Opener<BufReader<File>>>>;

impl Folder {
    pub fn open(path: &Path, key: &Key) -> Result<Self> {
        let file = path.join(MANIFEST);
        let text = fs::read(&file).map_err(|error| untrusted(&file, error))?;
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|error| untrusted(&file, error))?;
        if manifest.format != FORMAT {
            return Err(untrusted(&file, "this build reads another format"));
        }
        let written = from_hex(&manifest.mac).unwrap_or_default();
        if mac_of(key, &manifest).verify_slice(&written).is_err() {
            return Err(untrusted(&file, "it was changed, or made with another key"));
        }
        Ok(Self { path: path.to_owned(), key: key.clone(), manifest })
    }

    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Reads every file to its end: its hash, every sealed piece of it, and how many rows are in
    /// it. Nothing is restored from what was not looked at so.
    pub fn verify(&self) -> Result<()> {
        for file in &self.manifest.files {
            let path = self.path.join(&file.name);
            let (bytes, sha256) = hash_of(&path).map_err(|error| untrusted(&path, error))?;
            if bytes != file.bytes || sha256 != file.sha256 {
                return Err(untrusted(&path, "it is not what the manifest says"));
            }
        }
        let parts = [&self.manifest.target, &self.manifest.store];
        for part in parts.into_iter().flatten() {
            for table in &part.tables {
                let Some(name) = &table.file else { continue };
                let rows = self.count_lines(name)?;
                if rows != table.rows {
                    let path = self.path.join(name);
                    return Err(untrusted(&path, "it has not the rows that the manifest says"));
                }
            }
            if let Some(name) = &part.file {
                self.count_lines(name)?;
            }
        }
        Ok(())
    }

    fn count_lines(&self, name: &str) -> Result<u64> {
        let mut reader = self.read(name)?;
        let mut lines = 0;
        let mut buffer = vec![0; 256 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(lines),
                Ok(read) => lines += memchr::memchr_iter(b'\n', &buffer[..read]).count() as u64,
                Err(error) => return Err(untrusted(&self.path.join(name), error)),
            }
        }
    }

    pub(super) fn read(&self, name: &str) -> Result<FileReader> {
        let path = self.path.join(name);
        let opened = File::open(&path).and_then(|file| {
            let opener = Opener::new(BufReader::with_capacity(1 << 20, file), name, &self.key)?;
            zstd::Decoder::new(opener)
        });
        opened.map_err(|error| untrusted(&path, error))
    }

    /// Opens a file into one of its owner's only.
    pub fn extract(&self, name: &str, to: &Path) -> Result<()> {
        let mut reader = self.read(name)?;
        let extracted = own_file(to).and_then(|mut file| {
            io::copy(&mut reader, &mut file)?;
            file.sync_all()
        });
        extracted.map_err(|error| unusable(to, error))
    }
}

fn hash_of(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, hex(&hash.finalize())));
        }
        bytes += read as u64;
        hash.update(&buffer[..read]);
    }
}

/// A new file that nobody but its owner reads.
fn own_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn mac(key: &Key, manifest: &Manifest) -> String {
    hex(&mac_of(key, manifest).finalize().into_bytes())
}

/// Over the manifest without its own last field, in the one way in which it is written.
fn mac_of(key: &Key, manifest: &Manifest) -> Hmac<Sha256> {
    let without = Manifest { mac: String::new(), ..manifest.clone() };
    let text = serde_json::to_vec(&without).expect("a manifest is JSON");
    let key = seal::derive(key, b"manifests of backups");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a MAC takes any key");
    mac.update(&text);
    mac
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits?;
    digits.chunks(2).map(|pair| Some(pair[0] << 4 | pair.get(1)?)).collect()
}

fn unusable(path: &Path, error: io::Error) -> EngineError {
    EngineError::new(ErrorCode::Sys003, format!("writing {}", path.display())).because(error)
}

fn untrusted(
    path: &Path,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> EngineError {
    EngineError::new(ErrorCode::Sys020, format!("reading {}", path.display())).because(cause)
}
