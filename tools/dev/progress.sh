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

# in_background NAME COMMAND…: begins ./dev COMMAND, which may only use what others leave of the
# processors; its output goes to build/logs/background.log. One at a time; await_background ends it.
BACKGROUND_PID=''
readonly BACKGROUND_LOG=build/logs/background.log
in_background() {
  BACKGROUND_NAME="$1"
  shift
  say "==> $BACKGROUND_NAME: begun in the background"
  mkdir -p build/logs
  setsid bash -c "$BE_IDLE" ./dev "$@" >"$BACKGROUND_LOG" 2>&1 </dev/null &
  BACKGROUND_PID=$!
  trap end_background EXIT
}

# A session of its own is one process group, so nothing of it stays when ./dev ends; and it is what
# the kernel divides processors between, so the session must step back, not only its processes.
# shellcheck disable=SC2016
readonly BE_IDLE='
  chrt --idle --pid 0 $$ || renice -n 19 -p $$
  echo 19 >/proc/$$/autogroup || true
  exec "$0" "$@"'

end_background() {
  [[ -z $BACKGROUND_PID ]] || kill -TERM -- "-$BACKGROUND_PID" 2>/dev/null || true
}

# Waits for it; fails as it failed, with the end of its log.
await_background() {
  local status=0 start=$SECONDS
  wait "$BACKGROUND_PID" || status=$?
  BACKGROUND_PID=''
  step "$BACKGROUND_NAME (waited $((SECONDS - start)) s)" background_outcome "$status"
}

background_outcome() {
  [[ $1 -eq 0 ]] || tail -n 60 "$BACKGROUND_LOG"
  return "$1"
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
