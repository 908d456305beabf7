#include "guest/cpuid.h"

#include "engine/engine.h"
#include "residency/memory_map.h"

#define XSTATE_IS_SUPERVISOR BIT(0)     /* leaf Dh, ECX of a component: IA32_XSS has it */

/* The plain SEV guest interface: a page whose address bears the C-bit is private. Its place, and by
 * how much that narrows addresses. Leaves that the CPU lacks below that one are zeroes. APM vol 3
 * (24594), "Encrypted Memory Capabilities". */
static struct cpuid encrypted_memory(uint32_t leaf, struct cpuid real)
{
    if (leaf == CPUID_ENCRYPTED_MEMORY) {
        uint32_t bit = (uint32_t)__builtin_ctzll(memory_map.c_bit);
        return (struct cpuid){.eax = CPUID_8000001F_EAX_SEV,
                              .ebx = bit | ((uint32_t)physical_address_bits() - bit) << 6};
    }
    uint32_t last = cpuid(CPUID_EXTENDED, 0).eax;
    if (leaf == CPUID_EXTENDED && last < CPUID_ENCRYPTED_MEMORY)
        real.eax = CPUID_ENCRYPTED_MEMORY;
    return leaf > last && leaf < CPUID_ENCRYPTED_MEMORY ? (struct cpuid){0} : real;
}

/* No cache-line flushes (they push plaintext out and cannot be intercepted), no virtualisation, no
 * MONITOR; bits that mirror CR4 mirror the guest's. */
void cpuid_answer(struct vcpu *vcpu)
{
    struct guest_regs *regs = &vcpu->regs;
    uint32_t leaf = (uint32_t)regs->rax, subleaf = (uint32_t)regs->rcx;
    struct cpuid r = cpuid(leaf, subleaf);
    uint64_t cr4 = engine->mode(vcpu).cr4;

    if (leaf >> 28 == CPUID_PARAVIRTUAL >> 28)      /* they write to the guest's memory */
        r = (struct cpuid){0};
    switch (leaf) {
    case CPUID_FEATURES:
        r.ecx &= (uint32_t)~(CPUID_1_ECX_MONITOR | CPUID_1_ECX_VMX | CPUID_1_ECX_SMX |
                             CPUID_1_ECX_OSXSAVE);
        r.ecx |= cr4 & CR4_OSXSAVE ? (uint32_t)CPUID_1_ECX_OSXSAVE : 0;
        r.edx &= (uint32_t)~(CPUID_1_EDX_CLFSH | CPUID_1_EDX_DS);
        break;
    case CPUID_MORE_FEATURES:
        if (subleaf != 0)
            break;
        r.ebx &= (uint32_t)~(CPUID_7_EBX_CLFLUSHOPT | CPUID_7_EBX_CLWB | CPUID_7_EBX_SGX |
                             CPUID_7_EBX_PT);
        r.ecx &= (uint32_t)~(CPUID_7_ECX_OSPKE | CPUID_7_ECX_CLDEMOTE | CPUID_7_ECX_SGX_LC |
                             CPUID_7_ECX_DIRECT_STORES);
        r.edx &= (uint32_t)~CPUID_7_EDX_PCONFIG;
        r.ecx |= cr4 & CR4_PKE ? (uint32_t)CPUID_7_ECX_OSPKE : 0;
        break;
    case CPUID_XSTATE:      /* others of IA32_XSS would be restored past the MSR bitmap */
        if (subleaf == 1)
            r.ecx &= (uint32_t)XSS_CET, r.edx = 0;
        else if (subleaf > 1 && (r.ecx & XSTATE_IS_SUPERVISOR) &&
                 (subleaf > 63 || !(BIT(subleaf) & XSS_CET)))
            r = (struct cpuid){0};
        break;
    case CPUID_EXTENDED_FEATURES:
        r.ecx &= (uint32_t)~(CPUID_80000001_ECX_SVM | CPUID_80000001_ECX_IBS |
                             CPUID_80000001_ECX_SKINIT | CPUID_80000001_ECX_MONITORX);
        break;
    case CPUID_POWER_AND_RAS:
        r.ebx = 0;      /* scalable machine check: its MSRs lie outside the MSR bitmap */
        break;
    case CPUID_ADDRESS_SIZES:
        r.ebx &= (uint32_t)~(CPUID_80000008_EBX_CLZERO | CPUID_80000008_EBX_INVLPGB |
                             CPUID_80000008_EBX_WBNOINVD);
        break;
    case CPUID_EXTENDED_FEATURES_2:
        r.eax &= (uint32_t)~CPUID_80000021_EAX_AUTO_IBRS;   /* sits in EFER */
        break;
    case CPUID_PERFMON:     /* performance monitoring: its MSRs cannot be written */
    case CPUID_SGX:
    case CPUID_PT:          /* processor trace: it writes to memory on its own */
    case CPUID_SVM:
    case CPUID_ENCRYPTED_MEMORY:
    case CPUID_PERFMON_AMD: /* performance counters beyond those that the guest owns */
        r = (struct cpuid){0};
        break;
    default:
        break;
    }
    if (memory_map.c_bit != 0 && leaf >= CPUID_EXTENDED)
        r = encrypted_memory(leaf, r);
    regs->rax = r.eax;
    regs->rbx = r.ebx;
    regs->rcx = r.ecx;
    regs->rdx = r.edx;
}
