#!/usr/bin/env bash
# A replica loses both databases under load and keeps its guard. It joins by snapshot although one
# of its three sources lies about chunks, names the liar, and signs nothing up to what it may have
# signed before. One that was away with its databases merely lags: it says nothing of all that.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

home=$net/replica-3
liar=1
submitting=
end_own_processes() {
  [[ -z $submitting ]] || kill "$submitting" 2>/dev/null || true
  wait 2>/dev/null || true
}

# signers: height and signers of each block that replica 0 keeps a certificate of, one a line.
signers() {
  "$quorate" ledger blocks "$net/replica-0" --from 1 --count 1000000 --json |
    grep -oE '"height":[0-9]+,"hash"|"signers":\[[0-9,]*\]' | paste - - |
    sed -E 's/"height":([0-9]+),"hash"\t"signers":\[([0-9,]*)\]/\1 \2/'
}

say "up; replica $liar lies to whoever catches up"
up --byzantine "$liar=lie-catch-up"
sed -i 's/^snapshot_blocks_min = .*/snapshot_blocks_min = 2/' "$home/config.toml"
bench 0 before.json --clients 64 --duration 3s --value-bytes 100 --keys 100000 --seed 1

say 'one that was away lags: no snapshot, no recovery, nobody is named'
expect 0 "$quorate" testnet kill 3 --dir "$net"
bench 0 away.json --rate 20 --duration 1s --ops-per-tx 2 --seed 2
: >"$home/node.log"
expect 0 "$quorate" testnet start 3 --dir "$net"
await_equal_heads 4
! grep -E 'recovering|joined-by-snapshot|snapshot-source-refused' "$home/node.log" ||
  die 'it was taken for one that lost its votes'

say 'one that is wiped under load joins by snapshot, and names the liar'
# Compared are the ledgers that have the blocks of the load.
bench 0 load.json --rate 60 --duration 8s --ops-per-tx 2 --seed 3 \
  --node "$(url_of 0)" --node "$(url_of 2)" &
submitting=$!
sleep 2
expect 0 "$quorate" testnet kill 3 --dir "$net"
rm -r "$home/ledger" "$home/votes"
: >"$home/node.log"
expect 0 "$quorate" testnet start 3 --dir "$net"
await_text "$home/node.log" 'joined-by-snapshot'
expect_text "$home/node.log" \
  "snapshot-source-refused peer=$liar code=chunk-(other-digest|malformed)"
expect_text "$home/node.log" "joined-by-snapshot .* refused=\"?$liar\"?"
expect_text "$home/node.log" 'recovering .*may have voted up to sequence [0-9]+'
await_text "$home/node.log" ' recovered'
grep -E 'snapshot-source-refused|joined-by-snapshot' "$home/node.log"
page "$(url_of 3)" /status >status
expect_text status "\"refused\":\\[\\{\"replica\":\"?$liar\"?,\"code\":\"chunk-"
wait "$submitting" || die 'what was acknowledged is not in every ledger once'
submitting=
expect_number load.json missing 0
expect_number load.json repeated 0
await_equal_heads 4

say 'and votes: without replica 2 a quorum needs it'
expect_votes 'after the liar'

say 'wiped while nothing happens, it signs nothing up to what it may have signed'
# Guards reserve sixteen sequence numbers at a time.
until (($(height) % 16 >= 1 && $(height) % 16 <= 8)); do put_default filler "$(height)"; done
expect 0 "$quorate" testnet kill 3 --dir "$net"
sleep 1
begin=$(height)
rm -r "$home/ledger" "$home/votes"
: >"$home/node.log"
expect 0 "$quorate" testnet start 3 --dir "$net"
await_text "$home/node.log" ' recovered'
ceiling=$(grep -oE 'voted up to sequence [0-9]+' "$home/node.log" | head -n 1 | grep -oE '[0-9]+$')
await_equal_heads 4
expect_votes 'again'
expect 0 "$quorate" testnet down --dir "$net"
signers >all
below=$(awk -v a="$begin" -v b="$ceiling" '$1 > a && $1 <= b' all)
above=$(awk -v b="$ceiling" '$1 > b' all)
echo "head $begin when it was wiped, ceiling $ceiling, filled: $(grep -c . <<<"$below" || true)"
((ceiling > begin)) || die 'its guard reserved nothing above the head'
[[ $(grep -c . <<<"$below") == $((ceiling - begin)) ]] || die 'the others did not fill up to there'
! grep -E '[ ,]3(,|$)' <<<"$below" || die 'it signed below its certified checkpoint'
grep -qE '[ ,]3(,|$)' <<<"$above" || die 'it signs nothing above'
