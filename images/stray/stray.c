/* stray.c — touches memory that it does not have: the hypervisor must stop it.
 *
 * The RAM that begins at 1 MiB ends where the hypervisor's own memory begins: the homes of the
 * integrity tree, then the frozen region. */
#include "guest.h"

int main(void)
{
    volatile uint64_t *last = (volatile uint64_t *)(entry.ram_end - sizeof(uint64_t));
    volatile uint64_t *stray = (volatile uint64_t *)entry.ram_end;

    *last = 1;
    print_fact("stray: the last word that is ours holds", *last);
    print("stray: touching the first that is not\n");
    print_fact("stray: FAILED: read", *stray);
    return 1;
}
