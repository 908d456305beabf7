/* memory.h — every address and size that the hypervisor owns, and how it reaches memory.
 *
 *   virtual                              physical              type
 *   HYPERVISOR_BASE .. + frozen_bytes    the frozen region     write-back
 *   DRAM_WINDOW .. + 4 KiB               one frame at a time   write-combining (`window`: WB);
 *                                                              a device's registers: uncacheable
 *   nothing else is mapped: a stray pointer faults
 *
 *   frozen region, from its base: text | rodata | data, bss (stack, host tables, control block,
 *   bitmaps, keys, trace ring) | nested tables | notes on them | slot table | buckets | slots
 */
#pragma once
#include <stdint.h>

#include "contract.h"
#include "page.h"

#define DRAM_WINDOW       0xFFFFFFFFBFE00000u   /* last 2 MiB of the same GiB */
#define FROZEN_BYTES_MAX  0x10000000u           /* what the loader maps */
#define STACK_BYTES       0x4000u

/* Where the frozen region really lies; set once, at start. */
extern uint64_t frozen_base;

static inline uint64_t frozen_hpa(const volatile void *in_region)
{
    return (uint64_t)(uintptr_t)in_region - HYPERVISOR_BASE + frozen_base;
}

/* Builds the hypervisor's own page tables and leaves the loader's. text and rodata become
 * read-only, all but text not executable. */
void memory_start(uint64_t base, uint64_t bytes);

/* 4096 bytes of DRAM at host-physical `hpa` (4 KiB aligned), until the next call. */
void *memory_dram(uint64_t hpa);
/* A device's register at any `hpa`, and its page, uncacheable, until the next call of either. */
volatile void *memory_device(uint64_t hpa);
