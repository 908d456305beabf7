/* sleep.c — a sleep state from which the machine would wake up: SLP_TYP 1, which firmware names for
 * S3 on QEMU's PIIX4 and on Bochs's. S5's is 0 there.
 *
 * source  ACPI 6.4, section 4.8.3.2 (PM1 control) */
#include "guest.h"
#include "machine.h"

#define PM1_SLP_EN BIT(13)
#define PM1_S3     (UINT64_C(1) << 10)

int main(void)
{
    print("sleep: now\n");
    out16((uint16_t)entry.pm1a_control, (uint16_t)(PM1_S3 | PM1_SLP_EN));
    print("sleep: still here\n");
    halt();
}
