/* translations.h — what the IOMMU lets through, as far as QEMU has said; and the way past it. */
#pragma once
#include "state.h"

/* Of translations, and of what is asked for. */
#define ACCESS_READ_ONLY  1u
#define ACCESS_WRITE_ONLY 2u

void translations_add(struct vhost_user_block *device, struct translation found);
void translations_forget(struct vhost_user_block *device, uint64_t from, uint64_t bytes);
/* Within a page; NULL: none is known. */
uint8_t *translations_find(struct vhost_user_block *device, uint64_t address, uint32_t count,
                           uint8_t access);
/* By physical address; NULL: no RAM. */
uint8_t *translations_past(struct vhost_user_block *device, uint64_t physical, uint32_t count);
/* Gives up all of RAM. */
void translations_unmap(struct vhost_user_block *device);
