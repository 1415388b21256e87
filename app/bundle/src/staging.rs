//! What Trunk built and where it put it.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha384};

use crate::failure::Failure;

/// The name of the portal's binary crate.
const BINARY: &str = "app";

/// The folder in which Trunk collects a build before it becomes `dist`.
pub(crate) struct Staging {
    folder: PathBuf,
    source: PathBuf,
    target: PathBuf,
    profile: Profile,
    script: String,
    module: String,
}

/// A module on its way to where it is served.
pub(crate) struct Module {
    pub(crate) built: PathBuf,
    pub(crate) served: PathBuf,
}

/// The integrity values of the script and the module, as they stand in the page.
pub(crate) struct Integrity([String; 2]);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Profile {
    Debug,
    Release,
}

impl Staging {
    /// From the variables that Trunk sets for a hook.
    pub(crate) fn from_environment() -> Result<Self, Failure> {
        let folder = PathBuf::from(variable("TRUNK_STAGING_DIR")?);
        let profile = match variable("TRUNK_PROFILE")?.as_str() {
            "release" => Profile::Release,
            _ => Profile::Debug,
        };
        Ok(Self {
            script: staged_file(&folder, ".js")?,
            module: staged_file(&folder, "_bg.wasm")?,
            source: PathBuf::from(variable("TRUNK_SOURCE_DIR")?),
            target: env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()).into(),
            folder,
            profile,
        })
    }

    pub(crate) fn is_release(&self) -> bool {
        self.profile == Profile::Release
    }

    /// The module as the linker wrote it.
    pub(crate) fn linked_module(&self) -> Result<Vec<u8>, Failure> {
        let profile = match self.profile {
            Profile::Debug => "debug",
            // As `data-cargo-profile-release` in index.html says.
            Profile::Release => "wasm-release",
        };
        let path = self
            .target
            .join("wasm32-unknown-unknown")
            .join(profile)
            .join(BINARY)
            .with_extension("wasm");
        fs::read(&path).map_err(Failure::with_file("reading", &path))
    }

    /// The staged module, to be served as a whole.
    pub(crate) fn whole_module(&self) -> Result<Module, Failure> {
        let built = self.empty_work_folder()?.join(&self.module);
        let served = self.folder.join(&self.module);
        fs::copy(&served, &built).map_err(Failure::with_file("copying", &served))?;
        Ok(Module { built, served })
    }

    /// The script's name without its extension; Trunk's hash of the build is its end.
    pub(crate) fn stem(&self) -> &str {
        self.script.trim_end_matches(".js")
    }

    pub(crate) fn script(&self) -> &str {
        &self.script
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder with the portal's sources.
    pub(crate) fn source(&self) -> &Path {
        &self.source
    }

    /// A folder for intermediate files.
    pub(crate) fn empty_work_folder(&self) -> Result<PathBuf, Failure> {
        let folder = self.target.join("bundle");
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(Failure::with_file("emptying", &folder))?;
        }
        fs::create_dir_all(&folder).map_err(Failure::with_file("making", &folder))?;
        Ok(folder)
    }

    pub(crate) fn integrity(&self) -> Result<Integrity, Failure> {
        let of = |name: &str| {
            let path = self.folder.join(name);
            let content = fs::read(&path).map_err(Failure::with_file("reading", &path))?;
            Ok(integrity_value(&content))
        };
        Ok(Integrity([of(&self.script)?, of(&self.module)?]))
    }

    /// Makes the page expect the script and the module that are there now.
    pub(crate) fn replace_integrity(&self, before: &Integrity) -> Result<(), Failure> {
        let page = self.folder.join("index.html");
        let html = fs::read_to_string(&page).map_err(Failure::with_file("reading", &page))?;
        fs::write(&page, with_integrity_replaced(html, before, &self.integrity()?))
            .map_err(Failure::with_file("writing", &page))
    }
}

impl Module {
    pub(crate) fn copy(&self) -> Result<(), Failure> {
        fs::copy(&self.built, &self.served).map_err(Failure::with_file("copying", &self.built))?;
        Ok(())
    }
}

fn variable(name: &str) -> Result<String, Failure> {
    env::var(name).map_err(|_| {
        Failure::new(format!("{name} is not set: Trunk runs this as its post_build hook"))
    })
}

/// The one file that Trunk made of the binary: `app-<hash><suffix>`.
fn staged_file(folder: &Path, suffix: &str) -> Result<String, Failure> {
    let entries = fs::read_dir(folder).map_err(Failure::with_file("reading", folder))?;
    let found: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(BINARY) && name.ends_with(suffix))
        .collect();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        _ => Err(Failure::new(format!(
            "expected one {BINARY}*{suffix} in {}, found {found:?}",
            folder.display()
        ))),
    }
}

fn integrity_value(content: &[u8]) -> String {
    format!("sha384-{}", STANDARD.encode(Sha384::digest(content)))
}

fn with_integrity_replaced(html: String, before: &Integrity, after: &Integrity) -> String {
    before.0.iter().zip(&after.0).fold(html, |html, (old, new)| html.replace(old, new))
}
