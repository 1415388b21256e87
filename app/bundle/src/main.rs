//! The build steps of the portal that Trunk does not have.
//!
//! `bundle` is Trunk's `post_build` hook. It cuts a bundle with split points (feature `split` of
//! `app`) into the module that starts the portal and the modules that load when they are first
//! visited, makes the modules of a release small, and compresses what is served.
//!
//! Called through a link named `wasm-bindgen` it is the part of that command that Trunk uses: so
//! its version is always the one in Cargo.lock, and nothing else has to be installed.
//! (A crate of that name would not compile: rustc takes it for an old version of the library.)

mod failure;
mod bindings;
mod compress;
mod staging;
mod split;
mod shrink;

use std::{env, path::Path, process::ExitCode};

use failure::Failure;
use staging::Staging;

fn main() -> ExitCode {
    let mut arguments = env::args();
    let called_as = arguments.next().unwrap_or_default();
    let outcome = if Path::new(&called_as).file_stem().is_some_and(|name| name == "wasm-bindgen") {
        bindings::command(arguments)
    } else {
        bundle()
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{called_as}: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Replaces what Trunk staged by what shall be served.
fn bundle() -> Result<(), Failure> {
    let staging = Staging::from_environment()?;
    let linked = staging.linked_module()?;
    let is_split = split::has_split_points(&linked);
    if !is_split && !staging.is_release() {
        return Ok(());
    }

    let integrity_before = staging.integrity()?;
    let modules =
        if is_split { split::cut(&linked, &staging)? } else { vec![staging.whole_module()?] };
    if staging.is_release() {
        shrink::shrink_all(&modules, &staging)?;
    } else {
        modules.iter().try_for_each(staging::Module::copy)?;
    }
    staging.replace_integrity(&integrity_before)?;
    if staging.is_release() { compress::compress_all(&staging) } else { Ok(()) }
}
