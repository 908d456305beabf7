#include "devices/ports.h"

#include "contract.h"
#include "devices/acpi.h"
#include "devices/chipset.h"
#include "report/serial.h"

/* First those that are as if there were no device: without a handler. */
static struct port_row {
    uint16_t first, count;
    port_write *write;
} port_table[] = {
    {COM2, UART_PORTS, 0},
    {PORT_KEYBOARD_DATA, 1, power_keyboard_data},
    {PORT_KEYBOARD, 1, power_keyboard},
    {PORT_SYSTEM_CONTROL, 1, power_system_control},
    {PORT_RESET_CONTROL, 1, power_reset_control},
    {0, 0, power_pm1},      /* ports_start fills it in, where there is such a port */
};
#define PORT_ROWS (sizeof port_table / sizeof port_table[0])
#define PM1A_ROW  (&port_table[PORT_ROWS - 1])

void ports_start(void)
{
    struct acpi_power acpi = acpi_power();
    uint16_t control = acpi.pm1a_control;
    *PM1A_ROW = (struct port_row){control, control != 0 ? PM1_BYTES : 0, power_pm1};
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
    for (const struct port_row *row = port_table; row < port_table + PORT_ROWS; row++) {
        if (access->is_input && row->write != 0)
            break;          /* reading them is harmless */
        if (access->port >= row->first + row->count || row->first >= access->port + access->width)
            continue;
        if (row->write == 0) {
            access->value = (uint32_t)(BIT(8 * access->width) - 1);
            return;
        }
        if (!row->write(access, (uint32_t)(row->first - access->port)))
            return;
    }
    if (access->is_input)
        access->value = port_in(access->port, access->width);
    else
        port_out(access->port, access->width, access->value);
}
