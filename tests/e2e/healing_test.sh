#!/usr/bin/env bash
# A replica whose ledger rots heals itself: a flipped bit is found at the start or by reading
# through, the damaged folder is set aside, its good blocks are kept, and the rest comes from the
# others. Nothing is lost, and status says what happened.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

# flip FILE OFFSET
flip() {
  local byte
  byte=$(od -An -tu1 -j "$2" -N 1 "$1")
  printf '%b' "\\x$(printf %02x $((byte ^ 16)))" |
    dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
largest_table() { find "$1" -name '*.ldb' -printf '%s %p\n' | sort -n | tail -n 1 | cut -d' ' -f2; }
# await_healed REPLICA HOW_OFTEN
await_healed() {
  local end=$((SECONDS + patience))
  until (($(grep -c ' ledger-rebuilt ' "$net/replica-$1/node.log") >= $2)); do
    ((SECONDS < end)) || die "replica-$1 did not heal"
    sleep 0.2
  done
}

say 'up, and enough load for tables'
export QUORATE_STORAGE_READ_THROUGH_S=2
up
bench 0 figures.json --clients 128 --duration 5s --value-bytes 400 --seed 1
home=$net/replica-3
expect 0 "$quorate" testnet stop 3 --dir "$net"
expect 0 "$quorate" testnet start 3 --dir "$net"
expect 0 "$quorate" testnet stop 3 --dir "$net"
table=$(largest_table "$home/ledger")
[[ -n $table ]] || die 'no table was written'

say "a bit flips in $(basename "$table") while the replica is stopped"
flip "$table" "$(($(stat -c %s "$table") / 2))"
expect 8 "$quorate" ledger verify "$home" --genesis "$net/genesis.json" --structural --quiet
head -n 1 out
expect 0 "$quorate" testnet start 3 --dir "$net"
await_healed 3 1
await_equal_heads 4
"$quorate" testnet status --dir "$net" >status.txt
expect_text status.txt \
  '^replica-3: On .* found damaged .* set aside in ledger\.damaged-[0-9TZ]+\. [0-9]+ blocks of it'
page "$(url_of 3)" /status >status.json
expect_text status.json '"healing":\{"found_ms":.*"done":true,"kept_blocks":"?[0-9]'
expect_text "$home/node.log" ' ledger-damaged .*set_aside=ledger.damaged-'

say 'a bit flips in a table while the replica runs'
bench 0 figures.json --clients 128 --duration 3s --value-bytes 400 --seed 2
table=$(largest_table "$home/ledger")
flip "$table" "$(($(stat -c %s "$table") / 3))"
await_healed 3 2
await_equal_heads 4
expect_votes 'after it healed'

say 'asked from outside, it holds'
expect 0 "$quorate" ledger verify --node "$(url_of 3)" --genesis "$net/genesis.json" --quiet \
  --resume copy
head -n 1 out
expect 0 "$quorate" ledger verify --node "$(url_of 1)" --genesis "$net/genesis.json" --quiet \
  --resume copy
expect 0 "$quorate" ledger verify copy/ledger --genesis "$net/genesis.json" --quiet

say 'stop: the healed ledger has every block'
expect 0 "$quorate" testnet down --dir "$net"
expect 0 "$quorate" ledger verify "$home" --genesis "$net/genesis.json" --quiet
head -n 1 out
expect_text out '^The ledger holds: .* heights 1 to '
