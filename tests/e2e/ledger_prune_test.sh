#!/usr/bin/env bash
# A replica without its early blocks goes on as before: it votes, its log key signs, what it has no
# longer it says, and its ledger holds before the audit.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

home=$net/replica-1

say 'up and load'
up
bench 0 figures.json --rate 300 --duration 3s --ops-per-tx 2 --seed 5
await_equal_heads 4

say 'prune'
expect 9 "$quorate" ledger prune "$home" --below 1000000
expect_text err 'ledger-in-use'
expect 0 "$quorate" testnet stop 1 --dir "$net"
expect 5 "$quorate" ledger prune "$home" --below 1
expect_text err 'nothing-to-prune'
expect 0 "$quorate" ledger prune "$home" --below 1000000 --keep
expect_text out 'blocks 1 to [0-9]+ are gone'
expect 0 "$quorate" ledger verify "$home" --genesis "$net/genesis.json" --quiet
expect 0 "$quorate" ledger stat "$home"
expect_text out 'pruned    up to height'
(($(du -s "$home/ledger" | cut -f1) < $(du -s "$home/ledger.before-prune" | cut -f1))) ||
  die 'it takes as much room as before'

say 'and it goes on'
expect 0 "$quorate" testnet start 1 --dir "$net"
await_role 1 backup
pruned=$(url_of 1)
page "$pruned" /status >out
first=$(grep -oE '"earliest_block_height":"[0-9]+"' out | grep -oE '[0-9]+')
((first > 1)) || die 'its status does not say that it was pruned'
page "$pruned" "/block?height=$first" >out
expect_text out "\"height\":\"$first\""
page "$pruned" "/block?height=$((first - 1))" >out
expect_text out 'block-not-kept'
page "$pruned" "/blockchain?minHeight=1&maxHeight=$((first + 1))" >out
expect_text out '"block_metas":\[\{'
bench 0 again.json --rate 300 --duration 2s --ops-per-tx 2 --seed 6
await_equal_heads 4
expect 0 "$quorate" testnet stop 2 --dir "$net"  # a quorum needs replica 1
expect 0 "$quorate" tx put needs 'replica 1' --node "$(url_of 1)" --genesis "$net/genesis.json" \
  --key "$net/keys/default.key"
expect 0 "$quorate" testnet start 2 --dir "$net"
await_equal_heads 4
if grep -h 'log-not-signed\|vote-refused\|fatal' "$home/node.log"; then die 'it does not go on'; fi
expect 5 "$quorate" ledger follow --from 1 --node "$(url_of 1)"
expect_text err 'block-not-kept'
expect 0 "$quorate" ledger follow --from 1 --once --node "$(url_of 0)"
