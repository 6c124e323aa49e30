#!/usr/bin/env bash
# Joining a ledger of a million transactions that wrote a million distinct keys, with an empty disk:
# under 60 s from the start of the process to the ledger, and 200 MB of memory beyond what a node
# takes that runs already. KEYS sets how many keys, OPS how many operations a transaction has: what
# a join takes depends on the keys alone, so a quick measurement has many of them in each.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

home=$net/replica-3
wanted=${KEYS:-1000000}
operations=${OPS:-1}
seconds_max=${SECONDS_MAX:-60}
megabytes_max=${MEGABYTES_MAX:-200}

peak_mb() { awk '/^VmHWM/ {print int($2 / 1024)}' "/proc/$1/status"; }
pid_of() { status_json | grep -oE '"pid":[0-9]+' | cut -d: -f2 | sed -n "$(($1 + 1))p"; }

say "a ledger of $wanted keys, $operations a transaction"
up
sum=0
for ((round = 1; sum < wanted; ++round)); do
  bench 0 load.json --clients 1000 --duration 30s --value-bytes 20 --keys 4294967295 \
    --ops-per-tx "$operations" --seed "$round"
  sum=$((sum + operations * $(grep -oE '"acknowledged":[0-9]+' load.json | cut -d: -f2)))
  echo "$sum operations, height $(height)"
done
await_equal_heads 4
beside=$(peak_mb "$(pid_of 2)")

say 'wiped, it joins'
expect 0 "$quorate" testnet stop 3 --dir "$net"
rm -r "$home/ledger" "$home/votes"
sed -i 's/^snapshot_blocks_min = .*/snapshot_blocks_min = 2/' "$home/config.toml"
: >"$home/node.log"
began=$(date +%s%N)
# It answers when it has joined, which may be later than `start` waits.
"$quorate" testnet start 3 --dir "$net" >out 2>err || true
until grep -q 'joined-by-snapshot' "$home/node.log"; do
  (($(date +%s%N) - began < seconds_max * 4000000000)) || die 'it does not join'
  sleep 0.1
done
took=$((($(date +%s%N) - began) / 1000000))
peak=$(peak_mb "$(pid_of 3)")
grep 'joined-by-snapshot' "$home/node.log"
echo "joined after $took ms; peak $peak MB, a node that ran through it all $beside MB"
await_equal_heads 4
((took < seconds_max * 1000)) || die "more than $seconds_max s"
((peak < beside + megabytes_max)) || die "more than $megabytes_max MB beyond a node's own"
