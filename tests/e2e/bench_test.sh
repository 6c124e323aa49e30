#!/usr/bin/env bash
# The load generator: what it sends is acknowledged and checked, also while a backup is killed; what
# it cannot do it says by its exit code.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

say 'without a network, and without a kind of loop, it says so'
expect 5 "$quorate" bench --clients 4
expect 2 "$quorate" bench
expect_text err '--clients C.*--rate R'
expect 6 "$quorate" bench --clients 4 --node http://127.0.0.1:1

say 'up'
up
cd "$net"

say 'an open loop'
bench 0 "$work/open.json" --rate 60 --duration 4s
expect_number "$work/open.json" submitted 240
expect_number "$work/open.json" acknowledged 240
expect_number "$work/open.json" rejected 0
expect_text "$work/open.json" '"check":\{"verdict":"holds".*"nodes_checked":4,'
for figure in latency_p50_us latency_max_us commit_gap_us signature_limit_per_s; do
  expect_text "$work/open.json" "\"$figure\":[1-9]"
done
expect_text "$work/open.json.err" '^ +[0-9.]+ s +[0-9]+/s  acknowledged [0-9]+ '

say 'a closed loop, and its words'
expect 0 "$quorate" bench --clients 8 --duration 2s --ops-per-tx 2 --seed 7 --quiet
[[ ! -s $work/err ]] || die 'it is not quiet'
expect_text "$work/out" '^Each of the [0-9]+ acknowledged .* exactly once at 4 of 4 nodes'
applied=$(grep -oE 'acknowledged  [0-9]+ of' "$work/out" | grep -oE '[0-9]+')
for url in $(rpc_urls); do
  [[ $(applied_at "$url" 7) == "$applied" ]] || die "$url does not count $applied"
done

say 'a backup is killed under load: nothing that was acknowledged is lost'
before=$(height)
bench 0 "$work/killed.json" --rate 60 --duration 5s &
benching=$!
until (($(height) > before + 20)); do sleep 0.05; done
expect 0 "$quorate" testnet kill 3 --dir "$net"
wait "$benching" || die 'the load did not end well'
expect_number "$work/killed.json" submitted 300
expect_number "$work/killed.json" acknowledged 300
expect_text "$work/killed.json" '"failed_requests":[1-9]'
expect_text "$work/killed.json" '"verdict":"holds".*"nodes_checked":3,"nodes_unreachable":1,'

say 'with two of four nodes away nothing is acknowledged, and that is an answer'
expect 0 "$quorate" testnet kill 2 --dir "$net"
expect 7 "$quorate" bench --json --rate 20 --duration 1s --drain 1s
expect_number "$work/out" acknowledged 0
expect_number "$work/out" open 20
