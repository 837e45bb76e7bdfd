#!/usr/bin/env bash
# Installs the Debian packages that building and testing need, and nothing if all are there.
# As root, or as a user with sudo.
set -euo pipefail

packages=(
  g++ cmake ninja-build pkg-config mold               # tools
  protobuf-compiler libprotobuf-dev                   # records
  libzmq3-dev libsqlite3-dev libspdlog-dev            # messages, run store, log
  libboost1.81-dev                                    # HTTP
  libhwy-dev libpcre2-dev                             # SIMD, tokenizer's regex
  libtomlplusplus-dev libcli11-dev nlohmann-json3-dev # config, command line, JSON
  libseccomp-dev bubblewrap                           # sandbox, and what its speed is measured against
  libarchive-dev libsodium-dev                        # images: tar archives, SHA-256
  python3 python3-venv                                # run by the sandbox, transformers in tests
  iproute2                                            # network namespaces as hosts in tests
  libgtest-dev libgmock-dev libbenchmark-dev          # tests, benchmarks
  clang-format-14                                     # format
)

if ! command -v dpkg-query >/dev/null; then
  echo "install_deps: not a Debian system; install the equivalents of: ${packages[*]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install_deps: missing packages; as root run: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "install_deps: installing with apt-get: ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -q -y --no-install-recommends "${missing[@]}"
