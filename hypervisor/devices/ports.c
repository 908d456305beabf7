#include "devices/ports.h"

#include "contract.h"
#include "devices/acpi.h"
#include "devices/chipset.h"
#include "devices/pci.h"
#include "report/serial.h"

/* Those without a handler are as if there were no device. */
static struct port_row {
    uint16_t first, count;
    port_write *write;
} port_table[] = {
    {COM2, UART_PORTS, 0},
    {PORT_DMA1, DMA1_PORTS, 0},
    {PORT_DMA2, DMA2_PORTS, 0},
    {PORT_FW_CFG_DMA, FW_CFG_DMA_PORTS, 0},
    {PORT_APM_CONTROL, 1, 0},
    {PORT_KEYBOARD_DATA, 1, power_keyboard_data},
    {PORT_KEYBOARD, 1, power_keyboard},
    {PORT_SYSTEM_CONTROL, 1, power_system_control},
    {PORT_RESET_CONTROL, 1, power_reset_control},
    {PCI_DATA, PCI_DATA_BYTES, pci_data},
    /* Where the firmware names them; ports_start fills them in. */
    {0, 0, 0},
    {0, 0, power_pm1},
};
#define PORT_ROWS (sizeof port_table / sizeof port_table[0])
#define SMI_ROW   (&port_table[PORT_ROWS - 2])
#define PM1A_ROW  (&port_table[PORT_ROWS - 1])

void ports_start(void)
{
    struct acpi_power acpi = acpi_power();
    uint16_t control = acpi.pm1a_control;
    *PM1A_ROW = (struct port_row){control, control != 0 ? PM1_BYTES : 0, power_pm1};
    *SMI_ROW = (struct port_row){acpi.smi_command, acpi.smi_command != 0, 0};
    /* ACPI mode is what a guest would want of SMIs. */
    if (acpi.smi_command != 0 && control != 0 && !(port_in(control, 1) & PM1_SCI_EN))
        port_out(acpi.smi_command, 1, acpi.acpi_enable);
    power_start(acpi.off_type);
}

uint16_t ports_pm1a_control(void)
{
    return PM1A_ROW->first;
}

void ports_watch(void (*watch)(struct vcpu *vcpu, uint16_t port), struct vcpu *vcpu)
{
    for (const struct port_row *row = port_table; row < port_table + PORT_ROWS; row++)
        for (uint16_t i = 0; i < row->count; i++)
            watch(vcpu, (uint16_t)(row->first + i));
}

void ports_access(struct port_access *access)
{
    uint32_t first = access->port, end = first + access->width;
    for (const struct port_row *row = port_table; row < port_table + PORT_ROWS; row++) {
        if (first >= (uint32_t)row->first + row->count || row->first >= end)
            continue;
        if (row->write == 0) {
            access->value = (uint32_t)(BIT(8 * access->width) - 1);
            return;
        }
        if (access->is_input && row->write != pci_data)
            continue;       /* reading them is harmless */
        if (!row->write(access, row->first - first))
            return;
    }
    if (access->is_input)
        access->value = port_in(access->port, access->width);
    else
        port_out(access->port, access->width, access->value);
}
