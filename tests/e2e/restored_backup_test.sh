#!/usr/bin/env bash
# The databases of a stopped replica are replaced by their copies from before: it recognises this by
# its guard, says so, signs nothing, and votes again once a stable checkpoint covers what it forgot.
# The same for one whose databases are gone.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

home=$net/replica-3

role_of() {
  status_json | grep -oE "\"id\":$1,[^}]*\"role\":\"[a-z]+\"" | grep -oE '[a-z]+"$' | tr -d '"'
}
await_role() {
  local end=$((SECONDS + patience))
  until [[ $(role_of 3) == "$1" ]]; do
    ((SECONDS < end)) || die "replica-3 is $(role_of 3) and not $1"
    sleep 0.1
  done
}
# await_text FILE PATTERN: the log is written a moment after the fact.
await_text() {
  local end=$((SECONDS + patience))
  until grep -Eq -- "$2" "$1"; do
    ((SECONDS < end)) || die "no line of $1 matches '$2'"
    sleep 0.1
  done
}
put() {
  expect 0 "$quorate" tx put "$1" "$2" --node "$(rpc_urls | head -n 1)" \
    --genesis "$net/genesis.json" --key "$net/keys/default.key"
}
# Without replica 2 a quorum needs replica 3.
expect_votes() {
  expect 0 "$quorate" testnet stop 2 --dir "$net"
  put "needs" "replica 3, $1"
  expect 0 "$quorate" testnet start 2 --dir "$net"
  await_equal_heads 4
}

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
await_role backup
await_text "$home/node.log" 'recovered'
expect_votes 'from an old copy'

say 'wiped, but for keys and guard'
expect 0 "$quorate" testnet stop 3 --dir "$net"
rm -r "$home/ledger" "$home/votes"
expect 0 "$quorate" testnet start 3 --dir "$net"
await_role backup
await_equal_heads 4
expect_votes 'wiped'

say 'without its guard it signs nothing, for good'
expect 0 "$quorate" testnet stop 3 --dir "$net"
rm "$home/guard"
expect 0 "$quorate" testnet start 3 --dir "$net"
await_role learner
put after learner
await_equal_heads 4
[[ $(role_of 3) == learner ]] || die 'a learner became a voter'
