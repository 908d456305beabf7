/* hello.c — the smallest proof: the guest runs, sees the CPU that it is meant to see, and powers
 * off.
 *
 * source  AMD APM vol 3 (24594), appendix E (CPUID); vol 2 (24593), section 7.7 (MTRRs), 7.8 (PAT),
 *         15.4 (SVM); Intel SDM (325462) vol 3, "Discovering Support for VMX" */
#include "guest.h"
#include "machine.h"
#include "traps.h"

#define CPUID_1_ECX_MONITOR     BIT(3)
#define CPUID_1_ECX_VMX         BIT(5)
#define CPUID_1_ECX_SMX         BIT(6)
#define CPUID_1_ECX_OSXSAVE     BIT(27)
#define CPUID_1_EDX_CLFSH       BIT(19)
#define CPUID_7_EBX_CLFLUSHOPT  BIT(23)
#define CPUID_7_EBX_CLWB        BIT(24)
#define CPUID_80000001_ECX_SVM  BIT(2)
#define CPUID_80000001_ECX_MONITORX BIT(29)

#define PAT_OTHER       UINT64_C(0x0100070406050106)    /* a valid value that no firmware chooses */
#define PAT_FORBIDDEN   UINT64_C(0x0007040600070402)    /* type 2 does not exist */
#define MTRR_OTHER      UINT64_C(0x80000006)            /* 2 GiB, write-back: base register only */
#define DENIED_BYTES          3u
#define WRMSR_BYTES           2u
#define XSETBV_BYTES          3u
#define XCR0_X87              1u
#define XCR0_SSE              2u
#define XCR0_AVX              4u
#define MOV_CR4_BYTES         3u
#define CR4_VMXE              BIT(13)
#define VENDOR_INTEL          0x6C65746Eu     /* "ntel", the last of "GenuineIntel" */

static uint64_t checks, failures;

static void check(bool holds, const char *what)
{
    checks++;
    if (holds)
        return;
    failures++;
    print("hello: FAILED: ");
    print(what);
    print("\n");
}

static void check_cpuid(void)
{
    check(!(cpuid(1, 0).ecx & CPUID_1_ECX_MONITOR), "CPUID hides MONITOR");
    check(!(cpuid(0x80000001, 0).ecx & CPUID_80000001_ECX_MONITORX), "CPUID hides MONITORX");
    check(!(cpuid(1, 0).edx & CPUID_1_EDX_CLFSH), "CPUID hides CLFLUSH");
    check(!(cpuid(7, 0).ebx & (CPUID_7_EBX_CLFLUSHOPT | CPUID_7_EBX_CLWB)),
          "CPUID hides CLFLUSHOPT and CLWB");
    check(!(cpuid(0x80000001, 0).ecx & CPUID_80000001_ECX_SVM), "CPUID hides SVM");
    check(!(cpuid(1, 0).ecx & (CPUID_1_ECX_VMX | CPUID_1_ECX_SMX)), "CPUID hides VMX and SMX");
    check(cpuid(0x8000000A, 0).edx == 0, "CPUID offers no SVM features");

    check(!(cpuid(1, 0).ecx & CPUID_1_ECX_OSXSAVE), "OSXSAVE is 0 while CR4.OSXSAVE is 0");
    write_cr4(read_cr4() | CR4_OSXSAVE);
    check(cpuid(1, 0).ecx & CPUID_1_ECX_OSXSAVE, "OSXSAVE is 1 once CR4.OSXSAVE is 1");
    write_cr4(read_cr4() & ~CR4_OSXSAVE);
    check(!(cpuid(1, 0).ecx & CPUID_1_ECX_OSXSAVE), "OSXSAVE is 0 again");

    /* A REX that is not right before the opcode counts for nothing, and any program may write one.
     * */
    uint32_t plain = cpuid(0, 0).ebx, prefixed, leaf = 0, rest = 0;
    asm volatile(".byte 0x48, 0x66, 0x0F, 0xA2" : "+a"(leaf), "=b"(prefixed), "+c"(rest) : : "rdx");
    check(prefixed == plain, "CPUID with prefixes answers as without");
}

/* A register that the guest owns a copy of: it keeps what was written, and can be put back. */
static void check_kept(uint32_t msr, uint64_t other, const char *what)
{
    uint64_t before = rdmsr(msr);
    wrmsr(msr, other);
    uint64_t during = rdmsr(msr);
    wrmsr(msr, before);
    check(before != other && during == other && rdmsr(msr) == before, what);
}

static void check_memory_types(void)
{
    check_kept(MSR_PAT, PAT_OTHER, "PAT keeps what is written");
    check_kept(MSR_MTRR_PHYSBASE0 + 2, MTRR_OTHER, "a variable MTRR keeps what is written");
    check_kept(MSR_MTRR_DEF_TYPE, rdmsr(MSR_MTRR_DEF_TYPE) ^ 6,
               "the default memory type keeps what is written");

    traps_expect(VECTOR_GP, WRMSR_BYTES);
    wrmsr(MSR_PAT, PAT_FORBIDDEN);
    check(trap_counts[VECTOR_GP] == 1, "a forbidden PAT gives #GP");
    check(rdmsr(MSR_PAT) != PAT_FORBIDDEN, "a forbidden PAT is not kept");
}

/* All of memory must be as it was, and the guest must go on. */
static void check_caches(void)
{
    static volatile uint64_t words[512];
    uint64_t sum = 0;

    for (uint64_t i = 0; i < 512; i++)
        words[i] = i * i;
    invd();
    wbinvd();
    for (uint64_t i = 0; i < 512; i++)
        sum += words[i];
    check(sum == UINT64_C(511) * 512 * 1023 / 6, "INVD and WBINVD change nothing");
}

/* XSETBV exits on one vendor's CPUs only; what it accepts must be the same. */
static void check_xcr0(void)
{
    uint32_t low = 0, high = 0;

    write_cr4(read_cr4() | CR4_OSXSAVE);
    asm volatile("xsetbv" : : "a"(XCR0_X87 | XCR0_SSE), "d"(0), "c"(0));
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    check(low == (XCR0_X87 | XCR0_SSE) && high == 0, "XCR0 keeps what is written");
    uint64_t denials = trap_counts[VECTOR_GP];
    traps_expect(VECTOR_GP, XSETBV_BYTES);
    asm volatile("xsetbv" : : "a"(XCR0_X87 | XCR0_AVX), "d"(0), "c"(0));
    traps_expect(VECTOR_GP, XSETBV_BYTES);
    asm volatile("xsetbv" : : "a"(XCR0_SSE), "d"(0), "c"(0));
    traps_expect(VECTOR_GP, XSETBV_BYTES);
    asm volatile("xsetbv" : : "a"(XCR0_X87), "d"(0), "c"(1));
    check(trap_counts[VECTOR_GP] == denials + 3, "AVX without SSE, no x87, and XCR1 give #GP");
    write_cr4(read_cr4() & ~CR4_OSXSAVE);
}

/* Not asked of AMD's CPUs: QEMU's lets reserved bits of CR4 be set, and then refuses the next
 * VMRUN. */
static bool is_vmxe_denied(void)
{
    uint64_t denials = trap_counts[VECTOR_GP];
    traps_expect(VECTOR_GP, MOV_CR4_BYTES);
    asm volatile("mov %0, %%cr4" : : "a"(read_cr4() | CR4_VMXE) : "memory");
    return trap_counts[VECTOR_GP] == denials + 1 && !(read_cr4() & CR4_VMXE);
}

static void check_denied(void)
{
    check(!(rdmsr(MSR_EFER) & EFER_SVME), "EFER.SVME reads 0");
    wrmsr(MSR_EFER, rdmsr(MSR_EFER));
    check(!(rdmsr(MSR_EFER) & EFER_SVME), "EFER.SVME still reads 0 after a write");

    traps_expect(VECTOR_UD, DENIED_BYTES);
    asm volatile("vmmcall");
    check(trap_counts[VECTOR_UD] == 1, "VMMCALL gives #UD");
    traps_expect(VECTOR_UD, DENIED_BYTES);
    asm volatile("vmrun" : : "a"(UINT64_C(0x5000)));
    check(trap_counts[VECTOR_UD] == 2, "VMRUN gives #UD");
    traps_expect(VECTOR_UD, DENIED_BYTES);
    asm volatile("vmcall");
    check(trap_counts[VECTOR_UD] == 3, "VMCALL gives #UD");
    check(cpuid(0, 0).ecx != VENDOR_INTEL || is_vmxe_denied(),
          "CR4.VMXE gives #GP on Intel's CPUs");
    traps_expect(VECTOR_UD, DENIED_BYTES);
    asm volatile("monitor" : : "a"(&checks), "c"(0), "d"(0));
    check(trap_counts[VECTOR_UD] == 4, "MONITOR gives #UD");
    traps_expect(VECTOR_UD, DENIED_BYTES);
    asm volatile("mwait" : : "a"(0), "c"(0));
    check(trap_counts[VECTOR_UD] == 5, "MWAIT gives #UD");
}

int main(void)
{
    print("hello: this is the guest\n");
    traps_start();
    check_cpuid();
    check_memory_types();
    check_caches();
    check_xcr0();
    check_denied();
    check(entry.ram_end % PAGE_BYTES == 0 && entry.ram_end > (uintptr_t)image_end,
          "there is RAM behind the image");
    print_fact("hello: RAM ends at MiB", entry.ram_end >> 20);
    print_fact("hello: checks", checks);
    print_fact("hello: failures", failures);
    return 0;
}
