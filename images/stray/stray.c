/* stray.c — touches memory that it does not have: the hypervisor must stop it. Registers hold marks
 * then, which must not be left in them.
 *
 * The RAM that begins at 1 MiB ends where the hypervisor's own memory begins: the homes of the
 * integrity tree, then the frozen region. */
#include "guest.h"
#include "machine.h"

#define CPUID_1_ECX_XSAVE BIT(26)
#define CPUID_1_ECX_AVX   BIT(28)
#define XCR0_AVX_SSE_X87  7u
#define MSR_FS_BASE       0xC0000100u
#define MSR_LSTAR         0xC0000082u

#define MARK UINT64_C(0xFFFFDB3DF05758A1)       /* canonical; a number of the x87 unit too */

static void mark_registers(void)
{
    static const uint64_t marks[4] = {MARK, MARK, MARK, MARK};

    asm volatile("fldt %0" : : "m"(marks));
    asm volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; mov %0, %%dr3" : : "r"(MARK));
    wrmsr(MSR_FS_BASE, MARK);
    wrmsr(MSR_LSTAR, MARK);
    if ((~cpuid(1, 0).ecx & (CPUID_1_ECX_XSAVE | CPUID_1_ECX_AVX)) != 0)
        return;
    write_cr4(read_cr4() | CR4_OSXSAVE);
    asm volatile("xsetbv" : : "a"(XCR0_AVX_SSE_X87), "d"(0), "c"(0));
    asm volatile("vmovups %0, %%ymm3; vmovups %0, %%ymm15" : : "m"(marks));
}

int main(void)
{
    volatile uint64_t *last = (volatile uint64_t *)(entry.ram_end - sizeof(uint64_t));
    uint64_t stray = entry.ram_end;

    *last = 1;
    print_fact("stray: the last word that is ours holds", *last);
    print("stray: touching the first that is not\n");
    mark_registers();
    asm volatile("mov %1, %%r8; mov %1, %%r9; mov %1, %%r12; mov %1, %%r15; mov (%0), %0"
                 : "+r"(stray) : "r"(MARK) : "r8", "r9", "r12", "r15", "memory");
    print_fact("stray: FAILED: read", stray);
    return 1;
}
