#!/usr/bin/env bash
# The databases of a stopped replica are replaced by their copies from before: it recognises this by
# its guard, says so, signs nothing, and votes again once a stable checkpoint covers what it forgot.
# The same for one whose databases are gone.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

home=$net/replica-3

say 'up'
up
bench 0 before.json --rate 100 --duration 2s --ops-per-tx 2 --seed 1
expect 0 "$quorate" testnet stop 3 --dir "$net"
cp -r "$home/ledger" "$home/votes" "$work"
expect 0 "$quorate" testnet start 3 --dir "$net"
bench 0 after.json --rate 100 --duration 2s --ops-per-tx 2 --seed 2

say 'an old copy'
expect 0 "$quorate" testnet stop 3 --dir "$net"
rm -r "$home/ledger" "$home/votes"
cp -r "$work/ledger" "$work/votes" "$home"
expect 0 "$quorate" testnet start 3 --dir "$net"
await_text "$home/node.log" 'recovering.*is older than its guard'
ls -d "$home"/votes.older-than-guard-* >/dev/null || die 'the old vote store was not set aside'
await_role 3 backup
await_text "$home/node.log" 'recovered'
expect_votes 'from an old copy'

say 'wiped, but for keys and guard'
expect 0 "$quorate" testnet stop 3 --dir "$net"
rm -r "$home/ledger" "$home/votes"
expect 0 "$quorate" testnet start 3 --dir "$net"
await_role 3 backup
await_equal_heads 4
expect_votes 'wiped'

say 'without its guard it signs nothing, for good'
expect 0 "$quorate" testnet stop 3 --dir "$net"
rm "$home/guard"
expect 0 "$quorate" testnet start 3 --dir "$net"
await_role 3 learner
put_default after learner
await_equal_heads 4
[[ $(role_of 3) == learner ]] || die 'a learner became a voter'
