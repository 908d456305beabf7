#!/usr/bin/env bash
# fetch.sh — Debian's kernel, and a small initial RAM disk around busybox.
#
#   out     KERNEL=path and INITRD=path on stdout; talk on stderr
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../common/kernel.sh
source "$here/../common/kernel.sh"

want_kernel
# shellcheck disable=SC2119  # no modules
make_initrd
echo "KERNEL=$kernel"
echo "INITRD=$initrd"
