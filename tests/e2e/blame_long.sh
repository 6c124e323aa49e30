#!/usr/bin/env bash
# A thousand runs in which more than f lie and agreement breaks, within one view and across views:
# blame names at least f+1 liars in each, with proofs that verify, and never a correct replica.
set -euo pipefail
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)/../support/e2e.sh"

expect 0 "$quorate" simulate blame --seeds 1..1300 --json
member() { sed -nE "s/.*\"$1\":([0-9]+)[,}].*/\1/p" "$work/out"; }
broken=$(member broken)
across=$(member across_views)
((broken >= 1000)) || die "agreement broke in $broken runs only"
((across >= 200 && broken - across >= 200)) ||
  die "$across runs broke across views, $((broken - across)) within one"
say "$broken broken runs, $across of them across views"
