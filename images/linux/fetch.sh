#!/usr/bin/env bash
# fetch.sh — Debian's kernel, unmodified, and a small initial RAM disk around busybox.
#
#   out     KERNEL=path and INITRD=path on stdout; talk on stderr
#   cache   ${XDG_CACHE_HOME:-~/.cache}/frostvisor/linux: the network is used once. Delete that folder for a newer kernel
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/frostvisor/linux
metapackage=linux-image-amd64
busybox=$(command -v busybox || true)

fail() {
    echo "images/linux: $1" >&2
    exit "$2"
}

# The cached kernel of the highest version; nothing when there is none.
cached_kernel() {
    find "$cache" -maxdepth 1 -name 'vmlinuz-*' -type f | sort -V | tail -n 1
}

fetch_kernel() {
    for tool in apt-get apt-cache dpkg-deb; do
        command -v "$tool" >/dev/null ||
            fail "$tool is missing, so Debian's kernel cannot be fetched. Give your own: frost make-image --linux VMLINUZ" 69
    done
    local package
    package=$(apt-cache depends "$metapackage" 2>/dev/null |
        sed -n 's/^ *Depends: *\(linux-image-[0-9][^ ]*\)$/\1/p' | sed -n 1p)
    [[ -n $package ]] || fail "apt does not know $metapackage. Type: apt-get update" 69

    echo "images/linux: fetching $package (once; some 70 MB)" >&2
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    (cd "$work" && apt-get -o APT::Sandbox::User=root download -qq "$package" >&2) ||
        fail "$package cannot be fetched. Is the network there? If apt's lists are old, type: apt-get update" 69
    dpkg-deb --fsys-tarfile "$work"/*.deb | tar -x -C "$work" --wildcards './boot/vmlinuz-*'
    local kernel
    kernel=$(find "$work/boot" -name 'vmlinuz-*' -type f)
    local draft
    draft=$(mktemp "$cache/draft.XXXXXX")       # several of us may do this at once
    cp "$kernel" "$draft"
    mv "$draft" "$cache/$(basename "$kernel")"
}

# The same bytes from the same inputs: fixed times, owners, order and inode numbers.
pack_initrd() {
    local root=$1 output=$2
    mkdir -p "$root"/{bin,dev,proc,sys,tmp}
    install -m 755 "$busybox" "$root/bin/busybox"
    ln -s busybox "$root/bin/sh"
    install -m 755 "$here/init" "$root/init"
    find "$root" -exec touch --no-dereference --date=@0 {} +
    (cd "$root" && find . | LC_ALL=C sort |
        cpio --quiet --create --format=newc --owner=0:0 --reproducible) | gzip -9 --no-name >"$output"
}

make_initrd() {
    [[ -n $busybox ]] || fail "busybox is missing. Type: apt-get install -y busybox-static" 69
    command -v cpio >/dev/null || fail "cpio is missing. Type: apt-get install -y cpio" 69
    if LC_ALL=C ldd "$busybox" 2>&1 | grep "=>" >/dev/null; then
        fail "$busybox needs shared libraries. Type: apt-get install -y busybox-static" 69
    fi
    local hash draft
    hash=$(cat "$here/init" "$here/fetch.sh" "$busybox" | sha256sum | cut -c 1-16)
    initrd=$cache/initrd-$hash.gz
    [[ -e $initrd ]] && return
    echo "images/linux: packing the initial RAM disk" >&2
    draft=$(mktemp -d "$cache/draft.XXXXXX")
    pack_initrd "$draft/root" "$draft/initrd"
    mv "$draft/initrd" "$initrd"
    rm -rf "$draft"
}

mkdir -p "$cache"
[[ -n $(cached_kernel) ]] || fetch_kernel
make_initrd
echo "KERNEL=$(cached_kernel)"
echo "INITRD=$initrd"
