#!/usr/bin/env bash
# A live network is recorded while its primary is killed with SIGKILL under load. Every recording
# replays to the outputs that its node had, the killed one as far as it goes; one changed byte is
# noticed, wherever it is; and all of them together are one picture.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

replay() { "$quorate" simulate replay "$@"; }
member() { grep -oE "\"$2\":(\"[^\"]*\"|[0-9]+)" "$1" | head -n 1 | cut -d: -f2- | tr -d '"'; }
# flip FILE POSITION: another byte there.
flip() {
  local old
  old=$(od -An -tu1 -j "$2" -N 1 "$1")
  printf '%b' "$(printf '\\x%02x' $((old ^ 0x20)))" |
    dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

say 'up, recorded'
up --record
bench 0 figures.json --rate 60 --duration 3s --ops-per-tx 2 --seed 4 &
submitting=$!
start=$(height)
until (($(height) > start + 10)); do sleep 0.05; done
expect 0 "$quorate" testnet kill 0 --dir "$net"
wait "$submitting" || die 'what was acknowledged is not in every ledger once'
expect 0 "$quorate" testnet start 0 --dir "$net"
await_equal_heads 4
expect 0 "$quorate" testnet down --dir "$net"

say 'each life replays to the same outputs'
for file in "$net"/replica-*/recording-*; do
  expect 0 replay "$file" --json
  [[ $(member out verdict) == identical ]] || die "$file: $(cat out)"
done
survivor=$net/replica-2/recording-1
expect 0 replay "$survivor" --json
(($(member out steps) > 200)) || die "only $(member out steps) steps"
(($(member out view_changes) > 0)) || die 'the survivor saw no view change'
[[ $(member out end) == stopped ]] || die "the survivor's recording ends otherwise"
outputs=$(member out outputs)
say "$(member out steps) steps, $(member out batches) batches, outputs ${outputs:0:16}"
expect 0 replay "$net/replica-0/recording-1" --json
grep -qE '"end":"(cut|open)"' out || die 'the killed primary ended otherwise'
expect 0 replay "$net/replica-0/recording-2" --json

say 'all of them, as one picture'
expect 0 replay "$net"/replica-*/recording-* --trace film.html
expect_text out 'the replays are identical'
expect_text film.html '"equivocations":0,"view_changes":[1-9]'
expect_text film.html '"crashes":1,'
expect 0 replay "$net"/replica-*/recording-* --trace film.shiviz
expect_text film.shiviz '^replica-3 \{"replica-0":'

say 'one changed byte is noticed'
size=$(stat -c %s "$survivor")
head -c $((size < 300000 ? size / 2 : 150000)) "$survivor" >part
expect 0 replay part
expect_text out 'was killed'
size=$(stat -c %s part)
for ((i = 0; i < 24; ++i)); do
  cp part bad
  # The last record of a part may be cut, and nothing can be said of it.
  at=$((i < 14 ? i : (size - 9000) * (i - 13) / 10))
  flip bad "$at"
  got=0
  replay bad >out 2>err || got=$?
  case $got in 3 | 8 | 12) ;; *) die "byte $at: exit code $got" ;; esac
done
cp "$survivor" bad
flip bad $(($(stat -c %s bad) - 1))
expect 8 replay bad
expect_text out 'recording-altered'
printf x >>"$survivor"
expect 8 replay "$survivor"

say 'what is no recording is refused by name'
expect 3 replay "$net/genesis.json"
expect_text err 'recording-malformed'
expect 5 replay nowhere
expect_text err 'recording-not-found'
expect 9 "$quorate" node --home "$net/replica-1" --record "$net/replica-1/recording-1"
