/* acpi.h — the firmware's ACPI tables.
 *
 * source  ACPI 6.4, 5.2.5 (RSDP, in the BIOS's ROM), 5.2.6 to 5.2.9 (table header, RSDT, FADT) */
#pragma once
#include "guest.h"

#define ACPI_LENGTH   4u        /* in a table: its bytes */
#define ACPI_ENTRIES  36u       /* in the RSDT: behind the header, an address of 32 bits a table */

static inline uint32_t acpi_load32(uint64_t address)
{
    uint32_t value;
    memcpy(&value, (const void *)address, sizeof value);
    return value;
}

static inline bool acpi_is(uint64_t table, const char *signature)
{
    return memcmp((const void *)table, signature, 4) == 0;
}

/* 0: there is none. */
static inline uint64_t acpi_rsdp(void)
{
    for (uint64_t at = 0xE0000; at < 0x100000; at += 16)
        if (memcmp((const void *)at, "RSD PTR ", 8) == 0)
            return at;
    return 0;
}

/* The root table, each that it names, and the DSDT. */
static inline void acpi_each(void (*visit)(uint64_t table))
{
    uint64_t found = acpi_rsdp();
    if (found == 0)
        return;
    uint64_t rsdt = acpi_load32(found + 16), end = rsdt + acpi_load32(rsdt + ACPI_LENGTH);
    visit(rsdt);
    for (uint64_t entry = rsdt + ACPI_ENTRIES; entry + sizeof(uint32_t) <= end; entry += 4) {
        uint64_t table = acpi_load32(entry);
        visit(table);
        if (acpi_is(table, "FACP"))
            visit(acpi_load32(table + 40));
    }
}
