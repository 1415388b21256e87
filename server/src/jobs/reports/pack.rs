//! Files with a manifest that names their hashes, and a signature over the manifest.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use shared::evidence::{Evidence, FORMAT, Manifest, PackFile};

use crate::auth::hex;
use crate::auth::key::{InstallationKey, Purpose};

const MANIFEST: &str = "manifest.json";
const SIGNATURE: &str = "manifest.sig";

/// One file of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub name: &'static str,
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

/// A pack, signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    pub evidence: Evidence,
    pub manifest: Manifest,
    /// Ed25519 over the manifest's file, in hexadecimal digits.
    pub signature: String,
    files: Vec<File>,
}

impl Pack {
    /// All files, the manifest and its signature last.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// Writes the files into a folder that is empty or not there yet.
    pub fn write(&self, folder: &Path) -> Result<(), PackError> {
        let unwritable = |source| PackError::Folder { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(unwritable)?;
        let own: BTreeSet<&str> = self.files.iter().map(|file| file.name).collect();
        for entry in fs::read_dir(folder).map_err(unwritable)? {
            let name = entry.map_err(unwritable)?.file_name();
            // An earlier pack of the run is replaced; anything else is somebody's.
            if !name.to_str().is_some_and(|name| own.contains(name)) {
                return Err(PackError::NotEmpty { path: folder.to_owned() });
            }
        }
        for file in &self.files {
            let path = folder.join(file.name);
            fs::write(&path, &file.bytes).map_err(|source| PackError::Folder { path, source })?;
        }
        Ok(())
    }
}

/// Signs for an installation.
#[derive(Clone)]
pub struct Signer(SigningKey);

impl Signer {
    pub fn new(key: &InstallationKey) -> Self {
        Self(SigningKey::from_bytes(&key.derive(Purpose::Reports)))
    }

    /// The key by which others tell what this installation signed, in hexadecimal digits.
    pub fn public_key(&self) -> String {
        hex(self.0.verifying_key().as_bytes())
    }

    pub(super) fn sign(&self, evidence: Evidence, mut files: Vec<File>) -> Pack {
        files.sort_by_key(|file| file.name);
        let listed: Vec<PackFile> = files
            .iter()
            .map(|file| PackFile {
                name: file.name.to_owned(),
                bytes: file.bytes.len() as u64,
                sha256: hex(&Sha256::digest(&file.bytes)),
            })
            .collect();
        let manifest = Manifest {
            format: FORMAT,
            run_id: evidence.run.id.clone(),
            hash: hash_of(&listed),
            files: listed,
            public_key: self.public_key(),
        };
        let text = json(&manifest);
        let signature = hex(&self.0.sign(&text).to_bytes());
        files.push(File { name: MANIFEST, media_type: "application/json", bytes: text });
        let line = format!("{signature}\n").into_bytes();
        files.push(File { name: SIGNATURE, media_type: "text/plain; charset=utf-8", bytes: line });
        Pack { evidence, manifest, signature, files }
    }
}

/// Why a pack could not be written, or is not to be believed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    #[error("{}", .path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("{} has files of something else in it", .path.display())]
    NotEmpty { path: PathBuf },
    #[error("{name} is not what was signed")]
    Changed { name: String },
    #[error("{name} does not belong to the pack")]
    Foreign { name: String },
    #[error("the pack was signed with another key, {public_key}")]
    OtherKey { public_key: String },
}

/// Holds the files of a folder against what was signed. `public_key` is whose signature is
/// expected; without one, that of the manifest is taken, which only shows that nothing was changed
/// since somebody signed it.
pub fn verify(folder: &Path, public_key: Option<&str>) -> Result<Manifest, PackError> {
    let changed = |name: &str| PackError::Changed { name: name.to_owned() };
    let read = |name: &str| match fs::read(folder.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(changed(name)),
        read => read.map_err(|source| PackError::Folder { path: folder.join(name), source }),
    };
    let text = read(MANIFEST)?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|_| changed(MANIFEST))?;
    let signature = read(SIGNATURE)?;
    let signature = signature.strip_suffix(b"\n").ok_or_else(|| changed(SIGNATURE))?;
    let signature = bytes_of::<64>(signature).ok_or_else(|| changed(SIGNATURE))?;
    if let Some(expected) = public_key
        && expected != manifest.public_key
    {
        return Err(PackError::OtherKey { public_key: manifest.public_key });
    }
    let key = bytes_of::<32>(manifest.public_key.as_bytes()).ok_or_else(|| changed(MANIFEST))?;
    let key = VerifyingKey::from_bytes(&key).map_err(|_| changed(MANIFEST))?;
    key.verify_strict(&text, &Signature::from_bytes(&signature)).map_err(|_| changed(MANIFEST))?;
    for file in &manifest.files {
        // A name that leads elsewhere is none that was ever signed.
        if Path::new(&file.name).components().count() != 1 {
            return Err(PackError::Foreign { name: file.name.clone() });
        }
        let bytes = read(&file.name)?;
        if bytes.len() as u64 != file.bytes || hex(&Sha256::digest(&bytes)) != file.sha256 {
            return Err(changed(&file.name));
        }
    }
    if hash_of(&manifest.files) != manifest.hash {
        return Err(changed(MANIFEST));
    }
    let known = |name: &str| {
        name == MANIFEST || name == SIGNATURE || manifest.files.iter().any(|file| file.name == name)
    };
    let unreadable = |source| PackError::Folder { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        if !known(&name) {
            return Err(PackError::Foreign { name });
        }
    }
    Ok(manifest)
}

fn hash_of(files: &[PackFile]) -> String {
    let mut lines = String::new();
    for file in files {
        // Writing to a String does not fail.
        let _ = writeln!(lines, "{}  {}", file.sha256, file.name);
    }
    hex(&Sha256::digest(lines))
}

pub(super) fn json(value: &impl serde::Serialize) -> Vec<u8> {
    let mut text =
        serde_json::to_vec_pretty(value).expect("names and numbers can be written as JSON");
    text.push(b'\n');
    text
}

/// Bytes from hexadecimal digits in the one form that is written here.
fn bytes_of<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let is_lower = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() != N * 2 || !digits.iter().all(is_lower) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// A run of which nothing is known but that it was.
#[cfg(test)]
pub(super) fn empty_evidence() -> Evidence {
    use chrono::DateTime;
    use shared::evidence::RunEvidence;
    use shared::run::RunState;

    Evidence {
        format: FORMAT,
        run: RunEvidence {
            id: "run-1".parse().expect("an id"),
            plan_name: "mdw".to_owned(),
            plan_hash: "00".repeat(32),
            state: RunState::Completed,
            started_at: DateTime::UNIX_EPOCH,
            ended_at: Some(DateTime::UNIX_EPOCH),
            source_position: None,
            made: Vec::new(),
        },
        tables: Vec::new(),
        books_close: true,
        forecast: None,
        losses: Vec::new(),
        quarantine: Vec::new(),
        quarantine_work: Vec::new(),
        merges: Vec::new(),
        verifications: Vec::new(),
        repairs: Vec::new(),
        sign_offs: Vec::new(),
        checks: Vec::new(),
        approvals: Vec::new(),
        deeds: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::page;
    use super::*;

    fn signer(seed: u8) -> Signer {
        let text = hex(&[seed; 32]);
        Signer::new(&InstallationKey::load(Path::new("."), Some(&text)).expect("a key"))
    }

    fn pack(seed: u8) -> Pack {
        let evidence = empty_evidence();
        let files = page::files(&evidence, None);
        signer(seed).sign(evidence, files)
    }

    #[test]
    fn a_pack_is_believed_as_long_as_no_byte_of_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        pack(7).write(path).unwrap();
        let key = signer(7).public_key();
        verify(path, Some(&key)).unwrap();

        for file in pack(7).files() {
            for place in [0, file.bytes.len() / 2, file.bytes.len() - 1] {
                let mut changed = file.bytes.clone();
                changed[place] ^= 0x20;
                fs::write(path.join(file.name), &changed).unwrap();
                assert!(verify(path, Some(&key)).is_err(), "{} at {place}", file.name);
                assert!(verify(path, None).is_err(), "{} at {place}", file.name);
            }
            fs::write(path.join(file.name), &file.bytes).unwrap();
        }
        verify(path, Some(&key)).unwrap();
    }

    #[test]
    fn a_file_more_or_less_is_noticed_and_so_is_another_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        pack(7).write(path).unwrap();

        let other = verify(path, Some(&signer(8).public_key())).unwrap_err();
        assert!(matches!(other, PackError::OtherKey { .. }), "{other}");
        fs::write(path.join("more.txt"), "").unwrap();
        let more = verify(path, None).unwrap_err();
        assert!(matches!(more, PackError::Foreign { .. }), "{more}");
        assert!(matches!(pack(7).write(path).unwrap_err(), PackError::NotEmpty { .. }));
        fs::remove_file(path.join("more.txt")).unwrap();
        fs::remove_file(path.join("tables.csv")).unwrap();
        assert!(matches!(verify(path, None).unwrap_err(), PackError::Changed { .. }));
    }

    #[test]
    fn the_same_evidence_gives_the_same_bytes() {
        assert_eq!(pack(7), pack(7));
        assert_eq!(pack(7).manifest.hash, pack(8).manifest.hash, "whoever signs it");
        assert_ne!(pack(7).signature, pack(8).signature);
    }
}
