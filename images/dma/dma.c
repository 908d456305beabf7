/* dma.c — looks for the IOMMU in the firmware's tables, and for the registers of a device that
 * masters the bus, QEMU's edu, where there is one.
 *
 * source  QEMU, docs/specs/edu.rst; PCI Local Bus 3.0, 3.2.2.3 and 6.1; ACPI 6.4, 5.2.5 to 5.2.7
 */
#include "guest.h"
#include "machine.h"

#define PCI_ADDRESS  0xCF8u
#define PCI_DATA     0xCFCu
#define PCI_COMMAND  0x04u
#define PCI_BAR0     0x10u
#define MEMORY_SPACE 2u
#define EDU          0x11E81234u
#define EDU_ID       0x010000EDu

static void out32(uint16_t port, uint32_t value)
{
    asm volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint32_t in32(uint16_t port)
{
    uint32_t value;
    asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static uint32_t pci_read(uint32_t device, uint32_t offset)
{
    out32(PCI_ADDRESS, 0x80000000u | device << 11 | offset);
    return in32(PCI_DATA);
}

/* The registers of the first edu on bus 0; null: there is none. */
static volatile uint32_t *find_edu(void)
{
    for (uint32_t device = 0; device < 32; device++) {
        if (pci_read(device, 0) != EDU)
            continue;
        uint32_t bar = pci_read(device, PCI_BAR0) & ~15u;
        uint32_t command = pci_read(device, PCI_COMMAND) & 0xFFFF;
        out32(PCI_DATA, command | MEMORY_SPACE);
        return (volatile uint32_t *)(uint64_t)bar;
    }
    return 0;
}

static uint64_t find_rsdp(void)
{
    for (uint64_t at = 0xE0000; at < 0x100000; at += 16)
        if (memcmp((const void *)at, "RSD PTR ", 8) == 0)
            return at;
    return 0;
}

static const char *iommu_table(void)
{
    uint64_t rsdp = find_rsdp();
    if (rsdp == 0)
        return "no RSDP\n";
    uint64_t rsdt = *(const uint32_t *)(rsdp + 16);
    for (uint64_t at = rsdt + 36; at < rsdt + *(const uint32_t *)(rsdt + 4); at += 4) {
        const void *table = (const void *)(uint64_t)*(const uint32_t *)at;
        if (memcmp(table, "DMAR", 4) == 0 || memcmp(table, "IVRS", 4) == 0)
            return "SHOWN\n";
    }
    return "none\n";
}

int main(void)
{
    print("dma: IOMMU's table: ");
    print(iommu_table());
    volatile uint32_t *edu = find_edu();
    if (edu != 0)
        print(*edu == EDU_ID ? "dma: the device's registers: REACHED\n"
                             : "dma: the device's registers: out of reach\n");
    print("dma: done\n");
    power_off();
}
