# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Tests, and the long run before a change lands. Sourced by ./dev.

readonly RESULTS=build/results
readonly TEST_IMAGE=localhost/holdfast-test
readonly BROWSER_PACKAGES=(chromium chromium-driver fonts-dejavu-core)
readonly LARGE_CLIENTS=(tensorflow kserve sagemaker)
readonly PYTEST_FOLDERS=(tests/python tests/process tests/contract tests/deploy)

cmd_test() { #: build and run everything, or a part: unit simulation golden fuzz process contract lint python deploy console image clients, or a filter
  [[ $# -le 1 ]] || fail "usage: ./dev test [NAME]" 64
  local name="${1:-all}"
  prepare_silently
  mkdir -p "$RESULTS"
  rm -f "$RESULTS"/*.xml # The table of ./dev faults grows over many runs; it stays.
  case "$name" in
    all)
      lint_all
      build_everything
      step "unit, simulation, golden and fuzz tests" run_ctest release
      step "Python tests" run_pytest "${PYTEST_FOLDERS[@]}"
      ;;
    unit | simulation | golden | fuzz)
      step "build (release)" compile release
      step "$name tests" run_ctest release --label-regex "^$name$"
      ;;
    lint) lint_all ;;
    python)
      step "Python tests" run_pytest tests/python
      ;;
    deploy)
      step "deploy tests" run_pytest tests/deploy
      ;;
    console)
      build_everything
      step "Debian packages" install_packages "${BROWSER_PACKAGES[@]}"
      step "console in Chromium" run_pytest tests/browser
      ;;
    image)
      build_everything
      # Both sizes, and both targets.
      cmd_image --target runtime --tag "$TEST_IMAGE:runtime" --without-openvino
      cmd_image --target sagemaker --tag "$TEST_IMAGE:sagemaker"
      step "image tests" run_pytest tests/image
      ;;
    clients)
      build_everything
      local client
      for client in "${LARGE_CLIENTS[@]}"; do
        step "Python environment with $client" clients_python "$client"
        step "$client tests" run_pytest_in ".venv-$client" "tests/clients/${client}_test.py"
      done
      ;;
    process | contract)
      build_everything
      step "$name tests" run_pytest "tests/$name"
      ;;
    *) run_matching "$name" ;;
  esac
  print_outcome "$name"
}

cmd_asan() { #: unit, simulation and golden tests with AddressSanitizer and UBSan, and short fuzzing
  [[ $# -eq 0 ]] || fail "asan takes no arguments" 64
  prepare_silently
  sanitize asan
  finish "asan: all passed"
}

cmd_tsan() { #: unit and simulation tests with ThreadSanitizer
  [[ $# -eq 0 ]] || fail "tsan takes no arguments" 64
  prepare_silently
  sanitize tsan --label-regex '^(unit|simulation)$'
  finish "tsan: all passed"
}

cmd_sim() { #: run the simulation of one SEED again
  [[ $# -eq 1 && $1 =~ ^[0-9]+$ ]] || fail "usage: ./dev sim SEED" 64
  prepare_silently
  step "build (release)" compile release
  mkdir -p "$RESULTS"
  HOLDFAST_SIM_SEED="$1" step "simulation of seed $1" \
    run_ctest release --label-regex '^simulation$' --verbose
  finish "sim: seed $1 passed"
}

cmd_bench() { #: measure, and write a Markdown table; further arguments go to bench/run.py
  prepare_silently
  build_everything
  step "measure" "$PYTHON" bench/run.py "$@"
  finish "bench: done"
}

cmd_ci() { #: everything that must hold before a change lands
  [[ $# -eq 0 ]] || fail "ci takes no arguments" 64
  prepare
  lint_all
  build_everything
  # Tests with servers leave the processors idle half of the time: they wait for faults and loads.
  in_background "build (asan, tsan), clang-tidy" beside
  step "fault suite" cmd_faults
  cmd_test all
  await_background
  sanitize_part asan "${ASAN_PARTS[@]}"
  step "fuzz shortly" run_ctest asan --label-regex '^fuzz$'
  sanitize_part tsan "${TSAN_PARTS[@]}"
  print_outcome all
}

# What a sanitizer can find in the time that a change may take: all code that reads foreign bytes,
# and all that decides. ./dev asan and ./dev tsan take everything.
readonly ASAN_PARTS=(tensor model backend scheduling lifecycle image gateway_call gateway_encoding
  gateway_http)
readonly TSAN_PARTS=(base scheduling lifecycle)

# The fuzz targets share their objects with the parts.
cmd_beside() { #: what ci does beside its tests: build what it runs with sanitizers, and clang-tidy
  local asan=(holdfast_simulation_test) tsan=(holdfast_simulation_test) name
  for name in "${ASAN_PARTS[@]}"; do asan+=("holdfast_${name}_test"); done
  for name in "${TSAN_PARTS[@]}"; do tsan+=("holdfast_${name}_test"); done
  for name in $(fuzz_targets); do asan+=("holdfast_${name}_fuzz"); done
  step "build (asan)" compile asan "${asan[@]}"
  step "build (tsan)" compile tsan "${tsan[@]}"
  step "clang-tidy" tidy
}

# sanitize_part PRESET LIBRARY…: runs the unit tests of these libraries, and the simulation.
sanitize_part() {
  local preset="$1" filter
  shift
  filter="$(printf '|unit\\.%s' "$@")"
  step "tests ($preset)" run_ctest "$preset" --tests-regex "^(simulation$filter)\$"
}

build_everything() {
  step "build (release)" compile release
  step "demo model" pack_demo_model
}

sanitize() {
  local preset="$1"
  shift
  step "build ($preset)" compile "$preset"
  step "tests ($preset)" run_ctest "$preset" "$@"
}

# run_ctest PRESET [CTEST OPTION…]
run_ctest() {
  local preset="$1" launcher=()
  shift
  # ThreadSanitizer's memory map and today's kernels' randomisation do not always fit together.
  if [[ $preset == tsan ]] && setarch "$(uname -m)" -R true 2>/dev/null; then
    launcher=(setarch "$(uname -m)" -R)
  fi
  "${launcher[@]}" ctest --preset "$preset" --no-tests=error --parallel "$(jobs_count)" \
    --output-junit "$PWD/$RESULTS/ctest-$preset.xml" "$@"
}

# run_pytest FOLDER… [PYTEST OPTION…]; folders that do not exist are left out.
run_pytest() { run_pytest_in .venv "$@"; }

# run_pytest_in ENVIRONMENT FOLDER…
run_pytest_in() {
  local environment="$1"
  shift
  local arguments=() argument
  for argument in "$@"; do
    if [[ $argument != tests/* || -e $argument ]]; then arguments+=("$argument"); fi
  done
  UNDER_TEST_BIN="$PWD/$BIN" UNDER_TEST_MODELS="$PWD/$MODELS" \
    "$environment/bin/python" -m pytest --junitxml "$RESULTS/pytest${environment#.venv}.xml" "${arguments[@]}"
}

# A name that is no part: a regular expression for ctest, or an expression for pytest -k.
run_matching() {
  local filter="$1" found=no
  build_everything
  if ctest --preset release -N -R "$filter" | grep -qE '^Total Tests: [1-9]'; then
    found=yes
    step "tests like $filter" run_ctest release -R "$filter"
  fi
  if "$PYTHON" -m pytest --collect-only -qq -k "$filter" "${PYTEST_FOLDERS[@]}" >/dev/null 2>&1; then
    found=yes
    step "Python tests like $filter" run_pytest "${PYTEST_FOLDERS[@]}" -k "$filter"
  fi
  [[ $found == yes ]] ||
    fail "no test is called '$filter'; try unit, simulation, golden, fuzz, process, contract, lint, python, deploy, image or clients" 64
}

# The last line counts, so that a script can read it.
print_outcome() {
  local name="$1"
  [[ $name != all ]] || print_step_times
  finish "test: all passed"
  "$PYTHON" -m tools.dev.count_tests "$RESULTS"
}
