#!/usr/bin/env bash
# Makes WebAssembly buildable on this machine; done at once when it is.
#
#   wasm-toolchain.sh                  set up
#   wasm-toolchain.sh run COMMAND...   set up, then run COMMAND with that compiler
#
# Tried in this order: the compiler in use has the target; Debian's compiler was made to have it
# before; rustup adds the target; Debian's compiler is made to have it.
# WASM_TOOLCHAIN=rustup leaves Debian out, WASM_TOOLCHAIN=debian everything else.
set -euo pipefail
cd "$(dirname "$0")/.."
. .dev/versions.sh
. .dev/setup.sh

WASM=wasm32-unknown-unknown
DEBIAN=/usr             # where Debian's rustc and cargo are
NAME=debian-wasm        # and what rustup shall call them

# The compiler finds a standard library for the target.
has_target() {
  local folder
  folder=$("$1" --print target-libdir --target "$WASM" 2>/dev/null) &&
    compgen -G "$folder/libstd-*.rlib" >/dev/null
}

# A standard library is good for the very compiler that built it.
debian_compiler() {
  "$DEBIAN/bin/rustc" -vV | sed -n 's/^\(release\|commit-hash\|LLVM version\): //p' | tr '\n' ' '
}

debian_is_ready() {
  local stamp=$DEBIAN/lib/rustlib/$WASM/.built-by
  [ -x "$DEBIAN/bin/rustc" ] && [ -x "$DEBIAN/bin/cargo" ] && [ -f "$stamp" ] &&
    [ "$(cat "$stamp")" = "$(debian_compiler)" ] && has_target "$DEBIAN/bin/rustc"
}

rustup_adds_target() {
  has rustup && timeout 120 rustup target add "$WASM" >/dev/null 2>&1 && has_target rustc
}

# Debian packages the compiler with the source of the standard library, but not the library for
# WebAssembly: it is compiled once and put where the compiler looks. No package owns that folder.
make_debian_ready() {
  local packages work root=() destination=$DEBIAN/lib/rustlib/$WASM
  read -ra packages <<<"$WASM_PACKAGES"
  dpkg -s "${packages[@]}" >/dev/null 2>&1 || need_packages "${packages[@]}"

  say "compiling the standard library for $WASM (two minutes)"
  work=$(mktemp -d)
  mkdir "$work/src"
  printf '[package]\nname = "seed"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' \
    >"$work/Cargo.toml"
  printf '#![no_std]\n' >"$work/src/lib.rs"
  # Link-time optimisation of the portal needs the bitcode, which cargo leaves out by itself.
  (cd "$work" && env -u RUSTUP_TOOLCHAIN -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET \
    RUSTC="$DEBIAN/bin/rustc" RUSTC_BOOTSTRAP=1 RUSTC_WRAPPER='' \
    RUSTFLAGS=-Cembed-bitcode=yes CARGO_TARGET_DIR="$work/target" CARGO_INCREMENTAL=0 \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 CARGO_PROFILE_RELEASE_DEBUG=false \
    "$DEBIAN/bin/cargo" build --quiet --release --target "$WASM" \
    -Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test)
  rm -f "$work/target/$WASM/release/deps/"libseed-*

  [ -w "$DEBIAN/lib/rustlib" ] || root=(sudo)
  "${root[@]}" rm -rf "$destination.new" "$destination"
  "${root[@]}" mkdir -p "$destination.new/lib"
  "${root[@]}" cp "$work/target/$WASM/release/deps/"lib*.rlib "$destination.new/lib/"
  debian_compiler | "${root[@]}" tee "$destination.new/.built-by" >/dev/null
  "${root[@]}" mv "$destination.new" "$destination"
  rm -rf "$work"
  debian_is_ready || die "the standard library for $WASM was compiled, but rustc refuses it"
}

# Lets cargo, and so Trunk, find Debian's compiler.
use_debian() {
  if has rustup; then
    [[ $(rustup toolchain list) == *"$NAME"* ]] || rustup toolchain link "$NAME" "$DEBIAN"
    export RUSTUP_TOOLCHAIN=$NAME
  else
    export PATH="$DEBIAN/bin:$PATH" RUSTC="$DEBIAN/bin/rustc"
  fi
}

mode=${WASM_TOOLCHAIN:-auto}
if [ "$mode" != debian ] && has rustc && has_target rustc; then
  :
elif [ "$mode" != rustup ] && debian_is_ready; then
  use_debian
elif [ "$mode" != debian ] && rustup_adds_target; then
  :
elif [ "$mode" != rustup ] && has apt-get; then
  make_debian_ready
  use_debian
else
  die "Rust cannot compile to WebAssembly: run 'rustup target add $WASM'"
fi

case "${1:-}" in
  '') ;;
  run) shift && exec "$@" ;;
  *) die "usage: wasm-toolchain.sh [run COMMAND...]" ;;
esac
