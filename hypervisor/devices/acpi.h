/* acpi.h — the one fact that the hypervisor needs of the firmware's tables. */
#pragma once
#include <stdint.h>

/* The PM1a control port, from the FADT; 0 when there is none. Uses the loader's identity
 * mapping. */
uint16_t acpi_pm1a_control(void);
