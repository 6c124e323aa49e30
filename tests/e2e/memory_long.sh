#!/usr/bin/env bash
# Memory of the replicas is flat under a fixed rate of transactions: of the anonymous memory of
# each, sampled every ten seconds, a straight line through the samples after the first minutes rises
# by less than the limit. Pages of mapped tables are not counted: the kernel takes them back. An
# hour with 50 transactions a second rose by 165 to 194 kB a minute, from 90 to 97 MB; it may be the
# indices and filters of LevelDB's open tables, 200 at most.
#   MINUTES   of load (60)           SETTLE      minutes at the start that are not judged (20)
#   RATE      transactions a second (50)   KB_MINUTE   the limit, kB a minute (256)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

minutes=${MINUTES:-60}
settle=${SETTLE:-20}
limit=${KB_MINUTE:-256}
loading=
end_own_processes() {
  [[ -z $loading ]] || kill "$loading" 2>/dev/null || true
  wait 2>/dev/null || true
}

say "four replicas, ${RATE:-50} transactions a second for $minutes minutes"
up --replicas 4
mapfile -t pids < <(status_json | grep -oE '"pid":[0-9]+' | cut -d: -f2)
QUORATE_TESTNET=$net "$quorate" bench --json --quiet --rate "${RATE:-50}" \
  --duration "${minutes}m" --drain "${patience}s" >load.json 2>load.err &
loading=$!
sleep 5
began=$SECONDS
while ((SECONDS - began < minutes * 60 - 10)); do
  sleep 10
  for i in "${!pids[@]}"; do
    echo "$i $((SECONDS - began)) $(awk '/^RssAnon/ {print $2}' "/proc/${pids[$i]}/status")"
  done >>"${SAMPLES:-samples}"
done
wait "$loading" || die "the load: $(cat load.json load.err)"
loading=
expect_number load.json missing 0
expect_number load.json repeated 0
await_equal_heads 4

say 'kB of anonymous memory, and the slope of the line after the first minutes'
awk -v settle="$settle" -v limit="$limit" '
  { last[$1] = $3; if (!($1 in first)) first[$1] = $3
    if ($2 >= settle * 60) {
      x = $2 / 60; n[$1]++; sx[$1] += x; sy[$1] += $3; sxx[$1] += x * x; sxy[$1] += x * $3
      if (!($1 in start)) start[$1] = $3 } }
  END {
    for (i in n) {
      slope = (n[i] * sxy[i] - sx[i] * sy[i]) / (n[i] * sxx[i] - sx[i] * sx[i])
      printf "replica-%d: %d at the start, %d after %d minutes, %d at the end; %.1f kB a minute\n",
        i, first[i], start[i], settle, last[i], slope
      if (slope >= limit) wrong = 1
      seen++
    }
    if (seen != 4) { print "samples of " seen " replicas"; wrong = 1 }
    exit wrong
  }' "${SAMPLES:-samples}" || die "a line that rises by $limit kB a minute or more"
