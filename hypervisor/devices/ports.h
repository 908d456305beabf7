/* ports.h — the ports that are watched: what ends the machine, what would close address lines, what
 * reaches memory or raises SMIs, and our own serial line. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "devices/power.h"

/* Finds the ports of ACPI's, and turns ACPI mode on. Uses the loader's identity mapping. */
void ports_start(void);

/* The ACPI PM1a control port; 0: there is none. */
uint16_t ports_pm1a_control(void);

/* Calls `watch` for each watched port. */
struct vcpu;
void ports_watch(void (*watch)(struct vcpu *vcpu, uint16_t port), struct vcpu *vcpu);

/* Carries out an access that touches watched ports: `value` is what is written, or becomes what was
 * read. */
void ports_access(struct port_access *access);
