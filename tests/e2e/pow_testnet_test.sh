#!/usr/bin/env bash
# A testnet of proof of work: four nodes are mined on over getblocktemplate and submitblock by a
# miner that knows nothing of Quorate; in two partitions they mine 10 and 11 blocks, choose the
# heavier branch when it heals, and mine what was displaced again; a killed node comes back; a mark
# by hand is a reorganisation.
#   MINERD  path of a third-party miner, to mine with as well
set -euo pipefail
miner=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../support/template_miner.py")
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"


# The addresses stay; asking for them each time takes longer than what is measured.
urls=()
url_of() { echo "${urls[$1]}"; }
# rpc NODE METHOD PARAMETERS: the answer's result, or its error, as JSON in $work/answer.
rpc() {
  python3 - "$(url_of "$1")" "$2" "${3:-[]}" >"$work/answer" <<'PYTHON'
import json, sys, urllib.request
url, method, params = sys.argv[1:]
body = json.dumps({"method": method, "params": json.loads(params), "id": 1}).encode()
with urllib.request.urlopen(urllib.request.Request(url, body), timeout=60) as answer:
    answer = json.loads(answer.read())
print(json.dumps(answer["result"] if answer["error"] is None else answer["error"]))
PYTHON
  cat "$work/answer"
}
# Without python3, which takes its time to start.
tip_of() {
  page "$(url_of "$1")" /getbestblockhash | grep -oE '"result":"[0-9a-f]{64}"' | cut -d'"' -f4
}
height_of() { rpc "$1" getblockcount; }
state_of() { rpc "$1" getblockchaininfo | grep -oE '"state_root": "[0-9a-f]+"'; }
# await_answer NODE: one that was started a moment ago.
await_answer() {
  local end=$((SECONDS + patience))
  until page "$(url_of "$1")" /health 2>/dev/null | grep -q '^ok'; do
    ((SECONDS < end)) || die "node $1 does not answer"
    sleep 0.05
  done
}
# on_one_tip MILLISECONDS NODE...: until they are, at most so long.
on_one_tip() {
  local begin end tips node
  begin=$(date +%s%N)
  end=$((begin / 1000000 + $1))
  shift
  while true; do
    tips=$(for node in "$@"; do tip_of "$node"; done | sort -u)
    [[ $(wc -l <<<"$tips") != 1 ]] || break
    (($(date +%s%N) / 1000000 < end)) || die "on several tips: $tips"
  done
  say "on one tip after $((($(date +%s%N) - begin) / 1000000)) ms"
}
# put NODE NONCE KEY VALUE: sends a signed transaction; its id is in $id.
put() {
  rm -f tx.json
  "$quorate" tx put "$3" "$4" --genesis "$net/genesis.json" --key "$net/keys/default.key" \
    --nonce "$2" --no-submit --save tx.json --valid-for 1h >/dev/null
  local encoded
  encoded=$(python3 -c 'import json; print(json.load(open("tx.json"))["transaction"])')
  id=$(python3 -c 'import json; print(json.load(open("tx.json"))["id"])')
  rpc "$1" broadcast_tx_sync "{\"tx\": \"$encoded\"}" >/dev/null
  grep -q '"code": 0' answer || die "not taken: $(cat answer)"
}
# value NODE KEY
value() {
  rpc "$1" quorate_get "{\"key\": \"$(printf %s "$2" | base64)\"}" |
    python3 -c 'import base64, json, sys; a = json.load(sys.stdin)
print(base64.b64decode(a["value"]).decode() if a["found"] else "absent")'
}
depth_of() {
  rpc "$1" quorate_tx_depth "{\"id\": \"$2\"}" | grep -oE '"depth": [0-9]+' | grep -oE '[0-9]+'
}

say 'up'
up --engine pow
mapfile -t urls < <(rpc_urls)
expect_text out 'all on the same tip at height [0-9]+\.$'
expect_text out 'First transaction of this run mined at height 1'
expect 0 "$quorate" testnet status --dir "$net"
expect_text out '4 of 4 nodes answer, all on the same tip at height 1\.'

say 'a miner that knows nothing of Quorate'
put 1 2 colour blue
first=$id
python3 "$miner" "$(url_of 0)" 10 >mined || die "the miner failed: $(cat mined)"
python3 "$miner" "$(url_of 1)" 10 --segwit-rules >>mined || die 'the miner failed'
[[ $(wc -l <mined) == 20 ]] || die 'not 20 blocks'
on_one_tip 5000 0 1 2 3
[[ $(tip_of 2) == "$(tail -n 1 mined)" ]] || die 'not the last block that was mined'
[[ $(height_of 3) == 21 ]] || die "height $(height_of 3)"
for node in 0 1 2 3; do [[ $(value $node colour) == blue ]] || die "colour at $node"; done
[[ $(depth_of 3 "$first") == 20 ]] || die "depth $(depth_of 3 "$first")"

say 'a long poll ends with the block of another'
python3 "$miner" "$(url_of 2)" 0 --long-poll >polled &
polling=$!
touch polled
await_text polled '^waiting$'
sleep 0.3
begin=$(date +%s%N)
rpc 3 generate '[1]' >/dev/null
wait "$polling" || die 'the long poll failed'
say "after $((($(date +%s%N) - begin) / 1000000)) ms"
expect_text polled '^new height 23$'

if [[ -n ${MINERD:-} ]]; then
  say "a third party's miner"
  before=$(height_of 0)
  timeout 20 "$MINERD" -a sha256d -t 1 -o "$(url_of 0)" -O user:pass >minerd.log 2>&1 || true
  (($(height_of 0) > before)) || die "it mined nothing: $(tail -n 5 minerd.log)"
  on_one_tip 5000 0 1 2 3
fi

say 'two partitions: 10 blocks against 11'
base=$(height_of 0)
expect 0 "$quorate" testnet partition 0,1/2,3 --dir "$net"
put 1 3 size small
small=$id
put 3 4 shape round
rpc 0 generate '[10]' >/dev/null
rpc 2 generate '[11]' >/dev/null
on_one_tip 5000 0 1
on_one_tip 5000 2 3
[[ $(tip_of 0) != "$(tip_of 2)" ]] || die 'no partition'
[[ $(value 1 size) == small && $(value 3 size) == absent ]] || die 'the branches are alike'
heavier=$(tip_of 2)
expect 0 "$quorate" testnet status --dir "$net"
expect_text out 'on 2 different tips'

say 'healed: all choose the heavier'
expect 0 "$quorate" testnet heal --dir "$net"
on_one_tip "${HEAL_MS:-1000}" 0 1 2 3
[[ $(tip_of 0) == "$heavier" ]] || die 'not the heavier one'
for node in 0 1 2 3; do
  [[ $(state_of $node) == "$(state_of 0)" ]] || die 'two states'
  [[ $(value $node shape) == round && $(value $node size) == absent ]] || die "state of $node"
done
[[ $(depth_of 0 "$small") == 0 ]] || die 'not displaced'

say 'each journal tells its own story'
for node in 0 1 2 3; do
  rpc $node quorate_journal >/dev/null
  python3 - "$base" $((node < 2 ? 10 : 0)) <<'PYTHON' || die "the journal of $node: $(cat answer)"
import json, sys
base, left = int(sys.argv[1]), int(sys.argv[2])
lines = [line.split() for line in json.load(open("answer"))["lines"]]
stand = []
for when, step, height, block in lines:
    if step == "connect":
        stand.append(block)
        assert len(stand) == int(height)
    else:
        assert len(stand) == int(height) and stand.pop() == block
assert len(stand) == base + 11
assert sum(step == "disconnect" for _, step, _, _ in lines) == left
PYTHON
done

say 'what was displaced is mined again'
python3 "$miner" "$(url_of 3)" 1 >/dev/null || die 'the miner failed'
on_one_tip 5000 0 1 2 3
for node in 0 1 2 3; do [[ $(value $node size) == small ]] || die "size at $node"; done

say 'a killed node comes back where it was, and catches up'
before=$(tip_of 1)
expect 0 "$quorate" testnet kill 1 --dir "$net"
rpc 0 generate '[5]' >/dev/null
expect 0 "$quorate" testnet start 1 --dir "$net"
await_answer 1
on_one_tip 10000 0 1 2 3
rpc 1 getblockheader "[\"$before\"]" >/dev/null
expect_text answer '"confirmations": 6'

say 'killed again and again while blocks come'
(for _ in 1 2 3 4 5 6; do rpc 0 generate '[50]' >/dev/null; done) 2>mining.err &
mining=$!
for _ in 1 2 3; do
  expect 0 "$quorate" testnet kill 2 --dir "$net"
  expect 0 "$quorate" testnet start 2 --dir "$net"
  sleep 0.3
done
wait "$mining" || die "mining failed: $(cat mining.err)"
await_answer 2
on_one_tip 20000 0 1 2 3

say 'what waits for a block still does when all were killed'
put 1 77 waits 'for a block'
waiting=$id
for node in 0 1 2 3; do expect 0 "$quorate" testnet kill "$node" --dir "$net"; done
for node in 0 1 2 3; do expect 0 "$quorate" testnet start "$node" --dir "$net"; done
await_answer 1
[[ $(depth_of 1 "$waiting") == 0 ]] || die 'it is gone'
rpc 1 generate '[1]' >/dev/null
[[ $(depth_of 1 "$waiting") == 1 ]] || die 'it was not mined'
await_answer 0
on_one_tip 20000 0 1 2 3

say 'a mark by hand is a reorganisation, and reconsidering goes back by itself'
tip=$(tip_of 0)
rpc 0 invalidateblock "[\"$tip\"]" >/dev/null
[[ $(tip_of 0) != "$tip" ]] || die 'nothing happened'
rpc 0 getchaintips >/dev/null
expect_text answer '"status": "invalid"'
rpc 0 reconsiderblock "[\"$tip\"]" >/dev/null
[[ $(tip_of 0) == "$tip" ]] || die 'it did not go back'
rpc 0 getblock "[\"$(printf '0%.0s' {1..64})\"]" >/dev/null
expect_text answer '"code": -5'

say 'a wait for a depth, a receipt, and a reorganisation that keeps one of two'
for name in kept lost; do
  ("$quorate" tx put $name 1 --genesis "$net/genesis.json" --key "$net/keys/default.key" \
    --node "$(url_of 2)" --valid-for 1h --wait depth=3 --timeout "${patience}s" --json \
    >$name.json) &
  waiting=$!
  end=$((SECONDS + patience))
  until rpc 0 getmempoolinfo | grep -q '"size": 1,'; do
    ((SECONDS < end)) || die 'the transaction did not come to node 0'
    sleep 0.05
  done
  rpc 0 generate '[3]' >/dev/null
  wait "$waiting" || die "the wait for a depth failed: $(cat $name.json)"
  grep -qE '"depth":[3-9]' $name.json || die "no depth: $(cat $name.json)"
done
id_in() { grep -oE '"id":"[0-9a-f]{64}"' "$1" | head -n 1 | cut -d'"' -f4; }
kept=$(id_in kept.json)
lost=$(id_in lost.json)
expect 0 "$quorate" pow receipt "$kept" --node "$(url_of 1)" --out receipt.json
expect 0 "$quorate" pow verify receipt.json --genesis "$net/genesis.json" --params regtest
expect_text out 'depth 6$'
expect_text out 'not proved: that no chain has more work'
sed 's/"height": [0-9]*/"height": 1/' receipt.json >forged.json
expect 8 "$quorate" pow verify forged.json --genesis "$net/genesis.json" --params regtest
expect_text err 'depth-receipt-facts-differ'
expect 3 "$quorate" pow verify tx.json --genesis "$net/genesis.json" --params regtest
expect 0 "$quorate" testnet reorg --dir "$net" --depth 6 --keep "$kept" --node 1
expect_text out "$kept kept"
expect_text out "$lost displaced"
expect_text out '4 of 4 nodes are on the new tip'
[[ $(depth_of 3 "$kept") == 7 ]] || die "depth of the kept one: $(cat answer)"
[[ $(depth_of 3 "$lost") == 0 ]] || die "depth of the other: $(cat answer)"
rpc 3 generate '[1]' >/dev/null
[[ $(depth_of 3 "$lost") == 1 ]] || die "not mined again: $(cat answer)"
on_one_tip 5000 0 1 2 3
expect 5 "$quorate" testnet reorg --dir "$net" --depth 1 --keep "$kept"
expect_text err 'tx-not-found'

say 'garbage is refused with a reason'
rpc 0 submitblock '["00"]' >/dev/null
expect_text answer '"code": -22'
rpc 0 submitblock "[\"$(printf '0%.0s' {1..200})\"]" >/dev/null
expect_text answer '^"bad-diffbits"$|^"prev-blk-not-found"$|^"high-hash"$'

say 'down and up: the same chain'
tip=$(tip_of 0)
expect 0 "$quorate" testnet down --dir "$net"
expect 9 "$quorate" testnet up --detach --dir "$net" --engine pbft
expect_text err 'testnet-other-engine'
expect 2 "$quorate" testnet up --detach --dir other --engine pow --byzantine 0=slow
expect_text err 'engine-cannot'
up
on_one_tip 5000 0 1 2 3
rpc 0 getblockheader "[\"$tip\"]" >/dev/null
expect_text answer '"confirmations": 2'
