#include "translations.h"

#include <sys/mman.h>

static const struct translation *known(const struct vhost_user_block *device, uint64_t address,
                                       uint8_t access)
{
    for (uint32_t i = 0; i < device->translation_count; i++) {
        const struct translation *at = &device->translations[i];
        if (address - at->from < at->bytes && (at->access & access) == access)
            return at;
    }
    return NULL;
}

void translations_add(struct vhost_user_block *device, struct translation found)
{
    device->translations[device->translation_next] = found;
    device->translation_next = (device->translation_next + 1) % TRANSLATIONS;
    if (device->translation_count < TRANSLATIONS)
        device->translation_count++;
}

void translations_forget(struct vhost_user_block *device, uint64_t from, uint64_t bytes)
{
    pthread_mutex_lock(&device->lock);
    device->revocations++;
    pthread_mutex_unlock(&device->lock);
    for (uint32_t i = 0; i < device->translation_count; i++) {
        struct translation *at = &device->translations[i];
        bool meets = at->from < from ? from - at->from < at->bytes : at->from - from < bytes;
        if (meets)
            at->bytes = 0;
    }
}

/* QEMU's own address, in our mapping. */
static uint8_t *here(const struct vhost_user_block *device, uint64_t user, uint32_t count)
{
    for (uint32_t i = 0; i < device->region_count; i++) {
        const struct region *region = &device->regions[i];
        uint64_t offset = user - region->user;
        if (offset < region->bytes && count <= region->bytes - offset)
            return region->here + offset;
    }
    return NULL;
}

uint8_t *translations_find(struct vhost_user_block *device, uint64_t address, uint32_t count,
                           uint8_t access)
{
    const struct translation *found = known(device, address, access);

    return found != NULL ? here(device, found->user + (address - found->from), count) : NULL;
}

uint8_t *translations_past(struct vhost_user_block *device, uint64_t physical, uint32_t count)
{
    for (uint32_t i = 0; i < device->region_count; i++) {
        const struct region *region = &device->regions[i];
        uint64_t offset = physical - region->physical;
        if (offset < region->bytes && count <= region->bytes - offset)
            return region->here + offset;
    }
    return NULL;
}

void translations_unmap(struct vhost_user_block *device)
{
    for (uint32_t i = 0; i < device->region_count; i++)
        munmap(device->regions[i].mapped, device->regions[i].mapped_bytes);
    device->region_count = 0;
    device->translation_count = device->translation_next = 0;
}
