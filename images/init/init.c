/* init.c — sends itself an INIT by its local APIC, which would reset the CPU and leave memory as it
 * is. It is not sent. */
#include "apic.h"
#include "guest.h"
#include "machine.h"

#define ICR_INIT 0x4500u      /* INIT, assert */

int main(void)
{
    print("init: now\n");
    apic_send_self(ICR_INIT);
    for (uint32_t i = 0; i < 100000; i++)
        asm volatile("pause");
    print("init: still here\n");
    return 0;
}
