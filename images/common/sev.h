/* sev.h — the names that a guest of SEV has for memory: each physical address by a private name, and
 * by a shared one.
 *
 * source  AMD APM vol 2 (24593), "Secure Encrypted Virtualization", and vol 3 (24594), "Encrypted
 *         Memory Capabilities"
 */
#pragma once
#include "guest.h"
#include "machine.h"

#define MIB           UINT64_C(0x100000)
#define CPUID_MEMORY_ENCRYPTION 0x8000001Fu
#define MSR_SEV_STATUS          0xC0010131u
#define SEV           2u                    /* EAX, and no more */
#define ENTRY         3u                    /* present, writable */
#define LARGE         0x83u                 /* the same, 2 MiB */
#define ENTRIES       512u
#define TABLES        4u                    /* page directories of 4 GiB */
#define SHARED_NAMES  (UINT64_C(1) << 39)   /* linear: the second entry of the top table */

static _Alignas(PAGE_BYTES) uint64_t top[ENTRIES], middle[2][ENTRIES];
static _Alignas(PAGE_BYTES) uint64_t low[2][TABLES * ENTRIES];
static uint64_t c_bit;

/* By which name a page is reached. */
static inline uint8_t *private(uint64_t physical) { return (uint8_t *)physical; }
static inline uint8_t *shared(uint64_t physical) { return (uint8_t *)(SHARED_NAMES + physical); }

static inline void load_cr3(uint64_t value)
{
    asm volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

/* Finds the C-bit, and makes the tables; false: none is offered. */
static inline bool sev_start(void)
{
    struct cpuid found = cpuid(CPUID_MEMORY_ENCRYPTION, 0);
    if (cpuid(0x80000000u, 0).eax < CPUID_MEMORY_ENCRYPTION || found.eax != SEV ||
        rdmsr(MSR_SEV_STATUS) != 1)
        return false;
    c_bit = BIT(found.ebx & 63);
    for (uint64_t half = 0; half < 2; half++) {
        uint64_t bit = half == 0 ? c_bit : 0;
        for (uint64_t i = 0; i < TABLES * ENTRIES; i++)
            low[half][i] = i * 2 * MIB | bit | LARGE;
        for (uint64_t i = 0; i < TABLES; i++)
            middle[half][i] = (uint64_t)&low[half][i * ENTRIES] | c_bit | ENTRY;
        top[half] = (uint64_t)middle[half] | c_bit | ENTRY;
    }
    return true;
}
