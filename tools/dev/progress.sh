# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every command says while it works, and how it ends. Sourced by ./dev.

readonly STARTED_AT=$SECONDS
STEP_NAMES=()
STEP_SECONDS=()

if [[ -t 1 ]]; then readonly BOLD=$'\e[1m' PLAIN=$'\e[0m'; else readonly BOLD='' PLAIN=''; fi

say() { printf '%s\n' "$*"; }

# fail MESSAGE [EXIT-CODE]
fail() {
  printf '%s./dev: %s%s\n' "$BOLD" "$1" "$PLAIN" >&2
  exit "${2:-1}"
}

# The last line of a command.
finish() { printf '%s%s in %d s%s\n' "$BOLD" "$1" $((SECONDS - STARTED_AT)) "$PLAIN"; }

# step NAME COMMAND…: a header, the command's own output, and the time it took. A failure ends ./dev.
step() {
  local name="$1" start=$SECONDS status=0
  shift
  printf '%s==> %s%s\n' "$BOLD" "$name" "$PLAIN"
  # A child shell keeps `set -e` at work inside; a function called in a condition would lose it.
  set +e
  (set -e; "$@")
  status=$?
  set -e
  STEP_NAMES+=("$name")
  STEP_SECONDS+=($((SECONDS - start)))
  if [[ $status -ne 0 ]]; then
    printf '%s    %s: failed after %d s%s\n' "$BOLD" "$name" $((SECONDS - start)) "$PLAIN" >&2
    exit "$status"
  fi
  printf '    %s: %d s\n' "$name" $((SECONDS - start))
}

print_step_times() {
  local index
  say ""
  say "Step                                        Seconds"
  for index in "${!STEP_NAMES[@]}"; do
    printf '%-44s%7d\n' "${STEP_NAMES[$index]}" "${STEP_SECONDS[$index]}"
  done
  printf '%-44s%7d\n\n' "all" $((SECONDS - STARTED_AT))
}

# quietly LOG COMMAND…: output goes to build/logs/LOG and is shown only when the command fails.
quietly() {
  local log="build/logs/$1.log"
  shift
  mkdir -p build/logs
  if ! "$@" >"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    say "    the whole log: $log" >&2
    return 1
  fi
}

# A digest of the content of files and folders, for stamps: times and owners do not count.
content_digest() { find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-64; }

# Is FILE a stamp with the digest VALUE?
is_stamped() { [[ -f "$1" && "$(<"$1")" == "$2" ]]; }
