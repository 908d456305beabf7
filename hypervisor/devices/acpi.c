#include "devices/acpi.h"

#include "devices/chipset.h"

static struct root_table {      /* RSDT or XSDT */
    uint64_t base;              /* 0: there is none */
    uint32_t entry_bytes;
} root;

static uint32_t load32(uint64_t physical)
{
    uint32_t value;
    __builtin_memcpy(&value, (const void *)physical, sizeof value);
    return value;
}

uint32_t acpi_bytes(uint64_t table)
{
    return load32(table + TABLE_LENGTH);
}

static uint64_t load64(uint64_t physical)
{
    return load32(physical) | (uint64_t)load32(physical + 4) << 32;
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

static bool is_reached(uint64_t table)
{
    return table != 0 && table < IDENTITY_END - TABLE_BYTES_MAX &&
           acpi_bytes(table) <= TABLE_BYTES_MAX;
}

/* Each table that the root names; 0: no more, or none that can be read. */
static uint64_t table_at(uint32_t number)
{
    uint64_t entry = root.base + TABLE_HEADER + (uint64_t)number * root.entry_bytes;
    if (root.base == 0 || entry + root.entry_bytes > root.base + acpi_bytes(root.base))
        return 0;
    uint64_t table = root.entry_bytes == 8 ? load64(entry) : load32(entry);
    return is_reached(table) ? table : root.base;       /* which has no signature of interest */
}

uint64_t acpi_find(uint32_t signature)
{
    uint64_t table;
    for (uint32_t i = 0; (table = table_at(i)) != 0; i++)
        if (load32(table) == signature)
            return table;
    return 0;
}

static uint64_t find_dsdt(void)
{
    uint64_t fadt = acpi_find(FADT_SIGNATURE);
    if (fadt == 0)
        return 0;
    uint64_t wide = acpi_bytes(fadt) >= FADT_X_DSDT + 8 ? load64(fadt + FADT_X_DSDT) : 0;
    uint64_t dsdt = wide != 0 ? wide : load32(fadt + FADT_DSDT);
    return is_reached(dsdt) && load32(dsdt) == DSDT_SIGNATURE ? dsdt : 0;
}

/* A byte of a table, with the checksum as before. */
static void change(uint64_t table, uint64_t at, uint8_t value)
{
    uint8_t *byte = (uint8_t *)at, *checksum = (uint8_t *)(table + TABLE_CHECKSUM);
    *checksum = (uint8_t)(*checksum + *byte - value);
    *byte = value;
}

/* The package \_Sn_ behind `at`, by its encoding: Name "_Sn_", Package, PkgLength, NumElements and
 * the elements. 0: none. */
static uint64_t find_sleep(uint64_t table, uint64_t at, uint32_t name)
{
    for (; at + AML_PACKAGE_BYTES <= table + acpi_bytes(table); at++)
        if (load32(at) == name && *(const uint8_t *)(at + 4) == AML_PACKAGE)
            return at;
    return 0;
}

static void hide_sleep(uint64_t table)
{
    for (uint32_t state = 1; state <= 4; state++) {
        uint64_t at = table + TABLE_HEADER;
        while ((at = find_sleep(table, at, AML_S0 + (state << 16))) != 0)
            change(table, at, UNUSED_LETTER);
    }
}

static uint64_t find_bios_rsdp(void)
{
    uint64_t ebda = (uint64_t)(load32(BDA_EBDA) & 0xFFFF) << 4;
    uint64_t rsdp = find_rsdp(RSDP_AREA_BASE, RSDP_AREA_END);
    return rsdp == 0 && ebda != 0 ? find_rsdp(ebda, ebda + EBDA_SCAN_BYTES) : rsdp;
}

void acpi_start(uint64_t rsdp)
{
    rsdp = rsdp != 0 ? find_rsdp(rsdp, rsdp + RSDP_BYTES) : find_bios_rsdp();
    if (rsdp == 0)
        return;
    bool has_xsdt = *(const uint8_t *)(rsdp + RSDP_REVISION) >= 2 && load64(rsdp + RSDP_XSDT) != 0;
    uint64_t base = has_xsdt ? load64(rsdp + RSDP_XSDT) : load32(rsdp + RSDP_RSDT);
    if (is_reached(base))
        root = (struct root_table){base, has_xsdt ? 8 : 4};
}

void acpi_hide(void)
{
    uint64_t table;
    for (uint32_t i = 0; (table = table_at(i)) != 0; i++) {
        uint32_t signature = load32(table);
        if (signature == HPET_SIGNATURE || signature == DMAR_SIGNATURE ||
            signature == IVRS_SIGNATURE)
            change(table, table, UNUSED_LETTER);
        if (signature == SSDT_SIGNATURE)
            hide_sleep(table);
    }
    uint64_t dsdt = find_dsdt();
    if (dsdt != 0)
        hide_sleep(dsdt);
}

/* The first element of \_S5_: a number in a byte, or an opcode that means 0 or 1. The top two bits
 * of PkgLength tell the bytes that follow its first. */
static uint8_t off_type(uint64_t dsdt)
{
    uint64_t at = dsdt != 0 ? find_sleep(dsdt, dsdt + TABLE_HEADER, AML_S0 + (5 << 16)) : 0;
    if (at == 0)
        return SLP_TYP_UNKNOWN;
    const uint8_t *aml = (const uint8_t *)at;
    aml += 7 + (aml[5] >> 6);
    uint8_t type = *aml == AML_BYTE ? aml[1] : *aml;
    return type <= SLP_TYP_MAX ? type : SLP_TYP_UNKNOWN;
}

struct acpi_power acpi_power(void)
{
    uint64_t fadt = acpi_find(FADT_SIGNATURE);
    if (fadt == 0)
        return (struct acpi_power){.off_type = SLP_TYP_UNKNOWN};
    return (struct acpi_power){
        .pm1a_control = (uint16_t)load32(fadt + FADT_PM1A_CONTROL),
        .off_type = off_type(find_dsdt()),
        .smi_command = (uint16_t)load32(fadt + FADT_SMI_COMMAND),
        .acpi_enable = (uint8_t)load32(fadt + FADT_ACPI_ENABLE),
        .open = {
            {(uint16_t)load32(fadt + FADT_PM1A_EVENTS), PM1_EVENT_BYTES},
            {(uint16_t)load32(fadt + FADT_TIMER), PM_TIMER_BYTES},
            {(uint16_t)load32(fadt + FADT_GPE0), (uint8_t)load32(fadt + FADT_GPE0_BYTES)}}};
}

uint32_t acpi_hide_others(uint32_t own_id)
{
    uint64_t madt = acpi_find(MADT_SIGNATURE), end = madt != 0 ? madt + acpi_bytes(madt) : 0;
    uint32_t others = 0, bytes = 0;
    for (uint64_t at = madt + MADT_ENTRIES; at + 4 <= end; at += bytes) {
        uint32_t head = load32(at), type = head & 0xFF;
        uint32_t id = type == MADT_X2APIC ? load32(at + MADT_X2APIC_ID) : head >> 24;
        uint64_t flags = at + (type == MADT_X2APIC ? MADT_X2APIC_FLAGS : MADT_APIC_FLAGS);
        if ((type == MADT_APIC || type == MADT_X2APIC) && load32(flags) != 0 && id != own_id) {
            others += load32(flags) & MADT_ENABLED;
            change(madt, flags, 0);
        }
        bytes = head >> 8 & 0xFF;
        if (bytes == 0)
            break;
    }
    return others;
}
