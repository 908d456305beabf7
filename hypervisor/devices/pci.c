#include "devices/pci.h"

#include "devices/chipset.h"

static uint32_t pci_read(uint32_t function, uint32_t offset)
{
    out32(PORT_PCI_ADDRESS, PCI_ENABLE | function << 8 | offset);
    return in32(PCI_DATA);
}

uint32_t pci_stop_dma(void)
{
    uint32_t last = 0;
    for (uint32_t device = 0; device < PCI_DEVICES; device++) {
        uint32_t first = device * 8;    /* bus:8 device:5 function:3 */
        if ((pci_read(first, PCI_VENDOR) & 0xFFFF) == PCI_NO_DEVICE)
            continue;
        uint32_t functions = pci_read(first, PCI_HEADER_TYPE) & PCI_MULTIFUNCTION ? 8 : 1;
        for (uint32_t function = first; function < first + functions; function++) {
            if ((pci_read(function, PCI_VENDOR) & 0xFFFF) == PCI_NO_DEVICE)
                continue;
            /* The status register above it is cleared by ones. */
            uint32_t command = pci_read(function, PCI_COMMAND) & 0xFFFF;
            out32(PCI_DATA, command & ~(uint32_t)PCI_BUS_MASTER);
            last = function;
        }
    }
    return last;
}
