/* firmware.h — what firmware leaves for the guest to read: ROMs and ACPI tables.
 *
 * source  ACPI 6.4, 5.2.6 (table header); FNV-1a, by Fowler, Noll and Vo, a word at a time */
#pragma once
#include "acpi.h"
#include "guest.h"

#define ROM_BASE        0xC0000u
#define ROM_END         0x100000u
#define ROM_PAGES       ((ROM_END - ROM_BASE) / PAGE_BYTES)
#define FIRMWARE_TABLE_BYTES_MAX 0x20000u
#define FIRMWARE_PRIME  UINT64_C(0x100000001B3)

static uint64_t firmware_so_far, firmware_bytes;

static inline void firmware_add(uint64_t base, uint64_t bytes)
{
    for (uint64_t at = base; at < base + bytes; at += sizeof(uint32_t))
        firmware_so_far = (firmware_so_far ^ acpi_load32(at)) * FIRMWARE_PRIME;
    firmware_bytes += bytes;
}

/* Whole words of it: what follows a table's end is the firmware's too. */
static inline void firmware_add_table(uint64_t table)
{
    uint32_t bytes = acpi_load32(table + ACPI_LENGTH);
    if (bytes >= ACPI_ENTRIES && bytes <= FIRMWARE_TABLE_BYTES_MAX)
        firmware_add(table, bytes);
}

/* Of all that there is; `firmware_bytes` is how much that was. */
static inline uint64_t firmware_sum(void)
{
    firmware_so_far = firmware_bytes = 0;
    firmware_add(ROM_BASE, ROM_END - ROM_BASE);
    acpi_each(firmware_add_table);
    return firmware_so_far;
}
