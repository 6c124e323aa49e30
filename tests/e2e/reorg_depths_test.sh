#!/usr/bin/env bash
# Reorganisations of growing depth in a testnet of proof of work while transactions keep coming: at
# each depth all nodes stand on one tip with one state; in the end every transaction that was taken
# is on the chain once, and each node's journal leads, line by line, to where it stands.
#   DEPTHS  which depths; reorg_depths_long.sh has 1 to 100
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"
read -ra depths <<<"${DEPTHS:-1 2 5 12}"

get() { page "${urls[$1]}" "$2" | tail -n 1; }
tip_of() { get "$1" /getbestblockhash | grep -oE '"result":"[0-9a-f]{64}"' | cut -d'"' -f4; }
state_of() { get "$1" /getblockchaininfo | grep -oE '"state_root":"[0-9a-f]+"'; }
waiting() { get "$1" /getmempoolinfo | grep -oE '"size":[0-9]+' | cut -d: -f2; }
mineable() {
  if get "$1" /getblocktemplate | grep -q '"transactions":\[\]'; then echo none; else echo some; fi
}
mine() { get 0 "/generate?nblocks=$1" >/dev/null; }
# one VIEW: until it is the same at all nodes.
one() {
  local end=$((SECONDS + patience)) node all
  while true; do
    all=$(for node in 0 1 2 3; do "$1" "$node"; done | sort -u)
    [[ $(wc -l <<<"$all") != 1 ]] || return 0
    ((SECONDS < end)) || die "$1 differs: $all"
    sleep 0.02
  done
}

say 'up'
up --engine pow
mapfile -t urls < <(rpc_urls)

# Each node takes some; the ids of those that were taken are in `taken`.
touch taken
load() {
  local i=0 id
  while [[ ! -e stop ]]; do
    i=$((i + 1))
    id=$("$quorate" tx put "key-$((i % 50))" "$i" --node "${urls[$((i % 4))]}" --wait local \
      --genesis "$net/genesis.json" --key "$net/keys/default.key" --valid-for 12h --json \
      2>>load.err | grep -oE '"id":"[0-9a-f]{64}"' | head -n 1 | cut -d'"' -f4) || continue
    echo "$id" >>taken
  done
}
load &
loader=$!
end_own_processes() { touch "$work/stop"; }

for depth in "${depths[@]}"; do
  # Blocks with what comes meanwhile, then the reorganisation.
  for ((left = depth; left > 0; left -= 5)); do mine $((left < 5 ? left : 5)); done
  one tip_of
  before=$(get 0 /getblockcount | grep -oE '"result":[0-9]+' | cut -d: -f2)
  begin=$(date +%s%N)
  expect 0 "$quorate" testnet reorg --depth "$depth" --dir "$net"
  took=$((($(date +%s%N) - begin) / 1000000))
  one tip_of
  one state_of
  after=$(get 0 /getblockcount | grep -oE '"result":[0-9]+' | cut -d: -f2)
  ((after >= before + 1)) || die "height $after after $before"
  say "depth $depth: $(grep -c ' displaced$' out || true) transactions displaced, all on one" \
    "tip after $took ms"
done

touch stop
wait "$loader" || true
count=$(wc -l <taken)
((count >= 10)) || die "only $count transactions were taken: $(tail -n 5 load.err)"
say "$count transactions were taken; all have to be on the chain"
# While a node turned away from the others it may have refused what they took: they tell it again.
mine 5
end=$((SECONDS + patience))
# One that lost its nonce to another waits until it expires, and is in no template.
until [[ $(for node in 0 1 2 3; do mineable "$node"; done | sort -u) == none ]]; do
  ((SECONDS < end)) || die "what waits is not mined: $(waiting 0), $(waiting 1)"
  mine 1
  sleep 0.5
done
one tip_of
one state_of
python3 - "${urls[@]}" <<'PYTHON'
import json, sys, urllib.request

def rpc(url, method, **params):
    body = json.dumps({"method": method, "params": params, "id": 1, "jsonrpc": "2.0"}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=60) as answer:
        answer = json.loads(answer.read())
    if "error" in answer:
        raise SystemExit("FAILED: %s %s: %s" % (method, params, answer["error"]))
    return answer["result"]

urls = sys.argv[1:]
ids = [line.strip() for line in open("taken") if line.strip()]
height = rpc(urls[0], "getblockcount")
chain = [rpc(urls[0], "getblockhash", height=h) for h in range(height + 1)]
where = {}
for h in range(1, height + 1):
    for id in rpc(urls[0], "getblock", blockhash=chain[h])["quorate"]["ids"]:
        if id in where:
            raise SystemExit("FAILED: %s stands at heights %d and %d" % (id, where[id], h))
        where[id] = h
lost = [id for id in ids if id not in where]
if lost:
    waiting = [len(rpc(url, "getrawmempool")) for url in urls]
    raise SystemExit("FAILED: %d of %d are not on the chain, such as %s; waiting: %s" %
                     (len(lost), len(ids), lost[0], waiting))
moves = 0
for url in urls:
    stack, first = [chain[0]], 0
    while True:
        lines = rpc(url, "quorate_journal", first=first, count=1000)["lines"]
        if not lines:
            break
        first += len(lines)
        for line in lines:
            _, what, at, hash = line.split()[:4]
            moves += 1
            if what == "connect":
                assert int(at) == len(stack), line
                stack.append(hash)
            else:
                assert stack.pop() == hash and int(at) == len(stack), line
    if stack != chain:
        raise SystemExit("FAILED: the journal of %s does not lead to where it stands" % url)
print("-- height %d; every transaction once, %d lines of four journals lead there" %
      (height, moves))
PYTHON
