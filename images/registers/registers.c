/* registers.c — writes MSRs and ports that the hypervisor watches: what the manuals allow is
 * accepted and read back, all else raises #GP and changes nothing.
 *
 * source  Intel SDM (325462) vol 3, 11.11.2 and 11.12.4 (memory types, reserved bits), 10.4.4
 *         (IA32_APIC_BASE), 4.6.2 (IA32_PKRS); AMD APM vol 2 (24593), 7.7 and 7.8; Intel ICH
 *         (reset control register, CF9h) */
#include "guest.h"
#include "machine.h"
#include "pci.h"
#include "traps.h"

#define MSR_APIC_BASE     0x1Bu
#define APIC_BASE_BSP     BIT(8)
#define MSR_NB_CFG        0xC001001Fu
#define CPUID_VENDOR_ECX_AMD 0x444D4163u
#define NB_CFG_ECS        BIT(46)
#define MTRR_DEF_FE       BIT(10)
#define MTRR_DEF_E        BIT(11)
#define MTRR_MASK_V       BIT(11)
#define MSR_MTRR_FIX64K   0x250u
#define CPUID_ADDRESSES   0x80000008u
#define CPUID_PARAVIRTUAL 0x40000000u
#define CPUID_FEATURES_7  0x7u
#define CPUID_XSTATE      0xDu
#define DIRECT_STORES     (BIT(27) | BIT(28) | BIT(29))
#define MSR_DEBUGCTL      0x1D9u
#define DEBUGCTL_BTF      BIT(1)
#define DEBUGCTL_TR       BIT(6)
#define DEBUGCTL_BTS      BIT(7)
#define MSR_XSS           0xDA0u
#define FEATURE_PKS       BIT(31)
#define MSR_PKRS          0x6E1u
#define XSS_PT            BIT(8)
#define PORT_PCI_ADDRESS  0xCF8u
#define RESET             0x06u     /* to CF9h: the system, the CPU */
#define WRMSR_BYTES       2u
#define EVERY_BYTE(type)  (UINT64_C(0x0101010101010101) * (type))

static uint64_t written, refused, wrong;

/* The MSR is written, read back, and put back. */
static void expect(uint32_t msr, uint64_t value, bool is_legal)
{
    uint64_t before = rdmsr(msr), faults = trap_counts[VECTOR_GP];

    traps_expect(is_legal ? TRAP_VECTORS : VECTOR_GP, WRMSR_BYTES);
    wrmsr(msr, value);
    bool has_faulted = trap_counts[VECTOR_GP] != faults;
    if (has_faulted == is_legal || rdmsr(msr) != (is_legal ? value : before)) {
        print("registers: wrong: ");
        print_hexadecimal(value);
        print_fact(" to MSR", msr);
        wrong++;
    }
    traps_expect(TRAP_VECTORS, 0);
    wrmsr(msr, before);
    if (is_legal)
        written++;
    else
        refused++;
}

static void memory_types(void)
{
    for (uint64_t type = 0; type < 9; type++) {
        bool is_type = type <= 6 && type != 2 && type != 3;
        expect(MSR_MTRR_DEF_TYPE, type | MTRR_DEF_E, is_type);
        expect(MSR_MTRR_PHYSBASE0, type, is_type);
        expect(MSR_MTRR_FIX64K, EVERY_BYTE(6) - (6 - type), is_type);
    }
    expect(MSR_PAT, EVERY_BYTE(7), true);
    expect(MSR_PAT, EVERY_BYTE(6) - 4, false);
}

static void reserved_bits(void)
{
    uint64_t width = cpuid(CPUID_ADDRESSES, 0).eax & 0xFF;

    expect(MSR_MTRR_DEF_TYPE, 6 | MTRR_DEF_E | MTRR_DEF_FE, true);
    expect(MSR_MTRR_DEF_TYPE, 6 | BIT(8), false);
    expect(MSR_MTRR_DEF_TYPE, 6 | BIT(12), false);
    expect(MSR_MTRR_PHYSBASE0, 6 | BIT(8), false);
    expect(MSR_MTRR_PHYSBASE0, 6 | BIT(width), false);
    expect(MSR_MTRR_PHYSBASE0 + 1, MTRR_MASK_V | BIT(width - 1), true);
    expect(MSR_MTRR_PHYSBASE0 + 1, MTRR_MASK_V | BIT(width), false);
    expect(MSR_MTRR_PHYSBASE0 + 1, BIT(10), false);
}

/* Without its bit 8 it is a legal value, which changes nothing. */
static void apic_base(void)
{
    uint64_t before = rdmsr(MSR_APIC_BASE);

    wrmsr(MSR_APIC_BASE, before & ~APIC_BASE_BSP);
    wrong += rdmsr(MSR_APIC_BASE) != before;
    /* It may not move. */
    expect(MSR_APIC_BASE, before ^ PAGE_BYTES, false);
}

/* Values by which the CPU would write to memory, or load MSRs, by itself. */
static void refuse(uint32_t msr, uint64_t value)
{
    uint64_t faults = trap_counts[VECTOR_GP];

    traps_expect(VECTOR_GP, WRMSR_BYTES);
    wrmsr(msr, value);
    wrong += trap_counts[VECTOR_GP] == faults;
    refused += trap_counts[VECTOR_GP] != faults;
    traps_expect(TRAP_VECTORS, 0);
}

/* Keys of supervisor pages, where the CPU has them. */
static void protection_keys(void)
{
    static const uint32_t all_denied = 0xFFFFFFFF;

    if (!(cpuid(CPUID_FEATURES_7, 0).ecx & FEATURE_PKS))
        return;
    traps_expect(VECTOR_GP, WRMSR_BYTES);
    wrmsr(MSR_PKRS, all_denied);
    wrong += rdmsr(MSR_PKRS) != all_denied;
    traps_expect(TRAP_VECTORS, 0);
}

static void by_itself(void)
{
    refuse(MSR_DEBUGCTL, DEBUGCTL_TR | DEBUGCTL_BTS);
    refuse(MSR_XSS, XSS_PT);
    wrmsr(MSR_DEBUGCTL, DEBUGCTL_BTF);
    wrmsr(MSR_DEBUGCTL, 0);
    struct cpuid offered = cpuid(CPUID_PARAVIRTUAL, 0);
    wrong += (offered.eax | offered.ebx | offered.ecx | offered.edx) != 0;
    wrong += (cpuid(CPUID_FEATURES_7, 0).ecx & DIRECT_STORES) != 0;
    wrong += (cpuid(CPUID_XSTATE, 1).ecx & XSS_PT) != 0;
}

/* AMD's northbridge configuration, to which Linux writes: the machine's own stays. */
static void northbridge(void)
{
    if (cpuid(0, 0).ecx != CPUID_VENDOR_ECX_AMD)
        return;
    uint64_t before = rdmsr(MSR_NB_CFG);

    wrmsr(MSR_NB_CFG, before ^ NB_CFG_ECS);
    wrong += rdmsr(MSR_NB_CFG) != before;
}

int main(void)
{
    traps_start();
    by_itself();
    protection_keys();
    memory_types();
    reserved_bits();
    apic_base();
    northbridge();
    /* A word or dword that begins before CF9h does not reset the machine. */
    out16(PORT_PCI_ADDRESS, RESET << 8);
    out32(PORT_PCI_ADDRESS - 1, RESET << 16);
    print_fact("registers: written", written);
    print_fact("registers: refused", refused);
    print_fact("registers: failures", wrong);
    return 0;
}
