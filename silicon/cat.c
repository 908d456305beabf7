/* cat.c — a region in ways of its own.
 *
 * source  Intel SDM (325462) vol 3, "Cache Allocation Technology"; AMD Platform Quality of Service
 *         Extensions (56375) has the same leaves and MSRs
 */
#include "experiments.h"
#include "marks.h"

#define CPUID_ALLOCATION 0x10u
#define OWN_CLASS        1u
#define OTHER_CLASS      0u
#define CLASS_OF(n)      ((uint64_t)(n) << 32)      /* PQR_ASSOC */

extern uint64_t cache_bytes;

static uint32_t ways(void)
{
    return (cpuid(CPUID_ALLOCATION, 1).eax & 0x1F) + 1;
}

bool has_cat(void)
{
    return cpuid(CPUID_VENDOR, 0).eax >= CPUID_ALLOCATION &&
           cpuid(CPUID_MORE_FEATURES, 0).ebx & BIT(15) &&
           cpuid(CPUID_ALLOCATION, 0).ebx & BIT(1) &&
           (cpuid(CPUID_ALLOCATION, 1).edx & 0xFFFF) >= OWN_CLASS && ways() > 2 && has_other();
}

/* Half of the ways, and of them half: what lies in a set is not spread evenly. */
void try_cat(void)
{
    uint64_t own = BIT(ways() / 2) - 1, all = BIT(ways()) - 1, bytes = region_bytes;
    while (bytes > cache_bytes * (ways() / 2) / ways() / 2)
        bytes /= 2;
    memory_freeze(bytes, true);
    marks_write(MARK_DRAM, bytes);
    write_back_all();
    msr_write(MSR_L3_MASK_0 + OWN_CLASS, own);
    msr_write(MSR_L3_MASK_0 + OTHER_CLASS, all & ~own);
    msr_write(MSR_PQR_ASSOC, CLASS_OF(OWN_CLASS));
    marks_write(MARK_CACHE, bytes);
    marks_read(bytes);
    msr_write(MSR_PQR_ASSOC, CLASS_OF(OTHER_CLASS));
    for (uint64_t at = OTHER; at < OTHER + OTHER_BYTES; at += LINE_BYTES)
        (void)*(volatile uint64_t *)at;
    values[0] = ways();
    values[1] = own;
    values[2] = bytes;
    marks_drop_and_count(bytes, values + 3);
}

void cat_end(void)
{
    if (!has_cat())
        return;
    msr_write(MSR_PQR_ASSOC, 0);
    for (uint32_t i = 0; i <= OWN_CLASS; i++)
        msr_write(MSR_L3_MASK_0 + i, BIT(ways()) - 1);
}
