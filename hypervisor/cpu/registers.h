/* registers.h — control registers, MSRs, CPUID and the instructions that reach them. Bits as the
 * manuals print them; sources: AMD APM vol 2 (24593) chapters 3, 5, 7; vol 3 (24594) appendix E;
 * Intel SDM (325462) vol 4. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define BIT(n)           (UINT64_C(1) << (n))
#define FIELD(high, low) ((BIT((high) - (low)) * 2 - 1) << (low))

static inline uint64_t field_get(uint64_t word, uint64_t field)
{
    return (word & field) / (field & -field);
}

#define CR0_PE   BIT(0)
#define CR0_MP   BIT(1)
#define CR0_EM   BIT(2)
#define CR0_TS   BIT(3)
#define CR0_ET   BIT(4)
#define CR0_NE   BIT(5)
#define CR0_WP   BIT(16)
#define CR0_AM   BIT(18)
#define CR0_NW   BIT(29)
#define CR0_CD   BIT(30)
#define CR0_PG   BIT(31)

#define CR4_DE         BIT(3)
#define CR4_PSE        BIT(4)
#define CR4_PAE        BIT(5)
#define CR4_MCE        BIT(6)
#define CR4_PGE        BIT(7)
#define CR4_OSFXSR     BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_LA57       BIT(12)
#define CR4_VMXE       BIT(13)
#define CR4_PCIDE      BIT(17)
#define CR4_OSXSAVE    BIT(18)
#define CR4_SMAP       BIT(21)
#define CR4_PKE        BIT(22)
#define CR4_CET        BIT(23)

#define XCR0_X87    BIT(0)
#define XCR0_SSE    BIT(1)
#define XCR0_AVX    BIT(2)
#define XCR0_AVX512 FIELD(7, 5)
#define XCR0_PKRU   BIT(9)
#define XSS_CET     FIELD(12, 11)

#define RFLAGS_CF    BIT(0)
#define RFLAGS_FIXED BIT(1)     /* always one */
#define RFLAGS_PF    BIT(2)
#define RFLAGS_ZF    BIT(6)
#define RFLAGS_SF    BIT(7)
#define RFLAGS_TF    BIT(8)
#define RFLAGS_IF    BIT(9)
#define RFLAGS_DF    BIT(10)
#define RFLAGS_OF    BIT(11)
#define RFLAGS_RF    BIT(16)
#define RFLAGS_AC    BIT(18)

/* Page-table entries, host, guest and nested alike (APM vol 2, "Page-Translation-Table Entry
 * Fields"). */
#define PTE_P     BIT(0)
#define PTE_W     BIT(1)
#define PTE_U     BIT(2)
#define PTE_PWT   BIT(3)
#define PTE_PCD   BIT(4)
#define PTE_A     BIT(5)
#define PTE_D     BIT(6)
#define PTE_PS    BIT(7)        /* of a directory entry: maps a large page */
#define PTE_PAT   BIT(7)        /* of a 4 KiB entry: third bit of the PAT index */
#define PTE_NX    BIT(63)
#define PTE_FRAME FIELD(51, 12)

enum msr : uint32_t {
    MSR_TSC           = 0x010,
    MSR_PLATFORM_ID   = 0x017,
    MSR_APIC_BASE     = 0x01B,
    MSR_FEATURE_CONTROL = 0x03A,
    MSR_TSC_ADJUST    = 0x03B,
    MSR_SPEC_CTRL     = 0x048,
    MSR_PRED_CMD      = 0x049,
    MSR_MICROCODE     = 0x08B,  /* the revision that is loaded */
    MSR_MTRR_CAP      = 0x0FE,
    MSR_SYSENTER_CS   = 0x174,
    MSR_SYSENTER_EIP  = 0x176,
    MSR_MCG_CAP       = 0x179,
    MSR_MCG_STATUS    = 0x17A,
    MSR_MCG_CTL       = 0x17B,
    MSR_MISC_ENABLE   = 0x1A0,
    MSR_DEBUGCTL      = 0x1D9,
    MSR_LAST_BRANCH_FROM = 0x1DB,
    MSR_LAST_EXCEPTION_TO = 0x1DE,
    MSR_MTRR_PHYSBASE = 0x200,  /* base, mask, base, mask, ... */
    MSR_MTRR_FIX64K_00000 = 0x250,
    MSR_MTRR_FIX16K_80000 = 0x258,
    MSR_MTRR_FIX16K_A0000 = 0x259,
    MSR_MTRR_FIX4K_C0000  = 0x268,
    MSR_MTRR_FIX4K_C8000, MSR_MTRR_FIX4K_D0000, MSR_MTRR_FIX4K_D8000, MSR_MTRR_FIX4K_E0000,
    MSR_MTRR_FIX4K_E8000,
    MSR_MTRR_FIX4K_F0000, MSR_MTRR_FIX4K_F8000,
    MSR_PAT           = 0x277,
    MSR_MTRR_DEF_TYPE = 0x2FF,
    MSR_MC0_CTL       = 0x400,  /* machine-check banks */
    MSR_MC_LAST       = 0x47F,
    MSR_VMX_BASIC     = 0x480,  /* Intel SDM vol 3, appendix A: the capabilities of VMX */
    MSR_VMX_CR0_FIXED0 = 0x486,
    MSR_VMX_CR4_FIXED0 = 0x488,
    MSR_VMX_PROCBASED_CTLS2     = 0x48B,
    MSR_VMX_EPT_VPID_CAP        = 0x48C,
    MSR_VMX_TRUE_PINBASED_CTLS  = 0x48D,
    MSR_VMX_TRUE_PROCBASED_CTLS = 0x48E,
    MSR_VMX_TRUE_EXIT_CTLS      = 0x48F,
    MSR_VMX_TRUE_ENTRY_CTLS     = 0x490,
    MSR_VMX_LAST      = 0x493,
    MSR_U_CET         = 0x6A0,  /* shadow stacks */
    MSR_CET_LAST      = 0x6A8,
    MSR_TSC_DEADLINE  = 0x6E0,
    MSR_PKRS          = 0x6E1,  /* protection keys of supervisor pages */
    MSR_X2APIC_FIRST  = 0x800,      /* the local APIC's registers, 16 bytes of its page each */
    MSR_X2APIC_ID     = 0x802,
    MSR_X2APIC_LVT_CMCI = 0x82F,
    MSR_X2APIC_ICR    = 0x830,
    MSR_X2APIC_LVT_FIRST = 0x832,
    MSR_X2APIC_LVT_LAST = 0x837,
    MSR_X2APIC_LAST   = 0x83F,      /* behind it lie AMD's extended ones */
    MSR_XSS           = 0xDA0,
    MSR_EFER          = 0xC0000080,
    MSR_STAR          = 0xC0000081,
    MSR_SFMASK        = 0xC0000084,
    MSR_FS_BASE       = 0xC0000100,
    MSR_KERNEL_GS_BASE = 0xC0000102,
    MSR_TSC_AUX       = 0xC0000103,
    MSR_PERF_CTL0_LEGACY = 0xC0010000,  /* AMD: four controls, four counters */
    MSR_PERF_CTR3_LEGACY = 0xC0010007,
    MSR_SYSCFG        = 0xC0010010,
    MSR_HWCR          = 0xC0010015,
    MSR_TOP_MEM       = 0xC001001A,     /* AMD: where RAM ends, below 4 GiB and above */
    MSR_TOP_MEM2      = 0xC001001D,
    MSR_NB_CFG        = 0xC001001F,     /* AMD: the northbridge's configuration */
    MSR_INT_PENDING   = 0xC0010055,     /* AMD: "Interrupt Pending and CMP-Halt" */
    MSR_VM_CR         = 0xC0010114,
    MSR_VM_HSAVE_PA   = 0xC0010117,
    MSR_SEV_STATUS    = 0xC0010131,
    MSR_OSVW_LENGTH   = 0xC0010140,     /* AMD: OS visible workarounds */
    MSR_OSVW_STATUS   = 0xC0010141,
    MSR_PERF_CTL0     = 0xC0010200,     /* AMD: six pairs of control and counter */
    MSR_PERF_CTR5     = 0xC001020B,
    MSR_CORE_CONFIG_FIRST = 0xC0011020, /* AMD: LS_CFG and the like */
    MSR_CORE_CONFIG_LAST  = 0xC001102B,
};

#define MTRR_FIXED_COUNT 11u
static const enum msr mtrr_fixed[MTRR_FIXED_COUNT] = {
    MSR_MTRR_FIX64K_00000, MSR_MTRR_FIX16K_80000, MSR_MTRR_FIX16K_A0000, MSR_MTRR_FIX4K_C0000,
    MSR_MTRR_FIX4K_C8000,  MSR_MTRR_FIX4K_D0000,  MSR_MTRR_FIX4K_D8000,  MSR_MTRR_FIX4K_E0000,
    MSR_MTRR_FIX4K_E8000,  MSR_MTRR_FIX4K_F0000,  MSR_MTRR_FIX4K_F8000,
};

/* APM vol 2, "Debug Registers". */
#define DR6_B          FIELD(3, 0)  /* breakpoints that were met */
#define DR6_BS         BIT(14)      /* a single step */
#define DR7_ENABLED    FIELD(7, 0)  /* L0, G0, L1, ... */
#define DR7_GD         BIT(13)      /* accesses to debug registers trap */
#define BREAKPOINTS    4u
#define DEBUGCTL_LBR   BIT(0)       /* last branches, in MSRs; what lies above BTF goes to memory */
#define DEBUGCTL_BTF   BIT(1)       /* RFLAGS.TF traps branches only */

#define LOCAL_APIC     UINT64_C(0xFEE00000)
#define IO_APIC        UINT64_C(0xFEC00000)
#define APIC_BASE_BSP  BIT(8)   /* as the machine has it, whatever is written */
#define APIC_BASE_EXTD BIT(10)  /* x2APIC mode */
#define APIC_BASE_EN   BIT(11)

#define EFER_SCE   BIT(0)
#define EFER_LME   BIT(8)
#define EFER_LMA   BIT(10)
#define EFER_NXE   BIT(11)
#define EFER_SVME  BIT(12)
#define EFER_FFXSR BIT(14)
#define EFER_TCE   BIT(15)

#define MTRR_CAP_VCNT  FIELD(7, 0)
#define MTRR_CAP_FIX   BIT(8)
#define MTRR_DEF_E     BIT(11)      /* MTRRs on */
#define MTRR_DEF_FE    BIT(10)      /* fixed-range MTRRs on */
#define MTRR_DEF_TYPE  FIELD(7, 0)
#define MTRR_BASE_TYPE FIELD(7, 0)
#define MTRR_MASK_V    BIT(11)

/* APM vol 2, "Memory Types": 2 and 3 are reserved, 7 is UC- and for the PAT only. */
#define MEMORY_TYPE_UC UINT64_C(0)
#define MEMORY_TYPE_WB UINT64_C(6)
#define MEMORY_TYPE_UC_MINUS UINT64_C(7)
#define MEMORY_TYPES_RESERVED (BIT(2) | BIT(3))
#define PAT_ENTRIES    8u
#define PAT_ALL_WB     UINT64_C(0x0606060606060606)
#define PAT_RESET      UINT64_C(0x0007040600070406)     /* APM vol 2, "PAT Register": value at
                                                         * reset */
#define PAT_HOST       UINT64_C(0x0007040100070406)     /* the same, with entry 4 =
                                                         * write-combining */
#define PTE_WC         PTE_PAT                          /* selects PAT entry 4 */

#define VM_CR_LOCK     BIT(3)       /* SVMDIS cannot be cleared; read-only */
#define VM_CR_SVMDIS   BIT(4)       /* firmware forbids EFER.SVME */

#define SYSCFG_TOM2_WB BIT(22)      /* AMD: RAM above 4 GiB is write-back whatever the default type
                                     * says */

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

/* AMD APM vol 3 (24594), appendix E; Intel SDM vol 2, "CPUID". */
enum cpuid_leaf : uint32_t {
    CPUID_VENDOR              = 0x0,    /* EAX: the highest leaf; else the vendor's name */
    CPUID_FEATURES            = 0x1,
    CPUID_DESCRIPTORS         = 0x2,    /* of caches and TLBs */
    CPUID_CACHES              = 0x4,    /* deterministic cache parameters: a subleaf a cache */
    CPUID_POWER               = 0x6,
    CPUID_MORE_FEATURES       = 0x7,    /* structured extended feature flags */
    CPUID_TOPOLOGY            = 0xB,
    CPUID_XSTATE              = 0xD,
    CPUID_TSC                 = 0x15,   /* its frequency */
    CPUID_FREQUENCY           = 0x16,
    CPUID_TOPOLOGY_2          = 0x1F,
    CPUID_EXTENDED            = 0x80000000,     /* EAX: the highest extended leaf */
    CPUID_EXTENDED_FEATURES   = 0x80000001,
    CPUID_NAME                = 0x80000002,     /* three leaves */
    CPUID_CACHES_L1_AMD       = 0x80000005,
    CPUID_CACHES_L2_AMD       = 0x80000006,
    CPUID_POWER_AND_RAS       = 0x80000007,
    CPUID_ADDRESS_SIZES       = 0x80000008,
    CPUID_SVM                 = 0x8000000A,
    CPUID_TLB_1GIB_AMD        = 0x80000019,
    CPUID_OPTIMISATION_AMD    = 0x8000001A,
    CPUID_CACHES_AMD          = 0x8000001D,     /* in the form of leaf 4 */
    CPUID_TOPOLOGY_AMD        = 0x8000001E,
    CPUID_ENCRYPTED_MEMORY    = 0x8000001F,
    CPUID_EXTENDED_FEATURES_2 = 0x80000021,
};
#define CPUID_VENDOR_ECX_AMD   0x444D4163u      /* "AuthenticAMD" ends in "cAMD" */
#define CPUID_VENDOR_ECX_HYGON 0x656E6975u      /* "HygonGenuine" in "uine" */

#define CACHE_TYPE       FIELD(4, 0)        /* EAX; 0: no more of them */
#define CACHE_TYPE_CODE  2u
#define CACHE_LEVEL      FIELD(7, 5)
#define CACHE_SHARERS    FIELD(25, 14)      /* one less */
#define CACHE_WAYS       FIELD(31, 22)      /* EBX; this and what follows is one less */
#define CACHE_PARTITIONS FIELD(21, 12)
#define CACHE_LINE       FIELD(11, 0)       /* bytes; sets are in ECX */
#define CPUID_1_ECX_VMX        BIT(5)
#define CPUID_1_ECX_X2APIC     BIT(21)
#define CPUID_1_ECX_XSAVE      BIT(26)
#define CPUID_1_ECX_OSXSAVE    BIT(27)
#define CPUID_1_ECX_AVX        BIT(28)
#define CPUID_1_ECX_RDRAND     BIT(30)
#define CPUID_1_EDX_MCE        BIT(7)
#define CPUID_1_EDX_MTRR       BIT(12)
#define CPUID_7_EBX_AVX512F    BIT(16)
#define CPUID_7_EBX_RDSEED     BIT(18)
#define CPUID_7_ECX_OSPKE      BIT(4)
#define CPUID_D1_EAX_XSAVES    BIT(3)
#define CPUID_80000001_ECX_SVM BIT(2)
#define CPUID_80000001_ECX_TCE BIT(17)
#define CPUID_80000001_ECX_TOPOEXT BIT(22)      /* leaf 8000001Dh is there */
#define CPUID_80000001_EDX_NX  BIT(20)
#define CPUID_80000001_EDX_FFXSR BIT(25)
#define CPUID_80000006_EDX_L3_WAYS FIELD(15, 12)    /* 0: there is none */
#define CPUID_80000006_EDX_L3_SIZE FIELD(31, 18)    /* 512 KiB each */
#define CPUID_80000008_EAX_PHYSICAL_BITS FIELD(7, 0)
#define CPUID_8000001F_EAX_SEV BIT(1)
#define SEV_STATUS_SEV BIT(0)

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;
    asm volatile("cpuid"
                 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

static inline uint64_t physical_address_bits(void)
{
    return field_get(cpuid(CPUID_ADDRESS_SIZES, 0).eax, CPUID_80000008_EAX_PHYSICAL_BITS);
}

static inline uint64_t rdmsr(enum msr msr)
{
    uint32_t low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(enum msr msr, uint64_t value)
{
    asm volatile("wrmsr"
                 : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline uint64_t rdtsc(void)
{
    uint32_t low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

#define READ_CR(n)                                                                  \
    static inline uint64_t read_cr##n(void)                                         \
    {                                                                               \
        uint64_t value;                                                             \
        asm volatile("mov %%cr" #n ", %0" : "=r"(value));                           \
        return value;                                                               \
    }                                                                               \
    static inline void write_cr##n(uint64_t value)                                  \
    {                                                                               \
        asm volatile("mov %0, %%cr" #n : : "r"(value) : "memory");                  \
    }
READ_CR(0)
READ_CR(2)
READ_CR(3)
READ_CR(4)
#undef READ_CR

/* CR4.OSXSAVE must be set. */
static inline uint64_t read_xcr0(void)
{
    uint32_t low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static inline void write_xcr0(uint64_t value)
{
    asm volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

#define PORT_WIDTH(bits, suffix)                                                    \
    static inline uint##bits##_t in##bits(uint16_t port)                            \
    {                                                                               \
        uint##bits##_t value;                                                       \
        asm volatile("in" #suffix " %1, %0" : "=a"(value) : "Nd"(port));            \
        return value;                                                               \
    }                                                                               \
    static inline void out##bits(uint16_t port, uint##bits##_t value)               \
    {                                                                               \
        asm volatile("out" #suffix " %0, %1" : : "a"(value), "Nd"(port));           \
    }
PORT_WIDTH(8, b)
PORT_WIDTH(16, w)
PORT_WIDTH(32, l)
#undef PORT_WIDTH

/* width: bytes, 1, 2 or 4. */
static inline uint32_t port_in(uint16_t port, uint32_t width)
{
    return width == 1 ? in8(port) : width == 2 ? in16(port) : in32(port);
}

static inline void port_out(uint16_t port, uint32_t width, uint32_t value)
{
    if (width == 1)
        out8(port, (uint8_t)value);
    else if (width == 2)
        out16(port, (uint16_t)value);
    else
        out32(port, value);
}

[[noreturn]] static inline void halt(void)
{
    for (;;)
        asm volatile("cli; hlt");
}
