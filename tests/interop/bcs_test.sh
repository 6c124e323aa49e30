#!/usr/bin/env bash
# Our canonical encoding against the npm package @mysten/bcs, on tests/vectors/bcs.jsonl, which
# tests/ledger/bcs_vectors_test.cc holds against our own codec. Argument: the build folder.
set -euo pipefail

# shellcheck source=tests/interop/modules.sh
source "$(dirname "${BASH_SOURCE[0]}")/modules.sh"
node "$modules/bcs.mjs" "$interop/../vectors/bcs.jsonl"
