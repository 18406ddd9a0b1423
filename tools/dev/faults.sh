# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The fault suite: what is done to the server, and what its clients notice. Sourced by ./dev.

cmd_faults() { #: break a running server in every known way; [--long] [--only F05,X02], monkey --seed N --for 30m, table
  local options=() monkey=no
  case "${1:-}" in
    monkey)
      monkey=yes
      options=(--only X15)
      shift
      ;;
    table)
      [[ $# -eq 1 ]] || fail "usage: ./dev faults table" 64
      prepare_silently
      "$PYTHON" -m tests.faults.table docs/reliability.md
      return
      ;;
  esac
  while [[ $# -gt 0 ]]; do
    case "$monkey $1" in
      *" --long") options+=(--long) ;;
      "no --only" | "yes --seed" | "yes --for")
        [[ $# -ge 2 ]] || fail "$1 needs a value" 64
        options+=("$1" "$2")
        shift
        ;;
      *) fail "usage: ./dev faults [--long] [--only ID,ID] | monkey [--seed N] [--for 30m] | table" 64 ;;
    esac
    shift
  done
  prepare_silently
  build_everything
  # One after the other: two of these tests at a time would disturb each other's clocks.
  UNDER_TEST_BIN="$PWD/$BIN" UNDER_TEST_MODELS="$PWD/$MODELS" \
    "$PYTHON" -m pytest tests/faults --results "$PWD/$RESULTS" "${options[@]}"
}
