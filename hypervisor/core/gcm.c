/* gcm.c — which kernel, and the way to it.
 *
 *   source  Intel SDM vol 1 (325462), "Detection of VEX-Encoded AES and VPCLMULQDQ", "Detection of
 *           AVX-512 Foundation Instructions"
 */
#include "gcm.h"

#include <cpuid.h>

static const struct gcm_kernel *const kernels[] = {&gcm_vaes512, &gcm_vaes256, &gcm_aesni};

/* XCR0: the registers that the system saves. */
static uint32_t state_on(void)
{
    uint32_t eax, edx;

    __asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return eax;
}

static bool is_supported(const struct gcm_kernel *kernel)
{
    const uint32_t wanted = bit_AES | bit_PCLMUL | bit_SSSE3 | bit_SSE4_1;
    uint32_t eax, ebx, ecx, edx;

    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & wanted) != wanted)
        return false;
    if (kernel->state == 0)
        return true;
    return (ecx & bit_OSXSAVE) && (state_on() & kernel->state) == kernel->state &&
           __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 &&
           (ebx & kernel->ebx) == kernel->ebx && (ecx & kernel->ecx) == kernel->ecx;
}

const struct gcm_kernel *gcm_kernel_find(enum gcm_cipher wanted)
{
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++)
        if ((wanted == GCM_ANY || wanted == kernels[i]->id) && is_supported(kernels[i]))
            return kernels[i];
    return NULL;
}

void gcm_key_expand(const struct gcm_kernel *kernel, struct gcm_key *key,
                    const uint8_t raw[GCM_KEY_BYTES])
{
    key->kernel = kernel;
    kernel->expand(key, raw);
}

void gcm_seal(const struct gcm_key *key, const uint8_t nonce[GCM_NONCE_BYTES], const void *aad,
              size_t aad_bytes, const void *in, void *out, size_t bytes, uint8_t tag[GCM_TAG_BYTES])
{
    key->kernel->seal(key, nonce, aad, aad_bytes, in, out, bytes, tag);
}

bool gcm_open(const struct gcm_key *key, const uint8_t nonce[GCM_NONCE_BYTES], const void *aad,
              size_t aad_bytes, const void *in, void *out, size_t bytes,
              const uint8_t tag[GCM_TAG_BYTES])
{
    return key->kernel->open(key, nonce, aad, aad_bytes, in, out, bytes, tag);
}
