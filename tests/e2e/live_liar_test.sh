#!/usr/bin/env bash
# Replicas that equivocate in real processes, under load: no correct one stops, all of them hold
# evidence against the liar and against nobody else, and it verifies offline.
#   LOAD  seconds of load (4; 60 in a campaign)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

load=${LOAD:-4}

# evidence_at URL: who is accused in the ledger of that node, a number a line.
evidence_at() {
  "$quorate" evidence list --node "$1" --json | grep -oE '"replica":[0-9]+' | cut -d: -f2 | sort -u
}

# await_verdict LIAR: until the ledgers of all others hold evidence; it is against the liar alone.
await_verdict() {
  local replica end=$((SECONDS + patience))
  for replica in 0 1 2 3; do
    [[ $replica != "$1" ]] || continue
    until [[ -n $(evidence_at "$(url_of "$replica")") ]]; do
      ((SECONDS < end)) || die "the ledger of replica-$replica holds no evidence"
      sleep 0.2
    done
    [[ $(evidence_at "$(url_of "$replica")") == "$1" ]] ||
      die "replica-$replica holds evidence against somebody else than replica $1"
  done
}

# all_go_on: after the load.
all_go_on() {
  expect_number figures.json missing 0
  expect_number figures.json repeated 0
  [[ $(status_json | grep -oE '"state":"running"' | wc -l) == 4 ]] || die 'a replica stopped'
  ! grep -q '"fatal"\| fatal ' "$net"/replica-*/node.log || die 'a replica met something fatal'
}

# judge LIAR URL: one proof as a file, which anybody verifies.
judge() {
  local offence
  expect 0 "$quorate" evidence list --node "$2" --replica "$1"
  expect_text out "^replica $1 signed two different "
  offence=$(grep -oE 'offence [0-9a-f]+' out | head -n 1 | cut -d' ' -f2)
  "$quorate" evidence export "$offence" --node "$2" >liar.evidence 2>/dev/null
  expect 0 "$quorate" evidence verify liar.evidence --genesis "$net/genesis.json"
  expect_text out "^proved: replica $1 signed two different "
  say "$(head -n 1 out)"
  cp liar.evidence bent.evidence
  printf '\x5a' | dd of=bent.evidence bs=1 seek=60 conv=notrunc status=none
  expect 8 "$quorate" evidence verify bent.evidence --genesis "$net/genesis.json"
  expect 5 "$quorate" evidence export 0123456789abcdef0123 --node "$2"
}

say 'up, and the first primary equivocates from sequence 3 on'
up --byzantine '0=equivocate@3..'
expect 0 "$quorate" testnet status --dir "$net"
expect_text out 'replica-0 .*lies: equivocate@3\.\.'
bench 0 figures.json --rate 50 --duration "${load}s" --ops-per-tx 2 --seed 30
await_verdict 0
all_go_on
judge 0 "$(url_of 2)"

say 'the ledger with the evidence in it is re-executed from genesis, and says so in words'
expect 0 "$quorate" evidence list --node "$(url_of 1)" --json
height=$(grep -oE '"height":[0-9]+' out | tail -n 1 | cut -d: -f2)
expect 0 "$quorate" testnet down --dir "$net"
expect 0 "$quorate" ledger verify "$net/replica-1/ledger" --genesis "$net/genesis.json"
expect 0 "$quorate" ledger show "$net/replica-1/ledger" "$height"
expect_text out 'record evidence: replica 0 signed two different '

say 'where the genesis document says that it is no testnet, nobody lies'
cp "$net/genesis.json" genesis.before
sed -i 's/"testnet": true/"testnet": false/' "$net/genesis.json"
expect 4 "$quorate" testnet up --detach --dir "$net" --byzantine 3=slow
expect_text err 'byzantine-not-a-testnet'
cp genesis.before "$net/genesis.json"
expect 2 "$quorate" testnet up --detach --dir "$net" --byzantine 3=twin
expect_text err 'behaviour-not-live'
expect 0 "$quorate" testnet reset --dir "$net"

say 'replica 3 equivocates: it becomes the primary when those before it stand still for a while'
up --byzantine 3=equivocate
bench 0 figures.json --rate 50 --duration "$((load + 6))s" --ops-per-tx 2 --seed 33 &
submitting=$!
for primary in 0 1 2; do
  await_role "$primary" primary
  expect 0 "$quorate" testnet pause "$primary" --dir "$net"
  sleep 2
  expect 0 "$quorate" testnet resume "$primary" --dir "$net"
done
wait "$submitting" || die 'what was acknowledged is not in every ledger once'
await_verdict 3
all_go_on
judge 3 "$(url_of 0)"
