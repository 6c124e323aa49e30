#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests.
#
#   tests/run.sh              end-to-end runs of the optimised program; a thousand seeds of the
#                             simulator; every unit test, and the source tree's rules, under
#                             AddressSanitizer and UndefinedBehaviorSanitizer
#   tests/run.sh --full       and the rest of the end-to-end runs, the dev preset with each header
#                             alone, ThreadSanitizer, clang-tidy on changed files, each fuzz target
#                             for a minute, other people's clients, and the benchmarks' build
#   tests/run.sh --long       and a hundred thousand seeds, the mutants and the campaigns: hours
#   tests/run.sh --only STEP  one step, its output on the screen
#   tests/run.sh --list       the names of the steps
#
# It stops at the first step that fails, with the end of that step's log and the command that
# repeats it. The last line is always "N passed, N failed". Everything that it makes is in build/
# and in a temporary folder of its own. QUORATE_JOBS sets how many compilers run at once.
set -euo pipefail

self=${BASH_SOURCE[0]}
# shellcheck source=tests/support/steps.sh
source "$(dirname "$self")/support/steps.sh"
exec </dev/null
cd "$top"
self=$top/tests/run.sh
logs=$top/build/run
prefix=()

# Two trees: `release`, which users run, has the program alone, and `asan` has the unit tests. What
# runs the released program stands between release-build and asan-build.
steps_default=(packages release-build e2e seeds asan-build asan-test)
steps_full=(packages-full e2e-full dev-build dev-test tsan-build tsan-test clang-tidy fuzz-build
  fuzz interop bench-build)
steps_long=(seeds-long mutants campaigns)

# -- The steps --------------------------------------------------------------------------------

# configure_and_build PRESET [TARGET...]
configure_and_build() {
  local preset=$1
  shift
  cmake --preset "$preset" -D QUORATE_TESTS=ON
  cmake --build --preset "$preset" -j "$(build_jobs)" --target "${@:-all}"
}

# run_ctest PRESET ARGUMENT...
run_ctest() {
  local preset=$1 status=0
  shift
  "${prefix[@]}" ctest --test-dir "$top/build/$preset" --output-on-failure -j "$(nproc)" "$@" ||
    status=$?
  # One of ctest's tests may be many of GoogleTest's, which say at their end how they went.
  awk '
    /^\[==========\] [0-9]+ tests? from .* ran/ { ran += $2 }
    /^\[  PASSED  \] [0-9]+ tests?/ { passed += $4 }
    /^\[  FAILED  \] [0-9]+ tests?, listed/ { failed += $4 }
    /^\[  SKIPPED \] [0-9]+ tests?, listed/ { skipped += $4 }
    END {
      if (ran) printf "GoogleTest: %d passed, %d failed, %d skipped\n", passed, failed, skipped
    }
  ' "$top/build/$preset/Testing/Temporary/LastTest.log"
  return $status
}

# seeds REPLICAS RANGE [--stand-in]
seeds() { "$top/tests/support/seeds.sh" "$top/build/release/quorate" "$@"; }

step_packages() {
  install_packages 'which build and tests need' "${packages_build[@]}" "${packages_test[@]}"
}
step_release-build() { configure_and_build release quorate; }
step_e2e() { run_ctest release --no-tests=error -L e2e -LE full; }
step_e2e-full() { run_ctest release --no-tests=error -L e2e -L full; }
step_seeds() {
  seeds 4 1..40
  seeds 4 41..900 --stand-in
  seeds 7 1..100 --stand-in
}
step_seeds-long() {
  seeds 4 901..80900 --stand-in
  seeds 7 101..20100 --stand-in
}
step_asan-build() { configure_and_build asan all; }
step_asan-test() {
  export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
  export UBSAN_OPTIONS=print_stacktrace=1
  run_ctest asan --no-tests=error -L 'unit|tidy'
}
step_dev-build() { configure_and_build dev all headers; }
step_dev-test() { run_ctest dev --no-tests=error -L 'unit|tidy'; }
step_packages-full() { install_packages 'which --full needs' "${packages_full[@]}"; }
step_tsan-build() { configure_and_build tsan all; }
step_tsan-test() {
  # g++ 12's ThreadSanitizer does not know the wider address randomisation of newer kernels.
  export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
  TSAN_OPTIONS+=:suppressions=$top/tests/support/tsan.supp
  prefix=(setarch "$(uname -m)" --addr-no-randomize)
  "${prefix[@]}" true 2>/dev/null || prefix=()
  run_ctest tsan --no-tests=error -L unit
}
step_clang-tidy() {
  local base files
  # What a branch changed since it left main; on main itself, the last commit; and what is not
  # committed. QUORATE_BASE names another commit to compare with.
  base=${QUORATE_BASE:-$(git merge-base HEAD origin/main 2>/dev/null || true)}
  [[ -n $base && $base != $(git rev-parse HEAD) ]] ||
    base=$(git rev-parse --verify -q HEAD~1 || true)
  mapfile -t files < <(git diff --name-only --diff-filter=d "${base:-HEAD}" -- \
    '*.cc' ':!tests/fuzz' ':!tests/bench')
  say "clang-tidy on ${#files[@]} sources changed since ${base:-HEAD}"
  ((${#files[@]} == 0)) && return 0
  printf '%s\0' "${files[@]}" | xargs -0 -P "$(build_jobs)" -n 1 \
    clang-tidy-14 -p build/dev --quiet --extra-arg=-Wno-unknown-warning-option
}
step_fuzz-build() { configure_and_build fuzz fuzzers; }
step_fuzz() { run_ctest fuzz --no-tests=error -L fuzz; }
step_interop() { run_ctest dev -L interop; }
step_bench-build() { configure_and_build dev bench; }
step_mutants() { tests/mutants/run.sh; }
step_campaigns() { run_ctest dev -L long; }

# -- The run ----------------------------------------------------------------------------------

passed=0
failed=0
skipped=0

# The lines of ninja, ctest and GoogleTest about what went well.
went_well='^\[[0-9]+/[0-9]+\] |^ +Start +[0-9]+: |^ *[0-9]+/[0-9]+ Test .* Passed '
went_well+='|^\[( RUN      |       OK |-----)'

# Adds what the ctest run in a log says of itself.
count_tests() {
  local log=$1 good bad out_of off sums
  local own='^(GoogleTest|Seeds): ([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped'
  local mutants='^([0-9]+) passed, ([0-9]+) failed$'
  if [[ $(tail -n 1 "$log") =~ $own ]]; then
    # One line a campaign of seeds; of GoogleTest there is one.
    sums=$(awk '/^(GoogleTest|Seeds): / { p += $2; f += $4; s += $6 } END { print p, f, s }' "$log")
    read -r good bad off <<<"$sums"
    count "$good" "$bad" "$off"
    return
  fi
  if [[ $(tail -n 1 "$log") =~ $mutants ]]; then
    count "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" 0
    return
  fi
  grep -q '^No tests were found' "$log" && counted='no tests there'
  [[ $(tail -n 400 "$log") =~ ,\ ([0-9]+)\ tests?\ failed\ out\ of\ ([0-9]+) ]] || return 0
  bad=${BASH_REMATCH[1]}
  out_of=${BASH_REMATCH[2]}
  off=$(grep -cE '^[[:space:]]+[0-9]+ - .* \((Skipped|Disabled)\)' "$log" || true)
  count $((out_of - bad - off)) "$bad" "$off"
}

# count PASSED FAILED SKIPPED
count() {
  passed=$((passed + $1))
  failed=$((failed + $2))
  skipped=$((skipped + $3))
  counted="$1 passed, $2 failed"
  (($3 == 0)) || counted+=", $3 skipped"
}

run_step() {
  local name=$1 log=$logs/$1.log begin=$SECONDS status=0 counted='' failed_before=$failed
  printf '%-14s ' "$name"
  "$self" --only "$name" >"$log" 2>&1 9>&- || status=$?
  count_tests "$log"
  if ((status == 0)); then
    printf 'ok     %4d s  %s\n' $((SECONDS - begin)) "$counted"
    return
  fi
  printf 'FAILED %4d s  %s\n' $((SECONDS - begin)) "$counted"
  ((failed > failed_before)) || failed=$((failed + 1))
  say "The end of ${log#"$top"/}:"
  grep -vE "$went_well" "$log" | tail -n 60 | sed 's/^/  | /'
  say "Only this step again: tests/run.sh --only $name"
  exit 1
}

finish() {
  local status=$?
  rm -rf "$scratch"
  say "$passed passed, $failed failed$( ((skipped == 0)) || printf ', %d skipped' "$skipped")"
  exit "$status"
}

steps=("${steps_default[@]}")
case "${1:-}" in
  '') ;;
  --full) steps+=("${steps_full[@]}") ;;
  --long) steps+=("${steps_full[@]}" "${steps_long[@]}") ;;
  --list)
    printf '%s\n' "${steps_default[@]}" "${steps_full[@]}" "${steps_long[@]}"
    exit 0
    ;;
  --only)
    [[ $(type -t "step_${2:-}") == function ]] ||
      fail "No step is called '${2:-}'; they are:" "$("$self" --list)"
    "step_$2"
    exit 0
    ;;
  -h | --help)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$self"
    exit 0
    ;;
  *) fail "'$1' is not an option of tests/run.sh; see tests/run.sh --help." ;;
esac

mkdir -p "$logs"
exec 9>"$logs/lock"
flock -n 9 || fail "Another tests/run.sh is at work in this checkout: wait, or use another clone."
scratch=$(mktemp -d "${TMPDIR:-/tmp}/quorate-run.XXXXXX")
export TMPDIR=$scratch
trap finish EXIT
for name in "${steps[@]}"; do run_step "$name"; done
say "All steps passed in $((SECONDS / 60)) min $((SECONDS % 60)) s."
