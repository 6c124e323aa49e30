#!/usr/bin/env bash
# Both engines across a change of membership: the replicas go on to the next epoch, the chain beside
# them goes on as well, and what either epoch ordered is anchored and verified with genesis alone.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

get() { page "$(url_of "$1")" "$2" | tail -n 1; }
# put KEY VALUE: its id is in $id.
put() {
  QUORATE_TESTNET=$net expect 0 "$quorate" tx put "$1" "$2" --wait stable --json
  id=$(grep -oE '"id":"[0-9a-f]{64}"' out | head -n 1 | cut -d'"' -f4)
}
# await_anchored ID NODE
await_anchored() {
  local end=$((SECONDS + patience))
  until "$quorate" tx status "$1" --node "$(url_of "$2")" 2>/dev/null |
    grep -q '^level: anchored'; do
    ((SECONDS < end)) || die "$1 is not anchored at node $2"
    get 0 '/generate?nblocks=1' >/dev/null
    sleep 0.3
  done
}
# verify ID
verify() {
  rm -f receipt.json
  expect 0 "$quorate" tx receipt "$1" --anchored --out receipt.json --node "$(url_of 3)" \
    --genesis "$net/genesis.json"
  expect 0 "$quorate" receipt verify receipt.json --genesis "$net/genesis.json"
}

say 'an epoch with four replicas'
up --engine both
put colour blue
first=$id
await_anchored "$first" 0
blocks=$(get 0 /getblockcount | grep -oE '"result":[0-9]+')

say 'another one, with five'
for kind in vote network; do
  expect 0 "$quorate" keys new --purpose "$kind" --out "$kind.key" --insecure-no-passphrase
done
change vote.key "$net"/replica-{0,1,2}/vote.key -- add --name replica-4 --vote-key vote.key \
  --network-key network.key
end=$((SECONDS + patience))
until grep -qE 'start.*epoch[="]+1\b' "$net/replica-0/node.log"; do
  ((SECONDS < end)) || die 'the epoch does not end'
  # Nobody answers while all begin anew.
  QUORATE_TESTNET=$net "$quorate" tx put filling "$SECONDS" >/dev/null 2>&1 || sleep 0.5
done
await_epoch 1 "$net"/replica-{1,2,3}/node.log
expect_text "$net/replica-0/node.log" "chain height=${blocks#*:} .*anchored=[1-9]"
put colour red
second=$id
for node in 0 1 2 3; do
  await_anchored "$second" "$node"
  await_anchored "$first" "$node"
done

say 'receipts of both'
verify "$first"
expect_text out 'committed by [34] of 4 replicas'
verify "$second"
expect_text out 'committed by 4 of 5 replicas'
expect_text out 'which 4 replicas cosigned'

say 'an audit through both'
expect 0 "$quorate" testnet down --dir "$net"
expect 0 "$quorate" ledger verify "$net/replica-2" --genesis "$net/genesis.json" \
  --chain "$net/replica-1"
expect_text out '^  [1-9][0-9]* anchors agree, up to size [1-9]'
