#!/usr/bin/env bash
# with-build-cache.sh COMMAND...: runs COMMAND with the dependencies that earlier runs compiled.
#
# For clones that live for one run only. One run at a time has the kept folder; another beside it
# compiles into its own, because both would leave different binaries under the same names.
set -euo pipefail
LIMIT_MEGABYTES=15000

# A clone elsewhere compiles its own crates again, and what an earlier one left is never used.
remove_own_crates() {
  local dep_info hash folder
  while IFS= read -r dep_info; do
    hash=${dep_info##*-}
    hash=${hash%.d}
    folder=$(dirname "$dep_info")
    rm -rf "$folder/"*"-$hash"* "$folder/../.fingerprint/"*"-$hash"
  done < <(find "$CARGO_TARGET_DIR" -path '*/deps/*.d' -exec grep -L /registry/src/ {} +)
}

cache=${XDG_CACHE_HOME:-$HOME/.cache}/transfuse
mkdir -p "$cache"
exec 9>"$cache/lock"
if flock --nonblock 9; then
  export CARGO_TARGET_DIR=$cache/target
  mkdir -p "$CARGO_TARGET_DIR"
  # What dependencies of former versions leave behind is not worth sorting out.
  if [ "$(du --summarize --block-size=1M "$CARGO_TARGET_DIR" | cut -f 1)" -gt "$LIMIT_MEGABYTES" ]; then
    rm -rf "$CARGO_TARGET_DIR"
  fi
  remove_own_crates
fi
# Children outlive the run by a moment and must not hold the lock.
"$@" 9>&-
