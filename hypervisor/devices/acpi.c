#include "devices/acpi.h"

#include "devices/chipset.h"

static uint32_t load32(uint64_t physical)
{
    uint32_t value;
    __builtin_memcpy(&value, (const void *)physical, sizeof value);
    return value;
}

static uint64_t find_rsdp(uint64_t base, uint64_t end)
{
    for (uint64_t at = base; at + RSDP_BYTES <= end; at += 16) {
        uint8_t sum = 0;
        for (uint32_t i = 0; i < RSDP_BYTES; i++)
            sum = (uint8_t)(sum + *(const uint8_t *)(at + i));
        if (load32(at) == RSDP_SIGNATURE && load32(at + 4) == RSDP_SIGNATURE_END && sum == 0)
            return at;
    }
    return 0;
}

/* The first value of the package \_S5_, by its encoding: Name "_S5_", Package, PkgLength (its top
 * two bits: bytes that follow), NumElements, and a number in a byte or an opcode that means 0 or 1.
 * Not elsewhere than in the DSDT. */
static uint8_t find_off_type(uint64_t dsdt)
{
    uint32_t bytes = load32(dsdt + TABLE_LENGTH);
    if (dsdt == 0 || load32(dsdt) != DSDT_SIGNATURE || bytes > DSDT_BYTES_MAX)
        return SLP_TYP_UNKNOWN;
    for (uint64_t at = dsdt + TABLE_HEADER; at + AML_PACKAGE_BYTES <= dsdt + bytes; at++) {
        const uint8_t *aml = (const uint8_t *)at;
        if (load32(at) != AML_S5 || aml[4] != AML_PACKAGE)
            continue;
        aml += 7 + (aml[5] >> 6);
        uint8_t type = *aml == AML_BYTE ? aml[1] : *aml;
        return type <= SLP_TYP_MAX ? type : SLP_TYP_UNKNOWN;
    }
    return SLP_TYP_UNKNOWN;
}

/* Null: there is none. */
static uint64_t find_table(uint32_t signature)
{
    uint64_t ebda = (uint64_t)(load32(BDA_EBDA) & 0xFFFF) << 4;
    uint64_t rsdp = find_rsdp(RSDP_AREA_BASE, RSDP_AREA_END);
    if (rsdp == 0 && ebda != 0)
        rsdp = find_rsdp(ebda, ebda + EBDA_SCAN_BYTES);
    uint64_t rsdt = rsdp != 0 ? load32(rsdp + RSDP_RSDT) : 0;
    if (rsdt == 0)
        return 0;
    for (uint32_t at = TABLE_HEADER; at + 4 <= load32(rsdt + TABLE_LENGTH); at += 4) {
        uint64_t table = load32(rsdt + at);
        if (load32(table) == signature)
            return table;
    }
    return 0;
}

struct acpi_power acpi_power(void)
{
    uint64_t fadt = find_table(FADT_SIGNATURE);
    if (fadt == 0)
        return (struct acpi_power){0, SLP_TYP_UNKNOWN};
    return (struct acpi_power){(uint16_t)load32(fadt + FADT_PM1A_CONTROL),
                               find_off_type(load32(fadt + FADT_DSDT))};
}

uint32_t acpi_cpus(void)
{
    uint64_t madt = find_table(MADT_SIGNATURE);
    uint32_t cpus = 0, bytes = 0;
    for (uint32_t at = MADT_ENTRIES; madt != 0 && at + 4 <= load32(madt + TABLE_LENGTH);
         at += bytes) {
        uint32_t head = load32(madt + at);
        uint32_t flags = (uint8_t)head == MADT_APIC ? load32(madt + at + MADT_APIC_FLAGS)
                         : (uint8_t)head == MADT_X2APIC ? load32(madt + at + MADT_X2APIC_FLAGS) : 0;
        cpus += flags & MADT_ENABLED;
        bytes = head >> 8 & 0xFF;
        if (bytes == 0)
            break;
    }
    return cpus;
}
