#!/usr/bin/env bash
# From a clone to a running testnet and a transaction that is proved, in one command:
#
#   testnet/quickstart.sh
#
# Installs the Debian packages that the build needs, builds `quorate`, starts four replicas on this
# machine, submits a signed transaction, and verifies its receipt offline. Run it again whenever
# you like: what is built, installed or running already is used as it is. Everything that it makes
# is in build/ and testnet-data/.
set -euo pipefail

# shellcheck source=tests/support/steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/../tests/support/steps.sh"
exec </dev/null  # nothing here asks; sudo asks on the terminal itself

case "${1:-}" in
  '') ;;
  -h | --help)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
    exit 0
    ;;
  *) fail "quickstart.sh takes no arguments, found '$1'; \`quorate testnet up\` takes settings." ;;
esac

build=$top/build/release
quorate=$build/quorate
net=$top/testnet-data/quickstart
log=$top/build/quickstart.log
mkdir -p "$top/build"

step=''
step_log=''  # where the step's output goes if not to the screen
begin() {
  step=$1
  step_log=''
  say '' "== $step"
}

explain() {
  local status=$?
  ((status == 0)) && return
  say '' "quickstart stopped at \"$step\" (exit code $status)." >&2
  if [[ -s $step_log ]]; then
    say "The end of its log, $step_log:" >&2
    tail -n 20 "$step_log" | sed 's/^/  | /' >&2
  elif [[ -e $net/testnet.json ]]; then
    say "What the replicas say: $quorate testnet logs --dir $net" >&2
  fi
}
trap explain EXIT

begin 'Packages'
install_packages 'which the build needs' "${packages_build[@]}"
say 'All are there.'

begin 'Build'
step_log=$log
: >"$log"
# No test is built here, so the test libraries are not needed.
[[ -f $build/build.ninja ]] ||
  (cd "$top" && cmake --preset release -D QUORATE_TESTS=OFF) >>"$log" 2>&1
cmake --build "$build" --target quorate -j "$(build_jobs)" 2>&1 | tee -a "$log" | show_progress
"$quorate" --version

begin 'Testnet'
"$quorate" testnet up --detach --dir "$net"  # one that runs already is shown and left as it is
cd "$net"

begin 'A signed transaction: put colour blue'
"$quorate" tx put colour blue --wait replicated | tee transaction.txt
id=$(grep -oEm1 '[0-9a-f]{64}' transaction.txt)

begin 'Its receipt, verified offline against nothing but genesis.json'
"$quorate" tx receipt "$id" >receipt.json
"$quorate" receipt verify receipt.json --genesis genesis.json

begin 'Your turn'
here=testnet-data/quickstart
cat <<END
  cd $here
  PATH=$build:\$PATH
  quorate testnet status       # who is there, at which height
  quorate testnet logs         # what they say
  quorate get colour           # read it back
  quorate tx put shape round   # submit another
  quorate tour                 # crashes, lies, proofs: ten minutes, a command at a time
  quorate testnet down         # stop; \`quorate testnet up --detach --dir .\` goes on where it was
END
