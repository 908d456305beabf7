/* iommu.h — what stands between devices and memory: nothing passes but to shared pages. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "trace.h"

/* Finds the IOMMUs that the firmware names, takes them from the guest, and writes their tables.
 * Uses the loader's identity mapping. `last_function`: the highest PCI function of the machine. */
void iommu_find(uint32_t last_function);

/* Turns them on, and tells on COM1 where devices are not held back. After the freeze: it writes
 * the tables to DRAM as well, where an IOMMU reads them that does not snoop. */
uint32_t iommu_deny_all(void);      /* enum trace_dma */

/* `pages` for tables below the top one. */
void iommu_give_tables(void *tables, uint32_t pages);
/* Devices may reach the page, or may no more. */
void iommu_share(uint64_t page, bool is_shared);
