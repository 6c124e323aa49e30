#!/usr/bin/env bash
# 1,000 transactions from 10 keys through all four nodes at once: each happens exactly once, the
# four ledgers are equal, and every receipt verifies offline with one node already stopped.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

say 'up'
up

say '1,000 transactions'
"$load" submit "$net" 10 100 ids.txt
[[ $(sort -u ids.txt | wc -l) == 1000 ]] || die 'ids are missing or stand twice'

say 'four equal tree heads'
await_equal_heads 4
"$load" count "$net" 1000

say 'every receipt verifies with one node stopped'
expect 0 "$quorate" testnet stop 3 --dir "$net"
"$load" receipts "$net" ids.txt
