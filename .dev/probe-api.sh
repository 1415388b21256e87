#!/usr/bin/env bash
# Sends what the API's own document allows, and what it does not, to every operation of a server:
# no answer may be a 5xx, and none may be one that the document does not know.
# Usage: probe-api.sh TRANSFUSE [EXAMPLES-PER-OPERATION]
set -euo pipefail
cd "$(dirname "$0")/.."
. .dev/versions.sh

transfuse=$1
examples=${2:-8}
venv=${XDG_CACHE_HOME:-$HOME/.cache}/transfuse/schemathesis-$SCHEMATHESIS_VERSION

# Where no package can be had, the rest of the suite still says something.
if ! [ -x "$venv/bin/st" ]; then
  if ! { python3 -m venv "$venv" &&
    timeout 300 "$venv/bin/pip" install --quiet "schemathesis==$SCHEMATHESIS_VERSION"; }; then
    rm -rf "$venv"
    echo '!!! SKIPPED: schemathesis cannot be installed. The API was NOT probed. !!!' >&2
    [ -z "${PROBE_API_REQUIRED:-}" ]
    exit
  fi
fi

scratch=$(mktemp -d)
server=
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" 2>/dev/null || true
  rm -rf "$scratch"
}
trap finish EXIT

export TRANSFUSE_DEMO_PASSWORD='wardrobe pelican seven' TRANSFUSE_LOG=warn
"$transfuse" serve --data "$scratch/data" --listen 127.0.0.1:0 --demo --demo-scale 0.001 \
  --allow-hosts 203.0.113.0/24 --allow-files "$scratch" 2>"$scratch/log" &
server=$!
for _ in $(seq 600); do
  address=$(sed -n 's|^Transfuse is at http://\([^ ]*\).*|\1|p' "$scratch/log")
  [ -z "$address" ] || break
  kill -0 "$server" 2>/dev/null || { cat "$scratch/log" >&2; exit 1; }
  sleep 0.2
done

token=$(python3 - "$address" <<'PYTHON'
import json, os, sys, urllib.request
body = {"email": "demo@transfuse.example", "password": os.environ["TRANSFUSE_DEMO_PASSWORD"]}
request = urllib.request.Request(
    f"http://{sys.argv[1]}/api/v1/session", json.dumps(body).encode(),
    {"Content-Type": "application/json"})
print(json.load(urllib.request.urlopen(request))["token"])
PYTHON
)

# Left out: streams, which do not end; and what would sign the prober out or change its rights.
# In the scratch folder, where it may leave what it remembers.
(cd "$scratch" && "$venv/bin/st" run "http://$address/api/v1/openapi.json" \
  --header "Authorization: Bearer $token" \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
  --phases examples,coverage,fuzzing \
  --max-examples "$examples" \
  --seed 1 --request-timeout 20 --no-color \
  --exclude-path-regex '/events$' \
  --exclude-operation-id session_sign_out \
  --exclude-operation-id session_end \
  --exclude-operation-id session_end_own \
  --exclude-operation-id users_end_of_user \
  --exclude-operation-id users_change \
  --exclude-operation-id settings_change) ||
  { tail -n 40 "$scratch/log" >&2; exit 1; }
grep -E 'a request failed|panicked' "$scratch/log" >&2 && exit 1
# Whoever was signed out meanwhile has only probed the door.
curl --silent --fail --output /dev/null --header "Authorization: Bearer $token" \
  "http://$address/api/v1/session" || { echo 'the prober was signed out on the way' >&2; exit 1; }
echo 'the API answers as its document says'
