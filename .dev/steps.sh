# shellcheck shell=bash
# Steps with a name and a time, and the table of them at the end.

STEP_NAMES=()
STEP_SECONDS=()

# step NAME COMMAND...: called plainly, so that `set -e` ends the script at the first failure.
step() {
  local name=$1 started=$SECONDS
  shift
  trap 'end_beside; print_steps' EXIT
  printf '\n── %s\n' "$name"
  STEP_NAMES+=("$name")
  "$@"
  STEP_SECONDS+=($((SECONDS - started)))
  printf '── %s: %s s\n' "$name" "${STEP_SECONDS[-1]}"
}

# begin NAME COMMAND...: one step beside those that follow, until `finish` shows what it printed.
begin() {
  BESIDE=$1 BESIDE_LOG=$(mktemp)
  shift
  printf '\n── %s begins, beside what follows\n' "$BESIDE"
  # A group of its own, so that all of it ends when the script does.
  set -m
  "$@" >"$BESIDE_LOG" 2>&1 </dev/null &
  BESIDE_GROUP=$!
  set +m
}

# Its time is what the others waited for it.
finish() { step "$BESIDE" wait_for_beside; }

wait_for_beside() {
  local result=0
  wait "$BESIDE_GROUP" || result=$?
  cat "$BESIDE_LOG"
  rm "$BESIDE_LOG"
  BESIDE_GROUP=
  return "$result"
}

# Where the script ends before `finish`.
end_beside() {
  [ -n "${BESIDE_GROUP:-}" ] || return 0
  kill -- "-$BESIDE_GROUP" 2>/dev/null || true
  rm -f "$BESIDE_LOG"
}

print_steps() {
  local index
  printf '\n%-28s %8s\n' step seconds
  for index in "${!STEP_NAMES[@]}"; do
    printf '%-28s %8s\n' "${STEP_NAMES[index]}" "${STEP_SECONDS[index]:-FAILED}"
  done
  printf '%-28s %8s\n' together "$SECONDS"
}
