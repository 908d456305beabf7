/* gcm_vaes512.h — four blocks to a register. Needs AVX-512 F, BW and VL, VAES, VPCLMULQDQ. */
#pragma once
#include <immintrin.h>

#include "gcm.h"

#define VAES512_TARGET "avx512f,avx512bw,avx512vl,vaes,vpclmulqdq,aes,pclmul"
#pragma clang attribute push(__attribute__((target(VAES512_TARGET))), apply_to = function)

#define LANES         4u
#define VEC_BROADCAST "vbroadcasti32x4"
#define VEC_REGISTER  "v"
#define VEC(call)     static inline __attribute__((always_inline)) call
#define NAME(call)    vaes512_##call

typedef __m512i vec;

VEC(vec vec_zero(void)) { return _mm512_setzero_si512(); }
VEC(vec vec_from(__m128i a)) { return _mm512_zextsi128_si512(a); }
VEC(vec vec_spread(__m128i a)) { return _mm512_broadcast_i32x4(a); }
VEC(__m128i vec_first(vec a)) { return _mm512_castsi512_si128(a); }
VEC(vec vec_load(const void *from)) { return _mm512_loadu_si512(from); }
VEC(void vec_store(void *to, vec a)) { _mm512_storeu_si512(to, a); }
VEC(void vec_stream(void *to, vec a)) { _mm512_stream_si512(to, a); }
VEC(vec vec_xor(vec a, vec b)) { return _mm512_xor_si512(a, b); }
VEC(vec vec_xor3(vec a, vec b, vec c)) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
VEC(vec vec_add(vec a, vec b)) { return _mm512_add_epi32(a, b); }
VEC(vec vec_bytes(vec a, const void *order)) { return _mm512_shuffle_epi8(a, vec_load(order)); }
VEC(vec vec_swap_halves(vec a)) { return _mm512_shuffle_epi32(a, 0x4E); }
VEC(vec vec_up(vec a)) { return _mm512_bslli_epi128(a, 8); }
VEC(vec vec_down(vec a)) { return _mm512_bsrli_epi128(a, 8); }
VEC(vec vec_aesenc(vec a, vec k)) { return _mm512_aesenc_epi128(a, k); }
VEC(vec vec_aesenclast(vec a, vec k)) { return _mm512_aesenclast_epi128(a, k); }
#define vec_multiply(a, b, halves) _mm512_clmulepi64_epi128(a, b, halves)

VEC(__m128i vec_fold(vec a))
{
    __m256i half = _mm256_xor_si256(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));

    return _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

static inline __attribute__((always_inline)) void vec_wipe(void)
{
    __asm__ volatile(
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n\t"
        "vpxor %%xmm\\n, %%xmm\\n, %%xmm\\n\n\t.endr\n\t"
        ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n\t"
        "vpxord %%xmm\\n, %%xmm\\n, %%xmm\\n\n\t.endr\n\t"
        "vzeroupper"
        : : : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
            "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18",
            "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",
            "xmm28", "xmm29", "xmm30", "xmm31");
}

#include "gcm_vector_groups.h"

#pragma clang attribute pop
