# shellcheck shell=bash disable=SC2034
# The versions of the tools. Libraries are pinned by Cargo.lock and e2e/package-lock.json.

RUST_OLDEST=1.95.0

# Installed at this version when missing or older.
CARGO_NEXTEST_VERSION=0.9.143
CARGO_DENY_VERSION=0.20.2
TRUNK_VERSION=0.21.14

# Probes the API with what its own document allows; installed beside the build, in its own folder.
SCHEMATHESIS_VERSION=4.32.5

# Playwright needs this Node; where the machine's is older, the second one is used beside it.
NODE_OLDEST=20.11.0
NODE_VERSION=22.23.3

# Debian's Rust for WebAssembly, for machines on which rustup cannot add the target.
WASM_PACKAGES="rustc-web rust-web-src rust-web-llvm cargo-web rust-web-clippy lld-22"
