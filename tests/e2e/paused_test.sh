#!/usr/bin/env bash
# A backup is stopped with SIGSTOP under load and goes on with SIGCONT: its memory stays bounded, it
# catches up, it contradicts nothing that it signed before, and it votes again.
#   PAUSE  seconds (5; 60 in the campaign)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

pause=${PAUSE:-5}
pid=''
# Whatever happens, nothing stays stopped.
end_own_processes() { [[ -z $pid ]] || kill -CONT "$pid" 2>/dev/null || true; }

resident_kb() { awk '/^VmRSS:/ { print $2 }' "/proc/$pid/status"; }

say 'up'
up
pid=$(grep -oE 'replica-3 started, process [0-9]+' "$net/supervisor.log" | tail -n 1 |
  grep -oE '[0-9]+$')
before=$(resident_kb)
bench 0 figures.json --rate 100 --duration "$((pause + 2))s" --ops-per-tx 2 --seed 3 &
submitting=$!
sleep 1
kill -STOP "$pid"
say "replica-3 (process $pid) stands still for $pause s"
sleep "$pause"
kill -CONT "$pid"
wait "$submitting" || die 'what was acknowledged is not in every ledger once'
await_equal_heads 4
after=$(resident_kb)
say "its memory: $before kB before, $after kB after"
((after - before < 100 * 1024)) || die 'its memory grew by more than 100 MB'
evidence=$(status_json | grep -oE '"evidence_seen":[0-9]+' | grep -vc ':0$' || true)
[[ $evidence == 0 ]] || die 'somebody saw a contradiction'
! grep -q 'equivocation' "$net"/replica-*/node.log || die 'somebody was accused'

say 'and it votes again: with another one stopped, commits need it'
expect 0 "$quorate" testnet stop 2 --dir "$net"
expect 0 "$quorate" tx put after pause --node "$(rpc_urls | head -n 1)" \
  --genesis "$net/genesis.json" --key "$net/keys/default.key"
expect 0 "$quorate" testnet start 2 --dir "$net"
await_equal_heads 4
