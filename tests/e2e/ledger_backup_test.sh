#!/usr/bin/env bash
# The ledger of a running replica is backed up under load, audited, and put back later: the replica
# catches up and votes again, with its votes as they were and without them. What is damaged, of
# another network, or in use is refused, and nothing of the home changes.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

home=$net/replica-3

say 'up, and backups under load'
up
bench 0 figures.json --rate 400 --duration 5s --ops-per-tx 2 --value-bytes 2000 --seed 1 &
load=$!
mkdir -p backup-1.unfinished/ledger  # as a killed one leaves it
for each in 1 2 3 4; do
  sleep 0.7
  expect 0 "$quorate" ledger backup "$home" "backup-$each" --genesis "$net/genesis.json"
  expect_text out 'height [0-9]+, .* checked'
done
[[ ! -e backup-1.unfinished ]] || die 'what was broken off is still there'
expect 9 "$quorate" ledger backup "$home" backup-1 --genesis "$net/genesis.json"
expect_text err 'backup-exists'
wait "$load" || die 'the load failed'
for each in 1 2 3 4; do
  expect 0 "$quorate" ledger verify "backup-$each" --genesis "backup-$each/genesis.json" --quiet
  expect_text out 'holds|good'
done
[[ $(find backup-1 -type f -not -path '*/ledger/*' -printf '%f\n' | sort | tr '\n' ' ') == \
  'backup.json genesis.json ' ]] || die 'a backup holds something else'

say 'restored under a replica that kept its votes'
expect 9 "$quorate" ledger restore backup-2 "$home" --replace --genesis "$net/genesis.json"
expect_text err 'node-running'
expect 0 "$quorate" testnet stop 3 --dir "$net"
expect 9 "$quorate" ledger restore backup-2 "$home" --genesis "$net/genesis.json"
expect_text err 'ledger-exists'
expect 0 "$quorate" ledger restore backup-2 "$home" --replace --genesis "$net/genesis.json"
[[ -d $home/ledger.before-restore-1 ]] || die 'the ledger that was there is gone'
expect 0 "$quorate" testnet start 3 --dir "$net"
await_equal_heads 4
await_role 3 backup
expect_votes 'from a backup'

say 'restored under a replica that lost its votes'
expect 0 "$quorate" testnet stop 3 --dir "$net"
rm -r "$home/ledger" "$home/votes"
expect 0 "$quorate" ledger restore backup-3 "$home" --genesis "$net/genesis.json"
expect 0 "$quorate" testnet start 3 --dir "$net"
await_text "$home/node.log" 'recovering'
await_role 3 backup
await_equal_heads 4
expect_votes 'without its old votes'
if grep -h 'vote-refused\|equivocation' "$net"/replica-*/node.log; then
  die 'a replica contradicted itself'
fi

say 'a damaged backup changes nothing'
expect 0 "$quorate" testnet stop 3 --dir "$net"
table=$(find backup-4/ledger -name '*.log' -size +1k -o -name '*.ldb' | sort | head -n 1)
printf 'x' | dd of="$table" bs=1 seek=500 conv=notrunc status=none
before=$(find "$home/ledger" -type f | sort | xargs sha256sum)
expect 8 "$quorate" ledger restore backup-4 "$home" --replace --genesis "$net/genesis.json"
expect_text err 'copy-differs'
[[ $(find "$home/ledger" -type f | sort | xargs sha256sum) == "$before" ]] ||
  die 'the home changed'
