#include "guest/e820.h"

#include "residency/memory_map.h"
#include "residency/residency.h"

static void put(uint8_t *table, uint32_t *count, uint64_t base, uint64_t end, uint32_t type)
{
    if (base >= end || *count == BOOT_PARAMS_E820_MAX)
        return;
    struct e820_entry entry = {.base = base, .bytes = end - base, .type = type};
    __builtin_memcpy(table + (*count)++ * BOOT_PARAMS_E820_BYTES, &entry, BOOT_PARAMS_E820_BYTES);
}

void e820_fill(uint64_t boot_params, const struct boot_info *boot)
{
    uint8_t *page = residency_page(boot_params, true);
    uint8_t *table = page + BOOT_PARAMS_E820_TABLE;
    uint32_t count = 0;

    for (uint32_t i = 0; i < memory_map.ram_ranges; i++) {
        struct memory_range range = memory_map.ram[i];
        /* only where the firmware gives it away too */
        for (uint32_t j = 0; j < boot->e820_count; j++) {
            const struct e820_entry *given = &boot->e820[j];
            uint64_t end = given->base + given->bytes;
            if (given->type == E820_RAM)
                put(table, &count, given->base > range.base ? given->base : range.base,
                    end < range.end ? end : range.end, E820_RAM);
        }
    }
    for (uint32_t i = 0; i < memory_map.hidden_ranges; i++)    /* nothing else may be put there */
        put(table, &count, memory_map.hidden[i].base, memory_map.hidden[i].end, E820_RESERVED);
    for (uint32_t i = 0; i < boot->e820_count; i++) {
        const struct e820_entry *given = &boot->e820[i];
        if (given->type != E820_RAM)
            put(table, &count, given->base, given->base + given->bytes, given->type);
    }
    page[BOOT_PARAMS_E820_ENTRIES] = (uint8_t)count;
    __builtin_memcpy(page + BOOT_PARAMS_RSDP, &boot->rsdp, sizeof boot->rsdp);
}
