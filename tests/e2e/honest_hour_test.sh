#!/usr/bin/env bash
# An hour of uneven, moderate load on honest replicas, simulated: jitter, gaps in nonces, rivals for
# one nonce, transactions that expire, bursts and silence. Nobody changes the view.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

expect 0 "$quorate" simulate honest --seconds 3600
expect_text out '^no view change$'
expect_text out '^36[0-9][0-9] virtual seconds: '
expect_text out ' [1-9][0-9]* expired; '
