/* vhost_user_block.h — a disk of ours for QEMU's vhost-user-blk-pci: it writes down each transfer
 * that it makes, and misbehaves as it is told.
 *
 * It has all of the machine's RAM mapped, as any vhost-user device has. What it does as a *device*
 * goes by the translations that QEMU's IOMMU gives it, and no further; what it does *past* the
 * IOMMU is what somebody on the memory bus can do, and no device.
 *
 * source  QEMU, docs/interop/vhost-user.rst; Virtual I/O Device (VIRTIO) 1.2, 2.7 "Split
 *         Virtqueues", 5.2 "Block Device"
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VHOST_USER_BLOCK_SECTOR 512u
/* What it writes where it has no business to. */
#define VHOST_USER_BLOCK_STRAY  0xEEu

/* What it says of how much it wrote. */
enum vhost_user_block_length : uint32_t {
    LENGTH_TRUE,
    LENGTH_NONE,                /* nothing */
    LENGTH_BEYOND,              /* more than there is memory */
};

struct vhost_user_block_conduct {
    enum vhost_user_block_length length;
    /* Fills the buffers that it has filled for a request again, once the driver has been told that
     * it is done: at once with STRAY, and with its complement at the next request. */
    bool     writes_late;
    /* Where it copies the start of what it reads for the guest, past the IOMMU: a physical address;
     * 0: nowhere. */
    uint64_t copies_to;
};

enum vhost_user_block_purpose : uint32_t {
    PURPOSE_RING,               /* descriptors, and what both sides tell each other of them */
    PURPOSE_REQUEST,            /* a request's header and status */
    PURPOSE_DATA,
    PURPOSE_LATE,               /* after the request's end */
    PURPOSE_PROBE,
};

/* One transfer, within a page. */
struct vhost_user_block_transfer {
    uint64_t nanoseconds;       /* CLOCK_MONOTONIC */
    uint64_t address;           /* as the device names it; behind our tables, physical too */
    uint32_t bytes;
    enum vhost_user_block_purpose purpose;
    bool     is_write;
    bool     is_refused;        /* by the IOMMU: no byte was moved */
    /* How often it has been told, so far, to forget translations. */
    uint32_t revocations;
};

struct vhost_user_block;

/* Waits at a socket of that name for QEMU, on a thread of its own. `disk` stays the caller's, who
 * looks at it after the end. NULL, with errno: there is no such socket. */
struct vhost_user_block *vhost_user_block_start(const char *socket, uint8_t *disk, size_t bytes,
                                                struct vhost_user_block_conduct conduct);
/* After QEMU's end; an earlier one hangs up on it. */
void vhost_user_block_end(struct vhost_user_block *device);

/* The device tries to read, or to write STRAY, of its own accord. `bytes`: within a page; what it
 * read is at `into`. False: refused, or no driver uses the device. */
bool vhost_user_block_probe(struct vhost_user_block *device, uint64_t address, uint32_t bytes,
                            bool writes, uint8_t *into);

/* From `first` on; how many there are beside those that had room. */
size_t vhost_user_block_transfers(struct vhost_user_block *device, size_t first,
                                  struct vhost_user_block_transfer *into, size_t room);
/* How often it has been told to forget translations. */
uint32_t vhost_user_block_revocations(struct vhost_user_block *device);
/* Why it gave up on QEMU or on the driver; NULL: it did not. */
const char *vhost_user_block_complaint(struct vhost_user_block *device);
