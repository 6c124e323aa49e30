#!/usr/bin/env bash
# A node whose RPC port asks for a password: a miner that knows nothing of Quorate mines with it,
# our commands use it, and whoever has none or a wrong one is refused with the reason.
set -euo pipefail
miner=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../support/template_miner.py")
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

say 'up, and a password from the next start on'
up --engine pow --replicas 1
mapfile -t urls < <(rpc_urls)
address=${urls[0]#http://}
printf 'correct-horse-battery\n' >password
chmod 644 password
expect 0 "$quorate" testnet stop 0 --dir "$net"
config=$net/replica-0/config.toml
sed -i -E "s|^user = .*|user = \"miner\"|" "$config"
sed -i -E "s|^password_file = .*|password_file = \"$work/password\"|" "$config"
expect_text "$config" '^user = "miner"'

say 'a file that others may read is refused'
expect 10 "$quorate" node --home "$net/replica-0"
expect_text err 'rpc-password-readable'
chmod 600 password
"$quorate" node --home "$net/replica-0" >node.out 2>&1 &
node=$!
end_own_processes() { kill "$node" 2>/dev/null && wait "$node" || true; }
end=$((SECONDS + patience))
until page "${urls[0]}" /health 2>/dev/null | grep -q '^ok'; do
  ((SECONDS < end)) || die 'the node does not answer'
  sleep 0.05
done

say 'who has none, or a wrong one'
page "${urls[0]}" /getblockcount >answer
expect_text answer '^HTTP/1.1 401 Unauthorized'
expect_text answer '^WWW-Authenticate: Basic realm="quorate"'
expect_text answer '^rpc-credentials-missing: '
! python3 "$miner" "${urls[0]}" 1 >mined 2>&1 || die 'mined without a password'
expect 10 "$quorate" get colour --node "http://miner:wrong@$address"
expect_text err 'node-asks-for-credentials'
expect_text err 'rpc-credentials-wrong'

say 'who has it'
python3 "$miner" "http://miner:correct-horse-battery@$address" 2 >mined || die "$(cat mined)"
[[ $(wc -l <mined) == 2 ]] || die 'not two blocks'
expect 0 "$quorate" tx put colour blue --node "http://miner:correct-horse-battery@$address" \
  --genesis "$net/genesis.json" --key "$net/keys/default.key" --wait local
