#!/usr/bin/env bash
# 1,000 transactions through all four nodes at once: each happens exactly once, the four ledgers are
# equal, and receipts verify offline with one node already stopped.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

say 'up'
up

say '1,000 transactions'
bench 0 figures.json --rate 250 --duration 4s --ops-per-tx 2 --seed 7 --ids ids.txt
expect_number figures.json acknowledged 1000
[[ $(sort -u ids.txt | wc -l) == 1000 ]] || die 'ids are missing or stand twice'

say 'four equal tree heads, and four states that count 1,000'
await_equal_heads 4
for url in $(rpc_urls); do
  [[ $(applied_at "$url" 7) == 1000 ]] || die "$url counts otherwise"
done

say 'receipts verify with one node stopped'
expect 0 "$quorate" testnet stop 3 --dir "$net"
export QUORATE_TESTNET=$net
while read -r id; do
  expect 0 "$quorate" tx receipt "$id"
  mv out receipt.json
  expect 0 "$quorate" receipt verify receipt.json --genesis "$net/genesis.json"
  expect_text out "^transaction $id"
  expect_text out '^proved: +the order'
done < <(awk 'NR % 20 == 1' ids.txt)
