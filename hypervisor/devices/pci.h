/* pci.h — PCI functions, as far as they could reach memory on their own. */
#pragma once

#include <stdint.h>

/* Clears Bus Master Enable of every PCI function: DRAM holds ciphertext that no device may touch.
 * Returns the highest function that there is: bus:8 device:5 function:3. */
uint32_t pci_stop_dma(void);
