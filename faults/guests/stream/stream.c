/* stream.c — stores to its own memory past the cache, as the memory copies of common libraries do.
 *
 * source  AMD APM vol 3 (24594), MOVNTI; AMD APM vol 4 (26568), MOVNTDQ, MASKMOVDQU */
#include "guest.h"

#define LINE_BYTES 64u

static _Alignas(PAGE_BYTES) uint8_t secret[PAGE_BYTES];

int main(void)
{
    memset(secret, 0x5A, sizeof secret);
    asm volatile("movnti %1, (%0)" : : "r"(secret), "r"(UINT64_C(0x0123456789ABCDEF)) : "memory");
    asm volatile("movntdq %%xmm0, (%0)" : : "r"(secret + LINE_BYTES) : "memory");
    asm volatile("maskmovdqu %%xmm0, %%xmm0" : : "D"(secret + 2 * LINE_BYTES) : "memory");
    print("stream: done\n");
    return 0;
}
