# shellcheck shell=bash
# luks.sh — keys to encrypted disks, in the form in which Debian's initial RAM disk (cryptsetup-initramfs) looks for them.

# A second archive behind the initial RAM disk: with it the disk is opened, and nobody is asked.
#   key_archive DISK KEY NAME OPTIONS FOLDER     NAME: as in the system's /etc/crypttab; writes FOLDER/initrd
key_archive() {
    local root=$5/archive uuid
    uuid=$(cryptsetup luksUUID "$1")
    mkdir -p "$root/cryptroot/keyfiles"
    chmod 700 "$root/cryptroot/keyfiles"
    install -m 600 "$2" "$root/cryptroot/keyfiles/$3.key"
    echo "$3 UUID=$uuid /cryptroot/keyfiles/$3.key $4" >"$root/cryptroot/crypttab"
    (cd "$root" && find . | LC_ALL=C sort | cpio --quiet --create --format=newc --owner=0:0) >"$5/initrd"
}
