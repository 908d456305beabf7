#include "iommu/iommu.h"

#include "bytes.h"
#include "cpu/registers.h"
#include "devices/acpi.h"
#include "devices/pci.h"
#include "iommu/units.h"
#include "report/panic.h"
#include "report/serial.h"
#include "residency/memory_map.h"

#define UNITS           16u
#define WAIT_READS      1000000u
#define STRUCTURE_BYTES 4u          /* what every structure begins with: type, flags or length */

static const struct unit_kind *const kinds[] = {&vtd, &amdvi};
#define KINDS (sizeof kinds / sizeof kinds[0])

#define ENTRIES         512u

_Alignas(PAGE_BYTES) uint64_t unit_tables[UNIT_TABLE_WORDS], unit_top[ENTRIES];
uint32_t unit_levels;
static uint8_t *lower_tables;
static uint32_t lower_free;         /* pages of them that are left */
static const struct unit_kind *kind;
static uint64_t units[UNITS];
static uint32_t unit_count;
static bool covers_all;

/* Firmware may name a unit more than once. */
static void add(struct registers found)
{
    for (uint32_t i = 0; i < unit_count; i++)
        if (units[i] == found.base)
            return;
    if (unit_count == UNITS)
        panic(PANIC_IOMMU, found.base);
    /* What is absent is not the guest's. */
    for (uint64_t at = found.base; at < found.base + found.bytes; at += PAGE_BYTES)
        if (at % PAGE_BYTES != 0 || memory_map_kind(at) != MEMORY_ABSENT)
            panic(PANIC_IOMMU, found.base);
    units[unit_count++] = found.base;
}

void iommu_find(uint32_t last_function)
{
    uint64_t table = 0;
    for (uint32_t i = 0; i < KINDS && table == 0; i++) {
        kind = kinds[i];
        table = acpi_find(kind->signature);
    }
    if (table == 0)
        return;
    uint32_t end = acpi_bytes(table), at = kind->first;
    while (at + STRUCTURE_BYTES <= end) {
        const uint8_t *structure = (const uint8_t *)(table + at);
        uint16_t bytes = (uint16_t)(structure[2] | structure[3] << 8);
        if (bytes < STRUCTURE_BYTES || bytes > end - at)
            panic(PANIC_IOMMU, table + at);
        struct registers found = kind->registers(structure, bytes);
        if (found.bytes != 0)
            add(found);
        at += bytes;
    }
    if (kind->fill != 0)
        kind->fill();
    covers_all = last_function < kind->functions;
}

uint32_t iommu_deny_all(void)
{
    uint32_t snooped = DMA_SNOOPED;
    for (uint32_t i = 0; i < unit_count; i++)
        snooped &= kind->deny_all(units[i]);
    if (unit_count != 0 && covers_all) {
        pci_allow_dma();
        return kind->id | snooped | (memory_map.c_bit != 0 ? DMA_SHARED : 0);
    }
    console_text(unit_count == 0 ? "frostvisor: no IOMMU: devices reach all of memory\r\n"
                                 : "frostvisor: the IOMMU stands before some devices alone\r\n");
    return DMA_OPEN;
}

void iommu_give_tables(void *tables, uint32_t pages)
{
    lower_tables = tables;
    lower_free = pages;
}

/* The table that an entry leads to. None is ever given back. */
static uint64_t *below(uint64_t *entry, uint32_t level)
{
    if (*entry == 0) {
        if (lower_free == 0)
            panic_because(PANIC_NO_ROOM, level, (const char *[]){", tables of the IOMMU", 0});
        uint8_t *table = lower_tables + (uint64_t)--lower_free * PAGE_BYTES;
        bytes_wipe(table, PAGE_BYTES);
        *entry = frozen_hpa(table) | kind->pass | level * kind->level_step;
    }
    return (uint64_t *)((*entry & PTE_FRAME) - frozen_base + HYPERVISOR_BASE);
}

void iommu_share(uint64_t page, bool is_shared)
{
    if (unit_count == 0 || page >> (12 + 9 * unit_levels) != 0)     /* out of its reach */
        return;
    uint64_t *table = unit_top;
    for (uint32_t level = unit_levels; level > 1; level--)
        table = below(&table[page >> (12 + 9 * (level - 1)) & (ENTRIES - 1)], level - 1);
    table[page >> 12 & (ENTRIES - 1)] = is_shared ? page | kind->pass : 0;
    for (uint32_t i = 0; i < unit_count; i++)
        kind->forget(units[i]);
}

uint32_t unit_read32(uint64_t base, uint32_t offset)
{
    return *(volatile uint32_t *)memory_device(base + offset);
}

uint64_t unit_read64(uint64_t base, uint32_t offset)
{
    return *(volatile uint64_t *)memory_device(base + offset);
}

void unit_write32(uint64_t base, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)memory_device(base + offset) = value;
}

void unit_write64(uint64_t base, uint32_t offset, uint64_t value)
{
    *(volatile uint64_t *)memory_device(base + offset) = value;
}

void unit_wait(uint64_t base, uint32_t offset, uint32_t mask, uint32_t value)
{
    for (uint32_t i = 0; i < WAIT_READS; i++)
        if ((unit_read32(base, offset) & mask) == value)
            return;
    panic(PANIC_IOMMU, base);
}
