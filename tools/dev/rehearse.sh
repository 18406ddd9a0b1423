# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Deploys acted out on this machine. Sourced by ./dev.

cmd_rehearse() { #: act out deploys behind a load balancer; [--platform NAME] [--scenario NAME] [--short] [--write]
  prepare_silently
  install_packages haproxy
  build_everything
  UNDER_TEST_BIN="$PWD/$BIN" UNDER_TEST_MODELS="$PWD/$MODELS" \
    "$PYTHON" -m tests.rehearsal "$@"
}
