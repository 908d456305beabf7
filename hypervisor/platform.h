/* platform.h — the little that the hypervisor must know of the machine around the CPU. */
#pragma once
#include <stdint.h>

#define PORT_KEYBOARD_DATA  0x60u   /* after command D1h, the controller's output port: bit 0 resets, bit 1 is A20 */
#define PORT_KEYBOARD       0x64u   /* command FEh and its like pulse the reset line */
#define PORT_SYSTEM_CONTROL 0x92u   /* bit 0 resets, bit 1 is A20 */
#define PORT_RESET_CONTROL  0xCF9u  /* bit 2 resets; also the second byte of ... */
#define PORT_PCI_ADDRESS    0xCF8u  /* ... PCI configuration's address, written as one dword */

/* The ACPI PM1a control port, from the FADT; 0 when there is none. Uses the loader's identity mapping. */
uint16_t platform_pm1a_control(void);

/* Clears Bus Master Enable of every PCI function: DRAM holds ciphertext that no device may touch. */
void platform_stop_dma(void);
