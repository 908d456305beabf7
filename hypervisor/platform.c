/* source  ACPI 6.4, sections 5.2.5 (RSDP), 5.2.7 (RSDT), 5.2.8 (XSDT), 5.2.9 (FADT), 4.8.3.2 (PM1 control);
 *         PCI Local Bus 3.0, sections 3.2.2.3 (configuration mechanism) and 6.2.2 (command register) */
#include "platform.h"

#include "registers.h"

#define RSDP_AREA_BASE  0xE0000u
#define RSDP_AREA_END   0x100000u
#define BDA_EBDA        0x40Eu      /* segment of the extended BIOS data area */
#define EBDA_SCAN_BYTES 1024u
#define RSDP_SIGNATURE  UINT64_C(0x2052545020445352)    /* "RSD PTR " */
#define RSDP_RSDT       16u
#define RSDP_BYTES      20u
#define TABLE_LENGTH    4u
#define TABLE_HEADER    36u
#define FADT_SIGNATURE  0x50434146u                     /* "FACP" */
#define FADT_PM1A_CONTROL 64u

#define PCI_DATA        0xCFCu
#define PCI_ENABLE      0x80000000u
#define PCI_COMMAND     0x04u
#define PCI_HEADER_TYPE 0x0Cu       /* byte 2 of this dword; bit 7: more functions */
#define PCI_BUS_MASTER  BIT(2)
#define PCI_NO_DEVICE   0xFFFFu

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
        if (load32(at) != (uint32_t)RSDP_SIGNATURE || load32(at + 4) != (uint32_t)(RSDP_SIGNATURE >> 32))
            continue;
        for (uint32_t i = 0; i < RSDP_BYTES; i++)
            sum = (uint8_t)(sum + *(const uint8_t *)(at + i));
        if (sum == 0)
            return at;
    }
    return 0;
}

uint16_t platform_pm1a_control(void)
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

static uint32_t pci_read(uint32_t function, uint32_t offset)
{
    out32(PORT_PCI_ADDRESS, PCI_ENABLE | function << 8 | offset);
    return in32(PCI_DATA);
}

void platform_stop_dma(void)
{
    for (uint32_t device = 0; device < 256 * 32; device++) {
        uint32_t first = device * 8;    /* bus:8 device:5 function:3 */
        if ((pci_read(first, 0) & 0xFFFF) == PCI_NO_DEVICE)
            continue;
        uint32_t functions = pci_read(first, PCI_HEADER_TYPE) & BIT(23) ? 8 : 1;
        for (uint32_t function = first; function < first + functions; function++) {
            if ((pci_read(function, 0) & 0xFFFF) == PCI_NO_DEVICE)
                continue;
            uint32_t command = pci_read(function, PCI_COMMAND) & 0xFFFF;   /* status, above, is write-1-to-clear */
            out32(PORT_PCI_ADDRESS, PCI_ENABLE | function << 8 | PCI_COMMAND);
            out32(PCI_DATA, command & ~(uint32_t)PCI_BUS_MASTER);
        }
    }
}
