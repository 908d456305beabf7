#!/usr/bin/env bash
# build.sh — Debian 12 with systemd and sshd on a disk that LUKS2 encrypts, and an initial RAM disk with the key to it.
#
# The plain system comes out of a cache; disk, key and the server's identity are this image's own.
#
#   in      FROST_WORK           a folder for what is made, the disk among it
#           FROST_SECRETS        a folder for keys; what is in there is gone when this image is made
#           FROST_PACKAGES       more packages, between spaces
#           FROST_DISK_BYTES     the size of the disk
#           FROST_SSH_KEYS       a file with the public keys of who may log in as root
#   out     KERNEL=, INITRD= (of the system, then of this disk), DISK=, HOST_KEY= on stdout; talk on stderr
#   cache   ${XDG_CACHE_HOME:-~/.cache}/frostvisor/debian: delete it for newer packages
#   exit    64 the disk is too small; 69 a tool or the network is missing: the last line says what to type
set -euo pipefail
# Where tools of file systems and disks lie, which not everybody has on PATH.
export PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=images/common/luks.sh
source "${BASH_SOURCE[0]%/*}/../common/luks.sh"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/frostvisor/debian
release=bookworm
packages="linux-image-amd64 initramfs-tools zstd cryptsetup-initramfs systemd-sysv udev dbus libpam-systemd openssh-server kmod
    iproute2 ca-certificates less nano procps"
drivers="virtio_pci virtio_blk virtio_net nvme ahci sd_mod e1000e ext4 dm_crypt xts aesni_intel crc32c_generic"
mebibyte=$((1 << 20))
# What reencryption moves the data by, to have room for the header.
header_bytes=$((32 * mebibyte))

say() { echo "images/debian: $1" >&2; }

fail() {
    say "$1"
    exit "$2"
}

want() {
    local tool package
    for tool in mmdebstrap:mmdebstrap mkfs.ext4:e2fsprogs debugfs:e2fsprogs cryptsetup:cryptsetup-bin ssh-keygen:openssh-client \
        cpio:cpio; do
        package=${tool#*:} tool=${tool%:*}
        command -v "$tool" >/dev/null || fail "$tool is missing. Type: apt-get install -y $package" 69
    done
}

# Runs a command as root, or as one whom a user name space makes root.
as_root() {
    if ((EUID == 0)); then "$@"; else unshare --map-auto --map-root-user "$@"; fi
}

# Into mmdebstrap's new root, before there is a kernel: what the initial RAM disk is made of.
prepare_root() {
    cat >"$draft/hook" <<HOOK
set -e
mkdir -p "\$1/etc/initramfs-tools/conf.d" "\$1/usr/share/initramfs-tools/modules.d"
printf 'MODULES=list\nUMASK=0077\n' >"\$1/etc/initramfs-tools/conf.d/frostvisor"
printf '%s\n' $drivers >"\$1/usr/share/initramfs-tools/modules.d/frostvisor"
HOOK
}

# In the new root, at the end: what a machine of its own would have been asked.
finish_root() {
    cat >"$draft/finish" <<'HOOK'
set -e
cd "$1"
echo frost >etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 frost\n::1 localhost\n' >etc/hosts
echo '/dev/mapper/root / ext4 errors=remount-ro,x-systemd.growfs 0 1' >etc/fstab
printf '[Match]\nType=ether\n\n[Network]\nDHCP=yes\n' >etc/systemd/network/20-ether.network
chroot . systemctl enable systemd-networkd.service >/dev/null 2>&1
# The resolver of the network that QEMU plays.
echo 'nameserver 10.0.2.3' >etc/resolv.conf
# The kernel is the image's: its modules must stay.
chroot . apt-mark hold linux-image-amd64 $(ls lib/modules | sed 's/^/linux-image-/') >/dev/null
rm -f etc/ssh/ssh_host_*
mkdir -p -m 700 root/.ssh
: >etc/machine-id
HOOK
}

# Sets `system` to a folder with vmlinuz, initrd and root.ext4.
want_system() {
    local hash
    hash=$({ declare -f prepare_root finish_root want_system && echo "$release $packages $drivers ${FROST_PACKAGES:-}"; } |
        sha256sum | cut -c 1-16)
    system=$cache/$hash
    [[ ! -e $system ]] || return 0
    mkdir -p "$cache"
    draft=$(mktemp -d "$cache/draft.XXXXXX")
    trap 'as_root rm -rf "$draft"' EXIT
    say "installing Debian $release (once; some 250 MB, a few minutes)"
    prepare_root
    finish_root
    # shellcheck disable=SC2086  # words
    mmdebstrap --quiet --variant=minbase --include="$(echo $packages ${FROST_PACKAGES:-} | tr ' ' ,)" \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --essential-hook="sh '$draft/hook' \"\$1\"" --customize-hook="sh '$draft/finish' \"\$1\"" \
        "$release" "$draft/root.tar" >&2 || fail "Debian cannot be installed: mmdebstrap said why, above" 69
    say "making its file system"
    mkdir "$draft/root" "$draft/done"
    # shellcheck disable=SC2016
    as_root bash -c '
        set -e
        tar --extract --file "$1/root.tar" --directory "$1/root"
        cat "$1"/root/boot/vmlinuz-* >"$1/done/vmlinuz"
        cat "$1"/root/boot/initrd.img-* >"$1/done/initrd"
        used=$(du --summarize --block-size=1M "$1/root" | cut -f 1)
        mkfs.ext4 -q -L root -m 1 -d "$1/root" "$1/done/root.ext4" "$((used * 5 / 4 + 128))M" >/dev/null
        rm -rf "$1/root"
    ' bash "$draft"
    mv "$draft/done" "$system"
}

# Lines for debugfs: a file, its place in the disk, and its mode.
written() {
    printf 'write %s %s\nset_inode_field %s mode 0%o\n' "$1" "$2" "$2" "$((0100000 | 8#$3))"
}

make_disk() {
    local bytes keys=$FROST_SECRETS/server_key
    disk=$FROST_WORK/disk
    bytes=$(stat -c %s "$system/root.ext4")
    ((FROST_DISK_BYTES >= bytes + header_bytes)) ||
        fail "the disk is too small for this system. Give at least --disk-size $(((bytes + header_bytes) / mebibyte + 1))MiB" 64
    (umask 077 && cp --sparse=always "$system/root.ext4" "$disk")
    ssh-keygen -q -t ed25519 -N '' -C frost -f "$keys"
    {
        written "$keys" /etc/ssh/ssh_host_ed25519_key 600
        written "$keys.pub" /etc/ssh/ssh_host_ed25519_key.pub 644
        written "$FROST_SSH_KEYS" /root/.ssh/authorized_keys 600
    } >"$FROST_WORK/commands"
    debugfs -w -f "$FROST_WORK/commands" "$disk" >"$FROST_WORK/debugfs" 2>&1
    # It ends well whatever it could not do.
    ! grep -vE '^(debugfs[: ]|Allocated inode:)' "$FROST_WORK/debugfs" >&2 || fail "the disk could not be written, as above" 74
    host_key=$(cut -d ' ' -f 1-2 "$keys.pub")

    say "encrypting the disk"
    (umask 077 && head -c 64 /dev/urandom >"$FROST_SECRETS/key")
    truncate --size="$((bytes + header_bytes))" "$disk"
    # The key is random: no guess at it has to be made slow.
    cryptsetup reencrypt --encrypt --type luks2 --reduce-device-size "$((header_bytes / mebibyte))M" \
        --batch-mode --disable-locks --key-file "$FROST_SECRETS/key" --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
        --cipher aes-xts-plain64 --key-size 512 --sector-size 4096 --progress-frequency 3600 "$disk" >&2
    truncate --size="$FROST_DISK_BYTES" "$disk"
}

want
want_system
make_disk
key_archive "$disk" "$FROST_SECRETS/key" root luks,discard "$FROST_SECRETS"
echo "KERNEL=$system/vmlinuz"
echo "INITRD=$system/initrd"
echo "INITRD=$FROST_SECRETS/initrd"
echo "DISK=$disk"
echo "HOST_KEY=$host_key"
