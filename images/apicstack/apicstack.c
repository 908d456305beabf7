/* apicstack.c — has the CPU push an exception's frame where the local APIC is. Its registers take
 * what a MOV stores, and nothing else: the fault that is owed for it would be pushed there too.
 *
 * source  AMD APM vol 2 (24593), "Double-Fault Exception" and "Shutdown" */
#include "apic.h"
#include "guest.h"
#include "traps.h"

int main(void)
{
    traps_start();
    *apic(APIC_SPURIOUS) |= APIC_ENABLED;       /* the page has been written: it is mapped */
    print("apicstack: now\n");
    asm volatile("mov %0, %%rsp; ud2" : : "r"(apic(0xFF0)) : "memory");
    __builtin_unreachable();
}
