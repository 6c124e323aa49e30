#!/usr/bin/env bash
# What a power cut can leave of the last writes, made by hand in the stores of a killed replica: the
# tail dropped at any byte, cut at a sector of 512 bytes with garbage in the last one, or zeros in
# its place. An audit of the ledger finds whole blocks or names what is wrong; the replica starts,
# heals a ledger that is no legal state, says it if a vote is missing, and comes to the same tree
# head as the others.
#   ROUNDS  how often each state is made (2; the campaign gives more)
#   SEED    of where (1)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

rounds=${ROUNDS:-2}
RANDOM=${SEED:-1}
random() { echo $(((RANDOM << 15 | RANDOM) % $1)); }

# tear FILE HOW: the end of a log, up to 4 KiB of it.
tear() {
  local size lost kept
  size=$(stat -c %s "$1")
  ((size > 0)) || return 0
  lost=$((1 + $(random "$((size < 4096 ? size : 4096))")))
  kept=$((size - lost))
  case $2 in
    dropped) truncate -s "$kept" "$1" ;;
    torn)
      kept=$((kept / 512 * 512))
      truncate -s "$kept" "$1"
      head -c 512 /dev/urandom >>"$1"
      ;;
    zeros)
      truncate -s "$kept" "$1"
      truncate -s "$size" "$1"
      ;;
  esac
}

# A vote store that ends in garbage is no state that its node made: it is named, and set aside by
# whoever runs the node.
start_again() {
  if "$quorate" testnet start 3 --dir "$net" >out 2>&1; then return 0; fi
  grep -q 'vote-store-corrupt' "$home/node.log" || {
    cat out
    die "$state: replica-3 does not start"
  }
  by_hand=$((by_hand + 1))
  mv "$home/votes" "$home/votes.aside-$by_hand"
  expect 0 "$quorate" testnet start 3 --dir "$net"
}

say 'up'
up
by_hand=0
home=$net/replica-3
whole=0 named=0
for ((round = 1; round <= rounds; ++round)); do
  for store in ledger votes; do
    for how in dropped torn zeros; do
      state="$store, $how, round $round"
      # A ledger that healed by a snapshot has no block before it; its tree head is compared below.
      bench 0 figures.json --rate 100 --duration 4s --ops-per-tx 2 --seed "$round$RANDOM" \
        --node "$(url_of 0)" --node "$(url_of 1)" --node "$(url_of 2)" &
      submitting=$!
      sleep 0.$((3 + RANDOM % 6))
      expect 0 "$quorate" testnet kill 3 --dir "$net"
      tear "$(find "$home/$store" -name '*.log' | sort -V | tail -n 1)" "$how"
      code=0
      "$quorate" ledger verify "$home" --genesis "$net/genesis.json" --structural --quiet \
        >said 2>&1 || code=$?
      case $code in
        0) whole=$((whole + 1)) ;;
        8) named=$((named + 1)) && head -n 1 said ;;
        *) grep -q 'ledger-corrupt' said && named=$((named + 1)) || {
          cat said
          die "$state: the audit ends with $code"
        } ;;
      esac
      start_again
      wait "$submitting" || die "$state: what was acknowledged is not in every ledger once"
      await_equal_heads 4
    done
  done
done
recovering=$(grep -c ' recovering ' "$home/node.log" || true)
say "$((rounds * 6)) states: $whole ledgers ended at a block, $named were named;" \
  "the guard missed a vote $recovering times; $by_hand vote stores were named"
expect 0 "$quorate" testnet down --dir "$net"
expect 0 "$quorate" ledger verify "$home" --genesis "$net/genesis.json" --quiet
head -n 1 out
