#!/usr/bin/env bash
# Single bits flip in the files of a stopped replica's ledger of twenty thousand transactions. Each
# flip is named by a structural audit (a full one for some of them), or nothing that is read is
# other than before; then it is listed as one in bytes that mean nothing. What `export` writes of a
# damaged ledger is true as far as it goes.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

flips=${FLIPS:-1000}
transactions=${TRANSACTIONS:-20000}
seed=${SEED:-1}
RANDOM=$seed

say "a ledger of at least $transactions transactions"
up
total=0
for ((round = 1; total < transactions; ++round)); do
  bench 0 load.json --clients 512 --duration 5s --value-bytes 100 --keys 5000 --seed "$round"
  total=$((total + $(grep -oE '"acknowledged":[0-9]+' load.json | head -n 1 | cut -d: -f2)))
  expect 0 "$quorate" testnet stop 0 --dir "$net"  # so that tables are written as well
  expect 0 "$quorate" testnet start 0 --dir "$net"
done
await_equal_heads 4
expect 0 "$quorate" testnet down --dir "$net"
truth=$net/replica-0/ledger
genesis=$net/genesis.json
expect 0 "$quorate" ledger verify "$truth" --genesis "$genesis" --quiet
cat out
"$quorate" ledger export "$truth" >truth.jsonl
ls -l "$truth"

# random BELOW: from three draws of fifteen bits.
random() { echo $(((RANDOM << 30 | RANDOM << 15 | RANDOM) % $1)); }

# flip FILE OFFSET BIT
flip() {
  local byte
  byte=$(od -An -tu1 -j "$2" -N 1 "$1")
  printf '%b' "\\x$(printf %02x $((byte ^ 1 << $3)))" |
    dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

mapfile -t names < <(find "$truth" -type f -size +0 -printf '%f\n' | sort)
copy=$work/copy
named=0 harmless=0 full=0
say "$flips flips in ${#names[@]} files, seed $seed"
for ((i = 0; i < flips; ++i)); do
  name=${names[i % ${#names[@]}]}
  rm -rf "$copy"
  cp -al "$truth" "$copy"
  rm "$copy/$name"
  cp "$truth/$name" "$copy/$name"
  offset=$(random "$(stat -c %s "$truth/$name")") bit=$((RANDOM % 8))
  flip "$copy/$name" "$offset" "$bit"
  place="$name byte $offset bit $bit"
  pass=(--structural)
  if ((i % ((flips + 49) / 50) == 0)); then pass=() && full=$((full + 1)); fi
  code=0
  "$quorate" ledger verify "$copy" --genesis "$genesis" --quiet "${pass[@]}" >said 2>&1 || code=$?
  if ((code == 0)); then
    "$quorate" ledger export "$copy" >read.jsonl || die "$place: verified, and cannot be read"
    cmp -s truth.jsonl read.jsonl || die "$place: verified, and other content is read"
    harmless=$((harmless + 1))
    echo "$place: means nothing" >>harmless.txt
    continue
  fi
  ((code == 8)) || {
    cat said
    die "$place: exit code $code"
  }
  named=$((named + 1))
  # A log, the MANIFEST and CURRENT are named with the file; in a table the record is, or what every
  # reader needs first.
  case $name in
    *.ldb) grep -Eq 'DAMAGED at |\.ldb|damaged: the [a-z ]+ cannot be read' said ;;
    CURRENT) grep -Eq 'CURRENT|MANIFEST' said ;;
    *) grep -Fq "$name" said || grep -Eq 'ledger-corrupt|DAMAGED at ' said ;;
  esac || {
    cat said
    die "$place: not named"
  }
  ((i % 10 == 0)) || continue
  "$quorate" ledger export "$copy" >read.jsonl 2>/dev/null || true
  cmp -s -n "$(stat -c %s read.jsonl)" truth.jsonl read.jsonl || die "$place: a wrong byte is read"
  echo "$place: $(head -n 1 said | cut -c 1-160)"
done
say "$named named ($full by a full audit), $harmless in bytes that mean nothing"
[[ ! -e harmless.txt ]] || cut -d' ' -f1 harmless.txt | sort | uniq -c
((named > 0))
