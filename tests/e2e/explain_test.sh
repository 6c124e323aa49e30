#!/usr/bin/env bash
# `quorate explain`: with two of four replicas stopped it names them, what waits and what to do, and
# once they are back it says that nothing is stuck.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

explain() { QUORATE_TESTNET=$net "$quorate" explain "$@"; }
# A view change, an election of blocks to catch up: what heals by itself may take a moment.
await_unstuck() {
  local end=$((SECONDS + patience))
  until explain >out 2>err; do
    ((SECONDS < end)) || die "still stuck: $(cat out err)"
    sleep 0.2
  done
}

say 'up'
up
await_unstuck
expect_text out '^Nothing is stuck: 4 of 4 replicas answer'

say 'one is stopped'
expect 0 "$quorate" testnet stop 3 --dir "$net"
await_unstuck
expect_text out '^Nothing is stuck: 3 of 4 replicas answer'
expect_text out '^Replica 3 cannot be reached: .* so none more may fail'

say 'two are stopped, one of them the primary'
expect 0 "$quorate" testnet stop 0 --dir "$net"
expect 7 "$quorate" tx put colour blue --timeout 1s --node "$(rpc_urls | sed -n 2p)" \
  --genesis "$net/genesis.json" --key "$net/keys/default.key"
expect 15 explain
expect_text out '^Replicas 0 and 3 cannot be reached: 2 of 4 answer, a quorum takes 3; '
expect_text out 'Replica 1 says of replica 0: '
expect_text out 'quorate testnet start 0'
expect 15 explain --json
expect_text out '^\{"stuck":true,"code":"no-quorum","verdict":"Replicas 0 and 3 cannot be reached'
expect 15 explain --node "$(rpc_urls | sed -n 2p)"
expect_text out '^Replicas 0 and 3 cannot be reached: 2 of 4 are there, '
expect_text out 'Replica 2 was not asked'

say 'started again'
expect 0 "$quorate" testnet start 0 --dir "$net"
expect 0 "$quorate" testnet start 3 --dir "$net"
await_equal_heads 4
await_unstuck
expect_text out '^Nothing is stuck: 4 of 4 replicas answer'

say 'nobody answers'
expect 0 "$quorate" testnet down --dir "$net"
expect 6 explain
expect_text err 'node-unreachable'
