/* source  Intel SDM (325462) vol 1, "Managing State Using the XSAVE Feature Set" and "Detection of
 *         AVX-512 Foundation Instructions"; AMD APM vol 2 (24593), "XFEATURE_ENABLED_MASK" */
#include "cpu/vectors.h"

#include "bytes.h"
#include "cpu/registers.h"
#include "cpu/vector_moves.h"

static _Alignas(64) uint8_t guest_vectors[ZMM_COUNT * ZMM_BYTES];
static uint64_t guest_xcr0;
/* Of XCR0: the registers that the cipher changes; 0: XMM only, by legacy encodings, which leave all
 * else alone and need no XCR0. */
static uint64_t lent;

/* What of XCR0's vector state the CPU has, and instructions for; 0: it has no XCR0. QEMU's models
 * have state whose instructions its translator lacks. */
static uint64_t offered(void)
{
    uint32_t features = cpuid(CPUID_FEATURES, 0).ecx;
    if (!(features & CPUID_1_ECX_XSAVE))
        return 0;
    uint32_t more = cpuid(CPUID_MORE_FEATURES, 0).ebx;
    uint64_t usable = XCR0_SSE | (features & CPUID_1_ECX_AVX ? XCR0_AVX : 0) |
                      (more & CPUID_7_EBX_AVX512F ? XCR0_AVX512 : 0);
    return cpuid(CPUID_XSTATE, 0).eax & usable;
}

void vectors_start(void)
{
    if (offered() == 0)
        return;
    write_cr4(read_cr4() | CR4_OSXSAVE);
    write_xcr0(XCR0_X87 | offered());
}

static void erase(void)
{
    uint64_t on = offered();
    if (on & XCR0_AVX512)
        zmm_clear();
    else if (on & XCR0_AVX)
        ymm_clear();
    else
        xmm_clear();
}

/* Other encodings zero a register above what they write, so that all of it is lent: a kernel on YMM
 * registers zeroes the upper halves of ZMM0-15. */
void vectors_give(bool is_wide)
{
    lent = is_wide ? offered() : 0;
    erase();
    if (offered() != 0)
        write_xcr0(XCR0_X87);
}

/* Bits that the guest has turned on stay on: AMX's tiles, say, are not touched. */
void vectors_save(void *)
{
    if (lent == 0) {
        xmm_save(guest_vectors);
        return;
    }
    guest_xcr0 = read_xcr0();
    if ((guest_xcr0 & lent) != lent)
        write_xcr0(guest_xcr0 | lent);
    if (lent & XCR0_AVX512)
        zmm_save(guest_vectors);
    else
        ymm_save(guest_vectors);
}

void vectors_restore(void *)
{
    if (lent == 0) {
        xmm_restore(guest_vectors);
        return;
    }
    if (lent & XCR0_AVX512)
        zmm_restore(guest_vectors);
    else
        ymm_restore(guest_vectors);
    if ((guest_xcr0 & lent) != lent)
        write_xcr0(guest_xcr0);
}

void vectors_clear(void)
{
    vectors_start();
    erase();
    bytes_wipe(guest_vectors, sizeof guest_vectors);
}
