#!/usr/bin/env bash
# The unmodified npm package @cosmjs/tendermint-rpc as a client of a real testnet. Arguments: the
# build folder, and the URL of a node to use instead of a testnet of this script's own.
set -euo pipefail

# shellcheck source=tests/interop/modules.sh
source "$(dirname "${BASH_SOURCE[0]}")/modules.sh"
quorate=${QUORATE:-$build/quorate}
url=${2:-}

if [[ -z $url ]]; then
  [[ -x $quorate ]] || skip "no program at $quorate and no URL given"
  folder=$(mktemp -d)
  trap '"$quorate" testnet down --dir "$folder/net" >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT
  "$quorate" testnet up --dir "$folder/net" --detach >/dev/null
  url=$(sed -n 's/.*"rpc": *"\([^"]*\)".*/\1/p' "$folder/net/testnet.json" | head -n 1)
fi
[[ $url == http* ]] || url=http://$url
node "$modules/comet_rpc.mjs" "$url"
