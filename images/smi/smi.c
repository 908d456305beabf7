/* smi.c — SMIs by the chipset's port, all 256, and by the local APIC, to the CPU itself. Finds ACPI
 * mode, for which firmware asks for one, on already.
 *
 * source  ACPI 6.4, 4.8.3.2.1 (PM1 control); Intel ICH, "APM_CNT"; Intel SDM (325462) vol 3,
 *         "Interrupt Command Register (ICR)" */
#include "apic.h"
#include "guest.h"
#include "machine.h"

#define APM_CONTROL 0xB2u
#define PM1_SCI_EN  1u
#define ICR_SMI     0x4200u     /* SMI, assert */

int main(void)
{
    for (uint32_t value = 0; value < 256; value++)
        out8(APM_CONTROL, (uint8_t)value);
    print("smi: the port does nothing\n");
    print_fact("smi: ACPI mode", in16((uint16_t)entry.pm1a_control) & PM1_SCI_EN);
    apic_send_self(ICR_SMI);
    for (uint32_t i = 0; i < 100000; i++)
        asm volatile("pause");
    print("smi: still here\n");
    return 0;
}
