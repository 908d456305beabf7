/* flush.c — pushes lines out of the cache by address, though CPUID denies this guest every such instruction; and
 * brings some back.
 *
 * source  AMD APM vol 3 (24594), CLFLUSH, CLFLUSHOPT, CLWB, PREFETCHW, PREFETCHlevel; Intel SDM (325462) vol 2,
 *         CLDEMOTE */
#include "guest.h"

#define LINE_BYTES 64u
#define GARBAGE    UINT64_C(0x500000000)

static _Alignas(PAGE_BYTES) uint8_t secret[PAGE_BYTES];

int main(void)
{
    memset(secret, 0x5A, sizeof secret);
    /* Each first after a jump: a listener that is told of jumps knows what the register holds. */
    asm volatile("jmp 1f; 1: clflush (%0)" : : "r"(secret) : "memory");
    asm volatile("jmp 1f; 1: clflushopt (%0)" : : "r"(secret + LINE_BYTES) : "memory");
    asm volatile("jmp 1f; 1: clwb (%0)" : : "r"(secret + 2 * LINE_BYTES) : "memory");
    asm volatile("jmp 1f; 1: cldemote (%0)" : : "r"(secret + 3 * LINE_BYTES) : "memory");
    asm volatile("jmp 1f; 1: clflush (%0); jmp 2f; 2: prefetcht0 (%0)" : : "r"(secret + 4 * LINE_BYTES) : "memory");
    asm volatile("jmp 1f; 1: clflush (%0); jmp 2f; 2: prefetchw (%0)" : : "r"(secret + 5 * LINE_BYTES) : "memory");
    /* Operands that a listener must not take for what the registers say. */
    asm volatile("clflush %%fs:(%0)" : : "r"(secret + 6 * LINE_BYTES) : "memory");
    asm volatile("addr32 clflush (%k0)" : : "r"(GARBAGE | (uintptr_t)(secret + 7 * LINE_BYTES)) : "memory");
    secret[0]++;
    print("flush: done\n");
    return 0;
}
