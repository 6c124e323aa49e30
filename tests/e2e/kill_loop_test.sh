#!/usr/bin/env bash
# kill -9 in a loop under load, one replica or all, at any moment: what was acknowledged stays, and
# while a replica is down its ledger holds and ends at a block.
#   DURATION  seconds (60; the campaign gives 600)
#   RATE      transactions a second (150)
#   SEED      of the load, and of who is killed when (1)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

duration=${DURATION:-60}
rate=${RATE:-150}
seed=${SEED:-1}
RANDOM=$seed
patience=$((patience > 120 ? patience : 120))

submitting=
end_own_processes() {
  [[ -z $submitting ]] || kill "$submitting" 2>/dev/null || true
}

# in_parallel VERB REPLICA...: testnet kill or start, all at once.
in_parallel() {
  local verb=$1 replica
  local -A running=()
  shift
  for replica in "$@"; do
    "$quorate" testnet "$verb" "$replica" --dir "$net" >"$work/$verb.$replica" 2>&1 &
    running[$replica]=$!
  done
  for replica in "${!running[@]}"; do
    wait "${running[$replica]}" || die "testnet $verb $replica: $(cat "$work/$verb.$replica")"
  done
}

say 'up'
up
say "load for $duration s, $rate transactions a second at all four"
bench 0 figures.json --rate "$rate" --duration "${duration}s" --ops-per-tx 2 --seed "$seed" \
  --ids ids &
submitting=$!
ends=$((SECONDS + duration))
kills=0
audits=0
while ((SECONDS < ends)); do
  sleep "$((RANDOM % 3)).$((RANDOM % 10))"
  case $((RANDOM % 3)) in
    0) down=(0 1 2 3) ;;
    *) down=($((RANDOM % 4))) ;;
  esac
  in_parallel kill "${down[@]}"
  kills=$((kills + ${#down[@]}))
  for replica in "${down[@]}"; do
    # Whole blocks, their index and their state: a block that was half written would show here.
    expect 0 "$quorate" ledger verify "$net/replica-$replica" --genesis "$net/genesis.json" \
      --structural --quiet
    audits=$((audits + 1))
  done
  in_parallel start "${down[@]}"
done
wait "$submitting" || die 'what was acknowledged is not in every ledger once'
submitting=
await_equal_heads 4
acknowledged=$(sort -u ids | wc -l)
((acknowledged > 0)) || die 'nothing was acknowledged'
say "$kills kills, $audits audits of a ledger just killed; $acknowledged transactions acknowledged"

say 'stop, and audit every ledger in full'
expect 0 "$quorate" testnet down --dir "$net"
for replica in 0 1 2 3; do
  expect 0 "$quorate" ledger verify "$net/replica-$replica" --genesis "$net/genesis.json" --quiet
  head -n 1 out
done
