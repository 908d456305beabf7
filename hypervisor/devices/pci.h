/* pci.h — PCI functions, as far as they could reach memory on their own. */
#pragma once

/* Clears Bus Master Enable of every PCI function: DRAM holds ciphertext that no device may
 * touch. */
void pci_stop_dma(void);
