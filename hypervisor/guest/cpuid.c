#include "guest/cpuid.h"

#include "engine/engine.h"
#include "guest/offered.h"
#include "residency/memory_map.h"

static uint32_t mirrored(uint64_t cr4, uint64_t flag, uint64_t bit)
{
    return cr4 & flag ? (uint32_t)bit : 0;
}

/* Leaves that describe, up to the plain SEV guest interface: a page whose address bears the C-bit
 * is private. Its place, and by how much that narrows addresses. Leaves that the CPU lacks below
 * that one are zeroes. APM vol 3 (24594), "Encrypted Memory Capabilities". */
static struct cpuid extended(uint32_t leaf, struct cpuid real)
{
    if (memory_map.c_bit == 0)
        return leaf == CPUID_ENCRYPTED_MEMORY ? (struct cpuid){0} : real;
    if (leaf == CPUID_ENCRYPTED_MEMORY) {
        uint32_t bit = (uint32_t)__builtin_ctzll(memory_map.c_bit);
        return (struct cpuid){.eax = CPUID_8000001F_EAX_SEV,
                              .ebx = bit | memory_map_narrowed() << 6};
    }
    uint32_t last = cpuid(CPUID_EXTENDED, 0).eax;
    if (leaf == CPUID_EXTENDED && last < CPUID_ENCRYPTED_MEMORY)
        real.eax = CPUID_ENCRYPTED_MEMORY;
    return leaf > last ? (struct cpuid){0} : real;
}

/* C libraries copy past the cache, to DRAM, what they take for larger than their share of the last
 * level: so the guest has it alone, and it is large. Sizes of 4 GiB are 0 to them. SDM vol 2,
 * "CPUID", leaf 4; APM vol 3 (24594), E.4.5 and E.4.15. */
static struct cpuid large_cache(uint32_t leaf, struct cpuid r)
{
    if (leaf == CPUID_CACHES_L2_AMD && (r.edx & CPUID_80000006_EDX_L3_WAYS)) {
        r.edx = (r.edx & ~(uint32_t)CPUID_80000006_EDX_L3_SIZE) | 0xFFFu << 18;
    } else if (leaf != CPUID_CACHES_L2_AMD && field_get(r.eax, CACHE_LEVEL) == 3) {
        uint64_t set = (field_get(r.ebx, CACHE_WAYS) + 1) * (field_get(r.ebx, CACHE_LINE) + 1)
                     * (field_get(r.ebx, CACHE_PARTITIONS) + 1);
        r.eax &= ~(uint32_t)CACHE_SHARERS;
        r.ecx = (uint32_t)(BIT(31) / set - 1);
    }
    return r;
}

/* What has no case here reads as 0, so do leaves of a hypervisor below, which write to the guest's
 * memory. */
void cpuid_answer(struct vcpu *vcpu)
{
    struct guest_regs *regs = &vcpu->regs;
    uint32_t leaf = (uint32_t)regs->rax, subleaf = (uint32_t)regs->rcx;
    struct cpuid r = cpuid(leaf, subleaf);
    uint64_t cr4 = engine->mode(vcpu).cr4;

    switch (leaf) {
    case CPUID_VENDOR: case CPUID_DESCRIPTORS: case CPUID_TOPOLOGY:
    case CPUID_TSC: case CPUID_FREQUENCY: case CPUID_TOPOLOGY_2:
    case CPUID_NAME: case CPUID_NAME + 1: case CPUID_NAME + 2:
    case CPUID_CACHES_L1_AMD:
        break;      /* they describe, and there is nothing in them to use */
    case CPUID_CACHES: case CPUID_CACHES_L2_AMD:
        r = large_cache(leaf, r);
        break;
    case CPUID_CACHES_AMD:
        r = large_cache(leaf, extended(leaf, r));
        break;
    case CPUID_EXTENDED: case CPUID_TLB_1GIB_AMD: case CPUID_OPTIMISATION_AMD:
    case CPUID_TOPOLOGY_AMD: case CPUID_ENCRYPTED_MEMORY:
        r = extended(leaf, r);
        break;
    case CPUID_FEATURES:
        r.ecx = (r.ecx & (uint32_t)OFFERED_1_ECX) | mirrored(cr4, CR4_OSXSAVE, CPUID_1_ECX_OSXSAVE);
        r.edx &= (uint32_t)OFFERED_1_EDX;
        break;
    case CPUID_POWER:
        r = (struct cpuid){.eax = r.eax & (uint32_t)OFFERED_6_EAX};
        break;
    case CPUID_MORE_FEATURES:
        if (subleaf == 0)
            r = (struct cpuid){
                .eax = r.eax != 0,      /* the highest subleaf */
                .ebx = r.ebx & (uint32_t)OFFERED_7_EBX,
                .ecx = (r.ecx & (uint32_t)OFFERED_7_ECX)
                     | mirrored(cr4, CR4_PKE, CPUID_7_ECX_OSPKE),
                .edx = r.edx & (uint32_t)OFFERED_7_EDX};
        else
            r = (struct cpuid){.eax = subleaf == 1 ? r.eax & (uint32_t)OFFERED_7_1_EAX : 0};
        break;
    case CPUID_XSTATE:      /* others of IA32_XSS would be restored past the MSR bitmap */
        if (subleaf == 0)
            r.eax &= (uint32_t)OFFERED_XCR0, r.edx = 0;
        else if (subleaf == 1)
            r.eax &= (uint32_t)OFFERED_D_1_EAX, r.ecx &= (uint32_t)XSS_CET, r.edx = 0;
        else if (subleaf > 63 || !(BIT(subleaf) & (OFFERED_XCR0 | XSS_CET)))
            r = (struct cpuid){0};
        break;
    case CPUID_EXTENDED_FEATURES:
        r.ecx &= (uint32_t)OFFERED_80000001_ECX;
        r.edx &= (uint32_t)OFFERED_80000001_EDX;
        break;
    case CPUID_POWER_AND_RAS:
        r = (struct cpuid){.edx = r.edx & (uint32_t)OFFERED_80000007_EDX};
        break;
    case CPUID_ADDRESS_SIZES:
        r.ebx &= (uint32_t)OFFERED_80000008_EBX;
        r.ecx = r.edx = 0;      /* ECX: one CPU */
        break;
    case CPUID_EXTENDED_FEATURES_2:
        r = (struct cpuid){.eax = r.eax & (uint32_t)OFFERED_80000021_EAX};
        break;
    default:
        r = (struct cpuid){0};
        break;
    }
    regs->rax = r.eax;
    regs->rbx = r.ebx;
    regs->rcx = r.ecx;
    regs->rdx = r.edx;
}
