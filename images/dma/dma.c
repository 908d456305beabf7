/* dma.c — looks for the IOMMU in the firmware's tables, for what PCI configuration can be made to
 * do, and for the registers of a device that masters the bus, QEMU's edu, where there is one.
 *
 * source  QEMU, docs/specs/edu.rst and fw_cfg.rst; Intel 8237A; PCI Local Bus 3.0, 3.2.2.3, 6.1 and
 *         6.2.5; Intel 440FX (290549), "PAM Registers"; Intel Q35 (316966), "PAM0"
 */
#include "acpi.h"
#include "guest.h"
#include "machine.h"
#include "pci.h"

#define PCI_BARS     6u
#define PAM_440FX    0x58u              /* PAM0 is byte 1 of this dword */
#define PAM_Q35      0x90u              /* PAM0 is byte 0 */
#define PAM_BITS     0x3030u            /* reads and writes of the ROM's memory go to DRAM */
#define FW_CFG_DMA   0x514u             /* reads its signature, "QEMU CFG" */
#define DMA_ADDRESS  0x02u              /* of channel 1, a byte after the other */
#define DMA_FLIPFLOP 0x0Cu              /* a write: the next byte is the first */

/* What is read there after `value` was written; what stood there is put back. */
static uint32_t pci_try(uint32_t function, uint32_t offset, uint32_t value)
{
    uint32_t before = pci_read(function, offset);
    pci_write(function, offset, value);
    uint32_t after = pci_read(function, offset);
    pci_write(function, offset, before);
    return after;
}

static void try_configuration(void)
{
    uint32_t masters = 0, sized = 0, moved = 0, control = 0;
    for (uint32_t function = 0; function < PCI_FUNCTIONS; function++) {
        if (pci_read(function, 0) == PCI_NONE)
            continue;
        uint32_t command = pci_read(function, PCI_COMMAND) & 0xFFFF;
        masters += (pci_try(function, PCI_COMMAND, command | BUS_MASTER) & BUS_MASTER) != 0;
        for (uint32_t offset = PCI_BAR0; offset < PCI_BAR0 + 4 * PCI_BARS; offset += 4) {
            uint32_t base = pci_read(function, offset);
            uint32_t mask = pci_try(function, offset, UINT32_MAX) & ~15u;
            if (mask == 0 || mask == (base & ~15u))
                continue;
            sized++;
            moved += pci_try(function, offset, base ^ (mask & -mask)) != base;
            moved += pci_read(function, offset) != base;
        }
    }
    for (uint32_t offset = PAM_440FX; offset <= PAM_Q35; offset += PAM_Q35 - PAM_440FX) {
        uint32_t before = pci_read(0, offset);
        control += pci_try(0, offset, before ^ PAM_BITS) != before;
    }
    print(masters == 0 ? "dma: bus mastering: refused\n" : "dma: bus mastering: TURNED ON\n");
    print(sized != 0 ? "dma: base addresses: sized\n" : "dma: base addresses: none\n");
    print_fact("dma: base addresses moved", moved);
    print_fact("dma: registers of the chipset changed", control);
}

/* Whether an address of channel 1's can be set. */
static bool has_8237(void)
{
    out8(DMA_FLIPFLOP, 0);
    out8(DMA_ADDRESS, 0x5A);
    out8(DMA_ADDRESS, 0x36);
    out8(DMA_FLIPFLOP, 0);
    uint8_t first = in8(DMA_ADDRESS);
    return first == 0x5A && in8(DMA_ADDRESS) == 0x36;
}

static void try_ports(void)
{
    bool has_fw_cfg = in32(FW_CFG_DMA) == 0x554D4551;       /* "QEMU" */
    print(has_8237() ? "dma: the 8237: REACHED\n" : "dma: the 8237: out of reach\n");
    print(has_fw_cfg ? "dma: fw_cfg's DMA: REACHED\n" : "dma: fw_cfg's DMA: out of reach\n");
}

static bool has_iommu_table;

static void look_at(uint64_t table)
{
    has_iommu_table |= acpi_is(table, "DMAR") || acpi_is(table, "IVRS");
}

static const char *iommu_table(void)
{
    if (acpi_rsdp() == 0)
        return "no RSDP\n";
    acpi_each(look_at);
    return has_iommu_table ? "SHOWN\n" : "none\n";
}

int main(void)
{
    print("dma: IOMMU's table: ");
    print(iommu_table());
    try_configuration();
    try_ports();
    volatile uint32_t *edu = (volatile uint32_t *)pci_find_edu(MEMORY_SPACE);
    if (edu != 0)
        print(*edu == EDU_ID ? "dma: the device's registers: REACHED\n"
                             : "dma: the device's registers: out of reach\n");
    print("dma: done\n");
    power_off();
}
