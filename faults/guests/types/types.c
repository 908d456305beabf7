/* types.c — asks for its own memory in every type that page tables can name, and writes to it.
 *
 * source  AMD APM vol 2 (24593), 5.3.4 (2-Mbyte Page Translation), 7.8.2 (PAT Indexing) */
#include "guest.h"
#include "machine.h"

#define LARGE_BYTES UINT64_C(0x200000)
#define TABLE       UINT64_C(0x000FFFFFFFFFF000)
#define PTE_PWT     BIT(3)
#define PTE_PCD     BIT(4)
#define PTE_PAT     BIT(12)     /* of a large page */
#define PAT_VARIED  UINT64_C(0x0606050100070406)    /* WB, WT, UC-, UC, WC, WP, WB, WB */

static uint64_t *next(uint64_t entry)
{
    return (uint64_t *)(entry & TABLE);
}

static uint64_t *directory(void)
{
    uint64_t cr3;
    asm volatile("mov %%cr3, %0" : "=r"(cr3));
    return next(*next(*next(cr3)));
}

int main(void)
{
    static const uint64_t choices[] = {PTE_PWT, PTE_PCD | PTE_PWT, PTE_PAT, PTE_PAT | PTE_PWT};
    uint64_t *entries = directory();

    wrmsr(MSR_PAT, PAT_VARIED);
    for (uint64_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        volatile uint64_t *page = (volatile uint64_t *)((i + 1) * LARGE_BYTES);
        page[0] = i;
        entries[i + 1] |= choices[i];
        asm volatile("invlpg (%0)" : : "r"(page) : "memory");
        page[0]++;
        page[8] = page[0];
    }
    print("types: done\n");
    return 0;
}
