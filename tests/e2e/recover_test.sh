#!/usr/bin/env bash
# Of four replicas one loses its votes and one the guard of its votes: nothing can be ordered any
# more. Their operators begin anew with a plan that three of them signed; nothing that a ledger held
# is lost, and receipts from before and after verify with genesis alone.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

genesis=$net/genesis.json
submit() {
  QUORATE_TESTNET=$net "$quorate" tx put "$@" --node "$(url_of 0)" --genesis "$genesis" \
    --key "$net/keys/default.key"
}
receipt() {
  QUORATE_TESTNET=$net expect 0 "$quorate" tx receipt "$1" --node "$(url_of 0)" --out "$2"
}

say 'a testnet with a past'
up
bench 0 load.json --rate 100 --duration 3s --ops-per-tx 2 --seed 1 --ids ids
expect 0 submit before recovery --wait stable --json
before=$(grep -oE '"id":"[0-9a-f]{64}"' out | head -n 1 | cut -d'"' -f4)
receipt "$before" before.receipt
# Guards reserve sixteen sequence numbers at a time: above the head, or the loss would not matter.
until (($(height) % 16 >= 1 && $(height) % 16 <= 8)); do put_default filler "$(height)"; done

say 'replicas 2 and 3 do not know what they voted: the network stands, and says why'
for i in 0 1 2 3; do expect 0 "$quorate" testnet stop "$i" --dir "$net"; done
rm -r "$net/replica-2/votes"
rm "$net/replica-3/guard"
for i in 0 1 2 3; do "$quorate" testnet start "$i" --dir "$net" >/dev/null || true; done
expect 7 submit while 'nothing moves' --wait replicated --timeout 2s
QUORATE_TESTNET=$net expect 15 "$quorate" explain
expect_text out 'quorate recover'

say 'a change is signed: replica 3 gets a new vote key'
expect 0 "$quorate" keys new --purpose vote --out new.key --insecure-no-passphrase
QUORATE_TESTNET=$net expect 0 "$quorate" validator rekey replica-3 --vote-key new.key \
  --out rekey.json
changes=()
for key in "$net"/replica-{0,1,2}/vote.key new.key; do
  name=change.${#changes[@]}.json
  expect 0 "$quorate" validator sign rekey.json --key "$key" --genesis "$genesis" --out "$name"
  changes+=(--change "$name")
done

say 'the plan, refused where it would give up blocks, and for a second one'
for i in 0 1 2 3; do expect 0 "$quorate" testnet stop "$i" --dir "$net"; done
homes=("$net"/replica-{0,1,2,3})
expect 0 "$quorate" recover look "${homes[@]}"
cat out
expect_text out 'replica-1: height .* votes there, guard there'
expect_text out 'replica-3: height .* guard LOST'
expect 0 "$quorate" recover look "${homes[@]}" --json
fullest=$(grep -oE '"fullest":"[^"]*"' out | cut -d'"' -f4)
expect 0 "$quorate" recover propose "${homes[@]}" "${changes[@]}" --key "$net/keys/default.key" \
  --out plan.json
cat out
kept=$(grep -oE '"height": *[0-9]+' plan.json | grep -oE '[0-9]+$')
((kept >= 300)) || die "it keeps $kept blocks"
for i in 0 1 2; do
  expect 0 "$quorate" recover sign plan.json --home "$net/replica-$i" --ledger "$fullest" \
    --out "signed.$i.json"
done
for i in 0 1; do
  [[ ! -e $net/replica-$i/votes ]] || die "replica-$i may still vote in epoch 0"
done
sleep 0.01
expect 0 "$quorate" recover propose "${homes[@]}" "${changes[@]}" --key "$net/keys/default.key" \
  --out another.json
expect 9 "$quorate" recover sign another.json --home "$net/replica-0" --out no.json
expect_text err 'recovery-signed-another'

say 'less than a quorum, or a signature that was touched, installs nothing'
expect 3 "$quorate" recover install plan.json signed.0.json signed.1.json --home "$fullest"
expect_text err 'recovery-signatures-missing'
sed -E 's/("signer": *")./\1x/' signed.2.json >touched.json
"$quorate" recover install plan.json signed.0.json signed.1.json touched.json --home "$fullest" \
  >out 2>err && die 'a touched signature counts'
"$quorate" recover install another.json signed.0.json signed.1.json signed.2.json \
  --home "$fullest" >out 2>err && die 'signatures of another plan count'
expect_text err 'recovery-other-plan'

say 'signed and not installed, nobody votes: not even up to what a stable checkpoint covers'
for i in 0 1; do expect 0 "$quorate" testnet start "$i" --dir "$net"; done
boundary=$(grep -oE '"boundary": *[0-9]+' plan.json | grep -oE '[0-9]+$')
for i in 0 1; do
  await_text "$net/replica-$i/node.log" "recovering .*may have voted up to sequence $boundary"
done
for i in 0 1; do expect 0 "$quorate" testnet stop "$i" --dir "$net"; done

say 'installed, it goes on: replica 2 votes again, and replica 3 with its new key'
expect 0 "$quorate" recover install plan.json signed.{0,1,2}.json --home "$fullest"
mv "$fullest/ledger" "$fullest/ledger.recovering"  # broken off between its renames
expect 0 "$quorate" recover install plan.json signed.{0,1,2}.json --home "$fullest"
expect_text out '^installed in '
expect 0 "$quorate" recover install plan.json signed.{0,1,2}.json --home "$fullest"
expect_text out 'has the plan.s blocks already'
mv "$net/replica-3" lost
expect 0 "$quorate" init --home "$net/replica-3" --genesis "$genesis" --vote-key new.key \
  --network-key lost/network.key --insecure-no-passphrase --observe
sed 's/^observe = .*/observe = "yes"/' lost/config.toml >"$net/replica-3/config.toml"
began=$(date +%s%N)
for i in 0 1 2 3; do "$quorate" testnet start "$i" --dir "$net" >/dev/null || true; done
expect 0 submit after recovery --wait stable --timeout 30s --json
echo "stable $((($(date +%s%N) - began) / 1000000)) ms after the first start"
after=$(grep -oE '"id":"[0-9a-f]{64}"' out | head -n 1 | cut -d'"' -f4)
await_equal_heads 4
for i in 0 1 2 3; do
  [[ $(role_of "$i") =~ ^(primary|backup)$ ]] || die "replica $i is $(role_of "$i")"
done

say 'nothing that the ledgers held is lost; receipts verify across the seam'
while read -r id; do
  QUORATE_TESTNET=$net expect 0 "$quorate" tx status "$id" --node "$(url_of 3)"
done < <(shuf -n 20 --random-source=ids ids)
receipt "$after" after.receipt
expect 0 "$quorate" testnet down --dir "$net"
for file in before after; do
  expect 0 "$quorate" receipt verify "$file.receipt" --genesis "$genesis"
done
for i in 0 1 2 3; do
  expect 0 "$quorate" ledger verify "$net/replica-$i" --genesis "$genesis" --quiet
  expect_text out '^The ledger holds'
done
