#!/usr/bin/env bash
# A membership change from hand to hand: written, signed where the keys are, refused while somebody
# has not signed or a word was altered, and sent.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

# run CODE ...: `quorate validator` in this testnet.
run() {
  local wanted=$1
  shift
  QUORATE_TESTNET=$net expect "$wanted" "$quorate" validator "$@"
}

say 'a testnet of four, one of which may lie'
up
run 0 list --json
expect_text out '"epoch": ?0'
run 0 list
[[ $(grep -c '  vote ' out) == 4 ]] || die 'not four replicas'
expect_text out 'replica-2'

say 'three must stay, and unknown replicas are named'
for purpose in vote network; do
  expect 0 "$quorate" keys new --purpose "$purpose" --out "$purpose.key" --insecure-no-passphrase
done
run 5 remove replica-9 --out x.json
expect_text err 'replica-0, replica-1, replica-2, replica-3'
run 2 add --name replica-4 --vote-key network.key --network-key network.key --out x.json
expect_text err 'holds a network key'
[[ ! -e x.json ]] || die 'a refused change was written'

say 'a change is written once, and says what it is'
run 0 add --name replica-4 --vote-key vote.key --network-key network.key --out add.json
expect_text out 'add replica-4'
expect_text err '3 of 4 replicas'
run 9 add --name replica-4 --vote-key vote.key --network-key network.key --out add.json
expect_text add.json '"change": "add"'

say 'signed where the keys are'
for i in 0 3; do
  expect 0 "$quorate" validator sign add.json --key "$net/replica-$i/vote.key" --out "add.$i.json"
  expect_text out 'as a replica'
done
run 0 sign add.json --key vote.key --out add.new.json
expect_text out 'the new vote key'
sed 's/"name": "replica-4"/"name": "replica-5"/' add.json >altered.json
run 8 sign altered.json --key vote.key --out altered.new.json
expect_text err 'change-facts-differ'
[[ ! -e altered.new.json ]] || die 'an altered change was signed'

say 'not sent while somebody has to sign'
run 0 show add.0.json add.3.json --json
expect_text out '"missing": ?1'
expect_text out '"consent": ?false'
run 0 show add.0.json add.3.json add.new.json
expect_text out '1 more of these have to sign: replica-1, replica-2'
run 3 submit add.0.json add.3.json add.new.json
expect_text err 'change-signatures-missing'
expect 0 "$quorate" validator sign add.json --key "$net/replica-1/vote.key" --out add.1.json
run 3 submit add.0.json add.1.json add.3.json
expect_text err 'the new vote key has to sign'

say 'sent, and in force from its boundary on, to which an idle network goes by itself'
run 0 show add.*.json
expect_text out 'complete'
run 0 submit add.*.json --json
id=$(grep -oE '"id": ?"[0-9a-f]{64}"' out | grep -oE '[0-9a-f]{64}')
end=$((SECONDS + patience))
until run 0 list --json && grep -Eq '^\{"height": ?[0-9]+, ?"epoch": ?1,' out; do
  ((SECONDS < end)) || die "epoch 1 does not begin: $(cat out)"
  sleep 0.2
done
expect_text out '"name": ?"replica-4"'

say 'the change has a receipt, which says what was changed'
QUORATE_TESTNET=$net expect 0 "$quorate" tx receipt "$id" --out change.json
expect 0 "$quorate" receipt verify change.json --genesis "$net/genesis.json"
expect_text change.json 'change-membership'
expect_text change.json 'add replica-4'

say 'nor is it good again'
run 3 submit add.*.json
expect_text err 'change-other-epoch'

say 'an audit goes through the boundary'
expect 0 "$quorate" testnet stop 0 --dir "$net"
expect 0 "$quorate" ledger verify "$net/replica-0/ledger" --genesis "$net/genesis.json"
