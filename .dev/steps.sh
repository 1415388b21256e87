# shellcheck shell=bash
# Steps with a name and a time, and the table of them at the end.

STEP_NAMES=()
STEP_SECONDS=()

# step NAME COMMAND...: called plainly, so that `set -e` ends the script at the first failure.
step() {
  local name=$1 started=$SECONDS
  shift
  trap print_steps EXIT
  printf '\n── %s\n' "$name"
  STEP_NAMES+=("$name")
  "$@"
  STEP_SECONDS+=($((SECONDS - started)))
  printf '── %s: %s s\n' "$name" "${STEP_SECONDS[-1]}"
}

print_steps() {
  local index
  printf '\n%-28s %8s\n' step seconds
  for index in "${!STEP_NAMES[@]}"; do
    printf '%-28s %8s\n' "${STEP_NAMES[index]}" "${STEP_SECONDS[index]:-FAILED}"
  done
  printf '%-28s %8s\n' together "$SECONDS"
}
