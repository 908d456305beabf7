#include "devices/power.h"

#include "devices/acpi.h"
#include "devices/chipset.h"
#include "report/panic.h"

static bool output_port_next;
static uint8_t power_off_type;

void power_start(uint8_t off_type)
{
    power_off_type = off_type;
}

static uint8_t byte_of(const struct port_access *access, uint32_t at)
{
    return (uint8_t)(access->value >> 8 * at);
}

static void set_byte(struct port_access *access, uint32_t at, uint64_t byte)
{
    access->value ^= (uint32_t)(byte_of(access, at) ^ (uint8_t)byte) << 8 * at;
}

[[noreturn]] static void end(enum trace_ending ending, uint64_t subject,
                             const struct port_access *access)
{
    ending_close(ending, subject);
    port_out(access->port, access->width, access->value);
    halt();
}

[[noreturn]] static void reset(const struct port_access *access, uint32_t at)
{
    end(ENDING_RESET, access->port + at, access);
}

/* Every sleep state ends the run: DRAM without its keys is of no use to a machine that wakes up. So
 * one that would is powered off. */
bool power_pm1(struct port_access *access, uint32_t at)
{
    uint32_t second = at + 1;
    if (second >= access->width || !(byte_of(access, second) & PM1_SLP_EN))
        return true;
    uint64_t type = field_get(byte_of(access, second), PM1_SLP_TYP);
    if (power_off_type == SLP_TYP_UNKNOWN || type == power_off_type)
        end(ENDING_POWER_OFF, type, access);
    set_byte(access, second, PM1_SLP_EN | power_off_type * (PM1_SLP_TYP & -PM1_SLP_TYP));
    end(ENDING_SLEEP, type, access);
}

/* A closed A20 gate takes address bit 20 from the hypervisor as well, on machines that still have
 * one: nested paging comes before it. So it stays open. */
bool power_keyboard_data(struct port_access *access, uint32_t at)
{
    uint8_t byte = byte_of(access, at);
    if (output_port_next && !(byte & OUTPUT_RUN))
        reset(access, at);
    if (output_port_next)
        set_byte(access, at, byte | OUTPUT_A20);
    output_port_next = false;
    return true;
}

bool power_keyboard(struct port_access *access, uint32_t at)
{
    uint8_t byte = byte_of(access, at);
    if ((byte & COMMAND_PULSE_MASK) == COMMAND_PULSE)
        reset(access, at);
    if (byte == COMMAND_CLOSE_A20)
        set_byte(access, at, COMMAND_OPEN_A20);
    output_port_next = byte == COMMAND_WRITE_OUTPUT;
    return true;
}

bool power_system_control(struct port_access *access, uint32_t at)
{
    uint8_t byte = byte_of(access, at);
    if (byte & SYSTEM_CONTROL_RESET)
        reset(access, at);
    set_byte(access, at, byte | SYSTEM_CONTROL_A20);
    return true;
}

/* A write that begins at the port resets, whatever its width. One that begins before it reaches the
 * register on some chipsets and not on others; on none may it reset the machine before the keys are
 * erased. */
bool power_reset_control(struct port_access *access, uint32_t at)
{
    if (at != 0)
        return access->port == PORT_PCI_ADDRESS && access->width == 4;
    if (byte_of(access, at) & RESET_CONTROL_RESET)
        reset(access, at);
    return true;
}
