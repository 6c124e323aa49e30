#!/usr/bin/env bash
# A person's first tour: a testnet from nothing, a signed transaction, its receipt offline, a
# restart.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

say 'up'
up
expect_text out 'replica-3 '
await_equal_heads 4  # the command is back as soon as a quorum has ordered something
[[ -f $net/genesis.json ]] || die 'no genesis.json'

say 'tx put prints its life and an id'
cd "$net"
expect 0 "$quorate" tx put colour blue --save "$work/t.json"
cp "$work/out" "$work/life"
for level in local replicated; do expect_text "$work/life" "^ +$level +[0-9.]+ ms"; done
expect_text "$work/life" '^result: applied, height [0-9]+'
id=$(grep -oEm1 '[0-9a-f]{64}' "$work/life")

say 'get, from each node'
for port in $(status_json | grep -oE '"url":"[^"]*"' | grep -oE '[0-9]+"' | tr -d '"'); do
  expect 0 "$quorate" get colour --node "http://127.0.0.1:$port"
  [[ $(cat "$work/out") == blue ]] || die "node at $port reads: $(cat "$work/out")"
  expect_text "$work/err" '^unproved'
done
expect 5 "$quorate" get nothing-here

say 'stable: the result is proved, and reads are'
expect 0 "$quorate" tx put colour blue --wait stable
expect_text "$work/out" '^ +stable +[0-9.]+ ms'
expect 0 "$quorate" tx receipt "$id" --out "$work/stable.json"
expect 0 "$quorate" receipt verify "$work/stable.json"
expect_text "$work/out" '^proved:  the result. applied'
expect 0 "$quorate" get colour --prove --out "$work/proof.json"
[[ $(cat "$work/out") == blue ]] || die "proved: $(cat "$work/out")"
age='agreed time 20[0-9T:.-]+Z, [0-9.]+ (s|min) ago'
expect_text "$work/err" "^proved: [34] of 4 replicas cosigned the state of height [0-9]+, $age"
expect 0 "$quorate" proof verify "$work/proof.json"
expect_text "$work/out" '^colour = blue'
expect 5 "$quorate" get nothing-here --prove --out "$work/absent.json"
expect_text "$work/err" "There is no key nothing-here \(proved: [34] of 4 .*, $age\)"
expect 0 "$quorate" proof verify "$work/absent.json"
expect_text "$work/out" '^nothing-here is absent'
sed 's/nothing-here/colour/' "$work/absent.json" > "$work/forged.json"
expect 8 "$quorate" proof verify "$work/forged.json"
sed 's/"height": [0-9]*/"height": 1/' "$work/proof.json" > "$work/forged.json"
expect 8 "$quorate" proof verify "$work/forged.json"

say 'the fates of a transaction'
expect 0 "$quorate" tx fate "$work/t.json"
expect_text "$work/out" '^happened: ordered at height [0-9]+.*\(proved\)'
expect 0 "$quorate" tx put late never --no-submit --save "$work/late.json" \
  --valid-for 1s --nonce 500
sleep 1.5
expect 0 "$quorate" tx put colour blue --wait stable
expect 0 "$quorate" tx fate "$work/late.json" --out "$work/fate.json"
expect_text "$work/out" '^never: it was not ordered'
expect 0 "$quorate" proof verify "$work/fate.json"
expect_text "$work/out" '^never: it was not ordered'
expect_text "$work/out" "^proved: [34] of 4 .*, $age"
expect 0 "$quorate" tx put colour taken --no-submit --save "$work/loser.json" --nonce 1
expect 0 "$quorate" tx fate "$work/loser.json" --out "$work/winner.json"
expect_text "$work/out" '^never: [0-9a-f]{64} took its nonce, ordered at height [0-9]+'
expect 0 "$quorate" receipt verify "$work/winner.json"

say 'the same signed file again is the same transaction'
before=$(height)
expect 0 "$quorate" tx submit "$work/t.json"
grep -q "$id" "$work/out" || die 'another id'
[[ $(height) == "$before" ]] || die 'it was ordered twice'

say 'each operation, and a refusal by the rules'
expect 0 "$quorate" tx add visits 5
expect 0 "$quorate" tx add visits -2
expect 0 "$quorate" get visits
[[ $(cat "$work/out") == 3 ]] || die 'add did not add'
expect 0 "$quorate" tx cas colour blue green
expect 4 "$quorate" tx cas colour blue red
expect_text "$work/err" 'tx-compare-failed'
expect 0 "$quorate" tx cas lock mine --absent
expect 0 "$quorate" tx delete lock
expect 5 "$quorate" get lock
expect 0 "$quorate" keys new --out "$work/bob.key" --insecure-no-passphrase
bob=$("$quorate" keys address "$work/bob.key")
expect 0 "$quorate" tx transfer "$bob" 100
expect 4 "$quorate" tx transfer "$bob" 101 --key "$work/bob.key"
expect_text "$work/err" 'tx-insufficient-funds'
expect 0 "$quorate" tx put weather rain --until 1h

say 'eight at once under one key: the losers of the race for a nonce sign again'
racers=()
for i in {1..8}; do
  "$quorate" tx put "race.$i" done >/dev/null 2>"$work/race.$i" &
  racers+=($!)
done
for i in "${!racers[@]}"; do
  wait "${racers[$i]}" || die "racer $i: $(cat "$work/race.$((i + 1))")"
done

say 'status, receipt'
expect 0 "$quorate" tx status "$id"
expect_text "$work/out" 'replicated'
expect 5 "$quorate" tx status "$(printf '0%.0s' {1..64})"
await_equal_heads 4
"$quorate" tx receipt "$id" >"$work/r.json"

say 'down, and the receipt verifies with nothing but the genesis document'
cp genesis.json "$work/genesis.json"
cd "$work"
expect 0 "$quorate" testnet down --dir "$net"
[[ ! -e $net/control.sock && ! -e $net/supervisor.lock ]] || die 'down left something behind'
expect 0 "$quorate" receipt verify r.json --genesis genesis.json
expect_text out '^proved: +the order'
grep -q "$id" out || die 'a receipt of another transaction'

say 'a tampered receipt is refused'
# Each of these changes one character inside the proof.
proof_at=$(grep -bo '"proof"' r.json | cut -d: -f1)
for offset in 200 400 800; do
  at=$((proof_at + offset))
  old=$(tail -c +$((at + 1)) r.json | head -c 1)
  new=A
  [[ $old == A ]] && new=B
  { head -c "$at" r.json; printf %s "$new"; tail -c +$((at + 2)) r.json; } >tampered.json
  code=0
  "$quorate" receipt verify tampered.json --genesis genesis.json >out 2>err || code=$?
  ((code == 8 || code == 3)) || die "a receipt changed at $at ends with $code"
done
sed 's/"height": *[0-9]*/"height": 999/' r.json >tampered.json
expect 8 "$quorate" receipt verify tampered.json --genesis genesis.json

say 'up again with its data'
up
cd "$net"
expect 0 "$quorate" get colour
[[ $(cat "$work/out") == green ]] || die 'a restart lost a write'
await_equal_heads 4
