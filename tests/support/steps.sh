#!/usr/bin/env bash
# What testnet/quickstart.sh and tests/run.sh share; they source it. It names the Debian packages,
# installs those that are missing, and builds with progress. It works without a terminal and
# without standard input.
# shellcheck disable=SC2034  # the lists are used by those who source this
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
export LC_ALL=C.UTF-8

# What compiling `quorate` needs. CMakeLists.txt says what each library is for.
packages_build=(g++ cmake ninja-build libboost1.81-dev libboost-json1.81-dev libssl-dev
  libsodium-dev libleveldb-dev libcli11-dev libspdlog-dev libfmt-dev libtomlplusplus-dev
  libexpected-dev libmimalloc-dev)
# What the tests need besides; ccache makes every build after the first a short one. clang builds
# the unit tests, in little more than half of g++'s time: libclang-rt holds its sanitizers, and
# llvm-14 names the lines in their reports.
packages_test=(git ccache libgtest-dev libgmock-dev libbenchmark-dev clang-14 libclang-rt-14-dev
  llvm-14 python3)
# What `tests/run.sh --full` needs besides; chromium looks at the pages that simulations leave, and
# the Go packages are other people's verifiers of logs (the last one holds C++ source as well).
packages_full=(clang-tidy-14 chromium golang-go golang-golang-x-mod-dev
  golang-github-google-certificate-transparency-dev)

say() { printf '%s\n' "$@"; }

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

missing_packages() {
  local package installed
  installed=" $(dpkg-query -W -f '${Package}=${db:Status-Status} ' "$@" 2>/dev/null || true)"
  for package in "$@"; do
    [[ $installed == *" $package=installed "* ]] || printf '%s\n' "$package"
  done
}

# On a system without apt: goes on if the tools are there (CMake then checks the libraries).
check_tools_by_hand() {
  local tool absent=()
  for tool in g++ cmake ninja; do
    command -v "$tool" >/dev/null || absent+=("$tool")
  done
  ((${#absent[@]} == 0)) && return 0
  fail "Not found: ${absent[*]}." \
    "This system has no dpkg and apt-get, so nothing can be installed from here. Install these" \
    "and the libraries by its own means (their Debian names: $*), then run this again."
}

# install_packages WHY PACKAGE...: installs what is missing; silent when nothing is.
install_packages() {
  local why=$1 missing as_root=() log
  shift
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    check_tools_by_hand "$@"
    return 0
  fi
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} == 0)) && return 0

  say "Installing ${#missing[@]} Debian packages, $why:" "  ${missing[*]}"
  if [[ $(id -u) != 0 ]]; then
    command -v sudo >/dev/null || fail \
      "That takes root, and there is no sudo here. As root, run" \
      "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" \
      "and then this script again."
    as_root=(sudo)
    # Without a terminal nobody can type a password.
    { : </dev/tty; } 2>/dev/null || as_root=(sudo -n)
  fi
  mkdir -p "$top/build"
  log=$top/build/packages.log
  if ! {
    "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 update &&
      "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
        install -y --no-install-recommends "${missing[@]}"
  } >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    fail "apt-get could not install them; its whole output is in $log." \
      "Quorate is built and tested on Debian 12 (bookworm)."
  fi
}

# How many compilers at once: one a core, but each may take 1.5 GB.
build_jobs() {
  local cores memory_kb jobs
  cores=$(nproc)
  memory_kb=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo 2>/dev/null || true)
  jobs=$(((${memory_kb:-3000000} + 500000) / 1500000))
  ((jobs < 1)) && jobs=1
  printf '%s\n' "${QUORATE_JOBS:-$((jobs < cores ? jobs : cores))}"
}

# Reads Ninja's lines and shows how far it is: in place on a terminal, else every tenth part.
show_progress() {
  local line percent shown=-1
  while IFS= read -r line; do
    # A handful of steps (is the list of files up to date, which commit is this) is no build.
    [[ $line =~ ^\[([0-9]+)/([0-9]{2,})\] ]] || continue
    percent=$((100 * BASH_REMATCH[1] / BASH_REMATCH[2]))
    if [[ -t 1 ]]; then
      printf '\r  %3d %%  (%d of %d)' "$percent" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
    elif ((percent / 10 > shown)); then
      shown=$((percent / 10))
      printf '  %3d %%\n' "$percent"
    fi
  done
  if [[ -t 1 ]]; then printf '\r%40s\r' ''; fi
}
