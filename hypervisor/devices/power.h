/* power.h — ports that power the machine down, reset it, or close its A20 gate; for ports.c. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct port_access {
    uint16_t port;
    uint8_t  width;         /* bytes: 1, 2, 4 */
    bool     is_input;
    uint32_t value;
};

/* `off_type`: SLP_TYP of S5, or SLP_TYP_UNKNOWN: every sleep counts as powering off. */
void power_start(uint8_t off_type);

/* Each looks at what is about to be written to a row's first port: byte `at` of the access, which
 * wraps where the access begins behind that port. It may change the byte, end the run and do the
 * write as the last thing, or return false: the write is not carried out. */
typedef bool port_write(struct port_access *access, uint32_t at);

port_write power_pm1;               /* ACPI's PM1a control */
port_write power_keyboard_data;     /* 60h */
port_write power_keyboard;          /* 64h */
port_write power_system_control;    /* 92h */
port_write power_reset_control;     /* CF9h */
