//! Lets the server be built before the portal is.

use std::path::Path;

fn main() {
    // What is embedded must be there when it is compiled, if only as an empty folder.
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist");
    if let Err(error) = std::fs::create_dir_all(&dist) {
        println!("cargo::error=the folder {} cannot be made: {error}", dist.display());
    }
    // A debug build reads the portal's files when they are asked for.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed=../dist");
        println!("cargo::rerun-if-changed=../docs/migration");
    }
    println!("cargo::rerun-if-changed=migrations");
}
