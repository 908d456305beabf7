/* memory.h — what is mapped where, and of which type it is while a region is frozen.
 *
 *   virtual                          physical                     frozen / else
 *   HYPERVISOR_BASE .. + OWN_BYTES   code, constants, tables      WB / as the firmware has it
 *   .. + 2 MiB                       stack, data                  UC / as the firmware has it
 *   REGION                           the frozen region            WB / as the firmware has it
 *   ALIAS                            the region again             UC
 *   OTHER                            OTHER_BASE, RAM              UC, or WB where asked for
 *   FRAME                            UEFI's framebuffer           WC
 *   0 .. 4 GiB                       the same                     UC
 *
 * The region is frozen as hypervisor/freeze/fit.c does it. What is WB beside it is never written
 * then: INVD finds no modified line but the region's.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "cpu/registers.h"

#define REGION       0xFFFFFFFF82000000u    /* HYPERVISOR_BASE + 32 MiB */
#define REGION_MOST  0x2000000u             /* a power of two: the region is aligned to it */
#define REGION_PARTS 4u                     /* the most powers of two that it is the sum of */
#define ALIAS        0xFFFFFFFF88000000u
#define FRAME        0xFFFFFFFF90000000u
#define FRAME_BYTES  0x4000000u
#define OTHER        0xFFFFFFFFA0000000u
#define OTHER_BASE   0x4000000u
#define OTHER_BYTES  0x4000000u
#define OWN_BYTES    0x10000u               /* silicon.ld has it too */
#define LINE_BYTES   64u

/* What hypervisor/cpu/registers.h does not have. Intel SDM (325462) vol 4. */
#define HWCR_INVD_WBINVD     BIT(4)         /* AMD BKDG family 10h (31116), HWCR */
#define MSR_SMI_COUNT        0x034u
#define MSR_PMC0             0x0C1u
#define MSR_PERFEVTSEL0      0x186u
#define MSR_PERF_GLOBAL_CTRL 0x38Fu
#define MSR_PQR_ASSOC        0xC8Fu
#define MSR_L3_MASK_0        0xC90u

static inline uint64_t msr_read(uint32_t number)
{
    return rdmsr((enum msr)number);
}

static inline void msr_write(uint32_t number, uint64_t value)
{
    wrmsr((enum msr)number, value);
}

bool is_amd(void);              /* or Hygon */

/* Own page tables, and a note of what the firmware has set. */
void memory_start(uint64_t base);
/* Freezes the first `bytes` of the region, of REGION_PARTS; `other`: and has OTHER cacheable. */
void memory_freeze(uint64_t bytes, bool other);
/* Back to what the firmware had, caches written back and on. Also where nothing is frozen. */
void memory_thaw(void);
volatile uint32_t *memory_frame(uint64_t framebuffer);
