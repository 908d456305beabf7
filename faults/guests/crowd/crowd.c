/* crowd.c — cleans lines of its own memory, makes the firmware's memory cacheable, and reads enough of that to fill
 * every set beyond its ways: the clean lines go without a trace on the bus.
 *
 * source  AMD APM vol 2 (24593), Fixed-Range MTRRs; AMD APM vol 3 (24594), CLWB */
#include "guest.h"
#include "machine.h"

#define LINE_BYTES     64u
#define PAGES          32u
#define FIRMWARE_START UINT64_C(0xC0000)
#define FIRMWARE_END   UINT64_C(0x100000)
#define ALL_WRITE_BACK UINT64_C(0x0606060606060606)

static _Alignas(PAGE_BYTES) uint8_t secret[PAGES * PAGE_BYTES];

int main(void)
{
    for (uint32_t i = 0; i < 8; i++)
        wrmsr(MSR_MTRR_FIX4K_C0000 + i, ALL_WRITE_BACK);
    memset(secret, 0x5A, sizeof secret);
    for (uint8_t *at = secret; at < secret + sizeof secret; at += LINE_BYTES)
        asm volatile("jmp 1f; 1: clwb (%0)" : : "r"(at) : "memory");
    for (uint64_t at = FIRMWARE_START; at < FIRMWARE_END; at += LINE_BYTES)
        *(const volatile uint8_t *)at;
    print("crowd: done\n");
    return 0;
}
