#!/usr/bin/env bash
# Each primary in turn is killed with SIGKILL under load: commits resume within the view timeout
# plus 250 ms, what was acknowledged is in every ledger once, and the one that was killed comes
# back.
#   ROUNDS  how many primaries (3)
#   RATE    transactions a second (150)
#   SLACK   milliseconds beyond the timeout that commits may take to resume (250)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

rounds=${ROUNDS:-3}
rate=${RATE:-150}
slack=${SLACK:-250}
timeout_ms=1000

primary() {
  status_json | grep -oE '"id":[0-9]+[^}]*"role":"primary"' | head -n 1 |
    grep -oE '^"id":[0-9]+' | cut -d: -f2
}
number() { grep -oE "\"$2\":[0-9]+" "$1" | head -n 1 | cut -d: -f2; }

say 'up'
up
longest=0
for ((round = 1; round <= rounds; ++round)); do
  victim=$(primary)
  bench 0 figures.json --rate "$rate" --duration 5s --ops-per-tx 2 --seed "$round" &
  submitting=$!
  start=$(height)
  until (($(height) > start + 20)); do sleep 0.05; done
  expect 0 "$quorate" testnet kill "$victim" --dir "$net"
  wait "$submitting" || die "round $round: what was acknowledged is not in every ledger once"
  gap=$(($(number figures.json commit_gap_us) / 1000))
  say "round $round: primary $victim killed, $(number figures.json acknowledged)" \
    "acknowledged, longest gap $gap ms"
  ((gap <= timeout_ms + slack)) || die "commits took $gap ms to resume"
  ((gap > longest)) && longest=$gap
  expect 0 "$quorate" testnet start "$victim" --dir "$net"
  await_equal_heads 4
done
say "$rounds primaries in a row; the longest gap was $longest ms at a timeout of $timeout_ms ms"
