#!/usr/bin/env bash
# `quorate simulate` and `quorate evidence` as people type them; and the same seed gives the same
# trace in every build: tests/vectors/sim_traces.txt is held here by this program, and by the unit
# tests in theirs. `simulate_test.sh PROGRAM --renew` writes that file anew, after a change that
# means to change histories.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
source "$here/../support/e2e.sh"
traces=$here/../vectors/sim_traces.txt

# digest REPLICAS SEED SECONDS
digest() {
  "$quorate" simulate --replicas "$1" --seed "$2" --seconds "$3" --json |
    sed -E 's/.*"digest":"([0-9a-f]{16})".*/\1/'
}

say 'each seed gives the trace that is written down'
while read -r replicas seed seconds trace; do
  if [[ $replicas == '#'* ]]; then
    printf '%s %s %s %s\n' "$replicas" "$seed" "$seconds" "$trace" >>"$work/renewed"
    continue
  fi
  found=$(digest "$replicas" "$seed" "$seconds")
  printf '%s %s %s %s\n' "$replicas" "$seed" "$seconds" "$found" >>"$work/renewed"
  [[ ${2:-} == --renew || $found == "$trace" ]] ||
    die "n $replicas, seed $seed, $seconds s: trace $found, and $trace is written down"
done <"$traces"
if [[ ${2:-} == --renew ]]; then
  cp "$work/renewed" "$traces"
  exit 0
fi

say 'a primary that equivocates is replaced, and its guilt proved'
expect 0 "$quorate" simulate equivocating-primary --seed 7
expect_text out 'moves to view 1: it equivocated'
expect_text out '^agreement held$'
evidence=equivocating-primary-7.evidence
genesis=equivocating-primary-7.genesis.json
expect 0 "$quorate" evidence verify "$evidence" --genesis "$genesis"
expect_text out '^proved: replica 0 signed two different '
expect 0 "$quorate" evidence show "$evidence"
expect_text out '^claims: replica 0 signed two different '

say 'changed or cut, it proves nothing'
size=$(stat -c %s "$evidence")
for at in 0 5 40 80 "$((size / 2))" "$((size - 1))"; do
  cp "$evidence" changed
  byte=$(od -An -tu1 -j "$at" -N 1 changed)
  # shellcheck disable=SC2059  # the format is the byte
  printf "\\x$(printf %x $((byte ^ 1)))" | dd of=changed bs=1 seek="$at" conv=notrunc status=none
  status=0
  "$quorate" evidence verify changed --genesis "$genesis" >out 2>err || status=$?
  [[ $status == 8 || $status == 12 ]] || die "byte $at changed: exit code $status"
done
head -c -1 "$evidence" >cut
expect 8 "$quorate" evidence verify cut --genesis "$genesis"

say 'two liars among four break agreement, with an exit code of its own'
expect 13 "$quorate" simulate equivocating-primary --byzantine 0,1 --seed 7
expect_text out 'agreement broken: sequence [0-9]+ is batch'
expect_text out 'again: quorate simulate equivocating-primary --byzantine 0,1 --seed 7$'

say 'what a person wrote runs, and what is wrong in it is named'
printf 'submit 4\nsettle\n' >mine.txt
expect 0 "$quorate" simulate mine.txt --trace mine.trace
expect_text mine.trace ' commit #1'
printf 'submit 4\ndance\n' >mine.txt
expect 3 "$quorate" simulate mine.txt
expect_text err 'line 2: found "dance", expected one of replicas'
expect 5 "$quorate" simulate no-such-scenario
expect 2 "$quorate" simulate --byzantine 4
expect 0 "$quorate" simulate --list
expect_text out 'equivocating-primary'

say 'the ledgers that it leaves behind are there, for every replica'
expect 0 "$quorate" simulate equivocating-primary --ledgers left
for left in genesis.json replica-0/ledger/CURRENT replica-3/ledger/CURRENT; do
  [[ -s left/$left ]] || die "left/$left is missing"
done
expect 9 "$quorate" simulate equivocating-primary --ledgers left

say 'where agreement broke, two ledgers name the guilty, and the proofs verify'
expect 13 "$quorate" simulate equivocating-primary --byzantine 0,1 --seed 7 --ledgers torn
expect 13 "$quorate" ledger blame torn/replica-2 torn/replica-3 --evidence proofs
expect_text out '^2 of 4 replicas are proved guilty'
for guilty in 0 1; do
  proof=proofs/sequence-1-replica-$guilty.evidence
  expect 0 "$quorate" evidence verify "$proof" --genesis torn/genesis.json
  expect_text out "^proved: replica $guilty signed two different batches"
done
[[ $(find proofs -type f | wc -l) == 2 ]] || die 'somebody else is blamed'
expect 0 "$quorate" ledger blame left/replica-1 left/replica-2
expect_text out '^no contradiction: sequences 1 to '

say 'across views as well'
printf '%s\n' 'liar 0 fork' 'liar 1 fork' 'run 1000' 'submit 4' 'settle' 'partition 2/3' \
  'trickle 40 200' >two-lives.txt
expect 13 "$quorate" simulate two-lives.txt --seed 1 --ledgers lives
expect 13 "$quorate" ledger blame lives/replica-2 lives/replica-3 --evidence proofs-across
expect_text out '^guilty  r0: replica 0 committed batch [0-9a-f]+ at view 0, .*, and left it out'
for proof in proofs-across/*; do
  expect 0 "$quorate" evidence verify "$proof" --genesis lives/genesis.json
done
expect 0 "$quorate" simulate blame --seeds 1..3
expect_text out ' 0 runs were blamed wrongly$'

say 'what fails becomes small, and fails in the same way'
printf '%s\n' 'submit 4 1' 'run 200' 'crash 2' 'run 50' 'start 2' 'expect view-change' >mine.txt
expect 14 "$quorate" simulate mine.txt --shrink small.txt
expect_text out '^1 of 6 lines are left'
expect_text small.txt '^expect view-change$'
[[ -s small.html ]] || die 'the picture is missing'
expect 14 "$quorate" simulate small.txt
expect 13 "$quorate" simulate --byzantine 0,1 --seed 2 --seconds 20 --shrink small.txt
expect_text small.txt '^liar 0 '
expect 13 "$quorate" simulate small.txt --seed 2
expect 3 "$quorate" simulate equivocating-primary --shrink small.txt

say 'six quiet hours take seconds'
expect 0 "$quorate" simulate quiet-hours

say 'many seeds on all cores'
expect 0 "$quorate" simulate --seeds 1..8 --seconds 5
expect_text out '^8 seeds, 0 failed'

say 'honest code that runs twice with one key: one of four breaks nothing, two break agreement'
expect 0 "$quorate" simulate twins --limit 300 --rounds 2 --stand-in
expect_text out '^300 scenarios: all 189 of up to 1 rounds, and 111 of 2 rounds by seed 1$'
expect_text out '^0 broke an invariant, 0 did not end$'
traces_of_twins=$(grep '^traces ' out)
expect 0 "$quorate" simulate twins --limit 300 --rounds 2 --stand-in
[[ $(grep '^traces ' out) == "$traces_of_twins" ]] || die 'the same twins have another history'
expect 13 "$quorate" simulate twins --twins 2 --scenario '0:0,1,2/3,0b,1b:committed' \
  --trace twins.html
expect_text out '^  agreement: sequence 1 is batch '
expect_text out 'again: quorate simulate twins --replicas 4 --twins 2 --scenario "0:0,1,2/3,0b,1b:'
[[ -s twins.html ]] || die 'the picture is missing'
expect 2 "$quorate" simulate twins --scenario '0:0,1,2/3,0b,1b:committed'
expect_text err 'twins-malformed'
expect 2 "$quorate" simulate twins --replicas 3
