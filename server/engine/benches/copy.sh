#!/usr/bin/env bash
# What copying costs: time, processor and memory of `transfuse migrate` beside pgloader, sling,
# `pg_dump | pg_restore`, `COPY | COPY` and COPY from a file, in one run on one machine.
#
#   copy.sh [SECTION...]    mysql, postgres, sqlite, csv, bad, memory; without any, all of them
#
# By `./dev bench`. ROWS=20000 is a quick look; the budgets are stated for ROWS=1000000, which makes
# as many wide rows and four times as many narrow ones. REPEAT=3 measures three times and keeps the
# quickest. KEEP=FOLDER keeps what is generated for the next run.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
: "${TRANSFUSE:?set by ./dev bench}" "${TRANSFUSE_TEST_POSTGRES:?}" "${TRANSFUSE_TEST_MARIADB:?}"
exec python3 "$here/copy/main.py" "$@"
