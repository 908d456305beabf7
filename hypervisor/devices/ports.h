/* ports.h — the ports that a guest may reach. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "devices/power.h"
#include "image.h"
#include "page.h"

/* A bit a port: 1 = it exits. As both vendors want it; AMD's is a page longer, since an access at
 * FFFFh looks beyond the ports (APM vol 2, 15.10.1, "I/O Permissions Map"). */
#define PORTS              0x10000u
#define PORTS_BITMAP_BYTES 0x3000u
extern uint8_t ports_bitmap[PORTS_BITMAP_BYTES] __attribute__((aligned(PAGE_BYTES)));

/* Fills in the bitmap, with the ports of ACPI's, and turns ACPI mode on. Uses the loader's identity
 * mapping. */
void ports_start(void);

/* The ACPI PM1a control port; 0: there is none. */
uint16_t ports_pm1a_control(void);

/* No exits for what the image declares either, IMAGE_PORTS ranges; filtered ports stay so. */
void ports_open(const struct port_range *declared);

/* Carries out an access that exited: `value` is what is written, or becomes what was read. */
void ports_access(struct port_access *access);
