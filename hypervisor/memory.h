/* memory.h — every address and size that the hypervisor owns, and how it reaches memory.
 *
 *   virtual                                     physical              type
 *   HYPERVISOR_BASE .. + frozen_bytes           the frozen region     write-back: text, data, tables, slots
 *   DRAM_WINDOW .. + 4 KiB                      one frame at a time   write-combining (baseline `window`: write-back)
 *   nothing else is mapped: a stray pointer faults
 *
 *   frozen region, from its base: text | rodata | data, bss (stack, host tables, VMCB, bitmaps, keys, trace ring)
 *                                 | nested-table pool | its bookkeeping | slot table | buckets | slots to the end
 */
#pragma once
#include <stdint.h>

#include "image.h"

#define HYPERVISOR_BASE   0xFFFFFFFF80000000u
#define DRAM_WINDOW       0xFFFFFFFFBFE00000u   /* last 2 MiB of the same GiB */
#define FROZEN_BYTES_MAX  0x10000000u           /* what the loader maps */
#define STACK_BYTES       0x4000u

#define ENTRY_SIGNATURE   0x534F52A9u           /* the first instruction, as a number */

/* Low memory of the loader: [LOADER_LOW_BASE, LOADER_LOW_END). */
#define IMAGE_HEADER_SECTORS (sizeof(struct image_header) / IMAGE_SECTOR_BYTES)
#define LOADER_SEGMENT       (LOADER_LOW_BASE >> 4)
#define LOADER_CODE_OFFSET   0x1000u            /* behind the header */
#define LOADER_MAX_SECTORS   4u
#define LOADER_STACK_OFFSET  0xFFF0u            /* top, in LOADER_SEGMENT */
#define BOOT_INFO_BASE       (LOADER_LOW_BASE + 0x3000u)
#define BOOT_INFO_SEGMENT    (BOOT_INFO_BASE >> 4)
#define BOOT_TABLES          (LOADER_LOW_BASE + 0x4000u)    /* 8 pages */
#define LOADER_BOUNCE        (LOADER_LOW_BASE + 0x10000u)   /* 64 KiB, on a 64 KiB boundary */

/* Where the frozen region really lies; set once, at start. */
extern uint64_t frozen_base;

static inline uint64_t frozen_hpa(const volatile void *in_region)
{
    return (uint64_t)(uintptr_t)in_region - HYPERVISOR_BASE + frozen_base;
}

/* Builds the hypervisor's own page tables and leaves the loader's. text and rodata become read-only, all but text
 * not executable. */
void memory_start(uint64_t base, uint64_t bytes, bool window_uncached);

/* 4096 bytes of DRAM at host-physical `hpa` (4 KiB aligned), until the next call. */
void *memory_dram(uint64_t hpa);
