#!/usr/bin/env bash
# `quorate pow`: a chain on this machine is mined, two folders part and meet again, a transaction is
# displaced and mined again, a block is marked invalid and taken back, and a crash is survived.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

pow() { "$quorate" pow "$@"; }
# field FOLDER NAME: of `pow show`.
field() { pow show --dir "$1" --json | sed -E "s/.*\"$2\":\"?([^,\"]+).*/\1/"; }
# signed NONCE KEY VALUE FILE
signed() {
  "$quorate" tx put "$2" "$3" --genesis a/genesis.json --key a/keys/default.key --nonce "$1" \
    --no-submit --save "$4" --valid-for 1h >/dev/null
}

say 'two folders of one network'
expect 0 pow init --dir a
expect_text out '^  height   0$'
expect 9 pow init --dir a
expect_text err 'pow-folder-not-empty'
expect 0 pow init --dir b --genesis a/genesis.json
[[ $(field a bestblockhash) == $(field b bestblockhash) ]] || die 'two blocks 0'

say 'a transaction is mined'
signed 1 colour blue blue.json
expect 0 pow mine --dir a --tx blue.json --threads 2
expect_text out '^connected    height      1  [0-9a-f]{64}, 1 transaction$'
expect_text out ' applied$'
root_1=$(field a state_root)
expect 4 pow mine --dir a --tx blue.json
expect_text err 'tx-nonce-used'
expect 0 pow block 1 --dir a
expect_text out 'status       active, depth 1'
expect 0 pow pull --dir b --from a
expect_text out '^1 headers and 1 bodies taken; tip height 1 '
[[ $(field b state_root) == "$root_1" ]] || die 'two states at height 1'

say 'they part and meet'
signed 2 size large large.json
expect 0 pow mine --dir a --tx large.json
expect 0 pow mine --dir a --blocks 2
expect 0 pow mine --dir b --blocks 4
expect 0 pow pull --dir b --from a
expect_text out '^3 headers and 0 bodies taken; tip height 5 '
expect 0 pow pull --dir a --from b
expect_text out '^disconnected height      2  [0-9a-f]{64}, 1 transaction waits again$'
expect_text out '^4 headers and 4 bodies taken; tip height 5 '
[[ $(field a bestblockhash) == $(field b bestblockhash) ]] || die 'two tips'
[[ $(field a state_root) == $(field b state_root) ]] || die 'two states'
expect 0 pow show --dir a
expect_text out '^  waiting  1 transaction$'
expect_text out '^    valid-fork    height      4  [0-9a-f]{64}  a branch of 3$'
expect 0 pow mine --dir a
expect_text out '^connected    height      6  [0-9a-f]{64}, 1 transaction$'

say 'invalid by hand, and back'
tip=$(field a bestblockhash)
expect 0 pow invalidate 4 --dir a
expect_text out '^disconnected height      4  '
# Both branches have blocks 2 and 3; the other one has a fourth.
expect_text out '^tip      height      4  '
[[ $(field a bestblockhash) != "$tip" ]] || die 'nothing happened'
expect 0 pow reconsider "$tip" --dir a
expect_text out '^connected    height      6  '
[[ $(field a bestblockhash) == "$tip" ]] || die 'it did not go back'
expect 4 pow invalidate 0 --dir a
expect_text err 'pow-genesis-stands'
expect 5 pow block 99 --dir a
expect_text err 'pow-block-unknown'
expect 2 pow block x --dir a

say 'the journal tells it all'
expect 0 pow journal --dir a
[[ $(grep -c ' disconnect ' out) == 11 ]] || die "not its steps: $(cat out)"
expect_text out '^[0-9]+ entries, root [0-9a-f]{64}$'
expect_text out '^origin quorate.chain-journal/[0-9a-f]{64}$'

say 'a fixed clock makes the same chain'
for name in c d; do
  expect 0 pow init --dir $name --genesis a/genesis.json
  expect 0 pow mine --dir $name --blocks 20 --clock 2000000000
done
[[ $(field c bestblockhash) == $(field d bestblockhash) ]] || die 'two chains from one clock'

say 'a cut and a damaged store'
before=$(field a blocks)
expect 0 pow mine --dir a
# Whatever opens the folder begins a new log; this one holds that block.
cp -r a damaged
cp -r a cut
log=$(ls cut/chain/*.log)
truncate -s -5 "$log"
expect 0 pow show --dir cut
expect_text err 'The last write was cut off by a crash'
expect_text out "^  height   $before\$"
log=$(ls damaged/chain/*.log)
printf 'x' | dd of="$log" bs=1 seek=30 conv=notrunc status=none
expect 8 pow show --dir damaged
expect_text err 'chain-store-corrupt'
expect 5 pow show --dir absent
expect_text err 'quorate pow init'

say 'strangers'
expect 0 pow init --dir other
expect 4 pow pull --dir a --from other
expect_text err 'pow-genesis-wrong'
expect 9 pow pull --dir a --from a
expect_text err 'pow-folder-busy'
expect 2 pow mine --dir a --blocks 0
expect 3 pow init --dir e --limit zzzzzzzz
expect_text err 'pow-bits-malformed'

say 'risk by depth'
expect 0 pow risk --attacker 10% --depth 7
expect_text out '^  0\.0005914  the race'
expect_text out '^  0\.0002428  Nakamoto'
expect_text out 'below 0.1%: 6 by the race, 5 by Nakamoto'
expect 0 pow risk --attacker 0.5
expect_text out 'more than 10000 by the race'
for share in 0 100% -1 x 10%% nan ''; do
  expect 2 pow risk --attacker "$share"
  expect_text err 'pow-share-malformed'
done
expect 2 pow risk --depth 0

for command in risk init mine show block pull journal invalidate reconsider prefer; do
  expect 0 pow $command --help
  expect_text out "quorate pow $command"
done
