/* pci.h — PCI functions, as far as they could reach memory on their own. */
#pragma once

#include <stdint.h>

#include "devices/power.h"

/* Memory that a base address names. */
typedef void pci_window(uint64_t base, uint64_t end);

/* Clears Bus Master Enable of every PCI function, and masks the channels of the 8237: DRAM holds
 * ciphertext that no device may touch. Returns the highest function that there is:
 * bus:8 device:5 function:3. `found`, if not null, gets the memory of all but bridges. */
uint32_t pci_stop_dma(pci_window *found);

/* The guest may turn them on again: something stands before all of them. */
void pci_allow_dma(void);

/* The data ports of configuration mechanism 1: bus mastering stays off unless that is allowed, base
 * addresses and all that bridges have stay as they are. Writes by itself what it lets through. */
port_write pci_data;
