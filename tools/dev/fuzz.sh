# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Fuzzing the parsers of foreign bytes with libFuzzer. Sourced by ./dev.
# tests/fuzz/CMakeLists.txt has the targets, and the short run that ./dev ci makes of each.

readonly FUZZ_RSS_MB=2048

cmd_fuzz() { #: fuzz the parser NAME, --for 4h, --jobs N at once; without a name: which there are
  local usage="usage: ./dev fuzz [NAME [--for DURATION] [--jobs N]]" name="" duration=10m jobs=1
  while [[ $# -gt 0 ]]; do
    case "$1" in
      --for) duration="${2:-}"; shift ;;
      --jobs) jobs="${2:-}"; shift ;;
      -*) fail "$usage" 64 ;;
      *) [[ -z $name ]] || fail "$usage" 64; name="$1" ;;
    esac
    shift || fail "$usage" 64
  done
  if [[ -z $name ]]; then
    fuzz_targets
    return
  fi
  fuzz_targets | grep -qxF -- "$name" || fail "there is no fuzz target '$name'; ./dev fuzz lists them" 64
  [[ $jobs =~ ^[1-9][0-9]*$ ]] || fail "--jobs wants a number" 64
  local seconds
  seconds="$(seconds_of "$duration")" || fail "--for wants a time such as 90s, 30m or 4h" 64
  prepare_silently
  step "build (asan)" compile asan "holdfast_${name}_fuzz"
  step "fuzz $name" fuzz "$name" "$seconds" "$jobs"
  finish "fuzz: nothing found in $name"
}

# "90s", "30m", "4h" or a bare number of seconds.
seconds_of() {
  [[ $1 =~ ^([1-9][0-9]{0,6})([smh]?)$ ]] || return 1
  case "${BASH_REMATCH[2]}" in
    m) echo $((BASH_REMATCH[1] * 60)) ;;
    h) echo $((BASH_REMATCH[1] * 3600)) ;;
    *) echo "${BASH_REMATCH[1]}" ;;
  esac
}

fuzz_targets() { sed -nE 's/^holdfast_fuzz\((\w+).*/\1/p' tests/fuzz/CMakeLists.txt | sort; }

# fuzz NAME SECONDS JOBS: what is new goes to build/fuzz/NAME/corpus, and is a seed of the next run.
fuzz() {
  local name="$1" seconds="$2" jobs="$3" folder="build/fuzz/$1" finding
  local target="build/asan/bin/holdfast_${name}_fuzz"
  local options=(-max_total_time="$seconds" -timeout=25 -rss_limit_mb="$FUZZ_RSS_MB"
    -artifact_prefix="$folder/" -seed_inputs=@"build/asan/fuzz/$name/seeds")
  mkdir -p "$folder/corpus"
  [[ $jobs -eq 1 ]] || options+=(-fork="$jobs")
  if "$target" "${options[@]}" "$folder/corpus"; then return; fi
  finding="$(find "$folder" -maxdepth 1 -type f -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-)"
  say "a finding in $name; to run it again:"
  say "  $target $finding"
  return 1
}
