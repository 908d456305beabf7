#include "ending.h"

#include "panic.h"
#include "platform.h"
#include "registers.h"
#include "serial.h"
#include "state.h"
#include "tracer.h"

#define PM1_SLP_EN   BIT(13)            /* ACPI 6.4, 4.8.3.2.1: enter the sleep state */
#define PM1_SLP_TYP  FIELD(12, 10)

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
    if (width == 1)
        out8(port, (uint8_t)value);
    else
        out16(port, (uint16_t)value);
    halt();
}

void ending_watch_port(uint16_t port, uint32_t width, uint32_t value)
{
    uint32_t offset = (uint32_t)port - guest.pm1a_control;
    if (guest.pm1a_control != 0 && offset < 2) {
        /* Every sleep state ends the run: DRAM without its keys is of no use to a machine that wakes up. */
        uint32_t control = value << 8 * offset;
        if (control & PM1_SLP_EN)
            end_by_port(ENDING_POWER_OFF, field_get(control, PM1_SLP_TYP), port, width, value);
    }
    bool pulses_reset = port == PORT_KEYBOARD && (value & 0xF1) == 0xF0;    /* F0h..FEh: bit 0 low resets */
    bool fast_reset = port == PORT_SYSTEM_CONTROL && (value & 1);
    bool chipset_reset = port == PORT_RESET_CONTROL && width == 1 && (value & 4);
    if (pulses_reset || fast_reset || chipset_reset)
        end_by_port(ENDING_RESET, port, port, 1, value);
}
