/* compiled alone: Bochs's debugger stops where `freeze` begins */
#include "freeze/freeze.h"

#include "cpu/registers.h"
#include "freeze/strategies.h"
#include "report/panic.h"

uint64_t freeze_cache_bytes(void)
{
    bool is_amd = cpuid(CPUID_EXTENDED, 0).eax >= CPUID_CACHES_AMD &&
                  (cpuid(CPUID_EXTENDED_FEATURES, 0).ecx & CPUID_80000001_ECX_TOPOEXT);
    uint32_t leaf = is_amd ? CPUID_CACHES_AMD : CPUID_CACHES;
    uint64_t largest = 0;
    for (uint32_t i = 0; is_amd || cpuid(CPUID_VENDOR, 0).eax >= CPUID_CACHES; i++) {
        struct cpuid r = cpuid(leaf, i);
        if (field_get(r.eax, CACHE_TYPE) == 0)
            break;
        uint64_t bytes = (field_get(r.ebx, CACHE_LINE) + 1) *
                         (field_get(r.ebx, CACHE_PARTITIONS) + 1) *
                         (field_get(r.ebx, CACHE_WAYS) + 1) * ((uint64_t)r.ecx + 1);
        if (field_get(r.eax, CACHE_TYPE) != CACHE_TYPE_CODE && bytes > largest)
            largest = bytes;
    }
    return largest;
}

uint64_t freeze(enum image_freeze strategy, uint64_t base, uint64_t bytes)
{
    uint64_t start = rdtsc();
    if (strategy != FREEZE_FIT)     /* the only one so far */
        panic(PANIC_FREEZE, strategy);
    freeze_fit(base, bytes);
    return rdtsc() - start;
}
