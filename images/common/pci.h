/* pci.h — PCI configuration of bus 0. PCI Local Bus 3.0, 3.2.2.3 and 6.1. */
#pragma once
#include <stdint.h>

#define PCI_ADDRESS   0xCF8u
#define PCI_DATA      0xCFCu
#define PCI_COMMAND   0x04u
#define PCI_BAR0      0x10u
#define PCI_NONE      0xFFFFFFFFu
#define PCI_FUNCTIONS 256u
#define MEMORY_SPACE  2u
#define BUS_MASTER    4u
#define EDU           0x11E81234u   /* QEMU, docs/specs/edu.rst */
#define EDU_ID        0x010000EDu

static inline void out32(uint16_t port, uint32_t value)
{
    asm volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint32_t in32(uint16_t port)
{
    uint32_t value;
    asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t pci_read(uint32_t function, uint32_t offset)
{
    out32(PCI_ADDRESS, 0x80000000u | function << 8 | offset);
    return in32(PCI_DATA);
}

static inline void pci_write(uint32_t function, uint32_t offset, uint32_t value)
{
    out32(PCI_ADDRESS, 0x80000000u | function << 8 | offset);
    out32(PCI_DATA, value);
}

/* Physical address of the registers of the first edu; 0: there is none. `enable`: what is turned on
 * of the command register. */
static inline uint64_t pci_find_edu(uint32_t enable)
{
    for (uint32_t function = 0; function < PCI_FUNCTIONS; function++) {
        if (pci_read(function, 0) != EDU)
            continue;
        uint64_t registers = pci_read(function, PCI_BAR0) & ~15u;
        uint32_t command = pci_read(function, PCI_COMMAND) & 0xFFFF;
        pci_write(function, PCI_COMMAND, command | enable);
        return registers;
    }
    return 0;
}
