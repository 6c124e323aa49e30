#!/usr/bin/env bash
# The campaign behind primary_killed_test, all_killed_test and paused_test: 20 primaries in a row,
# all replicas killed 50 times in a row, a replica that stands still for a minute.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROUNDS=${PRIMARIES:-20} "$here/primary_killed_test.sh" "$@"
ROUNDS=${ALL:-50} "$here/all_killed_test.sh" "$@"
PAUSE=${PAUSE:-60} "$here/paused_test.sh" "$@"
