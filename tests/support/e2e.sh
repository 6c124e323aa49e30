#!/usr/bin/env bash
# What the scripts of tests/e2e/ share; they source it. The program comes from the first argument or
# from QUORATE. Makes $work, a temporary folder, and takes down the testnet in $net however the
# script ends; if it fails, what the testnet said comes out first.
set -euo pipefail

quorate=${1:-${QUORATE:-}}
if [[ -z $quorate || ! -x $quorate ]]; then
  echo "usage: $0 PATH_TO_QUORATE (or set QUORATE)" >&2
  exit 2
fi
quorate=$(realpath "$quorate")
unset QUORATE_TESTNET QUORATE_NODE QUORATE_PASSPHRASE
work=$(mktemp -d "${TMPDIR:-/tmp}/quorate-e2e.XXXXXX")
net=$work/net
cd "$work"

# How long a slow machine or a sanitizer may take.
patience=${QUORATE_E2E_PATIENCE:-60}

say() { printf '%s\n' "-- $*"; }
die() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# What a script has started besides the testnet, it ends here; scripts define their own.
end_own_processes() { :; }

finish() {
  local status=$?
  trap - EXIT
  end_own_processes
  if [[ -e $net/testnet.json ]]; then
    if ((status != 0)); then
      "$quorate" testnet status --dir "$net" || true
      tail -n 20 "$net/supervisor.log" || true
      "$quorate" testnet logs --lines 20 --dir "$net" || true
    fi
    "$quorate" testnet down --dir "$net" >/dev/null || true
  fi
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT

# expect CODE COMMAND...: runs it, output in $work/out and $work/err, and checks its exit code.
expect() {
  local wanted=$1 got=0
  shift
  "$@" >"$work/out" 2>"$work/err" || got=$?
  if ((got != wanted)); then
    cat "$work/out" "$work/err" >&2
    die "exit code $got instead of $wanted: $*"
  fi
}

# expect_text FILE PATTERN: an extended regular expression, some line of the file.
expect_text() {
  grep -Eq -- "$2" "$1" || {
    cat "$1" >&2
    die "no line matches '$2'"
  }
}

# bench CODE FILE OPTION...: puts load on the testnet in $net, the figures as JSON in FILE and what
# it says meanwhile in FILE.err.
bench() {
  local wanted=$1 file=$2 got=0
  shift 2
  QUORATE_TESTNET=$net "$quorate" bench --json --drain "${patience}s" "$@" \
    >"$file" 2>"$file.err" || got=$?
  if ((got != wanted)); then
    cat "$file" "$file.err" >&2
    die "exit code $got instead of $wanted: bench $*"
  fi
}

# applied_at URL SEED: how many transactions of a load with several operations each the node's state
# counts.
applied_at() { "$quorate" get "bench/$2/applied" --node "$1" 2>/dev/null; }

# expect_number FILE MEMBER VALUE: of figures that `bench` wrote.
expect_number() {
  grep -Eq "\"$2\":$3[,}]" "$1" || {
    cat "$1" >&2
    die "$2 is not $3"
  }
}

up() {
  local port=()
  # Scripts that run beside others have ports of their own.
  [[ -z ${QUORATE_E2E_PORT:-} ]] || port=(--base-port "$QUORATE_E2E_PORT")
  expect 0 "$quorate" testnet up --detach --dir "$net" --deadline "${patience}s" "${port[@]}" "$@"
}

status_json() { "$quorate" testnet status --dir "$net" --json; }
# roots: the tree heads, one a line, of the replicas that answer.
roots() { status_json | grep -oE '"tree_head":\{[^}]*\}'; }
rpc_urls() { status_json | grep -oE '"url":"[^"]*"' | cut -d'"' -f4; }
# url_of REPLICA
url_of() { rpc_urls | sed -n "$(($1 + 1))p"; }
# page URL PATH: what the node's HTTP port answers.
page() {
  local address=${1#http://}
  exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
  printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$2" "$address" >&3
  cat <&3
  exec 3<&-
}
# height: of the replica that is furthest.
height() { status_json | grep -oE '"sequence":[0-9]+' | cut -d: -f2 | sort -n | tail -n 1; }

role_of() {
  status_json | grep -oE "\"id\":$1,[^}]*\"role\":\"[a-z]+\"" | grep -oE '[a-z]+"$' | tr -d '"'
}
# await_role REPLICA ROLE
await_role() {
  local end=$((SECONDS + patience))
  until [[ $(role_of "$1") == "$2" ]]; do
    ((SECONDS < end)) || die "replica-$1 is $(role_of "$1") and not $2"
    sleep 0.1
  done
}
# await_text FILE PATTERN: a log is written a moment after the fact.
await_text() {
  local end=$((SECONDS + patience))
  until grep -Eq -- "$2" "$1"; do
    ((SECONDS < end)) || die "no line of $1 matches '$2'"
    sleep 0.1
  done
}

# await_equal_heads N: until N replicas answer with one tree head.
await_equal_heads() {
  local end=$((SECONDS + patience)) heads
  while ((SECONDS < end)); do
    heads=$(roots || true)
    if [[ $(grep -c . <<<"$heads") == "$1" && $(sort -u <<<"$heads" | wc -l) == 1 ]]; then
      return 0
    fi
    sleep 0.2
  done
  die "no $1 equal tree heads within $patience s: $heads"
}

# put_default KEY VALUE: with the default key, at replica 0.
put_default() {
  expect 0 "$quorate" tx put "$1" "$2" --node "$(url_of 0)" --genesis "$net/genesis.json" \
    --key "$net/keys/default.key"
}
# expect_votes REASON: of replica 3 among four, since without replica 2 a quorum needs it.
expect_votes() {
  expect 0 "$quorate" testnet stop 2 --dir "$net"
  put_default 'needs' "replica 3, $1"
  expect 0 "$quorate" testnet start 2 --dir "$net"
  await_equal_heads 4
}

# listen_of REPLICA: where its peers connect.
listen_of() {
  sed -nE '/^\[peers\]/,/^\[/s/^listen *= *"([^"]*)".*/\1/p' "$net/replica-$1/config.toml"
}
# change KEY... -- ARGUMENT...: of who votes, signed with these keys, and sent.
change() {
  local keys=() i=0 files=()
  while [[ $1 != -- ]]; do keys+=("$1") && shift; done
  shift
  rm -f change.json signed.*.json
  QUORATE_TESTNET=$net expect 0 "$quorate" validator "$@" --out change.json
  for key in "${keys[@]}"; do
    expect 0 "$quorate" validator sign change.json --key "$key" --out "signed.$i.json"
    files+=("signed.$i.json")
    i=$((i + 1))
  done
  QUORATE_TESTNET=$net expect 0 "$quorate" validator submit "${files[@]}"
  expect_text out 'applied'
}
# await_epoch EPOCH LOG...: each says that it serves it.
await_epoch() {
  local epoch=$1 log
  shift
  for log in "$@"; do await_text "$log" "start.*epoch[\"=: ]+$epoch\b"; done
}
