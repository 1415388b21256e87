#!/usr/bin/env bash
# What finding duplicates costs and how right it is: `transfuse match` beside Splink on DuckDB, as its
# documents set it up and as a careful user tunes it, on the same invented people in one run.
#
#   match.sh [SECTION...]    people (1 M records), large (10 M); without any, people
#
# By `./dev bench`. RECORDS=100000 is a quick look. REPEAT=3 measures three times and keeps the run
# that took the least processor time. VENV=FOLDER keeps Splink, which comes from PyPI, for the next
# run; without PyPI, Transfuse is measured alone.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
: "${TRANSFUSE:?set by ./dev bench}"
exec python3 "$here/match/main.py" "$@"
