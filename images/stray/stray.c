/* stray.c — looks for memory that it does not have, as programs do that do not believe a memory map.
 *
 * The RAM that begins at 1 MiB ends where the hypervisor's own memory begins: the homes of the
 * integrity tree, then the frozen region.
 *
 * --append "beyond=1", for a CPU of 52 address bits, touches an address that nested tables of four
 * levels do not reach: the hypervisor must stop it. Registers hold marks then, which must not be
 * left in them. */
#include "guest.h"
#include "machine.h"

#define PROBED_PAGES 512u       /* the least that the hypervisor has: a region of 2 MiB */

#define CPUID_1_ECX_XSAVE BIT(26)
#define CPUID_1_ECX_AVX   BIT(28)
#define XCR0_AVX_SSE_X87  7u
#define MSR_FS_BASE       0xC0000100u
#define MSR_LSTAR         0xC0000082u

#define TABLE_OF_ENTRY    UINT64_C(0xFFFFFFFFFF000)
#define LARGE_ENTRY       0x83u         /* present, writable, large: 1 GiB */
#define LARGE_BITS        30u
#define FREE_LARGE        256u          /* of the first page-directory-pointer table */
#define BEYOND            (BIT(50) | 0xC0000000)

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

static void touch_beyond(void)
{
    uint64_t *table, at = (uint64_t)FREE_LARGE << LARGE_BITS;
    asm volatile("mov %%cr3, %0" : "=r"(table));
    table = (uint64_t *)(table[0] & TABLE_OF_ENTRY);
    table[FREE_LARGE] = BEYOND | LARGE_ENTRY;
    mark_registers();
    asm volatile("mov %1, %%r8; mov %1, %%r9; mov %1, %%r12; mov %1, %%r15; mov (%0), %0"
                 : "+r"(at) : "r"(MARK) : "r8", "r9", "r12", "r15", "memory");
    print_fact("stray: FAILED: read", at);
}

static volatile uint64_t *word(uint64_t page, uint64_t offset)
{
    return (volatile uint64_t *)(entry.ram_end + page * PAGE_BYTES + offset);
}

int main(void)
{
    volatile uint64_t *last = (volatile uint64_t *)(entry.ram_end - sizeof(uint64_t));
    uint64_t ones = 0;

    *last = 1;
    print_fact("stray: the last word that is ours holds", *last);
    if (option("beyond", 0) != 0)
        touch_beyond();
    for (uint64_t page = 0; page < PROBED_PAGES; page++) {
        volatile uint64_t *first = word(page, page % 8 * sizeof *first);
        ones += *first == UINT64_MAX && *word(page, PAGE_BYTES - sizeof *first) == UINT64_MAX;
        if (ones != page + 1) {     /* what is written here could destroy what reports it */
            print_fact("stray: FAILED: something is there, page", page);
            power_off();
        }
        *first = MARK;              /* no other page may show it */
    }
    print_fact("stray: pages of ones that are not ours", ones);
    print_fact("stray: the last word that is ours holds", *last);
    power_off();
}
