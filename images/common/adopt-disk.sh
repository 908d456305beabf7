#!/usr/bin/env bash
# adopt-disk.sh — gives an encrypted disk that exists a second key, and an initial RAM disk that knows it.
#
#   usage   adopt-disk.sh adopt|release      release: takes the key away from the disk again
#   in      FROST_DISK           a LUKS partition, or its image
#           FROST_DISK_NAME      what /etc/crypttab over there calls it
#           FROST_DISK_KEY       a file that opens the disk now; empty: cryptsetup asks
#           FROST_SECRETS        a folder for keys; what is in there is gone when the image is made
#   out     INITRD= on stdout; talk on stderr
#   exit    65 no LUKS disk, or the key does not open it; 69 a tool is missing
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=images/common/luks.sh
source "${BASH_SOURCE[0]%/*}/luks.sh"

fail() {
    echo "adopt-disk: $1" >&2
    exit "$2"
}

for tool in cryptsetup:cryptsetup-bin cpio:cpio; do
    command -v "${tool%:*}" >/dev/null || fail "${tool%:*} is missing. Type: apt-get install -y ${tool#*:}" 69
done
key=$FROST_SECRETS/key
if [[ $1 == release ]]; then
    cryptsetup luksRemoveKey --batch-mode --disable-locks "$FROST_DISK" "$key" >&2
    exit
fi
cryptsetup isLuks "$FROST_DISK" || fail "'$FROST_DISK' is no LUKS disk. Give --disk the encrypted partition, or its image" 65
# cryptsetup says nothing of a key that does not open the disk, and ends with 2.
(umask 077 && head -c 64 /dev/urandom >"$key")
# The new key is random: no guess at it has to be made slow.
cryptsetup luksAddKey --disable-locks --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
    ${FROST_DISK_KEY:+--key-file "$FROST_DISK_KEY"} "$FROST_DISK" "$key" >&2 ||
    fail "the disk takes no second key (cryptsetup luksAddKey: status $?; 2: what is to open the disk does not)" 65
key_archive "$FROST_DISK" "$key" "$FROST_DISK_NAME" luks "$FROST_SECRETS"
echo "INITRD=$FROST_SECRETS/initrd"
