# shellcheck shell=bash
# kernel.sh — Debian's kernel, unmodified, its modules, and RAM disks around busybox, for the recipes that source this.
#
#   cache   ${XDG_CACHE_HOME:-~/.cache}/frostvisor/linux: the network is used once. Delete that folder for a newer kernel
#   exit    69 what is needed is not here: the last line says what to type
cache=${XDG_CACHE_HOME:-$HOME/.cache}/frostvisor/linux
metapackage=linux-image-amd64
busybox=$(command -v busybox || true)
recipe=${here#"${here%/*/*}"/}
mkdir -p "$cache"

say() { echo "$recipe: $1" >&2; }

fail() {
    say "$1"
    exit "$2"
}

# The cached package of the highest version; nothing when there is none.
cached_package() {
    find "$cache" -maxdepth 1 -name 'linux-image-*.deb' -type f | sort -V | tail -n 1
}

fetch_package() {
    local tool package work
    for tool in apt-get apt-cache dpkg-deb; do
        command -v "$tool" >/dev/null ||
            fail "$tool is missing, so Debian's kernel cannot be fetched. Give your own: frost make-image --linux VMLINUZ" 69
    done
    package=$(apt-cache depends "$metapackage" 2>/dev/null |
        sed -n 's/^ *Depends: *\(linux-image-[0-9][^ ]*\)$/\1/p' | sed -n 1p)
    [[ -n $package ]] || fail "apt does not know $metapackage. Type: apt-get update" 69
    say "fetching $package (once; some 70 MB)"
    work=$(mktemp -d "$cache/draft.XXXXXX")     # several of us may do this at once
    (cd "$work" && apt-get -o APT::Sandbox::User=root download -qq "$package" >&2) ||
        fail "$package cannot be fetched. Is the network there? If apt's lists are old, type: apt-get update" 69
    mv "$work"/linux-image-*.deb "$cache/"
    rmdir "$work"
}

# Sets `package` to its file, and `kernel`.
want_kernel() {
    local work found
    [[ -n $(cached_package) ]] || fetch_package
    package=$(cached_package)
    kernel=$(basename "$package")
    kernel=$cache/vmlinuz-${kernel%.deb}
    [[ ! -e $kernel ]] || return 0
    work=$(mktemp -d "$cache/draft.XXXXXX")
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work" --wildcards './boot/vmlinuz-*'
    found=$(find "$work/boot" -name 'vmlinuz-*' -type f)
    mv "$found" "$kernel"
    rm -rf "$work"
}

# Puts modules of the kernel and all that they need below ROOT/lib/modules: add_modules ROOT NAME ...
add_modules() {
    local root=$1 work version name module dependencies
    shift
    work=$(mktemp -d "$cache/draft.XXXXXX")
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work" ./lib/modules
    version=$(ls "$work/lib/modules")
    dependencies=$work/lib/modules/$version/modules.dep
    "$busybox" depmod -b "$work" "$version"
    for name in "$@"; do
        # "path/name.ko: what it needs, the last first"
        sed -nE "s,^([^:]*/)?$name\.ko:,\1$name.ko,p" "$dependencies" | tr ' ' '\n' >"$work/needed"
        [[ -s $work/needed ]] || fail "Debian's kernel has no module $name" 65
        while read -r module; do
            mkdir -p "$root/lib/modules/$version/$(dirname "$module")"
            cp "$work/lib/modules/$version/$module" "$root/lib/modules/$version/$module"
        done <"$work/needed"
    done
    rm -rf "$work"
    "$busybox" depmod -b "$root" "$version"
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

# Sets `initrd`: busybox, the recipe's init, and the modules named.
make_initrd() {
    [[ -n $busybox ]] || fail "busybox is missing. Type: apt-get install -y busybox-static" 69
    command -v cpio >/dev/null || fail "cpio is missing. Type: apt-get install -y cpio" 69
    if LC_ALL=C ldd "$busybox" 2>&1 | grep "=>" >/dev/null; then
        fail "$busybox needs shared libraries. Type: apt-get install -y busybox-static" 69
    fi
    local hash draft
    hash=$({ cat "$here/init" "$here/../common/kernel.sh" "$busybox" && echo "$package $*"; } | sha256sum | cut -c 1-16)
    initrd=$cache/initrd-$hash.gz
    [[ ! -e $initrd ]] || return 0
    say "packing the initial RAM disk"
    draft=$(mktemp -d "$cache/draft.XXXXXX")
    mkdir "$draft/root"
    (($# == 0)) || add_modules "$draft/root" "$@"
    pack_initrd "$draft/root" "$draft/initrd"
    mv "$draft/initrd" "$initrd"
    rm -rf "$draft"
}
