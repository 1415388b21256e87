#!/usr/bin/env bash
# Whether a server is after long work what it was after minutes: people read its pages, streams
# stay open and are opened anew, and the sample is assessed, run, verified and undone again and again.
# Prints what was asked, how long answers took, and how memory, open files, threads and the store grew.
#
#   MINUTES=30   for how long
#   PEOPLE=10    how many read; each asks for something every second
#   STREAMS=20   how many follow everything
#
# Run by './dev bench'.
set -euo pipefail
: "${TRANSFUSE:?set by ./dev bench}"
: "${TRANSFUSE_TEST_POSTGRES:?run by ./dev bench, or by testbed run}"
exec python3 -B "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/soak/main.py"
