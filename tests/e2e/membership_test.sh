#!/usr/bin/env bash
# Four replicas become five and four again, while they run: the fifth follows nobody until it is
# taken in, votes from then on, and the first is left out and only watches.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

fifth=
end_own_processes() {
  [[ -z $fifth ]] || kill "$fifth" 2>/dev/null || true
  [[ -z $fifth ]] || wait "$fifth" 2>/dev/null || true
}

say 'a testnet of four, and a fifth replica that genesis does not list'
up --replicas 4
put_default 'before' 'epoch 0'
for purpose in vote network; do
  expect 0 "$quorate" keys new --purpose "$purpose" --out "$purpose.key" --insecure-no-passphrase
done
expect 3 "$quorate" init --home fifth --genesis "$net/genesis.json" --vote-key vote.key \
  --network-key network.key --insecure-no-passphrase
expect_text err 'key-not-in-genesis|No replica of genesis'
expect 0 "$quorate" init --home fifth --genesis "$net/genesis.json" --vote-key vote.key \
  --network-key network.key --insecure-no-passphrase --observe
port=$(($(listen_of 3 | sed 's/.*://') + 40))
{
  printf '[node]\nobserve = "yes"\n'
  printf '[rpc]\nlisten = "127.0.0.1:%d"\n' "$((port + 1))"
  printf '[peers]\nlisten = "127.0.0.1:%d"\n' "$port"
  printf '[peers.addresses]\n'
  for i in 0 1 2 3; do printf 'replica-%d = "%s"\n' "$i" "$(listen_of "$i")"; done
} >fifth/config.toml
for i in 0 1 2 3; do
  sed -i "s/^\[peers.addresses\]/&\nreplica-4 = \"127.0.0.1:$port\"/" "$net/replica-$i/config.toml"
done
"$quorate" node --home fifth --log-to-stderr >fifth.log 2>&1 &
fifth=$!
await_text fifth.log 'observer'

say 'it is taken in'
change "$net"/replica-{0,1,2}/vote.key vote.key -- \
  add --name replica-4 --vote-key vote.key --network-key network.key
await_epoch 1 "$net"/replica-{0,1,2,3}/node.log fifth.log
put_default 'after' 'epoch 1'
QUORATE_TESTNET=$net expect 0 "$quorate" validator list --json
expect_text out '"epoch": ?1'
expect_text out '"name": ?"replica-4"'

say 'and votes: without the first primary, four of five must'
expect 0 "$quorate" testnet stop 0 --dir "$net"
expect 0 "$quorate" tx put 'without' 'replica 0' --node "$(url_of 1)" \
  --genesis "$net/genesis.json" --key "$net/keys/default.key"
expect 0 "$quorate" get after --node "http://127.0.0.1:$((port + 1))"
expect_text out 'epoch 1'
expect 0 "$quorate" testnet start 0 --dir "$net"

say 'the first is left out'
change "$net"/replica-{1,2,3}/vote.key vote.key -- remove replica-0
await_epoch 2 "$net"/replica-{0,1,2,3}/node.log fifth.log
await_text "$net/replica-0/node.log" 'observer'
expect 0 "$quorate" testnet stop 0 --dir "$net"
expect 0 "$quorate" tx put 'last' 'epoch 2' --node "$(url_of 1)" \
  --genesis "$net/genesis.json" --key "$net/keys/default.key"
expect 0 "$quorate" get last --node "http://127.0.0.1:$((port + 1))"
expect_text out 'epoch 2'

say 'the ledger of three epochs verifies with genesis alone'
kill "$fifth"
wait "$fifth" || die 'the fifth did not stop in peace'
fifth=
expect 0 "$quorate" ledger verify fifth --genesis "$net/genesis.json" --quiet
