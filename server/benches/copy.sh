#!/usr/bin/env bash
# What a large table costs: speed and peak memory of `transfuse migrate`, beside the plain COPY of
# the same rows in the same run. Usage: copy.sh [ROWS], by `./dev bench`.
set -euo pipefail

rows=${1:-5000000}
transfuse=${TRANSFUSE:?set by ./dev bench}
admin=${TRANSFUSE_TEST_POSTGRES:?set by ./dev bench}
psql=(psql --no-psqlrc --quiet --set ON_ERROR_STOP=1)
scratch=$(mktemp -d)
name=bench_$$
url_of() { printf '%s\n' "$admin" | sed -E "s#^(postgres(ql)?://[^/]+)(/[^?]*)?#\1/$1#"; }

clean_up() {
  for role in legacy peer new again; do
    "${psql[@]}" "$admin" -c "drop database if exists ${name}_$role with (force)" || true
  done
  rm -rf "$scratch"
}
trap clean_up EXIT
for role in legacy peer new again; do
  "${psql[@]}" "$admin" -c "create database ${name}_$role"
done
legacy=$(url_of "${name}_legacy") peer=$(url_of "${name}_peer") new=$(url_of "${name}_new")

ddl='create table visit (id bigint primary key, person bigint not null, at timestamptz not null,
  weight numeric(12,3), note text, open boolean not null)'
"${psql[@]}" "$legacy" -c "$ddl" -c "insert into visit
  select i, i % 100000, timestamptz '2020-01-01' + i * interval '1 second', i / 7.0,
         'Visit number ' || i || ' of the clinic', i % 2 = 0 from generate_series(1, $rows) i" \
  -c 'analyze visit'

# The peer: the same rows through psql, nothing checked and nothing written down.
"${psql[@]}" "$peer" -c "$ddl"
began=$(date +%s.%N)
"${psql[@]}" "$legacy" -c 'copy visit to stdout (format binary)' |
  "${psql[@]}" "$peer" -c 'copy visit from stdin (format binary)'
copied=$(echo "$(date +%s.%N) - $began" | bc)

measure() { # TITLE SOURCE TARGET
  "$transfuse" plan draft --source "$2" --target "$3" --out "$scratch/plan.yaml" >/dev/null 2>&1
  "$transfuse" migrate "$scratch/plan.yaml" --data "$scratch/data" --json "$scratch/out.json" >/dev/null 2>&1
  python3 - "$1" "$scratch/out.json" "$copied" <<'PY'
import json, sys
title, path, copied = sys.argv[1:]
out = json.load(open(path))
print(f"{title:<28} {out['seconds']:8.1f} s {out['rows_per_second']:12,.0f} rows/s "
      f"{out['seconds'] / float(copied):5.2f} x COPY {out['peak_rss_bytes'] / 2**20:7.1f} MiB peak"
      f"  books close: {out['books_close']}")
PY
}

printf '%s rows\n%-28s %8.1f s %12s rows/s\n' "$rows" 'psql COPY | psql COPY' "$copied" \
  "$(echo "$rows / $copied" | bc)"
measure 'PostgreSQL -> PostgreSQL' "$legacy" "$new"

mkdir "$scratch/csv"
"${psql[@]}" "$legacy" -c 'copy visit to stdout (format csv, header)' >"$scratch/csv/visit.csv"
measure 'CSV -> PostgreSQL' "csv:$scratch/csv" "$(url_of "${name}_again")"
