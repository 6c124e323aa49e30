#!/usr/bin/env bash
# An operator's way, without `testnet`: keys with passphrases, a genesis written by hand, `init`,
# `node`; and what a node that cannot start says.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

node_pid=''
stop_node() {
  [[ -n $node_pid ]] || return 0
  kill -TERM "$node_pid"
  wait "$node_pid" || die "the node ended with $?"
  node_pid=''
}
end_own_processes() { [[ -z $node_pid ]] || kill -KILL "$node_pid"; }
start_node() {
  "$quorate" node --home home --log-to-stderr "$@" >node.out 2>&1 &
  node_pid=$!
}
await_node() {
  local end=$((SECONDS + patience))
  until "$quorate" get nothing --node "$url" >/dev/null 2>err || grep -q key-not-found err; do
    kill -0 "$node_pid" 2>/dev/null || die "the node ended: $(cat node.out)"
    ((SECONDS < end)) || die "the node does not answer: $(cat node.out)"
    sleep 0.1
  done
}
# Two ports that are free when this is called.
free_ports() {
  local port found=0
  for ((port = 20000 + RANDOM % 10000; found < 2; ++port)); do
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      found=$((found + 1))
    fi
  done
}

say 'keys'
echo 'correct horse' >pass
for purpose in vote network; do
  expect 0 "$quorate" keys new --purpose "$purpose" --out "$purpose.key" --passphrase-file pass
done
export QUORATE_PASSPHRASE='battery staple'
expect 0 "$quorate" keys new --out alice.key
unset QUORATE_PASSPHRASE
expect_text out 'passphrase needed'

say 'a genesis written by hand'
cat >genesis.json <<END
{
  "format": 1,
  "name": "by-hand",
  "time_ms": $(date +%s)000,
  "faults": 0,
  "replicas": [
    {
      "name": "only-one",
      "vote_key": "$("$quorate" keys address vote.key)",
      "network_key": "$("$quorate" keys address network.key)"
    }
  ],
  "accounts": [{"key": "$("$quorate" keys address alice.key)", "balance": 50}]
}
END

say 'init'
expect 10 "$quorate" init --home home --genesis genesis.json --vote-key vote.key \
  --network-key network.key </dev/null
expect_text err 'passphrase'
expect 0 "$quorate" init --home home --genesis genesis.json --vote-key vote.key \
  --network-key network.key --passphrase-file pass
expect 9 "$quorate" init --home home --genesis genesis.json --vote-key vote.key \
  --network-key network.key --passphrase-file pass
expect_text err 'home-exists'
expect 0 "$quorate" init --home joins --join --genesis genesis.json --vote-key vote.key \
  --network-key network.key --passphrase-file pass
[[ -e joins/guard && ! -e joins/ledger ]] || die 'init --join made a ledger, or no guard'

say 'node'
mapfile -t ports < <(free_ports)
url=http://127.0.0.1:${ports[0]}
sed -i "s/127.0.0.1:26650/127.0.0.1:${ports[0]}/; s/127.0.0.1:26600/127.0.0.1:${ports[1]}/" \
  home/config.toml
expect 10 "$quorate" node --home home --log-to-stderr </dev/null
echo '{"number":1,"cut":[],"delay_ms":{},"skew_ms":86400000}' >home/faults.json
start_node --node-passphrase-file pass
await_node

say 'faults are injected in a testnet only'
exec 3<>"/dev/tcp/127.0.0.1/${ports[0]}"
printf 'GET /status HTTP/1.0\r\n\r\n' >&3
cat <&3 >status
exec 3>&-
expect_text status '"network":"by-hand"'
! grep -q 'injected_faults' status || die 'a network that is no testnet has injected faults'
! grep -q 'faults' node.out || die 'a network that is no testnet looked for faults'

say 'a transaction under an encrypted key, chain and nonce asked of the node'
export QUORATE_NODE=$url
expect 10 "$quorate" tx put colour blue --key alice.key --passphrase-file pass
export QUORATE_PASSPHRASE='battery staple'
expect 0 "$quorate" tx put colour blue --key alice.key
expect 0 "$quorate" get colour
[[ $(cat out) == blue ]] || die 'not there'

say 'signed without a node, submitted later'
expect 0 "$quorate" tx transfer "$("$quorate" keys address vote.key)" 7 --key alice.key --nonce 9 \
  --no-submit --save t.json --genesis genesis.json
expect 9 "$quorate" tx put a b --key alice.key --nonce 9 --no-submit --save t.json \
  --genesis genesis.json
expect_text err 'file-exists'
expect 0 "$quorate" tx submit t.json
expect 4 "$quorate" tx put a b --key alice.key --nonce 9
expect_text err 'tx-nonce-used'
expect 4 "$quorate" tx put a b --key alice.key --valid-for 100d
expect_text err 'tx-valid-until-too-far'
expect 4 "$quorate" tx put "$(printf '00')" 6262 --hex --key alice.key
expect_text err 'tx-key-reserved'

say 'a second node on the same home is refused'
expect 9 "$quorate" node --home home --log-to-stderr --node-passphrase-file pass \
  --rpc-listen 127.0.0.1:1 --peers-listen 127.0.0.1:2
stop_node

say 'wrong settings are refused with their place'
cp home/config.toml good.toml
sed 's/^level = .*/level = "chatty"/' good.toml >home/config.toml
expect 3 "$quorate" node --home home
expect_text err 'config.toml:[0-9]+: log.level is the text "chatty", expected one of'
sed 's/^level = /levle = /' good.toml >home/config.toml
expect 3 "$quorate" node --home home
expect_text err 'Did you mean log.level'
cp good.toml home/config.toml
expect 3 env QUORATE_LOG_LEVEL=loud "$quorate" node --home home
expect 2 "$quorate" node --home home --rpc-lisen 127.0.0.1:1
expect_text err 'Did you mean --rpc-listen'
expect 5 "$quorate" node --home nowhere

say 'a home whose genesis was exchanged is refused'
sed 's/by-hand/by-foot/' genesis.json >home/genesis.json
expect 9 "$quorate" node --home home --log-to-stderr --node-passphrase-file pass
expect_text err 'other-chain'
cp genesis.json home/genesis.json

say 'and after all that it starts again with its data'
start_node --node-passphrase-file pass
await_node
expect 0 "$quorate" get colour
stop_node
