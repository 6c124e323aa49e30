#!/usr/bin/env bash
# The page of `quorate simulate --trace FILE.html` in Debian's Chromium: no script error, the right
# counts, and screenshots for people, wide and narrow, light and dark, in build/pictures/. Skipped
# where Chromium is not installed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
source "$here/../support/e2e.sh"
pictures=$here/../../build/pictures
browser=$(command -v chromium || true)
if [[ -z $browser ]]; then
  echo 'skipped: chromium is not installed (Debian: apt-get install chromium)'
  exit 77
fi
mkdir -p "$pictures"
pictures=$(realpath "$pictures")

# chromium OPTION...: headless, with a profile of its own, and nothing from a network.
chromium() {
  timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
    --hide-scrollbars --user-data-dir="$work/profile" --host-resolver-rules='MAP * ~NOTFOUND' \
    --virtual-time-budget=20000 "$@" 2>>"$work/chromium.log"
}

# attribute PAGE NAME: of the element that holds the page, after its scripts ran.
attribute() { sed -nE "s/.*<html[^>]* $2=\"([^\"]*)\".*/\1/p" "$1" | head -n 1; }

# narrow PAGE: a page of 400 pixels that shows it; the window of a browser has a least width.
narrow() {
  printf '<body style="margin:0"><iframe src="%s" style="border:0;width:400px;height:1500px">' "$1"
}

# look NAME ARGUMENT...: runs a scenario, opens its page, checks it and keeps its pictures.
look() {
  local name=$1 page=$work/$1.html
  shift
  "$quorate" simulate "$@" --trace "$page" --json >"$work/$name.json" 2>"$work/err" || true
  [[ -s $page ]] || {
    cat "$work/err" >&2
    die "no page of $name"
  }
  chromium --dump-dom "file://$page#light" >"$work/$name.dom"
  [[ $(attribute "$work/$name.dom" data-ready) == 1 ]] || die "$name: the page did not get ready"
  [[ $(attribute "$work/$name.dom" data-errors) == 0 ]] || die "$name: a script failed"
  local events left
  events=$(grep -oE '"events":[0-9]+' "$work/$name.json" | head -n 1 | cut -d: -f2)
  left=$(sed -nE 's/^"left_out":([0-9]+),$/\1/p' "$page" | head -n 1)
  [[ $(attribute "$work/$name.dom" data-events) == $((events - left)) ]] ||
    die "$name: $(attribute "$work/$name.dom" data-events) events are drawn, there are $events"
  (($(attribute "$work/$name.dom" data-drawn) > 0)) || die "$name: nothing is drawn"
  local theme
  for theme in light dark; do
    chromium --window-size=1280,1150 --screenshot="$pictures/$name-1280-$theme.png" \
      "file://$page#$theme" >/dev/null
    narrow "file://$page#$theme" >"$work/narrow.html"
    chromium --window-size=520,1500 --allow-file-access-from-files \
      --screenshot="$pictures/$name-400-$theme.png" "file://$work/narrow.html" >/dev/null
    [[ -s $pictures/$name-1280-$theme.png && -s $pictures/$name-400-$theme.png ]] ||
      die "$name: no screenshot"
  done
}

say 'a primary that equivocates'
look equivocation equivocating-primary --seed 7
(($(attribute "$work/equivocation.dom" data-equivocations) > 0)) || die 'no equivocation is drawn'
(($(attribute "$work/equivocation.dom" data-view-changes) >= 3)) || die 'no view change is drawn'

# As most people open it, without a word behind "#": the first thing seen is the lie, with nothing
# selected, and not the first event.
chromium --dump-dom "file://$work/equivocation.html" >"$work/plain.dom"
grep -q '<p id="event">Click an event' "$work/plain.dom" || die 'an event is selected by nobody'

say 'an honest run with crashes has none'
look crashes power-cut-of-all --seed 1
[[ $(attribute "$work/crashes.dom" data-equivocations) == 0 ]] || die 'an honest replica is blamed'
(($(attribute "$work/crashes.dom" data-crashes) >= 8)) || die 'crashes are missing'

say 'agreement broken by two liars'
look broken equivocating-primary --byzantine 0,1 --seed 7

say 'tens of thousands of events'
began=$SECONDS
look long random --seed 3 --seconds 20
(($(attribute "$work/long.dom" data-events) >= 10000)) || die 'the long run is short'
((SECONDS - began < 90)) || die 'the long page takes too long'
echo "pictures: $pictures"
