/* disable.c — switches the cache off. Source: AMD APM vol 2 (24593), 3.1.1 (CR0 Register). */
#include "guest.h"
#include "machine.h"

#define CR0_CD BIT(30)

int main(void)
{
    uint64_t cr0;

    asm volatile("mov %%cr0, %0" : "=r"(cr0));
    asm volatile("mov %0, %%cr0" : : "r"(cr0 | CR0_CD) : "memory");
    print("disable: done\n");
    return 0;
}
