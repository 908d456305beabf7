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

uint16_t acpi_pm1a_control(void)
{
    uint64_t ebda = (uint64_t)(load32(BDA_EBDA) & 0xFFFF) << 4;
    uint64_t rsdp = find_rsdp(RSDP_AREA_BASE, RSDP_AREA_END);
    if (rsdp == 0 && ebda != 0)
        rsdp = find_rsdp(ebda, ebda + EBDA_SCAN_BYTES);
    if (rsdp == 0)
        return 0;
    uint64_t rsdt = load32(rsdp + RSDP_RSDT);
    for (uint32_t at = TABLE_HEADER; at + 4 <= load32(rsdt + TABLE_LENGTH); at += 4) {
        uint64_t table = load32(rsdt + at);
        if (load32(table) == FADT_SIGNATURE)
            return (uint16_t)load32(table + FADT_PM1A_CONTROL);
    }
    return 0;
}
