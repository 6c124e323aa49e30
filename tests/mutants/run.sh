#!/usr/bin/env bash
# Puts one known bug at a time into a copy of the sources, and demands that the named test fails.
#
#   tests/mutants/run.sh            all of mutants.txt
#   tests/mutants/run.sh NAME...    these
#
# A mutant is a line of mutants.txt: name, file, old text, new text and gtest filter, with " ## "
# between them and \n for a new line; the old text must occur exactly once. It runs in build/mutants, a copy that keeps its objects, so that each
# mutant compiles one file. The last line is "N passed, N failed": killed and survived.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
copy=$top/build/mutants
list=$top/tests/mutants/mutants.txt
killed=0
survived=0

mkdir -p "$copy"
for part in CMakeLists.txt CMakePresets.json crypto ledger pbft pow node testnet tests; do
  rm -rf "${copy:?}/$part"
  [[ ! -e $top/$part ]] || cp -rp "$top/$part" "$copy/"
done
configure() {
  cmake -S "$copy" -B "$copy/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_CXX_FLAGS_DEBUG='-O1 -g0' -DQUORATE_PCH=ON
}
build() { cmake --build "$copy/build" --target pbft_tests; }
configure >"$copy/configure.log" 2>&1
build >"$copy/build.log" 2>&1 || { tail -n 20 "$copy/build.log" >&2; exit 1; }

# replace FILE OLD NEW: fails unless OLD is there exactly once.
replace() {
  OLD=$2 NEW=$3 perl -0777 -i -pe '
    BEGIN { $old = $ENV{OLD}; $new = $ENV{NEW}; }
    $n = () = /\Q$old\E/g;
    die "the text occurs $n times, not once\n" unless $n == 1;
    s/\Q$old\E/$new/;' "$1"
}

while IFS= read -r line; do
  [[ -z $line || $line == \#* ]] && continue
  fields=()
  while [[ $line == *' ## '* ]]; do
    fields+=("${line%%' ## '*}")
    line=${line#*' ## '}
  done
  name=${fields[0]} file=${fields[1]} filter=$line
  old=${fields[2]//'\n'/$'\n'} new=${fields[3]//'\n'/$'\n'}
  if (($# > 0)); then
    [[ " $* " == *" $name "* ]] || continue
  fi
  replace "$copy/$file" "$old" "$new" || { echo "$name: $file: no such text" >&2; exit 1; }
  began=$SECONDS
  if ! build >"$copy/build.log" 2>&1; then
    tail -n 20 "$copy/build.log" >&2
    echo "$name does not compile" >&2
    exit 1
  fi
  if timeout 300 "$copy/build/tests/pbft_tests" --gtest_brief=1 --gtest_filter="$filter" \
    >"$copy/$name.log" 2>&1; then
    echo "SURVIVED $name ($filter)"
    survived=$((survived + 1))
  else
    echo "killed   $name, $((SECONDS - began)) s with its build"
    killed=$((killed + 1))
  fi
  cp -p "$top/$file" "$copy/$file"
  touch "$copy/$file"
done <"$list"
echo "$killed passed, $survived failed"
((survived == 0))
