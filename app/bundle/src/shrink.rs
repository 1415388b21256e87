//! Making modules small.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use crate::{
    failure::Failure,
    staging::{Module, Staging},
};

/// What every current browser has, and what rustc and wasm-bindgen write. Not `--all-features`:
/// wasm-opt then uses proposals that browsers refuse to compile.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Writes every module, smaller, to where it is served.
pub(crate) fn shrink_all(modules: &[Module], staging: &Staging) -> Result<(), Failure> {
    let program = wasm_opt(staging);
    // The modules are few, and a node process each is slow: side by side.
    thread::scope(|scope| {
        let shrinking: Vec<_> =
            modules.iter().map(|module| scope.spawn(|| shrink(&program, module))).collect();
        shrinking.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(Failure::new("shrinking a module panicked")))
        })
    })?;
    for Module { built, served } in modules {
        let name = served.strip_prefix(staging.folder()).unwrap_or(served);
        eprintln!("{:>10} → {:>9} bytes  {}", size(built)?, size(served)?, name.display());
    }
    Ok(())
}

fn shrink(program: &Path, module: &Module) -> Result<(), Failure> {
    let status = Command::new(program)
        .args(["-Oz", "--strip-debug", "--strip-producers"])
        .args(FEATURES)
        .arg(&module.built)
        .arg("-o")
        .arg(&module.served)
        .status()
        .map_err(Failure::doing(format!(
            "running {} (it comes with `npm ci` in e2e)",
            program.display()
        )))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("wasm-opt {}: {status}", module.built.display())))
}

/// The one that e2e/package.json pins, or else any on the `PATH`.
fn wasm_opt(staging: &Staging) -> PathBuf {
    let pinned = staging.source().join("../e2e/node_modules/.bin/wasm-opt");
    if pinned.exists() { pinned } else { "wasm-opt".into() }
}

fn size(path: &Path) -> Result<u64, Failure> {
    Ok(fs::metadata(path).map_err(Failure::with_file("measuring", path))?.len())
}
