#!/usr/bin/env bash
# A live network is cut in two under load: nothing is committed until it heals, then commits resume
# and nothing that was acknowledged is lost. A minority that is cut off catches up; slow links and
# wrong clocks stop nothing; and everybody says that faults are injected.
#   RESUME  seconds that commits may take to resume (8)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

resume=${RESUME:-8}
fault() { expect 0 "$quorate" testnet "$@" --dir "$net"; }
put() {
  expect 0 "$quorate" tx put "$1" "$2" --node "$(rpc_urls | sed -n "$3p")" \
    --genesis "$net/genesis.json" --key "$net/keys/default.key"
}
height_of() { status_json | grep -oE "\"id\":$1,[^}]*\"sequence\":[0-9]+" | grep -oE '[0-9]+$'; }
# await_height ABOVE SECONDS
await_height() {
  local end=$((SECONDS + $2))
  until (($(height) > $1)); do
    ((SECONDS < end)) || die "no commit above $1 within $2 s"
    sleep 0.05
  done
}

say 'up'
up
bench 0 figures.json --rate 60 --duration 4s --ops-per-tx 2 --seed 6 &
submitting=$!
await_height 10 "$patience"

say 'two against two: nobody has a quorum'
fault partition 0,1/2,3
expect_text out '^partition 0,1 / 2,3$'
sleep 0.3
before=$(height)
sleep 1
[[ $(height) == "$before" ]] || die "commits went on in a partition of two and two"
expect 0 "$quorate" testnet status --dir "$net"
expect_text out 'injected fault: partition 0,1 / 2,3'
expect_text <(status_json) '"injected_faults":"cut off from 2, 3"'
await_text "$net/replica-2/node.log" 'faults-injected.*cut off from 0, 1'

say 'healed: commits resume'
begin=$(date +%s%N)
fault heal
expect_text out '^no faults$'
await_height "$before" "$resume"
say "after $((($(date +%s%N) - begin) / 1000000)) ms"
wait "$submitting" || die 'what was acknowledged is not in every ledger once'
await_equal_heads 4
await_text "$net/replica-2/node.log" 'faults-ended'

say 'one against three: the network goes on, and the one catches up'
fault partition 3
alone=$(height_of 3)
for i in 1 2 3; do put "key-$i" value 1; done
[[ $(height_of 3) == "$alone" ]] || die 'replica 3 heard something'
fault heal
await_equal_heads 4

say 'a node that is started again in a partition stays in it'
fault partition 3
fault kill 3
fault start 3
put between times 1
expect_text <(status_json) '"injected_faults":"cut off from 0, 1, 2"'
(($(height_of 3) < $(height))) || die 'replica 3 heard something after its start'
fault heal
await_equal_heads 4

say 'slow links and a wrong clock stop nothing'
fault delay 0-1 150
expect_text out '^delay 0-1 150 ms$'
put slow links 2
fault skew 1 300000
put clock ahead 1
fault skew 1 0
fault skew 2 -300000
expect_text out '^skew 2 -300000 ms$'
put clock behind 1
# The primary's own clock: it cannot propose in time, and is replaced.
primary=$(status_json | grep -oE '"id":[0-9]+[^}]*"role":"primary"' | head -n 1 |
  grep -oE '^"id":[0-9]+' | cut -d: -f2)
fault heal
fault skew "$primary" 300000
put primary wrong $((primary == 0 ? 2 : 1))
fault heal
await_equal_heads 4
evidence=$(status_json | grep -oE '"evidence_seen":[0-9]+' | grep -vc ':0$' || true)
[[ $evidence == 0 ]] || die 'somebody saw a contradiction'

say 'what is no fault is refused'
expect 2 "$quorate" testnet partition 0,1,2,3 --dir "$net"
expect_text err 'partition-malformed'
expect 2 "$quorate" testnet delay 0-9 5 --dir "$net"
expect 2 "$quorate" testnet skew 9 5 --dir "$net"

say 'a testnet that begins has no faults'
fault partition 0
expect 0 "$quorate" testnet down --dir "$net"
up
await_equal_heads 4
