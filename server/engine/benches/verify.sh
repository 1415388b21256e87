#!/usr/bin/env bash
# How long it takes to compare two PostgreSQL tables, beside the time that COPY takes to write both
# to nothing, and beside reladiff on the same tables.
#
#   ROWS=10000000   how many rows (default); a tenth of it takes about a minute in all
#   MANY=2000000    how many of them differ in the end (a fifth of the rows by default)
#
# Run by './dev bench'. Needs psql; installs reladiff from PyPI into a scratch folder, and does
# without it where PyPI cannot be reached.
set -euo pipefail

ROWS=${ROWS:-10000000}
MANY=${MANY:-$((ROWS / 5))}
TRANSFUSE=${TRANSFUSE:?the path of the program}
SERVER=${TRANSFUSE_TEST_POSTGRES:?run by ./dev bench, or by testbed run}
work=$(mktemp -d)
source_db=transfuse_bench_legacy_$$
target_db=transfuse_bench_modern_$$
base=${SERVER%/*}
source_url=$base/$source_db
target_url=$base/$target_db

run_sql() { psql -X -q -v ON_ERROR_STOP=1 -At "$@"; }

clean_up() {
  run_sql "$SERVER" -c "drop database if exists $source_db" -c "drop database if exists $target_db" || true
  rm -rf "$work"
}
trap clean_up EXIT

# seconds FILE: how long the command took, written there by GNU time.
timed() {
  local name=$1
  shift
  local began ended
  began=$(date +%s.%N)
  "$@"
  ended=$(date +%s.%N)
  awk -v a="$began" -v b="$ended" 'BEGIN { printf "%.1f", b - a }' >"$work/$name.seconds"
}

copy_to_nothing() { run_sql "$1" -c 'copy visits to stdout' >/dev/null; }

copy_both_at_once() {
  copy_to_nothing "$source_url" &
  copy_to_nothing "$target_url"
  wait
}

copy_one_after_the_other() {
  copy_to_nothing "$source_url"
  copy_to_nothing "$target_url"
}

# verify NAME EXPECTED-STATUS
verify() {
  local status=0
  /usr/bin/time -q -f %M -o "$work/$1.rss" \
    "$TRANSFUSE" --data "$work/data" verify "$work/plan.yaml" --json "$work/$1.json" \
    2>"$work/$1.log" || status=$?
  [ "$status" = "$2" ] || { cat "$work/$1.log" >&2; echo "verify ended with $status" >&2; exit 1; }
}

install_reladiff() {
  python3 -m venv "$work/venv" 2>/dev/null &&
    timeout 300 "$work/venv/bin/pip" install --quiet 'reladiff[postgresql]' 2>/dev/null &&
    "$work/venv/bin/reladiff" --version >/dev/null 2>&1
}

# It knows the scheme by one of its two names only, and ends with 0 when it does not.
compare_with_reladiff() {
  local source=${source_url/#postgres:/postgresql:} target=${target_url/#postgres:/postgresql:}
  "$work/venv/bin/reladiff" "$source" visits "$target" visits --key-columns id \
    --columns person_id --columns at --columns weight --columns amount --columns is_open \
    --columns ref --columns note --threads 2 >"$work/$1.out" 2>"$work/$1.log"
}

shown() { printf '%-58s %9s s\n' "$1" "$(cat "$work/$2.seconds")"; }

echo "making $ROWS rows" >&2
run_sql "$SERVER" -c "create database $source_db" -c "create database $target_db"
run_sql "$source_url" <<SQL
create table visits (
  id bigint primary key, person_id bigint, at timestamptz, weight double precision,
  amount numeric(12,2), is_open boolean, ref uuid, note text
);
insert into visits
select i, i % 100000, timestamptz '2020-01-01 00:00+00' + i * interval '17 s', sqrt(i), i * 0.37,
       i % 3 = 0, md5(i::text)::uuid, case when i % 4 = 0 then null else 'note on visit ' || i end
from generate_series(1, $ROWS) as i;
vacuum analyze visits;
SQL
cat >"$work/plan.yaml" <<YAML
format: 1
name: bench
source: $source_url
target: $target_url
tables:
- source: public.visits
  key: [id]
  target: public.visits
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: person_id, source: person_id, type: bigint}
  - {target: at, source: at, type: timestamptz}
  - {target: weight, source: weight, type: double precision}
  - {target: amount, source: amount, type: 'numeric(12,2)'}
  - {target: is_open, source: is_open, type: boolean}
  - {target: ref, source: ref, type: uuid}
  - {target: note, source: note, type: text}
  create: {primary_key: [id]}
YAML
"$TRANSFUSE" --data "$work/data" migrate "$work/plan.yaml" 2>"$work/migrate.log" ||
  { cat "$work/migrate.log" >&2; exit 1; }
run_sql "$target_url" -c 'vacuum analyze visits'

copy_both_at_once
timed copy_at_once copy_both_at_once
timed copy_in_turn copy_one_after_the_other
timed equal verify equal 0
run_sql "$target_url" -c "update visits set weight = weight + 0.000001 where id = $ROWS / 2 + 7"
timed one verify one 4
located=$(run_sql "$target_url" -c \
  "select count(*) || ' ' || min(columns) from transfuse.mismatches where kind = 'different'")

echo
echo "$ROWS rows of 8 columns on both sides, $(nproc) processors"
shown "COPY of both sides to nothing, at once" copy_at_once
shown "COPY of both sides to nothing, one after the other" copy_in_turn
shown "transfuse verify, equal tables" equal
shown "transfuse verify, one value changed, located" one
awk -v v="$(cat "$work/equal.seconds")" -v c="$(cat "$work/copy_at_once.seconds")" \
  'BEGIN { printf "%-58s %9.2f x\n", "  against COPY of both sides at once", v / c }'
printf '%-58s %9s MiB\n' "  memory of the process" "$(($(cat "$work/one.rss") / 1024))"
echo "  what was located: $located"

run_sql "$target_url" -c "update visits set weight = weight + 1 where id <= $MANY"
timed many verify many 4
shown "transfuse verify, $MANY rows changed, each located" many
printf '%-58s %9s MiB\n' "  memory of the process" "$(($(cat "$work/many.rss") / 1024))"
run_sql "$target_url" -c "update visits set weight = sqrt(id) where id <= $MANY"

if install_reladiff; then
  timed reladiff_one compare_with_reladiff reladiff_one || cat "$work/reladiff_one.log" >&2
  shown "reladiff, one value changed" reladiff_one
  echo "  what it found: $(wc -l <"$work/reladiff_one.out") lines"
  [ -s "$work/reladiff_one.out" ] || cat "$work/reladiff_one.log" >&2
  run_sql "$target_url" -c "update visits set weight = sqrt(id) where id = $ROWS / 2 + 7"
  timed reladiff_equal compare_with_reladiff reladiff_equal || cat "$work/reladiff_equal.log" >&2
  shown "reladiff, equal tables" reladiff_equal
else
  echo "reladiff could not be installed"
fi
