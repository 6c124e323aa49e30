#!/usr/bin/env bash
# Other people's transparency-log tools on our log: Go's golang.org/x/mod/sumdb and the C++ verifier
# of Certificate Transparency, both as Debian ships their source (packages_full in
# tests/support/steps.sh). A real testnet, then the folder of a stopped replica. Arguments: the
# build folder, and the URL of a node to use instead of a testnet of this script's own.
set -euo pipefail

interop=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
source_dir=$(realpath "$interop/../..")
build=$(realpath "${1:-$(dirname "${QUORATE:-$source_dir/build/dev/quorate}")}")
quorate=${QUORATE:-$build/quorate}
url=${2:-}
tools=$build/interop
gopath=/usr/share/gocode
ct=$gopath/src/github.com/google/certificate-transparency/cpp

skip() {
  printf 'skipped: %s\n' "$*"
  exit 77
}

command -v go >/dev/null || skip 'go is not installed (Debian: apt-get install golang-go)'
[[ -d $gopath/src/golang.org/x/mod/sumdb/tlog ]] ||
  skip "no sumdb in $gopath (Debian: apt-get install golang-golang-x-mod-dev)"
[[ -x $quorate || -n $url ]] || skip "no program at $quorate and no URL given"

folder=$(mktemp -d)
trap '"$quorate" testnet down --dir "$folder/net" >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT
mkdir -p "$tools"
export GO111MODULE=off GOPATH=$gopath GOCACHE=$tools/go-cache GOFLAGS=-trimpath
(cd "$folder" && go build -o "$tools/tlog" "$interop/tlog.go")

net=
if [[ -z $url ]]; then
  net=$folder/net
  "$quorate" testnet up --dir "$net" --detach >/dev/null
  url=http://$(sed -n 's/.*"rpc": *"\([^"]*\)".*/\1/p' "$net/testnet.json" | head -n 1)
  # More than a full tile, and an end that is under a checkpoint.
  for ((round = 1; round <= 20; ++round)); do
    QUORATE_TESTNET=$net "$quorate" bench --json --clients 2 --duration 3s --seed "$round" \
      >/dev/null 2>"$folder/bench.err" || {
      echo "FAILED: quorate bench, round $round:" >&2
      cat "$folder/bench.err" >&2
      exit 1
    }
    size=$("$tools/tlog" size "$url")
    ((size < 300)) || break
  done
  ((size >= 300)) || {
    echo "FAILED: only $size blocks are stable after $round rounds" >&2
    exit 1
  }
fi
"$tools/tlog" log "$url" "$folder/proofs.txt"

if [[ -n $net ]]; then
  "$quorate" testnet down --dir "$net" >/dev/null
  home=$net/replica-0
  genesis=(--genesis "$net/genesis.json")
  "$quorate" ledger checkpoint "$home" --keys "${genesis[@]}" >"$folder/keys"
  for height in 1 2 257; do
    "$quorate" ledger prove "$home" --height "$height" "${genesis[@]}" >"$folder/proof"
    "$tools/tlog" proof "$folder/proof" "$folder/keys"
  done
fi

if [[ ! -e $ct/merkletree/merkle_verifier.cc ]]; then
  skip "Go's tools agree; Certificate Transparency's verifier is not in $ct" \
    '(Debian: apt-get install golang-github-google-certificate-transparency-dev)'
fi
# Their source uses parts of OpenSSL that are deprecated by now.
g++ -std=c++20 -O2 -w -I "$source_dir" -I "$ct" -o "$tools/ct_merkle" \
  "$interop/ct_merkle.cc" "$ct"/merkletree/{merkle_tree,merkle_tree_math,merkle_verifier}.cc \
  "$ct"/merkletree/{serial_hasher,tree_hasher}.cc \
  "$source_dir"/crypto/{bytes,check,merkle,result,sha256}.cc -lfmt -lsodium -lcrypto
"$tools/ct_merkle" "$folder/proofs.txt"
