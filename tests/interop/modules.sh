#!/usr/bin/env bash
# Sourced by the scripts beside it that need npm packages. Leaves in `modules` a folder, below the
# build folder, that holds the packages of package.json in the versions of package-lock.json, and
# the .mjs files of this folder beside them. Where node or npm is missing, or npm cannot reach its
# registry, it ends the script with 77: skipped.
set -euo pipefail

interop=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
build=${1:-$(dirname "${QUORATE:-$interop/../../build/dev/quorate}")}
modules=$build/interop

# As npm names it.
unreachable='EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ENOTFOUND|ETIMEDOUT|EHOSTUNREACH'

skip() {
  printf 'skipped: %s\n' "$*"
  exit 77
}

for tool in node npm; do
  command -v "$tool" >/dev/null ||
    skip "$tool is not installed (Debian: apt-get install nodejs npm)"
done

mkdir -p "$modules"
if ! cmp -s "$interop/package-lock.json" "$modules/installed.json"; then
  cp "$interop/package.json" "$interop/package-lock.json" "$modules/"
  if ! timeout 300 npm --prefix "$modules" ci --ignore-scripts --no-audit --no-fund \
    >"$modules/npm.log" 2>&1; then
    # What else goes wrong, a package that is not the one of the lock file say, is no reason.
    if grep -qE "$unreachable" "$modules/npm.log"; then
      skip "npm cannot reach its registry; the end of $modules/npm.log:" \
        "$(tail -n 3 "$modules/npm.log")"
    fi
    cat "$modules/npm.log" >&2
    exit 1
  fi
  cp "$interop/package-lock.json" "$modules/installed.json"
fi
cp "$interop"/*.mjs "$modules/"
