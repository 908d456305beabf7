/* tables.c — reads ROMs and ACPI tables again and again, with most of memory touched in between:
 * they must stay what they were, whatever happens to the DRAM that the firmware put them in.
 *
 * source  ACPI 6.4, 5.2.5 (RSDP, in the BIOS's ROM), 5.2.6 to 5.2.9 (table header, RSDT, FADT);
 *         FNV-1a, by Fowler, Noll and Vo, a word at a time */
#include "acpi.h"
#include "guest.h"

#define ROM_BASE         0xC0000u
#define ROM_END          0x100000u
#define AML_PACKAGE      0x12
#define MADT_ENTRIES     44u
#define MADT_ENABLED     1u          /* of the flags of a local APIC (type 0) */
#define TABLE_BYTES_MAX  0x20000u
#define FNV_PRIME        UINT64_C(0x100000001B3)
#define TOUCHED_PAGES    2048u      /* several times what the region has slots for */

static uint64_t sum, bytes_read;
static uint64_t shown, wrong, cpus;

static void add(uint64_t base, uint64_t bytes)
{
    for (uint64_t at = base; at < base + bytes; at += sizeof(uint32_t))
        sum = (sum ^ acpi_load32(at)) * FNV_PRIME;
    bytes_read += bytes;
}

/* Whole words of it: what follows a table's end is the firmware's too. */
static void add_table(uint64_t table)
{
    uint32_t bytes = acpi_load32(table + ACPI_LENGTH);
    if (bytes >= ACPI_ENTRIES && bytes <= TABLE_BYTES_MAX)
        add(table, bytes);
}

static uint64_t read_all(void)
{
    sum = bytes_read = 0;
    add(ROM_BASE, ROM_END - ROM_BASE);
    acpi_each(add_table);
    return sum;
}

/* Tables of devices that are out of reach, and packages of sleep states that are not offered. */
static uint64_t hidden_in(uint64_t table)
{
    uint64_t found = acpi_is(table, "HPET") + acpi_is(table, "DMAR") + acpi_is(table, "IVRS");
    bool is_aml = acpi_is(table, "DSDT") || acpi_is(table, "SSDT");
    for (uint64_t at = table; is_aml && at + 5 <= table + acpi_load32(table + ACPI_LENGTH); at++) {
        const char *name = (const char *)at;
        found += name[0] == '_' && name[1] == 'S' && name[2] >= '1' && name[2] <= '4' &&
                 name[3] == '_' && name[4] == AML_PACKAGE;
    }
    return found;
}

static uint64_t checksum(uint64_t table)
{
    uint8_t sum_of_bytes = 0;
    for (uint64_t at = table; at < table + acpi_load32(table + ACPI_LENGTH); at++)
        sum_of_bytes += *(const uint8_t *)at;
    return sum_of_bytes;
}

static void count_cpus(uint64_t madt)
{
    uint8_t bytes = 0;
    for (uint64_t at = madt + MADT_ENTRIES; at < madt + acpi_load32(madt + ACPI_LENGTH); at += bytes) {
        bytes = ((const uint8_t *)at)[1];
        if (bytes == 0)
            return;
        if (*(const uint8_t *)at == 0)
            cpus += acpi_load32(at + 4) & MADT_ENABLED;
    }
}

static void look_at(uint64_t table)
{
    if (acpi_is(table, "APIC"))
        count_cpus(table);
    shown += hidden_in(table);
    wrong += checksum(table) != 0;
}

static void touch_memory(void)
{
    uint64_t page = (uint64_t)image_end;
    for (uint32_t i = 0; i < TOUCHED_PAGES && page < entry.ram_end; i++, page += PAGE_BYTES)
        (*(volatile uint64_t *)page)++;
}

int main(void)
{
    uint64_t rounds = option("rounds", 2), first = read_all();
    print_fact("tables: bytes", bytes_read);
    acpi_each(look_at);
    print_fact("tables: of what is out of reach", shown);
    print_fact("tables: with a wrong checksum", wrong);
    print_fact("tables: CPUs", cpus);
    touch_memory();
    print("tables: ready\n");
    for (uint64_t round = 0; round < rounds; round++) {
        touch_memory();
        if (read_all() != first) {
            print("tables: changed\n");
            return 0;
        }
    }
    print(bytes_read > ROM_END - ROM_BASE ? "tables: unchanged\n" : "tables: none\n");
    return 0;
}
