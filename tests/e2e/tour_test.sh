#!/usr/bin/env bash
# The guided tour, from its first command to its last: each ends as it should, what it promises to
# leave is there, and nothing runs afterwards. Broken off, it takes down what it started.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

port=()
[[ -z ${QUORATE_E2E_PORT:-} ]] || port=(--base-port "$QUORATE_E2E_PORT")
net=$work/tour/testnet-data/default

say 'from end to end'
expect 0 "$quorate" tour --dir tour "${port[@]}" --json
steps=$(grep -o '"command":' out | wc -l)
[[ $steps == $("$quorate" tour --list | wc -l) ]] || die "$steps steps were taken"
expect_text out '"command":"quorate ledger blame [^"]*","exit_code":13'
for left in colour.json lie.html equivocating-primary-7.evidence proofs; do
  [[ -e tour/$left ]] || die "the tour left no $left"
done
[[ ! -e $net/control.sock ]] || die 'its testnet is still up'
expect 0 "$quorate" evidence verify tour/proofs/sequence-1-replica-1.evidence \
  --genesis tour/lives/genesis.json

say 'a folder of somebody else'
expect 9 "$quorate" tour --dir tour --yes
expect_text err 'tour-folder-exists'

say 'broken off'
rm -r tour
"$quorate" tour --dir tour --yes "${port[@]}" >out 2>err &
walking=$!
until [[ -e $net/control.sock ]] && grep -q 'replicated' out; do
  kill -0 "$walking" 2>/dev/null || die "it ended: $(cat out err)"
  sleep 0.05
done
kill -TERM "$walking"
code=0
wait "$walking" || code=$?
((code == 7)) || die "exit code $code after SIGTERM"
[[ ! -e $net/control.sock ]] || die 'its testnet is still up'
