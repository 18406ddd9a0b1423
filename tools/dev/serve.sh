# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The server as a person meets it. Sourced by ./dev.

readonly READY_SECONDS_MAX=60

cmd_demo() { #: install, build, serve the demo model, classify a photo, stop again
  [[ $# -eq 0 ]] || fail "demo takes no arguments; ./dev run takes the server's" 64
  prepare
  build_product
  step "serve and classify" classify_once
  say ""
  say "How to go on:"
  say "  ./dev run                                  keeps serving, on port 8080 unless told otherwise"
  say "  curl --data-binary @PHOTO.jpg http://localhost:8080/classify"
  say "  $BIN/holdfast --help           everything else"
  finish "demo: done, nothing is left running,"
}

cmd_run() { #: serve the demo models in the foreground; further arguments go to `holdfast serve`
  prepare_silently
  build_product
  local defaults=()
  case " $* " in
    *" --model-repository"* | *" --model_base_path"* | *" --config"*) ;;
    *)
      defaults=(--model-repository "$MODELS")
      [[ " $* " == *" --default-model"* ]] || defaults+=(--default-model "$DEMO_MODEL")
      ;;
  esac
  exec "$BIN/holdfast" serve "${defaults[@]}" "$@"
}

# Runs in the child shell of a step, so its trap and its variables end with it.
classify_once() {
  local scratch server
  scratch="$(mktemp -d)"
  # A session of its own: whatever the server leaves behind can be found by it.
  setsid "$BIN/holdfast" serve --model-repository "$MODELS" --default-model "$DEMO_MODEL" \
    --http-port 0 --grpc-port 0 --admin-port 0 --port-file "$scratch/ports" >"$scratch/log" 2>&1 </dev/null &
  server=$!
  # shellcheck disable=SC2064  # The values of now are meant.
  trap "kill -KILL -- -$server 2>/dev/null || true; rm -rf '$scratch'" EXIT
  local port
  await_ready "$server" "$scratch" || show_log_and_fail "$scratch/log" "the server did not become ready"
  port="$(http_port "$scratch/ports")"
  say "    serving on port $port, process $server; posting $PHOTO"
  local answer="$scratch/answer.json" timing
  timing="$(curl --silent --show-error --max-time 30 --output "$answer" \
    --write-out '%{http_code} %{time_total}' --data-binary "@$PHOTO" \
    -H 'content-type: image/jpeg' "http://127.0.0.1:$port/classify")" ||
    show_log_and_fail "$scratch/log" "curl got no answer"
  "$PYTHON" -m tools.dev.show_answer "$answer" "${timing% *}" "${timing#* }" ||
    show_log_and_fail "$scratch/log" "the server did not classify the photo"
  kill -TERM "$server"
  local status=0
  wait "$server" || status=$?
  [[ $status -eq 0 ]] || show_log_and_fail "$scratch/log" "the server left with $status on SIGTERM"
  local left
  left="$(ps -o pid=,args= -s "$server" || true)"
  [[ -z "$left" ]] || fail "the server left processes behind: $left"
}

# await_ready PID FOLDER: until /healthz says 200, the process ends or the time is up.
await_ready() {
  local pid="$1" folder="$2" until=$((SECONDS + READY_SECONDS_MAX))
  while kill -0 "$pid" 2>/dev/null && ((SECONDS < until)); do
    if [[ -s "$folder/ports" ]] &&
      curl --silent --fail --max-time 2 --output /dev/null \
        "http://127.0.0.1:$(http_port "$folder/ports")/healthz"; then
      return 0
    fi
    sleep 0.05
  done
  return 1
}

# The file is {"http":N,"grpc":N}.
http_port() { sed -nE 's/.*"http": *([0-9]+).*/\1/p' "$1"; }

show_log_and_fail() {
  tail -n 30 "$1" >&2
  fail "$2; above are the last lines of its log"
}
