#!/usr/bin/env bash
# How near a forecast comes: what `assess` foretells of copying, of keys and indexes and of a
# verification, beside what they then take, from each engine into PostgreSQL.
#
#   ROWS=1000000   rows of the plain table (default)
#   SCALE=0.1      of the sample legacy database (default)
#
# Run by './dev bench'. Needs psql.
set -euo pipefail

ROWS=${ROWS:-1000000}
SCALE=${SCALE:-0.1}
TRANSFUSE=$(readlink -f "${TRANSFUSE:?the path of the program}")
SERVER=${TRANSFUSE_TEST_POSTGRES:?run by ./dev bench, or by testbed run}
MARIADB=${TRANSFUSE_TEST_MARIADB:?run by ./dev bench, or by testbed run}
work=$(mktemp -d)
source_db=transfuse_bench_legacy_$$
target_db=transfuse_bench_modern_$$
source_url=${SERVER%/*}/$source_db
mysql_url=${MARIADB%/*}/$source_db
target_url=${SERVER%/*}/$target_db

run_sql() { psql -X -q -v ON_ERROR_STOP=1 -At "$@"; }
# on_mariadb STATEMENTS
on_mariadb() {
  PYTHONPATH=$(dirname "${BASH_SOURCE[0]}")/copy python3 -B -c \
    'import sys, measure; measure.mariadb_client(*sys.argv[1:])' "$MARIADB" "$1"
}
transfuse() { "$TRANSFUSE" --data "$work/data" "$@"; }

clean_up() {
  run_sql "$SERVER" -c "drop database if exists $source_db with (force)" \
    -c "drop database if exists $target_db with (force)" || true
  on_mariadb "drop database if exists $source_db" || true
  rm -rf "$work"
}
trap clean_up EXIT

empty_target() {
  run_sql "$SERVER" -c "drop database if exists $target_db with (force)" -c "create database $target_db"
}

# compare NAME PLAN: a line for the run and one for the verification.
compare() {
  local name=$1 plan=$2 status=0
  transfuse assess "$plan" --json "$work/assessed.json" >/dev/null 2>"$work/log" || status=$?
  [ "$status" = 0 ] || [ "$status" = 3 ] || { cat "$work/log" >&2; exit 1; }
  transfuse migrate "$plan" --json "$work/ran.json" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
  transfuse verify "$plan" --json "$work/verified.json" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
  python3 - "$name" "$work" <<'PYTHON'
import json, sys
name, work = sys.argv[1:]
read = lambda file: json.load(open(f'{work}/{file}.json'))
told, ran, verified = read('assessed')['forecast'], read('ran'), read('verified')
def line(what, foretold, took):
    print(f'{name:34} {what:13} foretold {foretold:6.2f} s   took {took:6.2f} s   '
          f'{100 * (foretold / took - 1):+4.0f} %')
line('run', told['copy_seconds'] + told['index_seconds'] + told['other_seconds'], ran['seconds'])
line('verification', told['verify_seconds'], verified['seconds'])
quarantined = sum(table['quarantined'] for table in ran['tables'])
foretold = sum(table['quarantined'] for table in told['tables'])
print(f'{name:34} quarantine    foretold {foretold:6}     took {quarantined:6}')
PYTHON
}

run_sql "$SERVER" -c "create database $source_db"
echo "the sample at scale $SCALE, and one table of $ROWS rows; $(nproc) processors"
on_mariadb "create database $source_db"
for into in "sqlite:$work/legacy.db" "$mysql_url"; do
  # It leaves the truth of a server's database where it is called.
  (cd "$work" && transfuse generate mdw --into "$into" --scale "$SCALE" 2>"$work/log") ||
    { cat "$work/log" >&2; exit 1; }
  empty_target
  transfuse plan draft --source "$into" --target "$target_url" --template mdw --out "$work/plan.yaml" \
    2>"$work/log" || { cat "$work/log" >&2; exit 1; }
  compare "sample, ${into%%:*}" "$work/plan.yaml"
done

run_sql "$source_url" <<SQL
create table visits (
  id bigint primary key, person_id bigint, at timestamptz, weight double precision,
  amount numeric(12,2), is_open boolean, ref uuid, note text
);
insert into visits
select i, i % 100000, timestamptz '2020-01-01 00:00+00' + i * interval '17 s', sqrt(i), i * 0.37,
       i % 3 = 0, md5(i::text)::uuid, case when i % 4 = 0 then null else 'note on visit ' || i end
from generate_series(1, $ROWS) as i;
create index on visits (person_id);
create index on visits (at);
vacuum analyze visits;
SQL
empty_target
transfuse plan draft --source "$source_url" --target "$target_url" --out "$work/plan.yaml" \
  2>"$work/log" || { cat "$work/log" >&2; exit 1; }
compare "one table, postgres" "$work/plan.yaml"
