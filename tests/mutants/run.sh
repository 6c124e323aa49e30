#!/usr/bin/env bash
# Puts one known bug at a time into the program and demands that the tests notice.
#
#   tests/mutants/run.sh                 every mutant of mutants.txt
#   tests/mutants/run.sh NAME...         these
#   tests/mutants/run.sh --built NAME... these, with build/mutants as it is
#   tests/mutants/run.sh --list          their names
#
# Nothing of the checkout changes: the changed sources stand in build/mutants, are compiled there,
# and are linked before the libraries, whose own copy of the same source is then not taken. For each
# mutant: the unit tests that its block names must fail; then `quorate simulate random` runs seed
# after seed on one core until one fails, for a minute of CPU time at most. What killed a mutant is
# tried without it, and must pass. Where its block says `twins: OPTION...`, `quorate simulate twins`
# with these must find it too.
#
# QUORATE_MUTANT_SECONDS sets the limit of a search. It prints a table in Markdown, and ends with
# "N passed, N failed". A mutant fails if its text is not found, if it does not compile, if its unit
# tests pass, or if its search finds nothing although its block promises that. The run fails also if
# the median of all searches, those without result taken as a minute, is not below a minute; how
# many mutants have no search is printed beside it.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
export LC_ALL=C.UTF-8
list=$top/tests/mutants/mutants.txt
build=$top/build/mutants
limit=${QUORATE_MUTANT_SECONDS:-60}

die() {
  printf '%s\n' "$@" >&2
  exit 1
}

case "${1:-}" in
  -h | --help)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
    exit 0
    ;;
  --list)
    sed -n 's/^mutant: //p' "$list"
    exit 0
    ;;
esac

must_build=1
if [[ ${1:-} == --built ]]; then
  must_build=0
  shift
fi

# -- The unmutated program ---------------------------------------------------------------------

build_unmutated() {
  mkdir -p "$build"
  # Each source alone, so that one can be exchanged.
  cmake -S "$top" -B "$build" -G Ninja -D CMAKE_BUILD_TYPE=Release \
    -D CMAKE_CXX_FLAGS_RELEASE='-O1 -g0' -D QUORATE_PCH=ON -D QUORATE_BATCH=1 \
    >"$build/configure.log" 2>&1 || die "cmake failed:" "$(tail -n 20 "$build/configure.log")"
  local programs
  mapfile -t programs < <(sed -n 's/^tests: \([a-z_]*\) .*/\1/p' "$list" | sort -u)
  cmake --build "$build" -j "${QUORATE_JOBS:-$(nproc)}" --target quorate "${programs[@]}" \
    >"$build/build.log" 2>&1 || die "The build failed:" "$(tail -n 20 "$build/build.log")"
}

# command_of TARGET: what makes it.
command_of() { ninja -C "$build" -t commands "$1" | tail -n 1; }

# -- One mutant --------------------------------------------------------------------------------

# Of the block that was read last. A change is three values: file, old text, new text.
name='' pitfall='' tests='' search='' twins='' changes=()
search_default='--replicas 4 --seconds 20'

# read_block: the next block of the list on standard input. False: there is none.
read_block() {
  local line part='' file='' old='' new=''
  name='' pitfall='' tests='' search=$search_default twins='' changes=()
  while IFS= read -r line; do
    case "$part$line" in
      'old--- becomes') part=new ;;
      'new---')
        part=''
        changes+=("$file" "${old%$'\n'}" "${new%$'\n'}")
        ;;
      old*) old+=$line$'\n' ;;
      new*) new+=$line$'\n' ;;
      '#'*) ;;
      'mutant: '*) name=${line#*: } ;;
      'pitfall: '*) pitfall=${line#*: } ;;
      'tests: '*) tests=${line#*: } ;;
      'search: '*) search=${line#*: } ;;
      'twins: '*) twins=${line#*: } ;;
      'file: '*) file=${line#*: } ;;
      '---') part=old old='' new='' ;;
      '') if [[ -n $name ]]; then return 0; fi ;;
      *) die "mutants.txt: not understood: $line" ;;
    esac
  done
  [[ -n $name ]]
}

# replace FROM TO OLD NEW: false unless OLD is there exactly once.
replace() {
  OLD=$3 NEW=$4 perl -0777 -pe '
    BEGIN { $old = $ENV{OLD}; $new = $ENV{NEW}; $bad = 1; }
    $n = () = /\Q$old\E/g;
    $bad = $n != 1;
    s/\Q$old\E/$new/;
    END { $? = $bad; }' "$1" >"$2.new" && mv "$2.new" "$2"
}

# compile SOURCE FILE OBJECT: FILE as SOURCE is compiled.
compile() {
  local folder=${1%%/*} command
  command=$(command_of "CMakeFiles/$folder.dir/$1.o")
  command=${command/-c $top\/$1/-c $2}
  command=$(sed -E 's# -MD -MT [^ ]+ -MF [^ ]+##; s# -o [^ ]+# -o '"$3"'#' <<<"$command")
  (cd "$build" && eval "$command")
}

# link TARGET OUTPUT OBJECT...
link() {
  local target=$1 output=$2 command
  shift 2
  command=$(command_of "$target")
  command=${command/ -o $target / -o $output $* }
  (cd "$build" && eval "$command")
}

# make_mutant FOLDER: the changed programs, in FOLDER. Prints what is wrong.
make_mutant() {
  local folder=$1 i file objects=() target
  rm -rf "$folder"
  mkdir -p "$folder"
  for ((i = 0; i < ${#changes[@]}; i += 3)); do
    file=$folder/${changes[i]//\//_}
    [[ -e $file ]] || cp "$top/${changes[i]}" "$file"
    replace "$file" "$file" "${changes[i + 1]}" "${changes[i + 2]}" || {
      printf '%s has the text of change %d not once\n' "${changes[i]}" $((i / 3 + 1))
      return 1
    }
  done
  for ((i = 0; i < ${#changes[@]}; i += 3)); do
    file=$folder/${changes[i]//\//_}
    [[ ! -e $file.o ]] || continue
    compile "${changes[i]}" "$file" "$file.o" 2>&1 || return 1
    objects+=("$file.o")
  done
  for target in "tests/${tests%% *}" quorate; do
    [[ $target != quorate || $search != none* ]] || continue
    link "$target" "$folder/${target##*/}" "${objects[@]}" 2>&1 || return 1
  done
}

# unit_tests PROGRAM LOG: runs those of the mutant.
unit_tests() {
  (ulimit -c 0 -t 120 && exec "$1" --gtest_fail_fast --gtest_filter="${tests#* }") >"$2" 2>&1
}

# spend: sets `spent_ms` to the CPU time, since `begin_ms`, of all that this shell has waited for.
# A subshell would count its own alone.
spend() {
  times >"$build/times.$$"
  spent_ms=$(awk -v begin="$begin_ms" 'NR == 2 {
    for (i = 1; i <= 2; ++i) { split($i, t, /[ms]/); ms += (t[1] * 60 + t[2]) * 1000 }
    printf "%d\n", ms - begin }' "$build/times.$$")
}

# allowed_core: one that this shell may run on; two runs at a time mostly take two.
allowed_core() {
  local mask=$((0x$(taskset -p $$ | sed 's/.* //'))) core cores=()
  for ((core = 0; core < 62; ++core)); do
    if ((mask >> core & 1)); then cores+=("$core"); fi
  done
  echo "${cores[$$ / 2 % ${#cores[@]}]}"
}

# is_one_scenario: the block names another scenario than `random`, which takes a seed at a time.
is_one_scenario() { [[ $search == honest* || $search == tests/*.txt* ]]; }

# simulate PROGRAM FIRST COUNT: so many seeds, as the block says.
simulate() {
  local options=(random)
  read -ra options <<<"random $search"
  if is_one_scenario; then
    read -ra options <<<"$search"
    options[0]=${options[0]/#tests/$top/tests}
  fi
  if (($3 == 1)); then
    exec "$1" simulate "${options[@]}" --seed "$2" --json
  fi
  exec "$1" simulate "${options[@]}" --seeds "$2..$(($2 + $3 - 1))" --json
}

# find_seed PROGRAM LOG: sets `seed`, empty if there is none, and `spent_ms`.
find_seed() {
  local begin_ms=0 first=1 core left step=4  # seeds by one process
  if is_one_scenario; then step=1; fi
  seed=''
  spend
  begin_ms=$spent_ms spent_ms=0
  core=$(allowed_core)
  while ((spent_ms < limit * 1000)); do
    left=$((limit - spent_ms / 1000))
    if ! (ulimit -c 0 -t "$left" && taskset -pc "$core" "$BASHPID" >/dev/null &&
      simulate "$1" "$first" "$step") >"$2" 2>"$2.err"; then
      seed=$(grep -oE '"seed":[0-9]+' "$2" | head -n 1 | cut -d: -f2 || true)
      spend
      ((spent_ms < limit * 1000)) || [[ -n $seed ]] || return 0  # its time ran out
      [[ -n $seed ]] || seed=$(seed_that_aborts "$1" "$first" "$step")
      return 0
    fi
    first=$((first + step))
    spend
  done
}

# A CHECK that failed took the whole process with it, or a seed did not end.
seed_that_aborts() {
  local i
  for ((i = $2; i < $2 + $3 - 1; ++i)); do
    (ulimit -c 0 -t "$limit" && simulate "$1" "$i" 1) >/dev/null 2>&1 || break
  done
  echo "$i"
}

# find_by_twins FOLDER: sets `scenario`, the first that breaks with the mutant and holds without it.
find_by_twins() {
  local options
  read -ra options <<<"$twins --stand-in"
  scenario=''
  if (ulimit -c 0 -t "$limit" && exec "$1/quorate" simulate twins "${options[@]}" --json) \
    >"$1/twins.log" 2>"$1/twins.err"; then
    return 1
  fi
  scenario=$(sed -nE 's/.*"failures":\[\{"scenario":"([^"]*)".*/\1/p' "$1/twins.log")
  [[ -n $scenario ]] || return 1
  "$build/quorate" simulate twins "${options[@]}" --scenario "$scenario" >"$1/without.log" 2>&1
}

# test_mutant: prints its row of the table; false if it survives.
test_mutant() {
  local folder=$build/mutated/$name test wrong seed scenario spent_ms found='-' seconds='-'
  local base=$build/tests/${tests%% *}
  if ! wrong=$(make_mutant "$folder"); then
    printf '%s: %s\n' "$name" "$wrong" >&2
    return 1
  fi
  if unit_tests "$folder/${tests%% *}" "$folder/unit.log"; then
    printf '%s survives %s\n' "$name" "$tests" >&2
    return 1
  fi
  test=$(sed -nE 's/^\[  FAILED  \] ([A-Za-z0-9_.\/]+).*/\1/p' "$folder/unit.log" | head -n 1)
  # It aborted, or did not end.
  [[ -n $test ]] ||
    test=$(sed -nE 's/^\[ RUN      \] //p' "$folder/unit.log" | tail -n 1)
  if ! unit_tests "$base" "$folder/unit-without.log"; then
    printf '%s: its tests fail without it: %s\n' "$name" "$tests" >&2
    return 1
  fi
  if [[ $search != none* ]]; then
    find_seed "$folder/quorate" "$folder/search.log"
    if [[ -z $seed ]]; then
      searches+=($((limit * 1000)))
      printf '%s: no seed in %d s of CPU time\n' "$name" "$limit" >&2
      return 1
    fi
    if ! (simulate "$build/quorate" "$seed" 1) >"$folder/without.log" 2>&1; then
      printf '%s: seed %d fails without it too\n' "$name" "$seed" >&2
      return 1
    fi
    found="$search --seed $seed"
    seconds=$(printf '%d.%d' $((spent_ms / 1000)) $((spent_ms % 1000 / 100)))
    searches+=("$spent_ms")
  else
    unsearched=$((unsearched + 1))
    found=${search#none, }
  fi
  if [[ -n $twins ]]; then
    if ! find_by_twins "$folder"; then
      printf '%s: not found by twins %s, or %s breaks without it too\n' \
        "$name" "$twins" "${scenario:-nothing}" >&2
      return 1
    fi
    found+="; twins $scenario"
  fi
  rm -f "$folder"/quorate "$folder"/*_tests
  printf '| `%s` | %s | `%s` | %s | %s |\n' \
    "$name" "$pitfall" "$test" "$found" "$seconds"
}

# -- All ---------------------------------------------------------------------------------------

((must_build == 0)) || build_unmutated
passed=0
failed=0
searches=()
unsearched=0
printf '| mutant | pitfall | unit test | simulation | s |\n|---|---|---|---|---|\n'
while read_block; do
  if (($# > 0)); then
    [[ " $* " == *" $name "* ]] || continue
  fi
  if test_mutant; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
done <"$list"

((passed + failed > 0)) || die "No mutant has that name; tests/mutants/run.sh --list names them."
median=$(printf '%s\n' "${searches[@]:-0}" | sort -n | awk '{ a[NR] = $1 } END {
  print a[int((NR + 1) / 2)] }')
printf 'The median of %d searches took %d.%d s; %d mutants have none.\n' "${#searches[@]}" \
  $((median / 1000)) $((median % 1000 / 100)) "$unsearched"
if (($# == 0 && median >= limit * 1000)); then failed=$((failed + 1)); fi
printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
