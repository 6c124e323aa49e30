#!/usr/bin/env bash
# reorg_depths_test.sh with every depth from 1 to 100.
set -euo pipefail
export DEPTHS=${DEPTHS:-$(seq -s ' ' 1 100)}
exec "$(dirname "${BASH_SOURCE[0]}")/reorg_depths_test.sh" "$@"
