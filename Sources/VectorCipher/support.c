/* support.c — which of the kernels this CPU, and this system, can run. */
#include <cpuid.h>

#include "vector_cipher.h"

#define XCR0_AVX    0x06u   /* SSE, AVX */
#define XCR0_AVX512 0xE6u   /* and opmask, upper halves of ZMM0-15, ZMM16-31 */

/* XCR0: which registers the system saves. XGETBV exists when OSXSAVE is set. */
static uint32_t saved_state(void)
{
    unsigned int eax, ebx, ecx, edx;

    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || !(ecx & bit_OSXSAVE))
        return 0;
    __asm__("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return eax;
}

static bool has(uint32_t wanted_ebx, uint32_t wanted_state)
{
    const unsigned int wanted_ecx = bit_VAES | bit_VPCLMULQDQ;
    unsigned int eax, ebx, ecx, edx;

    return gcm_supported() && (saved_state() & wanted_state) == wanted_state &&
           __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0
               && (ebx & wanted_ebx) == wanted_ebx &&
           (ecx & wanted_ecx) == wanted_ecx;
}

bool vaes256_supported(void)
{
    return has(bit_AVX2, XCR0_AVX);
}

bool vaes512_supported(void)
{
    return has(bit_AVX512F | bit_AVX512BW | bit_AVX512VL, XCR0_AVX512);
}
