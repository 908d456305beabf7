#include "devices/pci.h"

#include "devices/chipset.h"
#include "report/tracer.h"

static bool dma_allowed;

/* Of one function: base addresses whose size the guest is asking for, a bit each by its dword, and
 * what it reads there meanwhile. */
static struct {
    uint32_t function;
    uint64_t asked;
    uint32_t answer[PCI_ROM_BASE / 4 + 1];
} sizing;

static uint32_t pci_read(uint32_t function, uint32_t offset)
{
    out32(PORT_PCI_ADDRESS, PCI_ENABLE | function << 8 | offset);
    return in32(PCI_DATA);
}

static void write_command(uint32_t function, uint32_t command)
{
    out32(PORT_PCI_ADDRESS, PCI_ENABLE | function << 8 | PCI_COMMAND);
    out32(PCI_DATA, command);
}

/* What a base address reads after `value`. */
static uint32_t ask(uint32_t function, uint32_t offset, uint32_t value)
{
    uint32_t base = pci_read(function, offset);
    out32(PCI_DATA, value);
    uint32_t answer = in32(PCI_DATA);
    out32(PCI_DATA, base);
    return answer;
}

static void find_windows(uint32_t function, pci_window *found)
{
    for (uint32_t offset = PCI_BAR_FIRST; offset <= PCI_BAR_LAST; offset += 4) {
        uint64_t base = pci_read(function, offset);
        uint64_t size = ask(function, offset, UINT32_MAX) | ~(uint64_t)UINT32_MAX;
        if (base & PCI_BAR_IO)
            continue;
        if ((base & PCI_BAR_WIDE) && offset < PCI_BAR_LAST) {
            offset += 4;
            base |= (uint64_t)pci_read(function, offset) << 32;
            size &= (uint64_t)ask(function, offset, UINT32_MAX) << 32 | UINT32_MAX;
        }
        base &= ~PCI_BAR_MEMORY;
        size = -(size & ~PCI_BAR_MEMORY);
        if (base != 0)
            found(base, base + size);
    }
}

uint32_t pci_stop_dma(pci_window *found)
{
    uint32_t last = 0;
    port_out(PORT_DMA1_MASKS, 1, DMA_MASK_ALL);
    port_out(PORT_DMA2_MASKS, 1, DMA_MASK_ALL);
    for (uint32_t device = 0; device < PCI_DEVICES; device++) {
        uint32_t first = device * 8;    /* bus:8 device:5 function:3 */
        if ((pci_read(first, PCI_VENDOR) & 0xFFFF) == PCI_NO_DEVICE)
            continue;
        uint32_t functions = pci_read(first, PCI_HEADER_TYPE) & PCI_MULTIFUNCTION ? 8 : 1;
        for (uint32_t function = first; function < first + functions; function++) {
            if ((pci_read(function, PCI_VENDOR) & 0xFFFF) == PCI_NO_DEVICE)
                continue;
            /* The status register above it is cleared by ones. */
            uint32_t command = pci_read(function, PCI_COMMAND) & 0xFFFF & ~(uint32_t)PCI_BUS_MASTER;
            if (found != 0 && pci_read(function, PCI_CLASS) >> 24 != CLASS_BRIDGE) {
                write_command(function, command & ~PCI_DECODE);
                find_windows(function, found);
            }
            write_command(function, command);
            last = function;
        }
    }
    return last;
}

void pci_allow_dma(void)
{
    dma_allowed = true;
}

static bool is_base(uint32_t offset)
{
    return (offset >= PCI_BAR_FIRST && offset <= PCI_BAR_LAST) || offset == PCI_ROM_BASE;
}

static bool is_asked(uint32_t function, uint32_t offset)
{
    return function == sizing.function && sizing.asked & BIT(offset / 4);
}

/* A base address stays where the firmware put it. By writing ones the guest asks how large it is,
 * and reads the answer there until it writes something else. */
static bool write_base(uint32_t function, uint32_t offset, uint32_t value)
{
    if (sizing.function != function)
        sizing.asked = 0;
    sizing.function = function;
    sizing.asked &= ~BIT(offset / 4);
    if ((value | PCI_BASE_FLAGS) != UINT32_MAX)
        return value == pci_read(function, offset);
    sizing.answer[offset / 4] = ask(function, offset, value);
    sizing.asked |= BIT(offset / 4);
    return true;
}

/* Bytes of a register from `lane` on; false: not all was written that should have been. */
static bool write_register(uint32_t function, uint32_t offset, uint32_t lane,
                           const struct port_access *access)
{
    uint32_t value = access->value;
    /* What a bridge has decides who reaches what: which memory is ROM or SMRAM, which port puts the
     * machine to sleep, which bus lies where. */
    if (offset != PCI_COMMAND && pci_read(function, PCI_CLASS) >> 24 == CLASS_BRIDGE)
        return false;
    if (is_base(offset))
        return access->width == 4 && write_base(function, offset, value);
    if (offset == PCI_COMMAND && lane == 0 && !dma_allowed)
        value &= ~(uint32_t)PCI_BUS_MASTER;
    out32(PORT_PCI_ADDRESS, PCI_ENABLE | function << 8 | offset);
    port_out((uint16_t)(PCI_DATA + lane), access->width, value);
    return value == access->value;
}

bool pci_data(struct port_access *access, uint32_t at)
{
    uint32_t address = in32(PORT_PCI_ADDRESS), lane = -at;      /* behind the first data port */
    uint32_t function = address >> 8 & 0xFFFF, offset = address & PCI_REGISTER;
    bool is_register = lane < PCI_DATA_BYTES && lane + access->width <= PCI_DATA_BYTES &&
                       (address & PCI_NOT_REGISTER) == PCI_ENABLE;

    if (access->is_input) {
        if (!is_register || !is_asked(function, offset))
            return true;
        access->value = (uint32_t)(sizing.answer[offset / 4] >> 8 * lane &
                                   (BIT(8 * access->width) - 1));
        return false;
    }
    if (!is_register || !write_register(function, offset, lane, access))
        tracer_count(COUNT_PCI_REFUSED, 0);
    out32(PORT_PCI_ADDRESS, address);
    return false;
}
