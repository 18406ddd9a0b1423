# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What can be said about the text without running it. Sourced by ./dev.

cmd_fmt() { #: format the C++ code; --check only looks, --staged only at what git has staged
  local check=no staged=no argument
  for argument in "$@"; do
    case "$argument" in
      --check) check=yes ;;
      --staged) staged=yes ;;
      *) fail "usage: ./dev fmt [--check] [--staged]" 64 ;;
    esac
  done
  local formatter=clang-format-16 files
  command -v "$formatter" >/dev/null || fail "$formatter is missing: ./dev setup installs it"
  if [[ $staged == yes ]]; then
    mapfile -d '' -t files < <(git diff --cached --name-only --diff-filter=ACMR -z -- '*.h' '*.cc')
  else
    mapfile -d '' -t files < <(source_files '*.h' '*.cc')
  fi
  [[ ${#files[@]} -gt 0 ]] || { finish "fmt: nothing to look at"; return; }
  if [[ $check == no ]]; then
    "$formatter" -i "${files[@]}"
    finish "fmt: done"
  elif "$formatter" --dry-run -Werror "${files[@]}"; then
    finish "fmt: well formatted"
  else
    fail "some files are not well formatted: ./dev fmt mends them"
  fi
}

cmd_tidy() { #: clang-tidy on src/
  [[ $# -eq 0 ]] || fail "tidy takes no arguments" 64
  prepare_silently
  step "clang-tidy" tidy
  finish "tidy: nothing found"
}

# What git tracks, or would track: a new file is checked before its first commit.
source_files() { git ls-files -z --cached --others --exclude-standard -- "$@" | existing_files; }

existing_files() {
  local file
  while IFS= read -r -d '' file; do
    if [[ -f "$file" ]]; then printf '%s\0' "$file"; fi
  done
}

# One unit a library: the headers of Boost and gRPC, which take most of the time, are read once for
# each. Tests are left out: GoogleTest's macros alone exceed what the checks allow a function.
tidy() {
  configure tidy
  # Also where sources have come or gone since: without a build, nothing else makes CMake look.
  quietly configure-tidy cmake --preset tidy
  cmake --build build/tidy --target holdfast_generated
  run-clang-tidy-16 -quiet -j "$(jobs_count)" -p build/tidy \
    '^(?!.*(_verify_interface_header_sets|\.pb\.cc$))'
}

# Once a run: nothing changes a file in between.
linted=no
lint_all() {
  [[ $linted == no ]] || return 0
  linted=yes
  step "format" cmd_fmt --check
  step "layers" python3 tools/check_layers.py .
  step "files" python3 tools/check_files.py .
  step "documents" python3 tools/check_docs.py .
  step "shell" check_shell
  step "headers alone" check_headers
}

check_shell() {
  local files file
  mapfile -d '' -t files < <(source_files '*.sh' dev .ci/run .githooks/pre-commit)
  for file in "${files[@]}"; do bash -n "$file"; done
  shellcheck --severity=warning --external-sources "${files[@]}"
}

check_headers() {
  configure release
  cmake --build build/release --target holdfast_generated
  python3 tools/check_headers.py . build/release
}
