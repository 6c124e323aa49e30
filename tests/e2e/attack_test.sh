#!/usr/bin/env bash
# `quorate simulate attack` as people type it: a table beside the papers, the same for one seed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
source "$here/../support/e2e.sh"

say 'the table of double spending lies on the race'
expect 0 "$quorate" simulate attack double-spend --runs 200
expect_text out '^Double spending: chance that it is spent twice'
expect_text out '10 % of the work +1 +200 .* 0\.200000 '
expect_text out '^  farthest [0-2]\.[0-9] standard errors apart'

say 'one seed is one table, another seed another'
"$quorate" simulate attack partition --runs 200 --seed 7 --json >one
"$quorate" simulate attack partition --runs 200 --seed 7 --json >two
"$quorate" simulate attack partition --runs 200 --seed 8 --json >three
cmp one two
! cmp -s one three || die 'two seeds gave one table'
grep -q '"attack":"partition"' one

say 'what cannot be is refused'
expect 2 "$quorate" simulate attack bribery
expect_text err 'simulate-attack'
expect 2 "$quorate" simulate attack stale --runs 1
expect_text err 'Expected 100 to '
