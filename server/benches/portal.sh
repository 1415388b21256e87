#!/usr/bin/env bash
# What the portal costs in a browser: how long after it is made a change is seen, at a thousand
# changes a second; how many frames are lost while ten thousand rows of a quarantine scroll by; and
# how large the first load is before anybody signs in.
#
#   RATE=1000   changes a second
#   SECONDS_OF_CHANGES=30   for how long
#   ROWS=10000  rows in quarantine
#
# Run by './dev bench'. Drives the release in Chromium, through the suite of the browser tests. The
# changes are written into the control store by a program of its own, the way another server of the
# same store would.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

TRANSFUSE=${TRANSFUSE:?the path of the program}
TARGET=${CARGO_TARGET_DIR:-$PWD/target}
cargo build --quiet --locked -p server --example changes
export E2E_BINARY=$TRANSFUSE CHANGES=$TARGET/debug/examples/changes
npm --prefix e2e run --silent bench
