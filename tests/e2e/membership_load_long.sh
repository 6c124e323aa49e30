#!/usr/bin/env bash
# Who votes changes under load: 4 -> 5 -> 6 -> 7 replicas and back to 4, one change an epoch, the
# primary killed at one of the boundaries. Nothing acknowledged is lost, no gap is longer than the
# limit, and receipts of every epoch verify with genesis alone.
#   RATE   transactions a second (100)
#   GAP    the longest time without a commit, in milliseconds (2000: two timeouts)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

rate=${RATE:-100}
gap_max=${GAP:-2000}
observers=()
submitting=
end_own_processes() {
  local each
  for each in ${submitting:+"$submitting"} "${observers[@]}"; do
    kill "$each" 2>/dev/null || true
  done
  wait 2>/dev/null || true
}

# new_replica NUMBER: its home, and its process, which watches until it is taken in.
new_replica() {
  local home=replica-$1 port purpose i
  port=$(($(listen_of 3 | sed 's/.*://') + 10 * $1))
  for purpose in vote network; do
    expect 0 "$quorate" keys new --purpose "$purpose" --out "$purpose.$1.key" \
      --insecure-no-passphrase
  done
  expect 0 "$quorate" init --home "$home" --genesis "$net/genesis.json" --vote-key "vote.$1.key" \
    --network-key "network.$1.key" --insecure-no-passphrase --observe
  peer_of[$1]=127.0.0.1:$port
  {
    printf '[node]\nobserve = "yes"\n'
    printf '[rpc]\nlisten = "127.0.0.1:%d"\n' "$((port + 1))"
    printf '[peers]\nlisten = "127.0.0.1:%d"\n[peers.addresses]\n' "$port"
    for i in "${!peer_of[@]}"; do
      [[ $i == "$1" ]] || printf 'replica-%d = "%s"\n' "$i" "${peer_of[$i]}"
    done
  } >"$home/config.toml"
  "$quorate" node --home "$home" --log-to-stderr >"$home.log" 2>&1 &
  observers+=($!)
  await_text "$home.log" 'observer'
}

declare -A peer_of=()
say 'a testnet of four, three more that watch, and load'
up --replicas 4
for i in 0 1 2 3; do peer_of[$i]=$(listen_of "$i"); done
for i in 4 5 6; do
  for j in 0 1 2 3; do
    port=$(($(listen_of 3 | sed 's/.*://') + 10 * i))
    sed -i "s/^\[peers.addresses\]/&\nreplica-$i = \"127.0.0.1:$port\"/" \
      "$net/replica-$j/config.toml"
  done
done
for j in 0 1 2 3; do
  expect 0 "$quorate" testnet stop "$j" --dir "$net"
  expect 0 "$quorate" testnet start "$j" --dir "$net"
done
for i in 4 5 6; do new_replica "$i"; done
bench 0 figures.json --rate "$rate" --duration "${DURATION:-40}s" --ops-per-tx 2 --seed 5 \
  --ids ids &
submitting=$!
start=$(height)
until (($(height) > start + 10)); do sleep 0.1; done

votes=("$net"/replica-{0,1,2,3}/vote.key)
logs=("$net"/replica-{0,1,2,3}/node.log)
epoch=0
for i in 4 5 6; do
  epoch=$((epoch + 1))
  change "${votes[@]}" "vote.$i.key" -- add --name "replica-$i" --vote-key "vote.$i.key" \
    --network-key "network.$i.key"
  if ((i == 5)); then
    say 'the primary is killed on the way to the boundary'
    expect 0 "$quorate" testnet kill 0 --dir "$net"
    await_epoch "$epoch" "${logs[@]:1}" "replica-$i.log"
    expect 0 "$quorate" testnet start 0 --dir "$net"
  fi
  await_epoch "$epoch" "${logs[@]}" "replica-$i.log"
  votes+=("vote.$i.key")
  say "$((i + 1)) replicas in epoch $epoch at height $(height)"
done
for i in 6 5 4; do
  epoch=$((epoch + 1))
  change "${votes[@]}" -- remove "replica-$i"
  await_epoch "$epoch" "${logs[@]}"
  unset 'votes[-1]'
  say "$i replicas in epoch $epoch at height $(height)"
done
wait "$submitting" || die 'what was acknowledged is not in every ledger once'
submitting=
await_equal_heads 4
gap=$(grep -oE '"commit_gap_us":[0-9]+' figures.json | grep -oE '[0-9]+$')
gap=$((gap / 1000))
say "the longest time without a commit: $gap ms"
((gap <= gap_max)) || die "that is longer than $gap_max ms"

say 'a receipt of each epoch verifies with genesis alone'
total=$(wc -l <ids)
for ((part = 1; part <= 20; ++part)); do
  id=$(sed -n "$((part * total / 20))p" ids)
  rm -f receipt.json
  expect 0 "$quorate" tx receipt "$id" --node "$(url_of 1)" --out receipt.json
  expect 0 "$quorate" receipt verify receipt.json --genesis "$net/genesis.json"
done
expect 0 "$quorate" testnet down --dir "$net"
expect 0 "$quorate" ledger verify "$net/replica-1" --genesis "$net/genesis.json" --quiet
head -n 1 out
