/* reset.c — the chipset's reset port is the second byte of PCI configuration's address. A dword
 * there is an address, whatever its bits; a byte or a word that begins at the port resets. */
#include "guest.h"
#include "machine.h"

#define PORT_PCI_ADDRESS 0xCF8u
#define PORT_RESET       0xCF9u
#define PCI_ENABLE       0x80000000u
#define RESET_BITS       0x06u          /* SYS_RST, RST_CPU; one byte up, as an address, device 0's
                                           function 6 */

int main(void)
{
    asm volatile("outl %0, %w1" : : "a"(PCI_ENABLE | RESET_BITS << 8), "Nd"(PORT_PCI_ADDRESS));
    print("reset: the PCI address register is no reset port\n");
    print("reset: now\n");
    asm volatile("outw %w0, %w1" : : "a"(RESET_BITS), "Nd"(PORT_RESET));
    print("reset: still here\n");
    return 0;
}
