# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Deploys acted out on this machine. Sourced by ./dev.

cmd_rehearse() { #: act out deploys behind a load balancer; [--platform NAME] [--scenario NAME] [--short] [--write], table
  local usage="usage: ./dev rehearse [--platform NAME] [--scenario NAME] [--rate N] [--short] [--write] | table"
  local options=("$@")
  if [[ "$*" == table ]]; then
    prepare_silently
    "$PYTHON" -m tests.rehearsal.table
    return
  fi
  while [[ $# -gt 0 ]]; do
    case "$1" in
      --short | --write) ;;
      --platform | --scenario | --rate)
        [[ $# -ge 2 ]] || fail "$1 needs a value" 64
        shift
        ;;
      *) fail "$usage" 64 ;;
    esac
    shift
  done
  prepare_silently
  install_packages haproxy
  build_everything
  UNDER_TEST_BIN="$PWD/$BIN" UNDER_TEST_MODELS="$PWD/$MODELS" "$PYTHON" -m tests.rehearsal "${options[@]}"
}
