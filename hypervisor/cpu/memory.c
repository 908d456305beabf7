#include "cpu/memory.h"

#include "cpu/registers.h"

#define ENTRIES      512u

extern const char text_end[], rodata_end[];     /* frostvisor.ld */

uint64_t frozen_base;

static _Alignas(PAGE_BYTES) uint64_t pml4[ENTRIES];
static _Alignas(PAGE_BYTES) uint64_t pdpt[ENTRIES];
static _Alignas(PAGE_BYTES) uint64_t directory[ENTRIES];
static _Alignas(PAGE_BYTES) uint64_t first_table[ENTRIES];  /* where text ends and data begins */
static _Alignas(PAGE_BYTES) uint64_t last_table[ENTRIES];   /* a region need not end on 2 MiB */
static _Alignas(PAGE_BYTES) uint64_t window_table[ENTRIES];

static uint64_t rights(uint64_t offset)
{
    uint64_t address = HYPERVISOR_BASE + offset;
    if (address < (uintptr_t)text_end)
        return PTE_P;
    if (address < (uintptr_t)rodata_end)
        return PTE_P | PTE_NX;
    return PTE_P | PTE_W | PTE_NX;
}

static void fill_table(uint64_t *table, uint64_t offset, uint64_t bytes)
{
    for (uint32_t i = 0; i < ENTRIES && (uint64_t)i * PAGE_BYTES < bytes; i++) {
        uint64_t at = offset + (uint64_t)i * PAGE_BYTES;
        table[i] = (frozen_base + at) | rights(at) | PTE_A | PTE_D;
    }
}

void memory_start(uint64_t base, uint64_t bytes)
{
    frozen_base = base;

    /* Accessed and dirty are preset: the CPU then never writes to these tables on its own. */
    pml4[511] = frozen_hpa(pdpt) | PTE_P | PTE_W | PTE_A;
    pdpt[510] = frozen_hpa(directory) | PTE_P | PTE_W | PTE_A;
    directory[ENTRIES - 1] = frozen_hpa(window_table) | PTE_P | PTE_W | PTE_A;
    for (uint64_t offset = 0; offset < bytes; offset += LARGE_PAGE_BYTES) {
        uint64_t *entry = &directory[offset / LARGE_PAGE_BYTES];
        if (offset != 0 && bytes - offset >= LARGE_PAGE_BYTES) {
            *entry = (base + offset) | PTE_P | PTE_W | PTE_NX | PTE_PS | PTE_A | PTE_D;
            continue;
        }
        uint64_t *table = offset == 0 ? first_table : last_table;
        fill_table(table, offset, bytes - offset);
        *entry = frozen_hpa(table) | PTE_P | PTE_W | PTE_A;
    }

    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
    write_cr0(read_cr0() | CR0_WP);
    wrmsr(MSR_PAT, PAT_HOST);
    write_cr3(frozen_hpa(pml4));
}

static void *window(uint64_t hpa, uint64_t type)
{
    uint64_t entry = hpa | PTE_P | PTE_W | PTE_NX | PTE_A | PTE_D | type;
    if (window_table[0] != entry) {
        window_table[0] = entry;
        /* Serialising (APM vol 3, INVLPG): also drains what write-combining still holds of the last
         * frame. */
        asm volatile("invlpg (%0)" : : "r"(DRAM_WINDOW) : "memory");
    }
    return (void *)DRAM_WINDOW;
}

void *memory_dram(uint64_t hpa)
{
    return window(hpa, PTE_WC);
}

volatile void *memory_device(uint64_t hpa)
{
    uint64_t in_page = hpa % PAGE_BYTES;
    return (volatile uint8_t *)window(hpa - in_page, PTE_PCD | PTE_PWT) + in_page;
}
