#include "ending.h"

#include "panic.h"
#include "platform.h"
#include "registers.h"
#include "serial.h"
#include "state.h"
#include "tracer.h"

#define PM1_SLP_EN   BIT(13)            /* ACPI 6.4, 4.8.3.2.1: enter the sleep state */
#define PM1_SLP_TYP  FIELD(12, 10)

/* Intel 8042, as PCs wire it: commands to the controller, and its output port. */
#define COMMAND_WRITE_OUTPUT 0xD1u
#define COMMAND_CLOSE_A20    0xDDu
#define COMMAND_OPEN_A20     0xDFu
#define OUTPUT_RUN           BIT(0)     /* low: reset */
#define OUTPUT_A20           BIT(1)

[[noreturn]] void ending(enum trace_ending ending, uint64_t value)
{
    wipe_secrets();
    if (ending == ENDING_TRIPLE_FAULT)
        console_text("\r\nfrostvisor: the guest ended in a triple fault\r\n");
    serial_flush(COM1);
    tracer_end(ending, value);
    halt();
}

/* As `ending`, but the write that ends the machine is carried out as the last thing. */
[[noreturn]] static void end_by_port(enum trace_ending ending, uint64_t subject, uint16_t port, uint32_t width,
                                     uint32_t value)
{
    wipe_secrets();
    serial_flush(COM1);
    tracer_end(ending, subject);
    port_out(port, width, value);
    halt();
}

/* The byte that a write of `width` bytes at `port` puts to the port `at`; false when it does not reach it. */
static bool byte_for(uint16_t at, uint16_t port, uint32_t width, uint32_t value, uint8_t *byte)
{
    uint32_t offset = (uint32_t)at - port;      /* wraps when `at` lies below: then it is no offset either */
    if (offset >= width)
        return false;
    *byte = (uint8_t)(value >> 8 * offset);
    return true;
}

/* A closed A20 gate takes address bit 20 from the hypervisor as well, on machines that still have one: nested paging
 * comes before it. */
static uint32_t keep_a20_open(uint16_t port, uint32_t width, uint32_t value, bool is_output_port)
{
    for (uint32_t i = 0; i < width; i++) {
        uint8_t byte = (uint8_t)(value >> 8 * i), written = byte;
        if (port + i == PORT_SYSTEM_CONTROL || (port + i == PORT_KEYBOARD_DATA && is_output_port))
            written |= OUTPUT_A20;
        else if (port + i == PORT_KEYBOARD && byte == COMMAND_CLOSE_A20)
            written = COMMAND_OPEN_A20;
        value ^= (uint32_t)(byte ^ written) << 8 * i;
    }
    return value;
}

uint32_t ending_watch_port(uint16_t port, uint32_t width, uint32_t value)
{
    static bool output_port_next;
    bool is_output_port = output_port_next;
    uint8_t byte;
    /* Every sleep state ends the run: DRAM without its keys is of no use to a machine that wakes up. */
    if (guest.pm1a_control != 0 && byte_for((uint16_t)(guest.pm1a_control + 1), port, width, value, &byte)) {
        uint64_t control = (uint64_t)byte << 8;
        if (control & PM1_SLP_EN)
            end_by_port(ENDING_POWER_OFF, field_get(control, PM1_SLP_TYP), port, width, value);
    }
    if (byte_for(PORT_KEYBOARD_DATA, port, width, value, &byte)) {
        if (is_output_port && !(byte & OUTPUT_RUN))
            end_by_port(ENDING_RESET, PORT_KEYBOARD_DATA, port, width, value);
        output_port_next = false;
    }
    if (byte_for(PORT_KEYBOARD, port, width, value, &byte)) {
        if ((byte & 0xF1) == 0xF0)      /* F0h .. FEh: bit 0 low pulses the reset line */
            end_by_port(ENDING_RESET, PORT_KEYBOARD, port, width, value);
        output_port_next = byte == COMMAND_WRITE_OUTPUT;
    }
    if (byte_for(PORT_SYSTEM_CONTROL, port, width, value, &byte) && (byte & 1))
        end_by_port(ENDING_RESET, PORT_SYSTEM_CONTROL, port, width, value);
    bool is_pci_address = port == PORT_PCI_ADDRESS && width == 4;
    if (!is_pci_address && byte_for(PORT_RESET_CONTROL, port, width, value, &byte) && (byte & 4))
        end_by_port(ENDING_RESET, PORT_RESET_CONTROL, port, width, value);
    return keep_a20_open(port, width, value, is_output_port);
}
