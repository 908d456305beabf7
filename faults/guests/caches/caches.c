/* caches.c — empties all caches, by each instruction there is.
 *
 * source  AMD APM vol 3 (24594), WBNOINVD, WBINVD, INVD */
#include "guest.h"
#include "machine.h"

static _Alignas(PAGE_BYTES) volatile uint8_t secret[PAGE_BYTES];

int main(void)
{
    secret[0] = 1;
    asm volatile("wbnoinvd" : : : "memory");
    secret[0] = 2;
    invd();
    secret[0] = 3;
    wbinvd();
    print_fact("caches: left", secret[0]);
    print("caches: done\n");
    return 0;
}
