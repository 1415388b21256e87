//! JavaScript bindings of a module.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use wasm_bindgen_cli_support::Bindgen;

use crate::failure::Failure;

/// The command `wasm-bindgen`, as far as Trunk calls it.
pub(crate) fn command(arguments: impl Iterator<Item = String>) -> Result<(), Failure> {
    let mut bindgen = Bindgen::new();
    let mut folder = None;
    let mut module = None;
    bindgen.web(true).map_err(Failure::doing("choosing the web"))?;
    for argument in arguments {
        let (name, value) = argument.split_once('=').unwrap_or((&argument, ""));
        match name {
            "--version" | "-V" => return print_version(),
            "--out-dir" => folder = Some(PathBuf::from(value)),
            "--out-name" => _ = bindgen.out_name(value),
            "--no-typescript" => _ = bindgen.typescript(false),
            "--keep-debug" => _ = bindgen.keep_debug(true),
            "--debug" => _ = bindgen.debug(true),
            "--no-demangle" => _ = bindgen.demangle(false),
            "--keep-lld-exports" => _ = bindgen.keep_lld_exports(true),
            "--target" if value == "web" => {}
            "--weak-refs" | "--reference-types" => {}
            _ if !name.starts_with('-') && module.is_none() => module = Some(argument),
            _ => return Err(Failure::new(format!("{argument} is not supported here"))),
        }
    }
    let (Some(module), Some(folder)) = (module, folder) else {
        let usage = "usage: wasm-bindgen --target=web --out-dir=DIR --out-name=NAME MODULE";
        return Err(Failure::new(usage));
    };
    write(bindgen.input_path(&module), Path::new(&module), &folder)
}

/// Writes the bindings of a main module from which others were cut.
pub(crate) fn of_main_module(module: &Path, stem: &str, folder: &Path) -> Result<(), Failure> {
    let mut bindgen = Bindgen::new();
    bindgen
        .web(true)
        .map_err(Failure::doing("choosing the web"))?
        .typescript(false)
        .keep_lld_exports(true)
        .demangle(false)
        .out_name(stem)
        .input_path(module);
    write(&mut bindgen, module, folder)
}

fn write(bindgen: &mut Bindgen, module: &Path, folder: &Path) -> Result<(), Failure> {
    bindgen.generate(folder).map_err(|cause| {
        Failure::new(format!("writing the bindings of {}: {cause:#}", module.display()))
    })
}

fn print_version() -> Result<(), Failure> {
    writeln!(io::stdout(), "wasm-bindgen {}", wasm_bindgen_shared::version())
        .map_err(Failure::doing("printing the version"))
}
