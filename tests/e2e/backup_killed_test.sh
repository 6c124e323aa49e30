#!/usr/bin/env bash
# One backup is killed with SIGKILL under load: commits go on. Started again it rejoins and reaches
# the same tree head, and nothing happened twice or not at all.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

say 'up'
up
backup=$(status_json | grep -oE '"id":[0-9]+[^}]*"role":"[a-z]+"' | grep backup | tail -n 1 |
  grep -oE '^"id":[0-9]+' | cut -d: -f2)
say "replica-$backup is a backup"

say 'load'
bench 0 figures.json --rate 300 --duration 5s --ops-per-tx 2 --seed 7 &
submitting=$!
start=$(height)
until (($(height) > start + 2)); do sleep 0.05; done
expect 0 "$quorate" testnet kill "$backup" --dir "$net"
killed_at=$(height)
say "killed at height $killed_at"
wait "$submitting" || die 'what was acknowledged is not in every ledger once'
expect_number figures.json acknowledged 1500
finished_at=$(height)
((finished_at > killed_at)) || die "no block after the kill, height $finished_at"

say 'start it again'
expect 0 "$quorate" testnet start "$backup" --dir "$net"
await_equal_heads 4
for url in $(rpc_urls); do
  [[ $(applied_at "$url" 7) == 1500 ]] || die "$url counts otherwise"
done

say 'and it votes again: with another one stopped, commits need it'
other=$(((backup % 3) + 1))
[[ $other != "$backup" ]] || other=$(((other % 3) + 1))
expect 0 "$quorate" testnet stop "$other" --dir "$net"
expect 0 "$quorate" tx put after all --node "$(status_json |
  grep -oE "\"id\":$backup,[^}]*\"url\":\"[^\"]*\"" | grep -oE 'http[^"]*')" \
  --genesis "$net/genesis.json" --key "$net/keys/default.key"
expect 0 "$quorate" testnet start "$other" --dir "$net"
await_equal_heads 4
