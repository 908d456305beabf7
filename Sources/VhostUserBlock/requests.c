#include "requests.h"

#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "translations.h"

/* Virtual I/O Device (VIRTIO) 1.2, 2.7.5 and 2.7.8. */
#define NEXT  1u
#define WRITE 2u
struct descriptor { uint64_t address; uint32_t bytes; uint16_t flags, next; };
struct used { uint32_t id, bytes; };
#define RING_INDEX   2u
#define RING_ENTRIES 4u
/* 5.2.6 */
struct header { uint32_t type, reserved; uint64_t sector; };
enum type : uint32_t { TYPE_READ = 0, TYPE_WRITE = 1, TYPE_FLUSH = 4, TYPE_NAME = 8 };
#define NAME_BYTES 20u
enum status : uint8_t { STATUS_OK, STATUS_ERROR, STATUS_UNKNOWN };

static bool ring(struct vhost_user_block *device, uint64_t address, void *bytes, uint32_t count,
                 bool is_write)
{
    return memory_move(device, address, bytes, count, is_write, PURPOSE_RING);
}

static void call(struct vhost_user_block *device)
{
    uint64_t one = 1;

    if (device->queue.call >= 0 && write(device->queue.call, &one, sizeof one) < 0)
        state_complain(device, "the driver cannot be interrupted");
}

static void complete(struct vhost_user_block *device, uint32_t id, uint32_t bytes)
{
    struct queue *queue = &device->queue;
    struct used   entry = { id, bytes };

    ring(device, queue->used + RING_ENTRIES + queue->next_used % queue->size * sizeof entry, &entry,
         sizeof entry, true);
    queue->next_used++;
    atomic_thread_fence(memory_order_seq_cst);
    ring(device, queue->used + RING_INDEX, &queue->next_used, sizeof queue->next_used, true);
    call(device);
}

/* MARK: one request */

static bool move_data(struct vhost_user_block *device, const struct descriptor *segment,
                      uint64_t sector, uint64_t done)
{
    uint64_t at = sector * VHOST_USER_BLOCK_SECTOR + done;
    bool     is_read = segment->flags & WRITE;      /* the device writes memory */

    if (sector > device->disk_bytes / VHOST_USER_BLOCK_SECTOR || at > device->disk_bytes
        || segment->bytes > device->disk_bytes - at)
        return false;
    if (device->conduct.copies_to != 0 && is_read) {
        uint8_t *past =
            translations_past(device, device->conduct.copies_to, VHOST_USER_BLOCK_SECTOR);
        if (past != NULL && segment->bytes >= VHOST_USER_BLOCK_SECTOR)
            memcpy(past, device->disk + at, VHOST_USER_BLOCK_SECTOR);
    }
    return memory_move(device, segment->address, device->disk + at, segment->bytes, is_read,
                       PURPOSE_DATA);
}

/* What is written twice alike is seen once. */
static void write_late(struct vhost_user_block *device, uint8_t byte)
{
    uint8_t stray[PAGE_BYTES];

    memset(stray, byte, sizeof stray);
    for (uint32_t i = 0; i < device->late_count; i++)
        for (uint32_t at = 0; at < device->late[i].bytes; at += PAGE_BYTES) {
            uint32_t left = device->late[i].bytes - at;
            memory_move(device, device->late[i].address + at, stray,
                        left < PAGE_BYTES ? left : PAGE_BYTES, true, PURPOSE_LATE);
        }
}

/* The data between header and status. */
static enum status carry_out(struct vhost_user_block *device, const struct header *header,
                             const struct descriptor *segments, uint32_t count, uint32_t *written)
{
    static const char name[NAME_BYTES] = "frost";
    uint64_t done = 0;

    if (header->type == TYPE_FLUSH)
        return STATUS_OK;
    if (header->type == TYPE_NAME && count == 1 && segments->bytes == NAME_BYTES) {
        *written = NAME_BYTES;
        return memory_move(device, segments->address, (void *)name, NAME_BYTES, true, PURPOSE_DATA)
            ? STATUS_OK : STATUS_ERROR;
    }
    if (header->type != TYPE_READ && header->type != TYPE_WRITE)
        return STATUS_UNKNOWN;
    for (uint32_t i = 0; i < count; i++) {
        bool is_to_memory = segments[i].flags & WRITE;
        if (is_to_memory != (header->type == TYPE_READ)
            || !move_data(device, &segments[i], header->sector, done))
            return STATUS_ERROR;
        done += segments[i].bytes;
        *written += is_to_memory ? segments[i].bytes : 0;
        if (is_to_memory) {
            device->late[device->late_count].address = segments[i].address;
            device->late[device->late_count++].bytes = segments[i].bytes;
        }
    }
    return STATUS_OK;
}

static uint32_t claimed(const struct vhost_user_block *device, uint32_t written)
{
    switch (device->conduct.length) {
    case LENGTH_NONE: return 0;
    case LENGTH_BEYOND: return UINT32_MAX;
    default: return written;
    }
}

/* False: the driver's queue makes no sense, or cannot be read. */
static bool serve(struct vhost_user_block *device, uint16_t head)
{
    struct descriptor segments[SEGMENTS];
    uint32_t count = 0, written = 0;
    uint16_t at = head;

    do {
        if (count == SEGMENTS || at >= device->queue.size
            || !ring(device, device->queue.descriptors + at * sizeof segments[0], &segments[count],
                     sizeof segments[0], false))
            return false;
        at = segments[count].next;
    } while (segments[count++].flags & NEXT);
    const struct descriptor *last = &segments[count - 1];
    struct header header;
    if (count < 2 || segments[0].bytes != sizeof header || last->bytes != 1
        || !memory_move(device, segments[0].address, &header, sizeof header, false,
                        PURPOSE_REQUEST))
        return false;
    device->late_count = 0;
    enum status status = carry_out(device, &header, segments + 1, count - 2, &written);
    memory_move(device, last->address, &status, 1, true, PURPOSE_REQUEST);
    complete(device, head, claimed(device, written + 1));
    if (device->conduct.writes_late)
        write_late(device, VHOST_USER_BLOCK_STRAY);
    return true;
}

void requests_serve(struct vhost_user_block *device)
{
    struct queue *queue = &device->queue;
    uint16_t end = queue->next_available, head;

    while (queue->runs) {
        if (!ring(device, queue->available + RING_INDEX, &end, sizeof end, false)) {
            state_complain(device, "the driver's queue cannot be read");
            return;
        }
        if (end == queue->next_available)
            return;
        atomic_thread_fence(memory_order_seq_cst);
        if (device->conduct.writes_late)
            write_late(device, (uint8_t)~VHOST_USER_BLOCK_STRAY);
        uint64_t entry = queue->available + RING_ENTRIES
            + queue->next_available % queue->size * sizeof head;
        if (!ring(device, entry, &head, sizeof head, false) || !serve(device, head)) {
            state_complain(device, "the driver's queue makes no sense");
            queue->runs = false;
            return;
        }
        queue->next_available++;
    }
}
