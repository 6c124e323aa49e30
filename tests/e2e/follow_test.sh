#!/usr/bin/env bash
# Consumers follow the log under load. One is killed with SIGKILL again and again, one is ended with
# SIGTERM, the node that both follow is stopped and started: each has every transaction exactly once
# and in order, as another node and a stopped node's folder tell it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

consumers=()
end_own_processes() {
  for each in "${consumers[@]}"; do kill -KILL "$each" 2>/dev/null || true; done
}
load=(--prefix bench/3/)  # what the load writes, and nobody else
start_consumers() {
  "$quorate" ledger follow "${load[@]}" --output kept.jsonl --node "$url" 2>>kept.err &
  consumers[0]=$!
  "$quorate" ledger follow "${load[@]}" --from 1 --cursor place --json --node "$url" \
    >>piped.jsonl 2>>piped.err &
  consumers[1]=$!
}
end_consumers() {
  kill -KILL "${consumers[0]}"
  kill -TERM "${consumers[1]}"
  wait "${consumers[0]}" "${consumers[1]}" 2>/dev/null || true
}
ids() { grep -oE '"id":"[0-9a-f]{64}"' "$1" | cut -d'"' -f4; }

say 'up'
up
url=$(rpc_urls | head -n 1)
start_consumers
watched=$work/watched.jsonl
"$quorate" ledger follow --changes --key bench/3/applied --json --node "$url" >"$watched" \
  2>watched.err &
consumers[2]=$!

say 'load'
bench 0 figures.json --rate 300 --duration 6s --ops-per-tx 2 --seed 3 --ids acknowledged &
submitting=$!
for round in 1 2 3 4; do
  sleep 0.8
  end_consumers
  ((round != 3)) || expect 0 "$quorate" testnet stop 0 --dir "$net"
  ((round != 3)) || expect 0 "$quorate" testnet start 0 --dir "$net"
  start_consumers
done
sleep 0.5
say 'the node goes away and comes back'
expect 0 "$quorate" testnet stop 0 --dir "$net"
expect 0 "$quorate" testnet start 0 --dir "$net"
wait "$submitting" || die 'the load failed'
expect_number figures.json acknowledged 1800
await_equal_heads 4

say 'each has everything once'
end_consumers
expect 0 "$quorate" ledger follow "${load[@]}" --once --output kept.jsonl --node "$url"
"$quorate" ledger follow "${load[@]}" --once --cursor place --json --node "$url" >>piped.jsonl
other=$(rpc_urls | tail -n 1)
"$quorate" ledger follow "${load[@]}" --from 1 --once --json --node "$other" >other.jsonl
ids other.jsonl >expected
[[ $(wc -l <expected) == 1800 ]] || die "$(wc -l <expected) transactions instead of 1800"
for each in kept piped; do
  ids "$each.jsonl" >"$each.ids"
  cmp "$each.ids" expected || die "$each.jsonl is not what the other node tells"
done
[[ $(sort -u expected | wc -l) == 1800 ]] || die 'a transaction came twice'
cmp <(sort expected) <(sort acknowledged) || die 'not what was acknowledged'

say 'a watch has each change once'
expect_text watched.err 'ended the connection|No node answers'
"$quorate" ledger follow --changes --key bench/3/applied --from 1 --once --json \
  --node "$other" >changes.jsonl
end=$((SECONDS + patience))
until [[ $(wc -l <"$watched") == $(wc -l <changes.jsonl) ]]; do
  ((SECONDS < end)) || die "$(wc -l <"$watched") changes instead of $(wc -l <changes.jsonl)"
  sleep 0.1
done
cmp <(grep -oE '"cursor":"[^"]*"' "$watched") <(grep -oE '"cursor":"[^"]*"' changes.jsonl) ||
  die 'the watch saw other changes'
expect_text <(tail -n 1 changes.jsonl) '"value":"1800"'

say 'a stopped folder tells the same'
expect 0 "$quorate" testnet down --dir "$net"
"$quorate" ledger follow "$net/replica-2" "${load[@]}" --json >folder.jsonl
ids folder.jsonl | cmp - expected || die 'the folder tells something else'

say 'refusals'
expect 9 "$quorate" ledger follow "$net/replica-2" --changes --cursor place
expect_text err 'cursor-other-kind'
expect 9 "$quorate" ledger follow "$net/replica-2" --output acknowledged
expect_text err 'output-not-ours'
expect 6 "$quorate" ledger follow --node "$url"
expect_text err 'node-unreachable'
