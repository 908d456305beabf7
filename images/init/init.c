/* init.c — sends itself an INIT by its local APIC, which would reset the CPU and leave memory as it
 * is.
 *
 * source  Intel SDM (325462) vol 3, "Interrupt Command Register (ICR)" */
#include "guest.h"
#include "machine.h"

#define LOCAL_APIC     UINT64_C(0xFEE00000)
#define APIC_ID        0x20u
#define APIC_SPURIOUS  0xF0u
#define APIC_ENABLED   0x100u
#define ICR_LOW        0x300u
#define ICR_HIGH       0x310u       /* destination, in its highest byte */
#define ICR_INIT       0x4500u      /* INIT, assert */

static volatile uint32_t *apic(uint32_t offset)
{
    return (volatile uint32_t *)(uintptr_t)(LOCAL_APIC + offset);
}

int main(void)
{
    print("init: now\n");
    *apic(APIC_SPURIOUS) |= APIC_ENABLED;
    *apic(ICR_HIGH) = *apic(APIC_ID);
    *apic(ICR_LOW) = ICR_INIT;
    for (uint32_t i = 0; i < 100000000; i++)
        asm volatile("pause");
    print("init: still here\n");
    return 0;
}
