# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What must be on the machine before anything is built. Sourced by ./dev.

readonly PYTHON=.venv/bin/python
readonly SDK=build/deps/onnxruntime
readonly OPENVINO_SDK=build/deps/openvino

cmd_setup() { #: install what building and testing need; --packages: Debian's packages only
  case "$*" in
    "") prepare ;;
    --packages) step "Debian packages" install_packages ;;
    *) fail "usage: ./dev setup [--packages]" 64 ;;
  esac
  finish "setup: done"
}

prepare() {
  step "Debian packages" install_packages
  step "Python environment" make_python_environment
  step "ONNX Runtime SDK" "$PYTHON" -m tools.dev.onnxruntime_sdk "$SDK"
  step "OpenVINO SDK" "$PYTHON" -m tools.dev.openvino_sdk "$OPENVINO_SDK"
}

# prepare, without a word, where a command needs it only to be sure.
prepare_silently() {
  if [[ -n "$(missing_packages)" || ! -x "$PYTHON" || ! -d "$SDK" || ! -d "$OPENVINO_SDK" ]]; then
    prepare
  else
    make_python_environment
    "$PYTHON" -m tools.dev.onnxruntime_sdk "$SDK"
    "$PYTHON" -m tools.dev.openvino_sdk "$OPENVINO_SDK"
  fi
}

# missing_packages [PACKAGE…]: those of tools/dev/packages.txt without names.
missing_packages() {
  local wanted=("$@")
  [[ $# -gt 0 ]] || mapfile -t wanted < <(sed -E '/^(#|$)/d' tools/dev/packages.txt)
  if ! command -v dpkg-query >/dev/null; then
    printf '%s\n' "${wanted[@]}"
    return
  fi
  comm -23 <(printf '%s\n' "${wanted[@]}" | LC_ALL=C sort -u) \
    <(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null |
      sed -n 's/^installed //p' | LC_ALL=C sort -u)
}

# install_packages [PACKAGE…]: likewise.
install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  if [[ ${#missing[@]} -eq 0 ]]; then return; fi
  say "    missing: ${missing[*]}"
  command -v apt-get >/dev/null ||
    fail "this is not Debian: install what tools/dev/packages.txt lists, or use .devcontainer/"
  local as_root=()
  if [[ $EUID -ne 0 ]]; then
    command -v sudo >/dev/null ||
      fail "neither root nor sudo; ask for: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
  fi
  # apt's own user must be able to read its scratch files, whatever TMPDIR says.
  local scratch
  scratch="$(mktemp -d -p /var/tmp holdfast-apt.XXXXXX)"
  chmod 755 "$scratch"
  local apt=("${as_root[@]}" env "TMPDIR=$scratch" DEBIAN_FRONTEND=noninteractive
    apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3)
  say "    installing them; on an empty machine this takes a minute or two"
  local attempt done=no
  for attempt in 1 2; do
    # A broken list of somebody else's source must not stop us; a package that is not found does.
    quietly apt-update "${apt[@]}" update || say "    apt-get update complained (try $attempt)"
    if quietly apt-install "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; then
      done=yes
      break
    fi
  done
  rm -rf "$scratch" 2>/dev/null || "${as_root[@]}" rm -rf "$scratch"
  [[ $done == yes ]] ||
    fail "apt-get could not install: $(missing_packages "$@" | paste -sd' '). The lists are for Debian 12 (bookworm)"
}

make_python_environment() { make_environment .venv tools/requirements.txt; }

# clients_python NAME: an environment of its own for a client that is too large for the common one, or
# will not live beside it. TensorFlow's has 2 GB.
clients_python() { make_environment ".venv-$1" "tools/requirements-$1.txt"; }

# make_environment FOLDER REQUIREMENTS
make_environment() {
  local folder="$1" requirements="$2" digest
  digest="$(content_digest "$requirements")"
  if [[ -x "$folder/bin/python" ]] && is_stamped "$folder/requirements.stamp" "$digest"; then return; fi
  say "    installing $requirements into $folder"
  # Debian's Python, not whichever comes first in PATH: the lock was made with it.
  local python=/usr/bin/python3
  [[ -x $python ]] || python=python3
  rm -rf "$folder"
  quietly venv "$python" -m venv "$folder" ||
    fail "no virtual environment; is the package python3-venv installed?"
  # Not compiled: a test run imports few of the many files.
  quietly pip "$folder/bin/pip" install --disable-pip-version-check --no-compile --no-deps \
    --only-binary=:all: --require-hashes -r "$requirements" ||
    fail "pip could not install $requirements: check the network and pip's configuration"
  printf '%s' "$digest" >"$folder/requirements.stamp"
}
