#!/usr/bin/env bash
# The testnet's own commands: what they start they end, and nothing else; what goes wrong has a
# name.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

pids() { status_json | grep -oE '"pid":[0-9]+' | cut -d: -f2; }
all_gone() {
  local pid
  for pid in "$@"; do [[ ! -d /proc/$pid ]] || return 1; done
}
await() {
  local end=$((SECONDS + patience))
  until "$@"; do
    ((SECONDS < end)) || die "within $patience s it did not come true: $*"
    sleep 0.1
  done
}

say 'commands without a testnet say what to do'
expect 5 "$quorate" testnet status
expect_text err 'quorate testnet up'
expect 5 "$quorate" testnet down --dir "$net"

say 'a folder with something else in it is left alone'
mkdir other && echo mine >other/thesis.txt
expect 9 "$quorate" testnet up --detach --dir other
expect_text err 'thesis.txt'
expect 5 "$quorate" testnet reset --dir other
[[ $(cat other/thesis.txt) == mine ]] || die 'the file is gone'

say 'up twice is up once'
up
mapfile -t first < <(pids)
up
expect_text out 'runs already'
mapfile -t second < <(pids)
[[ ${first[*]} == "${second[*]}" ]] || die 'it started again'

say 'the supervisor has no terminal and is nobody'"'"'s child'
supervisor=$(status_json | grep -oE '"supervisor":[0-9]+' | cut -d: -f2)
read -r _ _ _ parent _ _ tty _ <"/proc/$supervisor/stat"
[[ $tty == 0 ]] || die "it has a terminal: $tty"
[[ $parent != "$$" ]] || die 'it is a child of this script'

say 'a taken port is named with its holder'
port=$(status_json | grep -oE '"url":"[^"]*"' | head -n 1 | grep -oE '[0-9]+"' | tr -d '"')
expect 9 "$quorate" testnet up --detach --dir "$work/second" --base-port "$port"
expect_text err "Port $port is taken by process ${first[0]}"
[[ ! -e $work/second ]] || die 'it left a folder behind'

say 'kill, stop, start'
expect 0 "$quorate" testnet kill 1 --dir "$net"
expect_text out 'killed \(signal 9'
expect 9 "$quorate" testnet kill 1 --dir "$net"
expect_text err 'replica-not-running'
expect 0 "$quorate" testnet start 1 --dir "$net"
expect 9 "$quorate" testnet start 1 --dir "$net"
expect 0 "$quorate" testnet stop 2 --dir "$net"
expect_text out 'stopped \(exit code 0'
expect 0 "$quorate" testnet status --dir "$net"
expect_text out 'replica-2 .*stopped'
expect 0 "$quorate" testnet start 2 --dir "$net"
expect 5 "$quorate" testnet kill 9 --dir "$net"
await_equal_heads 4

say 'pause, resume'
expect 0 "$quorate" testnet pause 1 --dir "$net"
expect_text out 'replica-1 is paused'
expect 9 "$quorate" testnet pause 1 --dir "$net"
expect_text err 'replica-other-state'
expect 9 "$quorate" testnet start 1 --dir "$net"
expect 0 "$quorate" testnet status --dir "$net"
expect_text out 'replica-1 .*paused'
expect 0 "$quorate" testnet resume 1 --dir "$net"
expect 9 "$quorate" testnet resume 1 --dir "$net"
expect 0 "$quorate" testnet pause 2 --dir "$net"
expect 0 "$quorate" testnet stop 2 --dir "$net"
expect_text out 'stopped \(exit code 0'
expect 0 "$quorate" testnet start 2 --dir "$net"
await_equal_heads 4

say 'a node that ends by itself is seen, not restarted'
victim=$(status_json | grep -oE '"name":"replica-3"[^}]*"pid":[0-9]+' | grep -oE '[0-9]+$')
kill -KILL "$victim"
await all_gone "$victim"
expect 0 "$quorate" testnet status --dir "$net"
expect_text out 'replica-3 .*exited: signal 9'
expect 0 "$quorate" testnet start 3 --dir "$net"

say 'logs'
expect 0 "$quorate" testnet logs 0 --lines 5 --dir "$net"
[[ -s out ]] || die 'the log is empty'
expect 5 "$quorate" testnet logs 9 --dir "$net"

say 'a node whose home is in use or readable by others refuses to start'
expect 9 "$quorate" node --home "$net/replica-0" --rpc-listen 127.0.0.1:1 --peers-listen 127.0.0.1:2
expect 0 "$quorate" testnet stop 0 --dir "$net"
chmod 644 "$net/replica-0/vote.key"
expect 6 "$quorate" testnet start 0 --dir "$net"
expect 10 "$quorate" node --home "$net/replica-0"
chmod 600 "$net/replica-0/vote.key"

say 'a command goes to the next node where the first is down'
(cd "$net" && "$quorate" get testnet.started >"$work/out") || die 'get asked only the first node'
expect 0 "$quorate" testnet start 0 --dir "$net"

say 'without a quorum a submission ends with an open outcome, and then it happens'
expect 0 "$quorate" testnet stop 1 --dir "$net"
expect 0 "$quorate" testnet stop 2 --dir "$net"
(cd "$net" && expect 7 "$quorate" tx put late word --timeout 1s --valid-for 10m)
expect_text err 'tx-outcome-open'
late=$(grep -oEm1 '[0-9a-f]{64}' out)
expect 0 "$quorate" testnet start 1 --dir "$net"
expect 0 "$quorate" testnet start 2 --dir "$net"
is_late_replicated() {
  (cd "$net" && "$quorate" tx status "$late") 2>/dev/null | grep -Eq '^level: (replicated|stable)'
}
await is_late_replicated

say 'a supervisor that is killed takes its nodes with it'
mapfile -t running < <(pids)
kill -KILL "$supervisor"
await all_gone "${running[@]}"
expect 6 "$quorate" testnet status --dir "$net"
expect 0 "$quorate" testnet down --dir "$net"
[[ ! -e $net/control.sock ]] || die 'a dead socket stayed'

say 'up goes on with the data; an up that cannot agree ends with the reason'
up
expect 0 "$quorate" testnet down --dir "$net"
for i in 0 1; do chmod 644 "$net/replica-$i/vote.key"; done
expect 6 "$quorate" testnet up --detach --dir "$net" --deadline "${patience}s"
expect_text err 'replica-0 exited: exit code 10'
expect_text err 'key-file-permissions'
expect 6 "$quorate" testnet status --dir "$net"
for i in 0 1; do chmod 600 "$net/replica-$i/vote.key"; done

say 'Ctrl-C in the foreground takes it down'
"$quorate" testnet up --dir "$net" --deadline "${patience}s" >foreground 2>&1 &
foreground=$!
await grep -q 'Ctrl-C takes it down' foreground
mapfile -t running < <(pids)
kill -INT "$foreground"
wait "$foreground" || die "it ended with $?"
all_gone "${running[@]}" || die 'nodes are left'

say 'reset removes what up made and nothing else'
up
echo mine >"$net/notes.txt"
mapfile -t running < <(pids)
expect 0 "$quorate" testnet reset --dir "$net"
expect_text out 'left .*notes.txt'
all_gone "${running[@]}" || die 'nodes are left'
[[ $(ls -A "$net") == notes.txt ]] || die "left: $(ls -A "$net")"

say 'one replica alone is a network too'
rm -r "$net"
up --replicas 1
cd "$net"
expect 0 "$quorate" tx put a b
