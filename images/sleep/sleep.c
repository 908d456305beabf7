/* sleep.c — a sleep state from which the machine would wake up: SLP_TYP 1, which firmware names for
 * S3 on QEMU's PIIX4 and on Bochs's. S5's is 0 there.
 *
 * command line    type=N    this SLP_TYP: 2 is S4's, no state has those above
 *
 * source  ACPI 6.4, section 4.8.3.2 (PM1 control) */
#include "guest.h"
#include "machine.h"

#define PM1_SLP_EN  BIT(13)
#define PM1_SLP_TYP 10u    /* its lowest bit */
#define SLP_TYP_S3  1u

int main(void)
{
    uint64_t type = option("type", SLP_TYP_S3);
    print("sleep: now\n");
    out16((uint16_t)entry.pm1a_control, (uint16_t)(type << PM1_SLP_TYP | PM1_SLP_EN));
    print("sleep: still here\n");
    halt();
}
