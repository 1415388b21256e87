# shellcheck shell=bash
# Installs what a command of `dev` needs and the machine lacks. Every function is done at once when
# nothing is missing, says what to install when it fails, and gives up on a server that is silent.

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/transfuse

# Programs that were installed before this shell started may not be on its PATH yet.
PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin

export CARGO_HTTP_TIMEOUT=30 CARGO_NET_RETRY=2 PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1

say() { printf '%s\n' "── $*" >&2; }
die() { printf '%s\n' "dev: $*" >&2; exit 1; }
has() { command -v "$1" >/dev/null; }

# at_least HAVE WANTED: HAVE is a version, and none older than WANTED.
at_least() {
  [ -n "$1" ] && [ "$(printf '%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# Rust itself, and a C compiler: some of its crates contain C, and all are linked by it.
need_rust() {
  has cargo || die "Rust is missing: install it with rustup (https://rustup.rs)"
  local version
  version=$(rustc --version | cut -d ' ' -f 2)
  at_least "${version%%-*}" "$RUST_OLDEST" ||
    die "Rust $version is too old: bring it to $RUST_OLDEST or newer with 'rustup update stable'"
  has cc || need_packages build-essential
}

need_lints() {
  cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return
  has rustup || die "rustfmt and clippy are missing: install them"
  timeout 300 rustup component add rustfmt clippy ||
    die "rustfmt and clippy are missing: install them with 'rustup component add rustfmt clippy'"
}

# need_cargo_tool CRATE VERSION [CARGO-INSTALL-OPTION...]
# Compiled without optimisation: the tools are quick enough, and ready in a third of the time.
need_cargo_tool() {
  local crate=$1 version=$2
  shift 2
  at_least "$("$crate" --version 2>/dev/null | awk 'NR == 1 { print $2 }')" "$version" && return
  say "installing $crate $version (a few minutes)"
  env -u CARGO_TARGET_DIR -u RUSTFLAGS \
    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=false \
    cargo install --quiet --locked --version "$version" "$@" "$crate" ||
    die "$crate is missing: install it with 'cargo install --locked --version $version $crate'"
  hash -r
}

need_nextest() {
  need_cargo_tool cargo-nextest "$CARGO_NEXTEST_VERSION" \
    --no-default-features --features default-no-update
}

# Without its own network client: git fetches the advisories.
need_deny() { need_cargo_tool cargo-deny "$CARGO_DENY_VERSION" --no-default-features; }

# PostgreSQL and MariaDB (or MySQL), of which the tests start servers of their own.
need_databases() {
  local missing=()
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || has initdb || missing+=(postgresql)
  PATH=$PATH:/usr/sbin has mariadbd || PATH=$PATH:/usr/sbin has mysqld || missing+=(mariadb-server)
  [ ${#missing[@]} = 0 ] || need_packages "${missing[@]}"
}

# The WebAssembly compiler, Trunk and what Trunk calls.
need_portal_tools() {
  .dev/wasm-toolchain.sh
  need_cargo_tool trunk "$TRUNK_VERSION" --no-default-features
  need_node_modules
  # With the compiler that Trunk's hook will run under, so that it is built once.
  with_wasm cargo build --quiet --locked --profile tool -p bundle
  # Trunk looks for a wasm-bindgen of the version in Cargo.lock; `bundle` is one.
  ln -sf bundle "$TARGET/tool/wasm-bindgen"
  export PATH="$TARGET/tool:$PATH"
}

with_wasm() { .dev/wasm-toolchain.sh run "$@"; }

need_node() {
  at_least "$(node_version)" "$NODE_OLDEST" && return
  PATH=$CACHE/node/node_modules/node-linux-$(node_machine)/bin:$PATH
  at_least "$(node_version)" "$NODE_OLDEST" && return
  has npm || need_packages nodejs npm
  at_least "$(node_version)" "$NODE_OLDEST" && return
  say "installing Node $NODE_VERSION beside the machine's own"
  npm_quietly install --prefix "$CACHE/node" "node-linux-$(node_machine)@$NODE_VERSION" ||
    die "Node $(node_version) is too old: install Node $NODE_OLDEST or newer"
}

need_node_modules() {
  need_node
  local lock=e2e/package-lock.json installed=e2e/node_modules/.installed-lock.json
  cmp -s "$lock" "$installed" && return
  say "installing the packages of e2e"
  (cd e2e && npm_quietly ci) || die "the packages of e2e are missing: run 'npm ci' in e2e"
  cp "$lock" "$installed"
}

# Chromium, wherever Playwright's configuration looks for it. The tests ask SQLite whose names are in
# the demonstration, so that no address has one of them.
need_browser() {
  has sqlite3 || need_packages sqlite3
  [ -n "${CHROMIUM:-}" ] && return
  has chromium || has chromium-browser || has google-chrome && return
  # Ubuntu's package is only a pointer to a snap, which containers and servers lack.
  if has apt-get && ! grep -qi '^ID=ubuntu' /etc/os-release; then
    need_packages chromium
    return
  fi
  compgen -G "$HOME/.cache/ms-playwright/chromium-*" >/dev/null && return
  say "downloading Chromium"
  (cd e2e && env -u PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD timeout 900 \
    node_modules/.bin/playwright install --with-deps chromium) ||
    die "a browser is missing: install Chromium or Google Chrome, or set CHROMIUM to its path"
}

# need_packages PACKAGE...: from Debian or Ubuntu.
need_packages() {
  local root=() install=(apt-get install -y -q --no-install-recommends "$@")
  has apt-get || die "please install: $*"
  if [ "$(id -u)" != 0 ]; then
    if has sudo && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
      root=(sudo)
    else
      die "please run as root: ${install[*]}"
    fi
  fi
  say "installing $*"
  local patience=(-o Acquire::http::Timeout=20 -o Acquire::Retries=1 -o DPkg::Lock::Timeout=120)
  # The lists may be good enough without an update, and may not exist without one.
  "${root[@]}" timeout 300 apt-get "${patience[@]}" update -qq >&2 || true
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive timeout 1800 \
    "${install[@]}" "${patience[@]}" >&2 || die "please run as root: ${install[*]}"
  hash -r
}

node_version() { node --version 2>/dev/null | tr -d v; }
node_machine() { if [ "$(uname -m)" = aarch64 ]; then echo arm64; else echo x64; fi; }
npm_quietly() {
  timeout 900 npm "$@" --ignore-scripts --no-audit --no-fund --loglevel=error \
    --fetch-timeout=30000 --fetch-retries=2 >&2
}
