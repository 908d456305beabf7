#include "devices/ports.h"

#include "contract.h"
#include "cpu/bitmap.h"
#include "devices/acpi.h"
#include "devices/chipset.h"
#include "devices/pci.h"
#include "report/serial.h"
#include "report/tracer.h"

static uint16_t pm1a_control;       /* where the firmware names it; 0: nowhere */

/* What a guest may reach; all else is as if there were no device. First what is written only as the
 * hypervisor wants it: who looks at it, and where the register begins. Null: not filtered. */
static port_write *filter_of(uint32_t port, uint32_t *first)
{
    *first = port;
    switch (port) {
    case PORT_KEYBOARD_DATA:    return power_keyboard_data;
    case PORT_KEYBOARD:         return power_keyboard;
    case PORT_SYSTEM_CONTROL:   return power_system_control;
    case PORT_RESET_CONTROL:    return power_reset_control;
    case PCI_DATA ... PCI_DATA + PCI_DATA_BYTES - 1:
        *first = PCI_DATA;
        return pci_data;
    default:
        *first = pm1a_control;
        return pm1a_control != 0 && port - pm1a_control < PM1_BYTES ? power_pm1 : 0;
    }
}

/* Then what needs no exit: none of these reaches memory, and none raises an SMI. */
static const struct port_range open_ports[] = {
    {PORT_PIC1, 2}, {PORT_PIC2, 2}, {PORT_PIC_EDGES, 2},    /* interrupts, where there is no APIC */
    {PORT_TIMER, 4}, {PORT_SPEAKER, 1}, {PORT_RTC, 2},      /* time */
    {PORT_POST, 1},                                         /* nothing; writing it is a delay */
    {PORT_FPU, 2},                                          /* its interrupt's acknowledgement */
    {PORT_DISPLAY_MONO, 12}, {PORT_DISPLAY, 32},
    {COM1, UART_PORTS},                                     /* the guest's console */
    {PORT_FW_CFG, 2},                                       /* what QEMU tells of the machine */
    {PORT_PCI_ADDRESS, 4},
};

uint8_t ports_bitmap[PORTS_BITMAP_BYTES];

static void open_all(const struct port_range *ranges, uint32_t count)
{
    for (const struct port_range *range = ranges; range < ranges + count; range++)
        for (uint32_t i = 0, first; i < range->count && range->first + i < PORTS; i++)
            bitmap_set(ports_bitmap, range->first + i, filter_of(range->first + i, &first) != 0);
}

void ports_start(void)
{
    struct acpi_power acpi = acpi_power();
    pm1a_control = acpi.pm1a_control;
    __builtin_memset(ports_bitmap, 0xFF, sizeof ports_bitmap);
    open_all(open_ports, sizeof open_ports / sizeof open_ports[0]);
    open_all(acpi.open, ACPI_PORT_RANGES);
    /* ACPI mode is what a guest would want of SMIs. */
    if (acpi.smi_command != 0 && pm1a_control != 0 && !(port_in(pm1a_control, 1) & PM1_SCI_EN))
        port_out(acpi.smi_command, 1, acpi.acpi_enable);
    power_start(acpi.off_type);
}

uint16_t ports_pm1a_control(void)
{
    return pm1a_control;
}

void ports_open(const struct port_range *declared)
{
    open_all(declared, IMAGE_PORTS);
}

/* All bytes of it are offered, or none is. */
void ports_access(struct port_access *access)
{
    port_write *filters[sizeof access->value];
    uint32_t first[sizeof access->value];
    for (uint32_t i = 0; i < access->width; i++) {
        filters[i] = filter_of(access->port + i, &first[i]);
        if (filters[i] == 0 && bitmap_get(ports_bitmap, access->port + i)) {
            access->value = (uint32_t)(BIT(8 * access->width) - 1);
            tracer_count(COUNT_PORT_REFUSED, 0);
            return;
        }
    }
    for (uint32_t i = 0; i < access->width; i++) {
        if (filters[i] == 0 || (i > 0 && filters[i] == filters[i - 1]))
            continue;
        if (access->is_input && filters[i] != pci_data)
            continue;       /* reading them is harmless */
        if (!filters[i](access, first[i] - access->port))
            return;
    }
    if (access->is_input)
        access->value = port_in(access->port, access->width);
    else
        port_out(access->port, access->width, access->value);
}
