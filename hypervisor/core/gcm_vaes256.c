/* compiled alone: keys and plaintext pass through its registers and its stack */
/* gcm_vaes256.c — two blocks to a register. Needs AVX2, VAES, VPCLMULQDQ: for CPUs without
 * AVX-512. */
#include <cpuid.h>
#include <immintrin.h>

#include "gcm_kernel.h"

#pragma clang attribute push(__attribute__((target("avx2,vaes,vpclmulqdq,aes,pclmul"))), \
                             apply_to = function)

#define LANES         2u
#define VEC_BROADCAST "vbroadcasti128"
#define VEC_REGISTER  "x"
#define VEC(call)     static inline __attribute__((always_inline)) call
#define NAME(call)    vaes256_##call

typedef __m256i vec;

VEC(vec vec_zero(void)) { return _mm256_setzero_si256(); }
VEC(vec vec_from(__m128i a)) { return _mm256_zextsi128_si256(a); }
VEC(vec vec_spread(__m128i a)) { return _mm256_broadcastsi128_si256(a); }
VEC(__m128i vec_first(vec a)) { return _mm256_castsi256_si128(a); }
VEC(vec vec_load(const void *from)) { return _mm256_loadu_si256(from); }
VEC(void vec_store(void *to, vec a)) { _mm256_storeu_si256(to, a); }
VEC(void vec_stream(void *to, vec a)) { _mm256_stream_si256(to, a); }
VEC(vec vec_xor(vec a, vec b)) { return _mm256_xor_si256(a, b); }
VEC(vec vec_xor3(vec a, vec b, vec c)) { return vec_xor(vec_xor(a, b), c); }
VEC(vec vec_add(vec a, vec b)) { return _mm256_add_epi32(a, b); }
VEC(vec vec_swap_halves(vec a)) { return _mm256_shuffle_epi32(a, 0x4E); }
VEC(vec vec_up(vec a)) { return _mm256_bslli_epi128(a, 8); }
VEC(vec vec_down(vec a)) { return _mm256_bsrli_epi128(a, 8); }
VEC(vec vec_aesenc(vec a, vec k)) { return _mm256_aesenc_epi128(a, k); }
VEC(vec vec_aesenclast(vec a, vec k)) { return _mm256_aesenclast_epi128(a, k); }
#define vec_multiply(a, b, halves) _mm256_clmulepi64_epi128(a, b, halves)

/* In assembly, so that the order stays in memory: registers are scarce. */
VEC(vec vec_bytes(vec a, const void *order))
{
    __asm__ volatile("vpshufb %1, %0, %0" : "+x"(a) : "m"(*(const vec *)order));
    return a;
}

VEC(__m128i vec_fold(vec a))
{
    return _mm_xor_si128(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
}

static inline __attribute__((always_inline)) void vec_wipe(void)
{
    __asm__ volatile("vzeroall" : : : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
                     "xmm6", "xmm7",
                     "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

#include "gcm_vector.h"

const struct gcm_kernel gcm_vaes256 = {
    .name = "vaes256", .id = GCM_VAES256, .ebx = bit_AVX2, .ecx = bit_VAES | bit_VPCLMULQDQ,
    .state = 0x06,      /* SSE, AVX */
    .expand = vaes256_expand, .seal = vaes256_seal, .open = vaes256_open,
};

#pragma clang attribute pop
