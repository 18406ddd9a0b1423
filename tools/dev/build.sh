# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Building with the presets of CMakePresets.json. Sourced by ./dev.

readonly BIN=build/release/bin
readonly EXECUTABLES=(holdfast holdfast-gateway holdfast-worker holdfast-mirror)

cmd_build() { #: make build/release/bin/ and the packed demo model; runs nothing
  [[ $# -eq 0 ]] || fail "build takes no arguments" 64
  prepare_silently
  build_product
  finish "build: done, see $BIN/ and $MODELS/"
}

build_product() {
  step "build (release)" compile release "${EXECUTABLES[@]}"
  step "demo model" pack_demo_model
}

# One compiler a core, and no more than the memory carries: 1.5 GB for the largest unit.
jobs_count() {
  local cores memory_kb by_memory
  cores="$(nproc)"
  memory_kb="$(sed -nE 's/^MemTotal: +([0-9]+) kB$/\1/p' /proc/meminfo)"
  by_memory=$((memory_kb / 1500000))
  ((by_memory >= 1)) || by_memory=1
  echo $((cores < by_memory ? cores : by_memory))
}

# compile PRESET [TARGET…]: everything without a target.
compile() {
  local preset="$1" digest
  shift
  configure "$preset"
  local targets=()
  [[ $# -eq 0 ]] || targets=(--target "$@")
  cmake --build "build/$preset" --parallel "$(jobs_count)" "${targets[@]}"
}

# CMake reruns itself when its own files change, but not when a preset does.
configure() {
  local preset="$1" digest
  digest="$(content_digest CMakePresets.json)"
  if [[ -f "build/$preset/build.ninja" ]] && is_stamped "build/$preset/presets.stamp" "$digest"; then
    return
  fi
  quietly "configure-$preset" cmake --preset "$preset"
  printf '%s' "$digest" >"build/$preset/presets.stamp"
}
