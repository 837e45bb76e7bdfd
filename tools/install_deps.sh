#!/usr/bin/env bash
# Installs the Debian packages that building and testing need, and nothing if all are there.
# As root, or as a user with sudo. The kernel of virtual machines is unpacked, not installed: this
# machine's own boot is not touched.
set -euo pipefail

packages=(
  g++ cmake ninja-build mold               # tools
  protobuf-compiler libprotobuf-dev                   # records
  libzmq3-dev libsqlite3-dev libspdlog-dev            # messages, run store, log
  libboost1.81-dev                                    # HTTP
  libhwy-dev libpcre2-dev                             # SIMD, tokenizer's regex
  libtomlplusplus-dev libcli11-dev nlohmann-json3-dev # config, command line, JSON
  libsimdjson-dev zlib1g-dev libzstd-dev              # data files: JSON, gzip, zstd
  libseccomp-dev bubblewrap                           # sandbox, and what its speed is measured against
  libflint-arb-dev libflint-dev                       # answers to mathematical questions
  libarchive-dev libsodium-dev                        # images: tar archives, SHA-256
  qemu-system-x86                                     # virtual machines
  python3 python3-venv                                # run by the sandbox, transformers in tests
  git nodejs perl sqlite3 procps jq bc zip unzip patch  # everyday programs in sandboxes (tests)
  python3-numpy python3-pytest                        # the same
  iproute2                                            # network namespaces as hosts in tests
  dpkg-dev debootstrap                                # the Debian package, and a Debian to try it on
  libgtest-dev libgmock-dev libbenchmark-dev          # tests, benchmarks
  clang-format-14                                     # format
)

if ! command -v dpkg-query >/dev/null; then
  echo "install_deps: not a Debian system; install the equivalents of: ${packages[*]}" >&2
  exit 1
fi

kernel_package=linux-image-cloud-amd64
kernel_folder=/usr/local/lib/amalgam/kernel
has_kernel() {
  compgen -G "$kernel_folder/boot/vmlinuz-*" >/dev/null || compgen -G "/boot/vmlinuz-*-cloud-amd64" >/dev/null
}

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || ! has_kernel || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    if [[ -z "${missing[*]}" || "${missing[*]}" == qemu-system-x86 ]]; then
      echo "install_deps: no virtual machines here; for them, as root run this again" >&2
      exit 0
    fi
    echo "install_deps: missing packages; as root run: apt-get install ${missing[*]}" \
      "$(has_kernel || echo $kernel_package)" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "install_deps: installing with apt-get: ${missing[*]} $(has_kernel || echo "$kernel_package (unpacked)")"
"${as_root[@]}" apt-get update -q
if [ ${#missing[@]} -gt 0 ]; then
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

if ! has_kernel; then
  download=$(mktemp -d)
  trap 'rm -rf "$download"' EXIT
  release=$(apt-cache depends "$kernel_package" | awk '$1 == "Depends:" && $2 ~ /^linux-image/ { print $2; exit }')
  (cd "$download" && apt-get download -q "${release:?apt-get knows no $kernel_package}")
  dpkg-deb -x "$download"/*.deb "$download/kernel"
  # Whole or absent: the folder's name is its last step.
  "${as_root[@]}" mkdir -p "${kernel_folder%/*}"
  "${as_root[@]}" rm -rf "$kernel_folder" "$kernel_folder.new"
  "${as_root[@]}" mkdir "$kernel_folder.new"
  "${as_root[@]}" cp -r "$download/kernel/boot" "$download/kernel/lib" "$kernel_folder.new"
  "${as_root[@]}" mv "$kernel_folder.new" "$kernel_folder"
fi
