/* apic.h — the local APIC, as far as guests send themselves something.
 *
 * source  Intel SDM (325462) vol 3, "Interrupt Command Register (ICR)" */
#pragma once
#include <stdint.h>

#define LOCAL_APIC     UINT64_C(0xFEE00000)
#define APIC_ID        0x20u
#define APIC_EOI       0xB0u
#define APIC_SPURIOUS  0xF0u
#define APIC_ENABLED   0x100u
#define ICR_LOW        0x300u
#define ICR_HIGH       0x310u       /* destination, in its highest byte */

static inline volatile uint32_t *apic(uint32_t offset)
{
    return (volatile uint32_t *)(uintptr_t)(LOCAL_APIC + offset);
}

static inline void apic_send_self(uint32_t command)
{
    *apic(APIC_SPURIOUS) |= APIC_ENABLED;
    *apic(ICR_HIGH) = *apic(APIC_ID);
    *apic(ICR_LOW) = command;
}
