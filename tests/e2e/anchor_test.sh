#!/usr/bin/env bash
# Both engines: four replicas vote, and the chain beside them anchors their checkpoints. A
# transaction becomes `anchored`, a reorganisation that drops its anchor lowers it to `stable`, and
# it is anchored again, by a miner that knows nothing of Quorate; receipts are verified offline; all
# survives kill -9. In the end all replicas together sign another history of the same sizes: by
# itself it holds, and the first anchor that says otherwise is named.
set -euo pipefail
miner=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../support/template_miner.py")
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

get() { page "$(url_of "$1")" "$2" | tail -n 1; }
mine() { get "${2:-0}" "/generate?nblocks=$1" | grep -q '"result":\["' || die 'nothing was mined'; }
tip_of() { get "$1" /getbestblockhash | grep -oE '"result":"[0-9a-f]{64}"' | cut -d'"' -f4; }
# put KEY VALUE OPTION...: its id is in $id.
put() {
  expect "${expected:-0}" "$quorate" tx put "$1" "$2" --node "$(url_of 0)" \
    --genesis "$net/genesis.json" --key "$net/keys/default.key" --json "${@:3}"
  id=$(grep -oE '"id":"[0-9a-f]{64}"' out | head -n 1 | cut -d'"' -f4)
}
status_of() {
  "$quorate" tx status "$1" --node "$(url_of "${2:-0}")" --json
}
level_of() { status_of "$@" | grep -oE '^\{"id":"[0-9a-f]+","level":"[a-z]+"' | cut -d'"' -f8; }
# await_level LEVEL ID [NODE]
await_level() {
  local end=$((SECONDS + patience))
  until [[ $(level_of "$2" "${3:-0}") == "$1" ]]; do
    ((SECONDS < end)) || die "$2 is $(level_of "$2" "${3:-0}") and not $1"
    sleep 0.1
  done
}
await_one_tip() {
  local end=$((SECONDS + patience)) node tips
  while true; do
    tips=$(for node in 0 1 2 3; do tip_of "$node"; done | sort -u)
    [[ $(wc -l <<<"$tips") != 1 ]] || return 0
    ((SECONDS < end)) || die "on several tips: $tips"
    sleep 0.1
  done
}
# anchors_wait NODE ID: until a checkpoint that covers it waits for a block there.
anchors_wait() {
  local end=$((SECONDS + patience)) height last=0
  height=$(status_of "$2" | grep -oE '"height":[0-9]+' | head -n 1 | cut -d: -f2)
  until ((last >= height)); do
    ((SECONDS < end)) || die "no anchor of $height waits: $(get "$1" /quorate_anchors)"
    sleep 0.1
    last=$(get "$1" /quorate_anchors | grep -oE '"waiting":\[[0-9,]+' | grep -oE '[0-9]+$') ||
      last=0
  done
}

say 'up, and down at once: the past that will be rewritten'
up --engine both
expect_text "$net/genesis.json" '"carries": "anchors"'
expect 0 "$quorate" testnet down --dir "$net"
cp -r "$net" "$work/rewritten"
up

say 'a transaction is anchored'
put colour blue --wait stable
anchors_wait 0 "$id"
mine 1
await_level anchored "$id"
first=$id
await_one_tip
for node in 1 2 3; do await_level anchored "$first" "$node"; done
status_of "$first" | grep -q '"depth":1' || die "another depth: $(status_of "$first")"
mine 2 1
await_one_tip
status_of "$first" | grep -q '"depth":3' || die "another depth: $(status_of "$first")"
expect 0 "$quorate" tx status "$first" --node "$(url_of 0)"
expect_text out '^level: anchored at depth 3'
expect_text out 'anchored .*the anchor of size [0-9]+ in block [0-9a-f]{64} at height 1, depth 3'
get 0 /status | grep -qE '"anchors":\{"anchored":[1-9]' || die "status: $(get 0 /status)"

say 'one waits for its depth'
put size large --wait stable
second=$id
(
  sleep 1
  for _ in 1 2 3 4; do
    mine 1
    sleep 0.3
  done
) &
waiting=$!
expect 0 "$quorate" tx put shape round --node "$(url_of 0)" --genesis "$net/genesis.json" \
  --key "$net/keys/default.key" --wait anchored=2 --timeout "${patience}s"
expect_text out 'anchored .*depth [2-9]'
wait "$waiting"
await_level anchored "$second"
expect 2 "$quorate" tx put shape round --node "$(url_of 0)" --wait anchored=0
expect_text err 'level-unknown'
expect 2 "$quorate" tx put shape round --node "$(url_of 0)" --wait stable=2

say 'its receipt is verified offline'
expect 0 "$quorate" tx receipt "$first" --anchored --out anchored.json --node "$(url_of 2)" \
  --genesis "$net/genesis.json"
expect 0 "$quorate" receipt verify anchored.json --genesis "$net/genesis.json"
expect_text out '^proved:  the order'
expect_text out '^proved:  its record is under the anchor of size [0-9]+, which [34] replicas'
expect_text out 'depth [0-9]+; in it and on it is the work of [0-9]+ hashes'
sed 's/"depth": [0-9]*/"depth": 999/' anchored.json >forged.json
expect 8 "$quorate" receipt verify forged.json --genesis "$net/genesis.json"
expect_text err 'anchored-receipt-facts-differ'

say 'a reorganisation drops the anchor, and says so'
put weight light --wait stable
third=$id
anchors_wait 0 "$third"
mine 1
await_level anchored "$third"
await_one_tip
expect 0 "$quorate" testnet reorg --depth 1 --dir "$net"
await_level stable "$third"
await_level anchored "$first"
expect 0 "$quorate" tx status "$third" --node "$(url_of 0)"
expect_text out '^level: stable'
expect_text out 'stable .*the anchor of size [0-9]+ is lost: a heavier branch displaced block'
expect 6 "$quorate" tx receipt "$third" --anchored --node "$(url_of 0)"
expect_text err 'tx-not-anchored'
get 0 /quorate_journal | grep -qE ' disconnect [0-9]+ [0-9a-f]{64} anchors [0-9]+' ||
  die 'the journal does not say so'

say 'a miner that knows nothing of Quorate anchors it again'
anchors_wait 1 "$third"
python3 "$miner" "$(url_of 1)" 1 >mined || die "the miner failed: $(cat mined)"
await_level anchored "$third"
await_level anchored "$third" 3

say 'killed and back'
expect 0 "$quorate" testnet kill 0 --dir "$net"
expect 0 "$quorate" testnet start 0 --dir "$net"
await_level anchored "$third"
status_of "$third" | grep -qE '"level":"anchored","time_ms":1[0-9]{12}' || die 'its time is gone'
await_one_tip
put after 'the kill' --wait stable
fourth=$id
anchors_wait 0 "$fourth"
mine 1
await_level anchored "$fourth" 2

say 'an audit holds the ledger against the anchors'
await_equal_heads 4
size=$(height)
expect 0 "$quorate" testnet down --dir "$net"
expect 0 "$quorate" ledger verify "$net/replica-1" --genesis "$net/genesis.json"
expect_text out '^  [1-9][0-9]* anchors agree, up to size [1-9]'

say 'all replicas together sign another history'
mv "$net" "$work/honest"
mv "$work/rewritten" "$net"
sed -i "s|$work/rewritten|$net|g" "$net/testnet.json"
up
until (($(height) > size)); do put colour "red $RANDOM" --wait stable; done
await_equal_heads 4
expect 0 "$quorate" testnet down --dir "$net"
expect 0 "$quorate" ledger verify "$net/replica-1" --genesis "$net/genesis.json"
expect_text out 'holds'
expect 8 "$quorate" ledger verify "$net/replica-1" --genesis "$net/genesis.json" \
  --chain "$work/honest/replica-2"
expect_text out '^It contradicts the anchor of size [0-9]+ in block [0-9a-f]{64} at height [0-9]+:'
expect 8 "$quorate" ledger verify "$net/replica-1" --genesis "$net/genesis.json" --json \
  --chain "$work/honest/replica-2/chain"
expect_text out '"verdict":"contradicts-anchors"'
expect 0 "$quorate" ledger verify "$work/honest/replica-0" --genesis "$net/genesis.json" \
  --chain "$work/honest/replica-3"
