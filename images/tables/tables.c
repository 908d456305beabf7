/* tables.c — reads ROMs and ACPI tables again and again, with most of memory touched in between:
 * they must stay what they were, whatever happens to the DRAM that the firmware put them in.
 *
 * source  ACPI 6.4, 5.2.12 (MADT), 19.6.101 (packages) */
#include "firmware.h"
#include "guest.h"

#define AML_PACKAGE      0x12
#define MADT_ENTRIES     44u
#define MADT_ENABLED     1u          /* of the flags of a local APIC (type 0) */
#define TOUCHED_PAGES    2048u      /* several times what the region has slots for */

static uint64_t shown, wrong, cpus;

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
    uint64_t rounds = option("rounds", 2), first = firmware_sum();
    print_fact("tables: bytes", firmware_bytes);
    acpi_each(look_at);
    print_fact("tables: of what is out of reach", shown);
    print_fact("tables: with a wrong checksum", wrong);
    print_fact("tables: CPUs", cpus);
    touch_memory();
    print("tables: ready\n");
    for (uint64_t round = 0; round < rounds; round++) {
        touch_memory();
        if (firmware_sum() != first) {
            print("tables: changed\n");
            return 0;
        }
    }
    print(firmware_bytes > ROM_END - ROM_BASE ? "tables: unchanged\n" : "tables: none\n");
    return 0;
}
