/* inventory.c — what this machine is, so that a reader can judge the rest. */
#include "experiments.h"
#include "guard.h"
#include "memory.h"
#include "report.h"
#include "screen.h"

#define CACHE_LEAVES 8u

static bool has_leaf(uint32_t leaf)
{
    return leaf <= cpuid(leaf & 0x80000000u, 0).eax;
}

static void tell_leaf(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r = cpuid(leaf, subleaf);
    if (has_leaf(leaf))
        report_line(ROW_LEAF, SILICON_OK,
                    (uint64_t[]){leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx});
}

static void tell_caches(uint32_t leaf)
{
    for (uint32_t i = 0; i < CACHE_LEAVES && field_get(cpuid(leaf, i).eax, CACHE_TYPE) != 0; i++)
        tell_leaf(leaf, i);
}

static void tell_msr(uint32_t number)
{
    uint64_t value;
    if (guard_msr(number, &value))
        report_line(ROW_MSR, SILICON_OK, (uint64_t[]){number, value});
}

static void tell_memory_types(void)
{
    if (!(cpuid(CPUID_FEATURES, 0).edx & CPUID_1_EDX_MTRR))
        return;
    uint64_t capabilities = msr_read(MSR_MTRR_CAP);
    tell_msr(MSR_MTRR_CAP);
    tell_msr(MSR_MTRR_DEF_TYPE);
    for (uint32_t i = 0; i < field_get(capabilities, MTRR_CAP_VCNT); i++) {
        uint64_t mask;
        if (!guard_msr(MSR_MTRR_PHYSBASE + 2 * i + 1, &mask) || !(mask & MTRR_MASK_V))
            continue;
        tell_msr(MSR_MTRR_PHYSBASE + 2 * i);
        tell_msr(MSR_MTRR_PHYSBASE + 2 * i + 1);
    }
    for (uint32_t i = 0; capabilities & MTRR_CAP_FIX && i < MTRR_FIXED_COUNT; i++)
        tell_msr(mtrr_fixed[i]);
}

void inventory_report(uint64_t cache, uint64_t largest)
{
    struct cpuid r = cpuid(CPUID_VENDOR, 0);
    report_line(ROW_CPU, SILICON_OK, (uint64_t[]){r.eax, r.ebx, r.edx, r.ecx});
    tell_leaf(CPUID_FEATURES, 0);
    tell_caches(CPUID_CACHES);
    tell_leaf(CPUID_MORE_FEATURES, 0);
    tell_leaf(0xA, 0);
    for (uint32_t i = 0; i < 3; i++)
        tell_leaf(0x10, i);
    tell_leaf(CPUID_ADDRESS_SIZES, 0);
    if (is_amd())
        tell_caches(CPUID_CACHES_AMD);
    for (uint32_t i = 0; i < 3 && has_leaf(CPUID_NAME + 2); i++) {
        r = cpuid(CPUID_NAME + i, 0);
        report_line(ROW_BRAND, SILICON_OK, (uint64_t[]){i, r.eax, r.ebx, r.ecx, r.edx});
    }
    report_line(ROW_CLOCK, guard_hertz() != 0 ? SILICON_OK : SILICON_ABSENT,
                (uint64_t[]){guard_hertz()});
    report_line(ROW_BOOT, SILICON_OK, (uint64_t[]){screen.is_uefi, screen_kind(), cache, largest});
    tell_memory_types();
    if (is_amd()) {
        tell_msr(MSR_SYSCFG);
        tell_msr(MSR_HWCR);
    } else {
        tell_msr(MSR_SMI_COUNT);
    }
    tell_msr(MSR_MICROCODE);
}
