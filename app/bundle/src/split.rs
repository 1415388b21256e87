//! Cutting a module at its split points.

use std::{fs, path::PathBuf};

use wasm_split_cli_support::Options;

use crate::{
    bindings,
    failure::Failure,
    staging::{Module, Staging},
};

/// The import that a split point leaves in a linked module.
const PLACEHOLDER: &[u8] = b"__wasm_split_placeholder__";

/// Whether the module has parts that load later.
pub(crate) fn has_split_points(linked: &[u8]) -> bool {
    linked.windows(PLACEHOLDER.len()).any(|window| window == PLACEHOLDER)
}

/// Cuts a module and stages its script. The modules are the main one and all that load later.
pub(crate) fn cut(linked: &[u8], staging: &Staging) -> Result<Vec<Module>, Failure> {
    let work = staging.empty_work_folder()?;
    let bindings_folder = work.join("bindings");
    let cut_folder = work.join("cut");
    let stem = staging.stem();
    // A folder per build, so that its files may be cached for ever.
    let later = format!("split-{}", stem.rsplit('-').next().unwrap_or(stem));
    make_folder(cut_folder.join(&later))?;
    let served_later = make_folder(staging.folder().join(&later))?;

    let main_module = work.join(stem).with_extension("wasm");
    let link_name = format!("./{later}/link.js");
    let script_seen_from_there = format!("../{}", staging.script());
    let mut options = Options::new(linked);
    options.output_dir = &cut_folder;
    options.main_out_path = &main_module;
    options.link_name = &link_name;
    options.main_module = &script_seen_from_there;
    let done = wasm_split_cli_support::transform(options)
        .map_err(|cause| Failure::new(format!("cutting the module: {cause:?}")))?;

    bindings::of_main_module(&main_module, stem, &bindings_folder)?;
    copy(bindings_folder.join(staging.script()), staging.folder().join(staging.script()))?;
    copy(cut_folder.join(&later).join("link.js"), served_later.join("link.js"))?;

    let main = format!("{stem}_bg.wasm");
    let mut modules =
        vec![Module { built: bindings_folder.join(&main), served: staging.folder().join(&main) }];
    for built in done.split_modules {
        let name = built.file_name().ok_or_else(|| Failure::new("a cut module has no name"))?;
        modules.push(Module { served: served_later.join(name), built });
    }
    Ok(modules)
}

fn make_folder(path: PathBuf) -> Result<PathBuf, Failure> {
    fs::create_dir_all(&path).map_err(Failure::with_file("making", &path))?;
    Ok(path)
}

fn copy(from: PathBuf, to: PathBuf) -> Result<(), Failure> {
    fs::copy(&from, to).map_err(Failure::with_file("copying", &from))?;
    Ok(())
}
