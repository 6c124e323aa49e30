#!/usr/bin/env bash
# The campaign behind primary_killed_test, all_killed_test, paused_test and kill_loop_test: 20
# primaries in a row, all replicas killed 50 times in a row, a replica that stands still for a
# minute, ten minutes of kills of one or all.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROUNDS=${PRIMARIES:-20} "$here/primary_killed_test.sh" "$@"
ROUNDS=${ALL:-50} "$here/all_killed_test.sh" "$@"
PAUSE=${PAUSE:-60} "$here/paused_test.sh" "$@"
DURATION=${KILL_LOOP:-600} "$here/kill_loop_test.sh" "$@"
