#!/usr/bin/env bash
# A hundred runs each for the process, the source's server and the target's: killed with SIGKILL at
# a random instant, continued by the same command, compared with an undisturbed one by checksum.
# Prints after how long each went on. KILL_ROUNDS asks for fewer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
export TRANSFUSE_KILL_ROUNDS=${KILL_ROUNDS:-100}
cargo test --quiet --locked -p server --test cli kill:: -- --nocapture --test-threads 1 2>&1 |
  grep -E 'killed|went on|test result|panicked'
