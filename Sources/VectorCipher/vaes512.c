/* vaes512.c — four blocks to a register. Needs AVX-512 F, BW and VL, VAES, VPCLMULQDQ. */
#include <immintrin.h>

#include "vector_cipher.h"

#pragma clang attribute push(                                                                      \
    __attribute__((target("avx512f,avx512bw,avx512vl,vaes,vpclmulqdq,aes,pclmul"))),               \
    apply_to = function)

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

VEC(void vec_wipe(void))
{
    __asm__ volatile(
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n\t"
        "vpxor %%xmm\\n, %%xmm\\n, %%xmm\\n\n\t.endr\n\t"
        ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n\t"
        "vpxord %%xmm\\n, %%xmm\\n, %%xmm\\n\n\t.endr\n\t"
        "vzeroupper"
        : : : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
            "xmm9", "xmm10",
          "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20",
              "xmm21",
          "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
}

#include "kernel.h"

#define PAGE_BYTES  4096u
#define GROUPS      (PAGE_BYTES / GROUP_BYTES)
#define LEAD        2u      /* groups by which sealing leads: the first lines of the page wanted are
                               on their way */
#define LINE_BYTES  64u

INLINE void prefetch_group(const uint8_t *in)
{
    UNROLL for (size_t i = 0; i < GROUP_BYTES / LINE_BYTES; i++)
        _mm_prefetch((const char *)in + i * LINE_BYTES, _MM_HINT_T0);
}

/* The lengths of a page and its 16 bytes of additional data, and the mask. */
INLINE __m128i page_tag(struct flow *flow, const uint8_t *nonce)
{
    static const struct message page = {.bytes = PAGE_BYTES, .aad_bytes = 16};

    add_product(&flow->sum, vec_from(lengths(&page)), vec_all(flow->key->last[N]));
    return _mm_xor_si128(reverse_one(vec_fold(reduce(&flow->sum))),
                         encrypt_counter(flow->key, nonce, 1));
}

INLINE struct flow page_start(const struct vector_key *key, const uint8_t *nonce,
                              const uint8_t *aad)
{
    return flow_start(key, nonce, reverse_one(_mm_loadu_si128((const __m128i_u *)aad)));
}

__attribute__((noinline))
static bool swap_page(const struct vector_key *in_key, const struct vector_key *out_key,
                      const struct vector_swap *swap)
{
    struct flow seal = page_start(out_key, swap->out_nonce, swap->out_aad);
    struct flow open = page_start(in_key, swap->in_nonce, swap->in_aad);
    uint8_t *slot = swap->slot;
    size_t lead = LEAD * GROUP_BYTES;

    for (size_t at = 0; at < PAGE_BYTES + lead; at += GROUP_BYTES) {
        if (at < PAGE_BYTES) {
            const uint8_t *powers = at + GROUP_BYTES == PAGE_BYTES
                ? out_key->last[0] : out_key->each[0];

            prefetch_group(swap->in + at);
            group_step(&seal, slot + at, swap->out + at, powers, SEAL, true, NULL);
        }
        if (at >= lead) {
            const uint8_t *powers = at + GROUP_BYTES == PAGE_BYTES + lead
                ? in_key->last[0] : in_key->each[0];

            group_step(&open, swap->in + at - lead, slot + at - lead, powers, OPEN, false, NULL);
        }
    }
    hash_pending(&seal, out_key->last[0]);
    _mm_storeu_si128((__m128i_u *)swap->out_tag, page_tag(&seal, swap->out_nonce));
    return is_equal(page_tag(&open, swap->in_nonce), swap->in_tag);
}

bool vaes512_swap(const struct vector_key *in_key, const struct vector_key *out_key,
                  const struct vector_swap *swap)
{
    bool genuine = swap_page(in_key, out_key, swap);

    vec_wipe();
    if (!genuine)
        bytes_wipe(swap->slot, PAGE_BYTES);
    return genuine;
}

#pragma clang attribute pop
