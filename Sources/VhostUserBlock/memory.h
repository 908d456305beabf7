/* memory.h — the guest's memory, by translations of the IOMMU; each transfer is written down. */
#pragma once
#include "state.h"

/* Reads into `bytes`, or writes from there. False: the IOMMU refuses a page of it. */
bool memory_move(struct vhost_user_block *device, uint64_t address, void *bytes, uint32_t count,
                 bool is_write, enum vhost_user_block_purpose purpose);
