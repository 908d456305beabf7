#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "front_end.h"
#include "translations.h"

#define TRANSFERS_FIRST 4096u

static void note(struct vhost_user_block *device, struct vhost_user_block_transfer transfer)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    transfer.nanoseconds = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    transfer.revocations = device->revocations;
    pthread_mutex_lock(&device->lock);
    if (device->transfer_count == device->transfer_room) {
        size_t room = device->transfer_room == 0 ? TRANSFERS_FIRST : 2 * device->transfer_room;
        void  *grown = realloc(device->transfers, room * sizeof *device->transfers);
        if (grown == NULL)
            abort();            /* a log with a hole would be believed */
        device->transfers = grown;
        device->transfer_room = room;
    }
    device->transfers[device->transfer_count++] = transfer;
    pthread_mutex_unlock(&device->lock);
}

static bool move_in_page(struct vhost_user_block *device, uint64_t address, uint8_t *bytes,
                         uint32_t count, bool is_write, enum vhost_user_block_purpose purpose)
{
    uint8_t access = is_write ? ACCESS_WRITE_ONLY : ACCESS_READ_ONLY;
    uint8_t *at = translations_find(device, address, count, access);
    if (at == NULL && front_end_ask(device, address, access))
        at = translations_find(device, address, count, access);
    if (at != NULL && is_write)
        memcpy(at, bytes, count);
    else if (at != NULL)
        memcpy(bytes, at, count);
    note(device, (struct vhost_user_block_transfer){ .address = address, .bytes = count,
                 .purpose = purpose, .is_write = is_write, .is_refused = at == NULL });
    return at != NULL;
}

bool memory_move(struct vhost_user_block *device, uint64_t address, void *bytes, uint32_t count,
                 bool is_write, enum vhost_user_block_purpose purpose)
{
    bool is_moved = true;

    for (uint32_t at = 0, step; at < count; at += step) {
        uint32_t left = PAGE_BYTES - (uint32_t)((address + at) % PAGE_BYTES);
        step = count - at < left ? count - at : left;
        is_moved &= move_in_page(device, address + at, (uint8_t *)bytes + at, step, is_write,
                                 purpose);
    }
    return is_moved;
}
