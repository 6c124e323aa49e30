#!/usr/bin/env bash
# All replicas are killed with SIGKILL at once under load and started again: the next commit comes,
# the tree heads are equal, and nothing that was acknowledged is lost.
#   ROUNDS  how often (5)
#   RATE    transactions a second (150)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

rounds=${ROUNDS:-5}
rate=${RATE:-150}
limit_ms=5000  # two timeouts of 1 s and a start-up of under 3 s

now_ms() { date +%s%3N; }

say 'up'
up
for ((round = 1; round <= rounds; ++round)); do
  bench 0 figures.json --rate "$rate" --duration 6s --ops-per-tx 2 --seed "$round" &
  submitting=$!
  start=$(height)
  until (($(height) > start + 15)); do sleep 0.05; done
  for replica in 0 1 2 3; do
    "$quorate" testnet kill "$replica" --dir "$net" >/dev/null &
    killing[replica]=$!
  done
  for replica in 0 1 2 3; do wait "${killing[$replica]}"; done
  began=$(now_ms)
  for replica in 0 1 2 3; do
    "$quorate" testnet start "$replica" --dir "$net" >/dev/null &
    starting[replica]=$!
  done
  for replica in 0 1 2 3; do wait "${starting[$replica]}"; done
  expect 0 "$quorate" tx put "round" "$round" --node "$(rpc_urls | head -n 1)" \
    --genesis "$net/genesis.json" --key "$net/keys/default.key"
  took=$(($(now_ms) - began))
  wait "$submitting" || die "round $round: what was acknowledged is not in every ledger once"
  await_equal_heads 4
  say "round $round: all killed and started, a new transaction replicated after $took ms"
  ((took <= limit_ms)) || die "that is longer than $limit_ms ms"
done
