#!/usr/bin/env bash
# A replica whose databases are gone (its guard is not) joins a ledger of thousands of transactions
# by snapshot: it replays nothing, says and keeps on which signatures its ledger rests, has the
# others' tree head, and votes.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

home=$net/replica-3
seconds=${SECONDS_OF_LOAD:-6}

wipe() {
  expect 0 "$quorate" testnet stop 3 --dir "$net"
  rm -r "$home/ledger" "$home/votes"
  : >"$home/node.log"
}

say 'a ledger'
up
bench 0 load.json --clients 256 --duration "${seconds}s" --value-bytes 200 --keys 100000 --seed 1
await_equal_heads 4
grep -oE '"acknowledged":[0-9]+' load.json
before=$(height)
((before >= 2)) || die "only $before blocks"

say 'wiped, it joins by snapshot'
sed -i 's/^snapshot_blocks_min = .*/snapshot_blocks_min = 2/' "$home/config.toml"
wipe
expect 0 "$quorate" testnet start 3 --dir "$net"
await_text "$home/node.log" 'joined-by-snapshot'
await_role 3 backup
await_equal_heads 4
joined=$(grep -E 'joined-by-snapshot' "$home/node.log")
echo "$joined"
expect_text "$home/node.log" \
  'joined-by-snapshot .*signers=[0-9],[0-9],[0-9].* sources=[0-9,]+ .*keys=[1-9][0-9]+'
sequence=$(grep -oE ' sequence=[0-9]+' <<<"$joined" | cut -d= -f2)

say 'nothing was replayed'
url=$(rpc_urls | tail -n 1)
page "$url" /status >status
expect_text status "\"snapshot\":\\{\"sequence\":$sequence,"
expect_text status '"signers":\[[0-9],[0-9],[0-9]'
page "$url" "/block?height=$sequence" >block
expect_text block 'block-not-kept'

say 'it votes: without replica 2 a quorum needs it'
expect 0 "$quorate" testnet stop 2 --dir "$net"
expect 0 "$quorate" tx put needs 'replica 3' --node "$(rpc_urls | head -n 1)" \
  --genesis "$net/genesis.json" --key "$net/keys/default.key" --wait stable
expect 0 "$quorate" get needs --node "$url" --genesis "$net/genesis.json" --prove
expect 0 "$quorate" testnet start 2 --dir "$net"
await_equal_heads 4

say 'started again, it still says on what it rests'
expect 0 "$quorate" testnet stop 3 --dir "$net"
expect 0 "$quorate" testnet start 3 --dir "$net"
await_equal_heads 4
page "$url" /status >status
expect_text status "\"snapshot\":\\{\"sequence\":$sequence,"

say 'audited, its ledger says on what it rests; one from genesis is executed again'
expect 0 "$quorate" testnet down --dir "$net"
expect 0 "$quorate" ledger verify "$home" --genesis "$net/genesis.json" --quiet
expect_text out "blocks 1 to $sequence are not in this ledger"
expect 0 "$quorate" ledger verify "$net/replica-0" --genesis "$net/genesis.json" --quiet
expect_text out 'executed again from genesis'
