/* fit.c — `fit`: only the frozen region is write-back, everything else is uncacheable; the region
 * is no larger than the cache and free of conflicts, so nothing ever asks for one of its lines.
 *
 * source  AMD APM vol 2 (24593), "Memory-Type Range Registers" and "Using MTRRs" (the sequence of
 *         MTRR changes); Intel SDM (325462) vol 3, 11.11.8, "MTRR Considerations in MP Systems"
 *         (the same sequence)
 */
#include "cpu/memory.h"
#include "cpu/registers.h"
#include "freeze/strategies.h"
#include "image.h"
#include "report/panic.h"

#define LINE_BYTES 64u      /* on every x86-64 CPU so far */

/* Ranges are powers of two, each aligned to its own size: largest first keeps that true. */
static void set_write_back(uint64_t base, uint64_t bytes, uint32_t count)
{
    uint64_t address_mask = (BIT(physical_address_bits()) - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    for (uint32_t i = 0; i < count; i++) {
        enum msr at = MSR_MTRR_PHYSBASE + 2 * i;
        if (bytes == 0) {
            wrmsr(at + 1, 0);
            continue;
        }
        uint64_t part = BIT(63 - (uint32_t)__builtin_clzll(bytes));
        wrmsr(at, base | MEMORY_TYPE_WB);
        wrmsr(at + 1, (address_mask & ~(part - 1)) | MTRR_MASK_V);
        base += part;
        bytes -= part;
    }
    if (bytes != 0)
        panic(PANIC_FREEZE, FREEZE_FIT);    /* more parts than the CPU has MTRRs */
}

static void only_write_back(uint64_t base, uint64_t bytes)
{
    if (!(cpuid(CPUID_FEATURES, 0).edx & CPUID_1_EDX_MTRR))
        panic(PANIC_FREEZE, FREEZE_FIT);
    uint64_t capabilities = rdmsr(MSR_MTRR_CAP);

    uint32_t vendor = cpuid(CPUID_VENDOR, 0).ecx;
    write_cr0((read_cr0() | CR0_CD) & ~CR0_NW);
    asm volatile("wbinvd" : : : "memory");
    write_cr4(read_cr4() & ~CR4_PGE);
    write_cr3(read_cr3());                  /* memory types are cached in the TLB */
    wrmsr(MSR_MTRR_DEF_TYPE, 0);
    if (vendor == CPUID_VENDOR_ECX_AMD || vendor == CPUID_VENDOR_ECX_HYGON)
        wrmsr(MSR_SYSCFG, rdmsr(MSR_SYSCFG) & ~SYSCFG_TOM2_WB);
    if (capabilities & MTRR_CAP_FIX)
        for (uint32_t i = 0; i < MTRR_FIXED_COUNT; i++)
            wrmsr(mtrr_fixed[i], MEMORY_TYPE_UC);
    set_write_back(base, bytes, (uint32_t)field_get(capabilities, MTRR_CAP_VCNT));
    wrmsr(MSR_MTRR_DEF_TYPE,
          MTRR_DEF_E | (capabilities & MTRR_CAP_FIX ? MTRR_DEF_FE : 0) | MEMORY_TYPE_UC);
    asm volatile("wbinvd" : : : "memory");
    write_cr3(read_cr3());
    write_cr0(read_cr0() & ~(CR0_CD | CR0_NW));
}

/* A line that was written is held by the cache alone; one that was only read is not. */
static void dirty_every_line(uint64_t bytes)
{
    uint64_t at = HYPERVISOR_BASE, end = HYPERVISOR_BASE + bytes;

    write_cr0(read_cr0() & ~CR0_WP);        /* text and rodata are lines like any other */
    for (; at < end; at += LINE_BYTES)
        asm volatile("lock addq $0, (%0)" : : "r"(at) : "memory");
    write_cr0(read_cr0() | CR0_WP);
}

void freeze_fit(uint64_t base, uint64_t bytes)
{
    only_write_back(base, bytes);
    dirty_every_line(bytes);
}
