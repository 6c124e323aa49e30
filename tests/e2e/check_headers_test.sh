#!/usr/bin/env bash
# `quorate pow check-headers`: ten thousand real headers, the same with one field changed, a file
# that begins in the middle, and files that are none.
set -euo pipefail
data=${QUORATE_DATA:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/../shared/data}
real=$(realpath -m "$data/bitcoin_mainnet_headers_0_9999.bin")
source "$(dirname "${BASH_SOURCE[0]}")/../support/e2e.sh"

# unhex: hex on standard input, bytes on standard output.
unhex() { sed 's/../\\x&/g' | xargs -0 printf '%b'; }
# change FILE OFFSET HEX: overwrites bytes.
change() { printf '%s' "$3" | unhex | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
# refused CODE ARGUMENT...: by the rules, with this code.
refused() {
  local code=$1
  shift
  expect 4 "$quorate" pow check-headers "$@"
  grep -q "($code)" "$work/err" || die "not $code: $(cat "$work/err")"
}

say 'the first block of regtest, alone'
root=3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a
zeros=$(printf '0%.0s' {1..64})
printf '01000000%s%sdae5494dffff7f2002000000' "$zeros" "$root" | unhex >regtest.bin
expect 0 "$quorate" pow check-headers regtest.bin --params regtest
expect_text out '^valid: 1 headers by the rules of regtest, heights 0 to 0$'
expect_text out '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206'
refused pow-target-above-limit regtest.bin --params bitcoin --start-height 1
refused pow-genesis-wrong regtest.bin --params bitcoin

say 'files and words that are none'
head -c 79 regtest.bin >short.bin
: >empty.bin
for file in short.bin empty.bin; do
  expect 3 "$quorate" pow check-headers "$file" --params regtest
  expect_text err 'pow-headers-truncated'
done
expect 5 "$quorate" pow check-headers absent.bin
expect 3 "$quorate" pow check-headers regtest.bin --params main
expect_text err 'pow-params-unknown'
expect 2 "$quorate" pow check-headers regtest.bin --params regtest --interval 10
expect 3 "$quorate" pow check-headers regtest.bin --params own --interval 1
expect_text err 'pow-params-bad-interval'
expect 0 "$quorate" pow check-headers regtest.bin --params own --interval 10 --spacing 60
expect 0 "$quorate" pow check-headers --help
expect_text out 'quorate pow check-headers headers.bin --params bitcoin'

if [[ ! -e $real ]]; then
  echo "set QUORATE_DATA to a folder with the test vectors: no $real"
  exit 77
fi

say 'ten thousand real headers'
expect 0 "$quorate" pow check-headers "$real" --params bitcoin
expect_text out '^valid: 10000 headers by the rules of bitcoin, heights 0 to 9999$'
expect_text out 'work +42950328330000 hashes'
[[ $(grep -c '1d00ffff -> 1d00ffff' out) == 4 ]] || die 'not four retargets'
expect 0 "$quorate" pow check-headers "$real" --json
expect_text out '"valid":true,.*"height":9999,.*"chainwork":"0{52}271027102710"'

say 'one field changed at height 5000'
header=$((5000 * 80))
for field in 0:ff:pow-hash-above-target 4:ff:pow-parent-unknown 36:ff:pow-hash-above-target \
  68:00000000:pow-time-too-old 68:ffffffff:pow-time-too-new 72:ffff801d:pow-target-negative \
  72:0000001d:pow-target-zero 72:ffff7fff:pow-target-overflow 72:0000011d:pow-target-above-limit \
  72:ff00001e:pow-target-not-canonical 72:ffff001c:pow-bits-not-required \
  76:00000000:pow-hash-above-target; do
  IFS=: read -r offset bytes code <<<"$field"
  cp "$real" changed.bin && chmod u+w changed.bin
  change changed.bin $((header + offset)) "$bytes"
  refused "$code" changed.bin
  expect_text err 'header 5000: '
done

say 'from the middle'
tail -c +$((2100 * 80 + 1)) "$real" >later.bin
boundary=$(head -c $((2017 * 80)) "$real" | tail -c 80 | od -An -v -tx1 | tr -d ' \n')
refused pow-boundary-missing later.bin --start-height 2100
expect_text err 'the header at height 2016'
expect 0 "$quorate" pow check-headers later.bin --start-height 2100 --boundary-header "$boundary"
expect_text out '^valid: 7900 headers by the rules of bitcoin, heights 2100 to 9999$'
expect_text out '^  3 retargets:'
expect_text err 'The first header is taken as given'
refused pow-boundary-wrong later.bin --start-height 2100 --boundary-header "${boundary/0/1}"
expect 3 "$quorate" pow check-headers later.bin --start-height 2100 --boundary-header 00
expect_text err 'pow-header-malformed'
